#include "mail/page.hpp"

#include "crypto/html.hpp"
#include "mail/text.hpp"

namespace admit::mail {
namespace {

/// Styles stand on the elements, for programs that drop the rest; the sheet adds the dark and the narrow.
constexpr std::string_view style_sheet = R"(<style>
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (max-width:599px){
.outer{padding:0!important}
.card{border-radius:0!important;border-left:0!important;border-right:0!important}
.inner{padding:24px 20px!important}
.foot{padding:0 20px!important}
}
@media (prefers-color-scheme:dark){
.page{background:#111114!important}
.card{background:#1c1c21!important}
.card{border-left-color:#34343c!important;border-right-color:#34343c!important;border-bottom-color:#34343c!important}
.ink{color:#ececf1!important}
.soft{color:#a9a9b5!important}
.line{border-color:#34343c!important}
.quote{border-color:#6d6af0!important}
}
</style>
)";
constexpr std::string_view font =
    "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;";

std::string_view colour(Tone tone) {
  switch (tone) {
    case Tone::good:
      return "#0b7a4b";
    case Tone::plain:
      return "#4340c9";
    case Tone::bad:
      return "#b3261e";
  }
  return {};
}

/// `<TAG class="…" style="…">`
std::string open(std::string_view tag, std::string_view css_class, std::string_view style) {
  std::string out = "<";
  out += tag;
  if (!css_class.empty()) (out += " class=\"") += css_class, out += '"';
  (out += " style=\"") += style;
  return out += "\">";
}

std::string paragraph(std::string_view text, std::string_view css_class, std::string_view style) {
  return open("p", css_class, style) + crypto::html_text(text) + "</p>\n";
}

/// Rows of a name and its value; with `is_receipt` values are at the right and the last row is the sum.
std::string table(const std::vector<std::pair<std::string, std::string>>& rows, bool is_receipt) {
  const std::string cell =
      "padding:10px 0;vertical-align:top;font-size:15px;line-height:22px;border-top:1px solid #e4e4ea;";
  const std::string ink = cell + "color:#1a1a1f;";
  std::string out =
      "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\""
      " style=\"border-collapse:collapse;margin:0 0 24px\">\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string name = crypto::html_text(rows[i].first);
    const std::string value = crypto::html_text(rows[i].second);
    const std::string weight = i + 1 == rows.size() ? "font-weight:600;" : "";
    out += "<tr>";
    if (is_receipt) {
      out += open("td", "ink line", ink + weight) + name + "</td>";
      out += open("td", "ink line", ink + weight + "text-align:right;white-space:nowrap;padding-left:16px;") + value;
    } else {
      out += open("td", "soft line", cell + "color:#5f5f6b;width:30%;white-space:nowrap;padding-right:16px;") + name +
             "</td>";
      out += open("td", "ink line", ink) + value;
    }
    out += "</td></tr>\n";
  }
  return out += "</table>\n";
}

}  // namespace

std::string as_text(const Page& page) {
  std::string out = page.heading + "\n\n";
  if (!page.greeting.empty()) out += page.greeting + "\n\n";
  for (const auto& one : page.paragraphs) out += one + "\n\n";
  for (const auto& line : page.quote) out += "> " + line + "\n";
  if (!page.quote.empty()) out += '\n';
  for (const auto* rows : {&page.facts, &page.amounts}) {
    for (const auto& [name, value] : *rows) out += name + ": " + value + "\n";
    if (!rows->empty()) out += '\n';
  }
  if (!page.link.empty()) out += page.button + ":\n" + page.link + "\n\n";
  return out += "-- \n" + page.footer + "\n";
}

std::string as_html(const Page& page) {
  const std::string accent{colour(page.tone)};
  std::string out = "<!doctype html>\n<html lang=\"";
  out += crypto::html_text(page.language);
  out +=
      "\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta name=\"supported-color-schemes\" content=\"light dark\">\n"
      "<meta name=\"format-detection\" content=\"telephone=no,date=no,address=no\">\n<title>";
  out += crypto::html_text(page.heading) + "</title>\n";
  out += style_sheet;
  out += "</head>\n<body class=\"page\" style=\"margin:0;padding:0;background:#f3f3f6\">\n";
  // What a list of mails shows beside the subject.
  if (!page.paragraphs.empty())
    out +=
        "<div style=\"display:none;max-height:0;overflow:hidden\">" + crypto::html_text(page.paragraphs.front()) + "</div>\n";
  out +=
      "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\">"
      "<tr><td class=\"outer\" align=\"center\" style=\"padding:32px 16px\">\n";
  out +=
      "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" class=\"card\" "
      "style=\"max-width:560px;background:#ffffff;border:1px solid #e4e4ea;border-top:4px solid " +
      accent +
      ";border-radius:10px;text-align:left;\">"
      "<tr><td class=\"inner\" style=\"padding:32px 36px;overflow-wrap:anywhere;" +
      std::string{font} + "\">\n";
  out += open("h1", "ink", "margin:0 0 20px;font-size:24px;line-height:30px;font-weight:700;color:#1a1a1f") +
         crypto::html_text(page.heading) + "</h1>\n";
  constexpr std::string_view running = "margin:0 0 16px;font-size:16px;line-height:25px;color:#1a1a1f";
  if (!page.greeting.empty()) out += paragraph(page.greeting, "ink", running);
  for (const auto& one : page.paragraphs) out += paragraph(one, "ink", running);
  if (!page.quote.empty()) {
    out +=
        "<blockquote class=\"quote\" dir=\"auto\" style=\"margin:0 0 16px;padding:2px 0 2px 16px;border-left:3px solid "
        "#4340c9\">\n";
    for (const auto& line : page.quote)
      out += paragraph(line, "ink", "margin:0 0 8px;font-size:16px;line-height:25px;color:#1a1a1f");
    out += "</blockquote>\n";
  }
  if (!page.facts.empty() || !page.amounts.empty()) out += "<div style=\"height:8px;line-height:8px\"></div>\n";
  if (!page.facts.empty()) out += table(page.facts, false);
  if (!page.amounts.empty()) out += table(page.amounts, true);
  if (!page.link.empty()) {
    const std::string link = crypto::html_text(page.link);
    out += "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr><td bgcolor=\"" + accent +
           "\" style=\"border-radius:8px;background:" + accent + "\"><a href=\"" + link +
           "\" style=\"display:inline-block;padding:13px "
           "26px;font-size:16px;line-height:22px;font-weight:600;color:#ffffff;"
           "text-decoration:none;border-radius:8px\">" +
           crypto::html_text(page.button) + "</a></td></tr></table>\n";
  }
  out += "</td></tr></table>\n";
  out += paragraph(
      page.footer, "soft foot",
      "max-width:560px;margin:20px auto 0;font-size:13px;line-height:19px;color:#5f5f6b;" + std::string{font});
  return out += "</td></tr></table>\n</body>\n</html>\n";
}

}  // namespace admit::mail

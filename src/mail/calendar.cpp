#include "mail/calendar.hpp"

#include <string_view>

#include "mail/text.hpp"

namespace admit::mail {
namespace {

constexpr std::size_t limit_line_bytes = 75;  // RFC 5545 section 3.1, without the line end

/// Puts one content line, folded between characters.
void put_line(std::string& out, std::string_view line) {
  std::size_t used = 0;
  while (!line.empty()) {
    const auto size = character_size(line);
    if (used + size > limit_line_bytes) {
      out += "\r\n ";
      used = 1;
    }
    out += line.substr(0, size);
    used += size;
    line.remove_prefix(size);
  }
  out += "\r\n";
}

/// A TEXT value (section 3.3.11).
std::string escape_text(std::string_view text) {
  std::string out;
  for (bool is_first = true;; is_first = false) {
    const auto end = text.find('\n');
    if (!is_first) out += "\\n";
    for (const char c : one_line(text.substr(0, end), text.size())) {
      if (c == '\\' || c == ';' || c == ',') out += '\\';
      out += c;
    }
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

/// 20261121T180000Z
std::string utc_text(domain::Instant at) {
  std::string out;
  for (const char c : domain::text(at).substr(0, 19))
    if (c != '-' && c != ':') out += c;
  return out + 'Z';
}

}  // namespace

std::string calendar_media_type(const CalendarEvent& event) {
  return event.is_cancelled ? "text/calendar; charset=utf-8; method=CANCEL"
                            : "text/calendar; charset=utf-8; method=PUBLISH";
}

std::string calendar_file(const CalendarEvent& event) {
  std::string out;
  const auto put = [&](std::string_view name, std::string_view value) {
    put_line(out, std::string{name} + ':' + std::string{value});
  };
  put("BEGIN", "VCALENDAR");
  put("VERSION", "2.0");
  put("PRODID", "-//Admit//Tickets//EN");
  put("METHOD", event.is_cancelled ? "CANCEL" : "PUBLISH");
  put("BEGIN", "VEVENT");
  put("UID", escape_text(event.uid));
  put("DTSTAMP", utc_text(event.written_at));
  put("DTSTART", utc_text(event.starts_at));
  if (event.ends_at > event.starts_at) put("DTEND", utc_text(event.ends_at));
  put("SEQUENCE", std::to_string(event.version));
  put("STATUS", event.is_cancelled ? "CANCELLED" : "CONFIRMED");
  put("SUMMARY", escape_text(event.title));
  if (!event.place.empty()) put("LOCATION", escape_text(event.place));
  if (!event.description.empty()) put("DESCRIPTION", escape_text(event.description));
  // A URI is not escaped; without white space and controls it can end no line.
  if (!event.link.empty() && is_clean(event.link, false)) put("URL", event.link);
  put("END", "VEVENT");
  put("END", "VCALENDAR");
  return out;
}

}  // namespace admit::mail

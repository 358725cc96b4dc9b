// The pages: what a buyer sees, accounts, what an organiser needs of them. They are drawn here and do everything else over
// the HTTP interface, by the scripts in `web/`.

#include "api/pages.hpp"

#include <algorithm>
#include <kainjow/mustache.hpp>
#include <map>
#include <mutex>

#include "api/page_words.hpp"
#include "api/services.hpp"
#include "api/show_view.hpp"
#include "api/web_files.hpp"
#include "crypto/encoding.hpp"
#include "document/words.hpp"
#include "domain/catalogue.hpp"
#include "domain/links.hpp"
#include "domain/money.hpp"
#include "http/target.hpp"
#include "mail/calendar.hpp"

namespace admit::api {
namespace {

using http::Request;
using http::Response;
using kainjow::mustache::data;
using kainjow::mustache::mustache;

constexpr std::string_view html = "text/html; charset=utf-8";
constexpr std::size_t max_listed = 60;
constexpr std::size_t listed_at_once = 100;
constexpr int max_list_reads = 40;
constexpr int months_ahead = 12;
constexpr std::chrono::seconds list_kept{2};
/// Beyond this an exact number is nobody's business.
constexpr std::int64_t few_left = 20;

/// Which hosts the payment provider's script needs; nothing on any other page.
std::string policy(const std::string& payment_script) {
  std::string scripts, connections, frames, images, styles;
  if (payment_script.starts_with("https://js.stripe.com/")) {
    // docs.stripe.com/security/guide, "Content security policy"; the script
    // sets style attributes on its frames.
    scripts = " https://js.stripe.com https://*.js.stripe.com";
    connections = " https://api.stripe.com";
    frames = " https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com";
    images = " https://*.stripe.com";
    styles = "; style-src-attr 'unsafe-inline'";
  } else if (!payment_script.empty()) {
    scripts = connections = frames =
        " " + payment_script.substr(0, payment_script.find('/', payment_script.find("://") + 3));
  }
  return "default-src 'none'; script-src 'self'" + scripts + "; connect-src 'self'" + connections +
         (frames.empty() ? "" : "; frame-src" + frames) + "; img-src 'self' blob:" + images + "; style-src 'self'" +
         styles + "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
}

/// The template with the templates it names in it, so that each is read once.
std::string whole_template(std::string_view name) {
  std::string text(web_file(std::string(name) + ".mustache"));
  for (auto at = text.find("{{>"); at != std::string::npos; at = text.find("{{>", at)) {
    const auto end = text.find("}}", at);
    text.replace(at, end + 2 - at, whole_template(text.substr(at + 3, end - at - 3)));
  }
  return text;
}

std::string assets_version() {
  std::string all;
  for (const auto& file : web_files()) all.append(file.name).append(1, '\0').append(file.text).append(1, '\0');
  return crypto::base64url(crypto::sha256(all)).substr(0, 12);
}

std::string_view media_type(std::string_view name) {
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "";
}

/// A text that a template leaves out where it is empty.
void set_text(data& to, const std::string& name, const std::string& text) {
  to.set(name, text.empty() ? data(data::type::bool_false) : data(text));
}

data truth(bool is_so) {
  return data(is_so ? data::type::bool_true : data::type::bool_false);
}

class Pages {
 public:
  explicit Pages(Services& services)
      : x(services),
        x_assets(assets_version()),
        x_policy(policy("")),
        x_payment_policy(policy(services.settings.payment_script)) {
    for (const auto* name : {"shows", "show", "checkout", "order", "connect", "absent", "sign-in", "sign-up", "forgot", "link",
                             "account", "organiser"}) {
      mustache made(whole_template(name));
      if (!made.is_valid()) throw std::logic_error("web/" + std::string(name) + ".mustache: " + made.error_message());
      x_templates.emplace(name, std::move(made));
    }
  }

  Response shows(Request& request) {
    const auto& words = words_for(request, "");
    data view = base(request, words, words.page.at("shows"), "");
    data list(data::type::list);
    for (const auto& show : *on_sale()) {
      data item;
      describe(item, show, words);
      list.push_back(std::move(item));
    }
    view.set("shows", std::move(list));
    return page(200, "shows", view);
  }

  Response show(Request& request) {
    const auto id = domain::ShowId::parse(request.param("showId"));
    const auto found = id ? store::get<domain::Show>(x.store, *id) : std::nullopt;
    if (!found || found->status == domain::ShowStatus::draft) return absent(request);
    const auto& words = words_for(request, found->language);
    data view = base(request, words, found->title, "show.js");
    describe(view, *found, words);
    set_text(view, "notice", notice(*found, words));
    view.set("selling", truth(is_selling(*found)));
    view.set("most", std::to_string(found->max_tickets_per_registration));
    view.set("tiers", tiers(*found, words));
    set_text(view, "conditions", found->conditions);
    return page(200, "show", view);
  }

  /// What is private of a registration comes by the script, with the buyer's
  /// token; this page shows nothing that the show's page does not.
  Response of_registration(Request& request, const char* name, const std::string& script,
                           const std::string& content_policy) {
    const auto id = domain::RegistrationId::parse(request.param("registrationId"));
    const auto registration = id ? store::get<domain::Registration>(x.store, *id) : std::nullopt;
    const auto found = registration ? store::get<domain::Show>(x.store, registration->show_id) : std::nullopt;
    if (!found) return absent(request);
    const auto& words = words_for(request, found->language);
    data view = base(request, words, found->title, script);
    view.set("private", truth(true));
    view.set("registration", id->text());
    describe(view, *found, words);
    Response out = page(200, name, view);
    out.headers = headers(content_policy, "no-store");
    return out;
  }
  Response checkout(Request& request) { return of_registration(request, "checkout", "checkout.js", x_payment_policy); }
  Response order(Request& request) { return of_registration(request, "order", "order.js", x_policy); }

  /// Where the payment provider sends an organiser back to who links an account that is there already. Opening it links
  /// nothing: the page asks who it is and brings code and state over the HTTP interface.
  Response connect(Request& request) {
    const auto& words = words_for(request, "");
    const std::string code(request.query("code").value_or(""));
    const std::string state(request.query("state").value_or(""));
    const std::string error(request.query("error").value_or(""));
    data view = base(request, words, words.page.at("connect"), "connect.js");
    view.set("private", truth(true));
    int status = 200;
    if (!error.empty()) {
      // Its description is left out: anybody can write one into a link.
      set_text(view, "fault", error == "access_denied" ? words.page.at("connect_denied")
                                                       : put_in(words.page.at("connect_failed"), "code", plain_code(error)));
      view.set("keep", "&" + http::write_form({{"error", error}}));
    } else if (code.empty() || !is_awaited(state)) {
      status = 410;
      set_text(view, "fault", words.page.at("connect_used_up"));
    } else {
      view.set("asks", truth(true));
      view.set("code", code);
      view.set("state", state);
      view.set("keep", "&" + http::write_form({{"code", code}, {"state", state}}));
    }
    Response out = page(status, "connect", view);
    out.headers = headers(x_policy, "no-store");
    return out;
  }

  /// About a business's account at the payment provider, for a person who comes back from it.
  Response notice(Request& request, const ConnectNotice& told) const {
    const auto& words = words_for(request, "");
    data view = base(request, words, words.page.at("connect"), "");
    view.set("private", truth(true));
    set_text(view, told.status < 400 ? "notice" : "fault", words.page.at(told.word));
    view.set("tone", told.is_good ? "done" : "note");
    if (!told.keep.empty()) view.set("keep", "&" + told.keep);
    Response out = page(told.status, "connect", view);
    out.headers = headers(x_policy, "no-store");
    out.headers.push_back({"Referrer-Policy", "no-referrer"});
    return out;
  }

  /// A page about somebody's account. Nothing of anybody stands in it: that comes by the script.
  Response account(Request& request, const char* name, const std::string& title, const std::string& script,
                   const std::string& purpose = "") {
    const auto& words = words_for(request, "");
    data view = base(request, words, words.page.at(title), script);
    view.set("private", truth(true));
    view.set("words", words.account_script);
    if (!purpose.empty()) {
      view.set("purpose", purpose);
      view.set("why", words.page.at(purpose + "_why"));
      view.set("do", words.page.at(purpose + "_do"));
      view.set("password", truth(purpose == "reset_password"));
    }
    Response out = page(200, name, view);
    out.headers = headers(x_policy, "no-store");
    return out;
  }

  Response calendar(Request& request) {
    const auto id = domain::ShowId::parse(request.param("showId"));
    const auto found = id ? store::get<domain::Show>(x.store, *id) : std::nullopt;
    if (!found || found->status == domain::ShowStatus::draft) return absent(request);
    std::string place = found->venue;
    if (!place.empty() && !found->address.empty()) place += ", ";
    place += found->address;
    const mail::CalendarEvent event{.uid = "show-" + found->id.text() + "@" + host_of(x.settings.public_url),
                                    .written_at = found->created_at,
                                    .starts_at = found->starts_at,
                                    .ends_at = found->starts_at,
                                    .version = static_cast<std::int64_t>(found->version),
                                    .is_cancelled = found->status == domain::ShowStatus::cancelled,
                                    .title = found->title,
                                    .place = std::move(place),
                                    .description = "",
                                    .link = x.settings.public_url + "/shows/" + found->id.text()};
    Response out(200, "text/calendar; charset=utf-8", mail::calendar_file(event));
    out.headers.push_back({"Content-Disposition", "attachment; filename=\"show.ics\""});
    return out;
  }

  Response asset(Request& request) {
    const auto name = request.param("file");
    for (const auto& file : web_files()) {
      if (file.name != name || media_type(name).empty()) continue;
      Response out(200, media_type(name), std::string(file.text));
      // A page drawn by another version asks for files of that version: it gets
      // ours, which nobody may keep.
      const bool is_ours = request.param("version") == x_assets;
      out.headers.push_back({"Cache-Control", is_ours ? "public, max-age=31536000, immutable" : "no-store"});
      return out;
    }
    return http::Problem{404, "not_found", "There is no such file.", "", 0};
  }

  Response absent(Request& request) {
    const auto& words = words_for(request, "");
    data view = base(request, words, words.page.at("absent"), "");
    return page(404, "absent", view);
  }

 private:
  static std::string host_of(std::string_view url) {
    const auto from = url.find("://") + 3;
    return std::string(url.substr(from, url.find_first_of(":/", from) - from));
  }

  /// An error's code as the provider writes it; a link may say anything.
  static std::string plain_code(std::string_view error) {
    const auto is_good = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return error.size() <= 40 && std::ranges::all_of(error, is_good) ? std::string(error) : "error";
  }

  /// Somebody left with this text and has not come back.
  bool is_awaited(std::string_view state) const {
    const auto link = store::get<domain::LinkState>(x.store, domain::link_state_id(state));
    return link && !link->used && link->purpose == domain::LinkPurpose::oauth && link->due_at && x.clock() < *link->due_at;
  }

  static const PageWords& words_for(const Request& request, std::string_view fallback) {
    return choose_words(request.query("lang").value_or(""), request.header("Accept-Language").value_or(""), fallback);
  }

  /// What every page has.
  data base(const Request& request, const PageWords& words, const std::string& title, const std::string& script) const {
    data view;
    data said;
    for (const auto& [key, text] : words.page) said.set(key, text);
    view.set("t", std::move(said));
    view.set("language", words.code);
    view.set("title", title);
    view.set("assets", "/assets/" + x_assets);
    set_text(view, "script", script);
    view.set("words", script.empty() ? "{}" : words.script);
    view.set("trial", truth(x.is_test()));
    const bool is_chosen = find_words(request.query("lang").value_or("")) != nullptr;
    view.set("query", is_chosen ? "?lang=" + words.code : std::string{});
    data languages(data::type::list);
    for (const auto& language : page_languages()) {
      data one;
      one.set("code", language.code);
      one.set("name", language.name);
      one.set("current", truth(language.code == words.code));
      languages.push_back(std::move(one));
    }
    view.set("languages", std::move(languages));
    return view;
  }

  static void describe(data& view, const domain::Show& show, const PageWords& words) {
    const auto starts = document::local_time(show.starts_at, show.zone, words.code);
    const auto doors = document::local_time(show.doors_at, show.zone, words.code);
    view.set("id", show.id.text());
    view.set("title", show.title);
    view.set("tongue", show.language);
    view.set("accent", show.accent.empty() ? "#2449c4" : show.accent);
    view.set("starts_at", domain::text(show.starts_at));
    view.set("date", starts.date);
    view.set("time", starts.time);
    view.set("zone", starts.zone);
    view.set("doors", doors.date == starts.date ? doors.time : doors.date + ", " + doors.time);
    view.set("place", truth(!show.venue.empty() || !show.address.empty()));
    set_text(view, "venue", show.venue);
    set_text(view, "address", show.address);
    view.set("currency", show.currency);
    view.set("digits", std::to_string(domain::minor_digits(show.currency)));
  }

  static domain::Instant sale_end(const domain::Show& show) {
    domain::Instant end{};
    for (const auto& window : show.windows) end = std::max(end, window.until);
    return show.sale_until ? std::min(end, *show.sale_until) : end;
  }

  bool is_selling(const domain::Show& show) const {
    const auto now = x.clock();
    return show.status == domain::ShowStatus::published && (!show.sale_from || *show.sale_from <= now) &&
           now < sale_end(show);
  }

  std::string notice(const domain::Show& show, const PageWords& words) const {
    if (show.status == domain::ShowStatus::cancelled) return words.page.at("cancelled");
    const auto now = x.clock();
    if (now >= sale_end(show)) return words.page.at("sale_over");
    if (!show.sale_from || *show.sale_from <= now) return "";
    const auto from = document::local_time(*show.sale_from, show.zone, words.code);
    return put_in(put_in(words.page.at("sale_from"), "date", from.date), "time", from.time);
  }

  data tiers(const domain::Show& show, const PageWords& words) {
    const auto all = show_json(x.store, show).tiers;
    const auto most_of = [&](const TierJson& tier) {
      return std::min({tier.max_per_registration, tier.available, show.max_tickets_per_registration});
    };
    const auto is_open = [&](const TierJson& tier) {
      return most_of(tier) >= std::max<std::int64_t>(tier.min_per_registration, 1);
    };
    const bool is_only = all.size() == 1;
    data list(data::type::list);
    for (const auto& tier : all) {
      data one;
      one.set("number", std::to_string(&tier - all.data() + 1));
      one.set("id", tier.tier_id);
      one.set("name", tier.name);
      one.set("price",
              tier.price == 0 ? words.page.at("free") : document::format_money(tier.price, tier.currency, words.code));
      set_text(one, "fee",
               tier.fee == 0 ? ""
                             : put_in(words.page.at("fee"), "amount",
                                      document::format_money(tier.fee, tier.currency, words.code)));
      one.set("price_minor", std::to_string(tier.price));
      one.set("fee_minor", std::to_string(tier.fee));
      one.set("least", std::to_string(tier.min_per_registration));
      one.set("most", std::to_string(most_of(tier)));
      one.set("open", truth(is_open(tier)));
      one.set("chosen", is_only && is_open(tier) ? std::to_string(tier.min_per_registration) : "0");
      set_text(one, "left",
               !is_open(tier)              ? words.page.at("sold_out")
               : tier.available > few_left ? ""
                                           : put_in(words.page.at("left"), "n", std::to_string(tier.available)));
      list.push_back(std::move(one));
    }
    return list;
  }

  /// Published shows whose sale is not over, the earliest first; read again
  /// after a moment, whoever asks.
  std::shared_ptr<const std::vector<domain::Show>> on_sale() {
    const std::lock_guard lock(x_list_mutex);
    const auto now = x.clock();
    if (!x_list || now >= x_list_until) {
      x_list = std::make_shared<std::vector<domain::Show>>(read_on_sale(now));
      x_list_until = now + list_kept;
    }
    return x_list;
  }

  std::vector<domain::Show> read_on_sale(domain::Instant now) {
    std::vector<domain::Show> out;
    int reads = 0;
    // The month before too: what began in it may still be running.
    for (int month = -1; month <= months_ahead && out.size() < max_listed; ++month) {
      std::optional<store::Cursor> after;
      do {
        auto listed = store::list<domain::Show>(x.store, "by_catalogue", domain::catalogue_key(now, month).value,
                                                listed_at_once, after);
        for (auto& show : listed.rows) {
          const bool is_listed = show.status == domain::ShowStatus::published && now < sale_end(show);
          if (is_listed && out.size() < max_listed) out.push_back(std::move(show));
        }
        after = std::move(listed.next);
      } while (after && out.size() < max_listed && ++reads < max_list_reads);
    }
    return out;
  }

  static std::vector<http::Header> headers(const std::string& content_policy, std::string caching) {
    return {{"Content-Security-Policy", content_policy},
            {"Cache-Control", std::move(caching)},
            {"Vary", "Accept-Language"},
            {"Cross-Origin-Opener-Policy", "same-origin-allow-popups"}};
  }

  Response page(int status, const char* name, data& view) const {
    mustache drawn = x_templates.at(name);  // drawing changes it
    Response out(status, html, drawn.render(view));
    out.headers = headers(x_policy, "no-cache");
    return out;
  }

  Services& x;
  std::map<std::string, mustache> x_templates;
  std::string x_assets;
  std::string x_policy;
  std::string x_payment_policy;
  std::mutex x_list_mutex;
  std::shared_ptr<const std::vector<domain::Show>> x_list;
  domain::Instant x_list_until{};
};

}  // namespace

BuyersPages add_pages(http::Router& router, Services& services) {
  auto pages = std::make_shared<Pages>(services);
  const auto add = [&](std::string path, http::Handler handler) {
    router.add({.verb = http::Verb::GET,
                .path_template = std::move(path),
                .handler = std::move(handler),
                .doc = {.is_hidden = true},
                .options = {.cors = false}});
  };
  add("/shows/{showId}", [pages](Request& request) { return pages->show(request); });
  add("/shows/{showId}/calendar.ics", [pages](Request& request) { return pages->calendar(request); });
  add("/checkout/{registrationId}", [pages](Request& request) { return pages->checkout(request); });
  add("/orders/{registrationId}", [pages](Request& request) { return pages->order(request); });
  add("/connect/oauth", [pages](Request& request) { return pages->connect(request); });
  const auto add_account = [&](std::string path, const char* name, const char* title, const char* script,
                               const char* purpose = "") {
    add(std::move(path), [=](Request& request) { return pages->account(request, name, title, script, purpose); });
  };
  add_account("/account", "account", "account", "account.js");
  add_account("/account/sign-in", "sign-in", "sign_in", "enter.js");
  add_account("/account/sign-up", "sign-up", "sign_up", "enter.js");
  add_account("/account/forgot", "forgot", "forgot", "enter.js");
  // Where the links in mails lead to, the secret behind the `#`.
  for (const auto* purpose : {"verify_email", "change_email", "reset_password", "join_business"}) {
    std::string path = std::string("/account/") + purpose;
    std::ranges::replace(path, '_', '-');
    add_account(std::move(path), "link", purpose, "link.js", purpose);
  }
  add_account("/organiser", "organiser", "organiser", "organiser.js");
  add("/assets/{version}/{file}", [pages](Request& request) { return pages->asset(request); });
  router.absent_page = [pages](Request& request) {
    // The interface is not for browsers: whoever looks at it there gets what a program gets.
    if (request.path.starts_with("/v1/")) {
      return Response(http::Problem{404, "not_found", "There is nothing at this address.", "", 0});
    }
    return pages->absent(request);
  };
  return {.front_page = [pages](Request& request) { return pages->shows(request); },
          .connect_notice = [pages](Request& request, const ConnectNotice& told) { return pages->notice(request, told); }};
}

}  // namespace admit::api

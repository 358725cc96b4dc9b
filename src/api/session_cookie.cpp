#include "api/session_cookie.hpp"

#include <algorithm>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "http/wire.hpp"
#include "identity/webauthn.hpp"

namespace admit::api {
namespace {

constexpr std::string_view cookie_name = "__Host-session";
constexpr std::string_view browser_name = "__Host-browser";
constexpr std::size_t browser_bytes = 16;
constexpr std::string_view attributes = "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=";
/// No longer than a sign-in.
constexpr std::string_view max_age_s = "2592000";

http::Problem foreign_page() {
  return {403, "forbidden", "Only a page of this ticket office, at its own address, may sign in by cookie.", "", 0};
}

}  // namespace

Expected<bool> is_page(const Services& services, const http::Request& request) {
  if (!request.header(page_header)) return false;
  // The browser's own word, which no script can change. Old browsers send the second only.
  if (const auto site = request.header("Sec-Fetch-Site")) {
    if (*site == "same-origin") return true;
  } else if (request.header("Origin") == identity::relying_party(services.settings.public_url).origin) {
    return true;
  }
  return std::unexpected(foreign_page());
}

std::optional<std::string> cookie_in(const http::Request& request, std::string_view wanted) {
  std::optional<std::string> found;
  bool is_clear = true;
  for (const auto& [name, value] : request.headers()) {
    if (!http::wire::same_text(name, "Cookie")) continue;
    for (std::string_view left = value; !left.empty();) {
      const auto end = left.find(';');
      std::string_view one = left.substr(0, end);
      left = end == std::string_view::npos ? "" : left.substr(end + 1);
      one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
      if (!one.starts_with(wanted) || !one.substr(wanted.size()).starts_with('=')) continue;
      is_clear = is_clear && !found;
      found = std::string(one.substr(wanted.size() + 1));
    }
  }
  return is_clear ? found : std::nullopt;
}

Expected<std::string> cookie_of(const http::Request& request) {
  if (auto found = cookie_in(request, cookie_name)) return *std::move(found);
  return std::unexpected(problem_of({domain::Refusal::unknown_session, "", "Nobody is signed in here."}));
}

http::Response session_reply(const Services& services, const http::Request& request, int status, SessionJson session) {
  const auto page = is_page(services, request);
  if (!page) return page.error();
  if (!*page) return reply(status, session);
  const std::string token = std::move(session.refresh_token).value_or("");
  session.refresh_token.reset();
  auto out = reply(status, session);
  out.headers.push_back(session_cookie(token));
  return out;
}

std::string browser_of(const Services& services, const http::Request& request) {
  if (!is_page(services, request).value_or(false)) return "";
  const auto found = cookie_in(request, browser_name);
  const auto bytes = found ? crypto::from_base64url(*found) : std::nullopt;
  if (bytes && bytes->size() == browser_bytes) return *found;
  return crypto::base64url(crypto::random_bytes<browser_bytes>());
}

http::Header browser_cookie(std::string_view browser) {
  // As long as the account knows it: 90 days.
  return {"Set-Cookie", std::string(browser_name) + "=" + std::string(browser) + std::string(attributes) + "7776000"};
}

http::Header session_cookie(std::string_view refresh_token) {
  return {"Set-Cookie", std::string(cookie_name) + "=" + std::string(refresh_token) + std::string(attributes) +
                            std::string(max_age_s)};
}

http::Header no_cookie() {
  return {"Set-Cookie", std::string(cookie_name) + "=" + std::string(attributes) + "0"};
}

}  // namespace admit::api

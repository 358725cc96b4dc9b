#pragma once
// Sign-ins of our own pages: the refresh token lies in a cookie that no script reads, the access token in the memory of
// the page. Why: docs/adr/0011-page-sessions.md.

#include <optional>
#include <string>

#include "api/services.hpp"
#include "api/session_json.hpp"

namespace admit::api {

/// `Admit-Page: 1` asks for the cookie, or sends it. A page of another origin cannot send it: its browser would ask us
/// first, and no answer of ours allows it.
inline constexpr std::string_view page_header = "Admit-Page";

/// Whether the call is from a page of ours. 403 `forbidden` for one that says so while its browser says otherwise.
[[nodiscard]] Expected<bool> is_page(const Services& services, const http::Request& request);

/// The value of one of the request's cookies; nullopt where it has none of that name, or several.
[[nodiscard]] std::optional<std::string> cookie_in(const http::Request& request, std::string_view name);

/// The refresh token that a page presents in its cookie; 401 `unknown_session` where it has none.
[[nodiscard]] Expected<std::string> cookie_of(const http::Request& request);

/// The reply to a sign-in or its renewal. To a page the refresh token goes by cookie, and only so.
[[nodiscard]] http::Response session_reply(const Services& services, const http::Request& request, int status,
                                           SessionJson session);

/// What a browser that somebody signed in with is known by: it is not slowed down by guesses made elsewhere. The one in
/// its cookie, or a new one; "" for a call that is from no page of ours.
[[nodiscard]] std::string browser_of(const Services& services, const http::Request& request);
[[nodiscard]] http::Header browser_cookie(std::string_view browser);

/// Gives the cookie to a browser that comes back from signing in elsewhere.
[[nodiscard]] http::Header session_cookie(std::string_view refresh_token);

/// Takes the cookie back.
[[nodiscard]] http::Header no_cookie();

}  // namespace admit::api

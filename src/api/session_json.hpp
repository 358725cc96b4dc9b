#pragma once
// A sign-in as JSON, and the secrets of a new one.

#include <optional>
#include <string>

#include "api/services.hpp"
#include "domain/rows.hpp"

namespace admit::api {

struct SessionJson {
  std::string user_id, session_id, access_token;
  std::optional<std::string> refresh_token;  // none where it is a cookie
  std::string user_token, expires_at;
  static http::Shape shape();
};
/// With a fresh access token.
[[nodiscard]] SessionJson session_json(const Services& services, const domain::User& user, domain::SessionId session,
                                       std::string refresh_token, domain::Instant now);

struct NewSession {
  domain::SessionId id;
  std::string refresh_token;
  domain::Bytes refresh_hash;
};
[[nodiscard]] NewSession new_session(const Services& services, const domain::Meta& meta);

}  // namespace admit::api

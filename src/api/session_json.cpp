#include "api/session_json.hpp"

#include "api/account_json.hpp"
#include "token/refresh_token.hpp"

namespace admit::api {

http::Shape SessionJson::shape() {
  using namespace http;
  return http::object<SessionJson>(
      "Session",
      {required("userId", &SessionJson::user_id, uuid()), required("sessionId", &SessionJson::session_id, uuid()),
       required("accessToken", &SessionJson::access_token, text(1, 2048).doc("Bearer token, 10 minutes.")),
       optional("refreshToken", &SessionJson::refresh_token,
                text(1, 200).doc("Good once, for the next pair. A page of ours has it in a cookie instead.")),
       required("userToken", &SessionJson::user_token,
                text(1, 16384).doc("Who is signed in, for a frontend: a JWT (EdDSA) that the key set verifies, with sub, "
                                   "profileId, businessIds, roles, name and locale. It opens nothing.")),
       required("expiresAt", &SessionJson::expires_at, date_time())});
}

SessionJson session_json(const Services& services, const domain::User& user, domain::SessionId session,
                         std::string refresh_token, domain::Instant now) {
  std::vector<std::string> roles;
  if (user.is_operator) roles.emplace_back("operator");
  return {user.id.text(),
          session.text(),
          services.tokens.issue(user.id, session, std::move(roles), now),
          std::move(refresh_token),
          services.tokens.issue_user(user_claims(services, user), now),
          domain::text(now + identity::access_token_ttl)};
}

NewSession new_session(const Services& services, const domain::Meta& meta) {
  const domain::SessionId id{domain::fresh_uuid(meta.now, services.seed(), 0)};
  auto token = token::RefreshTokens(services.ring).first(id);
  return {id, std::move(token.text), {std::string(crypto::text_of(token.hash))}};
}

}  // namespace admit::api

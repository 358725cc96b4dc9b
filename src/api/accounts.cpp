// Accounts, sign-in and sign-out.

#include "api/services.hpp"
#include "api/session_json.hpp"
#include "domain/sessions.hpp"
#include "domain/users.hpp"
#include "document/words.hpp"
#include "identity/opaque_token.hpp"
#include "identity/password.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

struct NewUser {
  std::string email;
  std::string password;
  std::string name;
  std::optional<std::string> locale;
  static http::Shape shape() {
    return http::object<NewUser>(
        "NewUser", {http::required("email", &NewUser::email, http::email().example("ada@example.com")),
                    http::required("password", &NewUser::password,
                                   http::text(1, 256).doc("At least 8 bytes, and no common password.").example("correct horse battery")),
                    http::required("name", &NewUser::name, http::text(1, 60).example("Ada Example")),
                    http::optional("locale", &NewUser::locale, http::language().doc("Language of tickets and messages.").example("en"))});
  }
};

struct UserJson {
  std::string user_id, email, name, locale, created_at;
  std::vector<std::string> roles;
  static http::Shape shape() {
    return http::object<UserJson>(
        "User", {http::required("userId", &UserJson::user_id, http::uuid()), http::required("email", &UserJson::email),
                 http::required("name", &UserJson::name), http::required("locale", &UserJson::locale),
                 http::required("roles", &UserJson::roles, http::items(0, 10)),
                 http::required("createdAt", &UserJson::created_at, http::date_time())});
  }
};

struct SignIn {
  std::string email;
  std::string password;
  static http::Shape shape() {
    return http::object<SignIn>("SignIn", {http::required("email", &SignIn::email, http::text(1, 254).example("ada@example.com")),
                                           http::required("password", &SignIn::password, http::text(1, 256).example("correct horse battery"))});
  }
};

struct RefreshRequest {
  std::string refresh_token;
  static http::Shape shape() {
    return http::object<RefreshRequest>("RefreshRequest", {http::required("refreshToken", &RefreshRequest::refresh_token, http::text(1, 200))});
  }
};

UserJson to_json(const domain::User& user) {
  return {user.id.text(), user.email, user.name, user.locale, domain::text(user.created_at),
          user.is_operator ? std::vector<std::string>{"operator"} : std::vector<std::string>{}};
}

class Accounts {
 public:
  explicit Accounts(Services& services) : x(services) {}

  Task create(Request& request) {
    auto body = body_of<NewUser>(request);
    if (!body) co_return body.error();
    const auto email = domain::normal_email(body->email);
    if (!email) co_return problem_of({Refusal::invalid_field, "email", "Give an e-mail address like ada@example.com."});
    if (body->locale && !document::is_language(*body->locale)) {
      co_return problem_of({Refusal::invalid_field, "locale", "ISO 639 has no such language."});
    }
    if (const auto fault = identity::fault_of_password(body->password)) {
      co_return problem_of({Refusal::invalid_field, "password", std::string(identity::sentence(*fault))});
    }
    const std::string password = body->password;
    auto hash = co_await on_pool(x.password_pool, [password] { return identity::hash_password(password); });
    domain::CreateUser command{.meta = meta_of(x, request),
                               .email = *email,
                               .name = body->name,
                               .locale = body->locale.value_or(""),
                               .password_hash = std::move(hash)};
    co_return co_await perform(x.lane, std::move(command), 201, [](const domain::User& user) { return to_json(user); });
  }

  Task sign_in(Request& request) {
    auto body = body_of<SignIn>(request);
    if (!body) co_return body.error();
    const auto email = domain::normal_email(body->email);
    std::optional<domain::User> user;
    if (email) {
      if (const auto claim = store::get<domain::Claim>(x.store, domain::email_claim(*email))) {
        user = store::get<domain::User>(x.store, domain::UserId{claim->target});
      }
    }
    const std::string password = body->password;
    const std::optional<std::string> hash = user ? std::optional(user->password_hash) : std::nullopt;
    const bool right = co_await on_pool(x.password_pool, [hash, password] { return identity::verify_password(hash, password); });
    if (!right) co_return problem_of({Refusal::wrong_credentials, "", "E-mail address or password is wrong."});
    domain::Meta meta = meta_of(x, request);
    meta.user = user->id;
    meta.actor = "user:" + user->id.text();
    const auto fresh = new_session(x, meta);
    domain::StartSession command{.meta = meta, .session_id = fresh.id, .user_id = user->id, .refresh_hash = fresh.refresh_hash};
    co_return co_await perform(x.lane, std::move(command), 201, [&](const domain::Session&) {
      return session_json(x, *user, fresh.id, fresh.refresh_token, meta.now);
    });
  }

  Task refresh(Request& request) {
    auto body = body_of<RefreshRequest>(request);
    if (!body) co_return body.error();
    const auto name = identity::parse_opaque_token("refresh_", body->refresh_token);
    if (!name) co_return problem_of({Refusal::unknown_session, "refreshToken", "Sign in again."});
    const auto next = renewed_session(domain::SessionId{name->id});
    const domain::Meta meta = meta_of(x, request);
    domain::RefreshSession command{.meta = meta,
                                   .session_id = next.id,
                                   .presented_hash = {std::string(crypto::text_of(name->hash))},
                                   .next_hash = next.refresh_hash};
    co_return co_await perform(x.lane, std::move(command), 200, [&](const domain::User& user) {
      return session_json(x, user, next.id, next.refresh_token, meta.now);
    });
  }

  Task sign_out(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    domain::EndSession command{.meta = meta_of(x, request, *caller), .session_id = caller->session};
    auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    x.tokens.revoke(caller->session, x.clock());
    co_return Response(204, "application/json", "");
  }

  Response me(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) return caller.error();
    const auto user = store::get<domain::User>(x.store, caller->user);
    if (!user) return problem_of({Refusal::unknown_user, "", "There is no such account."});
    return reply(200, to_json(*user));
  }

  Response keys(Request&) { return http::json_response(200, x.tokens.jwks()); }

 private:
  Services& x;
};

}  // namespace

void add_accounts(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Accounts>(services));
  const Shared open{.tags = {"Accounts"}};
  const Shared user{.tags = {"Accounts"}, .security = {"user"}};
  router.add(route(open, Verb::POST, "/v1/users", on(&Accounts::create),
                   {.operation_id = "createUser",
                    .summary = "Create an account",
                    .request = http::json_body<NewUser>(),
                    .replies = {http::json_reply<UserJson>(201, "The account.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::email_taken})}));
  router.add(route(open, Verb::POST, "/v1/sessions", on(&Accounts::sign_in),
                   {.operation_id = "signIn",
                    .summary = "Sign in",
                    .description = "The same answer, after the same work, whether the account exists or not.",
                    .request = http::json_body<SignIn>(),
                    .replies = {http::json_reply<SessionJson>(201, "An access token and a refresh token.")},
                    .problems = refusals({Refusal::wrong_credentials})}));
  router.add(route(open, Verb::POST, "/v1/sessions/refresh", on(&Accounts::refresh),
                   {.operation_id = "refreshSession",
                    .summary = "Exchange a refresh token for the next pair of tokens",
                    .request = http::json_body<RefreshRequest>(),
                    .replies = {http::json_reply<SessionJson>(200, "A new pair; the old refresh token is void.")},
                    .problems = refusals({Refusal::unknown_session, Refusal::session_ended}),
                    .curl = {{"body", R"({"refreshToken": "$REFRESH_TOKEN"})"}}}));
  router.add(route(user, Verb::DELETE, "/v1/sessions/current", on(&Accounts::sign_out),
                   {.operation_id = "signOut",
                    .summary = "Sign out: the access token and its refresh token are void at once",
                    .replies = {http::empty_reply(204, "Signed out.")},
                    .problems = refusals({Refusal::unknown_session, Refusal::forbidden})}));
  router.add(route(user, Verb::GET, "/v1/me", on(&Accounts::me),
                   {.operation_id = "me",
                    .summary = "The signed-in account",
                    .replies = {http::json_reply<UserJson>(200, "The account.")},
                    .problems = refusals({Refusal::unknown_user})}));
  router.add(route(open, Verb::GET, "/.well-known/jwks.json", on(&Accounts::keys),
                   {.operation_id = "jwks",
                    .summary = "The public keys of access tokens, as a JWK set",
                    .replies = {http::plain_reply(200, "RFC 7517.", "application/json", R"({"keys": []})")}}));
}

}  // namespace admit::api

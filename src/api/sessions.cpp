// Signing in and out, and where somebody is signed in.

#include "domain/sessions.hpp"
#include "api/network.hpp"
#include "api/passwords.hpp"
#include "api/services.hpp"
#include "api/session_cookie.hpp"
#include "api/session_json.hpp"
#include "domain/users.hpp"
#include "identity/password.hpp"
#include "token/refresh_token.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

constexpr std::size_t max_sessions = 200;

struct SignIn {
  std::string email, password;
  std::optional<std::string> code;
  static http::Shape shape() {
    using namespace http;
    return http::object<SignIn>(
        "SignIn", {required("email", &SignIn::email, text(1, 254).example("ada@example.com")),
                   required("password", &SignIn::password, text(1, 256).example("correct horse battery")),
                   optional("code", &SignIn::code,
                            text(1, 40).doc("Of the second factor, where there is one: from the app, or a recovery "
                                            "code."))});
  }
};

struct RefreshRequest {
  std::optional<std::string> refresh_token;
  static http::Shape shape() {
    using namespace http;
    return http::object<RefreshRequest>("RefreshRequest",
                                        {optional("refreshToken", &RefreshRequest::refresh_token, text(1, 200))});
  }
};

struct PasswordAgain {
  std::string password;
  std::optional<std::string> code;
  static http::Shape shape() {
    return http::object<PasswordAgain>(
        "PasswordAgain",
        {http::required("password", &PasswordAgain::password, http::text(1, 256).example("correct horse battery")),
         http::optional("code", &PasswordAgain::code,
                        http::text(1, 40).doc("Of the second factor, or a recovery code, where the account has one."))});
  }
};

struct OneSession {
  std::string session_id, method, agent, address, created_at, expires_at;
  std::optional<std::string> refreshed_at;
  bool current = false;
  static http::Shape shape() {
    using namespace http;
    return http::object<OneSession>(
        "SignInEntry",
        {required("sessionId", &OneSession::session_id, uuid()), required("current", &OneSession::current),
         required("method", &OneSession::method), required("agent", &OneSession::agent),
         required("address", &OneSession::address), required("createdAt", &OneSession::created_at, date_time()),
         optional("refreshedAt", &OneSession::refreshed_at, date_time()),
         required("expiresAt", &OneSession::expires_at, date_time())});
  }
};

struct SessionList {
  std::vector<OneSession> sessions;
  static http::Shape shape() {
    using namespace http;
    return http::object<SessionList>("SignInList", {required("sessions", &SessionList::sessions, items(0, 200))});
  }
};

http::Problem wrong_credentials() {
  return problem_of({Refusal::wrong_credentials, "", "E-mail address or password is wrong."});
}

class Sessions {
 public:
  explicit Sessions(Services& services) : x(services), x_refresh(services.ring) {}

  /// One argon2, whether there is such an account or not; none for who has to wait, whoever it is.
  Task sign_in(Request& request) {
    if (const auto page = is_page(x, request); !page) co_return page.error();
    auto body = body_of<SignIn>(request);
    if (!body) co_return body.error();
    domain::Meta meta = meta_of(x, request);
    const domain::TakeSignInTry take{.meta = meta,
                                     .account = domain::normal_email(body->email).value_or(body->email),
                                     .network = network_of(request.peer),
                                     .browser = browser_of(x, request)};
    // Guesses that have to wait anyway cost no save.
    if (const auto until = committed_free_at(take); until > meta.now) co_return too_many_failures(until, meta.now);
    x.password_pool.require_room();
    const auto taken = co_await submit(x.lane, take);
    if (!taken.result && taken.result.error().code == Refusal::too_many_failures) {
      co_return too_many_failures(committed_free_at(take), meta.now);
    }
    if (!taken.result) co_return problem_of(taken.result.error());

    std::optional<domain::User> user;
    if (const auto claim = store::get<domain::Claim>(x.store, domain::email_claim(take.account))) {
      user = store::get<domain::User>(x.store, domain::UserId{claim->target});
    }
    const std::string password = body->password;
    const std::optional<std::string> hash = user ? std::optional(user->password_hash) : std::nullopt;
    const bool right =
        co_await on_pool(x.password_pool, [hash, password] { return identity::verify_password(hash, password); });
    if (!right) co_return wrong_credentials();
    meta.user = user->id;
    meta.actor = "user:" + user->id.text();
    const auto fresh = new_session(x, meta);
    domain::StartSession command{.meta = meta,
                                 .session_id = fresh.id,
                                 .user_id = user->id,
                                 .refresh_hash = fresh.refresh_hash,
                                 .agent = agent_text(request),
                                 .account = take.account,
                                 .network = take.network,
                                 .browser = take.browser,
                                 .password_hash = user->password_hash};
    if (user->totp_confirmed && body->code) {
      const auto factor = factor_of(x, *user, *body->code, meta.now);
      if (!factor)
        co_return problem_of({Refusal::wrong_credentials, "code", "This code is wrong, or was used before."});
      command.factor = *factor;
      command.method = factor->totp_step != 0 ? "password+totp" : "password+recovery";
    }
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    auto out = session_reply(x, request, 201, session_json(x, *user, fresh.id, fresh.refresh_token, meta.now));
    if (!take.browser.empty()) out.headers.push_back(browser_cookie(take.browser));
    co_return out;
  }

  Task refresh(Request& request) {
    auto body = body_of<RefreshRequest>(request);
    if (!body) co_return body.error();
    const auto page = is_page(x, request);
    if (!page) co_return page.error();
    const auto text = *page ? cookie_of(request) : Expected<std::string>(body->refresh_token.value_or(""));
    if (!text) co_return text.error();
    const auto token = x_refresh.parse(*text);
    if (!token) co_return problem_of({Refusal::unknown_session, "refreshToken", "Sign in again."});
    std::vector<token::RefreshToken> chain{x_refresh.next(*token)};
    while (chain.size() < domain::max_rotations) chain.push_back(x_refresh.next(chain.back()));
    const auto hash_of_token = [](const token::RefreshToken& one) {
      return domain::Bytes{std::string(crypto::text_of(one.hash))};
    };
    const domain::Meta meta = meta_of(x, request);
    domain::RefreshSession command{.meta = meta,
                                   .session_id = token->session,
                                   .presented_hash = {std::string(crypto::text_of(token->hash))},
                                   .next_hash = hash_of_token(chain.front()),
                                   .is_genuine = token->is_genuine};
    for (std::size_t i = 1; i < chain.size(); ++i) command.later_hashes.push_back(hash_of_token(chain[i]));
    command.meta.actor = "session:" + token->session.text();
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    if (answer.result->is_reused) {
      co_return problem_of({Refusal::session_ended, "refreshToken",
                            "This token was used before, so the sign-in was ended; sign in again."});
    }
    co_return session_reply(
        x, request, 200,
        session_json(x, answer.result->user, token->session, chain.at(answer.result->steps).text, meta.now));
  }

  Task prove(Request& request) {
    const auto in = input<None, PasswordAgain>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto user = co_await proven_user(x, meta_of(x, request, in->caller), in->caller, in->body.password);
    if (!user) co_return user.error();
    domain::Factor factor;
    if (user->totp_confirmed) {
      if (!in->body.code) {
        co_return problem_of({Refusal::second_factor_required, "code", "Send the code of your second factor too."});
      }
      domain::TakeUserTry take{.meta = meta_of(x, request, in->caller), .secret = domain::Secret::code};
      const auto taken = co_await submit(x.lane, std::move(take));
      if (!taken.result) co_return problem_of(taken.result.error());
      const auto found = factor_of(x, *user, *in->body.code, x.clock());
      if (!found) co_return problem_of({Refusal::wrong_credentials, "code", "This code is wrong, or was used before."});
      factor = *found;
    }
    domain::ProveSession command{.meta = meta_of(x, request, in->caller),
                                 .session_id = in->caller.session,
                                 .password_hash = user->password_hash,
                                 .factor = factor};
    co_return co_await perform(x.lane, std::move(command), 204,
                               [](const domain::Session&) { return Response(204, "application/json", ""); });
  }

  Task sign_out(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    const auto ended = co_await end(request, *caller, caller->session);
    if (!ended) co_return ended.error();
    Response out(204, "application/json", "");
    if (request.header(page_header)) out.headers.push_back(no_cookie());
    co_return out;
  }

  Response list(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) return caller.error();
    const auto user = row_of<domain::User>(x, caller->user);
    if (!user) return user.error();
    const auto now = x.clock();
    const auto page =
        store::list<domain::Session>(x.store, "by_user", caller->user.value, max_sessions, std::nullopt, true);
    SessionList out;
    for (const auto& row : page.rows) {
      if (!domain::is_live(row, *user, now)) continue;
      OneSession one{.session_id = row.id.text(),
                     .method = row.method,
                     .agent = row.agent,
                     .address = row.address,
                     .created_at = domain::text(row.created_at),
                     .expires_at = domain::text(row.expires_at),
                     .current = row.id == caller->session};
      if (row.rotated_at) one.refreshed_at = domain::text(*row.rotated_at);
      out.sessions.push_back(std::move(one));
    }
    return reply(200, out);
  }

  Task end_one(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    const auto id = domain::SessionId::parse(request.param("sessionId"));
    const auto row = id ? store::get<domain::Session>(x.store, *id) : std::nullopt;
    if (!row || row->user_id != caller->user) {
      co_return http::Problem{404, "unknown_session", "You have no such sign-in.", "sessionId", 0};
    }
    const auto ended = co_await end(request, *caller, *id);
    if (!ended) co_return ended.error();
    co_return Response(204, "application/json", "");
  }

  Task end_others(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    domain::EndSessions command{.meta = meta_of(x, request, *caller), .user_id = caller->user, .kept = caller->session};
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    co_return Response(204, "application/json", "");
  }

  Task end_of_user(Request& request) {
    const auto in = input<domain::UserId>(request, operator_of(x, request));
    if (!in) co_return in.error();
    domain::EndSessions command{.meta = meta_of(x, request, in->caller), .user_id = in->id, .kept = {}};
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    co_return Response(204, "application/json", "");
  }

  Task lock(Request& request) { return set_lock(request, true); }
  Task unlock(Request& request) { return set_lock(request, false); }

 private:
  Task set_lock(Request& request, bool locked) {
    const auto in = input<domain::UserId>(request, operator_of(x, request));
    if (!in) co_return in.error();
    domain::LockUser command{.meta = meta_of(x, request, in->caller), .user_id = in->id, .locked = locked};
    co_return co_await perform(x.lane, std::move(command), 204,
                               [](const domain::User&) { return Response(204, "application/json", ""); });
  }

  static std::string agent_text(const Request& request) {
    return std::string(request.header("User-Agent").value_or(""));
  }

  boost::asio::awaitable<Expected<void>> end(Request& request, Caller caller, domain::SessionId id) {
    domain::EndSession command{.meta = meta_of(x, request, caller), .session_id = id};
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return std::unexpected(problem_of(answer.result.error()));
    co_return Expected<void>{};
  }

  domain::Instant committed_free_at(const domain::TakeSignInTry& take) {
    domain::World world;
    for (;;) {
      domain::Needs wanted(world);
      domain::needs(take, wanted);
      if (wanted.missing().empty()) return domain::free_at(take, world);
      x.store.read(wanted.missing(), world);
    }
  }

  Services& x;
  token::RefreshTokens x_refresh;
};

}  // namespace

void add_sessions(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Sessions>(services));
  const Shared open{.tags = {"Accounts"}};
  const Shared user{.tags = {"Accounts"}, .security = {"user"}, .capability = {"user"}};
  const Shared operators{
      .tags = {"Accounts"}, .security = {"operator"}, .token = "$OPERATOR_TOKEN", .capability = {"operator"}};
  router.add(route(
      open, Verb::POST, "/v1/sessions", on(&Sessions::sign_in),
      {.operation_id = "signIn",
       .summary = "Sign in",
       .description = "The same answer, after the same work, whether the account exists or not. Who guesses too often "
                      "waits; a network or browser that the account was used from lately does not wait for guesses "
                      "made elsewhere, and any other still has a try or two.",
       .request = http::json_body<SignIn>(),
       .replies = {http::json_reply<SessionJson>(201, "An access token and a refresh token.")},
       .problems =
           refusals({Refusal::wrong_credentials, Refusal::second_factor_required, Refusal::too_many_failures})}));
  router.add(
      route(open, Verb::POST, "/v1/sessions/refresh", on(&Sessions::refresh),
            {.operation_id = "refreshSession",
             .summary = "Exchange a refresh token for the next pair of tokens",
             .description = "For 10 seconds an old token gives the newest that came of it: two tabs stay signed in. "
                            "Used later, it ends the sign-in, because somebody else has it.",
             .request = http::json_body<RefreshRequest>(),
             .replies = {http::json_reply<SessionJson>(200, "A new pair.")},
             .problems = refusals({Refusal::unknown_session, Refusal::session_ended}),
             .curl = {{"body", R"({"refreshToken": "$REFRESH_TOKEN"})"}}}));
  router.add(route(user, Verb::GET, "/v1/sessions", on(&Sessions::list),
                   {.operation_id = "sessions",
                    .summary = "Where the account is signed in, the newest first",
                    .replies = {http::json_reply<SessionList>(200, "At most 200.")}}));
  router.add(route(user, Verb::POST, "/v1/sessions/current/proof", on(&Sessions::prove),
                   {.operation_id = "proveSession",
                    .summary = "Give the password, and the second factor's code, anew: for ten minutes the sign-in may add what signs in for good",
                    .request = http::json_body<PasswordAgain>(),
                    .replies = {http::empty_reply(204, "It was right.")},
                    .problems = refusals({Refusal::unknown_session, Refusal::session_ended, Refusal::wrong_credentials,
                                          Refusal::second_factor_required, Refusal::too_many_failures})}));
  router.add(route(user, Verb::DELETE, "/v1/sessions/current", on(&Sessions::sign_out),
                   {.operation_id = "signOut",
                    .summary = "Sign out: the access token and its refresh token are void at once",
                    .replies = {http::empty_reply(204, "Signed out.")},
                    .problems = refusals({Refusal::unknown_session, Refusal::forbidden})}));
  router.add(route(user, Verb::DELETE, "/v1/sessions/{sessionId}", on(&Sessions::end_one),
                   {.operation_id = "endSession",
                    .summary = "End one sign-in, on every node within a second",
                    .parameters = {http::path_param("sessionId", http::uuid())},
                    .replies = {http::empty_reply(204, "It has ended.")},
                    .problems = {{404, "unknown_session", "The caller has no such sign-in."}},
                    .curl = {{"sessionId", "$SESSION_ID"}}}));
  router.add(route(user, Verb::DELETE, "/v1/sessions", on(&Sessions::end_others),
                   {.operation_id = "endOtherSessions",
                    .summary = "End all sign-ins but the one that calls",
                    .replies = {http::empty_reply(204, "They have ended.")},
                    .problems = refusals({Refusal::unknown_user})}));
  router.add(route(operators, Verb::PUT, "/v1/users/{userId}/lock", on(&Sessions::lock),
                   {.operation_id = "lockUser",
                    .summary = "Let nobody sign in to an account, and end its sign-ins",
                    .replies = {http::empty_reply(204, "It is locked.")},
                    .problems = refusals({Refusal::unknown_user, Refusal::forbidden})}));
  router.add(route(operators, Verb::DELETE, "/v1/users/{userId}/lock", on(&Sessions::unlock),
                   {.operation_id = "unlockUser",
                    .summary = "Let an account that was locked sign in again",
                    .replies = {http::empty_reply(204, "It is open.")},
                    .problems = refusals({Refusal::unknown_user, Refusal::forbidden})}));
  router.add(route(operators, Verb::DELETE, "/v1/users/{userId}/sessions", on(&Sessions::end_of_user),
                   {.operation_id = "endSessionsOfUser",
                    .summary = "End all sign-ins of an account",
                    .replies = {http::empty_reply(204, "They have ended.")},
                    .problems = refusals({Refusal::unknown_user, Refusal::forbidden})}));
}

}  // namespace admit::api

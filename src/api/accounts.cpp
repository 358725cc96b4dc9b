// Accounts: opening one, proving its address, setting a password anew.

#include "api/account_json.hpp"
#include "api/external.hpp"
#include "api/network.hpp"
#include "api/passwords.hpp"
#include "api/services.hpp"
#include "api/session_cookie.hpp"
#include "document/words.hpp"
#include "domain/people.hpp"
#include "domain/users.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

struct NewBusinessOfUser {
  std::string name;
  std::optional<std::string> country;
  static http::Shape shape() {
    using namespace http;
    return http::object<NewBusinessOfUser>(
        "NewUserBusiness",
        {required("name", &NewBusinessOfUser::name, text(1, 60).example("The Mill")),
         optional(
             "country", &NewBusinessOfUser::country,
             http::country().doc("Of its account at the payment provider; the platform's own where it is absent."))});
  }
};

struct NewUser {
  std::string email, password, name;
  std::optional<std::string> locale;
  std::optional<NewBusinessOfUser> business;
  static http::Shape shape() {
    using namespace http;
    return http::object<NewUser>(
        "NewUser",
        {required("email", &NewUser::email, http::email().example("ada@example.com")),
         required("password", &NewUser::password,
                  text(1, 256).doc("At least 8 bytes, and no common password.").example("correct horse battery")),
         required("name", &NewUser::name, text(1, 60).example("Ada Example")),
         optional("locale", &NewUser::locale, language().doc("Language of tickets and messages.").example("en")),
         optional("business", &NewUser::business,
                  any().doc("The business that the account begins with, in the same transaction; its account at the "
                            "payment provider is made right after it."))});
  }
};

struct ProofRequest {
  std::string token;
  static http::Shape shape() {
    using namespace http;
    return http::object<ProofRequest>(
        "ProofRequest", {required("token", &ProofRequest::token, text(1, 200).doc("From the link in the mail."))});
  }
};

struct OwnersProof {
  std::string token;
  std::optional<std::string> password;
  static http::Shape shape() {
    using namespace http;
    return http::object<OwnersProof>(
        "OwnersProof",
        {required("token", &OwnersProof::token, text(1, 200).doc("From the link in the mail.")),
         optional("password", &OwnersProof::password, text(1, 256).doc("Of the account, for who is not signed in."))});
  }
};

struct ResetRequest {
  std::string email;
  static http::Shape shape() {
    using namespace http;
    return http::object<ResetRequest>(
        "ResetRequest", {required("email", &ResetRequest::email, text(1, 254).example("ada@example.com"))});
  }
};

struct NewPassword {
  std::string token, password;
  static http::Shape shape() {
    using namespace http;
    return http::object<NewPassword>(
        "NewPassword", {required("token", &NewPassword::token, text(1, 200).doc("From the link in the mail.")),
                        required("password", &NewPassword::password, text(1, 256))});
  }
};

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
    if (auto fault = fault_of(body->password, *email)) co_return *std::move(fault);
    auto hash = co_await hash_of(x, body->password);
    domain::Meta meta = meta_of(x, request);
    auto proof = new_proof(x, meta);
    domain::CreateUser command{.meta = std::move(meta),
                               .email = *email,
                               .name = body->name,
                               .locale = body->locale.value_or(""),
                               .password_hash = std::move(hash),
                               .verification = std::move(proof)};
    if (body->business) {
      command.business = domain::FirstBusiness{.name = body->business->name,
                                               .country = body->business->country.value_or(""),
                                               .terms = x.settings.fee_terms,
                                               .with_provider = x.payments_ready()};
    }
    command.at_provider = signs_up_elsewhere(x);
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    x.workers.wake();
    co_return reply(201, me_json(x, *answer.result));
  }

  Task verify(Request& request) { return by_owner<domain::VerifyEmail>(request); }
  Task change_email(Request& request) { return by_owner<domain::ChangeEmail>(request); }

  /// By who is signed in, or by the password, whose tries are counted for the link's account.
  template <class Command>
  Task by_owner(Request& request) {
    auto body = body_of<OwnersProof>(request);
    if (!body) co_return body.error();
    const auto proof = proof_in(body->token);
    if (!proof) co_return proof.error();
    Command command{.meta = meta_of(x, request), .proof = *proof};
    if (request.bearer()) {
      const auto caller = caller_of(x, request);
      if (!caller) co_return caller.error();
      command.meta = meta_of(x, request, *caller);
    }
    const auto row = store::get<domain::Proof>(x.store, proof->id);
    if (body->password && row && row->secret_hash == proof->secret_hash && !row->used) {
      domain::Meta meta = meta_of(x, request);
      meta.user = row->user_id;
      const auto user = co_await user_with(x, std::move(meta), *body->password);
      if (!user) co_return user.error();
      command.password_hash = user->password_hash;
    }
    co_return co_await done(std::move(command));
  }

  Task disown(Request& request) {
    const auto proof = token_of(request);
    if (!proof) co_return proof.error();
    domain::DisownAddress command{.meta = meta_of(x, request), .proof = *proof, .at_provider = signs_up_elsewhere(x)};
    co_return co_await done(std::move(command));
  }

  /// The same answer after the same work, whether there is such an account: a mail is a job of its own.
  Task ask_reset(Request& request) {
    auto body = body_of<ResetRequest>(request);
    if (!body) co_return body.error();
    domain::Meta meta = meta_of(x, request);
    auto proof = new_proof(x, meta);
    domain::RequestReset command{.meta = std::move(meta),
                                 .account = domain::normal_email(body->email).value_or(body->email),
                                 .network = network_of(request.peer),
                                 .proof = std::move(proof)};
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    x.workers.wake();
    co_return Response(204, "application/json", "");
  }

  Task reset(Request& request) {
    auto body = body_of<NewPassword>(request);
    if (!body) co_return body.error();
    auto proof = proof_in(body->token);
    if (!proof) co_return proof.error();
    const auto row = store::get<domain::Proof>(x.store, proof->id);
    // A text that opens nothing costs nobody a password's hash.
    if (!row || row->used || row->secret_hash != proof->secret_hash) {
      co_return problem_of({Refusal::unknown_proof, "", "This link is used up or too old; ask for another."});
    }
    if (auto fault = fault_of(body->password, row->email)) co_return *std::move(fault);
    auto hash = co_await hash_of(x, body->password);
    domain::ResetPassword command{.meta = meta_of(x, request),
                                  .proof = *std::move(proof),
                                  .password_hash = std::move(hash),
                                  .ways = ways_of(x, row->user_id),
                                  .network = network_of(request.peer),
                                  .browser = browser_of(x, request),
                                  .at_provider = signs_up_elsewhere(x)};
    const std::string browser = command.browser;
    auto answer = co_await done(std::move(command));
    if (!browser.empty() && answer.status == 204) answer.headers.push_back(browser_cookie(browser));
    co_return answer;
  }

  Response keys(Request&) { return http::json_response(200, x.tokens.jwks()); }

 private:
  static Expected<domain::MailedProof> token_of(Request& request) {
    auto body = body_of<ProofRequest>(request);
    if (!body) return std::unexpected(body.error());
    return proof_in(body->token);
  }

  template <class Command>
  Task done(Command command) {
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    x.workers.wake();
    co_return Response(204, "application/json", "");
  }

  Services& x;
};

}  // namespace

void add_accounts(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Accounts>(services));
  const Shared open{.tags = {"Accounts"}};
  router.add(route(open, Verb::POST, "/v1/users", on(&Accounts::create),
                   {.operation_id = "createUser",
                    .summary = "Create an account",
                    .description = "A mail with a link asks to confirm the address. Without a payment provider the "
                                   "business has no account there; `salesGate` says what that means.",
                    .request = http::json_body<NewUser>(),
                    .replies = {http::json_reply<MeJson>(201, "The account.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::email_taken})}));
  router.add(route(open, Verb::POST, "/v1/users/verify", on(&Accounts::verify),
                   {.operation_id = "verifyEmail",
                    .summary = "Confirm an e-mail address by the link that was mailed to it",
                    .description = "By who is signed in to the account, or gives its password: the link alone proves "
                                   "only that somebody reads the mail. What guests bought with the address joins the "
                                   "account.",
                    .request = http::json_body<OwnersProof>(),
                    .replies = {http::empty_reply(204, "It is confirmed.")},
                    .problems = refusals({Refusal::wrong_credentials, Refusal::confirm_first,
                                          Refusal::too_many_failures, Refusal::unknown_proof}),
                    .curl = {{"body", R"({"token": "$VERIFICATION", "password": "correct horse battery"})"}}}));
  router.add(
      route(open, Verb::POST, "/v1/users/disown", on(&Accounts::disown),
            {.operation_id = "disownAddress",
             .summary = "Say that the account was opened by somebody else",
             .description = "By the same link, while the address is not confirmed: the account loses it, and its "
                            "sign-ins end.",
             .request = http::json_body<ProofRequest>(),
             .replies = {http::empty_reply(204, "The address is free again.")},
             .problems = refusals({Refusal::unknown_proof}),
             .curl = {{"body", R"({"token": "$VERIFICATION"})"}}}));
  router.add(route(open, Verb::POST, "/v1/email-changes", on(&Accounts::change_email),
                   {.operation_id = "changeEmail",
                    .summary = "Take the new address of an account into use by the link that was mailed to it",
                    .description = "By who is signed in to the account, or gives its password: whoever only reads the "
                                   "mail may be somebody whose address a stranger wants for an account of their own.",
                    .request = http::json_body<OwnersProof>(),
                    .replies = {http::empty_reply(204, "The account has the new address; the old one was told.")},
                    .problems = refusals({Refusal::wrong_credentials, Refusal::confirm_first,
                                          Refusal::too_many_failures, Refusal::unknown_proof, Refusal::email_taken}),
                    .curl = {{"body", R"({"token": "$EMAIL_CHANGE", "password": "correct horse battery"})"}}}));
  router.add(route(open, Verb::POST, "/v1/password-resets", on(&Accounts::ask_reset),
                   {.operation_id = "askForPasswordReset",
                    .summary = "Ask for a mail with a link to set a new password",
                    .description = "The same answer, after the same work, whether the account exists or not.",
                    .request = http::json_body<ResetRequest>(),
                    .replies = {http::empty_reply(204, "If there is such an account, a mail is on its way.")},
                    .problems = refusals({Refusal::too_many_failures})}));
  router.add(route(open, Verb::POST, "/v1/password-resets/done", on(&Accounts::reset),
                   {.operation_id = "resetPassword",
                    .summary = "Set a new password by the link that was mailed; ends every sign-in",
                    .request = http::json_body<NewPassword>(),
                    .replies = {http::empty_reply(204, "The password is set.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_proof}),
                    .curl = {{"body", R"({"token": "$PASSWORD_RESET", "password": "new horse battery"})"}}}));
  router.add(route(open, Verb::GET, "/.well-known/jwks.json", on(&Accounts::keys),
                   {.operation_id = "jwks",
                    .summary = "The public keys of access tokens, as a JWK set",
                    .replies = {http::plain_reply(200, "RFC 7517.", "application/json", R"({"keys": []})")}}));
}

}  // namespace admit::api

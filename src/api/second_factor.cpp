// The second factor: codes of an app, and recovery codes.

#include "api/passwords.hpp"
#include "api/services.hpp"
#include "document/qr.hpp"
#include "domain/users.hpp"
#include "identity/totp.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

struct BegunJson {
  std::string secret, uri;
  static http::Shape shape() {
    using namespace http;
    return http::object<BegunJson>(
        "SecondFactorBegun",
        {required("secret", &BegunJson::secret, text(32, 32).doc("To be typed into the app.")),
         required("uri", &BegunJson::uri, text(1, 2000).doc("The same for the app to open; what the QR code says."))});
  }
};

struct CodeRequest {
  std::string code;
  static http::Shape shape() {
    using namespace http;
    return http::object<CodeRequest>("SecondFactorCode",
                                     {required("code", &CodeRequest::code, text(1, 40).example("123456"))});
  }
};

struct RecoveryJson {
  std::vector<std::string> recovery_codes;
  static http::Shape shape() {
    using namespace http;
    return http::object<RecoveryJson>(
        "RecoveryCodes", {required("recoveryCodes", &RecoveryJson::recovery_codes,
                                   items(10, 10).doc("Each is good once, instead of a code. Shown now only."))});
  }
};

struct RemoveRequest {
  std::optional<std::string> password;
  std::string code;
  static http::Shape shape() {
    using namespace http;
    return http::object<RemoveRequest>(
        "RemoveSecondFactor", {optional("password", &RemoveRequest::password,
                                        text(0, 256).doc("None where the account has none: sign in anew then.")),
                               required("code", &RemoveRequest::code, text(1, 40))});
  }
};

http::Problem wrong_code() {
  return problem_of({Refusal::wrong_credentials, "code", "This code is wrong, or was used before."});
}

class SecondFactor {
 public:
  explicit SecondFactor(Services& services) : x(services) {}

  Task begin(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    const auto secret = identity::make_totp_secret();
    domain::BeginTotp command{.meta = meta_of(x, request, *caller),
                              .sealed_secret = seal_totp(x, caller->user, secret),
                              .proven_at = proven_at(x, *caller)};
    co_return co_await perform(x.lane, std::move(command), 201, [&](const domain::User& user) {
      return BegunJson{identity::base32(secret), identity::totp_uri(secret, issuer(), user.email)};
    });
  }

  /// Of the secret that was begun; once it is confirmed nobody sees it again.
  Response qr(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) return caller.error();
    const auto user = row_of<domain::User>(x, caller->user);
    if (!user) return user.error();
    const auto secret = user->totp_confirmed ? std::nullopt : open_totp(x, *user);
    if (!secret) {
      return problem_of({Refusal::second_factor_off, "", "Begin to set up a second factor first."});
    }
    const auto uri = identity::totp_uri(secret->bytes(), issuer(), user->email);
    Response out(200, "image/svg+xml", document::to_svg(document::encode_qr(uri, document::QrLevel::M)));
    out.headers.push_back({"Cache-Control", "no-store"});
    return out;
  }

  Task confirm(Request& request) {
    const auto in = input<None, CodeRequest>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const domain::Meta meta = meta_of(x, request, in->caller);
    domain::TakeUserTry take{.meta = meta, .secret = domain::Secret::code};
    const auto taken = co_await submit(x.lane, std::move(take));
    if (!taken.result) co_return problem_of(taken.result.error());
    const domain::User& user = *taken.result;
    if (user.totp_confirmed)
      co_return problem_of({Refusal::second_factor_on, "", "A second factor is set up already."});
    const auto secret = open_totp(x, user);
    if (!secret) co_return problem_of({Refusal::second_factor_off, "", "Begin to set up a second factor first."});
    const auto step = identity::totp_match(secret->bytes(), in->body.code, meta.now);
    if (!step) co_return wrong_code();
    auto recovery = identity::make_recovery_codes();
    domain::ConfirmTotp command{.meta = next_meta(request, in->caller),
                                .session_id = in->caller.session,
                                .sealed_secret = user.totp_secret,
                                .step = *step,
                                .recovery_hashes = std::move(recovery.hashes)};
    co_return co_await perform(x.lane, std::move(command), 200,
                               [&](const domain::User&) { return RecoveryJson{recovery.codes}; });
  }

  Task remove(Request& request) {
    const auto in = input<None, RemoveRequest>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto user =
        co_await proven_user(x, meta_of(x, request, in->caller), in->caller, in->body.password.value_or(""));
    if (!user) co_return user.error();
    if (!user->totp_confirmed) co_return problem_of({Refusal::second_factor_off, "", "No second factor is set up."});
    domain::TakeUserTry take{.meta = next_meta(request, in->caller), .secret = domain::Secret::code};
    const auto taken = co_await submit(x.lane, std::move(take));
    if (!taken.result) co_return problem_of(taken.result.error());
    const auto factor = factor_of(x, *user, in->body.code, x.clock());
    if (!factor) co_return wrong_code();
    domain::RemoveTotp command{
        .meta = next_meta(request, in->caller), .password_hash = user->password_hash, .factor = *factor};
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    co_return Response(204, "application/json", "");
  }

 private:
  /// Another command of the same request has ids of its own.
  domain::Meta next_meta(const Request& request, const Caller& caller) { return meta_of(x, request, caller); }

  /// What the app shows: the host that people know.
  std::string issuer() const {
    std::string_view host = x.settings.public_url;
    host.remove_prefix(host.find("//") + 2);
    return std::string(host.substr(0, host.find_first_of(":/")));
  }

  Services& x;
};

}  // namespace

void add_second_factor(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<SecondFactor>(services));
  const Shared user{.tags = {"Accounts"}, .security = {"user"}, .capability = {"user"}};
  router.add(
      route(user, Verb::POST, "/v1/me/second-factor", on(&SecondFactor::begin),
            {.operation_id = "beginSecondFactor",
             .summary = "Begin to set up an authenticator app (RFC 6238)",
             .description = "Within ten minutes of signing in, or of the password given anew. Signing in changes only "
                            "once a code was confirmed.",
             .replies = {http::json_reply<BegunJson>(201, "What the app needs.")},
             .problems = refusals({Refusal::unknown_user, Refusal::confirm_first, Refusal::email_not_verified,
                                   Refusal::second_factor_on})}));
  router.add(route(user, Verb::GET, "/v1/me/second-factor/qr.svg", on(&SecondFactor::qr),
                   {.operation_id = "secondFactorQr",
                    .summary = "The same as a QR code for the app, until a code was confirmed",
                    .replies = {http::plain_reply(200, "The image.", "image/svg+xml", "<svg/>")},
                    .problems = refusals({Refusal::unknown_user, Refusal::second_factor_off})}));
  router.add(
      route(user, Verb::POST, "/v1/me/second-factor/confirm", on(&SecondFactor::confirm),
            {.operation_id = "confirmSecondFactor",
             .summary = "Turn it on by a code of the app; ends all other sign-ins",
             .request = http::json_body<CodeRequest>(),
             .replies = {http::json_reply<RecoveryJson>(200, "Ten recovery codes.")},
             .problems = refusals({Refusal::wrong_credentials, Refusal::email_not_verified, Refusal::second_factor_on,
                                   Refusal::second_factor_off, Refusal::too_many_failures}),
             .curl = {{"body", R"({"code": "$TOTP_CODE"})"}}}));
  router.add(
      route(user, Verb::DELETE, "/v1/me/second-factor", on(&SecondFactor::remove),
            {.operation_id = "removeSecondFactor",
             .summary = "Turn it off by password and a code",
             .request = http::json_body<RemoveRequest>(),
             .replies = {http::empty_reply(204, "It is off.")},
             .problems = refusals({Refusal::wrong_credentials, Refusal::second_factor_off, Refusal::too_many_failures}),
             .curl = {{"body", R"({"password": "correct horse battery", "code": "$RECOVERY_CODE"})"}}}));
}

}  // namespace admit::api

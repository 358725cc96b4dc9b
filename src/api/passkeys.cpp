// Passkeys: added to an account by its owner, and signed in with. Bytes go as base64url, as browsers write them.

#include "domain/passkeys.hpp"

#include <algorithm>
#include <array>

#include "api/address_limit.hpp"
#include "api/passwords.hpp"
#include "api/services.hpp"
#include "api/session_cookie.hpp"
#include "api/session_json.hpp"
#include "crypto/encoding.hpp"
#include "identity/opaque_token.hpp"
#include "identity/webauthn.hpp"
#include "log/log.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

/// Many people may share one address.
constexpr double challenge_burst = 100, challenges_per_second = 2;
constexpr std::int64_t ceremony_ms = 300'000;
/// Removed ones count: their ids stay taken.
constexpr std::size_t max_passkeys_ever = 100;
constexpr std::array<std::int64_t, 3> algorithms{-7, -8, -257};

/// So many characters of base64url.
http::Shape base64(std::size_t limit_bytes) {
  return http::text(1, static_cast<std::int64_t>((limit_bytes * 4 + 2) / 3));
}

struct PartyJson {
  std::string id, name;
  static http::Shape shape() {
    return http::object<PartyJson>("PasskeyParty", {http::required("id", &PartyJson::id, http::text(1, 253)),
                                                    http::required("name", &PartyJson::name, http::text(1, 253))});
  }
};
struct OwnerJson {
  std::string id, name, display_name;
  static http::Shape shape() {
    return http::object<OwnerJson>("PasskeyOwner",
                                   {http::required("id", &OwnerJson::id, http::text(22, 22)),
                                    http::required("name", &OwnerJson::name, http::text(1, 254)),
                                    http::required("displayName", &OwnerJson::display_name, http::text(0, 200))});
  }
};
struct AlgorithmJson {
  std::string type = "public-key";
  std::int64_t alg = 0;
  static http::Shape shape() {
    return http::object<AlgorithmJson>(
        "PasskeyAlgorithm", {http::required("type", &AlgorithmJson::type, http::one_of({"public-key"})),
                             http::required("alg", &AlgorithmJson::alg, http::integer(-65535, 0).doc("COSE."))});
  }
};
struct DescriptorJson {
  std::string type = "public-key";
  std::string id;
  static http::Shape shape() {
    return http::object<DescriptorJson>(
        "PasskeyDescriptor", {http::required("type", &DescriptorJson::type, http::one_of({"public-key"})),
                              http::required("id", &DescriptorJson::id, base64(identity::credential_id_limit_bytes))});
  }
};
struct SelectionJson {
  std::string resident_key = "required", user_verification = "required";
  static http::Shape shape() {
    return http::object<SelectionJson>(
        "PasskeySelection",
        {http::required("residentKey", &SelectionJson::resident_key, http::one_of({"required"})),
         http::required("userVerification", &SelectionJson::user_verification, http::one_of({"required"}))});
  }
};
struct CreationJson {
  std::string challenge;
  PartyJson rp;
  OwnerJson user;
  std::vector<AlgorithmJson> parameters;
  std::int64_t timeout = ceremony_ms;
  std::vector<DescriptorJson> excluded;
  SelectionJson selection;
  std::string attestation = "none";
  static http::Shape shape() {
    using namespace http;
    return http::object<CreationJson>(
        "PasskeyCreationOptions",
        {required("challenge", &CreationJson::challenge, text(64, 64).doc("Good once, for five minutes.")),
         required("rp", &CreationJson::rp, any()), required("user", &CreationJson::user, any()),
         required("pubKeyCredParams", &CreationJson::parameters, items(1, 10)),
         required("timeout", &CreationJson::timeout, integer(0, ceremony_ms).doc("Milliseconds.")),
         required("excludeCredentials", &CreationJson::excluded, items(0, domain::max_passkeys)),
         required("authenticatorSelection", &CreationJson::selection, any()),
         required("attestation", &CreationJson::attestation, one_of({"none"}))});
  }
};
struct RequestJson {
  std::string challenge, rp_id;
  std::int64_t timeout = ceremony_ms;
  std::string user_verification = "required";
  static http::Shape shape() {
    using namespace http;
    return http::object<RequestJson>(
        "PasskeyRequestOptions",
        {required("challenge", &RequestJson::challenge, text(64, 64).doc("Good once, for five minutes.")),
         required("rpId", &RequestJson::rp_id, text(1, 253)),
         required("timeout", &RequestJson::timeout, integer(0, ceremony_ms).doc("Milliseconds.")),
         required("userVerification", &RequestJson::user_verification, one_of({"required"}))});
  }
};

struct NewPasskey {
  std::string name, client_data, attestation;
  static http::Shape shape() {
    using namespace http;
    return http::object<NewPasskey>(
        "NewPasskey",
        {required("name", &NewPasskey::name, text(1, 60).doc("To tell it from others.").example("My phone")),
         required("clientDataJSON", &NewPasskey::client_data, base64(identity::client_data_limit_bytes).example("e30")),
         required("attestationObject", &NewPasskey::attestation,
                  base64(identity::attestation_limit_bytes).example("oA"))});
  }
};
struct PasskeyName {
  std::string name;
  static http::Shape shape() {
    return http::object<PasskeyName>(
        "PasskeyName", {http::required("name", &PasskeyName::name, http::text(1, 60).example("My old phone"))});
  }
};
struct PasskeyJson {
  std::string passkey_id, name, created_at;
  std::optional<std::string> used_at;
  static http::Shape shape() {
    using namespace http;
    return http::object<PasskeyJson>("Passkey", {required("passkeyId", &PasskeyJson::passkey_id, uuid()),
                                                 required("name", &PasskeyJson::name, text(1, 60)),
                                                 required("createdAt", &PasskeyJson::created_at, date_time()),
                                                 optional("usedAt", &PasskeyJson::used_at, date_time())});
  }
};
struct PasskeyList {
  std::vector<PasskeyJson> passkeys;
  static http::Shape shape() {
    return http::object<PasskeyList>(
        "PasskeyList", {http::required("passkeys", &PasskeyList::passkeys, http::items(0, domain::max_passkeys))});
  }
};
struct PasskeySignIn {
  std::string credential_id, client_data, authenticator_data, signature;
  std::optional<std::string> user_handle;
  static http::Shape shape() {
    using namespace http;
    return http::object<PasskeySignIn>(
        "PasskeySignIn",
        {required("credentialId", &PasskeySignIn::credential_id,
                  base64(identity::credential_id_limit_bytes).example("AAAA")),
         required("clientDataJSON", &PasskeySignIn::client_data,
                  base64(identity::client_data_limit_bytes).example("e30")),
         required("authenticatorData", &PasskeySignIn::authenticator_data,
                  base64(identity::authenticator_data_limit_bytes).example("AAAA")),
         required("signature", &PasskeySignIn::signature, base64(identity::signature_limit_bytes).example("AAAA")),
         optional("userHandle", &PasskeySignIn::user_handle, text(1, 88))});
  }
};

std::string base64_of(std::string_view bytes) {
  return crypto::base64url(crypto::bytes_of(bytes));
}

/// The bytes of a field, or what is wrong with it.
Expected<std::string> bytes_in(std::string_view text, std::string_view field) {
  const auto bytes = crypto::from_base64url(text);
  if (bytes) return std::string(bytes->begin(), bytes->end());
  return std::unexpected(problem_of({Refusal::invalid_field, std::string(field), "Write the bytes in base64url."}));
}

PasskeyJson to_json(const domain::Passkey& passkey) {
  PasskeyJson out{passkey.id.text(), passkey.name, domain::text(passkey.created_at), std::nullopt};
  if (passkey.used_at) out.used_at = domain::text(*passkey.used_at);
  return out;
}

http::Problem not_accepted(std::string_view why) {
  return problem_of({Refusal::wrong_credentials, "", "The passkey is not accepted (" + std::string(why) + ")."});
}

class Passkeys {
 public:
  explicit Passkeys(Services& services) : x(services), x_party(identity::relying_party(services.settings.public_url)) {}

  Task ask_to_add(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    const auto user = row_of<domain::User>(x, caller->user);
    if (!user) co_return user.error();
    const auto all = all_of(user->id);
    const auto live = live_of(all);
    if (live.size() >= domain::max_passkeys || all.size() >= max_passkeys_ever) {
      co_return problem_of({Refusal::too_many, "", "The account has as many passkeys as one may have."});
    }
    const auto meta = meta_of(x, request, *caller);
    auto [challenge, command] = new_challenge(meta);
    command.proven_at = proven_at(x, *caller);
    const std::string& text = challenge;
    co_return co_await perform(x.lane, command, 201, [&](const domain::Proof&) {
      CreationJson out{
          .challenge = text,
          .rp = {x_party.id, x_party.id},
          .user = {base64_of(user->id.value.raw()), user->email, user->name.empty() ? user->email : user->name},
          .parameters = {},
          .excluded = {},
          .selection = {}};
      for (const auto algorithm : algorithms) out.parameters.push_back({.alg = algorithm});
      for (const auto& passkey : live) out.excluded.push_back({.id = base64_of(passkey.credential_id.data)});
      return out;
    });
  }

  Task add(Request& request) {
    const auto in = input<None, NewPasskey>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto client_data = bytes_in(in->body.client_data, "clientDataJSON");
    if (!client_data) co_return client_data.error();
    const auto attestation = bytes_in(in->body.attestation, "attestationObject");
    if (!attestation) co_return attestation.error();
    const auto refused = [](identity::PasskeyFault fault) {
      return problem_of(
          {Refusal::invalid_field, "", "The passkey is not accepted (" + std::string(identity::word(fault)) + ")."});
    };
    const auto challenge = identity::read_client_data(x_party, identity::Ceremony::create, *client_data);
    if (!challenge) co_return refused(challenge.error());
    const auto made = identity::check_registration(x_party, *client_data, *attestation);
    if (!made) co_return refused(made.error());
    const auto proof = identity::parse_opaque_token("", *challenge).value_or(identity::OpaqueName{});
    domain::AddPasskey command{.meta = meta_of(x, request, in->caller),
                               .proof_id = domain::ProofId{proof.id},
                               .secret_hash = {std::string(crypto::text_of(proof.hash))},
                               .name = in->body.name,
                               .credential_id = {made->id},
                               .algorithm = made->key.algorithm,
                               .public_key = {made->key.public_key},
                               .sign_count = made->sign_count};
    co_return co_await perform(x.lane, std::move(command), 201, to_json);
  }

  Response list(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) return caller.error();
    PasskeyList out;
    for (const auto& passkey : live_of(all_of(caller->user))) out.passkeys.push_back(to_json(passkey));
    return reply(200, out);
  }

  Task rename(Request& request) {
    const auto in = input<domain::PasskeyId, PasskeyName>(request, caller_of(x, request));
    if (!in) co_return in.error();
    domain::RenamePasskey command{.meta = meta_of(x, request, in->caller), .passkey_id = in->id, .name = in->body.name};
    co_return co_await perform(x.lane, std::move(command), 200, to_json);
  }

  Task remove(Request& request) {
    const auto in = input<domain::PasskeyId>(request, caller_of(x, request));
    if (!in) co_return in.error();
    domain::RemovePasskey command{.meta = meta_of(x, request, in->caller), .passkey_id = in->id};
    co_return co_await perform(x.lane, std::move(command), 204,
                               [](const domain::Passkey&) { return Response(204, "application/json", ""); });
  }

  Task ask_to_sign_in(Request& request) {
    const auto meta = meta_of(x, request);
    if (!x_challenges.take(request.peer, meta.now)) {
      co_return http::Problem{429, "too_many_requests", "Too many requests from this address; wait a moment.", "",
                              x_challenges.wait_s()};
    }
    const auto [challenge, command] = new_challenge(meta);
    co_return co_await perform(x.lane, command, 201, [&](const domain::Proof&) {
      return RequestJson{.challenge = challenge, .rp_id = x_party.id};
    });
  }

  Task sign_in(Request& request) {
    if (const auto page = is_page(x, request); !page) co_return page.error();
    auto body = body_of<PasskeySignIn>(request);
    if (!body) co_return body.error();
    const auto credential = bytes_in(body->credential_id, "credentialId");
    if (!credential) co_return credential.error();
    const auto client_data = bytes_in(body->client_data, "clientDataJSON");
    if (!client_data) co_return client_data.error();
    const auto authenticator_data = bytes_in(body->authenticator_data, "authenticatorData");
    if (!authenticator_data) co_return authenticator_data.error();
    const auto signature = bytes_in(body->signature, "signature");
    if (!signature) co_return signature.error();

    const auto challenge = identity::read_client_data(x_party, identity::Ceremony::get, *client_data);
    if (!challenge) co_return not_accepted(identity::word(challenge.error()));
    const auto passkey = store::get<domain::Passkey>(x.store, domain::passkey_id(*credential));
    if (!passkey || passkey->removed_at) co_return not_accepted("unknown");
    if (body->user_handle && *body->user_handle != base64_of(passkey->user_id.value.raw())) {
      co_return not_accepted("unknown");
    }
    const auto count = identity::check_assertion(x_party, {passkey->algorithm, passkey->public_key.data}, *client_data,
                                                 *authenticator_data, *signature);
    if (!count) co_return not_accepted(identity::word(count.error()));
    const auto proof = identity::parse_opaque_token("", *challenge).value_or(identity::OpaqueName{});

    domain::Meta meta = meta_of(x, request);
    meta.user = passkey->user_id;
    meta.actor = "user:" + passkey->user_id.text();
    const auto fresh = new_session(x, meta);
    domain::Meta session_meta = meta;
    session_meta.seed = x.seed();
    domain::UsePasskey command{.meta = meta,
                               .passkey_id = passkey->id,
                               .proof_id = domain::ProofId{proof.id},
                               .secret_hash = {std::string(crypto::text_of(proof.hash))},
                               .sign_count = *count,
                               .session = {.meta = session_meta,
                                           .session_id = fresh.id,
                                           .user_id = passkey->user_id,
                                           .refresh_hash = fresh.refresh_hash,
                                           .method = "passkey",
                                           .agent = std::string(request.header("User-Agent").value_or(""))}};
    co_return co_await perform(x.lane, std::move(command), 201, [&](const domain::PasskeyUse& use) -> Response {
      if (!use.session) {
        log::warning("the counter of a passkey went back",
                     {{"passkey", passkey->id.text()}, {"user", use.user.id.text()}});
        return not_accepted("counter_went_back");
      }
      return session_reply(x, request, 201, session_json(x, use.user, fresh.id, fresh.refresh_token, meta.now));
    });
  }

 private:
  /// A challenge is an opaque token without a prefix, so that what a browser sends back names the row that keeps its
  /// hash.
  std::pair<std::string, domain::AskPasskey> new_challenge(const domain::Meta& meta) const {
    const domain::ProofId id{domain::fresh_uuid(meta.now, x.seed(), 0)};
    const auto token = identity::make_opaque_token("", id.value);
    return {token.text, {.meta = meta, .proof_id = id, .secret_hash = {std::string(crypto::text_of(token.hash))}}};
  }

  std::vector<domain::Passkey> all_of(domain::UserId user) const {
    return store::list<domain::Passkey>(x.store, "by_user", user.value, max_passkeys_ever, std::nullopt).rows;
  }
  static std::vector<domain::Passkey> live_of(std::vector<domain::Passkey> all) {
    std::erase_if(all, [](const domain::Passkey& passkey) { return passkey.removed_at.has_value(); });
    return all;
  }

  Services& x;
  identity::RelyingParty x_party;
  AddressLimit x_challenges{challenge_burst, challenges_per_second};
};

}  // namespace

void add_passkeys(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Passkeys>(services));
  const Shared open{.tags = {"Accounts"}, .capability = {"anybody"}};
  const Shared user{.tags = {"Accounts"}, .capability = {"user"}};
  router.add(route(
      user, Verb::POST, "/v1/me/passkeys/options", on(&Passkeys::ask_to_add),
      {.operation_id = "askToAddPasskey",
       .summary = "What to ask the browser for, to add a passkey",
       .description = "As `PublicKeyCredential.parseCreationOptionsFromJSON` reads it. Within ten minutes of "
                      "signing in, or of the password given anew.",
       .replies = {http::json_reply<CreationJson>(201, "A challenge and its conditions.")},
       .problems =
           refusals({Refusal::unknown_user, Refusal::email_not_verified, Refusal::forbidden, Refusal::too_many})}));
  router.add(route(user, Verb::POST, "/v1/me/passkeys", on(&Passkeys::add),
                   {.operation_id = "addPasskey",
                    .summary = "Add the passkey that the browser made",
                    .request = http::json_body<NewPasskey>(),
                    .replies = {http::json_reply<PasskeyJson>(201, "The passkey.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_user, Refusal::email_not_verified,
                                          Refusal::unknown_proof, Refusal::identity_taken})}));
  router.add(route(user, Verb::GET, "/v1/me/passkeys", on(&Passkeys::list),
                   {.operation_id = "listPasskeys",
                    .summary = "The account's passkeys",
                    .replies = {http::json_reply<PasskeyList>(200, "All of them, the oldest first.")}}));
  router.add(route(user, Verb::PATCH, "/v1/me/passkeys/{passkeyId}", on(&Passkeys::rename),
                   {.operation_id = "renamePasskey",
                    .summary = "Give a passkey another name",
                    .request = http::json_body<PasskeyName>(),
                    .replies = {http::json_reply<PasskeyJson>(200, "The passkey.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_passkey})}));
  router.add(route(user, Verb::DELETE, "/v1/me/passkeys/{passkeyId}", on(&Passkeys::remove),
                   {.operation_id = "removePasskey",
                    .summary = "Remove a passkey: it signs in no more",
                    .replies = {http::empty_reply(204, "Removed.")},
                    .problems = refusals({Refusal::unknown_passkey})}));
  router.add(
      route(open, Verb::POST, "/v1/sessions/passkey/options", on(&Passkeys::ask_to_sign_in),
            {.operation_id = "askToSignInWithPasskey",
             .summary = "What to ask the browser for, to sign in with a passkey",
             .description = "As `PublicKeyCredential.parseRequestOptionsFromJSON` reads it. Names no account: the "
                            "passkey does.",
             .replies = {http::json_reply<RequestJson>(201, "A challenge and its conditions.")},
             .problems = {{429, "too_many_requests", "Too many from this address; wait a moment."}}}));
  router.add(
      route(open, Verb::POST, "/v1/sessions/passkey", on(&Passkeys::sign_in),
            {.operation_id = "signInWithPasskey",
             .summary = "Sign in with a passkey",
             .description = "Its user was verified by a PIN, finger or face, so no second factor is asked for.",
             .request = http::json_body<PasskeySignIn>(),
             .replies = {http::json_reply<SessionJson>(201, "As for a password.")},
             .problems = refusals({Refusal::invalid_field, Refusal::wrong_credentials, Refusal::unknown_proof})}));
}

}  // namespace admit::api

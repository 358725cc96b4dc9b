// Other providers of identities: their tokens, signing in there with a browser, and the names linked to an account.

#include "api/external.hpp"

#include <algorithm>

#include "api/passwords.hpp"
#include "api/session_cookie.hpp"
#include "api/session_json.hpp"
#include "crypto/aes_gcm.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "domain/identities.hpp"
#include "domain/sessions.hpp"
#include "domain/users.hpp"
#include "http/client.hpp"
#include "http/target.hpp"
#include "identity/external_tokens.hpp"
#include "log/log.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;
using identity::ExternalFault;
using identity::Provider;

constexpr std::string_view cookie_name = "__Host-sign-in";
constexpr std::string_view cookie_attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=";
constexpr std::size_t max_next_bytes = 500;
constexpr std::chrono::milliseconds exchange_limit{10'000};

struct ProviderJson {
  std::string id, name;
  std::optional<std::string> sign_in_path;
  static http::Shape shape() {
    using namespace http;
    return http::object<ProviderJson>(
        "IdentityProvider",
        {required("id", &ProviderJson::id, word_text(1, 40)), required("name", &ProviderJson::name, text(1, 60)),
         http::optional("signInPath", &ProviderJson::sign_in_path,
                        text(1, 100).doc("Where a browser signs in; `?next=` is the path to come back to."))});
  }
};
struct ProviderList {
  std::vector<ProviderJson> providers;
  static http::Shape shape() {
    return http::object<ProviderList>("IdentityProviderList",
                                      {http::required("providers", &ProviderList::providers, http::items(0, 100))});
  }
};

struct IdentityJson {
  std::string identity_id, issuer, subject, linked_at;
  std::optional<std::string> provider, email;
  static http::Shape shape() {
    using namespace http;
    return http::object<IdentityJson>(
        "Identity", {required("identityId", &IdentityJson::identity_id, uuid()),
                     required("issuer", &IdentityJson::issuer), required("subject", &IdentityJson::subject),
                     http::optional("provider", &IdentityJson::provider,
                                    text(1, 40).doc("None where it is not configured any more.")),
                     http::optional("email", &IdentityJson::email, text(1, 254).doc("As the provider last said.")),
                     required("linkedAt", &IdentityJson::linked_at, date_time())});
  }
};
struct IdentityList {
  std::vector<IdentityJson> identities;
  static http::Shape shape() {
    return http::object<IdentityList>(
        "IdentityList", {http::required("identities", &IdentityList::identities,
                                        http::items(0, static_cast<std::int64_t>(domain::max_identities)))});
  }
};
struct IdentityToken {
  std::string token;
  static http::Shape shape() {
    return http::object<IdentityToken>(
        "IdentityToken", {http::required("token", &IdentityToken::token,
                                         http::text(1, identity::external_token_limit_bytes)
                                             .doc("One that the provider gave to whoever is signed in."))});
  }
};

/// What a provider's token endpoint says (OpenID Connect Core, 3.1.3.3).
struct TokenAnswer {
  std::string id_token;
  static http::Shape shape() {
    return http::object<TokenAnswer>("TokenAnswer", {http::required("id_token", &TokenAnswer::id_token)});
  }
};

/// What a browser carries from the way out to the way back, sealed.
struct WayBack {
  std::string state, nonce, verifier, next;
  std::int64_t until_ms = 0;
  static http::Shape shape() {
    using http::required;
    return http::object<WayBack>("WayBack", {required("state", &WayBack::state), required("nonce", &WayBack::nonce),
                                             required("verifier", &WayBack::verifier), required("next", &WayBack::next),
                                             required("until", &WayBack::until_ms)});
  }
};

std::string random_text() {
  return crypto::base64url(crypto::random_bytes<32>());
}

/// As HTTP's Basic wants it (RFC 4648, 4).
std::string base64(std::string_view text) {
  std::string out = crypto::base64url(crypto::bytes_of(text));
  std::ranges::replace(out, '-', '+');
  std::ranges::replace(out, '_', '/');
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

/// A path of ours and nothing else: no other host, and nothing a browser could read as one.
bool is_own_path(std::string_view text) {
  const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '\\'; });
  return text.starts_with('/') && !text.starts_with("//") && printable && text.size() <= max_next_bytes;
}

domain::ExternalPerson person_of(const Provider& provider, const identity::ExternalClaims& claims) {
  return {.issuer = provider.issuer,
          .subject = claims.subject,
          .email = claims.email,
          .email_verified = claims.email_verified,
          .name = claims.name,
          .locale = claims.locale};
}

/// The command that lets a person in, with what it has to know of the account that may have their address.
domain::AdmitPerson admit_command(const Services& services, const domain::Meta& meta, const Provider& provider,
                                  const identity::ExternalClaims& claims) {
  domain::AdmitPerson command{
      .meta = meta, .person = person_of(provider, claims), .link_by_email = provider.link_by_email};
  if (!claims.email.empty()) command.verification = new_proof(services, meta);
  command.at_provider = signs_up_elsewhere(services);
  if (claims.email_verified && provider.link_by_email) {
    const auto claim = store::get<domain::Claim>(services.store, domain::email_claim(claims.email));
    if (claim && claim->target) command.ways = ways_of(services, domain::UserId{claim->target});
  }
  return command;
}

/// The account that a name is linked to; nullopt where it is to none, or the account is erased.
std::optional<domain::User> linked_user(const Services& services, const domain::ExternalIdentity& identity) {
  if (!identity.user_id) return std::nullopt;
  auto user = store::get<domain::User>(services.store, identity.user_id);
  return user && !user->erased_at ? std::move(user) : std::nullopt;
}

http::Problem not_accepted(ExternalFault fault) {
  return {401, "unauthenticated", "The provider's token is not accepted (" + std::string(identity::word(fault)) + ").",
          "", 0};
}

/// Nobody chose the provider to guard the account instead of the factor that they set up here.
http::Problem wants_second_factor() {
  return problem_of({Refusal::second_factor_required, "",
                     "The account has a second factor, and this sign-in does not say that one was used: use one at the "
                     "provider, or sign in here with password and code."});
}

class External {
 public:
  explicit External(Services& services) : x(services), x_seal_key(services.ring.derive("admit/sign-in/1")) {}

  Response providers(Request&) {
    ProviderList out;
    for (const Provider* provider : all_providers()) {
      ProviderJson json{.id = provider->name, .name = provider->label, .sign_in_path = std::nullopt};
      if (!provider->client_id.empty()) json.sign_in_path = "/sign-in/" + provider->name;
      out.providers.push_back(std::move(json));
    }
    return reply(200, out);
  }

  Response list(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) return caller.error();
    IdentityList out;
    for (const auto& identity : identities_of(caller->user)) out.identities.push_back(to_json(identity));
    return reply(200, out);
  }

  Task link(Request& request) {
    const auto in = input<None, IdentityToken>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto verified = co_await verify(in->body.token);
    if (!verified) {
      co_return problem_of({Refusal::invalid_field, "token",
                            "The token is not accepted (" + std::string(identity::word(verified.error())) + ")."});
    }
    domain::LinkIdentity command{.meta = meta_of(x, request, in->caller),
                                 .person = person_of(*(*verified)->provider, (*verified)->claims),
                                 .linked = identities_of(in->caller.user).size(),
                                 .proven_at = proven_at(x, in->caller)};
    co_return co_await perform(x.lane, std::move(command), 201,
                               [this](const domain::ExternalIdentity& identity) { return to_json(identity); });
  }

  Task unlink(Request& request) {
    const auto in = input<domain::IdentityId>(request, caller_of(x, request));
    if (!in) co_return in.error();
    domain::UnlinkIdentity command{
        .meta = meta_of(x, request, in->caller), .identity_id = in->id, .ways = ways_of(x, in->caller.user)};
    co_return co_await perform(x.lane, std::move(command), 204,
                               [](const domain::ExternalIdentity&) { return Response(204, "application/json", ""); });
  }

  // The browser.

  Task go(Request& request) {
    const Provider* provider = sign_in_provider(request);
    if (provider == nullptr) co_return back_to_sign_in("unknown_provider");
    const auto endpoints = co_await endpoints_of(*provider);
    if (!endpoints) co_return back_to_sign_in("provider_unavailable");
    const std::string_view asked = request.query("next").value_or("");
    const WayBack way{.state = random_text(),
                      .nonce = random_text(),
                      .verifier = random_text(),
                      .next = is_own_path(asked) ? std::string(asked) : "/account",
                      .until_ms = domain::to_unix_ms(x.clock() + domain::sign_in_ttl)};
    const auto challenge = crypto::base64url(crypto::sha256(way.verifier));
    std::string url = endpoints->authorization;
    url += url.contains('?') ? '&' : '?';
    url += http::write_form({{"response_type", "code"},
                             {"client_id", provider->client_id},
                             {"redirect_uri", redirect_uri(*provider)},
                             {"scope", "openid email profile"},
                             {"state", way.state},
                             {"nonce", way.nonce},
                             {"code_challenge", challenge},
                             {"code_challenge_method", "S256"}});
    const auto box =
        crypto::box_seal(x_seal_key.bytes(), crypto::bytes_of(provider->name), crypto::bytes_of(http::write_json(way)));
    Response out = to(url);
    out.headers.push_back(cookie(crypto::base64url(box), std::chrono::seconds(domain::sign_in_ttl).count()));
    co_return out;
  }

  Task come_back(Request& request) {
    Response out = co_await end_sign_in(request);
    out.headers.push_back(cookie("", 0));
    co_return out;
  }

  // Bearer tokens.

  /// Nothing where the call may go on: its token is none of a provider's, or its person's account is there now.
  boost::asio::awaitable<std::optional<http::Problem>> let_in(Request& request) {
    const auto bearer = request.bearer();
    if (!bearer || !bearer->starts_with("eyJ") || x.tokens.verify(*bearer, x.clock())) co_return std::nullopt;
    if (x.external->provider_of(*bearer) == nullptr) co_return std::nullopt;
    const std::string token(*bearer);
    const auto verified = co_await verify(token);
    if (!verified) co_return not_accepted(verified.error());
    const auto& [provider, claims, generation] = **verified;
    const auto identity =
        store::get<domain::ExternalIdentity>(x.store, domain::identity_id(provider->issuer, claims.subject));
    const auto user = identity ? linked_user(x, *identity) : std::nullopt;
    if (user && !domain::is_news(*identity, *user, person_of(*provider, claims), provider->link_by_email)) {
      co_return std::nullopt;
    }
    const auto answer = co_await submit(x.lane, admit_command(x, meta_of(x, request), *provider, claims));
    if (!answer.result) co_return problem_of(answer.result.error());
    co_return std::nullopt;
  }

  Task call(Request& request, const http::Handler& inner) {
    if (auto problem = co_await let_in(request)) co_return *std::move(problem);
    if (inner.is_sync()) co_return inner.call(request);
    co_return co_await inner.start(request);
  }

 private:
  [[nodiscard]] std::vector<const Provider*> all_providers() const {
    return x.external != nullptr ? x.external->providers() : std::vector<const Provider*>{};
  }
  [[nodiscard]] const Provider* sign_in_provider(const Request& request) const {
    const Provider* provider = x.external != nullptr ? x.external->find(request.param("provider")) : nullptr;
    return provider != nullptr && !provider->client_id.empty() ? provider : nullptr;
  }

  [[nodiscard]] std::vector<domain::ExternalIdentity> identities_of(domain::UserId user) const {
    return store::list<domain::ExternalIdentity>(x.store, "by_user", user.value, domain::max_identities).rows;
  }

  [[nodiscard]] IdentityJson to_json(const domain::ExternalIdentity& identity) const {
    IdentityJson out{.identity_id = identity.id.text(),
                     .issuer = identity.issuer,
                     .subject = identity.subject,
                     .linked_at = domain::text(identity.linked_at),
                     .provider = std::nullopt,
                     .email = std::nullopt};
    if (!identity.email.empty()) out.email = identity.email;
    for (const Provider* provider : all_providers()) {
      if (provider->issuer == identity.issuer) out.provider = provider->name;
    }
    return out;
  }

  boost::asio::awaitable<void> refreshed(const Provider& provider) {
    co_await suspend([&](Resume resume) { x.external->when_refreshed(provider, std::move(resume)); });
  }

  /// Waits once for the keys to be read anew where the token's is not known.
  boost::asio::awaitable<std::expected<identity::ExternalTokens::Shared, ExternalFault>> verify(std::string token) {
    if (x.external == nullptr) co_return std::unexpected(ExternalFault::wrong_issuer);
    auto verified = x.external->verify(token, x.clock());
    if (verified || verified.error() != ExternalFault::unknown_key) co_return verified;
    const Provider* provider = x.external->provider_of(token);
    if (provider == nullptr) co_return verified;
    co_await refreshed(*provider);
    co_return x.external->verify(token, x.clock());
  }

  boost::asio::awaitable<std::optional<identity::Endpoints>> endpoints_of(const Provider& provider) {
    if (auto known = x.external->endpoints(provider)) co_return known;
    co_await refreshed(provider);
    co_return x.external->endpoints(provider);
  }

  [[nodiscard]] std::string redirect_uri(const Provider& provider) const {
    return x.settings.public_url + "/sign-in/" + provider.name + "/callback";
  }

  static http::Header cookie(std::string_view value, std::int64_t seconds) {
    return {"Set-Cookie", std::string(cookie_name) + "=" + std::string(value) + std::string(cookie_attributes) +
                              std::to_string(seconds)};
  }

  static Response to(std::string url) {
    Response out(303, "text/plain; charset=utf-8", "");
    out.headers.push_back({"Location", std::move(url)});
    out.headers.push_back({"Cache-Control", "no-store"});
    out.headers.push_back({"Referrer-Policy", "no-referrer"});
    return out;
  }
  /// The page for signing in says that it went wrong; `word` is one of ours.
  static Response back_to_sign_in(std::string_view word) { return to("/account/sign-in?error=" + std::string(word)); }

  /// What the way out was begun with, by the same browser, for this provider and not long ago.
  [[nodiscard]] std::optional<WayBack> way_back(const Request& request, const Provider& provider) const {
    const auto sealed = cookie_in(request, cookie_name);
    const auto box = sealed ? crypto::from_base64url(*sealed) : std::nullopt;
    const auto text = box ? crypto::box_open(x_seal_key.bytes(), crypto::bytes_of(provider.name), *box) : std::nullopt;
    if (!text) return std::nullopt;
    auto way = http::read_json<WayBack>(text->text());
    const auto state = request.query("state");
    if (!way || !state || !crypto::constant_time_equal(*state, way->state)) return std::nullopt;
    if (domain::from_unix_ms(way->until_ms) <= x.clock()) return std::nullopt;
    return *std::move(way);
  }

  /// The id token for a code; "" where the provider does not give one.
  boost::asio::awaitable<std::string> exchange(const Provider& provider, std::string url, std::string code,
                                               std::string verifier) {
    std::vector<http::FormField> form{{"grant_type", "authorization_code"},
                                      {"code", std::move(code)},
                                      {"redirect_uri", redirect_uri(provider)},
                                      {"code_verifier", std::move(verifier)}};
    http::ClientRequest request{
        .method = "POST",
        .url = std::move(url),
        .headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}}};
    if (provider.client_secret.empty()) {
      form.emplace_back("client_id", provider.client_id);
    } else {
      // RFC 6749, 2.3.1: both form-encoded, then as Basic has it.
      const std::string pair =
          http::percent_encode(provider.client_id) + ":" + http::percent_encode(provider.client_secret.text());
      request.headers.push_back({"Authorization", "Basic " + base64(pair)});
    }
    request.body = http::write_form(form);
    request.total_limit = exchange_limit;
    request.max_reply_bytes = identity::jwks_limit_bytes;
    const auto answer = co_await x.external_client->send(std::move(request));
    if (!answer || answer->status != 200) {
      log::warning(
          "a provider of identities gave no token for a code",
          {{"provider", provider.name},
           {"reason", answer ? std::to_string(answer->status) : std::string(http::word(answer.error().fault))}});
      co_return "";
    }
    auto tokens = http::read_json<TokenAnswer>(answer->body, {.ignore_unknown_fields = true});
    co_return tokens ? std::move(tokens->id_token) : "";
  }

  Task end_sign_in(Request& request) {
    const Provider* provider = sign_in_provider(request);
    if (provider == nullptr) co_return back_to_sign_in("unknown_provider");
    const auto way = way_back(request, *provider);
    if (!way) co_return back_to_sign_in("link_used_up");
    // RFC 9207: an answer of another issuer is none to us.
    if (const auto issuer = request.query("iss"); issuer && *issuer != provider->issuer) {
      co_return back_to_sign_in("wrong_issuer");
    }
    const auto code = request.query("code");
    if (!code) co_return back_to_sign_in("declined");
    const auto endpoints = co_await endpoints_of(*provider);
    if (!endpoints) co_return back_to_sign_in("provider_unavailable");
    const std::string token = co_await exchange(*provider, endpoints->token, std::string(*code), way->verifier);
    if (token.empty()) co_return back_to_sign_in("provider_refused");
    auto claims = x.external->verify_sign_in(*provider, token, way->nonce, x.clock());
    if (!claims && claims.error() == ExternalFault::unknown_key) {
      co_await refreshed(*provider);
      claims = x.external->verify_sign_in(*provider, token, way->nonce, x.clock());
    }
    if (!claims) {
      log::warning("a provider of identities gave a token that is not accepted",
                   {{"provider", provider->name}, {"reason", identity::word(claims.error())}});
      co_return back_to_sign_in(identity::word(claims.error()));
    }
    auto admit = admit_command(x, meta_of(x, request), *provider, *claims);
    admit.once = domain::derived_id<domain::ProofId>("sign-in", way->nonce);
    const auto admitted = co_await submit(x.lane, std::move(admit));
    if (!admitted.result) co_return back_to_sign_in(domain::word(admitted.result.error().code));
    if (admitted.result->totp_confirmed && !claims->second_factor) {
      co_return back_to_sign_in(domain::word(Refusal::second_factor_required));
    }
    domain::Meta meta = meta_of(x, request);
    meta.user = admitted.result->id;
    meta.actor = "user:" + meta.user.text();
    const auto fresh = new_session(x, meta);
    domain::StartSession start{.meta = meta,
                               .session_id = fresh.id,
                               .user_id = meta.user,
                               .refresh_hash = fresh.refresh_hash,
                               .method = "external",
                               .agent = std::string(request.header("User-Agent").value_or(""))};
    const auto started = co_await submit(x.lane, std::move(start));
    if (!started.result) co_return back_to_sign_in(domain::word(started.result.error().code));
    Response out = to(way->next);
    out.headers.push_back(session_cookie(fresh.refresh_token));
    co_return out;
  }

  Services& x;
  crypto::Secret x_seal_key;
};

}  // namespace

bool signs_up_elsewhere(const Services& services) {
  return services.external != nullptr && services.external->sign_up_provider() != nullptr;
}

std::optional<Expected<Caller>> external_caller(const Services& services, std::string_view bearer) {
  if (services.external == nullptr) return std::nullopt;
  const auto verified = services.external->verify(bearer, services.clock());
  if (!verified) return std::nullopt;
  const auto& [provider, claims, generation] = **verified;
  const auto identity =
      store::get<domain::ExternalIdentity>(services.store, domain::identity_id(provider->issuer, claims.subject));
  const auto user = identity ? linked_user(services, *identity) : std::nullopt;
  if (!user || user->locked_at) return std::nullopt;
  // Whoever signed out everywhere wants a new token, not this one.
  if (user->tokens_since && claims.issued_at <= *user->tokens_since) return std::nullopt;
  if (user->totp_confirmed && !claims.second_factor) return std::unexpected(wants_second_factor());
  Caller caller;
  caller.user = user->id;
  caller.is_operator = user->is_operator || claims.is_operator;
  caller.token_at = claims.issued_at;
  return caller;
}

void take_external_tokens(http::Router& router, Services& services) {
  if (services.external == nullptr) return;
  auto external = std::make_shared<External>(services);
  for (const auto& route : router.routes()) {
    const auto& security = route->doc.security;
    const bool is_for_people =
        std::ranges::any_of(security, [](const std::string& word) { return word == "user" || word == "operator"; });
    if (!is_for_people) continue;
    route->handler = http::Handler(
        [external, inner = route->handler](Request& request) -> Task { return external->call(request, inner); });
  }
}

void add_external(http::Router& router, Services& services) {
  auto external = std::make_shared<External>(services);
  const auto on = methods_of(external);
  const Shared open{.tags = {"Accounts"}};
  const Shared user{.tags = {"Accounts"}, .security = {"user"}, .capability = {"user"}};
  router.add(route(open, Verb::GET, "/v1/identity-providers", on(&External::providers),
                   {.operation_id = "identityProviders",
                    .summary = "Providers of identities whose accounts sign in here",
                    .replies = {http::json_reply<ProviderList>(200, "Those configured.")}}));
  router.add(route(user, Verb::GET, "/v1/me/identities", on(&External::list),
                   {.operation_id = "listIdentities",
                    .summary = "Names at other providers that sign in to the account",
                    .replies = {http::json_reply<IdentityList>(200, "The names.")}}));
  router.add(route(user, Verb::POST, "/v1/me/identities", on(&External::link),
                   {.operation_id = "linkIdentity",
                    .summary = "Let a name at another provider sign in to the account",
                    .description = "The token proves whose name it is; the caller's own, whose account it is.",
                    .request = http::json_body<IdentityToken>(),
                    .replies = {http::json_reply<IdentityJson>(201, "It is linked; also where it was before.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_user, Refusal::confirm_first,
                                          Refusal::email_not_verified, Refusal::identity_taken, Refusal::too_many}),
                    .curl = {{"body", R"({"token": "$IDENTITY_TOKEN"})"}}}));
  router.add(route(user, Verb::DELETE, "/v1/me/identities/{identityId}", on(&External::unlink),
                   {.operation_id = "unlinkIdentity",
                    .summary = "Let a name sign in no more",
                    .replies = {http::empty_reply(204, "It is linked no more, and its tokens are refused at once.")},
                    .problems = refusals({Refusal::unknown_identity, Refusal::only_sign_in})}));
  for (const auto& [path, handler] : {std::pair{"/sign-in/{provider}", on(&External::go)},
                                      std::pair{"/sign-in/{provider}/callback", on(&External::come_back)}}) {
    router.add({.verb = Verb::GET,
                .path_template = path,
                .handler = handler,
                .doc = {.is_hidden = true},
                .options = {.cors = false}});
  }
}

}  // namespace admit::api

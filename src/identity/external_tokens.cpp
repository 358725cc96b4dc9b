#include "identity/external_tokens.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <stdexcept>
#include <utility>

#include "crypto/hash.hpp"
#include "identity/strict_json.hpp"

namespace admit::identity {

using std::chrono::steady_clock;

namespace {

constexpr std::size_t max_waiting = 1000;
constexpr std::size_t max_url_bytes = 2000;

/// Supabase and Cognito keep their keys in one place; of others, discovery tells.
bool has_fixed_place(ProviderPolicy policy) {
  return policy != ProviderPolicy::generic;
}

bool needs_discovery(const Provider& provider) {
  return !provider.client_id.empty() || (provider.jwks_url.empty() && !has_fixed_place(provider.policy));
}

/// What a provider reached by https tells us to call must be so too.
bool may_follow(const std::string& issuer, std::string_view url) {
  if (url.size() > max_url_bytes) return false;
  return url.starts_with("https://") || (issuer.starts_with("http://") && url.starts_with("http://"));
}

}  // namespace

ExternalTokens::ExternalTokens(std::vector<Provider> providers, Fetch fetch, FetchFault fetch_fault, Ticks ticks)
    : x_fetch(std::move(fetch)), x_fetch_fault(std::move(fetch_fault)), x_ticks(std::move(ticks)) {
  for (Provider& provider : providers) x_known.emplace_back().provider = std::move(provider);
}

ExternalTokens::~ExternalTokens() {
  stop();
}

void ExternalTokens::start() {
  x_thread = std::thread([this] { run(); });
}

void ExternalTokens::stop() {
  {
    const std::lock_guard lock{x_mutex};
    x_is_stopping = true;
  }
  x_changed.notify_all();
  if (x_thread.joinable()) x_thread.join();
  for (Known& known : x_known) {
    std::vector<std::move_only_function<void()>> waiting;
    {
      const std::lock_guard lock{x_mutex};
      waiting = std::exchange(known.waiting, {});
    }
    for (auto& then : waiting) then();
  }
}

const Provider* ExternalTokens::find(std::string_view name) const {
  const auto found = std::ranges::find(x_known, name, [](const Known& known) { return known.provider.name; });
  return found != x_known.end() ? &found->provider : nullptr;
}

std::vector<const Provider*> ExternalTokens::providers() const {
  std::vector<const Provider*> out;
  for (const Known& known : x_known) out.push_back(&known.provider);
  return out;
}

const Provider* ExternalTokens::provider_of(std::string_view token) const {
  const auto issuer = claimed_issuer(token);
  if (!issuer) return nullptr;
  const auto found = std::ranges::find(x_known, *issuer, [](const Known& known) { return known.provider.issuer; });
  return found != x_known.end() ? &found->provider : nullptr;
}

const Provider* ExternalTokens::sign_up_provider() const {
  const auto found =
      std::ranges::find_if(x_known, [](const Known& known) { return !known.provider.service_key.empty(); });
  return found != x_known.end() ? &found->provider : nullptr;
}

const ExternalTokens::Known& ExternalTokens::known_of(const Provider& provider) const {
  const auto found = std::ranges::find_if(x_known, [&](const Known& known) { return &known.provider == &provider; });
  if (found == x_known.end()) throw std::logic_error("a provider of somebody else");
  return *found;
}

ExternalTokens::Known& ExternalTokens::known_of(const Provider& provider) {
  return const_cast<Known&>(std::as_const(*this).known_of(provider));
}

std::pair<std::shared_ptr<const KeySet>, std::uint64_t> ExternalTokens::keys_of(const Provider& provider) const {
  const Known& known = known_of(provider);
  const std::lock_guard lock{x_mutex};
  return {known.keys, known.generation};
}

std::expected<ExternalTokens::Shared, ExternalFault> ExternalTokens::verify(std::string_view token,
                                                                            domain::Instant now) {
  if (token.size() > external_token_limit_bytes) return std::unexpected(ExternalFault::malformed);
  const crypto::Digest digest = crypto::sha256(token);
  if (Shared seen = x_seen.find(digest); seen && seen->generation == keys_of(*seen->provider).second) {
    if (const auto fault = fault_of_time(seen->claims, now)) return std::unexpected(*fault);
    return seen;
  }
  const Provider* provider = provider_of(token);
  if (provider == nullptr) return std::unexpected(ExternalFault::wrong_issuer);
  const auto [keys, generation] = keys_of(*provider);
  auto claims = check_token(*provider, *keys, token, TokenUse::bearer, now);
  if (!claims) return std::unexpected(claims.error());
  auto verified = std::make_shared<const Verified>(Verified{provider, *std::move(claims), generation});
  x_seen.remember(digest, verified);
  return verified;
}

std::expected<ExternalClaims, ExternalFault> ExternalTokens::verify_sign_in(const Provider& provider,
                                                                            std::string_view token,
                                                                            std::string_view nonce,
                                                                            domain::Instant now) const {
  auto claims = check_token(provider, *keys_of(provider).first, token, TokenUse::sign_in, now);
  if (claims && !crypto::constant_time_equal(claims->nonce, nonce)) return std::unexpected(ExternalFault::wrong_use);
  return claims;
}

std::optional<Endpoints> ExternalTokens::endpoints(const Provider& provider) const {
  const Known& known = known_of(provider);
  const std::lock_guard lock{x_mutex};
  return known.endpoints;
}

void ExternalTokens::when_refreshed(const Provider& provider, std::move_only_function<void()> then) {
  Known& known = known_of(provider);
  bool is_late = false;
  {
    const std::lock_guard lock{x_mutex};
    const bool rests = !known.is_running && known.tried_at && x_ticks() < *known.tried_at + refresh_least;
    is_late = rests || x_is_stopping || known.waiting.size() >= max_waiting;
    if (!is_late) {
      known.is_wanted = known.is_wanted || !known.is_running;
      known.waiting.push_back(std::move(then));
    }
  }
  if (is_late) {
    then();
  } else {
    x_changed.notify_all();
  }
}

std::string ExternalTokens::read_discovery(Known& known) {
  const Provider& provider = known.provider;
  const auto fetched =
      x_fetch(provider.issuer + (provider.issuer.ends_with('/') ? "" : "/") + ".well-known/openid-configuration");
  if (!fetched) return "discovery: " + fetched.error();
  const auto object = fetched->body.size() <= jwks_limit_bytes ? strict_object(fetched->body) : std::nullopt;
  if (!object) return "discovery: not a JSON object";
  const auto text = [&](std::string_view name) {
    const auto* found = text_in(*object, name);
    return found != nullptr ? std::string(*found) : "";
  };
  if (text("issuer") != provider.issuer) return "discovery: it names another issuer";
  const Endpoints endpoints{text("authorization_endpoint"), text("token_endpoint")};
  const std::string jwks_url = text("jwks_uri");
  for (const std::string& url : {endpoints.authorization, endpoints.token, jwks_url}) {
    if (!url.empty() && !may_follow(provider.issuer, url)) return "discovery: it names a URL that is not safe";
  }
  const std::lock_guard lock{x_mutex};
  if (!endpoints.authorization.empty() && !endpoints.token.empty()) known.endpoints = endpoints;
  known.found_jwks_url = jwks_url;
  return "";
}

void ExternalTokens::refresh(Known& known) {
  const Provider& provider = known.provider;
  std::string fault = needs_discovery(provider) ? read_discovery(known) : "";
  std::string url = provider.jwks_url;
  if (url.empty())
    url = has_fixed_place(provider.policy) ? provider.issuer + "/.well-known/jwks.json" : known.found_jwks_url;
  std::chrono::seconds age = keys_age_default;
  if (!url.empty()) {
    const auto fetched = x_fetch(url);
    auto keys = fetched ? parse_jwks(fetched->body) : std::nullopt;
    if (keys) {
      age = std::clamp(fetched->max_age.value_or(keys_age_default), keys_age_least, keys_age_most);
      const std::lock_guard lock{x_mutex};
      if (known.keys_text != fetched->body) {
        known.keys = std::make_shared<const KeySet>(*std::move(keys));
        known.keys_text = fetched->body;
        ++known.generation;
      }
    } else {
      fault = "keys: " + (fetched ? "not a JWK set" : fetched.error());
    }
  } else if (fault.empty()) {
    fault = "discovery: it names no keys";
  }
  std::vector<std::move_only_function<void()>> waiting;
  {
    const std::lock_guard lock{x_mutex};
    known.is_running = false;
    known.due_at = x_ticks() + (fault.empty() ? age : refresh_least);
    waiting = std::exchange(known.waiting, {});
  }
  if (!fault.empty() && x_fetch_fault) x_fetch_fault(provider, fault);
  for (auto& then : waiting) then();
}

steady_clock::time_point ExternalTokens::refresh_due() {
  for (Known& known : x_known) {
    {
      const std::lock_guard lock{x_mutex};
      const auto now = x_ticks();
      const bool rests = known.tried_at && now < *known.tried_at + refresh_least;
      if (rests || x_is_stopping || (!known.is_wanted && now < known.due_at)) continue;
      known.is_wanted = false;
      known.is_running = true;
      known.tried_at = now;
    }
    refresh(known);
  }
  const std::lock_guard lock{x_mutex};
  auto next = steady_clock::time_point::max();
  for (const Known& known : x_known) {
    const auto rested = known.tried_at.value_or(steady_clock::time_point{}) + refresh_least;
    next = std::min(next, known.is_wanted ? rested : std::max(rested, known.due_at));
  }
  return next;
}

void ExternalTokens::run() {
  for (;;) {
    const auto next = refresh_due();
    std::unique_lock lock{x_mutex};
    x_changed.wait_until(lock, next, [&] {
      return x_is_stopping || std::ranges::any_of(x_known, [&](const Known& known) {
               return known.is_wanted && (!known.tried_at || x_ticks() >= *known.tried_at + refresh_least);
             });
    });
    if (x_is_stopping) return;
  }
}

}  // namespace admit::identity

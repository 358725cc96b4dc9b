#include "identity/access_token.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

#include "crypto/encoding.hpp"

namespace admit::identity {

namespace json = boost::json;
using domain::Instant;

namespace {

constexpr std::size_t generation_limit = 2048;
/// Sign-outs of the last minutes: cleared of what is over whenever they have doubled, from here on.
constexpr std::size_t user_token_limit_bytes = 16 * 1024;
constexpr std::size_t revoked_sweep_least = 1024;
constexpr std::size_t revoked_limit = 1'000'000;
/// How far another node's clock may be ahead of ours.
constexpr std::chrono::seconds clock_leeway{60};

/// The key's id: its JWK thumbprint (RFC 7638, RFC 8037 appendix A.3).
std::string thumbprint(const crypto::PublicKey& key) {
  return crypto::base64url(crypto::sha256(R"({"crv":"Ed25519","kty":"OKP","x":")" + crypto::base64url(key) + R"("})"));
}

std::string header_of(const crypto::PublicKey& key, std::string_view type) {
  return crypto::base64url(
      crypto::bytes_of(R"({"alg":"EdDSA","typ":")" + std::string(type) + R"(","kid":")" + thumbprint(key) + R"("})"));
}

std::string jwk(const crypto::PublicKey& key) {
  return R"({"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":")" + thumbprint(key) + R"(","x":")" +
         crypto::base64url(key) + R"("})";
}

/// An id begins with the millisecond in which it was made (UUID version 7).
Instant began_at(domain::SessionId session) {
  return domain::from_unix_ms(static_cast<std::int64_t>(session.value.high >> 16));
}

std::int64_t unix_seconds(Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

const json::string* text_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr ? value->if_string() : nullptr;
}

std::optional<Instant> instant_at(const json::object& object, std::string_view name) {
  constexpr std::int64_t year_10000 = 253'402'300'800;
  const json::value* value = object.if_contains(name);
  const std::int64_t* seconds = value != nullptr ? value->if_int64() : nullptr;
  if (seconds == nullptr || *seconds < 0 || *seconds >= year_10000) return std::nullopt;
  return domain::from_unix_ms(*seconds * 1000);
}

template <class AnyId>
std::optional<AnyId> id_at(const json::object& object, std::string_view name) {
  const json::string* text = text_at(object, name);
  const auto uuid = text != nullptr ? domain::Uuid::parse(*text) : std::nullopt;
  if (!uuid) return std::nullopt;
  return AnyId{*uuid};
}

std::optional<std::vector<std::string>> roles_at(const json::object& object) {
  const json::value* value = object.if_contains("roles");
  const json::array* array = value != nullptr ? value->if_array() : nullptr;
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> roles;
  for (const json::value& role : *array) {
    if (!role.is_string()) return std::nullopt;
    roles.emplace_back(role.get_string());
  }
  return roles;
}

}  // namespace

std::string_view word(TokenFault fault) {
  switch (fault) {
    case TokenFault::malformed:
      return "malformed";
    case TokenFault::unknown_key:
      return "unknown_key";
    case TokenFault::wrong_signature:
      return "wrong_signature";
    case TokenFault::wrong_issuer:
      return "wrong_issuer";
    case TokenFault::not_yet_valid:
      return "not_yet_valid";
    case TokenFault::expired:
      return "expired";
    case TokenFault::revoked:
      return "revoked";
  }
  std::unreachable();
}

std::size_t AccessTokens::DigestHash::operator()(const crypto::Digest& digest) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data() + 1, sizeof hash);  // the first byte has chosen the shard
  return hash;
}

AccessTokens::AccessTokens(std::string issuer, crypto::SigningKey key, std::vector<crypto::PublicKey> retired)
    : x_issuer(std::move(issuer)), x_key(std::move(key)), x_revoked_sweep(revoked_sweep_least) {
  retired.insert(retired.begin(), x_key.public_key());
  x_jwks = R"({"keys":[)";
  for (const crypto::PublicKey& one : retired) {
    if (!x_keys.empty()) x_jwks += ',';
    x_jwks += jwk(one);
    x_keys.push_back({header_of(one, "JWT"), one});
  }
  x_jwks += "]}";
  x_user_header = header_of(x_keys.front().key, "user+jwt");
}

std::string AccessTokens::issue(domain::UserId user, domain::SessionId session, std::vector<std::string> roles,
                                Instant now) const {
  const std::int64_t issued_at = unix_seconds(now);
  const json::object payload{{"iss", x_issuer},
                             {"sub", user.text()},
                             {"sid", session.text()},
                             {"iat", issued_at},
                             {"exp", issued_at + access_token_ttl.count()},
                             {"roles", json::array(roles.begin(), roles.end())}};
  std::string token = x_keys.front().header + '.' + crypto::base64url(crypto::bytes_of(json::serialize(payload)));
  const crypto::Signature signature = x_key.sign(crypto::bytes_of(token));
  token += '.';
  token += crypto::base64url(signature);
  if (token.size() > access_token_limit_bytes) throw std::logic_error("the roles do not fit into an access token");
  return token;
}

std::string AccessTokens::issue_user(const UserClaims& claims, Instant now) const {
  const std::int64_t issued_at = unix_seconds(now);
  json::array businesses;
  for (const auto id : claims.businesses) businesses.emplace_back(id.text());
  const json::object payload{{"iss", x_issuer},
                             {"aud", "frontend"},
                             {"sub", claims.user.text()},
                             {"profileId", claims.user.text()},
                             {"businessIds", std::move(businesses)},
                             {"roles", json::array(claims.roles.begin(), claims.roles.end())},
                             {"name", claims.name},
                             {"locale", claims.locale},
                             {"iat", issued_at},
                             {"exp", issued_at + access_token_ttl.count()}};
  std::string token = x_user_header + '.' + crypto::base64url(crypto::bytes_of(json::serialize(payload)));
  token += '.' + crypto::base64url(x_key.sign(crypto::bytes_of(token)));
  if (token.size() > user_token_limit_bytes) throw std::logic_error("an account does not fit into a user token");
  return token;
}

std::expected<std::shared_ptr<const AccessClaims>, TokenFault> AccessTokens::verify(std::string_view token,
                                                                                    Instant now) {
  if (token.size() > access_token_limit_bytes) return std::unexpected(TokenFault::malformed);
  const crypto::Digest digest = crypto::sha256(token);
  Shard& shard = x_shards[digest[0] % x_shards.size()];
  Shared claims;
  {
    const std::lock_guard lock{shard.mutex};
    if (const auto found = shard.young.find(digest); found != shard.young.end()) {
      claims = found->second;
    } else if (const auto older = shard.old.find(digest); older != shard.old.end()) {
      claims = older->second;
    }
  }
  const bool seen = claims != nullptr;
  if (!seen) {
    auto checked = check(token);
    if (!checked) return std::unexpected(checked.error());
    claims = std::move(*checked);
  }
  if (std::max(claims->issued_at, claims->not_before) > now + clock_leeway)
    return std::unexpected(TokenFault::not_yet_valid);
  if (claims->expires_at <= now) return std::unexpected(TokenFault::expired);
  if (is_revoked(*claims)) return std::unexpected(TokenFault::revoked);
  if (!seen) {
    const std::lock_guard lock{shard.mutex};
    if (shard.young.size() >= generation_limit) {
      shard.old = std::move(shard.young);
      shard.young.clear();
    }
    shard.young.emplace(digest, claims);
  }
  return claims;
}

void AccessTokens::revoke(domain::Uuid subject, Instant at, domain::SessionId kept, Instant now) {
  const std::lock_guard lock{x_revoked_mutex};
  if (x_revoked.size() >= x_revoked_sweep) {
    std::erase_if(x_revoked, [&](const auto& entry) { return entry.second.until <= now; });
    if (x_revoked.size() >= revoked_limit) x_revoked.erase(x_revoked.begin());
    x_revoked_sweep = std::clamp(2 * x_revoked.size(), revoked_sweep_least, revoked_limit);
  }
  Revoked& revoked = x_revoked[subject];
  if (at >= revoked.at) revoked = {at, kept, now + access_token_ttl + clock_leeway};
  x_revoked_count.store(x_revoked.size(), std::memory_order_release);
}

bool AccessTokens::is_revoked(const AccessClaims& claims) {
  if (x_revoked_count.load(std::memory_order_acquire) == 0) return false;
  const std::lock_guard lock{x_revoked_mutex};
  if (x_revoked.contains(claims.session.value)) return true;
  const auto account = x_revoked.find(claims.user.value);
  if (account == x_revoked.end() || claims.session == account->second.kept) return false;
  return began_at(claims.session) <= account->second.at;
}

std::expected<AccessTokens::Shared, TokenFault> AccessTokens::check(std::string_view token) const {
  const auto first_dot = token.find('.');
  const auto last_dot = token.rfind('.');
  if (first_dot == last_dot || token.find('.', first_dot + 1) != last_dot)
    return std::unexpected(TokenFault::malformed);
  const auto key = std::ranges::find(x_keys, token.substr(0, first_dot), &Key::header);
  if (key == x_keys.end()) return std::unexpected(TokenFault::unknown_key);

  const auto signature_bytes = crypto::from_base64url(token.substr(last_dot + 1));
  crypto::Signature signature;
  if (!signature_bytes || signature_bytes->size() != signature.size()) return std::unexpected(TokenFault::malformed);
  std::ranges::copy(*signature_bytes, signature.begin());
  if (!crypto::verify_signature(key->key, crypto::bytes_of(token.substr(0, last_dot)), signature)) {
    return std::unexpected(TokenFault::wrong_signature);
  }

  const auto payload = crypto::from_base64url(token.substr(first_dot + 1, last_dot - first_dot - 1));
  if (!payload) return std::unexpected(TokenFault::malformed);
  boost::system::error_code fault;
  const json::value value = json::parse(crypto::text_of(*payload), fault);
  const json::object* object = fault ? nullptr : value.if_object();
  if (object == nullptr) return std::unexpected(TokenFault::malformed);

  const json::string* issuer = text_at(*object, "iss");
  const auto user = id_at<domain::UserId>(*object, "sub");
  const auto session = id_at<domain::SessionId>(*object, "sid");
  const auto issued_at = instant_at(*object, "iat");
  const auto expires_at = instant_at(*object, "exp");
  const auto not_before = instant_at(*object, "nbf");
  auto roles = roles_at(*object);
  if (issuer == nullptr || !user || !session || !issued_at || !expires_at || !roles ||
      (object->contains("nbf") && !not_before)) {
    return std::unexpected(TokenFault::malformed);
  }
  if (*issuer != x_issuer) return std::unexpected(TokenFault::wrong_issuer);
  return std::make_shared<const AccessClaims>(
      AccessClaims{*user, *session, *issued_at, not_before.value_or(*issued_at), *expires_at, std::move(*roles)});
}

}  // namespace admit::identity

#pragma once
// Access tokens: JWTs signed with Ed25519 (RFC 7519, RFC 8037), ten minutes long.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crypto/ed25519.hpp"
#include "crypto/hash.hpp"
#include "domain/id.hpp"
#include "domain/instant.hpp"

namespace admit::identity {

inline constexpr std::chrono::seconds access_token_ttl{10 * 60};
inline constexpr std::size_t access_token_limit_bytes = 2048;

struct AccessClaims {
  domain::UserId user;
  domain::SessionId session;
  /// Whole seconds.
  domain::Instant issued_at{};
  domain::Instant expires_at{};
  std::vector<std::string> roles;
  bool operator==(const AccessClaims&) const = default;
};

enum class TokenFault : std::uint8_t {
  malformed,
  unknown_key,
  wrong_signature,
  wrong_issuer,
  not_yet_valid,
  expired,
  revoked
};
[[nodiscard]] std::string_view word(TokenFault fault);

/// Issues and verifies access tokens. Thread-safe.
class AccessTokens {
 public:
  /// `issuer` is the public URL. `retired` are public keys of earlier signing keys whose tokens still hold.
  AccessTokens(std::string issuer, crypto::SigningKey key, std::vector<crypto::PublicKey> retired = {});
  ~AccessTokens();

  [[nodiscard]] std::string issue(domain::UserId user, domain::SessionId session, std::vector<std::string> roles,
                                  domain::Instant now) const;

  /// The claims of a genuine token that holds at `now`. A token seen before is found by its hash without checking the
  /// signature again. Shared because many requests of one token use one copy.
  [[nodiscard]] std::expected<std::shared_ptr<const AccessClaims>, TokenFault> verify(std::string_view token,
                                                                                      domain::Instant now);

  /// From now on no token of this session is accepted by this process; kept until the last of them has expired.
  void revoke(domain::SessionId session, domain::Instant now);

  /// The public keys as a JWK set (RFC 7517), for `/.well-known/jwks.json`.
  [[nodiscard]] const std::string& jwks() const { return x_jwks; }

 private:
  struct Key {
    std::string id;
    crypto::PublicKey key;
  };
  struct Shard;

  [[nodiscard]] std::expected<AccessClaims, TokenFault> check(std::string_view token) const;

  std::string x_issuer;
  crypto::SigningKey x_key;
  std::string x_header;
  std::vector<Key> x_keys;
  std::string x_jwks;
  std::unique_ptr<std::array<Shard, 16>> x_shards;
  std::mutex x_revoked_mutex;
  std::unordered_map<domain::SessionId, domain::Instant> x_revoked;
};

}  // namespace admit::identity

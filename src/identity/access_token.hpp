#pragma once
// Access tokens: JWTs signed with Ed25519 (RFC 7519, RFC 8037), ten minutes long.

#include <array>
#include <atomic>
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
  domain::Instant not_before{};  // issued_at unless the token says otherwise
  domain::Instant expires_at{};
  std::vector<std::string> roles;
  bool operator==(const AccessClaims&) const = default;
};

/// What a frontend may know of whoever is signed in; nothing secret.
struct UserClaims {
  domain::UserId user;
  std::vector<domain::BusinessId> businesses;
  std::vector<std::string> roles;
  std::string name;
  std::string locale;
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

  [[nodiscard]] std::string issue(domain::UserId user, domain::SessionId session, std::vector<std::string> roles,
                                  domain::Instant now) const;

  /// A token for a frontend's own use: `typ` is `user+jwt` and `aud` is `frontend`, so that no endpoint takes it for an
  /// access token. It lives as long as one.
  [[nodiscard]] std::string issue_user(const UserClaims& claims, domain::Instant now) const;

  /// The claims of a genuine token that holds at `now`. A token seen before is found by its hash without checking the
  /// signature again. Shared because many requests of one token use one copy.
  [[nodiscard]] std::expected<std::shared_ptr<const AccessClaims>, TokenFault> verify(std::string_view token,
                                                                                      domain::Instant now);

  /// From now on no token of this session is accepted by this process; kept until the last of them has expired.
  void revoke(domain::SessionId session, domain::Instant now) { revoke(session.value, now, {}, now); }
  /// The same for a session, or for an account: there of all sessions that began until `at`, but for `kept`.
  void revoke(domain::Uuid subject, domain::Instant at, domain::SessionId kept, domain::Instant now);

  /// The public keys as a JWK set (RFC 7517), for `/.well-known/jwks.json`.
  [[nodiscard]] const std::string& jwks() const { return x_jwks; }

 private:
  struct Key {
    /// The first part of every token it signs. A token must begin with exactly this: its own `alg` decides nothing.
    std::string header;
    crypto::PublicKey key;
  };
  using Shared = std::shared_ptr<const AccessClaims>;
  struct DigestHash {
    std::size_t operator()(const crypto::Digest& digest) const noexcept;
  };
  /// Tokens seen before, by hash. When the young are many they become the old, and the old are forgotten.
  struct Shard {
    std::mutex mutex;
    std::unordered_map<crypto::Digest, Shared, DigestHash> young;
    std::unordered_map<crypto::Digest, Shared, DigestHash> old;
  };

  [[nodiscard]] std::expected<Shared, TokenFault> check(std::string_view token) const;
  [[nodiscard]] bool is_revoked(const AccessClaims& claims);
  struct Revoked {
    domain::Instant at{};
    domain::SessionId kept;
    domain::Instant until{};  // nobody has to know it any longer
  };

  std::string x_issuer;
  crypto::SigningKey x_key;
  std::vector<Key> x_keys;    // the first is the one that signs
  std::string x_user_header;  // of tokens for frontends
  std::string x_jwks;
  std::array<Shard, 16> x_shards;
  std::mutex x_revoked_mutex;
  std::atomic<std::size_t> x_revoked_count{0};
  std::unordered_map<domain::Uuid, Revoked> x_revoked;
  std::size_t x_revoked_sweep;  // clear out what is over when there are so many
};

}  // namespace admit::identity

#pragma once
// A provider's public keys: a JWK set (RFC 7517).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/verify_key.hpp"

namespace admit::identity {

inline constexpr std::size_t jwks_limit_bytes = 64 * 1024;
inline constexpr std::size_t jwks_limit_keys = 100;

struct NamedKey {
  std::string kid;  // "" : it has none
  crypto::VerifyKey key;
};
using KeySet = std::vector<NamedKey>;

/// The keys that may sign tokens: RSA for RS256, P-256, Ed25519. Others are left out (symmetric ones above all: what
/// everybody can read is no secret), and so are keys for encryption, keys whose private half is published, and a second
/// key of the same id. nullopt for what is no JWK set, is over 64 kB or holds over 100 keys.
[[nodiscard]] std::optional<KeySet> parse_jwks(std::string_view text);

}  // namespace admit::identity

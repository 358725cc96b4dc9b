#pragma once
// Opaque tokens (refresh tokens, gate tokens): the id of the row that keeps them and 32 random bytes. The row keeps
// only a hash.

#include <optional>
#include <string>
#include <string_view>

#include "crypto/hash.hpp"
#include "domain/id.hpp"

namespace admit::identity {

struct OpaqueToken {
  /// `prefix` and 64 characters of base64url. Shown to its owner once.
  std::string text;
  /// SHA-256 of the secret part: what the row keeps.
  crypto::Digest hash{};
};
/// `prefix` tells the kind, e.g. `gate_`.
[[nodiscard]] OpaqueToken make_opaque_token(std::string_view prefix, domain::Uuid id);

struct OpaqueName {
  domain::Uuid id;
  crypto::Digest hash{};
};
/// The row to look up and the hash to compare with the row's by `crypto::constant_time_equal`; nullopt if it is no such
/// text.
[[nodiscard]] std::optional<OpaqueName> parse_opaque_token(std::string_view prefix, std::string_view text);

}  // namespace admit::identity

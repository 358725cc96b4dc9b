#pragma once
// AES-256-GCM with a 12-byte nonce and a 16-byte tag. Any thread; each thread keeps its own cipher context.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "crypto/secret.hpp"

namespace admit::crypto {

using GcmNonce = std::array<std::uint8_t, 12>;
using GcmTag = std::array<std::uint8_t, 16>;

/// Encrypts `plain` into `sealed` (same size) and returns the tag. `key` is 32 bytes. A nonce must never serve two
/// different contents under one key.
[[nodiscard]] GcmTag gcm_seal(Bytes key, const GcmNonce& nonce, Bytes associated, Bytes plain,
                              std::span<std::uint8_t> sealed);

/// Decrypts `sealed` into `plain` (same size). False if the tag is wrong; `plain` is then wiped.
[[nodiscard]] bool gcm_open(Bytes key, const GcmNonce& nonce, Bytes associated, Bytes sealed, const GcmTag& tag,
                            std::span<std::uint8_t> plain);

/// A box: random nonce, tag, ciphertext in one piece. For things sealed seldom, such as wrapped keys.
[[nodiscard]] std::vector<std::uint8_t> box_seal(Bytes key, Bytes associated, Bytes plain);
/// nullopt if the box was not made with this key and `associated`.
[[nodiscard]] std::optional<Secret> box_open(Bytes key, Bytes associated, Bytes box);

}  // namespace admit::crypto

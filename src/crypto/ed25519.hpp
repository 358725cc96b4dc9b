#pragma once
// Ed25519 signatures (RFC 8032): deterministic, so the same message under the same key has one signature.

#include <array>
#include <cstdint>

#include "crypto/secret.hpp"

namespace admit::crypto {

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

/// A key pair. Immutable and safe to share between threads.
class SigningKey {
 public:
  static SigningKey generate();
  /// From a 32-byte seed, the private half as it is stored.
  static SigningKey from_seed(Bytes seed);

  [[nodiscard]] const PublicKey& public_key() const { return x_public; }
  [[nodiscard]] Signature sign(Bytes message) const;
  [[nodiscard]] Secret seed() const;

 private:
  SigningKey() = default;
  Secret x_secret;
  PublicKey x_public{};
};

/// Refuses malleable signatures and keys of small order as well.
[[nodiscard]] bool verify_signature(const PublicKey& key, Bytes message, const Signature& signature);

}  // namespace admit::crypto

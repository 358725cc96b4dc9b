#pragma once
// Public keys of others, to check the signatures of their tokens with (RFC 7518).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "crypto/ed25519.hpp"

namespace admit::crypto {

enum class KeyAlgorithm : std::uint8_t { rs256, es256, eddsa };
/// As a JWT's `alg` has it.
[[nodiscard]] std::string_view word(KeyAlgorithm algorithm);

inline constexpr std::size_t rsa_least_bits = 2048;
inline constexpr std::size_t rsa_most_bits = 4096;

/// A public key that serves one algorithm only. Immutable; copies share it, any thread.
class VerifyKey {
 public:
  /// RSASSA-PKCS1-v1_5 with SHA-256. nullopt for a modulus of less than 2048 or more than 4096 bits, or an exponent
  /// that is even, below 3 or longer than 4 bytes.
  [[nodiscard]] static std::optional<VerifyKey> rs256(Bytes modulus, Bytes exponent);
  /// ECDSA on P-256 with SHA-256. nullopt unless both are 32 bytes and a point of the curve.
  [[nodiscard]] static std::optional<VerifyKey> es256(Bytes x, Bytes y);
  /// nullopt unless 32 bytes.
  [[nodiscard]] static std::optional<VerifyKey> eddsa(Bytes key);

  [[nodiscard]] KeyAlgorithm algorithm() const { return x_algorithm; }
  /// `signature` as a JWS has it: of ES256 r and s, 32 bytes each.
  [[nodiscard]] bool verify(Bytes message, Bytes signature) const;

 private:
  /// An EVP_PKEY, shared because copies of a key set live side by side while one is renewed.
  using OpenSslKey = std::shared_ptr<void>;
  VerifyKey(KeyAlgorithm algorithm, std::variant<OpenSslKey, PublicKey> key)
      : x_algorithm(algorithm), x_key(std::move(key)) {}

  KeyAlgorithm x_algorithm;
  std::variant<OpenSslKey, PublicKey> x_key;
};

}  // namespace admit::crypto

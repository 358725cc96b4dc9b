#pragma once
// The secret in a mail's link, derived from the proof's id: whoever writes the mail makes it again, and no row holds
// it.

#include <string>

#include "crypto/hash.hpp"
#include "domain/id.hpp"
#include "token/key_ring.hpp"

namespace admit::token {

/// Thread-safe.
class ProofKeys {
 public:
  /// Throws std::runtime_error without a fitting master key.
  explicit ProofKeys(const KeyRing& ring) : x_key(ring.derive("admit/proof/1").bytes()) {}

  /// `proof_` and 64 characters of base64url: the id and its secret, as identity::parse_opaque_token reads them.
  [[nodiscard]] std::string text_of(domain::ProofId proof) const;
  /// SHA-256 of the secret: what the row keeps.
  [[nodiscard]] crypto::Digest hash_of(domain::ProofId proof) const;

 private:
  crypto::HmacKey x_key;
};

}  // namespace admit::token

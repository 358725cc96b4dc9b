#include "token/proof_key.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "crypto/encoding.hpp"

namespace admit::token {

std::string ProofKeys::text_of(domain::ProofId proof) const {
  const auto id = proof.value.bytes();
  const auto secret = x_key.sign({id});
  std::array<std::uint8_t, 16 + 32> bytes{};
  std::ranges::copy(id, bytes.begin());
  std::ranges::copy(secret, bytes.begin() + 16);
  return "proof_" + crypto::base64url(bytes);
}

crypto::Digest ProofKeys::hash_of(domain::ProofId proof) const {
  return crypto::sha256(x_key.sign({proof.value.bytes()}));
}

}  // namespace admit::token

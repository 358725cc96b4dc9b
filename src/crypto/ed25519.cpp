#include "crypto/ed25519.hpp"

#include <stdexcept>

#include "crypto/library.hpp"

namespace admit::crypto {

SigningKey SigningKey::generate() {
  detail::ready();
  SigningKey key;
  key.x_secret = Secret(crypto_sign_SECRETKEYBYTES);
  crypto_sign_keypair(key.x_public.data(), key.x_secret.writable().data());
  return key;
}

SigningKey SigningKey::from_seed(Bytes seed) {
  if (seed.size() != crypto_sign_SEEDBYTES) throw std::logic_error("an Ed25519 seed is 32 bytes");
  detail::ready();
  SigningKey key;
  key.x_secret = Secret(crypto_sign_SECRETKEYBYTES);
  crypto_sign_seed_keypair(key.x_public.data(), key.x_secret.writable().data(), seed.data());
  return key;
}

Signature SigningKey::sign(Bytes message) const {
  Signature signature;
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), x_secret.bytes().data());
  return signature;
}

Secret SigningKey::seed() const {
  Secret seed(crypto_sign_SEEDBYTES);
  crypto_sign_ed25519_sk_to_seed(seed.writable().data(), x_secret.bytes().data());
  return seed;
}

bool verify_signature(const PublicKey& key, Bytes message, const Signature& signature) {
  detail::ready();
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key.data()) == 0;
}

}  // namespace admit::crypto

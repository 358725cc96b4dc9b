#include "crypto/hash.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "crypto/library.hpp"

namespace admit::crypto {

using detail::must;

namespace {

using MacState = crypto_auth_hmacsha256_state;

void update(MacState& state, std::initializer_list<Bytes> parts) {
  for (Bytes part : parts) crypto_auth_hmacsha256_update(&state, part.data(), part.size());
}

MacState begin_mac(Bytes key) {
  detail::ready();
  MacState state;
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  return state;
}

Digest finish(MacState& state) {
  Digest digest;
  crypto_auth_hmacsha256_final(&state, digest.data());
  wipe(&state, sizeof state);
  return digest;
}

}  // namespace

Digest sha256(Bytes data) {
  static const detail::Owned<EVP_MD> algorithm{must(EVP_MD_fetch(nullptr, "SHA256", nullptr), "SHA-256")};
  thread_local const detail::Owned<EVP_MD_CTX> context{must(EVP_MD_CTX_new(), "EVP_MD_CTX_new")};
  Digest digest;
  must(EVP_DigestInit_ex2(context.get(), algorithm.get(), nullptr) == 1 &&
           EVP_DigestUpdate(context.get(), data.data(), data.size()) == 1 &&
           EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1,
       "SHA-256");
  return digest;
}

Digest hmac_sha256(Bytes key, std::initializer_list<Bytes> parts) {
  MacState state = begin_mac(key);
  update(state, parts);
  return finish(state);
}

HmacKey::HmacKey(Bytes key) {
  static_assert(sizeof(MacState) <= sizeof x_state.memory && alignof(MacState) <= alignof(State));
  new (x_state.memory.data()) MacState(begin_mac(key));
}

HmacKey::~HmacKey() {
  wipe(&x_state, sizeof x_state);
}

Digest HmacKey::sign(std::initializer_list<Bytes> parts) const {
  MacState state = *std::launder(reinterpret_cast<const MacState*>(x_state.memory.data()));
  update(state, parts);
  return finish(state);
}

Secret hkdf_sha256(Bytes key, Bytes salt, Bytes info, std::size_t size) {
  constexpr Digest no_salt{};
  if (size > 255 * no_salt.size()) throw std::logic_error("HKDF-SHA256 gives at most 8160 bytes");
  Digest extracted = hmac_sha256(salt.empty() ? Bytes{no_salt} : salt, key);
  const HmacKey expand{extracted};
  Secret out(size);
  Digest block;
  std::size_t block_size = 0;
  std::uint8_t counter = 0;
  for (std::size_t at = 0; at < size; at += block_size) {
    ++counter;
    block = expand.sign({Bytes{block.data(), block_size}, info, Bytes{&counter, 1}});
    block_size = block.size();
    std::copy_n(block.begin(), std::min(block_size, size - at),
                out.writable().begin() + static_cast<std::ptrdiff_t>(at));
  }
  wipe(extracted.data(), extracted.size());
  wipe(block.data(), block.size());
  return out;
}

bool constant_time_equal(Bytes a, Bytes b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace admit::crypto

#include "crypto/short_hash.hpp"

#include <sodium.h>

#include <cstring>

#include "crypto/random.hpp"

namespace admit::crypto {

static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == sizeof(std::uint64_t));

ShortHash::ShortHash() {
  fill_random(x_key);
}

std::uint64_t ShortHash::operator()(std::string_view text) const {
  unsigned char out[crypto_shorthash_BYTES];
  crypto_shorthash(out, reinterpret_cast<const unsigned char*>(text.data()), text.size(), x_key);
  std::uint64_t value = 0;
  std::memcpy(&value, out, sizeof value);
  return value;
}

}  // namespace admit::crypto

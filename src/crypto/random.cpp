#include "crypto/random.hpp"

#include "crypto/library.hpp"

namespace admit::crypto {

void fill_random(std::span<std::uint8_t> out) {
  detail::ready();
  if (!out.empty()) randombytes_buf(out.data(), out.size());
}

}  // namespace admit::crypto

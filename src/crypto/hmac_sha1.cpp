#include "crypto/hmac_sha1.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/library.hpp"

namespace admit::crypto {

std::array<std::uint8_t, 20> hmac_sha1(Bytes key, Bytes data) {
  std::array<std::uint8_t, 20> out{};
  unsigned size = 0;
  detail::must(HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(),
                    &size) != nullptr &&
                   size == out.size(),
               "HMAC-SHA-1");
  return out;
}

}  // namespace admit::crypto

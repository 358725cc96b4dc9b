#include "crypto/secret.hpp"

#include <openssl/crypto.h>

namespace admit::crypto {

void wipe(void* memory, std::size_t size) noexcept {
  OPENSSL_cleanse(memory, size);
}

}  // namespace admit::crypto

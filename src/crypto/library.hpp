#pragma once
// Inside the room only: the libraries' own objects, owned and fetched once.

#include <openssl/err.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace admit::crypto::detail {

struct Free {
  void operator()(EVP_MD* p) const { EVP_MD_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(EVP_CIPHER* p) const { EVP_CIPHER_free(p); }
  void operator()(EVP_CIPHER_CTX* p) const { EVP_CIPHER_CTX_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// For calls that fail only if the library is broken or memory is out.
template <class T>
T* must(T* pointer, const char* call) {
  if (pointer == nullptr) throw std::runtime_error(std::string("OpenSSL cannot do ") + call);
  return pointer;
}
inline void must(bool ok, const char* call) {
  if (!ok) throw std::runtime_error(std::string("the crypto library cannot do ") + call);
}

/// Makes libsodium ready, once.
inline void ready() {
  static const int outcome = sodium_init();
  must(outcome >= 0, "sodium_init");
}

}  // namespace admit::crypto::detail

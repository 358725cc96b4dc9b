#include "crypto/verify_key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <utility>

#include "crypto/library.hpp"

namespace admit::crypto {
namespace {

constexpr std::size_t p256_bytes = 32;

struct FreeParts {
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(OSSL_PARAM_BLD* p) const { OSSL_PARAM_BLD_free(p); }
  void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(ECDSA_SIG* p) const { ECDSA_SIG_free(p); }
};
template <class T>
using Part = std::unique_ptr<T, FreeParts>;

Part<BIGNUM> number(Bytes big_endian) {
  return Part<BIGNUM>(
      detail::must(BN_bin2bn(big_endian.data(), static_cast<int>(big_endian.size()), nullptr), "BN_bin2bn"));
}

/// Null where the parts are no key.
std::shared_ptr<void> public_key(const char* type, OSSL_PARAM_BLD* parts) {
  const Part<OSSL_PARAM> parameters(detail::must(OSSL_PARAM_BLD_to_param(parts), "OSSL_PARAM_BLD_to_param"));
  const Part<EVP_PKEY_CTX> context(
      detail::must(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), "EVP_PKEY_CTX_new_from_name"));
  detail::must(EVP_PKEY_fromdata_init(context.get()) == 1, "EVP_PKEY_fromdata_init");
  EVP_PKEY* key = nullptr;
  const bool good = EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
  if (!good) ERR_clear_error();
  return {key, [](void* p) {
            EVP_PKEY_free(static_cast<EVP_PKEY*>(p));
          }};
}

}  // namespace

std::string_view word(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::rs256:
      return "RS256";
    case KeyAlgorithm::es256:
      return "ES256";
    case KeyAlgorithm::eddsa:
      return "EdDSA";
  }
  std::unreachable();
}

std::optional<VerifyKey> VerifyKey::rs256(Bytes modulus, Bytes exponent) {
  if (modulus.size() > rsa_most_bits / 8 || exponent.empty() || exponent.size() > 4) return std::nullopt;
  const auto n = number(modulus);
  const auto e = number(exponent);
  const auto bits = static_cast<std::size_t>(BN_num_bits(n.get()));
  if (bits < rsa_least_bits || bits > rsa_most_bits || BN_is_odd(n.get()) == 0) return std::nullopt;
  if (BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1) return std::nullopt;
  const Part<OSSL_PARAM_BLD> parts(detail::must(OSSL_PARAM_BLD_new(), "OSSL_PARAM_BLD_new"));
  detail::must(OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
                   OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1,
               "OSSL_PARAM_BLD_push_BN");
  auto key = public_key("RSA", parts.get());
  if (!key) return std::nullopt;
  return VerifyKey(KeyAlgorithm::rs256, std::move(key));
}

std::optional<VerifyKey> VerifyKey::es256(Bytes x, Bytes y) {
  if (x.size() != p256_bytes || y.size() != p256_bytes) return std::nullopt;
  std::array<std::uint8_t, 1 + 2 * p256_bytes> point{POINT_CONVERSION_UNCOMPRESSED};
  std::ranges::copy(x, point.begin() + 1);
  std::ranges::copy(y, point.begin() + 1 + p256_bytes);
  const Part<OSSL_PARAM_BLD> parts(detail::must(OSSL_PARAM_BLD_new(), "OSSL_PARAM_BLD_new"));
  detail::must(
      OSSL_PARAM_BLD_push_utf8_string(parts.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
          OSSL_PARAM_BLD_push_octet_string(parts.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1,
      "OSSL_PARAM_BLD_push");
  auto key = public_key("EC", parts.get());  // refuses what is no point of the curve
  if (!key) return std::nullopt;
  return VerifyKey(KeyAlgorithm::es256, std::move(key));
}

std::optional<VerifyKey> VerifyKey::eddsa(Bytes key) {
  PublicKey copy;
  if (key.size() != copy.size()) return std::nullopt;
  std::ranges::copy(key, copy.begin());
  return VerifyKey(KeyAlgorithm::eddsa, copy);
}

bool VerifyKey::verify(Bytes message, Bytes signature) const {
  if (const auto* key = std::get_if<PublicKey>(&x_key)) {
    Signature copy;
    if (signature.size() != copy.size()) return false;
    std::ranges::copy(signature, copy.begin());
    return verify_signature(*key, message, copy);
  }
  auto* key = static_cast<EVP_PKEY*>(std::get<OpenSslKey>(x_key).get());
  std::array<std::uint8_t, 80> der{};
  if (x_algorithm == KeyAlgorithm::es256) {
    if (signature.size() != 2 * p256_bytes) return false;
    const Part<ECDSA_SIG> parts(detail::must(ECDSA_SIG_new(), "ECDSA_SIG_new"));
    detail::must(ECDSA_SIG_set0(parts.get(), number(signature.first(p256_bytes)).release(),
                                number(signature.last(p256_bytes)).release()) == 1,
                 "ECDSA_SIG_set0");
    auto* end = der.data();
    const int size = i2d_ECDSA_SIG(parts.get(), &end);
    detail::must(size > 0 && static_cast<std::size_t>(size) <= der.size(), "i2d_ECDSA_SIG");
    signature = {der.data(), static_cast<std::size_t>(size)};
  }
  const detail::Owned<EVP_MD_CTX> context(detail::must(EVP_MD_CTX_new(), "EVP_MD_CTX_new"));
  detail::must(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1, "EVP_DigestVerifyInit");
  const bool good =
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace admit::crypto

#pragma once
// For tests: keys as a provider of identities has them, its JWK set, and tokens signed with them.

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/ed25519.hpp"
#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"

namespace admit::crypto::testing {

inline std::string encoded(std::string_view text) {
  return base64url(bytes_of(text));
}

/// A fresh key pair of one algorithm: RS256, ES256 or EdDSA.
class TokenSigner {
 public:
  explicit TokenSigner(std::string_view algorithm, std::string kid = "key-1", unsigned rsa_bits = 2048)
      : x_algorithm(algorithm), x_kid(std::move(kid)) {
    if (algorithm == "EdDSA") {
      x_ed25519 = std::make_unique<SigningKey>(SigningKey::generate());
    } else if (algorithm == "RS256") {
      x_key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(rsa_bits)), EVP_PKEY_free);
    } else {
      x_key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
    }
    if (!x_ed25519 && !x_key) throw std::runtime_error("no key could be made");
  }

  /// The public half, with `more` members behind a comma.
  [[nodiscard]] std::string jwk(std::string_view more = "") const {
    std::string out = R"({"kid":")" + x_kid + R"(","use":"sig",)";
    if (x_ed25519) {
      out += R"("kty":"OKP","crv":"Ed25519","x":")" + base64url(x_ed25519->public_key()) + '"';
    } else if (x_algorithm == "RS256") {
      out += R"("kty":"RSA","alg":"RS256","n":")" + part(OSSL_PKEY_PARAM_RSA_N, 0) + R"(","e":")" +
             part(OSSL_PKEY_PARAM_RSA_E, 0) + '"';
    } else {
      out += R"("kty":"EC","crv":"P-256","alg":"ES256","x":")" + part(OSSL_PKEY_PARAM_EC_PUB_X, 32) + R"(","y":")" +
             part(OSSL_PKEY_PARAM_EC_PUB_Y, 32) + '"';
    }
    return out + std::string(more) + "}";
  }
  [[nodiscard]] std::string jwks() const { return R"({"keys":[)" + jwk() + "]}"; }

  [[nodiscard]] std::string header() const {
    return R"({"alg":")" + x_algorithm + R"(","kid":")" + x_kid + R"(","typ":"JWT"})";
  }
  [[nodiscard]] std::string token(std::string_view payload) const { return token(header(), payload); }
  /// Truly signed, whatever the header says.
  [[nodiscard]] std::string token(std::string_view header, std::string_view payload) const {
    const std::string text = encoded(header) + "." + encoded(payload);
    return text + "." + base64url(sign(text));
  }

  [[nodiscard]] std::vector<std::uint8_t> sign(std::string_view text) const {
    if (x_ed25519) {
      const auto signature = x_ed25519->sign(bytes_of(text));
      return {signature.begin(), signature.end()};
    }
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, x_key.get());
    std::vector<std::uint8_t> out(600);
    std::size_t size = out.size();
    if (EVP_DigestSign(context.get(), out.data(), &size, bytes_of(text).data(), text.size()) != 1) {
      throw std::runtime_error("nothing could be signed");
    }
    out.resize(size);
    if (x_algorithm == "RS256") return out;
    const auto* at = static_cast<const std::uint8_t*>(out.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parts(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)), &ECDSA_SIG_free);
    std::vector<std::uint8_t> raw(64);
    BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), raw.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), raw.data() + 32, 32);
    return raw;
  }

 private:
  [[nodiscard]] std::string part(const char* name, int size) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(x_key.get(), name, &number);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size == 0 ? BN_num_bytes(number) : size));
    BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size()));
    BN_free(number);
    return base64url(bytes);
  }

  std::string x_algorithm;
  std::string x_kid;
  std::unique_ptr<SigningKey> x_ed25519;
  std::shared_ptr<EVP_PKEY> x_key;
};

inline std::string hs256_token(std::string_view secret, std::string_view header, std::string_view payload) {
  const std::string text = encoded(header) + "." + encoded(payload);
  return text + "." + base64url(hmac_sha256(bytes_of(secret), text));
}

}  // namespace admit::crypto::testing

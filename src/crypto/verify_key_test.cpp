#include "crypto/verify_key.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "crypto/encoding.hpp"
#include "crypto/testing/token_signer.hpp"

using namespace admit::crypto;

namespace {

std::vector<std::uint8_t> raw(std::string_view text) {
  return from_base64url(text).value();
}

// RFC 7515, appendix A.2.
const std::string rfc_modulus =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-"
    "pCgNMs"
    "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"
    "UTo7WTBEMa2R2CapHg665xsmtdV"
    "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const std::string rfc_rsa_message =
    "eyJhbGciOiJSUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const std::string rfc_rsa_signature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
    "O8W2Fp5jujGbds9uJdbF9CUAr7t1dn"
    "ZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--"
    "xi12jzDwusC-"
    "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

}  // namespace

TEST_CASE("verify key: the RSA signature of RFC 7515 is good, and no other") {
  const auto key = VerifyKey::rs256(raw(rfc_modulus), raw("AQAB"));
  REQUIRE(key);
  CHECK(word(key->algorithm()) == "RS256");
  auto signature = raw(rfc_rsa_signature);
  CHECK(key->verify(bytes_of(rfc_rsa_message), signature));
  CHECK_FALSE(key->verify(bytes_of(rfc_rsa_message + "A"), signature));
  signature[200] ^= 1;
  CHECK_FALSE(key->verify(bytes_of(rfc_rsa_message), signature));
  signature.pop_back();
  CHECK_FALSE(key->verify(bytes_of(rfc_rsa_message), signature));
  CHECK_FALSE(key->verify(bytes_of(rfc_rsa_message), {}));
}

TEST_CASE("verify key: the ECDSA signature of RFC 7515 is good, and no other") {
  const auto key = VerifyKey::es256(raw("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
                                    raw("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
  REQUIRE(key);
  CHECK(word(key->algorithm()) == "ES256");
  const std::string message =
      "eyJhbGciOiJFUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  auto signature = raw("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  CHECK(key->verify(bytes_of(message), signature));
  signature[0] ^= 1;
  CHECK_FALSE(key->verify(bytes_of(message), signature));
  const std::vector<std::uint8_t> zeros(64, 0);
  CHECK_FALSE(key->verify(bytes_of(message), zeros));
}

TEST_CASE("verify key: what a fresh key of each algorithm signs is good under its own public half only") {
  for (const std::string algorithm : {"RS256", "ES256", "EdDSA"}) {
    CAPTURE(algorithm);
    const testing::TokenSigner signer(algorithm);
    CHECK(signer.sign("text") != testing::TokenSigner(algorithm).sign("text"));
  }
  const auto ed = SigningKey::generate();
  const auto key = VerifyKey::eddsa(ed.public_key());
  REQUIRE(key);
  CHECK(key->verify(bytes_of("text"), ed.sign(bytes_of("text"))));
  CHECK_FALSE(key->verify(bytes_of("test"), ed.sign(bytes_of("text"))));
  CHECK_FALSE(key->verify(bytes_of("text"), SigningKey::generate().sign(bytes_of("text"))));
}

TEST_CASE("verify key: weak and impossible keys are none") {
  const auto modulus = raw(rfc_modulus);
  const Bytes whole(modulus);
  CHECK_FALSE(VerifyKey::rs256(whole.first(255), raw("AQAB")));
  CHECK_FALSE(VerifyKey::rs256(whole, raw("AQ")));
  CHECK_FALSE(VerifyKey::rs256(whole, raw("Ag")));
  CHECK_FALSE(VerifyKey::rs256(whole, {}));
  CHECK_FALSE(VerifyKey::rs256(std::vector<std::uint8_t>(513, 0xFF), raw("AQAB")));
  CHECK_FALSE(VerifyKey::rs256({}, raw("AQAB")));
  auto off_curve = raw("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
  off_curve[31] ^= 1;
  CHECK_FALSE(VerifyKey::es256(raw("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), off_curve));
  CHECK_FALSE(VerifyKey::es256(raw("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), {}));
  CHECK_FALSE(VerifyKey::eddsa(std::vector<std::uint8_t>(31, 1)));
}

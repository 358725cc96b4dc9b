#include "identity/jwks.hpp"

#include <doctest/doctest.h>

#include <string>

#include "crypto/testing/token_signer.hpp"

using namespace admit;
using namespace admit::identity;
using crypto::testing::TokenSigner;

namespace {

std::string set_of(std::string_view keys) {
  return R"({"keys":[)" + std::string(keys) + "]}";
}

}  // namespace

TEST_CASE("jwks: keys of the three kinds are read with their ids") {
  const TokenSigner rsa("RS256", "a");
  const TokenSigner ec("ES256", "b");
  const TokenSigner ed("EdDSA", "c");
  const auto set = parse_jwks(set_of(rsa.jwk() + "," + ec.jwk() + "," + ed.jwk()));
  REQUIRE(set);
  REQUIRE(set->size() == 3);
  CHECK((*set)[0].kid == "a");
  CHECK((*set)[0].key.algorithm() == crypto::KeyAlgorithm::rs256);
  CHECK((*set)[0].key.verify(crypto::bytes_of("text"), rsa.sign("text")));
  CHECK((*set)[1].key.algorithm() == crypto::KeyAlgorithm::es256);
  CHECK((*set)[1].key.verify(crypto::bytes_of("text"), ec.sign("text")));
  CHECK((*set)[2].key.algorithm() == crypto::KeyAlgorithm::eddsa);
  CHECK((*set)[2].key.verify(crypto::bytes_of("text"), ed.sign("text")));
  CHECK_FALSE((*set)[2].key.verify(crypto::bytes_of("text"), TokenSigner("EdDSA").sign("text")));
}

TEST_CASE("jwks: a set without a key is a set") {
  const auto set = parse_jwks(R"({"keys":[]})");
  REQUIRE(set);
  CHECK(set->empty());
}

TEST_CASE("jwks: keys that must not check a signature are left out") {
  const TokenSigner ec("ES256");
  const std::string good = ec.jwk();
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string out = good;
    const auto at = out.find(from);
    REQUIRE(at != std::string::npos);
    out.replace(at, from.size(), to);
    const auto set = parse_jwks(set_of(out));
    REQUIRE(set);
    return set->size();
  };
  CHECK(with("\"sig\"", "\"sig\"") == 1);
  CHECK(with("\"sig\"", "\"enc\"") == 0);
  CHECK(with("ES256", "ES512") == 0);
  CHECK(with("\"P-256\"", "\"secp256k1\"") == 0);
  CHECK(with("\"EC\"", "\"oct\"") == 0);
  CHECK(with("\"EC\"", "\"RSA\"") == 0);
  CHECK(with("\"kid\":\"key-1\"", "\"kid\":7") == 0);
  CHECK(with("\"use\"", "\"key_ops\":[\"encrypt\"],\"use\"") == 0);
  CHECK(with("\"use\"", "\"key_ops\":[\"verify\"],\"use\"") == 1);
  CHECK(with("\"use\"", "\"d\":\"AAAA\",\"use\"") == 0);
  CHECK(parse_jwks(set_of(R"({"kty":"oct","kid":"s","alg":"HS256","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"})"))
            ->empty());
  CHECK(parse_jwks(set_of(R"({"kty":"RSA","kid":"s","n":"AQAB","e":"AQAB"})"))->empty());
  CHECK(parse_jwks(set_of(R"(7,"text",null)"))->empty());
}

TEST_CASE("jwks: of two keys of one id the first counts") {
  const TokenSigner first("ES256", "same");
  const TokenSigner second("RS256", "same");
  const auto set = parse_jwks(set_of(first.jwk() + "," + second.jwk()));
  REQUIRE(set);
  REQUIRE(set->size() == 1);
  CHECK((*set)[0].key.algorithm() == crypto::KeyAlgorithm::es256);
}

TEST_CASE("jwks: what is no set, has a key twice, or is too big is refused") {
  const std::string key = TokenSigner("EdDSA", "").jwk();
  CHECK_FALSE(parse_jwks(""));
  CHECK_FALSE(parse_jwks("[]"));
  CHECK_FALSE(parse_jwks("{}"));
  CHECK_FALSE(parse_jwks(R"({"keys":{}})"));
  CHECK_FALSE(parse_jwks(R"({"keys":[]} )"
                         "x"));
  CHECK_FALSE(parse_jwks(R"({"keys":[],"keys":[]})"));
  CHECK_FALSE(parse_jwks(R"({"keys":[],"k\u0065ys":[]})"));
  CHECK_FALSE(parse_jwks(R"({"keys":[{"kty":"EC","kty":"RSA"}]})"));
  std::string many = "0";
  for (int i = 1; i < 100; ++i) many += ",0";
  CHECK(parse_jwks(set_of(many)));
  CHECK_FALSE(parse_jwks(set_of(many + ",0")));
  CHECK(parse_jwks(set_of("") + std::string(jwks_limit_bytes - 11, ' ')));
  CHECK_FALSE(parse_jwks(set_of("") + std::string(jwks_limit_bytes, ' ')));
}

#include "identity/totp.hpp"

#include <doctest/doctest.h>

#include <set>

namespace admit::identity {
namespace {

const auto rfc_secret = crypto::bytes_of("12345678901234567890");

domain::Instant at(std::int64_t unix_s) {
  return domain::from_unix_ms(unix_s * 1000);
}

TEST_CASE("hotp: the values of RFC 4226, appendix D") {
  const std::array values{"755224", "287082", "359152", "969429", "338314",
                          "254676", "287922", "162583", "399871", "520489"};
  for (std::size_t counter = 0; counter < values.size(); ++counter) CHECK(hotp(rfc_secret, counter) == values[counter]);
}

TEST_CASE("totp: the SHA-1 values of RFC 6238, appendix B") {
  const std::array<std::pair<std::int64_t, std::string>, 6> values{{{59, "94287082"},
                                                                    {1111111109, "07081804"},
                                                                    {1111111111, "14050471"},
                                                                    {1234567890, "89005924"},
                                                                    {2000000000, "69279037"},
                                                                    {20000000000, "65353130"}}};
  for (const auto& [time, code] : values) {
    CHECK(hotp(rfc_secret, static_cast<std::uint64_t>(totp_step(at(time))), 8) == code);
    CHECK(totp_match(rfc_secret, code.substr(2), at(time)) == time / 30);
  }
}

TEST_CASE("totp: a code is good in its step and one to each side") {
  const auto now = at(1'800'000'000);
  const auto step = totp_step(now);
  for (std::int64_t off = -3; off <= 3; ++off) {
    const auto code = hotp(rfc_secret, static_cast<std::uint64_t>(step + off));
    const auto found = totp_match(rfc_secret, code, now);
    CHECK(found.has_value() == (off >= -1 && off <= 1));
    if (found) CHECK(*found == step + off);
  }
  CHECK(!totp_match(rfc_secret, "", now));
  CHECK(!totp_match(rfc_secret, hotp(rfc_secret, static_cast<std::uint64_t>(step)) + "0", now));
}

TEST_CASE("base32: the values of RFC 4648 without padding") {
  CHECK(base32(crypto::bytes_of("")) == "");
  CHECK(base32(crypto::bytes_of("f")) == "MY");
  CHECK(base32(crypto::bytes_of("fo")) == "MZXQ");
  CHECK(base32(crypto::bytes_of("foo")) == "MZXW6");
  CHECK(base32(crypto::bytes_of("foob")) == "MZXW6YQ");
  CHECK(base32(crypto::bytes_of("fooba")) == "MZXW6YTB");
  CHECK(base32(crypto::bytes_of("foobar")) == "MZXW6YTBOI");
}

TEST_CASE("totp: the address for the app escapes what people typed") {
  CHECK(
      totp_uri(crypto::bytes_of("foobar"), "The Mill & Co", "ada@example.org?x=1") ==
      "otpauth://totp/The%20Mill%20%26%20Co:ada%40example.org%3Fx%3D1?secret=MZXW6YTBOI&issuer=The%20Mill%20%26%20Co");
}

TEST_CASE("recovery codes: ten different ones, found again however they are typed") {
  const auto made = make_recovery_codes();
  REQUIRE(made.codes.size() == recovery_code_count);
  CHECK(std::set(made.codes.begin(), made.codes.end()).size() == recovery_code_count);
  for (std::size_t n = 0; n < made.codes.size(); ++n) {
    std::string typed;
    for (const char c : made.codes[n]) {
      if (c != '-') typed += {' ', c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c};
    }
    CHECK(recovery_hash(typed) == made.hashes[n]);
  }
  CHECK(!recovery_hash("123456"));
  CHECK(!recovery_hash("ABCDE-FGHJ1"));
  CHECK(!recovery_hash(std::string(1000, 'A')));
}

}  // namespace
}  // namespace admit::identity

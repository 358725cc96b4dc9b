#include "identity/common_password.hpp"

#include <doctest/doctest.h>

#include <string>

namespace admit::identity {
namespace {

TEST_CASE("common passwords: what everybody chooses, in every disguise") {
  for (const auto* text :
       {"password",     "PassWord123", "p@ssw0rd",     "pa$$word",    "Passwort2024!", "pa55word",   "qwertyuiop",
        "1q2w3e4r",     "1qaz2wsx",    "zxcvbnm123",   "asdfghjkl",   "qwer1234",      "abcd1234",   "12345678",
        "87654321",     "123123123",   "11112222",     "01011990",    "aaaaaaaaaaaa",  "abcabcabc",  "iloveyou",
        "dragonmaster", "summer2025",  "!!monkey!!",   "trustno1",    "letmein123",    "M1chelle",   "ticket123",
        "azertyuiop",   "superman1",   "FOOTBALL#1",   "liverpool99", "q1w2e3r4t5",    "starwars77", "ninjaninja",
        "haslo12345",   "sunshine.1",  "1234567891011"}) {
    CHECK_MESSAGE(is_common_password(text), std::string(text));
  }
}

TEST_CASE("common passwords: the name of the account") {
  CHECK(is_common_password("ada.lovelace", "Ada.Lovelace@example.org"));
  CHECK(is_common_password("ada.lovelace1815", "ada.lovelace@example.org"));
  CHECK(is_common_password("ADA@example.org", "ada@example.org"));
  CHECK_FALSE(is_common_password("ada.lovelace-engine", "ada.lovelace@example.org"));
}

TEST_CASE("common passwords: what somebody thought of is none") {
  for (const auto* text :
       {"correct horse battery", "another long password", "tyl4w-0kno", "zażółć gęślą", "Tr0ub4dor&3x",
        "gannet-oboe-quartz", "xkqjvwpz", "8c1f0e77a2", "new horse battery", "482910375562"}) {
    CHECK_FALSE_MESSAGE(is_common_password(text), std::string(text));
  }
}

TEST_CASE("common passwords: a word with any year or number up to 9999 is one: over 10,000 from each word") {
  for (int number = 0; number < 10'000; ++number) {
    const auto digits = std::to_string(number);
    REQUIRE(is_common_password("dragon" + digits));
    REQUIRE(is_common_password(digits + "Dragon!"));
  }
}

}  // namespace
}  // namespace admit::identity

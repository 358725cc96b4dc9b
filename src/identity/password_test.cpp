#include "identity/password.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace admit::identity;

TEST_CASE("password: a hash is a PHC string with the chosen cost, salted, and verifies its password only") {
  const std::string hash = hash_password("correct horse");
  CHECK(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  CHECK(hash_password("correct horse") != hash);
  CHECK(verify_password(hash, "correct horse"));
  CHECK_FALSE(verify_password(hash, "correct horsf"));
  CHECK_FALSE(verify_password(hash, ""));
  CHECK_FALSE(verify_password(hash, std::string(257, 'x')));
}

TEST_CASE("password: an unknown account costs as much as a known one and is refused") {
  const std::string hash = hash_password("correct horse");
  const auto cost = [](std::optional<std::string_view> one) {
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i < 3; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      CHECK_FALSE(verify_password(one, "wrong password"));
      best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - begin);
    }
    return best;
  };
  const auto known = cost(hash);
  const auto unknown = cost(std::nullopt);
  CHECK(unknown > known / 3);
  CHECK(unknown < known * 3);
}

TEST_CASE("password: a hash of another kind is refused whatever it would cost") {
  CHECK_FALSE(verify_password("", "x"));
  CHECK_FALSE(verify_password("$argon2id$v=19$m=2097152,t=100,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA", "x"));
  CHECK_FALSE(verify_password("$argon2id$v=19$m=19456,t=2,p=1$broken", "x"));
}

TEST_CASE("password: what is too short, too long or too common is refused") {
  using enum PasswordFault;
  CHECK(fault_of_password("") == too_short);
  CHECK(fault_of_password("1234567") == too_short);
  CHECK(fault_of_password(std::string(257, 'x') + "y") == too_long);
  CHECK(fault_of_password("password") == too_common);
  CHECK(fault_of_password("PassWord123") == too_common);
  CHECK(fault_of_password("zxcvbnm123") == too_common);
  CHECK(fault_of_password("aaaaaaaaaaaa") == too_common);
  CHECK_FALSE(fault_of_password("zażółć gęślą"));
  CHECK_FALSE(fault_of_password("tyl4w-0kno"));
  CHECK_FALSE(fault_of_password(std::string(255, 'x') + "y"));
}

#include "identity/password.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "crypto/secret.hpp"

namespace admit::identity {

namespace {

constexpr unsigned long long passes = 2;
constexpr std::size_t memory_bytes = 19u << 20;

/// A hash of nothing in particular under the same parameters: what an account that does not exist is checked against.
constexpr const char* nobody =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The most used passwords of eight and more characters, in lower case. Sorted.
constexpr auto common_passwords = std::to_array<std::string_view>({
    "00000000",   "01234567",    "0123456789",    "11111111",   "1111111111",  "111222333", "112233445566",
    "11223344",   "12121212",    "123123123",     "12341234",   "12344321",    "12345678",  "123456789",
    "1234567890", "1234567891",  "12345678910",   "1234567a",   "1234qwer",    "123qweasd", "147258369",
    "1q2w3e4r",   "1q2w3e4r5t",  "1qaz2wsx",      "22222222",   "55555555",    "66666666",  "77777777",
    "87654321",   "88888888",    "98765432",      "987654321",  "99999999",    "a1b2c3d4",  "a123456789",
    "aa123456",   "aa12345678",  "abc12345",      "abc123456",  "abcd1234",    "abcdefgh",  "abcdefghi",
    "admin123",   "admin1234",   "administrator", "asdasdasd",  "asdf1234",    "asdfasdf",  "asdfghjk",
    "asdfghjkl",  "baseball",    "basketball",    "changeme",   "changeme123", "charlie1",  "chocolate",
    "computer",   "corvette",    "danielle",      "default1",   "dragon123",   "elephant",  "football",
    "football1",  "g_czechout",  "hello123",      "helloworld", "iloveyou",    "iloveyou1", "internet",
    "jennifer",   "jonathan",    "justin123",     "letmein1",   "letmein123",  "liverpool", "login123",
    "lovelove",   "marlboro",    "master123",     "maverick",   "mercedes",    "michael1",  "michelle",
    "midnight",   "minecraft",   "mustang1",      "nicholas",   "p@ssw0rd",    "p@ssword",  "pa$$word",
    "pass1234",   "passw0rd",    "password",      "password!",  "password0",   "password1", "password1!",
    "password12", "password123", "password1234",  "password2",  "pokemon1",    "princess",  "princess1",
    "q1w2e3r4",   "q1w2e3r4t5",  "qazwsxedc",     "qqww1122",   "qwer1234",    "qwerasdf",  "qwerty12",
    "qwerty123",  "qwerty1234",  "qwertyui",      "qwertyuiop", "samantha",    "secret123", "slipknot",
    "spiderman",  "starwars",    "steelers",      "sunshine",   "sunshine1",   "superman",  "superman1",
    "test1234",   "testtest",    "ticket123",     "trustno1",   "victoria",    "welcome1",  "welcome123",
    "whatever",   "xxxxxxxx",    "zaq12wsx",      "zxcvbnm1",   "zxcvbnm123",
});

}  // namespace

std::string_view word(PasswordFault fault) {
  switch (fault) {
    case PasswordFault::too_short:
      return "too_short";
    case PasswordFault::too_long:
      return "too_long";
    case PasswordFault::too_common:
      return "too_common";
  }
  std::unreachable();
}

std::string_view sentence(PasswordFault fault) {
  switch (fault) {
    case PasswordFault::too_short:
      return "A password has at least 8 characters.";
    case PasswordFault::too_long:
      return "A password has at most 256 bytes.";
    case PasswordFault::too_common:
      return "This password is among the first that anybody would try. Choose another.";
  }
  std::unreachable();
}

std::optional<PasswordFault> fault_of_password(std::string_view password) {
  if (password.size() < password_min_bytes) return PasswordFault::too_short;
  if (password.size() > password_max_bytes) return PasswordFault::too_long;
  if (password.find_first_not_of(password.front()) == std::string_view::npos) return PasswordFault::too_common;
  const auto same = [password](std::string_view common) {
    return std::ranges::equal(password, common, [](char a, char b) {
      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
  };
  if (std::ranges::any_of(common_passwords, same)) return PasswordFault::too_common;
  return std::nullopt;
}

std::string hash_password(std::string_view password) {
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (sodium_init() < 0 || crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), passes, memory_bytes,
                                                 crypto_pwhash_ALG_ARGON2ID13) != 0) {
    throw std::runtime_error("a password cannot be hashed: out of memory");
  }
  return hash.data();
}

bool verify_password(std::optional<std::string_view> hash, std::string_view password) {
  // Another kind of hash than ours could cost anything; nothing here ever wrote one.
  const bool known = hash && hash->size() < crypto_pwhash_STRBYTES &&
                     hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && password.size() <= password_max_bytes;
  const std::string checked{known ? *hash : std::string_view{nobody}};
  const std::string_view tried = password.substr(0, password_max_bytes);
  const bool same = sodium_init() >= 0 && crypto_pwhash_str_verify(checked.c_str(), tried.data(), tried.size()) == 0;
  return known && same;
}

}  // namespace admit::identity

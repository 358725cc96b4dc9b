#include "identity/password.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "crypto/secret.hpp"
#include "identity/common_password.hpp"

namespace admit::identity {

namespace {

constexpr unsigned long long passes = 2;
constexpr std::size_t memory_bytes = 19u << 20;

/// A hash of nothing in particular under the same parameters: what an account that does not exist is checked against.
constexpr const char* nobody =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

std::atomic<std::uint64_t> computations{0};

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

std::optional<PasswordFault> fault_of_password(std::string_view password, std::string_view email) {
  if (password.size() < password_min_bytes) return PasswordFault::too_short;
  if (password.size() > password_max_bytes) return PasswordFault::too_long;
  if (is_common_password(password, email)) return PasswordFault::too_common;
  return std::nullopt;
}

std::uint64_t password_computations() {
  return computations.load(std::memory_order_relaxed);
}

std::string hash_password(std::string_view password) {
  computations.fetch_add(1, std::memory_order_relaxed);
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
  computations.fetch_add(1, std::memory_order_relaxed);
  const bool same = sodium_init() >= 0 && crypto_pwhash_str_verify(checked.c_str(), tried.data(), tried.size()) == 0;
  return known && same;
}

}  // namespace admit::identity

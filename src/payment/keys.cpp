#include "payment/keys.hpp"

#include <algorithm>

namespace admit::payment {

namespace {

constexpr std::string_view blanks = " \t\r\n";

bool starts_with_any(std::string_view key, std::initializer_list<std::string_view> prefixes) {
  key.remove_prefix(std::min(key.find_first_not_of(blanks), key.size()));
  return std::ranges::any_of(prefixes, [key](std::string_view prefix) { return key.starts_with(prefix); });
}

}  // namespace

bool is_live_key(std::string_view key) {
  return starts_with_any(key, {"sk_live_", "rk_live_", "pk_live_"});
}

bool is_test_key(std::string_view key) {
  return starts_with_any(key, {"sk_test_", "rk_test_", "pk_test_"});
}

bool is_secret_key(std::string_view key) {
  return starts_with_any(key, {"sk_", "rk_"});
}

bool is_webhook_secret(std::string_view secret) {
  constexpr std::string_view prefix = "whsec_";
  return secret.starts_with(prefix) && secret.size() > prefix.size() &&
         secret.find_first_of(blanks) == std::string_view::npos;
}

}  // namespace admit::payment

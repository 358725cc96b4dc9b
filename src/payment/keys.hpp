#pragma once
// What a provider key says about itself. Keys are never logged; these look at the prefix only.

#include <string_view>

namespace admit::payment {

/// `sk_live_`, `rk_live_` or `pk_live_`: money moves. White space before it does not hide it.
[[nodiscard]] bool is_live_key(std::string_view key);
/// `sk_test_`, `rk_test_` or `pk_test_`.
[[nodiscard]] bool is_test_key(std::string_view key);
/// `sk_…` or `rk_…`: may create payments. A publishable key may not.
[[nodiscard]] bool is_secret_key(std::string_view key);
/// `whsec_` and something behind it, without white space.
[[nodiscard]] bool is_webhook_secret(std::string_view secret);

}  // namespace admit::payment

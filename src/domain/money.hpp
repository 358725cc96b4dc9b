#pragma once
// Money: integer minor units and an ISO 4217 code. Prices are gross, tax included; every sum is range-checked.

#include <cstdint>
#include <string_view>

#include "domain/result.hpp"

namespace admit::domain {

/// The largest amount one registration may cost, in minor units. Stripe's general limit is eight digits.
inline constexpr std::int64_t max_amount_minor = 99'999'999;
/// The highest tax rate accepted, in basis points (1 % = 100).
inline constexpr std::int64_t max_tax_rate_bp = 10'000;

/// Whether `code` is ISO 4217's for a money that a country pays with today.
[[nodiscard]] bool is_currency(std::string_view code);
/// Digits after the decimal point that a price in `currency` is written with: 0, 2 or 3.
[[nodiscard]] int minor_digits(std::string_view currency);
/// What every amount that a provider moves is a multiple of, in minor units: some currencies need the last digits to be
/// zero (Stripe: ISK, UGX in hundreds, three-decimal currencies in tens).
[[nodiscard]] std::int64_t charge_step_minor(std::string_view currency);
/// Whether a provider can move this much.
[[nodiscard]] bool is_chargeable(std::int64_t amount_minor, std::string_view currency);
/// The least that can be charged, in minor units of `currency`; an unlisted currency has 1.
[[nodiscard]] std::int64_t minimum_charge_minor(std::string_view currency);

/// What one line of a registration costs, per line, rounded half up once.
struct LineAmounts {
  std::int64_t net_minor = 0;
  std::int64_t tax_minor = 0;
  std::int64_t fee_minor = 0;
  std::int64_t gross_minor = 0;  // price times quantity, plus fee: what the buyer pays
};

/// `price_minor` and `fee_minor` are per ticket and gross; the tax in them is `tax_rate_bp`.
/// Refuses with `invalid_field` where the sum leaves the range of max_amount_minor.
[[nodiscard]] Result<LineAmounts> price_line(std::int64_t price_minor, std::int64_t fee_minor, std::int64_t tax_rate_bp,
                                             std::int64_t quantity);

}  // namespace admit::domain

#include "domain/money.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace admit::domain {
namespace {

using Code = std::string_view;
/// What countries pay with, of ISO 4217's list one (2026), in order: no funds, metals or codes for tests.
constexpr auto active = std::to_array<Code>({
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD", "BND",
    "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE",
    "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD",
    "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY",
    "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD",
    "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO",
    "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF",
    "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB",
    "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED", "VES", "VND",
    "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG"
});
static_assert(std::ranges::is_sorted(active));
constexpr std::array<Code, 15> zero_decimal = {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA",
                                               "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"};
constexpr std::array<Code, 5> three_decimal = {"BHD", "JOD", "KWD", "OMR", "TND"};
constexpr std::array<Code, 2> whole_units_only = {"ISK", "UGX"};
constexpr std::array<std::pair<Code, std::int64_t>, 26> minimum_minor = {{
    {"USD", 50}, {"EUR", 50}, {"CHF", 50}, {"AUD", 50}, {"CAD", 50}, {"NZD", 50}, {"SGD", 50}, {"BRL", 50}, {"INR", 50},
    {"GBP", 30}, {"DKK", 250}, {"NOK", 300}, {"SEK", 300}, {"PLN", 200}, {"RON", 200}, {"AED", 200}, {"MYR", 200},
    {"CZK", 1500}, {"HUF", 17500}, {"HKD", 400}, {"JPY", 50}, {"KRW", 50}, {"MXN", 1000}, {"THB", 1000},
    {"ISK", 7000}, {"TWD", 1500}}};

template <std::size_t N>
bool contains(const std::array<Code, N>& list, Code code) {
  return std::ranges::find(list, code) != list.end();
}

}  // namespace

bool is_currency(std::string_view code) {
  return std::ranges::binary_search(active, code);
}

int minor_digits(std::string_view currency) {
  if (contains(zero_decimal, currency)) return 0;
  return contains(three_decimal, currency) ? 3 : 2;
}

std::int64_t charge_step_minor(std::string_view currency) {
  if (contains(three_decimal, currency)) return 10;
  return contains(whole_units_only, currency) ? 100 : 1;
}

bool is_chargeable(std::int64_t amount_minor, std::string_view currency) {
  return amount_minor % charge_step_minor(currency) == 0;
}

std::int64_t minimum_charge_minor(std::string_view currency) {
  for (const auto& [code, least] : minimum_minor) {
    if (code == currency) return least;
  }
  return 1;
}

Result<LineAmounts> price_line(std::int64_t price_minor, std::int64_t fee_minor, std::int64_t tax_rate_bp,
                               std::int64_t quantity) {
  std::int64_t price = 0;
  std::int64_t fee = 0;
  LineAmounts out;
  if (price_minor < 0 || fee_minor < 0 || tax_rate_bp < 0 || tax_rate_bp > max_tax_rate_bp || quantity <= 0 ||
      __builtin_mul_overflow(price_minor, quantity, &price) || __builtin_mul_overflow(fee_minor, quantity, &fee) ||
      __builtin_add_overflow(price, fee, &out.gross_minor) || out.gross_minor > max_amount_minor) {
    return refuse(Refusal::invalid_field, "lines", "The registration costs more than can be paid at once; take fewer tickets.");
  }
  // Tax is inside the gross: tax = gross * rate / (1 + rate), half up; both factors stay far below 2^63.
  const std::int64_t divisor = 10'000 + tax_rate_bp;
  out.tax_minor = (2 * out.gross_minor * tax_rate_bp + divisor) / (2 * divisor);
  out.net_minor = out.gross_minor - out.tax_minor;
  out.fee_minor = fee;
  return out;
}

}  // namespace admit::domain

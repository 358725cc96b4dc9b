#include "payment/sandbox/test_cards.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace admit::payment::sandbox {

namespace {

constexpr CardFault generic_decline{"card_declined", "generic_decline", "", "Your card was declined."};
constexpr CardFault insufficient_funds{"card_declined", "insufficient_funds", "", "Your card has insufficient funds."};
constexpr CardFault expired_card{"expired_card", "", "exp_month", "Your card has expired."};
constexpr CardFault incorrect_cvc{"incorrect_cvc", "", "cvc", "Your card's security code is incorrect."};
constexpr CardFault processing_error{"processing_error", "", "",
                                     "An error occurred while processing your card. Try again in a little bit."};
constexpr CardFault lost_card{"card_declined", "lost_card", "", "Your card was declined."};
constexpr CardFault stolen_card{"card_declined", "stolen_card", "", "Your card was declined."};
constexpr CardFault velocity{"card_declined", "card_velocity_exceeded", "",
                             "Your card was declined for making repeated attempts too frequently."};
constexpr CardFault incorrect_number{"incorrect_number", "", "number", "Your card number is incorrect."};
constexpr CardFault invalid_month{"invalid_expiry_month", "", "exp_month", "Your card's expiration month is invalid."};
constexpr CardFault invalid_year{"invalid_expiry_year", "", "exp_year", "Your card's expiration year is invalid."};
constexpr CardFault invalid_cvc{"invalid_cvc", "", "cvc", "Your card's security code is invalid."};
constexpr CardFault live_card{"card_declined", "test_mode_live_card", "",
                              "Your card was declined. This is a sandbox: only test cards are taken."};

struct TestCard {
  std::string_view number;
  std::string_view brand;
  const CardFault* decline = nullptr;
  bool asks_for_action = false;
  Sequel sequel = Sequel::none;
};
constexpr std::array test_cards{
    TestCard{"4242424242424242", "visa"},
    TestCard{"5555555555554444", "mastercard"},
    TestCard{"378282246310005", "amex"},
    TestCard{"4000000000000002", "visa", &generic_decline},
    TestCard{"4000000000009995", "visa", &insufficient_funds},
    TestCard{"4000000000009987", "visa", &lost_card},
    TestCard{"4000000000009979", "visa", &stolen_card},
    TestCard{"4000000000000069", "visa", &expired_card},
    TestCard{"4000000000000127", "visa", &incorrect_cvc},
    TestCard{"4000000000000119", "visa", &processing_error},
    TestCard{"4000000000006975", "visa", &velocity},
    TestCard{"4000000000000341", "visa", &generic_decline},
    TestCard{"4000002760003184", "visa", nullptr, true},
    TestCard{"4000002500003155", "visa", nullptr, true},
    TestCard{"4000000000003220", "visa", nullptr, true},
    TestCard{"4000003800000446", "visa", nullptr, true},
    TestCard{"4000008400001629", "visa", nullptr, true, Sequel::declined_after_action},
    TestCard{"4000000000000259", "visa", nullptr, false, Sequel::fraudulent},
    TestCard{"4000000000002685", "visa", nullptr, false, Sequel::not_received},
    TestCard{"4000000000001976", "visa", nullptr, false, Sequel::inquiry},
    TestCard{"4000000000005423", "visa", nullptr, false, Sequel::early_warning},
    TestCard{"4000000000007726", "visa", nullptr, false, Sequel::refund_pends},
    TestCard{"4000000000005126", "visa", nullptr, false, Sequel::refund_fails},
    TestCard{"4000000000007106", "visa", nullptr, false, Sequel::slow},
    TestCard{"4000000000007205", "visa", nullptr, false, Sequel::slow_declined},
    TestCard{"4000000000007304", "visa", nullptr, false, Sequel::late},
};

struct NamedCard {
  std::string_view name;
  std::string_view number;
};
constexpr std::array named_cards{
    NamedCard{"pm_card_visa", "4242424242424242"},
    NamedCard{"pm_card_mastercard", "5555555555554444"},
    NamedCard{"pm_card_amex", "378282246310005"},
    NamedCard{"pm_card_visa_chargeDeclined", "4000000000000002"},
    NamedCard{"pm_card_visa_chargeDeclinedInsufficientFunds", "4000000000009995"},
    NamedCard{"pm_card_visa_chargeDeclinedLostCard", "4000000000009987"},
    NamedCard{"pm_card_visa_chargeDeclinedStolenCard", "4000000000009979"},
    NamedCard{"pm_card_chargeDeclinedExpiredCard", "4000000000000069"},
    NamedCard{"pm_card_chargeDeclinedIncorrectCvc", "4000000000000127"},
    NamedCard{"pm_card_chargeDeclinedProcessingError", "4000000000000119"},
    NamedCard{"pm_card_chargeCustomerFail", "4000000000000341"},
    NamedCard{"pm_card_threeDSecureRequired", "4000002760003184"},
    NamedCard{"pm_card_threeDSecure2Required", "4000000000003220"},
    NamedCard{"pm_card_authenticationRequired", "4000002760003184"},
    NamedCard{"pm_card_threeDSecureRequiredChargeDeclined", "4000008400001629"},
    NamedCard{"pm_card_createDispute", "4000000000000259"},
    NamedCard{"pm_card_createDisputeProductNotReceived", "4000000000002685"},
    NamedCard{"pm_card_createDisputeInquiry", "4000000000001976"},
    NamedCard{"pm_card_createIssuerFraudRecord", "4000000000005423"},
    NamedCard{"pm_card_pendingRefund", "4000000000007726"},
    NamedCard{"pm_card_refundFail", "4000000000005126"},
    NamedCard{"pm_sbx_slow_bank", "4000000000007106"},
    NamedCard{"pm_sbx_slow_bank_declined", "4000000000007205"},
    NamedCard{"pm_sbx_pay_late", "4000000000007304"},
};

constexpr std::array<std::string_view, 11> sequel_words{
    "none",         "declined_after_action", "fraudulent", "not_received",  "inquiry", "early_warning",
    "refund_pends", "refund_fails",          "slow",       "slow_declined", "late"};

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_luhn(std::string_view digits) {
  int sum = 0;
  bool doubles = false;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    int value = *digit - '0';
    if (doubles) value = value < 5 ? value * 2 : value * 2 - 9;
    sum += value;
    doubles = !doubles;
  }
  return sum % 10 == 0;
}

std::int64_t number_of(std::string_view digits) {
  std::int64_t value = -1;
  if (is_digits(digits) && digits.size() <= 4) std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

Card make_card(const TestCard& found, std::int64_t month, std::int64_t year) {
  Card card;
  card.brand = found.brand;
  card.last4 = found.number.substr(found.number.size() - 4);
  card.exp_month = month;
  card.exp_year = year;
  if (found.decline != nullptr) card.decline = *found.decline;
  card.asks_for_action = found.asks_for_action;
  card.sequel = found.sequel;
  card.row = static_cast<std::size_t>(&found - test_cards.data());
  return card;
}

std::chrono::year_month_day day_of(domain::Instant at) {
  return std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(at)};
}

}  // namespace

const CardFault declined_by_issuer = generic_decline;

std::string_view word(Sequel sequel) {
  return sequel_words[static_cast<std::size_t>(sequel)];
}

std::expected<Card, CardFault> read_card(const CardFields& fields, domain::Instant now) {
  std::string digits;
  for (const char c : fields.number.substr(0, 64)) {
    if (c != ' ' && c != '-') digits += c;
  }
  if (!is_digits(digits) || digits.size() < 12 || digits.size() > 19 || !is_luhn(digits)) {
    return std::unexpected(incorrect_number);
  }
  const auto month = number_of(fields.exp_month);
  if (month < 1 || month > 12) return std::unexpected(invalid_month);
  auto year = number_of(fields.exp_year);
  if (year >= 0 && year < 100) year += 2000;
  const auto today = day_of(now);
  const auto this_year = static_cast<std::int64_t>(static_cast<int>(today.year()));
  if (year < this_year || year > this_year + 50) return std::unexpected(invalid_year);
  if (year == this_year && month < static_cast<std::int64_t>(static_cast<unsigned>(today.month()))) {
    return std::unexpected(invalid_month);
  }
  if (!fields.cvc.empty() && (!is_digits(fields.cvc) || fields.cvc.size() < 3 || fields.cvc.size() > 4)) {
    return std::unexpected(invalid_cvc);
  }
  const auto* found = std::ranges::find(test_cards, digits, &TestCard::number);
  std::ranges::fill(digits, '0');
  if (found == test_cards.end()) return std::unexpected(live_card);
  return make_card(*found, month, year);
}

std::optional<Card> named_card(std::string_view payment_method, domain::Instant now) {
  const auto* named = std::ranges::find(named_cards, payment_method, &NamedCard::name);
  if (named == named_cards.end()) return std::nullopt;
  const auto* found = std::ranges::find(test_cards, named->number, &TestCard::number);
  return make_card(*found, 12, static_cast<int>(day_of(now).year()) + 3);
}

std::optional<Card> card_of_row(std::size_t row, domain::Instant now) {
  if (row >= test_cards.size()) return std::nullopt;
  return make_card(test_cards[row], 12, static_cast<int>(day_of(now).year()) + 3);
}

}  // namespace admit::payment::sandbox

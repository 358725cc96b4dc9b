#pragma once
// Inside the sandbox: card numbers and what happens to them. A number never leaves read_card().
//
//   4242 4242 4242 4242  succeeds (also 5555 5555 5555 4444 and 3782 822463 10005)
//   4000 0000 0000 0002  generic_decline          4000 0000 0000 9995  insufficient_funds
//   4000 0000 0000 9987  lost_card                4000 0000 0000 9979  stolen_card
//   4000 0000 0000 0069  expired_card             4000 0000 0000 0127  incorrect_cvc
//   4000 0000 0000 0119  processing_error         4000 0000 0000 6975  card_velocity_exceeded
//   4000 0000 0000 0341  generic_decline
//   4000 0027 6000 3184  asks for 3-D Secure, then succeeds (also 4000 0025 0000 3155, 4000 0000 0000 3220 and
//                        4000 0038 0000 0446)
//   4000 0084 0000 1629  asks for 3-D Secure, then is declined
//   4000 0000 0000 0259  succeeds, then is disputed as fraudulent
//   4000 0000 0000 2685  succeeds, then is disputed as not received
//   4000 0000 0000 1976  succeeds, then an inquiry
//   4000 0000 0000 5423  succeeds, then an early fraud warning
//   4000 0000 0000 7726  succeeds; a refund is pending first
//   4000 0000 0000 5126  succeeds; a refund succeeds, then fails
//
// Of our own, for what no card of the provider's does:
//
//   4000 0000 0000 7106  a slow bank: processing, then succeeds
//   4000 0000 0000 7205  a slow bank: processing, then is declined
//   4000 0000 0000 7304  pays late: processing for half an hour of the sandbox's clock, then succeeds

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "domain/instant.hpp"

namespace admit::payment::sandbox {

struct CardFault {
  std::string_view code;          ///< `card_declined`, `incorrect_number`, ...
  std::string_view decline_code;  ///< "" where none
  std::string_view param;         ///< field of the card at fault, or ""
  std::string_view message;
};

/// What follows where a card is not declined at once.
enum class Sequel : std::uint8_t {
  none,
  declined_after_action,
  fraudulent,
  not_received,
  inquiry,
  early_warning,
  refund_pends,
  refund_fails,
  slow,
  slow_declined,
  late
};

struct Card {
  std::string_view brand;
  std::string last4;
  std::int64_t exp_month = 0;
  std::int64_t exp_year = 0;
  /// Set: paying with it is declined.
  std::optional<CardFault> decline;
  bool asks_for_action = false;
  Sequel sequel = Sequel::none;
  /// What is kept in place of the number, for card_of_row().
  std::size_t row = 0;
};

[[nodiscard]] std::string_view word(Sequel sequel);

struct CardFields {
  std::string_view number;
  std::string_view exp_month;
  std::string_view exp_year;
  std::string_view cvc;
};

/// Spaces and dashes in the number are skipped. Refuses what no card could be: Luhn, expiry, CVC; and every number
/// that is not a test card, so that no real one is ever used.
[[nodiscard]] std::expected<Card, CardFault> read_card(const CardFields& fields, domain::Instant now);

/// `pm_card_visa` and the other names of the provider for the cards above (see named_cards), `pm_sbx_slow_bank`,
/// `pm_sbx_slow_bank_declined` and `pm_sbx_pay_late` for our own; nullopt for any other word.
[[nodiscard]] std::optional<Card> named_card(std::string_view payment_method, domain::Instant now);

/// A card seen before; nullopt for a row that is none.
[[nodiscard]] std::optional<Card> card_of_row(std::size_t row, domain::Instant now);

extern const CardFault declined_by_issuer;

}  // namespace admit::payment::sandbox

#pragma once
// Inside the sandbox: card numbers and what happens to them. A number never leaves read_card().
//
//   4242 4242 4242 4242  succeeds (also 5555 5555 5555 4444 and 3782 822463 10005)
//   4000 0000 0000 0002  generic_decline          4000 0000 0000 9995  insufficient_funds
//   4000 0000 0000 0069  expired_card             4000 0000 0000 0127  incorrect_cvc
//   4000 0000 0000 0119  processing_error         4000 0027 6000 3184  asks for 3-D Secure, then succeeds

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

struct Card {
  std::string_view brand;
  std::string last4;
  std::int64_t exp_month = 0;
  std::int64_t exp_year = 0;
  /// Set: paying with it is declined.
  std::optional<CardFault> decline;
  bool asks_for_action = false;
};

struct CardFields {
  std::string_view number;
  std::string_view exp_month;
  std::string_view exp_year;
  std::string_view cvc;
};

/// Spaces and dashes in the number are skipped. Refuses what no card could be: Luhn, expiry, CVC; and every number
/// that is not a test card, so that no real one is ever used.
[[nodiscard]] std::expected<Card, CardFault> read_card(const CardFields& fields, domain::Instant now);

/// `pm_card_visa`, `pm_card_visa_chargeDeclined`, `pm_card_visa_chargeDeclinedInsufficientFunds`,
/// `pm_card_threeDSecure2Required`; nullopt for any other word.
[[nodiscard]] std::optional<Card> named_card(std::string_view payment_method, domain::Instant now);

}  // namespace admit::payment::sandbox

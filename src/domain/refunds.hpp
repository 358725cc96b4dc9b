#pragma once
// Money that goes back to buyers.

#include "domain/command.hpp"

namespace admit::domain {

/// Refunds that people may ask for of one payment; a few more are kept free for those that rules ask for.
inline constexpr std::int64_t max_refunds_asked = 40;
inline constexpr std::int64_t max_refunds = 50;

/// Gives money back: for the tickets named; with neither tickets nor amount, all that is left, and all tickets; with an
/// amount, just that, and the tickets named end. Once nothing is left to give back, all tickets that cost something end;
/// what remains can be ended for nothing. Tickets end at once, their places come back when the money is there. By the customer while the show lets him (whole or by ticket, no used ticket), else by the business's owner or
/// an operator. What cost nothing gives a Refund of 0. The provider is asked by a job. Refuses: invalid_field,
/// unknown_registration, forbidden, not_paid, disputed, refund_closed, ticket_not_valid, refund_too_much (nothing, or
/// not as much, is left).
struct RequestRefund {
  using Outcome = Refund;
  Meta meta;
  RegistrationId registration_id;
  std::optional<std::int64_t> amount_minor;
  std::vector<std::int64_t> ticket_numbers;
  std::optional<bool>
      keep_fee;  // keeps the booking fee; by default as the show says for a customer, and not for others
};
void needs(const RequestRefund& command, Needs& needs);
[[nodiscard]] Result<Refund> decide(const RequestRefund& command, World& world);

/// What the provider answered to a refund. Idempotent; a status never goes back.
/// Refuses: unknown_refund, conflict (another id of the provider is noted).
struct RecordRefund {
  using Outcome = Refund;
  Meta meta;
  RefundId refund_id;
  std::string provider_id;  // "" where it refused: then the status is `failed`
  RefundStatus status = RefundStatus::pending;
  std::string error;              // the provider's code
  bool without_reversal = false;  // it could not take the money back from the business, and was asked without
};
void needs(const RecordRefund& command, Needs& needs);
[[nodiscard]] Result<Refund> decide(const RecordRefund& command, World& world);

/// As AskIntentAnew, of a refund. Refuses: unknown_refund.
struct AskRefundAnew {
  using Outcome = Refund;
  Meta meta;
  RefundId refund_id;
  std::int64_t round = 0;
};
void needs(const AskRefundAnew& command, Needs& needs);
[[nodiscard]] Result<Refund> decide(const AskRefundAnew& command, World& world);

}  // namespace admit::domain

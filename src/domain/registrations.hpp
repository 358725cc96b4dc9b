#pragma once
// From the choice of tickets to the confirmed registration: reserve, pay, expire, cancel, issue.

#include "domain/command.hpp"
#include "domain/events.hpp"
#include "domain/money.hpp"
#include "domain/payments.hpp"

namespace admit::domain {

struct LineChoice {
  TierId tier_id;
  std::int64_t quantity = 0;
  std::vector<std::string> holders;
};

/// Holds places. A registration that costs nothing is confirmed at once (provider `none`).
/// Refuses, in this order: invalid_field, unknown_show, show_cancelled, show_not_published, sale_not_open, sale_closed,
/// unknown_tier, too_few, too_many, payments_unavailable, sold_out, too_many_holds.
struct Reserve {
  using Outcome = Registration;
  Meta meta;
  ShowId show_id;
  std::vector<LineChoice> lines;
  bool payments_ready = false;  // this installation can take money
  bool test = false;            // no money moves: tickets say TEST
  std::int64_t epoch = 0;       // sealing epoch of tickets issued now
};
void needs(const Reserve& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const Reserve& command, World& world);

/// The part of Reserve's rules up to and with `sold_out`. It changes nothing, so that a sold-out show can be answered
/// from a copy of its committed rows (Show, Business, Tier, Quota) without going through the engine.
[[nodiscard]] Result<std::vector<Line>> check_sale(const Reserve& command, const World& world);
/// The rows that check_sale reads.
void needs_for_sale(const Reserve& command, Needs& needs);

/// Ends a hold whose time is over. Does nothing while it is not over, or when it has ended already.
/// With a payment begun it becomes `expiring`: the places stay taken until the provider says that nobody can pay.
struct ExpireHeld {
  using Outcome = Registration;
  Meta meta;
  RegistrationId registration_id;
};
void needs(const ExpireHeld& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const ExpireHeld& command, World& world);

/// By its customer. Refuses: unknown_registration, forbidden, registration_not_held.
struct CancelRegistration {
  using Outcome = Registration;
  Meta meta;
  RegistrationId registration_id;
};
void needs(const CancelRegistration& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const CancelRegistration& command, World& world);

/// Makes sure that a confirmed registration's documents are made (again). Idempotent.
/// Refuses: unknown_registration, invalid_field (eventId or userId is not the registration's), registration_not_held.
struct GenerateTickets {
  using Outcome = Registration;
  Meta meta;
  RegistrationId registration_id;
  ShowId show_id;
  UserId user_id;
};
void needs(const GenerateTickets& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const GenerateTickets& command, World& world);

}  // namespace admit::domain

#pragma once
// A whole show is cancelled: at once for sale and door, then registration by registration.

#include "domain/command.hpp"

namespace admit::domain {

/// Ends the sale and wants the job `cancel_show`. Idempotent. By the business's owner or an operator.
/// Refuses: unknown_show, forbidden.
struct CancelShow {
  using Outcome = Cancellation;
  Meta meta;
  ShowId show_id;
};
void needs(const CancelShow& command, Needs& needs);
[[nodiscard]] Result<Cancellation> decide(const CancelShow& command, World& world);

/// One registration of a cancelled show: a hold ends, tickets end, all that was paid and is not yet given back is
/// refunded. Idempotent. Refuses: unknown_registration, conflict (the show is not cancelled).
struct CancelForShow {
  using Outcome = Registration;
  Meta meta;
  RegistrationId registration_id;
};
void needs(const CancelForShow& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const CancelForShow& command, World& world);

/// How far the job has come, so that it goes on there after a restart. Refuses: unknown_show (it is not being
/// cancelled).
struct RecordCancellation {
  using Outcome = Cancellation;
  Meta meta;
  ShowId show_id;
  std::int64_t total = 0;
  std::int64_t done = 0;
  std::string after_order;
  RegistrationId after_id;
  bool finished = false;
};
void needs(const RecordCancellation& command, Needs& needs);
[[nodiscard]] Result<Cancellation> decide(const RecordCancellation& command, World& world);

}  // namespace admit::domain

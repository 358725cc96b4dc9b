#pragma once
// A payment of a registration: begun, tied to the provider's, captured, paid in cash, looked at by a person.

#include "domain/command.hpp"

namespace admit::domain {

/// The id of the job that asks the provider to begin this payment.
[[nodiscard]] JobId create_intent_job(TransactionId transaction);

/// Begins the one open payment of a registration; a repeat gives the payment begun before.
/// With `lease` it wants the job `create_intent` (create_intent_job), leased to the caller until `lease_until`:
/// RecordIntent ends it, or a worker takes it over.
/// Refuses: unknown_registration, forbidden, already_paid, registration_not_held, registration_expired, amount_differs,
/// payment_in_progress (money came that an operator must look at), show_cancelled, payments_unavailable.
struct BeginPayment {
  using Outcome = Transaction;
  Meta meta;
  RegistrationId registration_id;
  std::optional<std::int64_t> amount_minor;  // what the caller believes it costs
  bool payments_ready = false;
  bool livemode = false;
  Uuid lease;
  Instant lease_until{};
};
void needs(const BeginPayment& command, Needs& needs);
[[nodiscard]] Result<Transaction> decide(const BeginPayment& command, World& world);

/// Notes the provider's id of a payment begun and ends its job `create_intent`. Idempotent.
/// Refuses: unknown_transaction, conflict (another id is noted).
struct RecordIntent {
  using Outcome = Transaction;
  Meta meta;
  TransactionId transaction_id;
  std::string intent_id;
};
void needs(const RecordIntent& command, Needs& needs);
[[nodiscard]] Result<Transaction> decide(const RecordIntent& command, World& world);

/// The provider keeps a fault of its own for the key that it was asked with to begin this payment, and did nothing: it is
/// asked with the key of the next round. Never goes back. Refuses: unknown_transaction.
struct AskIntentAnew {
  using Outcome = Transaction;
  Meta meta;
  TransactionId transaction_id;
  std::int64_t round = 0;
};
void needs(const AskIntentAnew& command, Needs& needs);
[[nodiscard]] Result<Transaction> decide(const AskIntentAnew& command, World& world);

/// A payment that the provider never heard of, or says is cancelled, ends; an expiring registration gives its places
/// back. Idempotent. Refuses: unknown_transaction, already_paid.
struct CancelPayment {
  using Outcome = Transaction;
  Meta meta;
  TransactionId transaction_id;
};
void needs(const CancelPayment& command, Needs& needs);
[[nodiscard]] Result<Transaction> decide(const CancelPayment& command, World& world);

/// The box office took the money: confirms at once (provider `cash`); an open payment by card is cancelled.
/// By the business's owner or an operator. Refuses: unknown_registration, forbidden, already_paid,
/// registration_not_held, payment_in_progress (the card may be charged at any moment, or money came already).
struct PayCash {
  using Outcome = Registration;
  Meta meta;
  RegistrationId registration_id;
  std::int64_t epoch = 0;
};
void needs(const PayCash& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const PayCash& command, World& world);

/// Once: whoever took the cash for a registration prints its tickets.
/// Refuses: unknown_registration, forbidden (somebody else took the money, or the caller may sell no more), not_paid,
/// ticket_not_valid (printed already).
struct PrintTickets {
  using Outcome = Registration;
  Meta meta;
  RegistrationId registration_id;
};
void needs(const PrintTickets& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const PrintTickets& command, World& world);

/// An operator takes another amount than was asked for as paid. Refuses: unknown_transaction, forbidden, not_in_review,
/// show_cancelled, sold_out (the places were given up meanwhile and are gone).
struct AcceptPayment {
  using Outcome = Registration;
  Meta meta;
  TransactionId transaction_id;
  std::int64_t epoch = 0;
};
void needs(const AcceptPayment& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const AcceptPayment& command, World& world);

}  // namespace admit::domain

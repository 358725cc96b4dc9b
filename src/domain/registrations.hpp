#pragma once
// From the choice of tickets to the confirmed registration: reserve, pay, expire, cancel, issue.

#include "domain/command.hpp"
#include "domain/money.hpp"

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

/// Begins the one open payment of a registration; a repeat gives the payment begun before.
/// Refuses: unknown_registration, forbidden, already_paid, registration_not_held, registration_expired, amount_differs,
/// payments_unavailable.
struct BeginPayment {
  using Outcome = Transaction;
  Meta meta;
  RegistrationId registration_id;
  std::optional<std::int64_t> amount_minor;  // what the caller believes it costs
  bool payments_ready = false;
};
void needs(const BeginPayment& command, Needs& needs);
[[nodiscard]] Result<Transaction> decide(const BeginPayment& command, World& world);

[[nodiscard]] ClaimId intent_claim(std::string_view intent_id);

/// Notes the provider's id of a payment begun. Idempotent. Refuses: unknown_transaction, conflict (another id is noted).
struct RecordIntent {
  using Outcome = Transaction;
  Meta meta;
  TransactionId transaction_id;
  std::string intent_id;
};
void needs(const RecordIntent& command, Needs& needs);
[[nodiscard]] Result<Transaction> decide(const RecordIntent& command, World& world);

/// `unrecognised` stands for any status a later version of the provider may send.
ADMIT_WORDS(IntentStatus, requires_payment_method, requires_confirmation, requires_action, processing, requires_capture,
            canceled, succeeded, unrecognised)

/// What a provider says of one payment.
struct IntentNews {
  std::string intent_id;
  IntentStatus status = IntentStatus::unrecognised;
  bool failed = false;  // an attempt to pay was declined
  std::int64_t amount_minor = 0;
  std::int64_t received_minor = 0;
  std::string currency;  // capitals
  std::string error;     // the provider's code
  TransactionId transaction_id;  // from the metadata we gave, none where absent
};

[[nodiscard]] InboxId inbox_id(std::string_view event_id);

/// One verified event of the provider: stored and applied in one commit, exactly once by its id.
/// A success confirms the registration and issues its tickets; money is never taken back by order of arrival.
/// Never refuses: what cannot be applied is kept as `flagged` with a word that says why.
struct ApplyEvent {
  struct Outcome {
    InboxStatus status = InboxStatus::ignored;
    std::string detail;
    bool duplicate = false;
    RegistrationId confirmed;  // the registration that this event confirmed
  };
  Meta meta;
  std::string event_id;
  std::string type;
  std::string object_id;
  std::string account;
  bool livemode = false;
  bool expect_livemode = false;
  std::string payload;
  std::optional<IntentNews> intent;
  std::optional<bool> account_charges_enabled;  // account.updated
  std::int64_t epoch = 0;
};
void needs(const ApplyEvent& command, Needs& needs);
[[nodiscard]] Result<ApplyEvent::Outcome> decide(const ApplyEvent& command, World& world);

/// A payment that the provider never heard of, or says is cancelled, ends; an expiring registration gives its places
/// back. Idempotent. Refuses: unknown_transaction, already_paid.
struct CancelPayment {
  using Outcome = Transaction;
  Meta meta;
  TransactionId transaction_id;
};
void needs(const CancelPayment& command, Needs& needs);
[[nodiscard]] Result<Transaction> decide(const CancelPayment& command, World& world);

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

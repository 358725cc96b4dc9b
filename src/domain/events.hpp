#pragma once
// What a payment provider tells: verified events, and what it answers when it is asked. The table of what each does is
// in docs/payments.md; nothing here depends on the order in which events arrive.

#include <variant>

#include "domain/command.hpp"

namespace admit::domain {

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
  std::int64_t capturable_minor = 0;  // reserved on the card, not charged yet
  std::string currency;               // capitals
  std::string error;                  // the provider's code
  std::string charge_id;              // "" where none
  std::string cancellation_reason;    // "" where none
  TransactionId transaction_id;       // from the metadata we gave, none where absent
};

/// What it says of the money taken by one payment.
struct ChargeNews {
  std::string charge_id;
  std::string intent_id;
  std::int64_t refunded_minor = 0;  // all that was given back so far
  bool disputed = false;
};

struct RefundNews {
  std::string provider_id;
  std::string intent_id;
  std::string charge_id;
  RefundStatus status = RefundStatus::pending;
  std::int64_t amount_minor = 0;
  std::string currency;          // capitals
  RefundId refund_id;            // from the metadata we gave, none where somebody else made it
  std::optional<bool> reversed;  // the business's share came back with it; none where it was not said
  /// Of our share of the payment, all that went back so far, with this refund and others; none where it was not said.
  std::optional<std::int64_t> fee_refunded_minor;
  std::string failure_reason;
};

struct DisputeNews {
  /// Money that a dispute moved on the balance: below 0 taken, above 0 given back.
  struct Movement {
    std::string provider_id;
    std::int64_t amount_minor = 0;
    std::int64_t fee_minor = 0;  // what the provider takes for it; below 0 where it is given back
    std::string currency;        // capitals
  };
  std::string provider_id;
  std::string intent_id;
  std::string charge_id;
  std::string status;  // as the provider says; one that begins with `warning_` is an inquiry
  std::string reason;
  std::int64_t amount_minor = 0;
  std::string currency;  // capitals
  std::optional<Instant> evidence_due_at;
  std::vector<Movement> movements;  // all so far; the first 4 count
};

/// What it says of a connected account.
struct AccountNews {
  std::string account_id;
  bool charges_enabled = false;
  bool transfers_active = false;
  bool payouts_enabled = false;
  bool details_submitted = false;
  bool deauthorized = false;
  std::string requirement;  // what is missing, for people; cut at 500 bytes
};

/// An early warning that a payment may be disputed.
struct WarningNews {
  std::string charge_id;
  std::string intent_id;
  bool actionable = false;
};

/// A payout to a business failed.
struct PayoutNews {
  std::string account_id;
  std::string failure;  // the provider's code
};

/// std::monostate: nothing that we act upon.
using News =
    std::variant<std::monostate, IntentNews, ChargeNews, RefundNews, DisputeNews, AccountNews, WarningNews, PayoutNews>;

[[nodiscard]] InboxId inbox_id(std::string_view event_id);
[[nodiscard]] ClaimId intent_claim(std::string_view intent_id);
[[nodiscard]] ClaimId refund_claim(std::string_view provider_id);

/// One verified event of the provider: stored and applied in one commit, exactly once by its id.
/// A success confirms the registration and issues its tickets; money is never taken back by order of arrival.
/// Never refuses: what cannot be applied is kept as `flagged` with a word that says why. What speaks of a payment that
/// is not known yet is kept as `waiting`; the job `apply_event` fetches its object and sends it again as `retry`.
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
  News news;
  std::int64_t epoch = 0;
  /// Only keeps the event as `failed` and wants the job `apply_event`: for one whose decision was a fault of ours.
  bool failed = false;
  /// Applies an event that is kept as `failed` or `waiting` once more; any other is a duplicate.
  bool retry = false;
  /// With `retry`: what is still unknown becomes `flagged` and is not tried again.
  bool last_try = false;
  /// When the provider made the event, in whole seconds; none where it does not say.
  std::optional<Instant> created;
  /// `news` was read just now: it holds, however old the event is.
  bool fresh = false;
};
void needs(const ApplyEvent& command, Needs& needs);
[[nodiscard]] Result<ApplyEvent::Outcome> decide(const ApplyEvent& command, World& world);

/// What a provider answered when it was asked about something of ours: applied as an event of it would be, and not
/// kept. For answers to create, capture and cancel, and for reconciling. Never refuses.
struct ApplyNews {
  using Outcome = ApplyEvent::Outcome;
  Meta meta;
  std::string account;  // on whose behalf it was asked: a connected account, or "" for our own
  bool livemode = false;
  News news;
  std::int64_t epoch = 0;
};
void needs(const ApplyNews& command, Needs& needs);
[[nodiscard]] Result<ApplyEvent::Outcome> decide(const ApplyNews& command, World& world);

}  // namespace admit::domain

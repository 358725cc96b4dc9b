#pragma once
// The provider's objects as far as order code needs them. Amounts are minor units, currencies upper case, ids and words
// are the provider's own and "" where it gives none.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/instant.hpp"
#include "payment/intent.hpp"

namespace admit::payment {

struct Charge {
  std::string id;
  std::string intent_id;
  std::string status;  ///< `succeeded`, `pending`, `failed`
  std::int64_t amount_minor = 0;
  std::int64_t captured_minor = 0;
  std::int64_t refunded_minor = 0;  ///< in all, whoever asked for it
  std::string currency;
  bool disputed = false;
  std::string transfer_id;  ///< what moved the money on to the organiser (destination charges)
  std::string application_fee_id;
  std::int64_t application_fee_minor = 0;
  std::string receipt_url;
  /// Until when a held amount may be captured; the provider does not always know.
  std::optional<domain::Instant> capture_before;
  bool livemode = false;
};

struct Refund {
  std::string id;
  std::string intent_id;
  std::string charge_id;
  std::string status;  ///< `pending`, `requires_action`, `succeeded`, `failed`, `canceled`
  std::int64_t amount_minor = 0;
  std::string currency;
  std::string refund_id;             ///< metadata: our own row
  std::string failure_reason;        ///< `expired_or_canceled_card`, ...
  std::string pending_reason;        ///< `insufficient_funds`, ...
  std::string transfer_reversal_id;  ///< the organiser's share came back; "" where it did not
  /// Of the charge's application fee, in all; where the answer was asked to tell it (refresh_event).
  std::optional<std::int64_t> fee_refunded_minor;
};

/// Money that a dispute took or gave back.
struct DisputeMovement {
  std::string id;                 ///< of the balance transaction
  std::int64_t amount_minor = 0;  ///< negative: taken from us
  std::int64_t fee_minor = 0;     ///< positive: a cost of ours
  std::string currency;
};

struct Dispute {
  std::string id;
  std::string intent_id;
  std::string charge_id;
  std::string status;  ///< `warning_…` is an inquiry: no money moved
  std::string reason;
  std::int64_t amount_minor = 0;
  std::string currency;
  std::optional<domain::Instant> evidence_due_at;
  std::vector<DisputeMovement> movements;
};

struct Account {
  std::string id;
  std::string email;
  std::string country;           ///< ISO 3166, two letters
  std::string default_currency;  ///< upper case
  bool charges_enabled = false;
  bool transfers_active = false;
  bool card_payments_active = false;
  bool payouts_enabled = false;
  bool details_submitted = false;
  std::string disabled_reason;
  /// For people, in English, at most 500 bytes: what the provider still wants of the organiser. "" where nothing.
  std::string requirement;
  std::string business_id;  ///< metadata: our own row
  /// May a paid tier be sold for it.
  [[nodiscard]] bool can_sell() const { return charges_enabled && transfers_active; }
};

struct Payout {
  std::string id;
  std::string status;
  std::int64_t amount_minor = 0;
  std::string currency;
  std::string failure_code;
  std::string failure_message;
};

struct FraudWarning {
  std::string id;
  std::string charge_id;
  std::string intent_id;
  bool actionable = false;
  std::string fraud_type;
};

struct TransferReversal {
  std::string id;
  std::string transfer_id;
  std::int64_t amount_minor = 0;
  std::string currency;
};

/// A webhook endpoint as the provider has it.
struct Endpoint {
  std::string id;
  std::string url;
  std::string api_version;  ///< "": the account's default
  std::string status;       ///< `enabled`, `disabled`
  std::vector<std::string> enabled_events;
  bool livemode = false;
  /// Whether events of this type go there.
  [[nodiscard]] bool gets(std::string_view type) const {
    return std::ranges::any_of(enabled_events, [&](const auto& each) { return each == "*" || each == type; });
  }
};

/// What an event may be about.
using ProviderObject = std::variant<std::monostate, Intent, Charge, Refund, Dispute, Account, Payout, FraudWarning>;

}  // namespace admit::payment

#pragma once
// From our rows to what the provider is asked, with the keys that make a repeat the same request. Everything comes from
// what is stored, so that it is byte for byte the same however often and by whomever it is asked.

#include "domain/rows.hpp"
#include "payment/payments.hpp"

namespace admit::payment {

/// The account that calls about this payment are made on: "" for the platform's own.
[[nodiscard]] std::string on_account(const domain::Transaction& transaction);

/// The key is of the row's round: a fault of its own that the provider keeps for a key would be given for a day.
[[nodiscard]] IntentOrder intent_order(const domain::Transaction& transaction, std::string_view installation_id);
/// All that is held.
[[nodiscard]] CaptureOrder capture_order(const domain::Transaction& transaction, std::int64_t round = 0);
/// As intent_order. `maybe_made`: the provider was asked before.
[[nodiscard]] RefundOrder refund_order(const domain::Refund& refund, const domain::Transaction& transaction,
                                       bool maybe_made);
/// Of cancelling a payment: a key for each attempt, because the provider keeps its first answer, a refusal too.
[[nodiscard]] std::string cancel_key(domain::TransactionId transaction, std::int64_t attempt);
/// Takes `amount_minor` back from the organiser after a dispute was lost. `round` > 0 asks by another key.
[[nodiscard]] ReversalOrder reversal_order(const domain::Dispute& dispute, std::string transfer_id,
                                           std::int64_t amount_minor, std::int64_t round = 0);

}  // namespace admit::payment

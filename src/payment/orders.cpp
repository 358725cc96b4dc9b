#include "payment/orders.hpp"

#include <utility>

namespace admit::payment {

namespace {

std::string key_of(std::string_view what, const std::string& id, std::int64_t round) {
  auto key = std::string{what} + ":" + id;
  if (round > 0) key += ":" + std::to_string(round);
  return key;
}

}  // namespace

std::string on_account(const domain::Transaction& transaction) {
  return transaction.charge_model == domain::ChargeModel::direct ? transaction.stripe_account : "";
}

IntentOrder intent_order(const domain::Transaction& transaction, std::string_view installation_id) {
  return {.amount_minor = transaction.amount_minor,
          .currency = transaction.currency,
          .destination = transaction.stripe_account,
          .is_direct = transaction.charge_model == domain::ChargeModel::direct,
          .on_behalf_of = transaction.on_behalf_of,
          .manual_capture = transaction.manual_capture,
          .application_fee_minor = transaction.application_fee_minor,
          .registration_id = transaction.registration_id.text(),
          .transaction_id = transaction.id.text(),
          .attempt = transaction.attempt,
          .installation_id = std::string{installation_id},
          .idempotency_key = key_of("pi-create", transaction.id.text(), transaction.round),
          .begun_at = transaction.created_at};
}

CaptureOrder capture_order(const domain::Transaction& transaction, std::int64_t round) {
  return {.intent_id = transaction.intent_id,
          .on_account = on_account(transaction),
          .idempotency_key = key_of("capture", transaction.id.text(), round)};
}

RefundOrder refund_order(const domain::Refund& refund, const domain::Transaction& transaction, bool maybe_made) {
  return {.intent_id = transaction.intent_id,
          .on_account = on_account(transaction),
          .amount_minor = refund.amount_minor,
          .reverse_transfer = refund.reverse_transfer,
          .refund_application_fee = refund.fee_back_minor > 0,
          .refund_id = refund.id.text(),
          .transaction_id = transaction.id.text(),
          .idempotency_key = key_of("refund", refund.id.text(), refund.round),
          .maybe_made = maybe_made};
}

std::string cancel_key(domain::TransactionId transaction, std::int64_t attempt) {
  return key_of("cancel", transaction.text(), attempt);
}

ReversalOrder reversal_order(const domain::Dispute& dispute, std::string transfer_id, std::int64_t amount_minor,
                             std::int64_t round) {
  return {.transfer_id = std::move(transfer_id),
          .amount_minor = amount_minor,
          .refund_application_fee = false,
          .dispute_id = dispute.id.text(),
          .idempotency_key = key_of("reverse", dispute.id.text(), round)};
}

}  // namespace admit::payment

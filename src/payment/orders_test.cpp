#include "payment/orders.hpp"

#include <doctest/doctest.h>

using namespace admit;
using namespace admit::payment;

namespace {

domain::Transaction transaction() {
  domain::Transaction row;
  row.id = domain::TransactionId::parse("0190f1c2-7b00-7000-8000-000000000001").value();
  row.registration_id = domain::RegistrationId::parse("0190f1c2-7b00-7000-8000-000000000002").value();
  row.amount_minor = 2500;
  row.currency = "EUR";
  row.application_fee_minor = 125;
  row.stripe_account = "acct_9";
  row.intent_id = "pi_1";
  row.attempt = 2;
  row.created_at = domain::from_unix_ms(1'790'000'000'000);
  return row;
}

domain::Refund refund() {
  domain::Refund row;
  row.id = domain::RefundId::parse("0190f1c2-7b00-7000-8000-000000000003").value();
  row.amount_minor = 1000;
  row.reverse_transfer = true;
  row.fee_back_minor = 50;
  return row;
}

}  // namespace

TEST_CASE("orders: a payment is asked for as its row says, with a key of its own") {
  const auto order = intent_order(transaction(), "hall");
  CHECK(order.amount_minor == 2500);
  CHECK(order.destination == "acct_9");
  CHECK_FALSE(order.is_direct);
  CHECK(order.application_fee_minor == 125);
  CHECK(order.transaction_id == "0190f1c2-7b00-7000-8000-000000000001");
  CHECK(order.idempotency_key == "pi-create:0190f1c2-7b00-7000-8000-000000000001");
  CHECK(order.begun_at == transaction().created_at);
  auto anew = transaction();
  anew.round = 3;
  CHECK(intent_order(anew, "hall").idempotency_key == order.idempotency_key + ":3");
}

TEST_CASE("orders: what lives on the organiser's account is asked for there") {
  auto direct = transaction();
  direct.charge_model = domain::ChargeModel::direct;
  CHECK(on_account(transaction()).empty());
  CHECK(on_account(direct) == "acct_9");
  CHECK(intent_order(direct, "").is_direct);
  CHECK(capture_order(direct).on_account == "acct_9");
  CHECK(refund_order(refund(), direct, false).on_account == "acct_9");
}

TEST_CASE("orders: a refund gives back the fee where there is one, under one key for each round") {
  const auto order = refund_order(refund(), transaction(), false);
  CHECK(order.amount_minor == 1000);
  CHECK(order.reverse_transfer);
  CHECK(order.refund_application_fee);
  CHECK(order.refund_id == "0190f1c2-7b00-7000-8000-000000000003");
  CHECK(order.idempotency_key == refund_order(refund(), transaction(), true).idempotency_key);
  auto anew = refund();
  anew.round = 1;
  CHECK(refund_order(anew, transaction(), true).idempotency_key == order.idempotency_key + ":1");
  auto without_fee = refund();
  without_fee.fee_back_minor = 0;
  CHECK_FALSE(refund_order(without_fee, transaction(), false).refund_application_fee);
}

TEST_CASE("orders: each thing that is done has a key of its own") {
  domain::Dispute dispute;
  dispute.id = domain::DisputeId::parse("0190f1c2-7b00-7000-8000-000000000004").value();
  CHECK(cancel_key(transaction().id, 1) == "cancel:0190f1c2-7b00-7000-8000-000000000001:1");
  CHECK(cancel_key(transaction().id, 2) != cancel_key(transaction().id, 1));
  CHECK(capture_order(transaction()).idempotency_key == "capture:0190f1c2-7b00-7000-8000-000000000001");
  const auto reversal = reversal_order(dispute, "tr_1", 700);
  CHECK(reversal.idempotency_key == "reverse:0190f1c2-7b00-7000-8000-000000000004");
  CHECK(reversal.amount_minor == 700);
}

// What Stripe's own programs are asked to judge. Run by tests/functional/test_stripe_contract.py, which starts them.

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>

#include "payment/stripe_client.hpp"
#include "payment/webhook.hpp"

using namespace admit;
using namespace admit::payment;

namespace {

/// "" where the answer was good.
template <class T>
std::string fault_of(const Answer<T>& answer) {
  if (answer) return "";
  return std::string{word(answer.error().kind)} + " " + std::to_string(answer.error().http_status) + " " +
         answer.error().code + " " + answer.error().message;
}

/// Nothing changes the environment while tests run.
std::string told(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  REQUIRE_MESSAGE(value != nullptr, name);
  return value;
}

}  // namespace

TEST_CASE("stripe-package: a webhook of ours, for Stripe's own package to verify" * doctest::skip()) {
  const std::string payload = R"({"id":"evt_1","object":"event","type":"payment_intent.succeeded","name":"Łódź"})";
  const std::string secret = "whsec_contract";
  const auto now_s = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch();
  std::ofstream{told("ADMIT_SIGNED_MESSAGE")} << boost::json::serialize(
      boost::json::object{{"payload", payload},
                          {"secret", secret},
                          {"header", signature_header(crypto::bytes_of(secret), payload, now_s.count())}});
}

/// Each request that the mock server refuses, or whose answer we do not understand, is a fault: it refuses missing,
/// unknown and mistyped parameters and answers with Stripe's own examples.
TEST_CASE("stripe-mock: every request we make is one that Stripe takes" * doctest::skip()) {
  const auto base = told("ADMIT_STRIPE_MOCK");
  http::Client http;
  StripeOptions options;
  options.api_base = base;
  options.secret_key = crypto::Secret{std::string_view{"sk_test_123"}};
  StripeClient own{http, std::move(options)};
  Payments& client = own;
  const auto since = domain::from_unix_ms(1'790'000'000'000);

  IntentOrder plain{.amount_minor = 2500,
                    .currency = "EUR",
                    .destination = "acct_9",
                    .registration_id = "reg",
                    .transaction_id = "txn",
                    .idempotency_key = "k1"};
  auto full = plain;
  full.on_behalf_of = true;
  full.manual_capture = true;
  full.application_fee_minor = 125;
  full.attempt = 2;
  full.installation_id = "hall";
  full.description = "Zwei Plätze & mehr";
  full.receipt_email = "a+b@c.example";
  full.statement_suffix = "OLD MILL";
  full.idempotency_key = "k2";
  auto direct = full;
  direct.is_direct = true;
  direct.idempotency_key = "k3";
  for (const auto& order : {plain, full, direct}) {
    const auto created = blocking(client.create_intent(order));
    CHECK(fault_of(created) == "");
    if (!created) continue;
    CHECK(created->intent.amount_minor == 2500);
    CHECK_FALSE(created->client_secret.text().empty());
  }
  CHECK(fault_of(blocking(client.retrieve_intent("pi_1"))) == "");
  CHECK(fault_of(blocking(client.retrieve_intent("pi_1", "acct_9"))) == "");
  CHECK(fault_of(blocking(client.cancel_intent("pi_1", "k4"))) == "");
  CHECK(fault_of(blocking(client.capture_intent({.intent_id = "pi_1", .idempotency_key = "k5"}))) == "");
  CHECK(fault_of(blocking(client.capture_intent({.intent_id = "pi_1",
                                                 .on_account = "acct_9",
                                                 .amount_minor = 2000,
                                                 .application_fee_minor = 100,
                                                 .idempotency_key = "k6"}))) == "");
  CHECK(fault_of(blocking(client.find_intent("txn", since))) == "");
  CHECK(fault_of(blocking(client.retrieve_charge("ch_1"))) == "");

  RefundOrder refund{.intent_id = "pi_1",
                     .amount_minor = 2500,
                     .refund_id = "ref",
                     .transaction_id = "txn",
                     .idempotency_key = "k7",
                     .maybe_made = true};
  CHECK(fault_of(blocking(client.create_refund(refund))) == "");
  refund.reverse_transfer = true;
  refund.refund_application_fee = true;
  refund.idempotency_key = "k8";
  CHECK(fault_of(blocking(client.create_refund(refund))) == "");
  CHECK(fault_of(blocking(client.retrieve_refund("re_1"))) == "");
  CHECK(fault_of(blocking(client.list_refunds("pi_1"))) == "");

  AccountOrder account{.business_id = "b", .idempotency_key = "k9"};
  CHECK(fault_of(blocking(client.create_account(account))) == "");
  account.business_name = "Old Mill";
  account.email = "o@b.example";
  account.country = "DE";
  account.is_independent = true;
  account.idempotency_key = "k10";
  CHECK(fault_of(blocking(client.create_account(account))) == "");
  CHECK(fault_of(blocking(client.create_account_link(
            {.account_id = "acct_9", .refresh_url = "https://a.example/r", .return_url = "https://a.example/b"}))) ==
        "");
  CHECK(fault_of(blocking(client.retrieve_account("acct_9"))) == "");

  CHECK(fault_of(blocking(client.create_transfer_reversal({.transfer_id = "tr_1",
                                                           .amount_minor = 500,
                                                           .refund_application_fee = true,
                                                           .dispute_id = "d",
                                                           .idempotency_key = "k11"}))) == "");
  CHECK(fault_of(blocking(client.retrieve_dispute("du_1"))) == "");
  const Evidence evidence{.product_description = "Two tickets",
                          .customer_name = "Jenny Rosen",
                          .customer_email = "j@b.example",
                          .customer_address_ip = "192.0.2.1",
                          .service_date = "2026-12-01",
                          .access_log = "scanned",
                          .refund_policy = "none",
                          .cancellation_policy = "none",
                          .refund_refusal = "used",
                          .notes = "more"};
  CHECK(fault_of(blocking(client.update_dispute(
            {.dispute_id = "du_1", .evidence = evidence, .submit = true, .idempotency_key = "k12"}))) == "");

  CHECK(fault_of(blocking(client.list_events({.types = {"charge.refunded", "payment_intent.succeeded"},
                                              .since = since,
                                              .after = "evt_1",
                                              .only_undelivered = true}))) == "");
  CHECK(fault_of(blocking(client.retrieve_event("evt_1"))) == "");
  for (const auto* kind :
       {"payment_intent", "charge", "refund", "dispute", "payout", "radar.early_fraud_warning", "account"}) {
    CAPTURE(kind);
    ProviderEvent event;
    event.object_kind = kind;
    event.object_id = "obj_1";
    event.account = "acct_9";
    CHECK(fault_of(blocking(client.refresh_event(event))) == "");
  }
  CHECK(fault_of(blocking(client.check_key())) == "");
  CHECK(fault_of(blocking(client.list_endpoints())) == "");

  // The mock server does refuse: what passed above was looked at.
  StripeOptions nobody;
  nobody.api_base = base;
  nobody.secret_key = crypto::Secret{std::string_view{"sk_live_123"}};
  nobody.calls_per_s = 100;
  StripeClient unknown{http, std::move(nobody)};
  Payments& stranger = unknown;
  CHECK(fault_of(blocking(stranger.retrieve_charge("ch_1"))).starts_with("refused 401"));
  CHECK(fault_of(blocking(client.retrieve_charge("a/b"))).starts_with("refused 404"));
}

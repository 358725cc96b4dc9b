#include "payment/event.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <map>

using namespace admit;
using namespace admit::payment;
namespace json = boost::json;

namespace {

std::string yes_no(bool flag) {
  return flag ? "yes" : "no";
}

std::string told(std::monostate) {
  return "nothing";
}
std::string told(const domain::IntentNews& news) {
  std::string out = "intent " + news.intent_id + " " + std::string{domain::word(news.status)} + " " +
                    std::to_string(news.received_minor) + "/" + std::to_string(news.amount_minor) + " " + news.currency;
  if (news.failed) out += " failed";
  if (news.capturable_minor > 0) out += " held " + std::to_string(news.capturable_minor);
  for (const auto* text : {&news.error, &news.charge_id, &news.cancellation_reason}) {
    if (!text->empty()) out += " " + *text;
  }
  return out;
}
std::string told(const domain::ChargeNews& news) {
  return "charge " + news.charge_id + " of " + news.intent_id + " refunded " + std::to_string(news.refunded_minor) +
         " disputed " + yes_no(news.disputed);
}
std::string told(const domain::RefundNews& news) {
  std::string out = "refund " + news.provider_id + " of " + news.intent_id + " " +
                    std::string{domain::word(news.status)} + " " + std::to_string(news.amount_minor) + " " +
                    news.currency;
  return news.failure_reason.empty() ? out : out + " " + news.failure_reason;
}
std::string told(const domain::DisputeNews& news) {
  return "dispute " + news.provider_id + " of " + news.intent_id + " " + news.status + " " + news.reason + " " +
         std::to_string(news.amount_minor) + " " + news.currency + " until " +
         (news.evidence_due_at ? domain::text(*news.evidence_due_at) : "?");
}
std::string told(const domain::AccountNews& news) {
  return "account " + news.account_id + " charges " + yes_no(news.charges_enabled) + " transfers " +
         yes_no(news.transfers_active) + " payouts " + yes_no(news.payouts_enabled) + " submitted " +
         yes_no(news.details_submitted) + " gone " + yes_no(news.deauthorized) +
         (news.requirement.empty() ? "" : ": " + news.requirement);
}
std::string told(const domain::WarningNews& news) {
  return "warning " + news.charge_id + " of " + news.intent_id + " actionable " + yes_no(news.actionable);
}
std::string told(const domain::PayoutNews& news) {
  return "payout of " + news.account_id + " " + news.failure;
}

std::string told(const ProviderEvent& event) {
  return std::visit([](const auto& news) { return told(news); }, to_command(event).news);
}

/// An event of this type about this object.
ProviderEvent event_of(std::string_view type, std::string_view object, std::string_view more = {}) {
  auto event = parse_event(R"({"id":"evt_1","object":"event","type":")" + std::string{type} + R"(","data":{"object":)" +
                           std::string{object} + "}" + std::string{more} + "}");
  REQUIRE(event);
  return std::move(*event);
}

}  // namespace

TEST_CASE("news: every sample event tells what it should, and nothing else") {
  const std::string paid = "intent pi_3SandboxOrd42 succeeded 5000/5000 EUR ch_3SandboxOrd42a";
  const std::string dispute_end = " general 5000 EUR until 2024-08-14T23:59:59.000Z";
  const std::string dispute = "dispute du_1SandboxOrd42 of pi_3SandboxOrd42 ";
  const std::string charge = "charge ch_3SandboxOrd42a of pi_3SandboxOrd42 refunded ";
  const std::string account = "account acct_1SandboxOrganizer charges ";
  const std::vector<std::string> expected{
      "nothing",
      charge + "0 disputed no",
      paid,
      charge + "0 disputed no",
      "intent pi_3SandboxOrd42 requires_payment_method 0/5000 EUR failed insufficient_funds ch_3SandboxFail1",
      "nothing",
      paid,
      "intent pi_3SandboxOrd42 requires_action 0/5000 EUR",
      "intent pi_3SandboxOrd42 requires_payment_method 0/5000 EUR failed payment_intent_authentication_failure",
      "intent pi_3SandboxOrd42 processing 0/5000 EUR",
      "intent pi_3SandboxOrd42 succeeded 5000/5000 EUR py_3SandboxSepa",
      "intent pi_3SandboxOrd42 canceled 0/5000 EUR abandoned",
      "intent pi_3SandboxOrd42 requires_capture 0/5000 EUR held 5000 ch_3SandboxOrd42a",
      charge + "0 disputed no",
      paid,
      "nothing",
      "intent pi_3SandboxOrd42 canceled 0/5000 EUR automatic",
      "refund re_3SandboxPart of pi_3SandboxOrd42 succeeded 2500 EUR",
      charge + "2500 disputed no",
      "refund re_3SandboxOrd42 of pi_3SandboxOrd42 succeeded 5000 EUR",
      charge + "5000 disputed no",
      "refund re_3SandboxOrd42 of pi_3SandboxOrd42 succeeded 5000 EUR",
      "refund re_3SandboxFail of pi_3SandboxOrd42 pending 5000 EUR",
      "refund re_3SandboxFail of pi_3SandboxOrd42 failed 5000 EUR expired_or_canceled_card",
      dispute + "warning_needs_response" + dispute_end,
      dispute + "warning_closed" + dispute_end,
      dispute + "needs_response" + dispute_end,
      dispute + "needs_response" + dispute_end,
      dispute + "lost" + dispute_end,
      dispute + "won" + dispute_end,
      dispute + "won" + dispute_end,
      account +
          "no transfers yes payouts no submitted yes gone no: The payment provider is still checking what was given.",
      account + "yes transfers yes payouts yes submitted yes gone no",
      account + "no transfers yes payouts no submitted yes gone no: Still needed: bank account.",
      account + "no transfers no payouts no submitted no gone yes",
      "payout of acct_1SandboxOrganizer account_closed",
      "warning ch_3SandboxOrd42a of pi_3SandboxOrd42 actionable yes"};

  std::ifstream file{std::string{ADMIT_TEST_DATA} + "/stripe-events-sample.json"};
  REQUIRE(file.good());
  const auto samples = json::parse(std::string{std::istreambuf_iterator<char>{file}, {}});
  const auto& entries = samples.at("events").as_array();
  REQUIRE(entries.size() == expected.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto event = parse_event(json::serialize(entries[i].at("event")));
    REQUIRE(event);
    CAPTURE(event->id);
    CAPTURE(event->type);
    CHECK(told(*event) == expected[i]);
    const auto command = to_command(*event);
    CHECK(command.event_id == event->id);
    CHECK(command.type == event->type);
    CHECK(command.object_id == event->object_id);
    CHECK(command.account == event->account);
    CHECK(command.payload == event->payload);
    CHECK(command.payload.find("client_secret\"") == std::string::npos);
  }
}

TEST_CASE("news: our own ids are read from the metadata, those of others are not") {
  const std::string refund_id = "0190f1c2-7b00-7000-8000-000000000001";
  const auto news_with = [](const std::string& id) {
    const auto event = event_of("refund.updated", R"({"id":"re_1","object":"refund","metadata":{"refund_id":")" + id +
                                                      R"("},"charge":{"id":"ch_1","object":"charge"}})");
    return std::get<domain::RefundNews>(to_command(event).news);
  };
  CHECK(news_with(refund_id).refund_id.text() == refund_id);
  CHECK(news_with(refund_id).charge_id == "ch_1");
  CHECK_FALSE(news_with("ord_42").refund_id);
}

TEST_CASE("news: a status that is not known yet reads as one that decides nothing") {
  const auto status_of = [](std::string_view status, std::string_view type = "refund.updated") {
    const auto event = event_of(type, R"({"id":"re_1","object":"refund","status":")" + std::string{status} + R"("})");
    return std::get<domain::RefundNews>(to_command(event).news).status;
  };
  CHECK(status_of("canceled") == domain::RefundStatus::cancelled);
  CHECK(status_of("requires_action") == domain::RefundStatus::requires_action);
  CHECK(status_of("thawing") == domain::RefundStatus::pending);
  CHECK(status_of("due") == domain::RefundStatus::pending);
  CHECK(status_of("pending", "refund.failed") == domain::RefundStatus::failed);
  CHECK(told(event_of("payment_intent.frozen", R"({"id":"pi_1","object":"payment_intent","status":"frozen"})")) ==
        "intent pi_1 unrecognised 0/0 ");
  CHECK(told(event_of("new.kind", R"({"id":"x_1","object":"new"})")) == "nothing");
  CHECK(told(event_of("payout.paid", R"({"id":"po_1","object":"payout"})")) == "nothing");
}

TEST_CASE("news: a failure is one only while the payment has not gone on") {
  const auto is_failed = [](std::string_view status) {
    const auto event = event_of("payment_intent.payment_failed",
                                R"({"id":"pi_1","object":"payment_intent","status":")" + std::string{status} + R"("})");
    return std::get<domain::IntentNews>(to_command(event).news).failed;
  };
  CHECK(is_failed("requires_payment_method"));
  CHECK_FALSE(is_failed("succeeded"));
  CHECK_FALSE(is_failed("processing"));
}

TEST_CASE("news: whatever changed about a connected account, it is the account that has to be fetched") {
  const auto event = event_of("capability.updated", R"({"id":"transfers","object":"capability","status":"inactive"})",
                              R"(,"account":"acct_1")");
  CHECK(is_account_change(event.type));
  CHECK(told(event) == "account acct_1 charges yes transfers yes payouts yes submitted yes gone no");
  for (const auto* type : {"account.updated", "person.updated", "account.external_account.updated"}) {
    CHECK(is_account_change(type));
  }
  CHECK_FALSE(is_account_change("account.application.deauthorized"));
}

TEST_CASE("news: what a dispute moved comes with its fee") {
  const auto event =
      event_of("charge.dispute.funds_withdrawn", R"({"id":"du_1","object":"dispute","status":"needs_response",
    "balance_transactions":[{"id":"txn_1","amount":-5000,"fee":2000,"currency":"eur"}, 7]})");
  const auto news = std::get<domain::DisputeNews>(to_command(event).news);
  REQUIRE(news.movements.size() == 1);
  CHECK(news.movements[0].provider_id == "txn_1");
  CHECK(news.movements[0].amount_minor == -5000);
  CHECK(news.movements[0].fee_minor == 2000);
  CHECK(news.movements[0].currency == "EUR");
  CHECK_FALSE(news.evidence_due_at);
}

TEST_CASE("news: a thin event tells nothing until its object was fetched") {
  auto event = parse_event(R"({"id":"evt_2","object":"v2.core.event","type":"v1.payment_intent.succeeded",
    "created":"2026-11-21T10:00:00.000Z","related_object":{"id":"pi_7","type":"payment_intent"}})");
  REQUIRE(event);
  CHECK(event->object_kind == "payment_intent");
  CHECK(told(*event) == "nothing");
}

TEST_CASE("account: what is missing is said in words, and is never long") {
  const auto requirement = [](std::string_view requirements) {
    const auto event = event_of(
        "account.updated", R"({"id":"acct_1","object":"account","requirements":)" + std::string{requirements} + "}");
    return std::get<domain::AccountNews>(to_command(event).news).requirement;
  };
  CHECK(requirement("{}").empty());
  CHECK(requirement(R"({"disabled_reason":"rejected.fraud"})") == "The payment provider has rejected this account.");
  CHECK(requirement(R"({"disabled_reason":"new_reason"})") ==
        "The payment provider has stopped this account (new_reason).");
  CHECK(requirement(R"({"past_due":["external_account"],"current_deadline":1790000000,"currently_due":
    ["external_account","individual.verification.document","tos_acceptance.ip","tos_acceptance.date"]})") ==
        "Still needed by 2026-09-21: bank account, individual verification document, acceptance of the provider's "
        "terms.");
  CHECK(requirement(
            R"({"currently_due":["a","b","c","d","e","f","g","h"],"errors":[{"reason":"The scan is blurred."}]})") ==
        "Still needed: a, b, c, d, e, f and 2 more. The scan is blurred.");
  const auto longest = requirement(R"({"errors":[{"reason":")" + std::string(499, 'x') + R"(öö"}]})");
  CHECK(longest == std::string(499, 'x'));
}

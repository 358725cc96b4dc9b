#include "payment/webhook.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "payment/event.hpp"
#include "payment/form.hpp"
#include "payment/keys.hpp"

using namespace admit;
using namespace admit::payment;
namespace json = boost::json;

namespace {

json::value read_data(const char* name) {
  std::ifstream file{std::string{ADMIT_TEST_DATA} + "/" + name};
  REQUIRE_MESSAGE(file.good(), name);
  return json::parse(std::string{std::istreambuf_iterator<char>{file}, {}});
}

std::string text(const json::object& from, std::string_view name) {
  return std::string{from.at(name).get_string()};
}

WebhookVerifier verifier_of(std::initializer_list<std::string_view> secrets) {
  std::vector<crypto::Secret> live;
  for (const auto secret : secrets) live.emplace_back(secret);
  return WebhookVerifier{std::move(live)};
}

domain::Instant at_s(std::int64_t unix_s) {
  return domain::from_unix_ms(unix_s * 1000);
}

constexpr std::string_view secret = "whsec_test_1";
constexpr std::string_view body = R"({"id":"evt_1","object":"event","type":"x"})";

std::string header_at(std::int64_t unix_s, std::string_view key = secret) {
  return signature_header(crypto::bytes_of(key), body, unix_s);
}

}  // namespace

TEST_CASE("form: every vector is encoded to the byte") {
  const auto vectors = read_data("stripe-form-vectors.json").as_array();
  CHECK(vectors.size() == 12);
  for (const auto& vector : vectors) {
    const auto& fields = vector.as_object();
    CAPTURE(text(fields, "name"));
    CHECK(form::encode(fields.at("params").as_object()) == text(fields, "encoded"));
  }
}

TEST_CASE("webhook: every signature vector is accepted or refused as recorded") {
  const auto vectors = read_data("stripe-webhook-vectors.json").as_array();
  CHECK(vectors.size() == 31);
  for (const auto& vector : vectors) {
    const auto& fields = vector.as_object();
    CAPTURE(text(fields, "name"));
    const auto verifier = verifier_of({text(fields, "secret")});
    const auto verdict =
        verifier.verify(text(fields, "payload"), text(fields, "header"), at_s(fields.at("now").to_number<int>()));
    CHECK(verdict.has_value() == fields.at("accept").as_bool());
  }
}

TEST_CASE("webhook: each fault has its own name") {
  const auto verifier = verifier_of({secret});
  const auto fault = [&](std::string_view raw, const std::string& header, std::int64_t now_s = 1000) {
    return verifier.verify(raw, header, at_s(now_s)).error();
  };
  CHECK(fault("", header_at(1000)) == WebhookFault::empty_body);
  CHECK(fault(body, "") == WebhookFault::bad_header);
  CHECK(fault(body, "hello") == WebhookFault::bad_header);
  CHECK(fault(body, std::string(5000, 'a') + "=1") == WebhookFault::bad_header);
  CHECK(fault(body, "v1=00") == WebhookFault::no_timestamp);
  CHECK(fault(body, "t=12x,v1=00") == WebhookFault::no_timestamp);
  CHECK(fault(body, "t=-5,v1=00") == WebhookFault::no_timestamp);
  CHECK(fault(body, "t=99999999999999999999,v1=00") == WebhookFault::no_timestamp);
  CHECK(fault(body, header_at(1000) + ",t=1001") == WebhookFault::no_timestamp);
  CHECK(fault(body, "t=1000,v0=00") == WebhookFault::no_signature);
  CHECK(fault(body, "t=1000,v1=00") == WebhookFault::wrong_signature);
  CHECK(fault(body, header_at(1000), 1301) == WebhookFault::too_old);
  CHECK(word(WebhookFault::too_old) == "too_old");
}

TEST_CASE("webhook: while a secret is rolled either one is accepted") {
  const auto verifier = verifier_of({"whsec_new", "whsec_old"});
  CHECK(verifier.verify(body, header_at(1000, "whsec_new"), at_s(1000)));
  CHECK(verifier.verify(body, header_at(1000, "whsec_old"), at_s(1000)));
  CHECK_FALSE(verifier.verify(body, header_at(1000, "whsec_other"), at_s(1000)));
}

TEST_CASE("webhook: a blank secret accepts nothing, not even what is signed with it") {
  for (const std::string_view blank : {"", "  ", "\n"}) {
    const auto verifier = verifier_of({blank});
    CHECK(verifier.verify(body, header_at(1000, blank), at_s(1000)).error() == WebhookFault::no_secret);
  }
  CHECK(WebhookVerifier{{}}.verify(body, header_at(1000), at_s(1000)).error() == WebhookFault::no_secret);
  CHECK_THROWS_AS((WebhookVerifier{{}, std::chrono::seconds{0}}), std::invalid_argument);
}

TEST_CASE("event: every sample event is read, and payment intents with their amounts") {
  const auto samples = read_data("stripe-events-sample.json");
  const auto& entries = samples.as_object().at("events").as_array();
  CHECK(entries.size() == 37);
  int intents = 0;
  for (const auto& entry : entries) {
    const auto& sample = entry.as_object().at("event").as_object();
    const auto event = parse_event(json::serialize(sample));
    REQUIRE(event);
    CHECK(event->id == text(sample, "id"));
    CHECK(event->type == text(sample, "type"));
    CHECK(event->api_version == "2026-10-28.endive");
    CHECK_FALSE(event->livemode);
    CHECK_FALSE(event->is_thin);
    CHECK(event->object_id == text(sample.at("data").as_object().at("object").as_object(), "id"));
    const auto* intent = std::get_if<Intent>(&event->object);
    CHECK((intent != nullptr) == event->type.starts_with("payment_intent."));
    if (intent == nullptr) continue;
    ++intents;
    CHECK(intent->amount_minor > 0);
    CHECK(intent->currency == "EUR");
    CHECK(intent->status != IntentStatus::unrecognised);
    if (event->type == "payment_intent.succeeded") {
      CHECK(intent->status == IntentStatus::succeeded);
      CHECK(intent->received_minor == intent->amount_minor);
    }
    if (event->type == "payment_intent.payment_failed") CHECK_FALSE(intent->last_error.empty());
  }
  CHECK(intents > 5);
}

TEST_CASE("event: what is new in a later version is no error") {
  const auto event = parse_event(R"({"id":"evt_1","object":"event","type":"payment_intent.frozen","created":1790000000,
    "account":"acct_1","livemode":true,"new":{"deep":[1,2]},"data":{"object":{"id":"pi_1","object":"payment_intent",
    "status":"frozen","amount":"many","currency":"eur","metadata":{"registration_id":"r","transaction_id":"t","x":7},
    "transfer_data":{"destination":{"id":"acct_9","object":"account"}}}}})");
  REQUIRE(event);
  CHECK(event->account == "acct_1");
  CHECK(event->livemode);
  CHECK(event->created == at_s(1790000000));
  const auto* intent = std::get_if<Intent>(&event->object);
  REQUIRE(intent);
  CHECK(intent->status == IntentStatus::unrecognised);
  CHECK(intent->amount_minor == 0);
  CHECK(intent->registration_id == "r");
  CHECK(intent->transaction_id == "t");
  CHECK(intent->destination == "acct_9");
}

TEST_CASE("event: what may be stored is the body without the buyer's client secret") {
  const std::string with = R"({"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":)"
                           R"({"id":"pi_1","client_secret":"pi_1_secret_2","amount":5}}})";
  CHECK(parse_event(with)->payload == R"({"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":)"
                                      R"({"object":{"id":"pi_1","amount":5}}})");
  CHECK(parse_event(body)->payload == body);
  const std::string_view odd = R"({"id":"evt_1","object":"event","type":"x","data":[{"object":1}]})";
  CHECK(parse_event(odd)->payload == odd);
}

TEST_CASE("event: a thin event is known as one") {
  const auto event = parse_event(R"({"id":"evt_2","object":"v2.core.event","type":"v1.payment_intent.succeeded",
    "created":"2026-11-21T10:00:00.000Z","livemode":false,"related_object":{"id":"pi_7","type":"payment_intent"}})");
  REQUIRE(event);
  CHECK(event->is_thin);
  CHECK(event->object_id == "pi_7");
  CHECK(std::holds_alternative<std::monostate>(event->object));
  CHECK(domain::text(event->created) == "2026-11-21T10:00:00.000Z");
}

TEST_CASE("event: what is no event is refused by name") {
  CHECK(parse_event("").error() == EventFault::not_json);
  CHECK(parse_event("{").error() == EventFault::not_json);
  CHECK(parse_event(std::string(40, '[') + std::string(40, ']')).error() == EventFault::not_json);
  CHECK(parse_event("{\"id\":\"\xff\"}").error() == EventFault::not_json);
  CHECK(parse_event("[]").error() == EventFault::not_event);
  CHECK(parse_event(R"({"id":"evt_1","object":"event"})").error() == EventFault::not_event);
  CHECK(parse_event(R"({"id":"evt_1","object":"charge","type":"x"})").error() == EventFault::not_event);
  CHECK(parse_event(R"({"object":"event","type":"x","id":")" + std::string(300, 'a') + "\"}").error() ==
        EventFault::not_event);
  CHECK(parse_event(std::string(max_event_bytes + 1, ' ')).error() == EventFault::too_big);
}

TEST_CASE("keys: live and test keys are told apart by their beginning") {
  for (const auto* key : {"sk_live_1", "rk_live_1", "pk_live_1", " \nsk_live_1"}) {
    CHECK(is_live_key(key));
    CHECK_FALSE(is_test_key(key));
  }
  for (const auto* key : {"sk_test_1", "rk_test_1", "pk_test_sbx_1"}) {
    CHECK(is_test_key(key));
    CHECK_FALSE(is_live_key(key));
  }
  CHECK_FALSE(is_live_key(""));
  CHECK_FALSE(is_live_key("whsec_live"));
  CHECK(is_secret_key("rk_test_1"));
  CHECK_FALSE(is_secret_key("pk_test_1"));
  CHECK(is_webhook_secret("whsec_1"));
  CHECK_FALSE(is_webhook_secret("whsec_"));
  CHECK_FALSE(is_webhook_secret("sk_test_1"));
  CHECK_FALSE(is_webhook_secret("whsec_1\n"));
}

#include "payment/sandbox/sandbox.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "http/server.hpp"
#include "log/log.hpp"
#include "payment/event.hpp"
#include "payment/sandbox/dispatcher.hpp"
#include "payment/sandbox/test_cards.hpp"
#include "payment/stripe_client.hpp"
#include "payment/webhook.hpp"

using namespace admit;
using namespace admit::payment;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace json = boost::json;

namespace {

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "admit-sandbox-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

domain::Instant system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// The shop's webhook route: verifies, remembers, and answers what it is told to.
class Shop {
 public:
  explicit Shop(const crypto::Secret& secret, std::function<domain::Instant()> clock = system_now)
      : x_verifier(secrets_of(secret)), x_clock(std::move(clock)) {
    http::Route route;
    route.verb = http::Verb::POST;
    route.path_template = "/payments/webhook";
    route.handler = [this](http::Request& request) {
      return take(request);
    };
    x_router.add(std::move(route));
    http::ServerOptions options;
    options.threads = 1;
    x_server = std::make_unique<http::Server>(options, x_router);
    x_server->start();
  }
  ~Shop() { x_server->stop(2s); }

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(x_server->port()) + "/payments/webhook";
  }
  void answer_with(int status) { x_status = status; }
  [[nodiscard]] std::vector<ProviderEvent> taken() const {
    const std::lock_guard lock{x_mutex};
    return x_taken;
  }
  [[nodiscard]] std::vector<WebhookFault> refused() const {
    const std::lock_guard lock{x_mutex};
    return x_refused;
  }
  [[nodiscard]] std::size_t calls() const { return taken().size() + refused().size(); }
  [[nodiscard]] std::string last_signature() const {
    const std::lock_guard lock{x_mutex};
    return x_last_signature;
  }

 private:
  static std::vector<crypto::Secret> secrets_of(const crypto::Secret& secret) {
    std::vector<crypto::Secret> secrets;
    secrets.push_back(secret.copy());
    return secrets;
  }
  http::Response take(http::Request& request) {
    const std::string signature{request.header("stripe-signature").value_or("")};
    const auto verdict = x_verifier.verify(request.body, signature, x_clock());
    const std::lock_guard lock{x_mutex};
    x_last_signature = signature;
    if (!verdict) {
      x_refused.push_back(verdict.error());
      return http::json_response(400, "{}");
    }
    auto event = parse_event(request.body);
    if (event) x_taken.push_back(std::move(*event));
    return http::json_response(x_status, "{}");
  }

  WebhookVerifier x_verifier;
  std::function<domain::Instant()> x_clock;
  std::atomic<int> x_status = 200;
  mutable std::mutex x_mutex;
  std::vector<ProviderEvent> x_taken;
  std::vector<WebhookFault> x_refused;
  std::string x_last_signature;
  http::Router x_router;
  std::unique_ptr<http::Server> x_server;
};

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 4000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

asio::awaitable<void> no_wait(std::chrono::milliseconds) {
  co_return;
}

/// A sandbox with an account that can charge, and our client to it.
struct Bench {
  Folder folder;
  std::unique_ptr<sandbox::Sandbox> box;
  http::Client http;
  std::unique_ptr<StripeClient> client;
  std::string account;
  std::vector<std::string> posted_events = {"payment_intent.succeeded", "payment_intent.payment_failed",
                                            "payment_intent.canceled", "payment_intent.requires_action"};

  explicit Bench(std::string webhook_url = {}, double time_scale = 0.001) {
    open(std::move(webhook_url), time_scale);
    account = box->create_account();
  }
  void open(std::string webhook_url = {}, double time_scale = 0.001, std::function<domain::Instant()> clock = {}) {
    sandbox::SandboxOptions options;
    options.folder = folder.path;
    options.webhook_url = std::move(webhook_url);
    options.time_scale = time_scale;
    options.clock = std::move(clock);
    options.posted_events = posted_events;
    box = std::make_unique<sandbox::Sandbox>(std::move(options));
    box->start();
    StripeOptions stripe;
    stripe.api_base = box->api_base();
    stripe.secret_key = box->keys().secret_key.copy();
    stripe.attempt_limit = 2s;
    stripe.sleep = no_wait;
    client = std::make_unique<StripeClient>(http, std::move(stripe));
  }
  [[nodiscard]] IntentOrder order(std::string key = "pi-create:1:1") const {
    IntentOrder order;
    order.amount_minor = 2500;
    order.currency = "EUR";
    order.destination = account;
    order.application_fee_minor = 100;
    order.registration_id = "registration-1";
    order.transaction_id = "transaction-" + key;
    order.idempotency_key = std::move(key);
    order.description = "2 × Stehplatz";
    return order;
  }
  /// A raw call: its status and JSON.
  http::ClientReply call(std::string method, const std::string& path, std::string body = {},
                         std::vector<http::Header> headers = {}, std::string_view key = {}) {
    http::ClientRequest request;
    request.method = std::move(method);
    request.url = box->api_base() + path;
    request.headers = std::move(headers);
    request.headers.push_back(
        {"Authorization", "Bearer " + std::string{key.empty() ? box->keys().secret_key.text() : key}});
    request.body = std::move(body);
    request.total_limit = 5s;
    auto reply = http.send_blocking(std::move(request));
    REQUIRE(reply);
    return std::move(*reply);
  }
  http::ClientReply pay(const std::string& intent_id, const std::string& number) {
    return call("POST", "/v1/payment_intents/" + intent_id + "/confirm",
                "payment_method_data[type]=card&payment_method_data[card][number]=" + number +
                    "&payment_method_data[card][exp_month]=12&payment_method_data[card][exp_year]=2040"
                    "&payment_method_data[card][cvc]=123");
  }
  std::string create(const std::string& key) {
    auto created = blocking(client->create_intent(order(key)));
    REQUIRE(created);
    return created->intent.id;
  }
  void set_faults(const std::string& form) { CHECK(call("POST", "/__sbx/faults", form).status == 200); }
};

json::object json_of(const http::ClientReply& reply) {
  return json::parse(reply.body).as_object();
}

std::string at(const json::object& from, std::string_view path) {
  const auto* value = &from;
  while (path.contains('.')) {
    value = &value->at(path.substr(0, path.find('.'))).as_object();
    path.remove_prefix(path.find('.') + 1);
  }
  const auto* found = value->if_contains(path);
  return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
}

}  // namespace

TEST_CASE("cards: test numbers have their outcome, impossible and real ones are refused") {
  const auto now = *domain::parse_instant("2026-11-21T10:00:00.000Z");
  const auto code = [&](std::string_view number, std::string_view month = "12", std::string_view year = "30",
                        std::string_view cvc = "123") -> std::string_view {
    const auto card = sandbox::read_card({number, month, year, cvc}, now);
    if (!card) return card.error().code;
    if (card->asks_for_action) return "action";
    return card->decline ? (card->decline->decline_code.empty() ? card->decline->code : card->decline->decline_code)
                         : "ok";
  };
  CHECK(code("4242424242424242") == "ok");
  CHECK(code("4242 4242 4242 4242") == "ok");
  CHECK(code("378282246310005", "12", "2030", "1234") == "ok");
  CHECK(code("4000000000000002") == "generic_decline");
  CHECK(code("4000000000009995") == "insufficient_funds");
  CHECK(code("4000000000000069") == "expired_card");
  CHECK(code("4000000000000127") == "incorrect_cvc");
  CHECK(code("4000000000000119") == "processing_error");
  CHECK(code("4000002760003184") == "action");
  CHECK(code("4242424242424241") == "incorrect_number");
  CHECK(code("42") == "incorrect_number");
  CHECK(code("4111111111111111") == "card_declined");
  CHECK(sandbox::read_card({"4111111111111111", "12", "30", "123"}, now).error().decline_code == "test_mode_live_card");
  CHECK(code("4242424242424242", "13") == "invalid_expiry_month");
  CHECK(code("4242424242424242", "10", "26") == "invalid_expiry_month");
  CHECK(code("4242424242424242", "11", "26") == "ok");
  CHECK(code("4242424242424242", "11", "25") == "invalid_expiry_year");
  CHECK(code("4242424242424242", "11", "30", "1") == "invalid_cvc");
  CHECK(sandbox::read_card({"4242424242424242", "12", "30", "123"}, now)->last4 == "4242");
}

TEST_CASE("client: a payment that succeeds, from creating to its signed webhook") {
  Bench bench;
  Shop shop{bench.box->keys().webhook_secret};
  bench.box->set_webhook_url(shop.url());

  const auto created = blocking(bench.client->create_intent(bench.order()));
  REQUIRE(created);
  CHECK(created->intent.status == IntentStatus::requires_payment_method);
  CHECK(created->intent.amount_minor == 2500);
  CHECK(created->intent.currency == "EUR");
  CHECK(created->intent.destination == bench.account);
  CHECK(created->client_secret.text().starts_with(created->intent.id + "_secret_"));
  CHECK_FALSE(bench.client->livemode());

  const auto paid = bench.pay(created->intent.id, "4242424242424242");
  CHECK(paid.status == 200);
  CHECK(at(json_of(paid), "status") == "succeeded");
  CHECK(paid.body.find("4242424242424242") == std::string::npos);
  const auto charge = json_of(bench.call("GET", "/v1/charges/" + at(json_of(paid), "latest_charge")));
  CHECK(at(charge, "payment_method_details.card.last4") == "4242");

  REQUIRE(eventually([&] { return shop.taken().size() == 1; }));
  const auto event = shop.taken().front();
  CHECK(event.type == "payment_intent.succeeded");
  const auto& told = std::get<Intent>(event.object);
  CHECK(told.id == created->intent.id);
  CHECK(told.received_minor == 2500);
  CHECK(told.registration_id == "registration-1");
  CHECK(told.transaction_id == "transaction-pi-create:1:1");
  CHECK_FALSE(event.livemode);
  CHECK(shop.refused().empty());

  const auto found = blocking(bench.client->retrieve_intent(created->intent.id, ""));
  REQUIRE(found);
  CHECK(found->intent.status == IntentStatus::succeeded);
  CHECK(found->client_secret.text() == created->client_secret.text());
}

TEST_CASE("client: the coroutine form runs on the caller's own loop") {
  Bench bench;
  asio::io_context loop;
  auto created = asio::co_spawn(loop, bench.client->create_intent(bench.order()), asio::use_future);
  loop.run();
  CHECK(created.get().has_value());
}

TEST_CASE("sandbox: a declined card leaves the same intent open for another") {
  Bench bench;
  Shop shop{bench.box->keys().webhook_secret};
  bench.box->set_webhook_url(shop.url());
  const auto id = bench.create("a");

  const auto declined = bench.pay(id, "4000000000009995");
  CHECK(declined.status == 402);
  const auto body = json_of(declined);
  CHECK(at(body, "error.type") == "card_error");
  CHECK(at(body, "error.code") == "card_declined");
  CHECK(at(body, "error.decline_code") == "insufficient_funds");
  CHECK(at(body, "error.payment_intent.status") == "requires_payment_method");
  REQUIRE(eventually([&] { return shop.taken().size() == 1; }));
  CHECK(shop.taken().front().type == "payment_intent.payment_failed");
  CHECK(std::get<Intent>(shop.taken().front().object).last_error == "insufficient_funds");

  CHECK(bench.pay(id, "4242424242424242").status == 200);
  CHECK(eventually([&] { return shop.taken().size() == 2; }));
  CHECK(bench.pay(id, "4242424242424242").status == 400);
}

TEST_CASE("sandbox: 3-D Secure waits for the buyer, who may succeed or fail") {
  Bench bench;
  Shop shop{bench.box->keys().webhook_secret};
  bench.box->set_webhook_url(shop.url());
  const auto id = bench.create("a");
  const auto asked = json_of(bench.pay(id, "4000002760003184"));
  CHECK(at(asked, "status") == "requires_action");
  const auto page_url = at(asked, "next_action.redirect_to_url.url");
  CHECK(page_url == bench.box->api_base() + "/sandbox/3ds/" + id);
  const auto page = bench.call("GET", "/sandbox/3ds/" + id);
  CHECK(page.status == 200);
  CHECK(page.body.find("\"" + id + "/complete\"") != std::string::npos);  // beside the page, wherever that is

  const auto failed = bench.call("POST", "/sandbox/3ds/" + id + "/fail");
  CHECK(failed.status == 200);
  CHECK(at(json_of(failed), "status") == "requires_payment_method");
  CHECK(at(json_of(failed), "last_payment_error.code") == "payment_intent_authentication_failure");
  CHECK(at(json_of(failed), "client_secret").empty());
  CHECK(bench.call("POST", "/sandbox/3ds/" + id + "/complete").status == 400);

  static_cast<void>(bench.pay(id, "4000002760003184"));
  CHECK(at(json_of(bench.call("POST", "/sandbox/3ds/" + id + "/complete")), "status") == "succeeded");
  REQUIRE(eventually([&] { return shop.taken().size() == 4; }));
  std::multiset<std::string> types;
  for (const auto& event : shop.taken()) types.insert(event.type);
  CHECK(types == std::multiset<std::string>{"payment_intent.payment_failed", "payment_intent.requires_action",
                                            "payment_intent.requires_action", "payment_intent.succeeded"});
}

TEST_CASE("client: cancelling tells the state it was too late for") {
  Bench bench;
  const auto open = bench.create("a");
  const auto cancelled = blocking(bench.client->cancel_intent(open, "cancel:a", ""));
  REQUIRE(cancelled);
  CHECK(cancelled->status == IntentStatus::canceled);

  const auto paid = bench.create("b");
  static_cast<void>(bench.pay(paid, "4242424242424242"));
  const auto late = blocking(bench.client->cancel_intent(paid, "cancel:b", ""));
  REQUIRE_FALSE(late);
  CHECK(late.error().kind == FailureKind::refused);
  CHECK(late.error().code == "payment_intent_unexpected_state");
  CHECK(late.error().intent_status == IntentStatus::succeeded);
  CHECK(late.error().request_id.starts_with("req_"));
}

TEST_CASE("client: the same key with the same order is the same intent, with another order it is refused") {
  Bench bench;
  const auto first = blocking(bench.client->create_intent(bench.order("k")));
  const auto again = blocking(bench.client->create_intent(bench.order("k")));
  REQUIRE(first);
  REQUIRE(again);
  CHECK(first->intent.id == again->intent.id);
  CHECK(first->client_secret.text() == again->client_secret.text());

  auto other = bench.order("k");
  other.amount_minor = 2600;
  const auto refused = blocking(bench.client->create_intent(other));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == FailureKind::refused);
  CHECK(refused.error().type == "idempotency_error");
  CHECK(refused.error().http_status == 400);

  const std::vector<http::Header> key{{"Idempotency-Key", "raw"}};
  const std::string body = "amount=500&currency=eur";
  const auto one = bench.call("POST", "/v1/payment_intents", body, key);
  const auto two = bench.call("POST", "/v1/payment_intents", "currency=eur&amount=500", key);
  CHECK_FALSE(one.header("Idempotent-Replayed"));
  CHECK(two.header("Idempotent-Replayed") == "true");
  CHECK(one.body == two.body);
  bench.call("POST", "/__sbx/clock/advance", "seconds=90000");
  CHECK_FALSE(bench.call("POST", "/v1/payment_intents", body, key).header("Idempotent-Replayed"));
}

TEST_CASE("sandbox: a key whose first request still runs is a conflict") {
  Bench bench;
  bench.set_faults("api_delay_ms=400");
  const std::vector<http::Header> key{{"Idempotency-Key", "raw"}};
  const std::string body = "amount=500&currency=eur";
  std::thread first{[&] {
    CHECK(bench.call("POST", "/v1/payment_intents", body, key).status == 200);
  }};
  std::this_thread::sleep_for(150ms);
  const auto second = bench.call("POST", "/v1/payment_intents", body, key);
  CHECK(second.status == 409);
  CHECK(at(json_of(second), "error.code") == "idempotency_key_in_use");
  first.join();
}

TEST_CASE("client: a refusal names the parameter at fault and is not kept for its key") {
  Bench bench;
  const auto refusal = [&](const std::function<void(IntentOrder&)>& spoil) {
    auto order = bench.order("r");
    spoil(order);
    const auto refused = blocking(bench.client->create_intent(order));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == FailureKind::refused);
    return refused.error().code + " " + refused.error().param;
  };
  CHECK(refusal([](auto& order) { order.amount_minor = 49; }) == "amount_too_small amount");
  CHECK(refusal([](auto& order) { order.amount_minor = 100'000'000; }) == "amount_too_large amount");
  CHECK(refusal([](auto& order) { order.currency = "ZZ"; }) == " currency");
  CHECK(refusal([](auto& order) { order.application_fee_minor = 2501; }) == " application_fee_amount");
  CHECK(refusal([](auto& order) { order.destination = "acct_nobody"; }) ==
        "resource_missing transfer_data[destination]");
  const auto closed = bench.box->create_account({.charges_enabled = false});
  CHECK(refusal([&](auto& order) { order.destination = closed; }) ==
        "insufficient_capabilities_for_transfer transfer_data[destination]");
  CHECK(blocking(bench.client->create_intent(bench.order("r"))));

  const auto unknown = bench.call("POST", "/v1/payment_intents", "amount=500&currency=eur&colour=red");
  CHECK(at(json_of(unknown), "error.code") == "parameter_unknown");
  CHECK(at(json_of(unknown), "error.param") == "colour");
  CHECK(bench.call("POST", "/v1/payment_intents", "amount=500&currency=eur&payment_method_types[]=card").status == 400);
  CHECK(bench.call("GET", "/v1/payment_intents/pi_nobody").status == 404);
}

TEST_CASE("client: an account tells whether it can sell") {
  Bench bench;
  const auto open = blocking(bench.client->retrieve_account(bench.account));
  REQUIRE(open);
  CHECK(open->can_sell());
  const auto closed = blocking(bench.client->retrieve_account(bench.box->create_account({.charges_enabled = false})));
  REQUIRE(closed);
  CHECK_FALSE(closed->can_sell());
  CHECK(at(json_of(bench.call("GET", "/v1/accounts/" + closed->id)), "requirements.disabled_reason") ==
        "requirements.past_due");
  CHECK(blocking(bench.client->retrieve_account("acct_nobody")).error().code == "resource_missing");
  const auto made = json_of(bench.call("POST", "/v1/accounts", "country=PL&capabilities[transfers][requested]=true"));
  CHECK_FALSE(blocking(bench.client->retrieve_account(at(made, "id")))->can_sell());
}

TEST_CASE("sandbox: keys decide what may be done") {
  Bench bench;
  const auto created = blocking(bench.client->create_intent(bench.order()));
  REQUIRE(created);
  const auto publishable = bench.box->keys().publishable_key.text();
  const auto path = "/v1/payment_intents/" + created->intent.id;
  const auto secret = "client_secret=" + std::string{created->client_secret.text()};
  CHECK(bench.call("GET", path, {}, {}, "sk_test_wrong").status == 401);
  CHECK(bench.call("GET", path, {}, {}, "sk_live_wrong").status == 401);
  CHECK(bench.call("GET", path, {}, {}, publishable).status == 400);
  CHECK(bench.call("GET", path + "?client_secret=pi_secret_wrong", {}, {}, publishable).status == 400);
  CHECK(bench.call("GET", path + "?" + secret, {}, {}, publishable).status == 200);
  CHECK(bench.call("POST", "/v1/payment_intents", "amount=500&currency=eur", {}, publishable).status == 403);
  CHECK(bench.call("POST", "/__sbx/hold", {}, {}, publishable).status == 401);
  CHECK(bench.call("POST", path + "/confirm", secret + "&payment_method=pm_card_visa", {}, publishable).status == 200);
}

TEST_CASE("client: work done behind a stored 500 is unknown, and found by its transaction") {
  Bench bench;
  bench.set_faults("http_500_stored=1");
  const auto since = system_now();
  const auto order = bench.order("k");
  const auto lost = blocking(bench.client->create_intent(order));
  REQUIRE_FALSE(lost);
  CHECK(lost.error().kind == FailureKind::unknown);
  CHECK(lost.error().http_status == 500);
  CHECK(blocking(bench.client->create_intent(order)).error().kind == FailureKind::unknown);

  const auto found = blocking(bench.client->find_intent(order.transaction_id, since, ""));
  REQUIRE(found);
  REQUIRE(found->has_value());
  CHECK((*found)->intent.transaction_id == order.transaction_id);
  CHECK((*found)->intent.amount_minor == 2500);
  CHECK_FALSE((*found)->client_secret.empty());
  const auto none = blocking(bench.client->find_intent("another", since, ""));
  REQUIRE(none);
  CHECK_FALSE(none->has_value());
}

TEST_CASE("client: a stored 500 behind which nothing was done is got past by another key, and only by that") {
  Bench bench;
  bench.set_faults("http_500_undone=1");
  auto order = bench.order("k");
  order.begun_at = system_now();
  for (int i = 0; i < 2; ++i) {
    const auto lost = blocking(bench.client->create_intent(order));
    REQUIRE_FALSE(lost);
    CHECK(lost.error().is_kept);
  }
  CHECK(json_of(bench.call("GET", "/v1/payment_intents?limit=100")).at("data").as_array().empty());
  order.idempotency_key += ":1";
  CHECK(blocking(bench.client->create_intent(order)));
}

TEST_CASE("sandbox: moves no amount that its currency does not have") {
  Bench bench;
  const auto made =
      bench.call("POST", "/v1/payment_intents",
                 "amount=2010&currency=kwd&confirm=true&payment_method=pm_card_visa&"
                 "automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never");
  REQUIRE(made.status == 200);
  const auto refund = "payment_intent=" + at(json_of(made), "id");
  CHECK(bench.call("POST", "/v1/refunds", refund + "&amount=333").status == 400);
  CHECK(bench.call("POST", "/v1/refunds", refund + "&amount=330").status == 200);
  CHECK(bench
            .call("POST", "/v1/payment_intents",
                  "amount=2010&currency=kwd&application_fee_amount=5&transfer_data[destination]=" + bench.account)
            .status == 400);
}

TEST_CASE("client: looking for a transaction goes through every page") {
  Bench bench;
  const auto since = system_now();
  const auto first = bench.create("first");
  for (int i = 0; i < 120; ++i) {
    CHECK(bench.call("POST", "/v1/payment_intents", "amount=500&currency=eur").status == 200);
  }
  const auto found = blocking(bench.client->find_intent(bench.order("first").transaction_id, since, ""));
  REQUIRE(found);
  REQUIRE(found->has_value());
  CHECK((*found)->intent.id == first);
}

TEST_CASE("client: an answer lost after the work is made good by the same key") {
  Bench bench;
  bench.set_faults("response_lost=1");
  const auto created = blocking(bench.client->create_intent(bench.order("k")));
  REQUIRE(created);
  const auto list = json_of(bench.call("GET", "/v1/payment_intents?limit=100"));
  CHECK(list.at("data").as_array().size() == 1);
}

TEST_CASE("client: without an answer it was not sent, with an answer that never comes it is unknown") {
  Bench bench;
  bench.set_faults("api_delay_ms=3000");
  StripeOptions options;
  options.api_base = bench.box->api_base();
  options.secret_key = bench.box->keys().secret_key.copy();
  options.attempt_limit = 100ms;
  options.max_retries = 0;
  StripeClient hasty{bench.http, std::move(options)};
  const auto late = blocking(hasty.create_intent(bench.order()));
  REQUIRE_FALSE(late);
  CHECK(late.error().kind == FailureKind::unknown);
  CHECK(late.error().code == "timed_out");
  bench.set_faults("api_delay_ms=0");

  StripeOptions nowhere;
  nowhere.api_base = "http://127.0.0.1:1";
  nowhere.secret_key = bench.box->keys().secret_key.copy();
  nowhere.sleep = no_wait;
  StripeClient lonely{bench.http, std::move(nowhere)};
  const auto unsent = blocking(lonely.create_intent(bench.order()));
  REQUIRE_FALSE(unsent);
  CHECK(unsent.error().kind == FailureKind::not_sent);
  CHECK(unsent.error().code == "not_connected");
}

TEST_CASE("client: tries again as the provider says, a bounded number of times, with the same key") {
  std::mutex mutex;
  std::vector<std::pair<int, std::string>> script;
  std::set<std::string> keys;
  int calls = 0;
  http::Router router;
  http::Route route;
  route.verb = http::Verb::POST;
  route.path_template = "/v1/payment_intents";
  route.handler = [&](http::Request& request) {
    const std::lock_guard lock{mutex};
    keys.insert(std::string{request.header("idempotency-key").value_or("")});
    CHECK(request.header("stripe-version") == stripe_version);
    const auto [status, should_retry] =
        script[std::min<std::size_t>(static_cast<std::size_t>(calls++), script.size() - 1)];
    auto response = http::json_response(
        status, status == 200 ? R"({"id":"pi_1","object":"payment_intent","client_secret":"s"})"
                              : R"({"error":{"type":"api_error","code":"lock_timeout","message":"m"}})");
    if (!should_retry.empty()) response.headers.push_back({"Stripe-Should-Retry", should_retry});
    return response;
  };
  router.add(std::move(route));
  http::Server server{http::ServerOptions{.threads = 1}, router};
  server.start();

  http::Client http;
  std::vector<std::chrono::milliseconds> waits;
  StripeOptions options;
  options.api_base = "http://127.0.0.1:" + std::to_string(server.port());
  options.secret_key = crypto::Secret{std::string_view{"sk_test_1"}};
  options.sleep = [&waits](std::chrono::milliseconds wait) -> asio::awaitable<void> {
    waits.push_back(wait);
    return no_wait(wait);
  };
  StripeClient client{http, std::move(options)};
  IntentOrder order;
  order.currency = "EUR";
  order.idempotency_key = "same";

  const auto outcome = [&](std::vector<std::pair<int, std::string>> answers) {
    {
      const std::lock_guard lock{mutex};
      script = std::move(answers);
      calls = 0;
    }
    waits.clear();
    const auto answer = blocking(client.create_intent(order));
    return std::string{answer ? "ok" : word(answer.error().kind)} + " " + std::to_string(calls);
  };
  CHECK(outcome({{200, ""}}) == "ok 1");
  CHECK(outcome({{500, ""}, {200, ""}}) == "ok 2");
  CHECK(outcome({{429, ""}, {409, ""}, {200, ""}}) == "ok 3");
  CHECK(waits.size() == 2);
  CHECK(waits[0] >= 250ms);
  CHECK(waits[0] <= 500ms);
  CHECK(waits[1] >= 500ms);
  CHECK(waits[1] <= 1000ms);
  CHECK(outcome({{500, ""}}) == "unknown 3");
  CHECK(outcome({{429, ""}}) == "not_sent 3");
  CHECK(outcome({{503, ""}, {429, ""}}) == "unknown 3");
  CHECK(outcome({{500, "false"}}) == "unknown 1");
  CHECK(outcome({{400, ""}}) == "refused 1");
  CHECK(outcome({{402, "true"}, {200, ""}}) == "ok 2");
  CHECK(outcome({{302, ""}}) == "unknown 1");
  CHECK(keys == std::set<std::string>{"same"});
  order.idempotency_key.clear();
  CHECK_THROWS_AS(static_cast<void>(blocking(client.create_intent(order))), std::invalid_argument);
  server.stop(1s);
}

TEST_CASE("client: a publishable key is no key to take payments with") {
  http::Client http;
  StripeOptions options;
  options.secret_key = crypto::Secret{std::string_view{"pk_test_1"}};
  CHECK_THROWS_AS((StripeClient{http, std::move(options)}), std::invalid_argument);
  StripeOptions live;
  live.secret_key = crypto::Secret{std::string_view{"sk_live_1"}};
  CHECK(StripeClient{http, std::move(live)}.livemode());
}

TEST_CASE("sandbox: a webhook is posted until it is taken, signed anew each time") {
  Bench bench{{}, 0.02};
  Shop shop{bench.box->keys().webhook_secret};
  shop.answer_with(500);
  bench.box->set_webhook_url(shop.url());
  const auto id = bench.create("a");
  static_cast<void>(bench.pay(id, "4242424242424242"));
  REQUIRE(eventually([&] { return shop.calls() >= 2; }));
  const auto listed = json_of(bench.call("GET", "/v1/events?delivery_success=false"));
  CHECK(listed.at("data").as_array().size() == 1);
  shop.answer_with(200);
  REQUIRE(eventually(
      [&] { return json_of(bench.call("GET", "/v1/events?delivery_success=false")).at("data").as_array().empty(); }));
  const auto calls = shop.calls();
  std::set<std::string> ids;
  for (const auto& event : shop.taken()) ids.insert(event.id);
  CHECK(ids.size() == 1);
  std::this_thread::sleep_for(50ms);
  CHECK(shop.calls() == calls);

  CHECK(bench.call("POST", "/__sbx/events/" + *ids.begin() + "/resend").status == 200);
  CHECK(eventually([&] { return shop.calls() == calls + 1; }));
  CHECK(bench.call("POST", "/__sbx/events/evt_nobody/resend").status == 404);
  CHECK(bench.call("GET", "/v1/events/" + *ids.begin()).status == 200);
}

TEST_CASE("sandbox: an address set, or a hold released, while an earlier wake-up is still queued is not overlooked") {
  Folder folder;
  const crypto::Secret secret{std::string_view{"whsec_sbx_test"}};
  Shop shop{secret};
  sandbox::Lane lane{folder.path / "sandbox.db"};
  REQUIRE(lane.run_blocking<bool>([](sandbox::Database& database) {
    database.run("INSERT INTO sbx_event(id,type,created,json) VALUES('evt_1','account.updated',1,?)",
                 R"({"id":"evt_1","object":"event","type":"account.updated","created":1})");
    database.run("INSERT INTO sbx_delivery(event_seq,state,due_ms,since_ms,attempts,last_result) VALUES(1,0,1,1,0,'')");
    database.run(
        "INSERT INTO sbx_endpoint(id,is_connect,url,secret,created,is_enabled,events,failures,failing_since_ms)"
        " VALUES('we_1SbxPlatform',0,'','whsec_sbx_test',1,1,'*',0,0)");
    return true;
  }));
  const auto set_url = [&] {
    return lane.run_blocking<bool>([&](sandbox::Database& database) {
      database.run("UPDATE sbx_endpoint SET url=?", shop.url());
      return true;
    });
  };
  sandbox::Faults faults{1, "prompt"};
  sandbox::Dispatcher dispatcher{lane, faults, {system_now}};
  SUBCASE("address") {
    dispatcher.wake();
    dispatcher.start();
    REQUIRE(set_url());
    dispatcher.wake();
  }
  SUBCASE("hold") {
    REQUIRE(set_url());
    dispatcher.hold(true);
    dispatcher.wake();
    dispatcher.start();
    dispatcher.hold(false);
  }
  CHECK(eventually([&] { return shop.taken().size() == 1; }));
}

TEST_CASE("sandbox: faults of delivery happen as ordered and are made good") {
  Bench bench{{}, 0.01};
  Shop shop{bench.box->keys().webhook_secret};
  bench.box->set_webhook_url(shop.url());

  SUBCASE("bad signature") {
    bench.set_faults("bad_signature=1");
    static_cast<void>(bench.pay(bench.create("a"), "4242424242424242"));
    CHECK(eventually([&] { return shop.taken().size() == 1; }));
    CHECK(shop.refused() == std::vector{WebhookFault::wrong_signature});
  }
  SUBCASE("stale timestamp") {
    bench.set_faults("stale_timestamp=1");
    static_cast<void>(bench.pay(bench.create("a"), "4242424242424242"));
    CHECK(eventually([&] { return shop.taken().size() == 1; }));
    CHECK(shop.refused() == std::vector{WebhookFault::too_old});
  }
  SUBCASE("duplicate") {
    bench.set_faults("duplicate=1");
    static_cast<void>(bench.pay(bench.create("a"), "4242424242424242"));
    CHECK(eventually([&] { return shop.taken().size() == 2; }));
    CHECK(shop.taken()[0].id == shop.taken()[1].id);
  }
  SUBCASE("dropped first") {
    bench.set_faults("drop_first=2");
    static_cast<void>(bench.pay(bench.create("a"), "4242424242424242"));
    CHECK(eventually([&] { return shop.taken().size() == 1; }));
  }
  SUBCASE("held, then drained") {
    CHECK(bench.call("POST", "/__sbx/hold").status == 200);
    static_cast<void>(bench.pay(bench.create("a"), "4242424242424242"));
    static_cast<void>(bench.pay(bench.create("b"), "4000000000000002"));
    std::this_thread::sleep_for(50ms);
    CHECK(shop.calls() == 0);
    const auto drained = json_of(bench.call("POST", "/__sbx/drain"));
    CHECK(drained.at("delivered").as_int64() == 2);
    CHECK(drained.at("failed").as_int64() == 0);
    REQUIRE(shop.taken().size() == 2);
    CHECK(shop.taken()[0].type == "payment_intent.succeeded");
    CHECK(shop.taken()[1].type == "payment_intent.payment_failed");
    static_cast<void>(bench.pay(bench.create("c"), "4242424242424242"));
    CHECK(bench.call("POST", "/__sbx/release?order=reverse").status == 200);
    CHECK(eventually([&] { return shop.taken().size() == 3; }));
  }
  SUBCASE("delayed until the clock is there") {
    bench.set_faults("delay_ms=3600000");
    static_cast<void>(bench.pay(bench.create("a"), "4242424242424242"));
    std::this_thread::sleep_for(60ms);
    CHECK(shop.calls() == 0);
    CHECK(bench.call("POST", "/__sbx/clock/advance", "seconds=3601").status == 200);
    CHECK(eventually([&] { return shop.taken().size() == 1; }));
  }
  CHECK(bench.call("POST", "/__sbx/faults", "nonsense=1").status == 422);
}

TEST_CASE("sandbox: keys, objects, events and deliveries survive a restart") {
  Bench bench;
  const auto paid = bench.create("paid");
  const auto open = bench.create("open");
  static_cast<void>(bench.pay(paid, "4242424242424242"));
  const std::string key{bench.box->keys().secret_key.text()};
  const auto replay_before = blocking(bench.client->create_intent(bench.order("open")));
  bench.box.reset();

  struct stat file{};
  REQUIRE(::stat((bench.folder.path / "sandbox.db").c_str(), &file) == 0);
  CHECK((file.st_mode & 0777U) == 0600U);

  bench.open();
  CHECK(bench.box->keys().secret_key.text() == key);
  CHECK(blocking(bench.client->retrieve_intent(paid, ""))->intent.status == IntentStatus::succeeded);
  CHECK(blocking(bench.client->retrieve_account(bench.account))->can_sell());
  CHECK(blocking(bench.client->create_intent(bench.order("open")))->intent.id == open);
  CHECK(json_of(bench.call("GET", "/v1/events?type=payment_intent.created")).at("data").as_array().size() == 2);
  Shop shop{bench.box->keys().webhook_secret};
  bench.box->set_webhook_url(shop.url());
  REQUIRE(eventually([&] { return shop.taken().size() == 1; }));
  CHECK(std::get<Intent>(shop.taken().front().object).id == paid);
}

TEST_CASE("sandbox: everything goes by the clock it is given") {
  Folder folder;
  const auto opening = *domain::parse_instant("2027-08-14T18:00:00.000Z");
  sandbox::SandboxOptions options;
  options.folder = folder.path;
  options.clock = [opening] {
    return opening;
  };
  options.posted_events = {"payment_intent.canceled"};
  sandbox::Sandbox box{std::move(options)};
  Shop shop{box.keys().webhook_secret, [opening] {
              return opening;
            }};
  box.set_webhook_url(shop.url());
  box.start();
  http::Client http;
  StripeOptions stripe;
  stripe.api_base = box.api_base();
  stripe.secret_key = box.keys().secret_key.copy();
  StripeClient client{http, std::move(stripe)};
  IntentOrder order{
      .amount_minor = 900, .currency = "PLN", .destination = box.create_account(), .idempotency_key = "a"};
  const auto created = blocking(client.create_intent(order));
  REQUIRE(created);
  CHECK(blocking(client.cancel_intent(created->intent.id, "b", "")));
  REQUIRE(eventually([&] { return shop.taken().size() == 1; }));
  CHECK(shop.taken().front().created == opening);
  CHECK(shop.taken().front().type == "payment_intent.canceled");
}

TEST_CASE("sandbox: its file belongs to one of them at a time") {
  Bench bench;
  sandbox::SandboxOptions options;
  options.folder = bench.folder.path;
  CHECK_THROWS_AS(sandbox::Sandbox{std::move(options)}, std::runtime_error);
}

TEST_CASE("sandbox: listens on loopback only") {
  Folder folder;
  sandbox::SandboxOptions options;
  options.folder = folder.path;
  options.host = "0.0.0.0";
  CHECK_THROWS_AS(sandbox::Sandbox{std::move(options)}, std::invalid_argument);
}

TEST_CASE("client and sandbox: no key, client secret or card number reaches the log") {
  std::mutex mutex;
  std::string lines;
  log::configure({.level = log::Level::debug, .capture = [&](std::string_view line) {
                    const std::lock_guard lock{mutex};
                    lines += line;
                  }});
  {
    Bench bench;
    Shop shop{bench.box->keys().webhook_secret};
    bench.box->set_webhook_url(shop.url());
    const auto id = bench.create("a");
    static_cast<void>(bench.pay(id, "4000000000000002"));
    static_cast<void>(bench.pay(id, "4242424242424242"));
    CHECK(eventually([&] { return shop.taken().size() == 2; }));
    auto refused = bench.order("b");
    refused.amount_minor = 1;
    CHECK_FALSE(blocking(bench.client->create_intent(refused)));
    CHECK(bench.call("GET", "/v1/accounts/x", {}, {}, "sk_test_sbx_wrong").status == 401);
  }
  log::configure({});
  CHECK(lines.find("provider call failed") != std::string::npos);
  CHECK(lines.find("webhook posted") != std::string::npos);
  for (const auto* secret : {"sk_test", "pk_test", "whsec", "_secret_", "4242424242424242"}) {
    CAPTURE(secret);
    CHECK(lines.find(secret) == std::string::npos);
  }
}

TEST_CASE("sandbox: many buyers at once are each paid once and told of once") {
  Bench bench;
  Shop shop{bench.box->keys().webhook_secret};
  bench.box->set_webhook_url(shop.url());
  constexpr int buyers = 16;
  constexpr int each = 25;
  const auto began = std::chrono::steady_clock::now();
  std::atomic<int> paid = 0;
  std::vector<std::thread> threads;
  for (int buyer = 0; buyer < buyers; ++buyer) {
    threads.emplace_back([&, buyer] {
      for (int i = 0; i < each; ++i) {
        auto created =
            blocking(bench.client->create_intent(bench.order(std::to_string(buyer) + ":" + std::to_string(i))));
        if (created && bench.pay(created->intent.id, "4242424242424242").status == 200) ++paid;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(paid == buyers * each);
  CHECK(eventually([&] { return shop.taken().size() >= buyers * each; }));
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  MESSAGE("purchases per second through the sandbox: " << buyers * each / took);
  std::set<std::string> intents;
  for (const auto& event : shop.taken()) intents.insert(event.object_id);
  CHECK(intents.size() == buyers * each);
}

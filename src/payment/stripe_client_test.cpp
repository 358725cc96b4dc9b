#include "payment/stripe_client.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "payment/rate_limit.hpp"

using namespace admit;
using namespace admit::payment;
using namespace std::chrono_literals;

namespace {

/// What the provider is made to say to one request; status 0: it closes the connection without a word.
struct Scripted {
  int status = 200;
  std::string body{};
  std::string headers{};  ///< lines that end with CRLF
};

/// A provider that gives the scripted answers in turn, each on a connection of its own, and keeps what it was asked.
class Provider {
 public:
  explicit Provider(std::vector<Scripted> script, SSL_CTX* tls = nullptr)
      : x_script(std::move(script)), x_listener(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(x_listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(x_listener, 16) == 0);
    socklen_t size = sizeof address;
    ::getsockname(x_listener, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    x_thread = std::thread{[this, tls] {
      while (true) {
        const int connection = ::accept(x_listener, nullptr, nullptr);
        if (connection < 0) return;
        tls == nullptr ? answer(connection) : refuse(connection, tls);
        ::close(connection);
      }
    }};
  }
  ~Provider() {
    ::shutdown(x_listener, SHUT_RDWR);
    x_thread.join();
    ::close(x_listener);
  }
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;

  /// Head and body of each request, in order.
  [[nodiscard]] std::vector<std::string> asked() {
    const std::lock_guard lock{x_mutex};
    return x_asked;
  }
  std::uint16_t port = 0;

 private:
  void answer(int connection) {
    std::string request;
    char bytes[8192];
    std::size_t wanted = std::string::npos;
    while (request.size() < wanted) {
      const auto size = ::recv(connection, bytes, sizeof bytes, 0);
      if (size <= 0) return;
      request.append(bytes, static_cast<std::size_t>(size));
      const auto end = request.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const auto length = request.find("Content-Length: ");
      wanted = end + 4 + (length < end ? std::stoul(request.substr(length + 16)) : 0);
    }
    Scripted next{.status = 501};
    {
      const std::lock_guard lock{x_mutex};
      if (x_asked.size() < x_script.size()) next = x_script[x_asked.size()];
      x_asked.push_back(request);
    }
    if (next.status == 0) return;
    const auto reply = "HTTP/1.1 " + std::to_string(next.status) +
                       " Said\r\nConnection: close\r\nContent-Length: " + std::to_string(next.body.size()) + "\r\n" +
                       next.headers + "\r\n" + next.body;
    ::send(connection, reply.data(), reply.size(), MSG_NOSIGNAL);
  }
  /// Nobody trusts the certificate, so no request comes.
  void refuse(int connection, SSL_CTX* tls) {
    SSL* const ssl = SSL_new(tls);
    SSL_set_fd(ssl, connection);
    if (SSL_accept(ssl) == 1) {
      const std::lock_guard lock{x_mutex};
      x_asked.emplace_back("a handshake");
    }
    SSL_free(ssl);
    ERR_clear_error();
  }

  std::vector<Scripted> x_script;
  std::mutex x_mutex;
  std::vector<std::string> x_asked;
  int x_listener;
  std::thread x_thread;
};

boost::asio::awaitable<void> no_wait(std::chrono::milliseconds) {
  co_return;
}

StripeOptions options_of(const std::string& base) {
  StripeOptions options;
  options.api_base = base;
  options.connect_base = base;
  options.client_id = "ca_1";
  options.secret_key = crypto::Secret{std::string_view{"sk_test_1"}};
  options.attempt_limit = 5s;
  options.sleep = no_wait;
  return options;
}

/// A provider with a script, and our client to it.
struct Bench {
  Provider provider;
  http::Client http;
  StripeClient stripe;
  Payments& client = stripe;
  explicit Bench(std::vector<Scripted> script)
      : provider(std::move(script)), stripe(http, options_of("http://127.0.0.1:" + std::to_string(provider.port))) {}
};

bool says(const std::string& request, std::string_view words) {
  return request.find(words) != std::string::npos;
}

std::string body_of(const std::string& request) {
  return request.substr(request.find("\r\n\r\n") + 4);
}

std::string first_line(const std::string& request) {
  return request.substr(0, request.find(" HTTP/1.1"));
}

IntentOrder order() {
  return {.amount_minor = 2500,
          .currency = "EUR",
          .destination = "acct_9",
          .application_fee_minor = 125,
          .registration_id = "reg",
          .transaction_id = "txn",
          .idempotency_key = "pi-create:txn"};
}

const std::string intent = R"({"id":"pi_1","object":"payment_intent","status":"requires_payment_method","amount":2500,
  "currency":"eur","client_secret":"pi_1_secret","metadata":{"transaction_id":"txn"}})";
const std::string internal_fault = R"({"error":{"type":"api_error","message":"broken"}})";
const std::string replayed = "Idempotent-Replayed: true\r\n";

std::string list_of(std::string_view entries, bool has_more = false) {
  return R"({"object":"list","has_more":)" + std::string{has_more ? "true" : "false"} + R"(,"data":[)" +
         std::string{entries} + "]}";
}

std::string refund_json(std::string_view id, std::string_view refund_id, std::string_view reversal = "null") {
  return R"({"object":"refund","id":")" + std::string{id} +
         R"(","status":"succeeded","amount":2500,"currency":"eur",)" +
         R"("payment_intent":"pi_1","metadata":{"refund_id":")" + std::string{refund_id} +
         R"("},"transfer_reversal":)" + std::string{reversal} + "}";
}

RefundOrder refund_order() {
  return {.intent_id = "pi_1",
          .amount_minor = 2500,
          .reverse_transfer = true,
          .refund_application_fee = true,
          .refund_id = "ref",
          .transaction_id = "txn",
          .idempotency_key = "refund:ref"};
}

}  // namespace

TEST_CASE("client: a destination charge says whom it pays and what the platform keeps") {
  Bench bench{{{.body = intent}}};
  auto wanted = order();
  wanted.on_behalf_of = true;
  wanted.manual_capture = true;
  wanted.attempt = 2;
  wanted.installation_id = "hall";
  wanted.receipt_email = "a@b.example";
  const auto created = blocking(bench.client.create_intent(wanted));
  REQUIRE(created);
  CHECK(created->client_secret.text() == "pi_1_secret");
  const auto request = bench.provider.asked().at(0);
  CHECK(first_line(request) == "POST /v1/payment_intents");
  CHECK(says(request, "Authorization: Bearer sk_test_1\r\n"));
  CHECK(says(request, "Stripe-Version: 2026-10-28.endive\r\n"));
  CHECK(says(request, "Idempotency-Key: pi-create:txn\r\n"));
  CHECK_FALSE(says(request, "Stripe-Account"));
  CHECK(body_of(request) ==
        "amount=2500&currency=eur&automatic_payment_methods[enabled]=true&metadata[registration_id]=reg&"
        "metadata[transaction_id]=txn&metadata[attempt]=2&metadata[installation_id]=hall&"
        "transfer_data[destination]=acct_9&on_behalf_of=acct_9&application_fee_amount=125&capture_method=manual&"
        "receipt_email=a%40b.example");
}

TEST_CASE("client: a direct charge lives on the organiser's account, and so does every call about it") {
  Bench bench{{{.body = intent}, {.body = intent}, {.body = intent}, {.body = intent}, {.body = list_of("")}}};
  auto wanted = order();
  wanted.is_direct = true;
  REQUIRE(blocking(bench.client.create_intent(wanted)));
  REQUIRE(blocking(bench.client.retrieve_intent("pi_1", "acct_9")));
  REQUIRE(blocking(bench.client.cancel_intent("pi_1", "cancel:txn", "acct_9")));
  REQUIRE(blocking(bench.client.capture_intent(
      {.intent_id = "pi_1", .on_account = "acct_9", .amount_minor = 2000, .idempotency_key = "cap:txn"})));
  REQUIRE(blocking(bench.client.list_refunds("pi_1", "acct_9")));
  const auto asked = bench.provider.asked();
  REQUIRE(asked.size() == 5);
  for (const auto& request : asked) CHECK(says(request, "Stripe-Account: acct_9\r\n"));
  CHECK_FALSE(says(asked[0], "transfer_data"));
  CHECK(says(asked[0], "application_fee_amount=125"));
  CHECK(first_line(asked[2]) == "POST /v1/payment_intents/pi_1/cancel");
  CHECK(first_line(asked[3]) == "POST /v1/payment_intents/pi_1/capture");
  CHECK(body_of(asked[3]) == "amount_to_capture=2000");
  CHECK(first_line(asked[4]) == "GET /v1/refunds?payment_intent=pi_1&limit=100");
}

TEST_CASE("client: a fault that the provider keeps for the key is not asked for again but looked up") {
  Bench bench{{{.status = 500, .body = internal_fault},
               {.status = 500, .body = internal_fault, .headers = replayed},
               {.body = list_of(intent)}}};
  auto wanted = order();
  wanted.begun_at = domain::from_unix_ms(1'790'000'000'000);
  const auto created = blocking(bench.client.create_intent(wanted));
  REQUIRE(created);
  CHECK(created->intent.id == "pi_1");
  const auto asked = bench.provider.asked();
  REQUIRE(asked.size() == 3);
  CHECK(first_line(asked[2]) == "GET /v1/payment_intents?created[gte]=1789999940&limit=100");
}

TEST_CASE("client: what cannot be found after a lost answer stays unknown") {
  Bench bench{{{.status = 500, .body = internal_fault, .headers = replayed}, {.body = list_of("")}}};
  auto wanted = order();
  wanted.begun_at = domain::from_unix_ms(1'790'000'000'000);
  const auto created = blocking(bench.client.create_intent(wanted));
  REQUIRE_FALSE(created);
  CHECK(created.error().kind == FailureKind::unknown);
  CHECK(created.error().http_status == 500);
  CHECK(created.error().is_kept);  // only another key gets another answer
  CHECK(bench.provider.asked().size() == 2);

  Bench blind{{{.status = 500, .body = internal_fault, .headers = replayed}, {.status = 400, .body = "{}"}}};
  const auto unseen = blocking(blind.client.create_intent(wanted));
  REQUIRE_FALSE(unseen);
  CHECK_FALSE(unseen.error().is_kept);  // nobody looked: it may have been done
}

TEST_CASE("client: a cancellation whose answer was lost is settled by reading the intent") {
  const std::string canceled = R"({"id":"pi_1","object":"payment_intent","status":"canceled"})";
  const std::string succeeded = R"({"id":"pi_1","object":"payment_intent","status":"succeeded"})";
  const Scripted lost{.status = 0};
  {
    Bench bench{{lost, lost, lost, {.body = canceled}}};
    const auto answer = blocking(bench.client.cancel_intent("pi_1", "cancel:txn"));
    REQUIRE(answer);
    CHECK(answer->status == IntentStatus::canceled);
    CHECK(first_line(bench.provider.asked().at(3)) == "GET /v1/payment_intents/pi_1");
  }
  Bench bench{{lost, lost, lost, {.body = succeeded}}};
  const auto answer = blocking(bench.client.cancel_intent("pi_1", "cancel:txn"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().kind == FailureKind::unknown);
  CHECK(answer.error().intent_status == IntentStatus::succeeded);
}

TEST_CASE("client: both kinds of 429 and a key in use are tried again, and end as not done") {
  const std::string rate = R"({"error":{"type":"invalid_request_error","code":"rate_limit"}})";
  const std::string lock = R"({"error":{"type":"invalid_request_error","code":"lock_timeout"}})";
  const std::string in_use = R"({"error":{"type":"idempotency_error","code":"idempotency_key_in_use"}})";
  {
    Bench bench{{{.status = 429, .body = rate, .headers = "Stripe-Rate-Limited-Reason: global-rate\r\n"},
                 {.status = 409, .body = in_use},
                 {.body = intent}}};
    CHECK(blocking(bench.client.create_intent(order())));
  }
  Bench bench{{{.status = 429, .body = lock},
               {.status = 429, .body = lock},
               {.status = 429, .body = lock, .headers = "Retry-After: 7\r\n"}}};
  const auto answer = blocking(bench.client.create_intent(order()));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().kind == FailureKind::not_sent);
  CHECK(answer.error().code == "lock_timeout");
  CHECK(answer.error().retry_after_s == 7);
}

TEST_CASE("client: a refund that the organiser's balance does not cover is made without him, and says so") {
  const std::string low = R"({"error":{"type":"invalid_request_error","code":"balance_insufficient","message":"m"}})";
  Bench bench{{{.status = 400, .body = low}, {.body = refund_json("re_1", "ref")}}};
  const auto made = blocking(bench.client.create_refund(refund_order()));
  REQUIRE(made);
  CHECK(made->without_reversal);
  CHECK(made->refund.id == "re_1");
  CHECK(made->refund.refund_id == "ref");
  const auto asked = bench.provider.asked();
  CHECK(says(asked[0], "Idempotency-Key: refund:ref\r\n"));
  CHECK(body_of(asked[0]) ==
        "payment_intent=pi_1&amount=2500&metadata[refund_id]=ref&metadata[transaction_id]=txn&"
        "reverse_transfer=true&refund_application_fee=true");
  CHECK(says(asked[1], "Idempotency-Key: refund:ref:bare\r\n"));
  CHECK_FALSE(says(asked[1], "reverse_transfer"));
  CHECK_FALSE(says(asked[1], "refund_application_fee"));
}

TEST_CASE("client: a refund refused for another reason is not tried without the reversal") {
  const std::string why = R"({"error":{"type":"invalid_request_error","code":"amount_too_large","param":"amount"}})";
  Bench bench{{{.status = 400, .body = why}}};
  const auto made = blocking(bench.client.create_refund(refund_order()));
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == FailureKind::refused);
  CHECK(bench.provider.asked().size() == 1);
}

TEST_CASE("client: one refund is never made twice, however often it is asked for") {
  const auto known = list_of(refund_json("re_0", "other") + "," + refund_json("re_1", "ref", "\"trr_1\""));
  const Scripted fault{.status = 500, .body = internal_fault, .headers = replayed};
  {
    Bench bench{{{.body = known}}};
    auto again = refund_order();
    again.maybe_made = true;
    const auto made = blocking(bench.client.create_refund(again));
    REQUIRE(made);
    CHECK(made->refund.id == "re_1");
    CHECK_FALSE(made->without_reversal);
    CHECK(bench.provider.asked().size() == 1);
  }
  {
    Bench bench{{fault, {.body = known}}};
    const auto made = blocking(bench.client.create_refund(refund_order()));
    REQUIRE(made);
    CHECK(made->refund.id == "re_1");
  }
  {
    Bench bench{{fault, {.body = list_of(refund_json("re_0", "other"))}}};
    const auto made = blocking(bench.client.create_refund(refund_order()));
    REQUIRE_FALSE(made);
    CHECK(made.error().is_kept);
  }
  const std::string spent = R"({"error":{"type":"invalid_request_error","code":"charge_already_refunded"}})";
  Bench bench{{{.status = 400, .body = spent}, {.body = list_of(refund_json("re_0", "other"))}}};
  const auto made = blocking(bench.client.create_refund(refund_order()));
  REQUIRE_FALSE(made);
  CHECK(made.error().code == "charge_already_refunded");
}

TEST_CASE("client: a reversal that was made before is found, not made twice") {
  const std::string reversal =
      R"({"id":"trr_1","object":"transfer_reversal","transfer":"tr_1","amount":500,"metadata":{"dispute_id":"d"}})";
  const std::string spent = R"({"error":{"type":"invalid_request_error","message":"already reversed"}})";
  Bench bench{{{.status = 400, .body = spent}, {.body = list_of(reversal)}}};
  const auto made = blocking(bench.client.create_transfer_reversal(
      {.transfer_id = "tr_1", .amount_minor = 500, .dispute_id = "d", .idempotency_key = "reverse:d"}));
  REQUIRE(made);
  CHECK(made->id == "trr_1");
  CHECK(first_line(bench.provider.asked().at(1)) == "GET /v1/transfers/tr_1/reversals?limit=100");
}

TEST_CASE("client: an account is made for one of two kinds of organisers, its link is new at every click") {
  const std::string account = R"({"id":"acct_1","object":"account","metadata":{"business_id":"b"}})";
  const std::string link = R"({"object":"account_link","url":"https://x.example/1","expires_at":1790000000})";
  Bench bench{{{.body = account}, {.body = account}, {.body = link}, {.body = link}}};
  AccountOrder wanted{.business_id = "b", .email = "o@b.example", .country = "DE", .idempotency_key = "account:b"};
  const auto made = blocking(bench.client.create_account(wanted));
  REQUIRE(made);
  CHECK(made->business_id == "b");
  wanted.is_independent = true;
  REQUIRE(blocking(bench.client.create_account(wanted)));
  const AccountLinkOrder click{.account_id = "acct_1", .refresh_url = "https://a/r", .return_url = "https://a/b"};
  for (int i = 0; i < 2; ++i) {
    const auto answer = blocking(bench.client.create_account_link(click));
    REQUIRE(answer);
    CHECK(answer->url.text() == "https://x.example/1");
    CHECK(answer->expires_at == domain::from_unix_ms(1'790'000'000'000));
  }
  const auto asked = bench.provider.asked();
  CHECK(says(asked[0],
             "controller[fees][payer]=application&controller[losses][payments]=application&"
             "controller[requirement_collection]=stripe&controller[stripe_dashboard][type]=express"));
  CHECK(says(asked[1],
             "controller[fees][payer]=account&controller[losses][payments]=stripe&"
             "controller[requirement_collection]=stripe&controller[stripe_dashboard][type]=full"));
  const auto key_of = [](const std::string& request) {
    const auto at = request.find("Idempotency-Key: ");
    return request.substr(at, request.find('\r', at) - at);
  };
  CHECK(key_of(asked[2]) != key_of(asked[3]));
}

TEST_CASE("client: an account is asked for by another key where the provider keeps a fault for the first") {
  const Scripted fault{.status = 500, .body = internal_fault, .headers = replayed};
  Bench bench{{fault, {.body = R"({"id":"acct_7","object":"account"})"}}};
  const auto made = blocking(bench.client.create_account({.business_id = "b", .idempotency_key = "account:b"}));
  REQUIRE(made);
  CHECK(made->id == "acct_7");
  CHECK(says(bench.provider.asked().at(1), "Idempotency-Key: account:b:1\r\n"));
}

TEST_CASE("client: an existing account is linked by a code that is used once") {
  const std::string grant = R"({"stripe_user_id":"acct_7","scope":"read_write","livemode":false,"access_token":"x"})";
  const std::string used = R"({"error":"invalid_grant","error_description":"Authorization code expired."})";
  Bench bench{{{.body = grant}, {.status = 400, .body = used}, {.status = 0}}};
  CHECK(bench.client.oauth_url("st ate", "https://a.example/back?x=1")
            .ends_with("/oauth/authorize?response_type=code&client_id=ca_1&scope=read_write&state=st%20ate&"
                       "redirect_uri=https%3A%2F%2Fa.example%2Fback%3Fx%3D1"));
  const auto answer = blocking(bench.client.oauth_exchange(crypto::Secret{std::string_view{"ac_1"}}));
  REQUIRE(answer);
  CHECK(answer->account_id == "acct_7");
  const auto again = blocking(bench.client.oauth_exchange(crypto::Secret{std::string_view{"ac_1"}}));
  REQUIRE_FALSE(again);
  CHECK(again.error().kind == FailureKind::refused);
  CHECK(again.error().code == "invalid_grant");
  const auto lost = blocking(bench.client.oauth_exchange(crypto::Secret{std::string_view{"ac_2"}}));
  REQUIRE_FALSE(lost);
  CHECK(lost.error().kind == FailureKind::unknown);
  const auto asked = bench.provider.asked();
  CHECK(asked.size() == 3);
  CHECK(body_of(asked[0]) == "grant_type=authorization_code&code=ac_1");
  CHECK_FALSE(says(asked[0], "Idempotency-Key"));
}

TEST_CASE("client: an account that is not connected counts as disconnected, a wrong client id does not") {
  const std::string refusal = R"({"error":"invalid_client","error_description":"not connected"})";
  const std::string gone = R"({"error":{"type":"invalid_request_error","code":"account_invalid"}})";
  {
    Bench bench{{{.status = 401, .body = refusal}, {.status = 403, .body = gone}}};
    CHECK(blocking(bench.client.oauth_deauthorize("acct_7")));
  }
  {
    // Our own key may lack the right to look at accounts: that says nothing about this one.
    const std::string no_right =
        R"({"error":{"type":"invalid_request_error","message":"not the required permissions"}})";
    Bench bench{
        {{.status = 401, .body = refusal}, {.status = 403, .body = no_right}, {.status = 403, .body = no_right}}};
    CHECK_FALSE(blocking(bench.client.oauth_deauthorize("acct_7")));
    const auto account = blocking(bench.client.retrieve_account("acct_7"));
    REQUIRE_FALSE(account);
    CHECK_FALSE(account.error().is_of_foreign_account());
  }
  Bench bench{{{.status = 401, .body = refusal}, {.body = R"({"id":"acct_7","object":"account"})"}}};
  const auto answer = blocking(bench.client.oauth_deauthorize("acct_7"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == "invalid_client");
}

TEST_CASE("client: events are listed page by page, without the secrets in them") {
  const std::string first = R"({"id":"evt_2","object":"event","type":"charge.refunded","data":{"object":{"id":"ch_1",
    "object":"charge","client_secret":"s"}}})";
  const std::string second = R"({"id":"evt_1","object":"event","type":"new.kind","data":{"object":{"id":"x_1"}}})";
  Bench bench{{{.body = list_of(first + "," + second, true)}, {.body = list_of("")}}};
  const auto page = blocking(bench.client.list_events({.types = {"charge.refunded", "new.kind"},
                                                       .since = domain::from_unix_ms(1'790'000'000'000),
                                                       .only_undelivered = true}));
  REQUIRE(page);
  REQUIRE(page->events.size() == 2);
  CHECK(std::holds_alternative<Charge>(page->events[0].object));
  CHECK_FALSE(says(page->events[0].payload, "client_secret"));
  CHECK(page->next == "evt_1");
  const auto rest = blocking(bench.client.list_events({.after = page->next}));
  REQUIRE(rest);
  CHECK(rest->next.empty());
  const auto asked = bench.provider.asked();
  CHECK(first_line(asked[0]) ==
        "GET /v1/events?limit=100&types[0]=charge.refunded&types[1]=new.kind&"
        "created[gte]=1790000000&delivery_success=false");
  CHECK(first_line(asked[1]) == "GET /v1/events?limit=100&starting_after=evt_1");
}

TEST_CASE("client: an event is refreshed with its object as it is now, on the account it belongs to") {
  Bench bench{{{.body = R"({"id":"pi_1","object":"payment_intent","status":"succeeded"})"},
               {.body = R"({"id":"acct_9","object":"account","charges_enabled":true})"}}};
  ProviderEvent event;
  event.type = "v1.payment_intent.succeeded";
  event.is_thin = true;
  event.account = "acct_9";
  event.object_kind = "payment_intent";
  event.object_id = "pi_1";
  const auto intent_now = blocking(bench.client.refresh_event(event));
  REQUIRE(intent_now);
  CHECK_FALSE(intent_now->is_thin);
  CHECK(intent_now->type == "payment_intent.succeeded");
  CHECK(std::get<Intent>(intent_now->object).status == IntentStatus::succeeded);

  event.is_thin = false;
  event.type = "capability.updated";
  event.object_kind = "capability";
  const auto account_now = blocking(bench.client.refresh_event(event));
  REQUIRE(account_now);
  CHECK(std::get<Account>(account_now->object).charges_enabled);

  event.type = "new.kind";
  event.object_kind = "new";
  REQUIRE(blocking(bench.client.refresh_event(event)));
  const auto asked = bench.provider.asked();
  REQUIRE(asked.size() == 2);
  CHECK(says(asked[0], "Stripe-Account: acct_9\r\n"));
  CHECK(first_line(asked[1]) == "GET /v1/accounts/acct_9");
  CHECK_FALSE(says(asked[1], "Stripe-Account"));
}

TEST_CASE("client: evidence is cut to what the provider takes") {
  Bench bench{{{.body = R"({"id":"du_1","object":"dispute","status":"needs_response"})"}}};
  Evidence evidence;
  evidence.access_log = std::string(30'000, 'x');
  evidence.customer_name = "Jenny";
  const auto answer = blocking(bench.client.update_dispute(
      {.dispute_id = "du_1", .evidence = evidence, .submit = true, .idempotency_key = "evidence:du_1:1"}));
  REQUIRE(answer);
  const auto body = body_of(bench.provider.asked().at(0));
  CHECK(body ==
        "evidence[customer_name]=Jenny&evidence[access_activity_log]=" + std::string(20'000, 'x') + "&submit=true");
}

TEST_CASE("client: an answer of another shape is understood to be none") {
  Bench bench{{{.body = "[]"}, {.body = "{}"}, {.body = "nonsense"}, {.body = R"({"data":[1]})"}}};
  for (int i = 0; i < 3; ++i) {
    const auto answer = blocking(bench.client.retrieve_charge("ch_1"));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == "bad_reply");
    CHECK(answer.error().kind == FailureKind::unknown);
  }
  CHECK(blocking(bench.client.list_refunds("pi_1")).error().code == "bad_reply");
}

TEST_CASE("client: nothing is sent to a server whose certificate nobody vouches for") {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());
  SSL_CTX* const tls = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(tls, certificate);
  SSL_CTX_use_PrivateKey(tls, key);
  {
    Provider provider{{}, tls};
    http::Client http;
    StripeClient client{http, options_of("https://localhost:" + std::to_string(provider.port))};
    const auto answer = blocking(client.create_intent(order()));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == FailureKind::not_sent);
    CHECK(answer.error().code == "bad_certificate");
    CHECK(provider.asked().empty());
  }
  SSL_CTX_free(tls);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

TEST_CASE("client: whoever would wait too long for a turn is told when to come back, and nothing is sent") {
  Provider provider{{{.body = intent}, {.body = intent}, {.body = intent}}};
  http::Client http;
  auto options = options_of("http://127.0.0.1:" + std::to_string(provider.port));
  options.calls_per_s = 0.01;
  StripeClient client{http, std::move(options)};
  REQUIRE(blocking(client.create_intent(order())));
  const auto second = blocking(client.create_intent(order()));
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == FailureKind::not_sent);
  CHECK(second.error().code == "rate_limited");
  CHECK(second.error().retry_after_s > 60);
  CHECK(provider.asked().size() == 1);
  // Another account has a turn of its own, and so has whoever only reads.
  CHECK(blocking(client.retrieve_intent("pi_1", "")));
  auto direct = order();
  direct.is_direct = true;
  CHECK(blocking(client.create_intent(direct)));
}

TEST_CASE("rate limit: a burst, then one by one in the order of asking, each share for itself") {
  using Share = RateLimit::Share;
  RateLimit limit{100, 2};  // a node's half: 25 a second, 15 to read, and 10 to release
  const auto now = RateLimit::Clock::now();
  const auto wait = [&](Share share, std::chrono::milliseconds later = 0ms, std::chrono::milliseconds longest = 1h) {
    const auto turn = limit.take("acct", share, now + later, longest);
    return turn ? turn->count() : -turn.error().count();
  };
  for (int i = 0; i < 100; ++i) (void)wait(Share::reading);  // who reads takes nothing from who pays
  for (int i = 0; i < 7; ++i) CHECK(wait(Share::ordinary) == 0);
  CHECK(wait(Share::ordinary) == 30);
  CHECK(wait(Share::ordinary) == 70);
  CHECK(wait(Share::ordinary, 0ms, 60ms) == -110);
  CHECK(wait(Share::ordinary) == 110);  // the one that was turned away has taken nothing
  CHECK(wait(Share::ordinary, 50ms) == 100);
  for (int i = 0; i < 3; ++i) CHECK(wait(Share::releasing) == 0);
  CHECK(wait(Share::releasing) == 50);
  CHECK(limit.take("other", Share::ordinary, now, 0ms) == 0ms);
  CHECK(wait(Share::ordinary, 10'000ms) == 0);
  CHECK_THROWS_AS((RateLimit{0, 1}), std::invalid_argument);
  CHECK_THROWS_AS((RateLimit{1, 0}), std::invalid_argument);
}

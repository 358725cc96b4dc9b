// Beginning a payment, and what the provider says of it.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/address_limit.hpp"
#include "api/services.hpp"
#include "domain/payments.hpp"
#include "log/log.hpp"
#include "payment/event.hpp"
#include "payment/orders.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

struct IntentRequest {
  std::string registration_id;
  std::optional<std::int64_t> amount;
  static http::Shape shape() {
    using namespace http;
    return http::object<IntentRequest>(
        "IntentRequest", {required("registrationId", &IntentRequest::registration_id, uuid({"REG#"})),
                          optional("amount", &IntentRequest::amount,
                                   integer(0, 99'999'999).doc("In minor units. The server knows it; a different one is refused."))});
  }
};

struct IntentJson {
  std::string client_secret, payment_intent_id;
  std::optional<std::string> stripe_account;
  static http::Shape shape() {
    using namespace http;
    return http::object<IntentJson>("PaymentIntent",
                              {required("clientSecret", &IntentJson::client_secret, text(1, 500).doc("For the buyer's browser only.")),
                               required("paymentIntentId", &IntentJson::payment_intent_id, text(1, 255)),
                               optional("stripeAccount", &IntentJson::stripe_account,
                                        text(1, 255).doc("Where the business is charged directly: the account that the "
                                                         "buyer's browser must name to the provider."))});
  }
};

struct Received {
  bool received = true;
  static http::Shape shape() { return http::object<Received>("Received", {http::required("received", &Received::received)}); }
};

constexpr std::chrono::seconds longest_wait{10};
constexpr std::chrono::milliseconds winner_poll{200};
constexpr std::chrono::seconds provider_lease{60};
/// How often the payment of one registration may be asked for: each time the provider is asked.
constexpr double asking_burst = 10, askings_per_second = 0.5;

struct Pending {
  std::string status = "pending";
  static http::Shape shape() {
    return http::object<Pending>("PendingPayment", {http::required("status", &Pending::status, http::one_of({"pending"}))});
  }
};

/// The payment is being begun: the same request again gives it.
Response later(std::int64_t retry_after_s) {
  Response out = reply(202, Pending{});
  out.headers.push_back({"Retry-After", std::to_string(std::max<std::int64_t>(1, retry_after_s))});
  return out;
}

Response failed(const payment::Failure& failure) {
  if (failure.code == payment::key_in_use) return later(2);
  if (failure.kind == payment::FailureKind::not_sent && failure.code == "rate_limited") return later(failure.retry_after_s);
  log::warning("payment provider refused", {{"kind", payment::word(failure.kind)},
                                            {"status", failure.http_status},
                                            {"code", failure.code},
                                            {"param", failure.param},
                                            {"providerRequestId", failure.request_id}});
  if (failure.kind == payment::FailureKind::refused) {
    return http::Problem{502, "payment_refused", "The payment provider refused to begin this payment (" + failure.code + ").", "", 0};
  }
  return http::Problem{503, "provider_unavailable", "The payment provider did not answer; send the request again.", "", 2};
}

class PaymentEndpoints {
 public:
  explicit PaymentEndpoints(Services& services) : x(services) {}

  /// The attempt is stored with its job, which this request does itself; where the provider takes long, the request is
  /// answered 202 and the job goes on.
  Task create_intent(Request& request) {
    const auto body = body_of<IntentRequest>(request);
    const auto asked = body ? checked_id<domain::RegistrationId>(body->registration_id) : domain::RegistrationId{};
    const auto is_link = request.bearer().value_or("").starts_with("pay_");
    const auto caller = is_link ? payer_of(x, request, asked) : caller_of(x, request);
    const auto in = input<None, IntentRequest>(request, caller);
    if (!in) co_return in.error();
    const domain::Seed lease = x.seed();
    domain::BeginPayment command{.meta = meta_of(x, request, in->caller),
                                 .registration_id = checked_id<domain::RegistrationId>(in->body.registration_id),
                                 .amount_minor = in->body.amount,
                                 .payments_ready = x.payments_ready(),
                                 .livemode = x.payments_ready() && x.payments->livemode(),
                                 .lease = {lease.a, lease.b}};
    command.lease_until = command.meta.now + provider_lease;
    auto begun = co_await submit(x.lane, std::move(command));
    if (!begun.result) co_return problem_of(begun.result.error());
    if (!x.payments_ready()) {
      co_return problem_of({Refusal::payments_unavailable, "", "No payment provider is configured."});
    }
    if (!x_askings.take(begun.result->registration_id.text(), x.clock())) {
      co_return http::Problem{429, "too_many_requests", "This payment was asked for too often; wait a moment.",
                              "registrationId", x_askings.wait_s()};
    }
    const auto executor = co_await boost::asio::this_coro::executor;
    auto asking = std::make_shared<Asking>(executor);
    boost::asio::co_spawn(executor, ask(asking, *begun.result, meta_of(x, request, in->caller)), boost::asio::detached);
    if (!asking->reply) {
      boost::system::error_code ended;  // by its time, or by the answer
      co_await asking->done.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ended));
    }
    if (!asking->reply) co_return later(2);
    co_return std::move(*asking->reply);
  }

  Task platform_webhook(Request& request) { return webhook(request, x.webhooks); }
  Task connect_webhook(Request& request) { return webhook(request, x.connect_webhooks); }

 private:
  struct Asking {
    explicit Asking(const boost::asio::any_io_executor& executor) : done(executor) { done.expires_after(longest_wait); }
    boost::asio::steady_timer done;
    std::optional<Response> reply;
  };

  boost::asio::awaitable<void> ask(std::shared_ptr<Asking> asking, domain::Transaction transaction, domain::Meta meta) {
    try {
      asking->reply = co_await begin(std::move(transaction), std::move(meta));
    } catch (const std::exception& e) {
      log::warning("a payment could not be begun", {{"reason", e.what()}});
      asking->reply = Response(http::Problem{503, "overloaded", "Too much is waiting; send the request again.", "", 2});
    }
    asking->done.cancel();
  }

  Task begin(domain::Transaction transaction, domain::Meta meta) {
    const bool is_known = !transaction.intent_id.empty();
    auto order = payment::intent_order(transaction, x.settings.installation_id);
    const auto until = std::chrono::steady_clock::now() + longest_wait;
    auto created = is_known ? co_await x.payments->retrieve_intent(transaction.intent_id, payment::on_account(transaction))
                            : co_await x.payments->create_intent(order);
    // Another request is creating the same intent: ours is to get what that one gets.
    while (!created && created.error().code == payment::key_in_use && std::chrono::steady_clock::now() < until) {
      boost::asio::steady_timer pause(co_await boost::asio::this_coro::executor, winner_poll);
      co_await pause.async_wait(boost::asio::use_awaitable);
      created = co_await x.payments->create_intent(order);
    }
    if (!created && created.error().is_kept) {
      // As the job does: stored, then asked by another key.
      auto anew = co_await submit(x.lane, domain::AskIntentAnew{.meta = meta,
                                                                .transaction_id = transaction.id,
                                                                .round = transaction.round + 1});
      if (!anew.result) co_return problem_of(anew.result.error());
      order = payment::intent_order(*anew.result, x.settings.installation_id);
      created = co_await x.payments->create_intent(order);
    }
    if (!created) co_return failed(created.error());
    if (!is_known) {
      domain::RecordIntent record{
          .meta = std::move(meta), .transaction_id = transaction.id, .intent_id = created->intent.id};
      auto recorded = co_await submit(x.lane, std::move(record));
      if (!recorded.result) co_return problem_of(recorded.result.error());
      if (recorded.result->status == domain::TransactionStatus::cancelled) {
        co_return problem_of({Refusal::registration_not_held, "registrationId",
                              "The registration ended while its payment was being begun; reserve again."});
      }
    }
    IntentJson out{std::string(created->client_secret.text()), created->intent.id};
    if (const auto account = payment::on_account(transaction); !account.empty()) out.stripe_account = account;
    co_return reply(200, out);
  }

  /// Verified on the raw bytes, stored and applied in one commit, answered after it.
  Task webhook(Request& request, const payment::WebhookVerifier* verifier) {
    if (verifier == nullptr) {
      co_return http::Problem{409, "payments_unavailable", "No secret is configured for this webhook.", "", 0};
    }
    const auto genuine = verifier->verify(request.body, request.header("Stripe-Signature").value_or(""), x.clock());
    if (!genuine) {
      log::warning("webhook refused", {log::request_id(request.request_id), {"reason", payment::word(genuine.error())}});
      co_return http::Problem{400, "bad_signature",
                              "The signature does not hold (" + std::string(payment::word(genuine.error())) + ").",
                              "Stripe-Signature", 0};
    }
    const auto event = payment::parse_event(request.body);
    if (!event) {
      co_return http::Problem{400, "bad_event", "The body is no event (" + std::string(payment::word(event.error())) + ").", "", 0};
    }
    domain::ApplyEvent command = payment::to_command(*event);
    command.meta = meta_of(x, request);
    command.meta.actor = "stripe";
    command.expect_livemode = x.payments->livemode();
    command.epoch = x.ring.current_epoch();
    auto answer = co_await submit(x.lane, command);
    if (!answer.result && answer.result.error().code == Refusal::internal) {
      // A fault of ours must not make the provider switch the endpoint off: kept as failed, tried again by a job.
      log::error("webhook event could not be applied", {{"eventId", event->id}, {"type", event->type}});
      command.failed = true;
      answer = co_await submit(x.lane, std::move(command));
    }
    if (!answer.result) co_return problem_of(answer.result.error());
    const auto& outcome = *answer.result;
    if (!outcome.duplicate && (outcome.status == domain::InboxStatus::flagged || outcome.status == domain::InboxStatus::failed)) {
      log::warning("webhook event flagged",
                   {{"eventId", event->id}, {"type", event->type}, {"objectId", event->object_id}, {"reason", outcome.detail}});
    }
    if (!outcome.duplicate) x.workers.wake();
    co_return reply(200, Received{});
  }

  Services& x;
  AddressLimit x_askings{asking_burst, askings_per_second};  // by registration
};

}  // namespace

void add_payments(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<PaymentEndpoints>(services));
  const Shared user{.tags = {"Payments"}, .security = {"user"}, .capability = {"holder", "operator"}};
  const Shared open{.tags = {"Payments"}, .capability = {"provider"}};
  auto problems = refusals({Refusal::unknown_registration, Refusal::forbidden, Refusal::already_paid, Refusal::registration_not_held,
                            Refusal::registration_expired, Refusal::amount_differs, Refusal::payments_unavailable});
  problems.push_back({429, "too_many_requests", "It was asked for too often; Retry-After says when to try again."});
  problems.push_back({502, "payment_refused", "The provider refuses to begin it."});
  problems.push_back({503, "provider_unavailable", "The provider did not answer; repeat the request."});
  add_twice(router, route(user, Verb::POST, "/payments/create-intent", on(&PaymentEndpoints::create_intent),
                          {.operation_id = "createIntent",
                           .summary = "Begin the payment of a registration; a repeat gives the same one",
                           .tags = {"Payments", "Compatibility"},
                           .request = http::json_body<IntentRequest>(R"({"registrationId": "0190f1c2-7b00-7000-8000-000000000000"})"),
                           .replies = {http::json_reply<IntentJson>(200, "What the buyer's browser needs to pay."),
                                       http::json_reply<Pending>(202, "The provider takes long: send it again after Retry-After.")},
                           .problems = std::move(problems),
                           .curl = {{"body", R"({"registrationId": "$HELD_REGISTRATION_ID"})"}}}));
  const auto add_webhook = [&](std::string path, std::string operation_id, std::string summary, http::Handler handler) {
    add_twice(router, route(open, Verb::POST, std::move(path), std::move(handler),
                            {.operation_id = std::move(operation_id),
                             .summary = std::move(summary),
                             .description = "Signed by the provider (header Stripe-Signature); answered 200 only once the event is "
                                            "stored and applied. Events that do not concern us are stored too.",
                             .tags = {"Payments", "Compatibility"},
                             .request = {.content_type = "application/json", .example = "{}"},
                             .replies = {http::json_reply<Received>(200, "Stored.")},
                             .problems = {{400, "bad_signature", "Not signed by the provider, or too old."},
                                          {400, "bad_event", "Signed, but no event."},
                                          {409, "payments_unavailable", "No provider is configured."}}},
                            {.body_limit_bytes = payment::max_event_bytes, .both_slash_forms = true, .cors = false}));
  };
  add_webhook("/payments/webhook", "stripeWebhook", "Events of the payment provider", on(&PaymentEndpoints::platform_webhook));
  add_webhook("/payments/webhook/connect", "stripeConnectWebhook", "Events of the businesses' accounts at the payment provider",
              on(&PaymentEndpoints::connect_webhook));
}

}  // namespace admit::api

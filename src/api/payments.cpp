// Beginning a payment, and what the provider says of it.

#include "api/services.hpp"
#include "domain/registrations.hpp"
#include "log/log.hpp"
#include "payment/event.hpp"

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
  static http::Shape shape() {
    using namespace http;
    return http::object<IntentJson>("PaymentIntent",
                              {required("clientSecret", &IntentJson::client_secret, text(1, 500).doc("For the buyer's browser only.")),
                               required("paymentIntentId", &IntentJson::payment_intent_id, text(1, 255))});
  }
};

struct Received {
  bool received = true;
  static http::Shape shape() { return http::object<Received>("Received", {http::required("received", &Received::received)}); }
};

http::Problem failed(const payment::Failure& failure) {
  log::warning("payment provider refused", {{"kind", payment::word(failure.kind)},
                                            {"status", failure.http_status},
                                            {"code", failure.code},
                                            {"param", failure.param},
                                            {"providerRequestId", failure.request_id}});
  if (failure.kind == payment::FailureKind::refused) {
    return {502, "payment_refused", "The payment provider refused to begin this payment (" + failure.code + ").", "", 0};
  }
  return {503, "provider_unavailable", "The payment provider did not answer; send the request again.", "", 2};
}

class PaymentEndpoints {
 public:
  explicit PaymentEndpoints(Services& services) : x(services) {}

  Task create_intent(Request& request) {
    const auto in = input<None, IntentRequest>(request, caller_of(x, request));
    if (!in) co_return in.error();
    domain::BeginPayment command{.meta = meta_of(x, request, in->caller),
                                 .registration_id = checked_id<domain::RegistrationId>(in->body.registration_id),
                                 .amount_minor = in->body.amount,
                                 .payments_ready = x.payments_ready()};
    auto begun = co_await submit(x.lane, std::move(command));
    if (!begun.result) co_return problem_of(begun.result.error());
    const domain::Transaction& transaction = *begun.result;
    if (!x.payments_ready()) co_return problem_of({Refusal::payments_unavailable, "", "No payment provider is configured."});

    auto created = transaction.intent_id.empty() ? co_await x.payments->create_intent(order_of(transaction))
                                                 : co_await x.payments->retrieve_intent(transaction.intent_id);
    if (!created) co_return failed(created.error());
    if (transaction.intent_id.empty()) {
      domain::RecordIntent record{
          .meta = meta_of(x, request, in->caller), .transaction_id = transaction.id, .intent_id = created->intent.id};
      auto recorded = co_await submit(x.lane, std::move(record));
      if (!recorded.result) co_return problem_of(recorded.result.error());
      if (recorded.result->status == domain::TransactionStatus::cancelled) {
        co_return problem_of({Refusal::registration_not_held, "registrationId",
                              "The registration ended while its payment was being begun; reserve again."});
      }
    }
    co_return reply(200, IntentJson{std::string(created->client_secret.text()), created->intent.id});
  }

  /// Verified on the raw bytes, stored and applied in one commit, answered after it.
  Task webhook(Request& request) {
    if (x.webhooks == nullptr) co_return http::Problem{409, "payments_unavailable", "No payment provider is configured.", "", 0};
    const auto genuine = x.webhooks->verify(request.body, request.header("Stripe-Signature").value_or(""), x.clock());
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
    domain::ApplyEvent command{.meta = meta_of(x, request),
                               .event_id = event->id,
                               .type = event->type,
                               .object_id = event->object_id,
                               .account = event->account,
                               .livemode = event->livemode,
                               .expect_livemode = x.payments->livemode(),
                               .payload = event->payload,
                               .epoch = x.ring.current_epoch()};
    command.meta.actor = "stripe";
    if (event->intent) command.news = news_of(*event);
    auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    if (answer.result->status == domain::InboxStatus::flagged && !answer.result->duplicate) {
      log::warning("webhook event flagged",
                   {{"eventId", event->id}, {"type", event->type}, {"objectId", event->object_id}, {"reason", answer.result->detail}});
    }
    if (answer.result->confirmed) x.workers.wake();
    co_return reply(200, Received{});
  }

 private:
  static payment::IntentOrder order_of(const domain::Transaction& transaction) {
    return {.amount_minor = transaction.amount_minor,
            .currency = transaction.currency,
            .destination = transaction.stripe_account,
            .registration_id = transaction.registration_id.text(),
            .transaction_id = transaction.id.text(),
            .idempotency_key = "pi-create:" + transaction.id.text()};
  }

  static domain::IntentNews news_of(const payment::ProviderEvent& event) {
    const auto& intent = *event.intent;
    return {.intent_id = intent.id,
            .status = intent.status,
            .failed = event.type == "payment_intent.payment_failed",
            .amount_minor = intent.amount_minor,
            .received_minor = intent.received_minor,
            .currency = intent.currency,
            .error = intent.last_error,
            .transaction_id = checked_id<domain::TransactionId>(intent.transaction_id)};
  }

  Services& x;
};

}  // namespace

void add_payments(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<PaymentEndpoints>(services));
  const Shared user{.tags = {"Payments"}, .security = {"user"}};
  const Shared open{.tags = {"Payments"}};
  auto problems = refusals({Refusal::unknown_registration, Refusal::forbidden, Refusal::already_paid, Refusal::registration_not_held,
                            Refusal::registration_expired, Refusal::amount_differs, Refusal::payments_unavailable});
  problems.push_back({502, "payment_refused", "The provider refuses to begin it."});
  problems.push_back({503, "provider_unavailable", "The provider did not answer; repeat the request."});
  add_twice(router, route(user, Verb::POST, "/payments/create-intent", on(&PaymentEndpoints::create_intent),
                          {.operation_id = "createIntent",
                           .summary = "Begin the payment of a registration; a repeat gives the same one",
                           .tags = {"Payments", "Compatibility"},
                           .request = http::json_body<IntentRequest>(R"({"registrationId": "0190f1c2-7b00-7000-8000-000000000000"})"),
                           .replies = {http::json_reply<IntentJson>(200, "What the buyer's browser needs to pay.")},
                           .problems = std::move(problems),
                           .curl = {{"body", R"({"registrationId": "$HELD_REGISTRATION_ID"})"}}}));
  add_twice(router, route(open, Verb::POST, "/payments/webhook", on(&PaymentEndpoints::webhook),
                          {.operation_id = "stripeWebhook",
                           .summary = "Events of the payment provider",
                           .description = "Signed by the provider (header Stripe-Signature); answered 200 only once the event is stored "
                                          "and applied. Events that do not concern us are stored too.",
                           .tags = {"Payments", "Compatibility"},
                           .request = {.content_type = "application/json", .example = "{}"},
                           .replies = {http::json_reply<Received>(200, "Stored.")},
                           .problems = {{400, "bad_signature", "Not signed by the provider, or too old."},
                                        {400, "bad_event", "Signed, but no event."},
                                        {409, "payments_unavailable", "No provider is configured."}}},
                          {.body_limit_bytes = payment::max_event_bytes, .both_slash_forms = true, .cors = false}));
}

}  // namespace admit::api

#include "payment/stripe_client.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <stdexcept>
#include <utility>

#include "crypto/random.hpp"
#include "http/target.hpp"
#include "log/log.hpp"
#include "payment/form.hpp"
#include "payment/keys.hpp"
#include "payment/provider_json.hpp"

namespace admit::payment {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t max_idempotency_key_bytes = 255;
constexpr std::size_t max_reply_bytes = 4 * 1024 * 1024;
constexpr int list_page = 100;
constexpr int max_list_pages = 50;

void log_attempt(const std::string& method, const std::string& path, int attempt, const Failure* failure) {
  const auto resource = std::string_view{path}.substr(0, path.find('?'));
  if (failure == nullptr) {
    log::debug("provider answered", {{"method", method}, {"path", resource}, {"attempt", attempt}});
    return;
  }
  log::warning("provider call failed", {{"method", method},
                                        {"path", resource},
                                        {"attempt", attempt},
                                        {"kind", word(failure->kind)},
                                        {"status", failure->http_status},
                                        {"code", failure->code},
                                        {"param", failure->param},
                                        {"providerRequestId", failure->request_id}});
}

Failure failure_of(const http::ClientFailure& lost) {
  Failure failure;
  failure.kind = lost.maybe_sent ? FailureKind::unknown : FailureKind::not_sent;
  failure.code = http::word(lost.fault);
  failure.message = lost.detail;
  return failure;
}

FailureKind kind_of(int status) {
  if (status == 429) return FailureKind::not_sent;
  if (status >= 400 && status < 500 && status != 409) return FailureKind::refused;
  return FailureKind::unknown;
}

Failure failure_of(const http::ClientReply& reply) {
  Failure failure;
  failure.kind = kind_of(reply.status);
  failure.http_status = reply.status;
  failure.request_id = reply.header("Request-Id").value_or("");
  const auto body = provider_json::parse(reply.body);
  const auto* root = body ? body->if_object() : nullptr;
  const auto* error = root == nullptr ? nullptr : provider_json::object_of(*root, "error");
  if (error == nullptr) return failure;
  failure.type = provider_json::text_of(*error, "type");
  failure.code = provider_json::text_of(*error, "code");
  failure.decline_code = provider_json::text_of(*error, "decline_code");
  failure.param = provider_json::text_of(*error, "param");
  failure.message = provider_json::text_of(*error, "message");
  if (const auto* intent = provider_json::object_of(*error, "payment_intent")) {
    failure.intent_status = provider_json::read_status(*intent);
  }
  return failure;
}

/// The provider's own word first, then the rule: conflicts, rate limits and its own faults are worth another try.
bool is_worth_retrying(const http::ClientReply& reply) {
  const auto told = reply.header("Stripe-Should-Retry");
  if (told == "true") return true;
  if (told == "false") return false;
  return reply.status == 409 || reply.status == 429 || reply.status >= 500;
}

Failure not_understood() {
  Failure failure;
  failure.code = "bad_reply";
  failure.message = "The provider's answer was not understood.";
  return failure;
}

std::optional<CreatedIntent> read_created_intent(const json::object& from) {
  auto intent = provider_json::read_intent(from);
  if (!intent) return std::nullopt;
  auto secret = provider_json::text_of(from, "client_secret");
  return CreatedIntent{std::move(*intent), crypto::Secret::take(secret)};
}

/// What `read` makes of a JSON object, or `not_understood`.
template <class Read>
auto read_reply(const Answer<std::string>& body, Read read)
    -> Answer<typename std::invoke_result_t<Read, const json::object&>::value_type> {
  if (!body) return std::unexpected(body.error());
  const auto value = provider_json::parse(*body);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::unexpected(not_understood());
  auto result = read(*object);
  if (!result) return std::unexpected(not_understood());
  return std::move(*result);
}

std::string intent_path(std::string_view intent_id, std::string_view action = {}) {
  return "/v1/payment_intents/" + http::percent_encode(intent_id) + std::string{action};
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

StripeClient::StripeClient(http::Client& client, StripeOptions options)
    : x_client(client), x_options(std::move(options)) {
  if (!is_secret_key(x_options.secret_key.text())) {
    throw std::invalid_argument("the provider's secret key must begin with sk_ or rk_");
  }
}

bool StripeClient::livemode() const {
  return is_live_key(x_options.secret_key.text());
}

AnswerTask<CreatedIntent> StripeClient::create_intent(IntentOrder order) {
  json::object parameters{
      {"amount", order.amount_minor},
      {"currency", lower(order.currency)},
      {"automatic_payment_methods", {{"enabled", true}}},
      {"metadata", {{"registration_id", order.registration_id}, {"transaction_id", order.transaction_id}}},
      {"transfer_data", {{"destination", order.destination}}}};
  if (order.application_fee_minor > 0) parameters["application_fee_amount"] = order.application_fee_minor;
  if (!order.description.empty()) parameters["description"] = order.description;
  const auto body = co_await send({.method = "POST",
                                   .path = "/v1/payment_intents",
                                   .body = form::encode(parameters),
                                   .idempotency_key = std::move(order.idempotency_key)});
  co_return read_reply(body, read_created_intent);
}

AnswerTask<CreatedIntent> StripeClient::retrieve_intent(std::string intent_id) {
  const auto body = co_await send({.method = "GET", .path = intent_path(intent_id)});
  co_return read_reply(body, read_created_intent);
}

AnswerTask<Intent> StripeClient::cancel_intent(std::string intent_id, std::string idempotency_key) {
  const auto body = co_await send({.method = "POST",
                                   .path = intent_path(intent_id, "/cancel"),
                                   .body = "cancellation_reason=abandoned",
                                   .idempotency_key = std::move(idempotency_key)});
  co_return read_reply(body, provider_json::read_intent);
}

AnswerTask<std::optional<CreatedIntent>> StripeClient::find_intent(std::string transaction_id, domain::Instant since) {
  const auto from_s = std::chrono::floor<std::chrono::seconds>(since - std::chrono::minutes{1});
  std::string last_id;
  for (int page = 0; page < max_list_pages; ++page) {
    json::object query{{"limit", list_page}, {"created", {{"gte", from_s.time_since_epoch().count()}}}};
    if (!last_id.empty()) query["starting_after"] = last_id;
    const auto body = co_await send({.method = "GET", .path = "/v1/payment_intents?" + form::encode(query)});
    if (!body) co_return std::unexpected(body.error());
    const auto value = provider_json::parse(*body);
    const auto* list = value ? value->if_object() : nullptr;
    const auto* data = list == nullptr || !list->contains("data") ? nullptr : list->at("data").if_array();
    if (data == nullptr) co_return std::unexpected(not_understood());
    for (const auto& entry : *data) {
      if (!entry.is_object()) co_return std::unexpected(not_understood());
      auto created = read_created_intent(entry.get_object());
      if (!created) co_return std::unexpected(not_understood());
      if (created->intent.transaction_id == transaction_id) co_return std::move(created);
      last_id = created->intent.id;
    }
    if (data->empty() || !provider_json::flag_of(*list, "has_more")) co_return std::nullopt;
  }
  co_return std::unexpected(Failure{.kind = FailureKind::unknown, .code = "too_many_to_look_through"});
}

AnswerTask<Account> StripeClient::retrieve_account(std::string account_id) {
  const auto body = co_await send({.method = "GET", .path = "/v1/accounts/" + http::percent_encode(account_id)});
  co_return read_reply(body, provider_json::read_account);
}

http::ClientRequest StripeClient::to_request(const Call& call, milliseconds limit) const {
  http::ClientRequest request;
  request.method = call.method;
  request.url = x_options.api_base + call.path;
  request.headers = {{"Authorization", "Bearer " + std::string{x_options.secret_key.text()}},
                     {"Stripe-Version", x_options.version},
                     {"Accept", "application/json"}};
  if (call.method == "POST") {
    request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    request.headers.push_back({"Idempotency-Key", call.idempotency_key});
  }
  request.body = call.body;
  request.total_limit = limit;
  request.connect_limit = std::min(request.connect_limit, limit);
  request.max_reply_bytes = max_reply_bytes;
  request.is_repeatable = true;
  return request;
}

asio::awaitable<void> StripeClient::wait(int attempt, milliseconds left) {
  const auto longest = std::min(x_options.first_wait * (1 << std::min(attempt - 1, 16)), x_options.longest_wait);
  const auto dice = crypto::random_bytes<1>()[0];
  const auto jittered = longest / 2 + longest * dice / 512;
  const auto bounded = std::min<milliseconds>(jittered, left);
  if (x_options.sleep) {
    co_await x_options.sleep(bounded);
    co_return;
  }
  asio::steady_timer timer{co_await asio::this_coro::executor, bounded};
  co_await timer.async_wait(asio::use_awaitable);
}

AnswerTask<std::string> StripeClient::send(Call call) {
  if (call.method == "POST" &&
      (call.idempotency_key.empty() || call.idempotency_key.size() > max_idempotency_key_bytes)) {
    throw std::invalid_argument("an idempotency key has 1 to 255 characters");
  }
  const auto until = steady_clock::now() + x_options.total_limit;
  bool is_maybe_done = false;
  for (int attempt = 1;; ++attempt) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
    auto request = to_request(call, std::clamp<milliseconds>(left, milliseconds{1}, x_options.attempt_limit));
    auto result = co_await x_client.send(std::move(request));
    if (result && result->status >= 200 && result->status < 300) {
      log_attempt(call.method, call.path, attempt, nullptr);
      co_return std::move(result->body);
    }
    auto failure = result ? failure_of(*result) : failure_of(result.error());
    is_maybe_done = is_maybe_done || failure.kind == FailureKind::unknown;
    log_attempt(call.method, call.path, attempt, &failure);

    const bool is_final = result ? !is_worth_retrying(*result)
                                 : result.error().fault == http::ClientFault::stopped ||
                                       result.error().fault == http::ClientFault::bad_request ||
                                       result.error().fault == http::ClientFault::bad_certificate;
    const auto rest = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
    if (is_final || attempt > x_options.max_retries || rest <= milliseconds{0}) {
      if (is_maybe_done && failure.kind == FailureKind::not_sent) failure.kind = FailureKind::unknown;
      co_return std::unexpected(std::move(failure));
    }
    co_await wait(attempt, rest);
  }
}

}  // namespace admit::payment

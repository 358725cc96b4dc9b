#include "payment/stripe_client.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "crypto/encoding.hpp"
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
constexpr int max_intent_pages = 50;
constexpr int max_refund_pages = 10;
/// Keys that an account is asked for by, one after the other, where the provider keeps a fault of its own for them.
constexpr int max_account_rounds = 3;
constexpr std::size_t max_evidence_text_bytes = 20'000;
constexpr std::size_t max_evidence_bytes = 145'000;

double calls_per_s_of(const StripeOptions& options) {
  constexpr double live = 100;
  constexpr double test = 25;
  constexpr double unlimited = 1e6;
  if (options.calls_per_s > 0) return options.calls_per_s;
  if (options.api_base != StripeOptions{}.api_base) return unlimited;
  return is_live_key(options.secret_key.text()) ? live : test;
}

void log_attempt(const std::string& method, const std::string& path, int attempt, const Failure* failure) {
  const auto resource = std::string_view{path}.substr(0, path.find('?'));
  if (failure == nullptr) {
    log::debug("provider answered", {{"method", method}, {"path", resource}, {"attempt", attempt}});
    return;
  }
  // The same call is under way elsewhere: nothing is wrong.
  const auto level = failure->code == key_in_use ? log::Level::debug : log::Level::warning;
  log::write(level, "provider call failed",
             {{"method", method},
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

/// 0 where it is absent or no small number of seconds.
std::int64_t seconds_of(std::optional<std::string_view> header) {
  constexpr std::int64_t longest_s = 3600;
  std::int64_t value = 0;
  const auto text = header.value_or("");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return 0;
  return std::min(value, longest_s);
}

bool is_replayed(const http::ClientReply& reply) {
  return reply.header("Idempotent-Replayed") == "true";
}

Failure failure_of(const http::ClientReply& reply) {
  Failure failure;
  failure.kind = kind_of(reply.status);
  failure.http_status = reply.status;
  failure.request_id = reply.header("Request-Id").value_or("");
  failure.is_kept = reply.status >= 500 && is_replayed(reply);
  if (failure.kind == FailureKind::not_sent) failure.retry_after_s = seconds_of(reply.header("Retry-After"));
  const auto body = provider_json::parse(reply.body);
  const auto* root = body ? body->if_object() : nullptr;
  if (root == nullptr) return failure;
  const auto* error = provider_json::object_of(*root, "error");
  if (error == nullptr) {
    // OAuth has its own shape.
    failure.code = provider_json::text_of(*root, "error");
    failure.message = provider_json::text_of(*root, "error_description");
    return failure;
  }
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
  // A fault of its own that it has kept for the key comes back however often it is asked.
  if (reply.status >= 500 && is_replayed(reply)) return false;
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

/// `/v1/KIND/ID` and what follows.
std::string path_of(std::string_view kind, std::string_view id, std::string_view action = {}) {
  return "/v1/" + std::string{kind} + "/" + http::percent_encode(id) + std::string{action};
}

std::string with_query(std::string path, const json::object& query) {
  const auto encoded = form::encode(query);
  return encoded.empty() ? path : path + "?" + encoded;
}

Failure rate_limited(milliseconds wait) {
  Failure failure;
  failure.kind = FailureKind::not_sent;
  failure.code = "rate_limited";
  failure.message = "Too many calls to the payment provider are waiting.";
  failure.retry_after_s = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return failure;
}

/// The organiser's balance does not cover the reversal. The provider documents no code for it, so a bare refusal
/// counts as well: the second attempt, without the reversal, then tells.
bool is_reversal_refused(const Failure& failure) {
  if (failure.kind != FailureKind::refused || failure.http_status != 400) return false;
  return failure.code == "balance_insufficient" || failure.code == "insufficient_funds" ||
         (failure.code.empty() && failure.param.empty());
}

/// Every key given and not empty.
json::object texts(std::initializer_list<std::pair<std::string_view, std::string_view>> given) {
  json::object out;
  for (const auto& [name, text] : given) {
    if (!text.empty()) out[name] = text;
  }
  return out;
}

json::object evidence_of(const Evidence& evidence) {
  auto all = texts({{"product_description", evidence.product_description},
                    {"customer_name", evidence.customer_name},
                    {"customer_email_address", evidence.customer_email},
                    {"customer_purchase_ip", evidence.customer_address_ip},
                    {"service_date", evidence.service_date},
                    {"access_activity_log", evidence.access_log},
                    {"refund_policy_disclosure", evidence.refund_policy},
                    {"cancellation_policy_disclosure", evidence.cancellation_policy},
                    {"refund_refusal_explanation", evidence.refund_refusal},
                    {"uncategorized_text", evidence.notes}});
  std::size_t left = max_evidence_bytes;
  for (auto& [name, value] : all) {
    auto text = std::string{value.get_string()};
    provider_json::shorten(text, std::min(left, max_evidence_text_bytes));
    left -= text.size();
    value = text;
  }
  return all;
}

/// Where an event's object is fetched, or "" for kinds that are not used.
std::string path_of(const ProviderEvent& event) {
  const auto& kind = event.object_kind;
  if (kind == "payment_intent") return path_of("payment_intents", event.object_id);
  if (kind == "charge") return path_of("charges", event.object_id);
  if (kind == "refund") return path_of("refunds", event.object_id);
  if (kind == "dispute") return path_of("disputes", event.object_id);
  if (kind == "payout") return path_of("payouts", event.object_id);
  if (kind == "radar.early_fraud_warning") return path_of("radar/early_fraud_warnings", event.object_id);
  if (kind == "account" || is_account_change(event.type)) return path_of("accounts", event.account);
  return "";
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
    : x_client(client), x_options(std::move(options)), x_rate_limit(calls_per_s_of(x_options), x_options.node_count) {
  if (!is_secret_key(x_options.secret_key.text())) {
    throw std::invalid_argument("the provider's secret key must begin with sk_ or rk_");
  }
}

bool StripeClient::livemode() const {
  return is_live_key(x_options.secret_key.text());
}

AnswerTask<CreatedIntent> StripeClient::create_intent(IntentOrder order) {
  json::object metadata{{"registration_id", order.registration_id}, {"transaction_id", order.transaction_id}};
  if (order.attempt > 0) metadata["attempt"] = std::to_string(order.attempt);
  if (!order.installation_id.empty()) metadata["installation_id"] = order.installation_id;
  json::object parameters{{"amount", order.amount_minor},
                          {"currency", lower(order.currency)},
                          {"automatic_payment_methods", {{"enabled", true}}},
                          {"metadata", std::move(metadata)}};
  if (!order.is_direct) {
    parameters["transfer_data"] = {{"destination", order.destination}};
    if (order.on_behalf_of) parameters["on_behalf_of"] = order.destination;
  }
  if (order.application_fee_minor > 0) parameters["application_fee_amount"] = order.application_fee_minor;
  if (order.manual_capture) parameters["capture_method"] = "manual";
  for (auto& [name, text] : texts({{"description", order.description},
                                   {"receipt_email", order.receipt_email},
                                   {"statement_descriptor_suffix", order.statement_suffix}})) {
    parameters[name] = text;
  }
  const auto on_account = order.is_direct ? order.destination : "";
  const auto body = co_await send({.method = "POST",
                                   .path = "/v1/payment_intents",
                                   .body = form::encode(parameters),
                                   .idempotency_key = std::move(order.idempotency_key),
                                   .on_account = on_account});
  auto created = read_reply(body, read_created_intent);
  if (created || created.error().kind != FailureKind::unknown || !order.begun_at) co_return created;
  auto found = co_await find_intent(order.transaction_id, *order.begun_at, on_account);
  if (found && *found) co_return std::move(**found);
  if (!found) created.error().is_kept = false;
  co_return created;
}

AnswerTask<CreatedIntent> StripeClient::retrieve_intent(std::string intent_id, std::string on_account) {
  const auto body = co_await send({.path = path_of("payment_intents", intent_id), .on_account = std::move(on_account)});
  co_return read_reply(body, read_created_intent);
}

AnswerTask<Intent> StripeClient::settle(Answer<Intent> answer, std::string intent_id, IntentStatus wanted,
                                        std::string on_account) {
  if (answer || answer.error().kind != FailureKind::unknown) co_return answer;
  auto now = co_await retrieve_intent(std::move(intent_id), std::move(on_account));
  if (!now) co_return answer;
  if (now->intent.status == wanted) co_return std::move(now->intent);
  answer.error().intent_status = now->intent.status;
  co_return answer;
}

AnswerTask<Intent> StripeClient::cancel_intent(std::string intent_id, std::string idempotency_key,
                                               std::string on_account) {
  const auto body = co_await send({.method = "POST",
                                   .path = path_of("payment_intents", intent_id, "/cancel"),
                                   .body = "cancellation_reason=abandoned",
                                   .idempotency_key = std::move(idempotency_key),
                                   .on_account = on_account,
                                   .share = RateLimit::Share::releasing});
  co_return co_await settle(read_reply(body, provider_json::read_intent), std::move(intent_id), IntentStatus::canceled,
                            std::move(on_account));
}

AnswerTask<Intent> StripeClient::capture_intent(CaptureOrder order) {
  json::object parameters;
  if (order.amount_minor) parameters["amount_to_capture"] = *order.amount_minor;
  if (order.application_fee_minor) parameters["application_fee_amount"] = *order.application_fee_minor;
  const auto body = co_await send({.method = "POST",
                                   .path = path_of("payment_intents", order.intent_id, "/capture"),
                                   .body = form::encode(parameters),
                                   .idempotency_key = std::move(order.idempotency_key),
                                   .on_account = order.on_account});
  co_return co_await settle(read_reply(body, provider_json::read_intent), std::move(order.intent_id),
                            IntentStatus::succeeded, std::move(order.on_account));
}

AnswerTask<std::optional<CreatedIntent>> StripeClient::find_intent(std::string transaction_id, domain::Instant since,
                                                                   std::string on_account) {
  const auto from_s = std::chrono::floor<std::chrono::seconds>(since - std::chrono::minutes{1});
  std::optional<CreatedIntent> found;
  const auto seen = co_await walk("/v1/payment_intents", {{"created", {{"gte", from_s.time_since_epoch().count()}}}},
                                  std::move(on_account), max_intent_pages, [&](const json::object& entry) {
                                    auto created = read_created_intent(entry);
                                    if (created && created->intent.transaction_id == transaction_id) {
                                      found = std::move(created);
                                    }
                                    return found.has_value();
                                  });
  if (!seen) co_return std::unexpected(seen.error());
  if (!found && !*seen) {
    co_return std::unexpected(Failure{.kind = FailureKind::unknown, .code = "too_many_to_look_through"});
  }
  co_return std::move(found);
}

AnswerTask<Charge> StripeClient::retrieve_charge(std::string charge_id, std::string on_account) {
  const auto body = co_await send({.path = path_of("charges", charge_id), .on_account = std::move(on_account)});
  co_return read_reply(body, provider_json::read_charge);
}

AnswerTask<std::vector<Refund>> StripeClient::list_refunds(std::string intent_id, std::string on_account) {
  std::vector<Refund> refunds;
  const auto seen = co_await walk("/v1/refunds", {{"payment_intent", intent_id}}, std::move(on_account),
                                  max_refund_pages, [&](const json::object& entry) {
                                    if (auto refund = provider_json::read_refund(entry)) {
                                      refunds.push_back(std::move(*refund));
                                    }
                                    return false;
                                  });
  if (!seen) co_return std::unexpected(seen.error());
  co_return std::move(refunds);
}

AnswerTask<std::optional<Refund>> StripeClient::find_refund(RefundOrder order) {
  auto refunds = co_await list_refunds(std::move(order.intent_id), std::move(order.on_account));
  if (!refunds) co_return std::unexpected(refunds.error());
  for (auto& refund : *refunds) {
    if (refund.refund_id == order.refund_id) co_return std::move(refund);
  }
  co_return std::nullopt;
}

AnswerTask<RefundMade> StripeClient::try_refund(RefundOrder order) {
  json::object parameters{{"payment_intent", order.intent_id},
                          {"amount", order.amount_minor},
                          {"metadata", {{"refund_id", order.refund_id}, {"transaction_id", order.transaction_id}}}};
  if (order.reverse_transfer) parameters["reverse_transfer"] = true;
  if (order.refund_application_fee) parameters["refund_application_fee"] = true;
  const auto body = co_await send({.method = "POST",
                                   .path = "/v1/refunds",
                                   .body = form::encode(parameters),
                                   .idempotency_key = std::move(order.idempotency_key),
                                   .on_account = std::move(order.on_account),
                                   .share = RateLimit::Share::releasing});
  auto refund = read_reply(body, provider_json::read_refund);
  if (!refund) co_return std::unexpected(refund.error());
  co_return RefundMade{.refund = std::move(*refund)};
}

AnswerTask<RefundMade> StripeClient::create_refund(RefundOrder order) {
  const auto made = [&](Refund refund) {
    const bool without = order.reverse_transfer && refund.transfer_reversal_id.empty();
    return RefundMade{.refund = std::move(refund), .without_reversal = without};
  };
  if (order.maybe_made) {
    auto found = co_await find_refund(order);
    if (!found) co_return std::unexpected(found.error());
    if (*found) co_return made(std::move(**found));
  }
  auto answer = co_await try_refund(order);
  if (!answer && order.reverse_transfer && is_reversal_refused(answer.error())) {
    auto bare = order;
    bare.reverse_transfer = false;
    bare.refund_application_fee = false;
    bare.idempotency_key += ":bare";
    answer = co_await try_refund(std::move(bare));
    if (answer) answer->without_reversal = true;
  }
  if (!answer && (answer.error().kind == FailureKind::unknown || answer.error().code == "charge_already_refunded")) {
    auto found = co_await find_refund(order);
    if (found && *found) co_return made(std::move(**found));
    if (!found) answer.error().is_kept = false;
  }
  co_return answer;
}

AnswerTask<Refund> StripeClient::retrieve_refund(std::string refund_id, std::string on_account) {
  const auto body = co_await send({.path = path_of("refunds", refund_id), .on_account = std::move(on_account)});
  co_return read_reply(body, provider_json::read_refund);
}

AnswerTask<Account> StripeClient::create_account(AccountOrder order) {
  const bool independent = order.is_independent;
  json::object parameters{
      {"controller",
       {{"fees", {{"payer", independent ? "account" : "application"}}},
        {"losses", {{"payments", independent ? "stripe" : "application"}}},
        {"requirement_collection", "stripe"},
        {"stripe_dashboard", {{"type", independent ? "full" : "express"}}}}},
      {"capabilities", {{"card_payments", {{"requested", true}}}, {"transfers", {{"requested", true}}}}},
      {"metadata", {{"business_id", order.business_id}}}};
  for (auto& [name, text] : texts({{"country", order.country}, {"email", order.email}})) parameters[name] = text;
  if (!order.business_name.empty()) parameters["business_profile"] = {{"name", order.business_name}};
  // Of an account nobody can be found by our rows; one that is made twice costs nothing and is linked to nobody.
  Answer<Account> made;
  for (int round = 0; round < max_account_rounds; ++round) {
    auto key = order.idempotency_key;
    if (round > 0) key += ":" + std::to_string(round);
    const auto body = co_await send({.method = "POST",
                                     .path = "/v1/accounts",
                                     .body = form::encode(parameters),
                                     .idempotency_key = std::move(key)});
    made = read_reply(body, provider_json::read_account);
    if (made || !made.error().is_kept) break;
  }
  co_return made;
}

AnswerTask<AccountLink> StripeClient::create_account_link(AccountLinkOrder order) {
  const json::object parameters{{"account", order.account_id},
                                {"refresh_url", order.refresh_url},
                                {"return_url", order.return_url},
                                {"type", "account_onboarding"}};
  // A link is used up by one visit: each click wants a new one, and so a key of its own.
  const auto body = co_await send({.method = "POST",
                                   .path = "/v1/account_links",
                                   .body = form::encode(parameters),
                                   .idempotency_key = "link:" + crypto::hex(crypto::random_bytes<16>())});
  co_return read_reply(body, [](const json::object& from) -> std::optional<AccountLink> {
    auto url = provider_json::text_of(from, "url");
    if (url.empty()) return std::nullopt;
    return AccountLink{.url = crypto::Secret::take(url),
                       .expires_at = provider_json::instant_of(from, "expires_at").value_or(domain::Instant{})};
  });
}

AnswerTask<Account> StripeClient::retrieve_account(std::string account_id) {
  const auto body = co_await send({.path = path_of("accounts", account_id)});
  co_return read_reply(body, provider_json::read_account);
}

std::string StripeClient::oauth_url(std::string_view state, std::string_view redirect_url) const {
  if (x_options.client_id.empty()) return "";
  return with_query(x_options.connect_base + "/oauth/authorize", {{"response_type", "code"},
                                                                  {"client_id", x_options.client_id},
                                                                  {"scope", "read_write"},
                                                                  {"state", state},
                                                                  {"redirect_uri", redirect_url}});
}

AnswerTask<OauthGrant> StripeClient::oauth_exchange(crypto::Secret code) {
  const auto body = co_await send({.method = "POST",
                                   .path = "/oauth/token",
                                   .body = form::encode({{"grant_type", "authorization_code"}, {"code", code.text()}}),
                                   .is_oauth = true});
  co_return read_reply(body, [](const json::object& from) -> std::optional<OauthGrant> {
    OauthGrant grant{.account_id = provider_json::text_of(from, "stripe_user_id"),
                     .livemode = provider_json::flag_of(from, "livemode"),
                     .scope = provider_json::text_of(from, "scope")};
    if (grant.account_id.empty()) return std::nullopt;
    return grant;
  });
}

AnswerTask<std::string> StripeClient::oauth_deauthorize(std::string account_id) {
  const json::object parameters{{"client_id", x_options.client_id}, {"stripe_user_id", account_id}};
  const auto body = co_await send(
      {.method = "POST", .path = "/oauth/deauthorize", .body = form::encode(parameters), .is_oauth = true});
  if (body) co_return account_id;
  // The refusal of an account that is not connected looks like that of a wrong client id.
  if (body.error().kind == FailureKind::not_sent) co_return std::unexpected(body.error());
  const auto account = co_await retrieve_account(account_id);
  if (!account && account.error().is_of_foreign_account()) co_return account_id;
  co_return std::unexpected(body.error());
}

AnswerTask<TransferReversal> StripeClient::create_transfer_reversal(ReversalOrder order) {
  json::object parameters{{"amount", order.amount_minor}, {"metadata", {{"dispute_id", order.dispute_id}}}};
  if (order.refund_application_fee) parameters["refund_application_fee"] = true;
  const auto path = path_of("transfers", order.transfer_id, "/reversals");
  const auto body = co_await send({.method = "POST",
                                   .path = path,
                                   .body = form::encode(parameters),
                                   .idempotency_key = std::move(order.idempotency_key),
                                   .share = RateLimit::Share::releasing});
  auto made = read_reply(body, provider_json::read_transfer_reversal);
  if (made || made.error().kind == FailureKind::not_sent) co_return made;
  // Done already, by an answer that got lost or by a call whose key was forgotten.
  std::optional<TransferReversal> found;
  const auto seen = co_await walk(path, {}, "", max_refund_pages, [&](const json::object& entry) {
    const auto* metadata = provider_json::object_of(entry, "metadata");
    if (metadata != nullptr && provider_json::text_of(*metadata, "dispute_id") == order.dispute_id) {
      found = provider_json::read_transfer_reversal(entry);
    }
    return found.has_value();
  });
  if (seen && found) co_return std::move(*found);
  if (!seen) made.error().is_kept = false;
  co_return made;
}

AnswerTask<Dispute> StripeClient::retrieve_dispute(std::string dispute_id, std::string on_account) {
  const auto body = co_await send({.path = path_of("disputes", dispute_id), .on_account = std::move(on_account)});
  co_return read_reply(body, provider_json::read_dispute);
}

AnswerTask<Dispute> StripeClient::update_dispute(EvidenceOrder order) {
  const json::object parameters{{"evidence", evidence_of(order.evidence)}, {"submit", order.submit}};
  const auto body = co_await send({.method = "POST",
                                   .path = path_of("disputes", order.dispute_id),
                                   .body = form::encode(parameters),
                                   .idempotency_key = std::move(order.idempotency_key),
                                   .on_account = std::move(order.on_account)});
  co_return read_reply(body, provider_json::read_dispute);
}

AnswerTask<EventPage> StripeClient::list_events(EventQuery query) {
  json::object parameters{{"limit", list_page}};
  if (!query.types.empty()) parameters["types"] = json::array(query.types.begin(), query.types.end());
  if (query.since) {
    parameters["created"] = {
        {"gte", std::chrono::floor<std::chrono::seconds>(*query.since).time_since_epoch().count()}};
  }
  if (query.only_undelivered) parameters["delivery_success"] = false;
  if (!query.after.empty()) parameters["starting_after"] = query.after;
  const auto body =
      co_await send({.path = with_query("/v1/events", parameters), .on_account = std::move(query.on_account)});
  co_return read_reply(body, [](const json::object& from) -> std::optional<EventPage> {
    const auto* data = provider_json::array_of(from, "data");
    if (data == nullptr) return std::nullopt;
    EventPage page;
    for (const auto& entry : *data) {
      auto event = parse_event(json::serialize(entry));
      if (!event) return std::nullopt;
      page.events.push_back(std::move(*event));
    }
    if (!page.events.empty() && provider_json::flag_of(from, "has_more")) page.next = page.events.back().id;
    return page;
  });
}

AnswerTask<ProviderEvent> StripeClient::retrieve_event(std::string event_id, std::string on_account) {
  const auto body = co_await send({.path = path_of("events", event_id), .on_account = std::move(on_account)});
  if (!body) co_return std::unexpected(body.error());
  auto event = parse_event(*body);
  if (!event) co_return std::unexpected(not_understood());
  co_return std::move(*event);
}

AnswerTask<ProviderEvent> StripeClient::refresh_event(ProviderEvent event) {
  const auto path = path_of(event);
  if (path.empty()) co_return event;
  const bool is_of_platform = path.starts_with("/v1/accounts/");
  // Whether our share went back with a refund is told by the fee of its charge alone.
  const bool tells_fee = event.object_kind == "refund" && event.account.empty();
  const auto body =
      co_await send({.path = tells_fee ? with_query(path, {{"expand", {"charge.application_fee"}}}) : path,
                     .on_account = is_of_platform ? "" : event.account});
  auto object =
      read_reply(body, [](const json::object& from) { return std::optional{provider_json::read_object(from)}; });
  if (!object) co_return std::unexpected(object.error());
  if (std::holds_alternative<std::monostate>(*object)) co_return std::unexpected(not_understood());
  event.object = std::move(*object);
  if (event.is_thin && event.type.starts_with("v1.")) event.type.erase(0, 3);
  event.is_thin = false;
  co_return event;
}

AnswerTask<KeyCheck> StripeClient::check_key() {
  auto account = read_reply(co_await send({.path = "/v1/account"}), provider_json::read_account);
  if (!account) co_return std::unexpected(account.error());
  const auto livemode = read_reply(co_await send({.path = "/v1/balance"}), [](const json::object& from) {
    return std::optional{provider_json::flag_of(from, "livemode")};
  });
  if (!livemode) co_return std::unexpected(livemode.error());
  co_return KeyCheck{.account = std::move(*account), .livemode = *livemode};
}

AnswerTask<std::vector<Endpoint>> StripeClient::list_endpoints() {
  std::vector<Endpoint> endpoints;
  const auto seen = co_await walk("/v1/webhook_endpoints", {}, "", 1, [&](const json::object& entry) {
    if (auto endpoint = provider_json::read_endpoint(entry)) endpoints.push_back(std::move(*endpoint));
    return false;
  });
  if (!seen) co_return std::unexpected(seen.error());
  co_return std::move(endpoints);
}

AnswerTask<bool> StripeClient::walk(std::string path, json::object query, std::string on_account, int max_pages,
                                    Reader visit) {
  const auto until = steady_clock::now() + x_options.total_limit;
  query["limit"] = list_page;
  for (int page = 0; page < max_pages; ++page) {
    if (page > 0 && steady_clock::now() >= until) {
      co_return std::unexpected(Failure{.kind = FailureKind::unknown, .code = "timed_out"});
    }
    const auto body = co_await send({.path = with_query(path, query), .on_account = on_account});
    if (!body) co_return std::unexpected(body.error());
    const auto value = provider_json::parse(*body);
    const auto* list = value ? value->if_object() : nullptr;
    const auto* data = list == nullptr ? nullptr : provider_json::array_of(*list, "data");
    if (data == nullptr) co_return std::unexpected(not_understood());
    for (const auto& entry : *data) {
      const auto* object = entry.if_object();
      if (object == nullptr || provider_json::text_of(*object, "id").empty()) {
        co_return std::unexpected(not_understood());
      }
      if (visit(*object)) co_return true;
      query["starting_after"] = provider_json::text_of(*object, "id");
    }
    if (data->empty() || !provider_json::flag_of(*list, "has_more")) co_return true;
  }
  co_return false;
}

http::ClientRequest StripeClient::to_request(const Call& call, milliseconds limit) const {
  http::ClientRequest request;
  request.method = call.method;
  request.url = (call.is_oauth ? x_options.connect_base : x_options.api_base) + call.path;
  request.headers = {{"Authorization", "Bearer " + std::string{x_options.secret_key.text()}},
                     {"Stripe-Version", x_options.version},
                     {"Accept", "application/json"}};
  if (!call.on_account.empty()) request.headers.push_back({"Stripe-Account", call.on_account});
  if (call.method == "POST") request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
  if (!call.idempotency_key.empty()) request.headers.push_back({"Idempotency-Key", call.idempotency_key});
  request.body = call.body;
  request.total_limit = limit;
  request.connect_limit = std::min(request.connect_limit, limit);
  request.max_reply_bytes = max_reply_bytes;
  request.is_repeatable = !call.is_oauth;
  return request;
}

asio::awaitable<void> StripeClient::pause(milliseconds wait) const {
  if (wait <= milliseconds{0}) co_return;
  if (x_options.sleep) {
    co_await x_options.sleep(wait);
    co_return;
  }
  asio::steady_timer timer{co_await asio::this_coro::executor, wait};
  co_await timer.async_wait(asio::use_awaitable);
}

milliseconds StripeClient::wait_before(int attempt) const {
  const auto longest = std::min(x_options.first_wait * (1 << std::min(attempt - 1, 16)), x_options.longest_wait);
  const auto dice = crypto::random_bytes<1>()[0];
  return longest / 2 + longest * dice / 512;
}

AnswerTask<std::string> StripeClient::send(Call call) {
  if (call.method == "POST" && !call.is_oauth &&
      (call.idempotency_key.empty() || call.idempotency_key.size() > max_idempotency_key_bytes)) {
    throw std::invalid_argument("an idempotency key has 1 to 255 characters");
  }
  const auto until = steady_clock::now() + x_options.total_limit;
  const auto left = [until] {
    return std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
  };
  bool is_maybe_done = false;
  const auto failed = [&](Failure failure) {
    if (is_maybe_done && failure.kind == FailureKind::not_sent) failure.kind = FailureKind::unknown;
    return std::unexpected(std::move(failure));
  };
  if (call.method == "GET") call.share = RateLimit::Share::reading;
  for (int attempt = 1;; ++attempt) {
    const auto turn = x_rate_limit.take(call.on_account, call.share, steady_clock::now(),
                                        std::clamp(left(), milliseconds{0}, x_options.longest_queue));
    if (!turn) {
      auto failure = rate_limited(turn.error());
      log_attempt(call.method, call.path, attempt, &failure);
      co_return failed(std::move(failure));
    }
    co_await pause(*turn);
    auto request = to_request(call, std::clamp(left(), milliseconds{1}, x_options.attempt_limit));
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
    const bool is_spent = call.is_oauth && is_maybe_done;
    const auto wait = wait_before(attempt);
    if (is_final || is_spent || attempt > x_options.max_retries || wait >= left()) {
      co_return failed(std::move(failure));
    }
    co_await pause(wait);
  }
}

}  // namespace admit::payment

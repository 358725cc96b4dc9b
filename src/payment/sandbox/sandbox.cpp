#include "payment/sandbox/sandbox.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <mutex>
#include <stdexcept>
#include <unordered_set>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"
#include "crypto/random.hpp"
#include "http/server.hpp"
#include "log/log.hpp"
#include "payment/sandbox/dispatcher.hpp"
#include "payment/sandbox/objects.hpp"
#include "payment/sandbox/pages.hpp"
#include "payment/stripe_client.hpp"

namespace admit::payment::sandbox {

namespace asio = boost::asio;
namespace json = boost::json;
using http::Request;
using http::Response;
using http::Verb;

namespace {

constexpr std::int64_t idempotency_s = 24 * 3600;
constexpr std::size_t max_idempotency_key_bytes = 255;
constexpr std::size_t max_params = 200;
constexpr std::chrono::milliseconds stop_limit{5'000};
constexpr std::int64_t max_api_delay_ms = 60'000;
constexpr std::int64_t max_call_rows = 100'000;
constexpr std::chrono::milliseconds deliver_first_limit{5'000};
constexpr std::string_view platform_endpoint = "we_1SbxPlatform";
constexpr std::string_view connect_endpoint = "we_1SbxConnect";

constexpr std::string_view setting_sql = "SELECT value FROM sbx_setting WHERE name=?";
constexpr std::string_view keep_setting_sql = "INSERT OR REPLACE INTO sbx_setting(name,value) VALUES(?,?)";
constexpr std::string_view idem_sql = "SELECT request_sha, status, body FROM sbx_idem WHERE key=? AND at > ?";
constexpr std::string_view keep_idem_sql =
    "INSERT OR REPLACE INTO sbx_idem(key,request_sha,status,body,at) VALUES(?,?,?,?,?)";
constexpr std::string_view forget_idem_sql =
    "DELETE FROM sbx_idem WHERE key IN (SELECT key FROM sbx_idem WHERE at <= ? LIMIT 2)";
constexpr std::string_view keep_endpoint_sql =
    "INSERT INTO sbx_endpoint(id,is_connect,url,secret,created,is_enabled,events,failures,failing_since_ms)"
    " VALUES(?,?,?,?,?,1,?,0,0) ON CONFLICT(id) DO UPDATE SET url=excluded.url, secret=excluded.secret,"
    " events=excluded.events, is_enabled=1, failures=0, failing_since_ms=0";
constexpr std::string_view set_url_sql = "UPDATE sbx_endpoint SET url=?, is_enabled=1 WHERE id=?";
constexpr std::string_view known_account_sql =
    "SELECT NOT EXISTS (SELECT 1 FROM sbx_private WHERE id='gone:' || ?1) FROM sbx_object WHERE id=?1 AND "
    "type='account'";
constexpr std::string_view owner_sql = "SELECT account FROM sbx_object WHERE id=?";
constexpr std::string_view unposted_sql =
    "SELECT count(*) FROM sbx_delivery WHERE id BETWEEN ? AND ? AND attempts=0 AND state=0";
constexpr std::string_view call_sql =
    "INSERT INTO sbx_call(at_ms,request_id,method,path,account,status,code,subject) VALUES(?,?,?,?,?,?,?,?)";
constexpr std::string_view forget_call_sql = "DELETE FROM sbx_call WHERE seq=?";

/// Who may make a call: the holder of the secret key; of either key; whoever knows an id or a token (a page in a
/// browser); the holder of the secret key at the controls, where nothing goes wrong and nothing is replayed.
enum class Access : std::uint8_t { secret, either, anybody, control };

struct Answered {
  int status = 200;
  std::string body;
  bool is_replayed = false;
  bool is_withheld = false;
  std::vector<std::int64_t> deliveries;
};

/// One request of the API, copied out of what the server lends.
struct Incoming {
  std::string method;
  std::string path;
  std::string id;
  std::string account;
  Params params{{}};
  std::string request_id;
  std::string idempotency_key;
  std::string version;
  Access access = Access::secret;
  bool is_publishable = false;
  std::uint64_t ordinal = 0;
};

std::string error_body(const ApiError& refused) {
  if (const auto* oauth = refused.error.if_contains("oauth")) {
    return json::serialize(json::object{{"error", *oauth}, {"error_description", refused.error.at("message")}});
  }
  return json::serialize(json::object{{"error", refused.error}});
}

Answered answer_of(Reply reply) {
  if (reply) return {200, json::serialize(*reply)};
  return {reply.error().status, error_body(reply.error())};
}

std::string setting(Database& database, std::string_view name, const std::function<std::string()>& make) {
  auto rows = database.query(setting_sql, name);
  if (rows.next()) return rows.text(0);
  auto made = make();
  database.run(keep_setting_sql, name, made);
  return made;
}

/// The key a request came with: a bearer token, or the user of Basic.
std::string given_key(const Request& request) {
  if (const auto token = request.bearer()) return std::string{*token};
  constexpr std::string_view basic = "Basic ";
  auto header = request.header("authorization").value_or("");
  if (!header.starts_with(basic)) return {};
  header.remove_prefix(basic.size());
  while (header.ends_with('=')) header.remove_suffix(1);
  std::string encoded{header};
  std::ranges::replace(encoded, '+', '-');
  std::ranges::replace(encoded, '/', '_');
  const auto decoded = crypto::from_base64url(encoded);
  if (!decoded) return {};
  const auto text = crypto::text_of(*decoded);
  return std::string{text.substr(0, text.find(':'))};
}

/// Pages carry nothing from elsewhere, are framed by nobody, and may send their forms back to any shop.
Response page_of(std::string body) {
  Response response{200, "text/html; charset=utf-8", std::move(body)};
  response.headers = {{"Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
                       "form-action 'self' http: https:; frame-ancestors 'none'; base-uri 'none'"}};
  return response;
}

Response go_to(std::string url) {
  Response response{303, "text/plain; charset=utf-8", ""};
  response.headers = {{"Location", std::move(url)}};
  return response;
}

Response script_of(std::string_view text) {
  Response response{200, "text/javascript; charset=utf-8", std::string{text}};
  response.headers = {{"Cross-Origin-Resource-Policy", "cross-origin"}};
  return response;
}

/// What a call is told under in the timeline: its payment, else its object.
std::string subject_of(const Incoming& incoming, const Reply& reply) {
  const auto& told = reply ? *reply : reply.error().error;
  if (const auto intent = text_in(told, "payment_intent"); !intent.empty()) return std::string{intent};
  if (const auto* intent = told.if_contains("payment_intent"); intent != nullptr && intent->is_object()) {
    return std::string{text_in(intent->get_object(), "id")};
  }
  if (!incoming.id.empty()) return incoming.id;
  if (const auto intent = incoming.params.text("payment_intent"); !intent.empty()) return std::string{intent};
  return reply ? std::string{text_in(*reply, "id")} : std::string{};
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  for (const auto byte : crypto::random_bytes<4>()) seed = seed << 8 | byte;
  return seed + 1;
}

}  // namespace

struct Sandbox::Impl {
  explicit Impl(SandboxOptions given);

  void add(Verb verb, std::string path, Operation operation, Access access = Access::secret);
  void add_page(Verb verb, std::string path, http::Handler handler);
  void add_routes();
  void add_pages();

  http::Task serve(Request& request, Operation operation, Access access);
  http::Task finish_action(Request& request, Operation operation);
  http::Task show_onboarding(Request& request);
  http::Task finish_onboarding(Request& request);
  http::Task show_authorization(Request& request);
  http::Task answer_authorization(Request& request);
  http::Task drain(Request& request);
  http::Task hold(Request& request);
  http::Task release(Request& request);
  http::Task set_faults(Request& request);
  http::Task advance(Request& request);
  http::Task reset(Request& request);

  [[nodiscard]] Outcome<bool> authorise(const Request& request, const Params& params, Access access) const;
  [[nodiscard]] std::optional<Answered> fault_before(const Incoming& incoming, std::vector<http::Header>& headers);
  asio::awaitable<Answered> carry_out(Incoming incoming, Operation operation);
  asio::awaitable<void> wait_after(const Incoming& incoming, const Answered& answered, bool is_delivered_first);
  Answered in_lane(Database& database, const Incoming& incoming, Operation operation, bool is_delivered_first);
  Answered run_operation(Database& database, const Incoming& incoming, Operation operation, bool is_delivered_first,
                         bool& is_kept);
  [[nodiscard]] Incoming incoming_of(const Request& request, Access access);
  /// Of a page: no key, no faults.
  asio::awaitable<Answered> carry_out_page(Request& request, Operation operation);
  [[nodiscard]] bool is_operator(const Request& request) const;
  [[nodiscard]] domain::Instant now() const;
  [[nodiscard]] std::int64_t now_ms() const { return domain::to_unix_ms(now()); }
  [[nodiscard]] std::string base() const { return "http://" + host_text + ":" + std::to_string(server->port()); }
  void set_url(std::string_view endpoint, const std::string& url);

  SandboxOptions options;
  std::string host_text;
  std::atomic<std::int64_t> clock_offset_ms = 0;
  std::atomic<std::uint64_t> calls = 0;
  Faults faults;
  SandboxKeys keys;
  std::unique_ptr<Lane> lane;
  std::unique_ptr<Dispatcher> dispatcher;
  std::mutex keys_in_use_mutex;
  std::unordered_set<std::string> keys_in_use;
  http::Router router;
  std::unique_ptr<http::Server> server;
  bool is_stopped = false;
};

Sandbox::Impl::Impl(SandboxOptions given)
    : options(std::move(given)), faults(options.seed == 0 ? random_seed() : options.seed, options.profile) {
  if (options.host != "127.0.0.1" && options.host != "::1" && options.host != "localhost") {
    throw std::invalid_argument("the payment sandbox listens on a loopback address only");
  }
  host_text = options.host == "::1" ? "[::1]" : options.host;
  if (!options.clock) {
    options.clock = [] {
      return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    };
  }
  std::filesystem::create_directories(options.folder);
  lane = std::make_unique<Lane>(options.folder / "sandbox.db");
  const auto direct = joined(options.posted_events);
  const auto connect = joined(options.connect_posted_events) + (direct.empty() ? "" : ",") + direct;
  const auto stored = lane->run_blocking<std::array<std::string, 6>>([&](Database& database) {
    std::array kept{setting(database, "secret_key", [] { return "sk_test_sbx_" + random_word(32); }),
                    setting(database, "publishable_key", [] { return "pk_test_sbx_" + random_word(32); }),
                    setting(database, "webhook_secret", [] { return "whsec_sbx_" + random_word(32); }),
                    setting(database, "connect_webhook_secret", [] { return "whsec_sbx_" + random_word(32); }),
                    setting(database, "client_id", [] { return "ca_sbx_" + random_word(24); }),
                    setting(database, "clock_offset_ms", [] { return std::string{"0"}; })};
    const auto now_s = unix_s(options.clock());
    database.run(keep_endpoint_sql, platform_endpoint, 0, options.webhook_url, kept[2], now_s, direct);
    database.run(keep_endpoint_sql, connect_endpoint, 1, options.connect_webhook_url, kept[3], now_s, connect);
    const Params none{{}};
    Call call{.database = database, .faults = faults, .now = options.clock(), .params = none};
    keep_private(call, "client_id", kept[4]);
    return kept;
  });
  keys = {crypto::Secret{std::string_view{stored[0]}}, crypto::Secret{std::string_view{stored[1]}},
          crypto::Secret{std::string_view{stored[2]}}, crypto::Secret{std::string_view{stored[3]}}, stored[4]};
  clock_offset_ms = std::stoll(stored[5]);
  const std::vector<http::FormField> profile{{"profile", options.profile}};
  static_cast<void>(faults.set(profile, now_ms()));
  add_routes();
  add_pages();
  http::ServerOptions listen;
  listen.host = options.host;
  listen.port = options.port;
  listen.threads = options.threads;
  listen.max_connections = 4'096;
  listen.cors_origins = {"*"};
  server = std::make_unique<http::Server>(listen, router);
  dispatcher =
      std::make_unique<Dispatcher>(*lane, faults,
                                   Dispatcher::Options{[this] { return now(); }, options.time_scale, base(),
                                                       options.page_base.empty() ? base() : options.page_base});
  if (options.profile != "prompt" && options.profile != "calm") {
    log::info("payment sandbox: things go wrong by profile and seed",
              {{"profile", options.profile}, {"seed", faults.seed()}});
  }
}

domain::Instant Sandbox::Impl::now() const {
  return options.clock() + std::chrono::milliseconds{clock_offset_ms.load()};
}

void Sandbox::Impl::set_url(std::string_view endpoint, const std::string& url) {
  lane->run_blocking<bool>([&](Database& database) {
    database.run(set_url_sql, url, endpoint);
    return true;
  });
  dispatcher->wake();
}

void Sandbox::Impl::add(Verb verb, std::string path, Operation operation, Access access) {
  add_page(verb, std::move(path),
           [this, operation, access](Request& request) { return serve(request, operation, access); });
}

void Sandbox::Impl::add_page(Verb verb, std::string path, http::Handler handler) {
  http::Route route;
  route.verb = verb;
  route.path_template = std::move(path);
  route.handler = std::move(handler);
  route.doc.is_hidden = true;
  route.options.body_limit_bytes = 512 * 1024;
  route.options.both_slash_forms = true;
  if (route.path_template.contains("{id}")) {
    route.doc.parameters.push_back(http::path_param("id", http::word_text(1, 255)));
  }
  router.add(std::move(route));
}

void Sandbox::Impl::add_routes() {
  add(Verb::POST, "/v1/payment_intents", create_intent);
  add(Verb::GET, "/v1/payment_intents", list_intents);
  add(Verb::GET, "/v1/payment_intents/{id}", retrieve_intent, Access::either);
  add(Verb::POST, "/v1/payment_intents/{id}", update_intent);
  add(Verb::POST, "/v1/payment_intents/{id}/confirm", confirm_intent, Access::either);
  add(Verb::POST, "/v1/payment_intents/{id}/capture", capture_intent);
  add(Verb::POST, "/v1/payment_intents/{id}/cancel", cancel_intent);
  // What a browser reads an intent by: its client secret is in no address.
  add(Verb::POST, "/sandbox/payment_intents/{id}", retrieve_intent, Access::either);
  add(Verb::GET, "/v1/payment_methods/{id}", retrieve_payment_method);
  add(Verb::GET, "/v1/charges", list_charges);
  add(Verb::GET, "/v1/charges/{id}", retrieve_charge);
  add(Verb::POST, "/v1/refunds", create_refund);
  add(Verb::GET, "/v1/refunds", list_refunds);
  add(Verb::GET, "/v1/refunds/{id}", retrieve_refund);
  add(Verb::POST, "/v1/refunds/{id}", update_refund);
  add(Verb::POST, "/v1/refunds/{id}/cancel", cancel_refund);
  add(Verb::POST, "/v1/transfers", create_transfer);
  add(Verb::GET, "/v1/transfers", list_transfers);
  add(Verb::GET, "/v1/transfers/{id}", retrieve_transfer);
  add(Verb::POST, "/v1/transfers/{id}/reversals", create_reversal);
  add(Verb::GET, "/v1/transfers/{id}/reversals", list_reversals);
  add(Verb::GET, "/v1/application_fees", list_fees);
  add(Verb::GET, "/v1/application_fees/{id}", retrieve_fee);
  add(Verb::POST, "/v1/application_fees/{id}/refunds", create_fee_refund);
  add(Verb::GET, "/v1/application_fees/{id}/refunds", list_fee_refunds);
  add(Verb::GET, "/v1/disputes", list_disputes);
  add(Verb::GET, "/v1/disputes/{id}", retrieve_dispute);
  add(Verb::POST, "/v1/disputes/{id}", update_dispute);
  add(Verb::POST, "/v1/disputes/{id}/close", close_dispute);
  add(Verb::GET, "/v1/balance", retrieve_balance);
  add(Verb::GET, "/v1/balance_transactions", list_balance_transactions);
  add(Verb::GET, "/v1/balance_transactions/{id}", retrieve_balance_transaction);
  add(Verb::GET, "/v1/payouts", list_payouts);
  add(Verb::GET, "/v1/payouts/{id}", retrieve_payout);
  add(Verb::GET, "/v1/account", retrieve_own_account);
  add(Verb::POST, "/v1/accounts", sandbox::create_account);
  add(Verb::GET, "/v1/accounts", list_accounts);
  add(Verb::GET, "/v1/accounts/{id}", retrieve_account);
  add(Verb::POST, "/v1/accounts/{id}", update_account);
  add(Verb::DELETE, "/v1/accounts/{id}", delete_account);
  add(Verb::POST, "/v1/accounts/{id}/reject", reject_account);
  add(Verb::POST, "/v1/accounts/{id}/login_links", create_login_link);
  add(Verb::POST, "/v1/account_links", create_account_link);
  add(Verb::GET, "/v1/events", list_events);
  add(Verb::GET, "/v1/events/{id}", retrieve_event);
  add(Verb::POST, "/v1/webhook_endpoints", create_endpoint);
  add(Verb::GET, "/v1/webhook_endpoints", list_endpoints);
  add(Verb::GET, "/v1/webhook_endpoints/{id}", retrieve_endpoint);
  add(Verb::POST, "/v1/webhook_endpoints/{id}", update_endpoint);
  add(Verb::DELETE, "/v1/webhook_endpoints/{id}", delete_endpoint);
  add(Verb::POST, "/oauth/token", exchange_code);
  add(Verb::POST, "/oauth/deauthorize", deauthorize);

  add(Verb::POST, "/__sbx/accounts/{id}", change_account, Access::control);
  add(Verb::POST, "/__sbx/account/{id}/requirements", change_account, Access::control);
  add(Verb::POST, "/__sbx/payment_intents/{id}/settle", settle_intent, Access::control);
  add(Verb::POST, "/__sbx/disputes", open_dispute, Access::control);
  add(Verb::POST, "/__sbx/disputes/{id}/decide", decide_dispute, Access::control);
  add(Verb::POST, "/__sbx/refunds/{id}/fail", fail_refund, Access::control);
  add(Verb::POST, "/__sbx/balance", top_up, Access::control);
  add(Verb::POST, "/__sbx/payouts", create_payout, Access::control);
  add(Verb::POST, "/__sbx/payouts/{id}/fail", fail_payout, Access::control);
  add(Verb::POST, "/__sbx/events/{id}/resend", resend_event, Access::control);
  add(Verb::POST, "/__sbx/events", tell_event, Access::control);
  add(Verb::GET, "/__sbx/snapshot", take_snapshot, Access::control);
  add(Verb::POST, "/__sbx/snapshot", take_snapshot, Access::control);
  add(Verb::GET, "/__sbx/timeline", read_timeline, Access::control);
  add_page(Verb::POST, "/__sbx/drain", [this](Request& request) { return drain(request); });
  add_page(Verb::POST, "/__sbx/hold", [this](Request& request) { return hold(request); });
  add_page(Verb::POST, "/__sbx/release", [this](Request& request) { return release(request); });
  add_page(Verb::POST, "/__sbx/faults", [this](Request& request) { return set_faults(request); });
  add_page(Verb::POST, "/__sbx/clock/advance", [this](Request& request) { return advance(request); });
  add_page(Verb::POST, "/__sbx/reset", [this](Request& request) { return reset(request); });
}

void Sandbox::Impl::add_pages() {
  add_page(Verb::GET, "/sandbox/3ds/{id}", [](Request& request) { return page_of(action_page(request.param("id"))); });
  add_page(Verb::POST, "/sandbox/3ds/{id}/complete",
           [this](Request& request) { return finish_action(request, complete_action); });
  add_page(Verb::POST, "/sandbox/3ds/{id}/fail",
           [this](Request& request) { return finish_action(request, fail_action); });
  add_page(Verb::POST, "/sandbox/3ds/{id}/close", [](Request&) {
    return page_of(plain_page("You left without an answer. The payment still waits for one."));
  });
  add_page(Verb::GET, "/sandbox/onboarding/{id}", [this](Request& request) { return show_onboarding(request); });
  add_page(Verb::POST, "/sandbox/onboarding/{id}", [this](Request& request) { return finish_onboarding(request); });
  add_page(Verb::GET, "/oauth/authorize", [this](Request& request) { return show_authorization(request); });
  add_page(Verb::POST, "/oauth/authorize", [this](Request& request) { return answer_authorization(request); });
  for (const auto* path : {"/v3", "/sandbox/stripe.js"}) {
    add_page(Verb::GET, path, [](Request&) { return script_of(stripe_script()); });
  }
  add_page(Verb::GET, "/sandbox/lab", [](Request&) { return page_of(std::string{lab_page()}); });
  add_page(Verb::GET, "/sandbox/lab.js", [](Request&) { return script_of(lab_script()); });
}

/// True for the publishable key.
Outcome<bool> Sandbox::Impl::authorise(const Request& request, const Params& params, Access access) const {
  auto key = given_key(request);
  if (key.empty()) key = params.text("key");
  if (key.empty()) key = params.text("client_secret").starts_with("sk_") ? params.text("client_secret") : "";
  if (key.empty()) {
    return refuse(401, "invalid_request_error", "", "",
                  "You did not provide an API key. Provide it in the Authorization header, using Bearer auth.");
  }
  if (crypto::constant_time_equal(key, keys.secret_key.text())) return false;
  if (!crypto::constant_time_equal(key, keys.publishable_key.text()) || access == Access::control) {
    return refuse(401, "invalid_request_error", "", "", "Invalid API Key provided.");
  }
  if (access == Access::either) return true;
  return refuse(403, "invalid_request_error", "secret_key_required", "",
                "This API call cannot be made with a publishable API key. Please use a secret API key.");
}

bool Sandbox::Impl::is_operator(const Request& request) const {
  return crypto::constant_time_equal(given_key(request), keys.secret_key.text());
}

Incoming Sandbox::Impl::incoming_of(const Request& request, Access access) {
  Incoming incoming;
  incoming.method = http::word(request.verb);
  incoming.path = request.path;
  incoming.id = request.param("id");
  incoming.account = request.header("stripe-account").value_or("");
  incoming.request_id = "req_" + random_word(14);
  incoming.version = request.header("stripe-version").value_or(stripe_version);
  incoming.access = access;
  if (request.verb == Verb::POST && access != Access::control) {
    incoming.idempotency_key = request.header("idempotency-key").value_or("");
  }
  incoming.ordinal = ++calls;
  return incoming;
}

/// What a rate limiter or an outage answers, before anything else is looked at.
std::optional<Answered> Sandbox::Impl::fault_before(const Incoming& incoming, std::vector<http::Header>& headers) {
  if (incoming.access == Access::control) return std::nullopt;
  if (faults.is_out(now_ms())) {
    auto down = answer_of(refuse(503, "api_error", "", "", "The provider is down."));
    down.is_withheld = incoming.ordinal % 2 == 0;
    return down;
  }
  const auto words = incoming.params.text("metadata[sbx]");
  if (faults.strikes(Fault::rate_limited, incoming.ordinal, incoming.path, words)) {
    headers.push_back({"Stripe-Rate-Limited-Reason", "endpoint-rate"});
    return answer_of(refuse(429, "invalid_request_error", "rate_limit", "", "Request rate limit exceeded."));
  }
  if (faults.strikes(Fault::rate_limited_plain, incoming.ordinal, incoming.path, words)) {
    return answer_of(refuse(429, "invalid_request_error", "rate_limit", "", "Request rate limit exceeded."));
  }
  if (faults.strikes(Fault::lock_timeout, incoming.ordinal, incoming.path, words)) {
    return answer_of(refuse(429, "invalid_request_error", "lock_timeout", "",
                            "This object cannot be accessed right now because another API request or Stripe process is "
                            "currently accessing it."));
  }
  return std::nullopt;
}

http::Task Sandbox::Impl::serve(Request& request, Operation operation, Access access) {
  auto incoming = incoming_of(request, access);
  std::vector<http::Header> headers{{"Request-Id", incoming.request_id}, {"Stripe-Version", incoming.version}};
  Answered answered;
  const bool has_query = request.verb == Verb::GET || request.verb == Verb::DELETE;
  auto fields = http::parse_form(has_query ? request.query_text : request.body, max_params);
  if (!fields) {
    answered = answer_of(invalid("", "", "The parameters are not form-encoded UTF-8, or too many."));
  } else if (incoming.idempotency_key.size() > max_idempotency_key_bytes) {
    answered = answer_of(refuse(400, "idempotency_error", "", "", "Idempotency keys have at most 255 characters."));
  } else {
    const auto is_publishable = authorise(request, Params{*fields}, access);
    // What Stripe.js sends in a body for want of headers.
    for (const auto& [name, value] : *fields) {
      if (name == "_stripe_account" && incoming.account.empty()) incoming.account = value;
    }
    std::erase_if(*fields, [](const auto& field) { return field.first == "key" || field.first == "_stripe_account"; });
    incoming.params = Params{std::move(*fields)};
    if (!is_publishable) {
      answered = answer_of(std::unexpected(is_publishable.error()));
    } else if (auto fault = fault_before(incoming, headers)) {
      answered = std::move(*fault);
    } else {
      incoming.is_publishable = *is_publishable;
      answered = co_await carry_out(incoming, operation);
    }
  }
  if (!incoming.idempotency_key.empty()) headers.push_back({"Idempotency-Key", incoming.idempotency_key});
  if (!incoming.account.empty()) headers.push_back({"Stripe-Account", incoming.account});
  if (answered.is_replayed) headers.push_back({"Idempotent-Replayed", "true"});
  auto response = http::json_response(answered.status, std::move(answered.body));
  response.is_withheld = answered.is_withheld;
  response.headers = std::move(headers);
  co_return response;
}

asio::awaitable<Answered> Sandbox::Impl::carry_out(Incoming incoming, Operation operation) {
  const auto key = incoming.idempotency_key.empty() ? "" : incoming.account + "/" + incoming.idempotency_key;
  if (!key.empty()) {
    const std::lock_guard lock{keys_in_use_mutex};
    if (!keys_in_use.insert(key).second) {
      co_return answer_of(refuse(409, "idempotency_error", "idempotency_key_in_use", "",
                                 "There is currently another in-progress request using this Idempotent Key."));
    }
  }
  Answered answered;
  std::exception_ptr thrown;
  try {
    const bool is_faulty = incoming.access != Access::control && incoming.access != Access::anybody;
    const bool is_delivered_first = is_faulty && faults.strikes(Fault::deliver_first, incoming.ordinal, incoming.path,
                                                                incoming.params.text("metadata[sbx]"));
    answered = co_await lane->run<Answered>([this, incoming, operation, is_delivered_first](Database& database) {
      return in_lane(database, incoming, operation, is_delivered_first);
    });
    // Also where nothing is posted: something may happen later.
    if (incoming.method != "GET") dispatcher->wake();
    if (is_faulty) co_await wait_after(incoming, answered, is_delivered_first);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (!key.empty()) {
    const std::lock_guard lock{keys_in_use_mutex};
    keys_in_use.erase(key);
  }
  if (thrown) std::rethrow_exception(thrown);
  co_return answered;
}

asio::awaitable<void> Sandbox::Impl::wait_after(const Incoming& incoming, const Answered& answered,
                                                bool is_delivered_first) {
  auto delay = faults.api_delay_ms();
  if (faults.strikes(Fault::slow_response, incoming.ordinal, incoming.path, incoming.params.text("metadata[sbx]"))) {
    delay += faults.slow_ms();
  }
  asio::steady_timer timer{co_await asio::this_coro::executor};
  if (delay > 0) {
    timer.expires_after(std::chrono::milliseconds{std::min(delay, max_api_delay_ms)});
    co_await timer.async_wait(asio::use_awaitable);
  }
  if (!is_delivered_first || answered.deliveries.empty()) co_return;
  const auto until = std::chrono::steady_clock::now() + deliver_first_limit;
  while (std::chrono::steady_clock::now() < until) {
    const auto left = co_await lane->run<std::int64_t>([&answered](Database& database) {
      auto rows = database.query(unposted_sql, answered.deliveries.front(), answered.deliveries.back());
      return rows.next() ? rows.number(0) : 0;
    });
    if (left == 0) co_return;
    timer.expires_after(std::chrono::milliseconds{5});
    co_await timer.async_wait(asio::use_awaitable);
  }
}

Answered Sandbox::Impl::in_lane(Database& database, const Incoming& incoming, Operation operation,
                                bool is_delivered_first) {
  const auto now_s = unix_s(now());
  bool is_kept = false;
  if (incoming.idempotency_key.empty())
    return run_operation(database, incoming, operation, is_delivered_first, is_kept);

  const auto key = incoming.account + "/" + incoming.idempotency_key;
  const auto sha =
      crypto::hex(crypto::sha256(incoming.method + ' ' + incoming.path + '?' + incoming.params.canonical()));
  auto rows = database.query(idem_sql, key, now_s - idempotency_s);
  if (rows.next()) {
    if (rows.text(0) != sha) {
      return answer_of(refuse(400, "idempotency_error", "", "",
                              "Keys for idempotent requests can only be used with the same parameters they were first "
                              "used with. Try using another key if you meant to execute a different request."));
    }
    Answered replayed{static_cast<int>(rows.number(1)), rows.text(2), true};
    // A stored answer can be lost on its way too.
    replayed.is_withheld = faults.strikes(Fault::response_lost, incoming.ordinal, incoming.path);
    return replayed;
  }
  auto answered = run_operation(database, incoming, operation, is_delivered_first, is_kept);
  if (is_kept) {
    database.run(keep_idem_sql, key, sha, answered.status, answered.body, now_s);
    database.run(forget_idem_sql, now_s - idempotency_s);
  }
  return answered;
}

Answered Sandbox::Impl::run_operation(Database& database, const Incoming& incoming, Operation operation,
                                      bool is_delivered_first, bool& is_kept) {
  const auto api_base = base();
  const auto& page_base = options.page_base.empty() ? api_base : options.page_base;
  auto account = incoming.account;
  if (incoming.access == Access::anybody && !incoming.id.empty()) {
    auto owner = database.query(owner_sql, incoming.id);
    if (owner.next()) account = owner.text(0);
  } else if (!account.empty()) {
    auto known = database.query(known_account_sql, account);
    if (!known.next() || known.number(0) == 0) {
      return answer_of(refuse(403, "invalid_request_error", "account_invalid", "",
                              "The provided key does not have access to account '" + account +
                                  "' (or that account does not exist). Application access may have been revoked."));
    }
  }
  Call call{.database = database,
            .faults = faults,
            .now = now(),
            .params = incoming.params,
            .id = incoming.id,
            .account = account,
            .is_publishable = incoming.is_publishable,
            .request_id = incoming.request_id,
            .idempotency_key = incoming.idempotency_key,
            .api_base = api_base,
            .page_base = page_base,
            .time_scale = options.time_scale,
            .is_delivered_first = is_delivered_first};
  const auto words = incoming.params.text("metadata[sbx]");
  const bool is_faulty = incoming.access != Access::control && incoming.access != Access::anybody;
  const auto internal_fault = [] {
    return Answered{500, error_body({500, {{"type", "api_error"}, {"message", "An error occurred on our side."}}})};
  };
  if (is_faulty && !incoming.idempotency_key.empty() &&
      faults.strikes(Fault::http_500_undone, incoming.ordinal, incoming.path, words)) {
    is_kept = true;
    return internal_fault();
  }
  auto reply = operation(call);
  is_kept = call.is_begun;
  if (incoming.access != Access::control && (incoming.method != "GET" || !reply)) {
    database.run(call_sql, domain::to_unix_ms(call.now), incoming.request_id, incoming.method, incoming.path, account,
                 reply ? 200 : reply.error().status,
                 reply ? std::string{} : std::string{text_in(reply.error().error, "code")},
                 subject_of(incoming, reply));
    database.run(forget_call_sql, database.last_id() - max_call_rows);
  }
  if (reply) expand(call, *reply);
  auto answered = answer_of(std::move(reply));
  answered.deliveries = std::move(call.deliveries);
  if (!call.is_begun || !is_faulty) return answered;
  if (faults.strikes(Fault::http_500_stored, incoming.ordinal, incoming.path, words)) {
    const auto fault = internal_fault();
    answered.status = fault.status;
    answered.body = fault.body;
  }
  answered.is_withheld = faults.strikes(Fault::response_lost, incoming.ordinal, incoming.path, words);
  return answered;
}

asio::awaitable<Answered> Sandbox::Impl::carry_out_page(Request& request, Operation operation) {
  auto incoming = incoming_of(request, Access::anybody);
  incoming.idempotency_key.clear();
  incoming.account.clear();
  auto fields = http::parse_form(request.verb == Verb::GET ? request.query_text : request.body, max_params);
  if (!fields) co_return answer_of(invalid("", "", "The parameters are not form-encoded UTF-8, or too many."));
  incoming.params = Params{std::move(*fields)};
  co_return co_await carry_out(std::move(incoming), operation);
}

/// What the bank's page does; goes back to the shop where it gave an address.
http::Task Sandbox::Impl::finish_action(Request& request, Operation operation) {
  const bool is_browser = request.wants_page();
  auto answered = co_await carry_out_page(request, operation);
  if (answered.status != 200) co_return http::json_response(answered.status, std::move(answered.body));
  auto intent = json::parse(answered.body).get_object();
  intent.erase("client_secret");
  if (!is_browser) co_return http::json_response(200, json::serialize(intent));
  const auto status = text_in(intent, "status");
  const std::string back{text_in(intent, "sbx_return_url")};
  if (back.starts_with("http://") || back.starts_with("https://")) {
    const bool is_good = is_one_of(status, {"succeeded", "requires_capture", "processing"});
    const auto hash = back.find('#');
    auto url = back.substr(0, hash);
    url += (url.find('?') == std::string::npos ? "?" : "&") +
           http::write_form({{"payment_intent", std::string{text_in(intent, "id")}},
                             {"redirect_status", is_good ? "succeeded" : "failed"}});
    if (hash != std::string::npos) url += back.substr(hash);
    co_return go_to(std::move(url));
  }
  co_return page_of(plain_page("Done: the payment is now " + std::string{status} + ". Go back to the shop."));
}

http::Task Sandbox::Impl::show_onboarding(Request& request) {
  auto answered = co_await carry_out_page(request, open_account_link);
  if (answered.status != 200) co_return http::json_response(answered.status, std::move(answered.body));
  const auto link = json::parse(answered.body).get_object();
  if (const auto refresh = text_in(link, "refresh_url"); !refresh.empty()) co_return go_to(std::string{refresh});
  co_return page_of(onboarding_page(text_in(link, "account"), text_in(link, "session")));
}

http::Task Sandbox::Impl::finish_onboarding(Request& request) {
  auto answered = co_await carry_out_page(request, sandbox::finish_onboarding);
  if (answered.status != 200) co_return http::json_response(answered.status, std::move(answered.body));
  co_return go_to(std::string{text_in(json::parse(answered.body).get_object(), "return_url")});
}

http::Task Sandbox::Impl::show_authorization(Request& request) {
  auto fields = http::parse_form(request.query_text, max_params).value_or(std::vector<http::FormField>{});
  std::erase_if(fields, [](const auto& field) {
    return !is_one_of(field.first, {"client_id", "redirect_uri", "state", "scope"});
  });
  auto answered = co_await carry_out_page(request, check_authorization);
  if (answered.status != 200) co_return http::json_response(answered.status, std::move(answered.body));
  co_return page_of(authorize_page(fields));
}

http::Task Sandbox::Impl::answer_authorization(Request& request) {
  auto answered = co_await carry_out_page(request, sandbox::answer_authorization);
  if (answered.status != 200) co_return http::json_response(answered.status, std::move(answered.body));
  co_return go_to(std::string{text_in(json::parse(answered.body).get_object(), "url")});
}

namespace {

Response not_operator() {
  return http::json_response(401, R"({"error":{"type":"invalid_request_error","message":"Give the secret key."}})");
}

}  // namespace

http::Task Sandbox::Impl::drain(Request& request) {
  if (!is_operator(request)) co_return not_operator();
  const auto drained = co_await dispatcher->drain();
  co_return http::json_response(
      200, json::serialize(json::object{{"delivered", drained.delivered}, {"failed", drained.failed}}));
}

http::Task Sandbox::Impl::hold(Request& request) {
  if (!is_operator(request)) co_return not_operator();
  dispatcher->hold(true);
  co_return http::json_response(200, "{}");
}

http::Task Sandbox::Impl::release(Request& request) {
  if (!is_operator(request)) co_return not_operator();
  if (request.query("order") == "reverse") {
    const std::vector<http::FormField> reverse{{"reorder", "1"}};
    static_cast<void>(faults.set(reverse, now_ms()));
  }
  dispatcher->hold(false);
  co_return http::json_response(200, "{}");
}

http::Task Sandbox::Impl::set_faults(Request& request) {
  if (!is_operator(request)) co_return not_operator();
  const auto fields = http::parse_form(request.body, max_params);
  if (!fields) co_return to_response(http::Problem{400, "bad_form", "The body is not form-encoded."});
  if (const auto bad = faults.set(*fields, now_ms())) {
    co_return to_response(http::Problem{422, "bad_field", "Give a known fault and a number from 0.", *bad});
  }
  dispatcher->wake();
  co_return http::json_response(200, json::serialize(faults.json()));
}

http::Task Sandbox::Impl::advance(Request& request) {
  if (!is_operator(request)) co_return not_operator();
  auto fields = http::parse_form(request.body, max_params);
  const auto seconds = Params{fields.value_or(std::vector<http::FormField>{})}.integer("seconds");
  constexpr std::int64_t year_s = 366LL * 24 * 3600;
  if (!seconds || *seconds < 0 || *seconds > year_s) {
    co_return to_response(http::Problem{422, "bad_field", "Give seconds, at most a year.", "seconds"});
  }
  const auto offset = clock_offset_ms += *seconds * 1000;
  co_await lane->run<bool>([offset](Database& database) {
    database.run(keep_setting_sql, "clock_offset_ms", std::to_string(offset));
    return true;
  });
  dispatcher->wake();
  co_return http::json_response(200, json::serialize(json::object{{"now", domain::text(now())}}));
}

http::Task Sandbox::Impl::reset(Request& request) {
  if (!is_operator(request)) co_return not_operator();
  auto incoming = incoming_of(request, Access::control);
  incoming.params = Params{http::parse_form(request.body, max_params).value_or(std::vector<http::FormField>{})};
  auto answered = co_await carry_out(std::move(incoming), reset_all);
  if (answered.status == 200) {
    clock_offset_ms = 0;
    const std::vector<http::FormField> profile{{"profile", options.profile}};
    static_cast<void>(faults.set(profile, now_ms()));
    dispatcher->hold(false);
  }
  co_return http::json_response(answered.status, std::move(answered.body));
}

Sandbox::Sandbox(SandboxOptions options) : x_impl(std::make_unique<Impl>(std::move(options))) {}

Sandbox::~Sandbox() {
  stop();
}

void Sandbox::start() {
  x_impl->dispatcher->start();
  x_impl->server->start();
}

void Sandbox::stop() {
  if (std::exchange(x_impl->is_stopped, true)) return;
  x_impl->server->stop(stop_limit);
  x_impl->dispatcher->stop();
  x_impl->lane.reset();
}

std::string Sandbox::api_base() const {
  return x_impl->base();
}

const SandboxKeys& Sandbox::keys() const {
  return x_impl->keys;
}

std::uint64_t Sandbox::seed() const {
  return x_impl->faults.seed();
}

void Sandbox::set_webhook_url(std::string url) {
  x_impl->set_url(platform_endpoint, url);
}

void Sandbox::set_connect_webhook_url(std::string url) {
  x_impl->set_url(connect_endpoint, url);
}

std::string Sandbox::create_account(AccountTerms terms) {
  const Params create{{{"country", terms.country},
                       {"default_currency", lower(terms.currency)},
                       {"email", terms.email},
                       {"capabilities[card_payments][requested]", "true"},
                       {"capabilities[transfers][requested]", "true"}}};
  const Params change{{{"charges_enabled", terms.charges_enabled ? "true" : "false"}}};
  auto id = x_impl->lane->run_blocking<std::string>([&](Database& database) {
    Call call{.database = database, .faults = x_impl->faults, .now = x_impl->now(), .params = create};
    const auto account = sandbox::create_account(call);
    if (!account) throw std::runtime_error("payment sandbox: the account was refused");
    std::string made{account->at("id").get_string()};
    Call open{.database = database, .faults = x_impl->faults, .now = x_impl->now(), .params = change, .id = made};
    if (!change_account(open)) throw std::runtime_error("payment sandbox: the account was not changed");
    return made;
  });
  x_impl->dispatcher->wake();
  return id;
}

}  // namespace admit::payment::sandbox

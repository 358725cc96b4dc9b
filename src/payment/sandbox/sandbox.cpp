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
#include "http/server.hpp"
#include "log/log.hpp"
#include "payment/sandbox/api.hpp"
#include "payment/sandbox/dispatcher.hpp"
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

constexpr std::string_view setting_sql = "SELECT value FROM sbx_setting WHERE name=?";
constexpr std::string_view keep_setting_sql = "INSERT INTO sbx_setting(name,value) VALUES(?,?)";
constexpr std::string_view idem_sql = "SELECT request_sha, status, body FROM sbx_idem WHERE key=? AND at > ?";
constexpr std::string_view keep_idem_sql =
    "INSERT OR REPLACE INTO sbx_idem(key,request_sha,status,body,at) VALUES(?,?,?,?,?)";
constexpr std::string_view forget_idem_sql =
    "DELETE FROM sbx_idem WHERE key IN (SELECT key FROM sbx_idem WHERE at <= ? LIMIT 2)";
constexpr std::string_view resend_sql =
    "INSERT INTO sbx_delivery(event_seq,state,due_ms,since_ms,attempts,last_result)"
    " SELECT seq,0,?1,?1,0,'' FROM sbx_event WHERE id=?2";

/// Who may make a call: the holder of the secret key; of either key; or whoever knows the intent's id (the bank's
/// page).
enum class Access : std::uint8_t { secret, either, anybody };

struct Answered {
  int status = 200;
  std::string body;
  bool is_replayed = false;
  bool is_withheld = false;
  bool has_deliveries = false;
};

/// One request of the API, copied out of what the server lends.
struct Incoming {
  std::string method;
  std::string path;
  std::string id;
  Params params{{}};
  std::string request_id;
  std::string idempotency_key;
  std::string version;
  bool is_publishable = false;
};

std::string error_body(const ApiError& refused) {
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

constexpr std::string_view action_page = R"(<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>TEST bank</title>
<style>body{font:18px/1.5 sans-serif;max-width:28em;margin:15vh auto;padding:0 1em}
button{font:inherit;padding:.5em 1em;margin-right:1em}b{background:#fd0;padding:0 .4em}</style>
<p><b>TEST &ndash; no money moves</b><h1>Is it you who pays?</h1>
<form method="post"><button formaction="ACTION/complete">Complete</button>
<button formaction="ACTION/fail">Fail</button></form></html>
)";

}  // namespace

struct Sandbox::Impl {
  explicit Impl(SandboxOptions given);

  void add(Verb verb, std::string path, Operation operation, Access access);
  void add_control(std::string path, http::Task (Impl::*handle)(Request&));
  void add_routes();

  http::Task serve(Request& request, Operation operation, Access access);
  http::Task show_action(Request& request);
  http::Task finish_action(Request& request, Operation operation);
  http::Task drain(Request& request);
  http::Task hold(Request& request);
  http::Task release(Request& request);
  http::Task set_faults(Request& request);
  http::Task advance(Request& request);
  http::Task resend(Request& request);

  [[nodiscard]] Outcome<bool> authorise(const Request& request, const Params& params, Access access) const;
  asio::awaitable<Answered> carry_out(Incoming incoming, Operation operation);
  Answered in_lane(Database& database, const Incoming& incoming, Operation operation);
  Answered run_operation(Database& database, const Incoming& incoming, Operation operation, bool& is_kept);
  [[nodiscard]] bool is_operator(const Request& request) const;
  [[nodiscard]] domain::Instant now() const;
  [[nodiscard]] std::string base() const { return "http://" + host_text + ":" + std::to_string(server->port()); }

  SandboxOptions options;
  std::string host_text;
  std::atomic<std::int64_t> clock_offset_ms = 0;
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

Sandbox::Impl::Impl(SandboxOptions given) : options(std::move(given)) {
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
  const auto stored = lane->run_blocking<std::array<std::string, 3>>([](Database& database) {
    return std::array{setting(database, "secret_key", [] { return "sk_test_sbx_" + random_word(32); }),
                      setting(database, "publishable_key", [] { return "pk_test_sbx_" + random_word(32); }),
                      setting(database, "webhook_secret", [] { return "whsec_sbx_" + random_word(32); })};
  });
  keys = {crypto::Secret{std::string_view{stored[0]}}, crypto::Secret{std::string_view{stored[1]}},
          crypto::Secret{std::string_view{stored[2]}}};
  dispatcher = std::make_unique<Dispatcher>(
      *lane, faults, Dispatcher::Options{[this] { return now(); }, keys.webhook_secret.copy(), options.time_scale});
  dispatcher->set_webhook_url(options.webhook_url);
  add_routes();
  http::ServerOptions listen;
  listen.host = options.host;
  listen.port = options.port;
  listen.threads = options.threads;
  listen.max_connections = 4'096;
  listen.cors_origins = {"*"};
  server = std::make_unique<http::Server>(listen, router);
}

domain::Instant Sandbox::Impl::now() const {
  return options.clock() + std::chrono::milliseconds{clock_offset_ms.load()};
}

void Sandbox::Impl::add(Verb verb, std::string path, Operation operation, Access access) {
  http::Route route;
  route.verb = verb;
  route.path_template = std::move(path);
  route.handler = [this, operation, access](Request& request) {
    return serve(request, operation, access);
  };
  route.doc.is_hidden = true;
  if (route.path_template.contains("{id}")) {
    route.doc.parameters.push_back(http::path_param("id", http::word_text(1, 255)));
  }
  router.add(std::move(route));
}

void Sandbox::Impl::add_control(std::string path, http::Task (Impl::*handle)(Request&)) {
  http::Route route;
  route.verb = Verb::POST;
  route.path_template = std::move(path);
  route.handler = [this, handle](Request& request) {
    return (this->*handle)(request);
  };
  route.doc.is_hidden = true;
  if (route.path_template.contains("{id}")) {
    route.doc.parameters.push_back(http::path_param("id", http::word_text(1, 255)));
  }
  router.add(std::move(route));
}

void Sandbox::Impl::add_routes() {
  add(Verb::POST, "/v1/payment_intents", create_intent, Access::secret);
  add(Verb::GET, "/v1/payment_intents", list_intents, Access::secret);
  add(Verb::GET, "/v1/payment_intents/{id}", retrieve_intent, Access::either);
  add(Verb::POST, "/v1/payment_intents/{id}/confirm", confirm_intent, Access::either);
  add(Verb::POST, "/v1/payment_intents/{id}/cancel", cancel_intent, Access::secret);
  add(Verb::GET, "/v1/charges/{id}", retrieve_charge, Access::secret);
  add(Verb::POST, "/v1/accounts", sandbox::create_account, Access::secret);
  add(Verb::GET, "/v1/accounts/{id}", retrieve_account, Access::secret);
  add(Verb::GET, "/v1/events", list_events, Access::secret);
  add(Verb::GET, "/v1/events/{id}", retrieve_event, Access::secret);
  add(Verb::POST, "/__sbx/accounts/{id}", change_account, Access::secret);

  http::Route page;
  page.path_template = "/sandbox/3ds/{id}";
  page.handler = [this](Request& request) {
    return show_action(request);
  };
  page.doc.is_hidden = true;
  page.doc.parameters.push_back(http::path_param("id", http::word_text(1, 255)));
  router.add(std::move(page));
  for (const auto& [word, operation] :
       std::array<std::pair<std::string_view, Operation>, 2>{{{"complete", complete_action}, {"fail", fail_action}}}) {
    http::Route route;
    route.verb = Verb::POST;
    route.path_template = "/sandbox/3ds/{id}/" + std::string{word};
    route.handler = [this, operation](Request& request) {
      return finish_action(request, operation);
    };
    route.doc.is_hidden = true;
    route.doc.parameters.push_back(http::path_param("id", http::word_text(1, 255)));
    router.add(std::move(route));
  }

  add_control("/__sbx/drain", &Impl::drain);
  add_control("/__sbx/hold", &Impl::hold);
  add_control("/__sbx/release", &Impl::release);
  add_control("/__sbx/faults", &Impl::set_faults);
  add_control("/__sbx/clock/advance", &Impl::advance);
  add_control("/__sbx/events/{id}/resend", &Impl::resend);
}

/// True for the publishable key.
Outcome<bool> Sandbox::Impl::authorise(const Request& request, const Params& params, Access access) const {
  auto key = given_key(request);
  if (key.empty()) key = params.text("key");
  if (key.empty()) {
    return refuse(401, "invalid_request_error", "", "",
                  "You did not provide an API key. Provide it in the Authorization header, using Bearer auth.");
  }
  if (crypto::constant_time_equal(key, keys.secret_key.text())) return false;
  if (!crypto::constant_time_equal(key, keys.publishable_key.text())) {
    return refuse(401, "invalid_request_error", "", "", "Invalid API Key provided.");
  }
  if (access == Access::either) return true;
  return refuse(403, "invalid_request_error", "secret_key_required", "",
                "This API call cannot be made with a publishable API key. Please use a secret API key.");
}

bool Sandbox::Impl::is_operator(const Request& request) const {
  return crypto::constant_time_equal(given_key(request), keys.secret_key.text());
}

http::Task Sandbox::Impl::serve(Request& request, Operation operation, Access access) {
  Incoming incoming;
  incoming.method = http::word(request.verb);
  incoming.path = request.path;
  incoming.id = request.param("id");
  incoming.request_id = "req_" + random_word(14);
  incoming.idempotency_key = request.verb == Verb::POST ? request.header("idempotency-key").value_or("") : "";
  incoming.version = request.header("stripe-version").value_or(stripe_version);

  Answered answered;
  auto fields = http::parse_form(request.verb == Verb::GET ? request.query_text : request.body, max_params);
  if (!fields) {
    answered = answer_of(invalid("", "", "The parameters are not form-encoded UTF-8, or too many."));
  } else if (request.header("stripe-account")) {
    answered = answer_of(invalid("account_invalid", "", "The sandbox takes destination charges only."));
  } else if (incoming.idempotency_key.size() > max_idempotency_key_bytes) {
    answered = answer_of(refuse(400, "idempotency_error", "", "", "Idempotency keys have at most 255 characters."));
  } else {
    incoming.params = Params{std::move(*fields)};
    const auto is_publishable = authorise(request, incoming.params, access);
    if (is_publishable) {
      incoming.is_publishable = *is_publishable;
      answered = co_await carry_out(incoming, operation);
    } else {
      answered = answer_of(std::unexpected(is_publishable.error()));
    }
  }
  auto response = http::json_response(answered.status, std::move(answered.body));
  response.is_withheld = answered.is_withheld;
  response.headers = {{"Request-Id", incoming.request_id}, {"Stripe-Version", incoming.version}};
  if (!incoming.idempotency_key.empty()) response.headers.push_back({"Idempotency-Key", incoming.idempotency_key});
  if (answered.is_replayed) response.headers.push_back({"Idempotent-Replayed", "true"});
  co_return response;
}

asio::awaitable<Answered> Sandbox::Impl::carry_out(Incoming incoming, Operation operation) {
  const auto key = incoming.idempotency_key;
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
    answered = co_await lane->run<Answered>([this, incoming = std::move(incoming), operation](Database& database) {
      return in_lane(database, incoming, operation);
    });
    if (answered.has_deliveries) dispatcher->wake();
    if (const auto delay = std::min(faults.api_delay_ms.load(), max_api_delay_ms); delay > 0) {
      asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::milliseconds{delay}};
      co_await timer.async_wait(asio::use_awaitable);
    }
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

Answered Sandbox::Impl::in_lane(Database& database, const Incoming& incoming, Operation operation) {
  const auto now_s = std::chrono::floor<std::chrono::seconds>(now()).time_since_epoch().count();
  bool is_kept = false;
  if (incoming.idempotency_key.empty()) return run_operation(database, incoming, operation, is_kept);

  const auto sha =
      crypto::hex(crypto::sha256(incoming.method + ' ' + incoming.path + '?' + incoming.params.canonical()));
  auto rows = database.query(idem_sql, incoming.idempotency_key, now_s - idempotency_s);
  if (rows.next()) {
    if (rows.text(0) != sha) {
      return answer_of(refuse(400, "idempotency_error", "", "",
                              "Keys for idempotent requests can only be used with the same parameters they were first "
                              "used with. Try using another key if you meant to execute a different request."));
    }
    return {static_cast<int>(rows.number(1)), rows.text(2), true};
  }
  auto answered = run_operation(database, incoming, operation, is_kept);
  if (is_kept) {
    database.run(keep_idem_sql, incoming.idempotency_key, sha, answered.status, answered.body, now_s);
    database.run(forget_idem_sql, now_s - idempotency_s);
  }
  return answered;
}

Answered Sandbox::Impl::run_operation(Database& database, const Incoming& incoming, Operation operation,
                                      bool& is_kept) {
  const auto api_base = base();
  Call call{.database = database,
            .now = now(),
            .params = incoming.params,
            .id = incoming.id,
            .is_publishable = incoming.is_publishable,
            .request_id = incoming.request_id,
            .idempotency_key = incoming.idempotency_key,
            .api_base = api_base,
            .posted_events = options.posted_events,
            .delivery_delay_ms = faults.delay_ms};
  auto answered = answer_of(operation(call));
  is_kept = call.is_begun;
  answered.has_deliveries = call.has_deliveries;
  if (call.is_begun && Faults::take(faults.http_500_stored)) {
    answered.status = 500;
    answered.body = error_body({500, {{"type", "api_error"}, {"message", "An error occurred on our side."}}});
  }
  answered.is_withheld = call.is_begun && Faults::take(faults.response_lost);
  return answered;
}

http::Task Sandbox::Impl::show_action(Request& request) {
  std::string page{action_page};
  const std::string id{request.param("id")};
  for (auto at = page.find("ACTION"); at != std::string::npos; at = page.find("ACTION", at + id.size())) {
    page.replace(at, 6, "/sandbox/3ds/" + id);
  }
  co_return Response{200, "text/html; charset=utf-8", std::move(page)};
}

/// What the bank's page does; goes back to the shop where it gave an address.
http::Task Sandbox::Impl::finish_action(Request& request, Operation operation) {
  Incoming incoming;
  incoming.method = "POST";
  incoming.path = request.path;
  incoming.id = request.param("id");
  incoming.request_id = "req_" + random_word(14);
  const bool is_browser = request.wants_page();
  auto answered = co_await carry_out(incoming, operation);
  auto body = json::parse(answered.body).get_object();
  if (answered.status != 200) co_return http::json_response(answered.status, std::move(answered.body));
  body.erase("client_secret");
  if (!is_browser) co_return http::json_response(200, json::serialize(body));
  co_return Response{
      200, "text/plain; charset=utf-8",
      "Done: the payment is now " + std::string{body.at("status").get_string()} + ". Go back to the shop."};
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
  if (request.query("order") == "reverse") faults.reorder = 1;
  dispatcher->hold(false);
  co_return http::json_response(200, "{}");
}

http::Task Sandbox::Impl::set_faults(Request& request) {
  if (!is_operator(request)) co_return not_operator();
  const std::array<std::pair<std::string_view, std::atomic<std::int64_t>*>, 9> known{
      {{"delay_ms", &faults.delay_ms},
       {"api_delay_ms", &faults.api_delay_ms},
       {"duplicate", &faults.duplicate},
       {"drop_first", &faults.drop_first},
       {"reorder", &faults.reorder},
       {"bad_signature", &faults.bad_signature},
       {"stale_timestamp", &faults.stale_timestamp},
       {"http_500_stored", &faults.http_500_stored},
       {"response_lost", &faults.response_lost}}};
  auto fields = http::parse_form(request.body, max_params);
  if (!fields) co_return to_response(http::Problem{400, "bad_form", "The body is not form-encoded."});
  const Params params{std::move(*fields)};
  json::object now_set;
  for (const auto& [name, value] : params.fields()) {
    const auto* found = std::ranges::find(known, name, [](const auto& fault) { return fault.first; });
    const auto number = params.integer(name);
    if (found == known.end() || !number || *number < 0) {
      co_return to_response(http::Problem{422, "bad_field", "Give a known fault and a number from 0.", name});
    }
    found->second->store(*number);
  }
  for (const auto& [name, value] : known) now_set[name] = value->load();
  co_return http::json_response(200, json::serialize(now_set));
}

http::Task Sandbox::Impl::advance(Request& request) {
  if (!is_operator(request)) co_return not_operator();
  auto fields = http::parse_form(request.body, max_params);
  const auto seconds = Params{fields.value_or(std::vector<http::FormField>{})}.integer("seconds");
  constexpr std::int64_t year_s = 366LL * 24 * 3600;
  if (!seconds || *seconds < 0 || *seconds > year_s) {
    co_return to_response(http::Problem{422, "bad_field", "Give seconds, at most a year.", "seconds"});
  }
  clock_offset_ms += *seconds * 1000;
  dispatcher->wake();
  co_return http::json_response(200, json::serialize(json::object{{"now", domain::text(now())}}));
}

http::Task Sandbox::Impl::resend(Request& request) {
  if (!is_operator(request)) co_return not_operator();
  const auto now_ms = domain::to_unix_ms(now());
  const bool is_found = co_await lane->run<bool>([id = std::string{request.param("id")}, now_ms](Database& database) {
    database.run(resend_sql, now_ms, id);
    return database.changes() == 1;
  });
  dispatcher->wake();
  if (!is_found) co_return to_response(http::Problem{404, "not_found", "There is no such event."});
  co_return http::json_response(200, "{}");
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

void Sandbox::set_webhook_url(std::string url) {
  x_impl->dispatcher->set_webhook_url(std::move(url));
}

std::string Sandbox::create_account(AccountTerms terms) {
  std::string currency = terms.currency;
  std::ranges::transform(currency, currency.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const Params create{{{"country", terms.country}, {"default_currency", currency}, {"email", terms.email}}};
  const Params change{{{"charges_enabled", terms.charges_enabled ? "true" : "false"}}};
  return x_impl->lane->run_blocking<std::string>([&](Database& database) {
    Call call{.database = database, .now = x_impl->now(), .params = create};
    const auto account = sandbox::create_account(call);
    if (!account) throw std::runtime_error("payment sandbox: the account was refused");
    std::string id{account->at("id").get_string()};
    Call open{.database = database, .now = x_impl->now(), .params = change, .id = id};
    if (!change_account(open)) throw std::runtime_error("payment sandbox: the account was not changed");
    return id;
  });
}

}  // namespace admit::payment::sandbox

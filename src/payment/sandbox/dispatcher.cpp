#include "payment/sandbox/dispatcher.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "log/log.hpp"
#include "payment/sandbox/objects.hpp"
#include "payment/webhook.hpp"

namespace admit::payment::sandbox {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t max_under_way = 32;
constexpr std::int64_t max_drain = 10'000;
constexpr milliseconds post_limit{10'000};
/// Waits after the first, second, ... failure; the last one repeats.
constexpr std::array<std::int64_t, 7> back_off_ms{1'000, 5'000, 30'000, 120'000, 600'000, 1'800'000, 3'600'000};
constexpr std::int64_t give_up_ms = 3LL * 24 * 3600 * 1000;
/// A clock that is not the system's may jump or stand: how often it is looked at while something waits for its time.
constexpr std::int64_t look_far_ms = 200;
constexpr std::int64_t look_near_ms = 20;

/// An endpoint that has failed for so long, and so often, is disabled.
constexpr std::int64_t disable_after_ms = 3LL * 24 * 3600 * 1000;
constexpr std::int64_t disable_after_failures = 20;
constexpr std::int64_t max_attempt_rows = 100'000;
constexpr milliseconds longest_duplicate_wait{10'000};

constexpr std::string_view due_sql =
    "SELECT d.id, d.attempts, d.since_ms, e.type, e.json, w.id, w.url, w.secret, d.faults FROM sbx_delivery d"
    " JOIN sbx_event e ON e.seq = d.event_seq JOIN sbx_endpoint w ON w.id = d.endpoint"
    " WHERE d.state = 0 AND w.is_enabled = 1 AND w.url <> '' AND d.due_ms <= ? ORDER BY d.due_ms, d.id LIMIT ?";
constexpr std::string_view waiting_sql =
    "SELECT d.id, d.attempts, d.since_ms, e.type, e.json, w.id, w.url, w.secret, d.faults FROM sbx_delivery d"
    " JOIN sbx_event e ON e.seq = d.event_seq JOIN sbx_endpoint w ON w.id = d.endpoint"
    " WHERE d.state = 0 AND w.is_enabled = 1 AND w.url <> '' AND d.id > ? AND d.id <= ? ORDER BY d.id LIMIT ?";
constexpr std::string_view next_delivery_sql =
    "SELECT due_ms FROM sbx_delivery WHERE state = 0 AND due_ms > ? ORDER BY due_ms LIMIT 1";
constexpr std::string_view next_action_sql = "SELECT due_ms FROM sbx_action ORDER BY due_ms LIMIT 1";
constexpr std::string_view last_sql = "SELECT coalesce(max(id), 0) FROM sbx_delivery";
constexpr std::string_view result_sql =
    "UPDATE sbx_delivery SET state=?, due_ms=?, attempts=?, last_result=? WHERE id=? AND state=0";
constexpr std::string_view attempt_sql =
    "INSERT INTO sbx_attempt(delivery_id,at_ms,took_ms,result,fault) VALUES(?,?,?,?,?)";
constexpr std::string_view forget_attempt_sql = "DELETE FROM sbx_attempt WHERE seq = ?";
constexpr std::string_view well_sql =
    "UPDATE sbx_endpoint SET failures=0, failing_since_ms=0 WHERE id=? AND failures>0";
constexpr std::string_view ill_sql =
    "UPDATE sbx_endpoint SET failures=failures+1,"
    " failing_since_ms=CASE WHEN failing_since_ms=0 THEN ?1 ELSE failing_since_ms END,"
    " is_enabled=CASE WHEN failures+1>=?2 AND failing_since_ms>0 AND ?1-failing_since_ms>=?3 THEN 0 ELSE is_enabled END"
    " WHERE id=?4";

constexpr std::string_view foreign_secret = "whsec_sbx_of_somebody_else";

json::object parsed(const std::string& payload) {
  return std::move(json::parse(payload).get_object());
}

std::string with_old_version(const std::string& payload) {
  auto event = parsed(payload);
  event["api_version"] = "2023-08-16";
  return json::serialize(event);
}

/// The same event as another serialiser would write it: other order, other white space.
std::string reformatted(const std::string& payload) {
  const auto event = parsed(payload);
  std::vector<std::string> lines;
  for (const auto& [name, value] : event) {
    lines.insert(lines.begin(), "  " + json::serialize(json::value(name)) + " : " + json::serialize(value));
  }
  std::string text = "{\n";
  for (std::size_t i = 0; i < lines.size(); ++i) text += lines[i] + (i + 1 < lines.size() ? ",\n" : "\n");
  return text + "}\n";
}

std::string of_live_mode(const std::string& payload) {
  auto event = parsed(payload);
  event["id"] = fresh_id("evt");
  event["livemode"] = true;
  event.at("data").at("object").get_object()["livemode"] = true;
  return json::serialize(event);
}

std::string of_nobody_we_know(const std::string& payload) {
  auto event = parsed(payload);
  event["id"] = fresh_id("evt");
  event["account"] = "acct_1SbxNobody";
  auto& object = event.at("data").at("object").get_object();
  object["id"] = fresh_id("pi");
  object["metadata"] = json::object{};
  if (object.contains("payment_intent")) object["payment_intent"] = fresh_id("pi");
  return json::serialize(event);
}

std::string thin(const std::string& payload, domain::Instant now) {
  const auto event = parsed(payload);
  const auto& object = event.at("data").at("object").get_object();
  const auto type = text_in(object, "object");
  const auto id = text_in(object, "id");
  return json::serialize(json::object{
      {"id", fresh_id("evt")},
      {"object", "v2.core.event"},
      {"created", domain::text(now)},
      {"livemode", false},
      {"related_object", {{"id", id}, {"type", type}, {"url", "/v1/" + std::string{type} + "s/" + std::string{id}}}},
      {"type", "v1." + std::string{text_in(event, "type")}}});
}

}  // namespace

Dispatcher::Dispatcher(Lane& lane, Faults& faults, Options options)
    : x_lane(lane),
      x_faults(faults),
      x_options(std::move(options)),
      x_client(std::make_unique<http::Client>(http::ClientOptions{.max_connections_per_origin = max_under_way})),
      x_guard(x_context.get_executor()),
      x_wake(x_context) {}

Dispatcher::~Dispatcher() {
  stop();
}

void Dispatcher::start() {
  asio::co_spawn(x_context, run(), [](std::exception_ptr thrown) {
    if (thrown) log::error("payment sandbox: posting webhooks ended");
  });
  x_thread = std::thread{[this] {
    x_context.run();
  }};
}

void Dispatcher::stop() {
  if (x_is_stopping.exchange(true)) return;
  asio::post(x_context, [this] {
    x_client.reset();  // ends the posts under way
    x_wake.cancel();
  });
  x_guard.reset();
  if (x_thread.joinable()) x_thread.join();
}

void Dispatcher::wake() {
  if (x_is_wake_posted.exchange(true)) return;
  asio::post(x_context, [this] {
    x_is_wake_posted = false;
    look_again();
  });
}

void Dispatcher::hold(bool is_held) {
  asio::post(x_context, [this, is_held] {
    x_is_held = is_held;
    look_again();
  });
}

void Dispatcher::look_again() {
  x_is_awake = true;
  x_wake.cancel();
}

asio::awaitable<void> Dispatcher::run() {
  while (!x_is_stopping) {
    x_is_awake = false;
    Due due;
    try {
      const auto now_ms = domain::to_unix_ms(x_options.now());
      if (x_faults.is_out(now_ms)) {
        due.next_ms = x_faults.out_until_ms();
      } else if (x_under_way.size() < max_under_way) {
        due = co_await load_due();
        if (x_is_held) due.deliveries.clear();
      }
    } catch (const std::exception& thrown) {
      log::error("payment sandbox: looking for deliveries failed", {{"reason", thrown.what()}});
      due.next_ms = 1;
    }
    if (due.deliveries.size() > 1 && x_faults.take(Fault::reorder)) std::ranges::reverse(due.deliveries);
    for (auto& delivery : due.deliveries) {
      x_under_way.insert(delivery.id);
      asio::co_spawn(x_context, attempt(std::move(delivery)), asio::detached);
    }
    co_await pause(due);
  }
}

/// Until woken, or until the next delivery may be due.
asio::awaitable<void> Dispatcher::pause(const Due& due) {
  if (x_is_awake || x_is_stopping) co_return;
  if (due.next_ms == 0) {
    x_wake.expires_at(asio::steady_timer::time_point::max());
  } else {
    const auto left = due.next_ms - domain::to_unix_ms(x_options.now());
    x_wake.expires_after(milliseconds{left > 1000 ? look_far_ms : std::clamp<std::int64_t>(left, 5, look_near_ms)});
  }
  boost::system::error_code cancelled;
  co_await x_wake.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

Dispatcher::Delivery Dispatcher::read_delivery(const Cursor& row) {
  return {row.number(0), row.number(1), row.number(2), row.text(3), row.text(4),
          row.text(5),   row.text(6),   row.text(7),   row.text(8)};
}

asio::awaitable<Dispatcher::Due> Dispatcher::load_due() {
  const auto now = x_options.now();
  const auto under_way = x_under_way.size();
  auto due = co_await x_lane.run<Due>([this, now, under_way](Database& database) {
    const auto now_ms = domain::to_unix_ms(now);
    const Params none{{}};
    Call call{.database = database,
              .faults = x_faults,
              .now = now,
              .params = none,
              .api_base = x_options.api_base,
              .page_base = x_options.page_base,
              .time_scale = x_options.time_scale};
    const bool has_more_actions = run_due_actions(call);
    Due found;
    auto rows = database.query(due_sql, now_ms, static_cast<std::int64_t>(max_under_way + under_way));
    while (rows.next()) found.deliveries.push_back(read_delivery(rows));
    auto next = database.query(next_delivery_sql, now_ms);
    if (next.next()) found.next_ms = next.number(0);
    auto action = database.query(next_action_sql);
    if (action.next() && (found.next_ms == 0 || action.number(0) < found.next_ms)) found.next_ms = action.number(0);
    if (has_more_actions) found.next_ms = now_ms;
    return found;
  });
  std::erase_if(due.deliveries, [this](const Delivery& delivery) { return x_under_way.contains(delivery.id); });
  const auto room = max_under_way - std::min(max_under_way, x_under_way.size());
  if (due.deliveries.size() > room) due.deliveries.resize(room);
  co_return due;
}

asio::awaitable<http::ClientResult> Dispatcher::post_once(const Delivery& delivery, std::string payload,
                                                          std::string signature) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = delivery.url;
  request.headers = {{"Content-Type", "application/json; charset=utf-8"},
                     {"Stripe-Signature", std::move(signature)},
                     {"User-Agent", "Stripe/1.0 (sandbox)"}};
  request.body = std::move(payload);
  request.total_limit = post_limit;
  request.max_reply_bytes = 64 * 1024;
  request.is_repeatable = true;
  return x_client->send(std::move(request));
}

asio::awaitable<Dispatcher::Posted> Dispatcher::post(const Delivery& delivery) {
  Posted posted;
  const auto ordinal = static_cast<std::uint64_t>(delivery.id) * 1024 + static_cast<std::uint64_t>(delivery.attempts);
  // What was ordered for this message happens to its first attempt.
  const std::string words = delivery.attempts == 0 ? delivery.faults : std::string{};
  const auto strikes = [&](Fault fault) {
    if (!x_faults.strikes(fault, ordinal, delivery.type, words)) return false;
    posted.faults += (posted.faults.empty() ? "" : ",") + std::string{word(fault)};
    return true;
  };
  if (delivery.url.empty()) {
    posted.result = "no_url";
    co_return posted;
  }
  if (strikes(Fault::drop_first)) {
    posted.result = "dropped";
    co_return posted;
  }
  auto at_s = std::chrono::floor<std::chrono::seconds>(x_options.now()).time_since_epoch().count();
  if (strikes(Fault::stale_timestamp)) at_s -= 3600;
  auto payload = delivery.payload;
  if (strikes(Fault::old_api_version)) payload = with_old_version(payload);
  if (strikes(Fault::reformatted)) payload = reformatted(payload);
  const auto own = crypto::bytes_of(delivery.secret);
  const auto foreign = crypto::bytes_of(foreign_secret);
  auto signature = signature_header(strikes(Fault::bad_signature) ? foreign : own, payload, at_s);
  if (strikes(Fault::two_v1)) {
    const auto other = signature_header(foreign, payload, at_s);
    signature = other + signature.substr(signature.find(','));
  }
  if (strikes(Fault::extra_v0)) {
    const auto other = signature_header(foreign, payload, at_s);
    signature += ",v0=" + other.substr(other.find("v1=") + 3);
  }
  std::vector<std::string> others;
  if (strikes(Fault::wrong_livemode)) others.push_back(of_live_mode(delivery.payload));
  if (strikes(Fault::foreign_event)) others.push_back(of_nobody_we_know(delivery.payload));
  if (strikes(Fault::thin_event)) others.push_back(thin(delivery.payload, x_options.now()));
  const auto fresh_s = std::chrono::floor<std::chrono::seconds>(x_options.now()).time_since_epoch().count();
  for (auto& other : others) {
    if (x_is_stopping) break;
    auto signed_by_us = signature_header(own, other, fresh_s);
    static_cast<void>(co_await post_once(delivery, std::move(other), std::move(signed_by_us)));
  }
  const int times = strikes(Fault::duplicate) ? 2 : 1;
  http::ClientResult reply;
  for (int i = 0; i < times; ++i) {
    if (i > 0) {
      asio::steady_timer pause{x_context,
                               std::min(milliseconds{x_faults.duplicate_after_ms()}, longest_duplicate_wait)};
      co_await pause.async_wait(asio::use_awaitable);
    }
    if (x_is_stopping) {
      posted.result = "stopped";
      co_return posted;
    }
    reply = co_await post_once(delivery, payload, signature);
  }
  posted.result = reply ? std::to_string(reply->status) : std::string{http::word(reply.error().fault)};
  co_return posted;
}

asio::awaitable<bool> Dispatcher::attempt(Delivery delivery) {
  bool is_delivered = false;
  try {
    const auto began_ms = domain::to_unix_ms(x_options.now());
    const auto began = std::chrono::steady_clock::now();
    const auto posted = co_await post(delivery);
    if (posted.result == "stopped") co_return false;
    is_delivered = posted.result.size() == 3 && posted.result.starts_with('2');
    const auto took_ms = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began).count();
    const auto attempts = delivery.attempts + 1;
    const auto now_ms = domain::to_unix_ms(x_options.now());
    const auto wait = static_cast<double>(
        back_off_ms[std::min<std::size_t>(static_cast<std::size_t>(delivery.attempts), back_off_ms.size() - 1)]);
    const auto due_ms = now_ms + static_cast<std::int64_t>(wait * x_options.time_scale);
    const int state = is_delivered ? 1 : (now_ms - delivery.since_ms >= give_up_ms ? 2 : 0);
    log::debug("payment sandbox: webhook posted",
               {{"type", delivery.type}, {"result", posted.result}, {"attempt", attempts}, {"fault", posted.faults}});
    static_cast<void>(
        co_await x_lane.run<bool>([=, id = delivery.id, endpoint = delivery.endpoint](Database& database) {
          database.run(result_sql, state, due_ms, attempts, posted.result, id);
          database.run(attempt_sql, id, began_ms, took_ms, posted.result, posted.faults);
          database.run(forget_attempt_sql, database.last_id() - max_attempt_rows);
          if (is_delivered) {
            database.run(well_sql, endpoint);
          } else {
            database.run(ill_sql, now_ms, disable_after_failures, disable_after_ms, endpoint);
          }
          return true;
        }));
  } catch (const std::exception& thrown) {
    log::error("payment sandbox: a delivery failed", {{"reason", thrown.what()}});
  }
  x_under_way.erase(delivery.id);
  look_again();
  co_return is_delivered;
}

asio::awaitable<Dispatcher::Drained> Dispatcher::drain() {
  co_return co_await asio::co_spawn(x_context, drain_here(), asio::use_awaitable);
}

asio::awaitable<Dispatcher::Drained> Dispatcher::drain_here() {
  const auto last_id = co_await x_lane.run<std::int64_t>([](Database& database) {
    auto rows = database.query(last_sql);
    return rows.next() ? rows.number(0) : 0;
  });
  Drained drained;
  std::int64_t after = 0;
  // One after the other: whoever drains wants one order of events. What is under way already is waited for.
  while (drained.delivered + drained.failed < max_drain && !x_is_stopping) {
    auto next = co_await x_lane.run<Due>([after, last_id](Database& database) {
      Due found;
      auto rows = database.query(waiting_sql, after, last_id, 1);
      if (rows.next()) found.deliveries.push_back(read_delivery(rows));
      return found;
    });
    if (next.deliveries.empty()) break;
    auto& delivery = next.deliveries.front();
    if (x_under_way.contains(delivery.id)) {
      asio::steady_timer soon{x_context, milliseconds{2}};
      co_await soon.async_wait(asio::use_awaitable);
      continue;
    }
    after = delivery.id;
    x_under_way.insert(delivery.id);
    const bool is_delivered = co_await attempt(std::move(delivery));
    ++(is_delivered ? drained.delivered : drained.failed);
  }
  co_return drained;
}

}  // namespace admit::payment::sandbox

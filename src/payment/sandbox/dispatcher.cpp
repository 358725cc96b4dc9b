#include "payment/sandbox/dispatcher.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "log/log.hpp"
#include "payment/webhook.hpp"

namespace admit::payment::sandbox {

namespace asio = boost::asio;
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

constexpr std::string_view due_sql =
    "SELECT d.id, d.attempts, d.since_ms, e.type, e.json FROM sbx_delivery d JOIN sbx_event e ON e.seq = d.event_seq"
    " WHERE d.state = 0 AND d.due_ms <= ? ORDER BY d.due_ms, d.id LIMIT ?";
constexpr std::string_view next_sql =
    "SELECT due_ms FROM sbx_delivery WHERE state = 0 AND due_ms > ? ORDER BY due_ms LIMIT 1";
constexpr std::string_view waiting_sql =
    "SELECT d.id, d.attempts, d.since_ms, e.type, e.json FROM sbx_delivery d JOIN sbx_event e ON e.seq = d.event_seq"
    " WHERE d.state = 0 AND d.id > ? AND d.id <= ? ORDER BY d.id LIMIT ?";
constexpr std::string_view last_sql = "SELECT coalesce(max(id), 0) FROM sbx_delivery";
constexpr std::string_view result_sql =
    "UPDATE sbx_delivery SET state=?, due_ms=?, attempts=?, last_result=? WHERE id=? AND state=0";

}  // namespace

bool Faults::take(std::atomic<std::int64_t>& count) {
  auto left = count.load();
  while (left > 0 && !count.compare_exchange_weak(left, left - 1)) {
  }
  return left > 0;
}

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

void Dispatcher::set_webhook_url(std::string url) {
  asio::post(x_context, [this, url = std::move(url)]() mutable {
    x_url = std::move(url);
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
      if (!x_is_held && !x_url.empty() && x_under_way.size() < max_under_way) due = co_await load_due();
    } catch (const std::exception& thrown) {
      log::error("payment sandbox: looking for deliveries failed", {{"reason", thrown.what()}});
      due.next_ms = 1;
    }
    if (due.deliveries.size() > 1 && Faults::take(x_faults.reorder)) std::ranges::reverse(due.deliveries);
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

asio::awaitable<Dispatcher::Due> Dispatcher::load_due() {
  const auto now_ms = domain::to_unix_ms(x_options.now());
  const auto under_way = x_under_way.size();
  auto due = co_await x_lane.run<Due>([now_ms, under_way](Database& database) {
    Due found;
    auto rows = database.query(due_sql, now_ms, static_cast<std::int64_t>(max_under_way + under_way));
    while (rows.next()) {
      found.deliveries.push_back({rows.number(0), rows.number(1), rows.number(2), rows.text(3), rows.text(4)});
    }
    auto next = database.query(next_sql, now_ms);
    if (next.next()) found.next_ms = next.number(0);
    return found;
  });
  std::erase_if(due.deliveries, [this](const Delivery& delivery) { return x_under_way.contains(delivery.id); });
  const auto room = max_under_way - std::min(max_under_way, x_under_way.size());
  if (due.deliveries.size() > room) due.deliveries.resize(room);
  co_return due;
}

/// What came of it: "200", "500", "timed_out", ...
asio::awaitable<std::string> Dispatcher::post(const Delivery& delivery) {
  if (x_url.empty()) co_return "no_webhook_url";
  if (Faults::take(x_faults.drop_first)) co_return "dropped";
  auto at_s = std::chrono::floor<std::chrono::seconds>(x_options.now()).time_since_epoch().count();
  if (Faults::take(x_faults.stale_timestamp)) at_s -= 3600;
  const auto secret = Faults::take(x_faults.bad_signature) ? crypto::bytes_of("whsec_sbx_of_somebody_else")
                                                           : x_options.webhook_secret.bytes();
  http::ClientRequest request;
  request.method = "POST";
  request.url = x_url;
  request.headers = {{"Content-Type", "application/json; charset=utf-8"},
                     {"Stripe-Signature", signature_header(secret, delivery.payload, at_s)},
                     {"User-Agent", "Stripe/1.0 (sandbox)"}};
  request.body = delivery.payload;
  request.total_limit = post_limit;
  request.max_reply_bytes = 64 * 1024;
  request.is_repeatable = true;
  const int times = Faults::take(x_faults.duplicate) ? 2 : 1;
  http::ClientResult reply;
  for (int i = 0; i < times; ++i) {
    if (x_is_stopping) co_return "stopped";
    reply = co_await x_client->send(request);
  }
  co_return reply ? std::to_string(reply->status) : std::string{http::word(reply.error().fault)};
}

asio::awaitable<bool> Dispatcher::attempt(Delivery delivery) {
  bool is_delivered = false;
  try {
    const auto result = co_await post(delivery);
    if (result == "stopped") co_return false;
    is_delivered = result.size() == 3 && result.starts_with('2');
    const auto attempts = delivery.attempts + 1;
    const auto now_ms = domain::to_unix_ms(x_options.now());
    const auto wait = static_cast<double>(
        back_off_ms[std::min<std::size_t>(static_cast<std::size_t>(delivery.attempts), back_off_ms.size() - 1)]);
    const auto due_ms = now_ms + static_cast<std::int64_t>(wait * x_options.time_scale);
    const int state = is_delivered ? 1 : (now_ms - delivery.since_ms >= give_up_ms ? 2 : 0);
    log::debug("payment sandbox: webhook posted", {{"type", delivery.type}, {"result", result}, {"attempt", attempts}});
    static_cast<void>(co_await x_lane.run<bool>([=, id = delivery.id](Database& database) {
      database.run(result_sql, state, due_ms, attempts, result, id);
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
      if (rows.next()) {
        found.deliveries.push_back({rows.number(0), rows.number(1), rows.number(2), rows.text(3), rows.text(4)});
      }
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

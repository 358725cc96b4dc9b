#pragma once
// Inside the sandbox: posts what is due to the webhook address, signed, until it is taken or three days have passed.

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "crypto/secret.hpp"
#include "domain/instant.hpp"
#include "http/client.hpp"
#include "payment/sandbox/lane.hpp"

namespace admit::payment::sandbox {

/// What goes wrong on purpose. Counts say how many of the next ones it happens to.
struct Faults {
  std::atomic<std::int64_t> delay_ms = 0;         ///< added to every delivery's due time
  std::atomic<std::int64_t> api_delay_ms = 0;     ///< every answer waits this long
  std::atomic<std::int64_t> duplicate = 0;        ///< deliveries posted twice
  std::atomic<std::int64_t> drop_first = 0;       ///< attempts that fail unsent
  std::atomic<std::int64_t> reorder = 0;          ///< above 0: what is due goes newest first
  std::atomic<std::int64_t> bad_signature = 0;    ///< attempts signed with another secret
  std::atomic<std::int64_t> stale_timestamp = 0;  ///< attempts signed an hour ago
  std::atomic<std::int64_t> http_500_stored = 0;  ///< writes done, answered 500, and that answer kept
  std::atomic<std::int64_t> response_lost = 0;    ///< writes done, the connection closed without an answer

  /// Uses up one of `count`; false when there is none left.
  static bool take(std::atomic<std::int64_t>& count);
};

class Dispatcher {
 public:
  struct Options {
    std::function<domain::Instant()> now;
    crypto::Secret webhook_secret;
    double time_scale = 1.0;
  };
  Dispatcher(Lane& lane, Faults& faults, Options options);
  /// stop().
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  void start();
  /// Gives up what is under way; it stays due. Idempotent.
  void stop();

  // Any thread:
  /// Something new may be due.
  void wake();
  void set_webhook_url(std::string url);
  /// Nothing is posted while held, but by drain().
  void hold(bool is_held);
  /// Posts everything that waits, once, whatever its due time; after the answers: how many were delivered and how many
  /// were not. At most 10,000.
  struct Drained {
    std::int64_t delivered = 0;
    std::int64_t failed = 0;
  };
  [[nodiscard]] boost::asio::awaitable<Drained> drain();

 private:
  struct Delivery {
    std::int64_t id = 0;
    std::int64_t attempts = 0;
    std::int64_t since_ms = 0;
    std::string type;
    std::string payload;
  };
  /// What is due, and when the next one is (0 when nothing waits).
  struct Due {
    std::vector<Delivery> deliveries;
    std::int64_t next_ms = 0;
  };
  /// On the dispatcher's thread, in the same step as the change it is to see: a wake() posted earlier may be spent.
  void look_again();
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> pause(const Due& due);
  boost::asio::awaitable<Due> load_due();
  boost::asio::awaitable<bool> attempt(Delivery delivery);
  boost::asio::awaitable<std::string> post(const Delivery& delivery);
  boost::asio::awaitable<Drained> drain_here();

  Lane& x_lane;
  Faults& x_faults;
  Options x_options;
  std::unique_ptr<http::Client> x_client;
  boost::asio::io_context x_context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> x_guard;
  boost::asio::steady_timer x_wake;
  std::unordered_set<std::int64_t> x_under_way;
  std::string x_url;
  bool x_is_held = false;
  bool x_is_awake = false;
  std::atomic<bool> x_is_stopping = false;
  std::atomic<bool> x_is_wake_posted = false;
  std::thread x_thread;
};

}  // namespace admit::payment::sandbox

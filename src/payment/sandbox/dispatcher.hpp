#pragma once
// Inside the sandbox: lets happen what is due, and posts what is due to the endpoints, signed, until it is taken or
// three days have passed.

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

#include "domain/instant.hpp"
#include "http/client.hpp"
#include "payment/sandbox/faults.hpp"
#include "payment/sandbox/lane.hpp"

namespace admit::payment::sandbox {

class Dispatcher {
 public:
  struct Options {
    std::function<domain::Instant()> now;
    /// Of the waits between attempts.
    double time_scale = 1.0;
    std::string api_base = {};
    std::string page_base = {};
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
    std::string endpoint;
    std::string url;
    std::string secret;
    std::string faults;  ///< ordered for this message
  };
  struct Posted {
    std::string result;  ///< "200", "500", "timed_out", ...
    std::string faults;  ///< what was done to it, commas between
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
  boost::asio::awaitable<Posted> post(const Delivery& delivery);
  boost::asio::awaitable<http::ClientResult> post_once(const Delivery& delivery, std::string payload,
                                                       std::string signature);
  [[nodiscard]] static Delivery read_delivery(const Cursor& row);
  boost::asio::awaitable<Drained> drain_here();

  Lane& x_lane;
  Faults& x_faults;
  Options x_options;
  std::unique_ptr<http::Client> x_client;
  boost::asio::io_context x_context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> x_guard;
  boost::asio::steady_timer x_wake;
  std::unordered_set<std::int64_t> x_under_way;
  bool x_is_held = false;
  bool x_is_awake = false;
  std::atomic<bool> x_is_stopping = false;
  std::atomic<bool> x_is_wake_posted = false;
  std::thread x_thread;
};

}  // namespace admit::payment::sandbox

#pragma once
// The HTTP/1.1 server: N I/O threads with an acceptor each, nothing shared on the way of a request.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/address.hpp"
#include "http/rate_limit.hpp"
#include "http/router.hpp"

namespace admit::http {

struct ServerOptions {
  std::string host = "127.0.0.1";
  /// 0 picks a free one.
  std::uint16_t port = 0;
  unsigned threads = 2;
  std::size_t max_connections = 10'000;
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_headers = 100;
  std::size_t max_target_bytes = 8 * 1024;
  std::chrono::milliseconds idle_limit{60'000};
  std::chrono::milliseconds header_limit{10'000};
  std::chrono::milliseconds body_limit{30'000};
  std::chrono::milliseconds write_limit{30'000};
  /// How often time limits are looked at.
  std::chrono::milliseconds tick{250};
  /// Origins whose pages may call us: exact (`https://tickets.example`), or `*`. Credentials are never allowed them.
  std::vector<std::string> cors_origins;
  /// Whose X-Forwarded-For is believed: see client_of.
  std::vector<Network> trusted_proxies;
  std::optional<RateLimitOptions> rate_limits;
  /// PEM files; with them the server speaks TLS 1.2 and 1.3 alone. Looked at every second, read again when they change.
  std::string tls_certificate_file;
  std::string tls_key_file;
  /// Customers reach us under https: told to browsers, which then take nothing else for a year.
  bool is_https = false;
  /// Tells the exceptions of handlers that mean "something we need is away": answered 503 instead of 500.
  std::function<bool(const std::exception&)> means_unavailable;
  /// Every request at info, not only at debug.
  bool access_log = false;
};

/// Upper bounds of the duration buckets, in seconds; one more bucket holds the rest.
inline constexpr std::array<double, 10> duration_bounds_s{0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                          0.025,  0.1,   0.5,    1.0,   5.0};

struct RouteStats {
  const Route* route = nullptr;             ///< null: what no route answered
  std::array<std::uint64_t, 6> by_class{};  ///< [2]: answers 2xx
  std::array<std::uint64_t, duration_bounds_s.size() + 1> by_duration{};
  double duration_sum_s = 0;
};

struct ServerStats {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;  ///< connections over the bound
  std::uint64_t open = 0;
  std::uint64_t limited = 0;  ///< requests answered 429 by the rate limits
  std::vector<RouteStats> routes;
};

class Server {
 public:
  /// Binds and listens (std::system_error when it cannot, std::runtime_error for files of TLS that cannot be used).
  /// `router` outlives the server and is filled before start(), with which threads begin.
  Server(ServerOptions options, const Router& router);
  /// Stops without waiting for requests under way, if stop() has not been called.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  void start();
  /// Stops accepting, answers every request that has arrived with `Connection: close`, joins the threads.
  /// After `limit` the rest is dropped. What handlers wait for (lanes, pools) must be stopped after this returns
  /// and before the server is destroyed. True when nothing had to be dropped.
  bool stop(std::chrono::milliseconds limit);
  /// A snapshot; callable from any thread.
  [[nodiscard]] ServerStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> x_impl;
};

}  // namespace admit::http

#pragma once
// How many requests an address and a caller may make in a minute, told in the headers of
// draft-ietf-httpapi-ratelimit-headers-10.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/short_hash.hpp"
#include "http/address.hpp"
#include "http/router.hpp"

namespace admit::http {

/// What kind of work a route is.
enum class RouteClass : std::uint8_t {
  exempt,   ///< probes, and providers whose messages are signed
  sign_in,  ///< anybody may try: accounts, passwords, links of a mail
  write,
  read,
  scan,  ///< at a door
};
inline constexpr std::size_t route_class_count = 5;

/// Requests in 60 seconds by RouteClass; 0: any number. All of them may come at once, then they come back evenly.
using Quotas = std::array<std::int64_t, route_class_count>;

struct RateLimitOptions {
  /// IPv4 by address, IPv6 by /64: who has one address there has all of them.
  Quotas address{};
  /// An account, a key or a gate, over all its addresses.
  Quotas caller{};
  std::function<RouteClass(const Route&)> class_of;
  /// A text that names who calls, proven by the request; "" for nobody. Called on I/O threads.
  std::function<std::string(const Request&)> caller_of;
  /// How many callers and addresses are known at a time, rounded up to a power of two; 16 bytes each. Where more come,
  /// those that used least of their quota begin anew.
  std::size_t capacity = 1 << 16;
};

/// How a request stands with the tighter of its quotas.
struct Standing {
  RouteClass kind = RouteClass::exempt;
  bool has_caller = false;  ///< `caller` counts too
  bool is_caller = false;   ///< it is the caller's quota that `left` and `reset_s` tell of
  bool is_refused = false;
  std::int64_t left = 0;
  std::int64_t reset_s = 0;  ///< until all of it is there again
  int retry_after_s = 0;
};

class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RateLimiter(RateLimitOptions options);
  /// Counts a request. Thread-safe; some hundred nanoseconds, no allocation but what `caller_of` makes.
  [[nodiscard]] Standing take(RouteClass kind, const Address& address, std::string_view caller, Time now);
  /// RateLimit-Policy and RateLimit, each with its line end; nothing for what is not limited.
  void render(const Standing& standing, std::string& out) const;
  [[nodiscard]] const RateLimitOptions& options() const { return x_options; }
  [[nodiscard]] std::uint64_t refused() const { return x_refused.load(std::memory_order_relaxed); }

 private:
  /// Generic cell rate: the moment from which the whole quota is there again tells everything about a bucket.
  struct Bucket {
    std::uint64_t key = 0;
    std::int64_t full_at_ns = 0;
  };
  static constexpr std::size_t ways = 8;
  static constexpr std::size_t shard_count = 64;
  struct Taken {
    bool is_refused;
    std::int64_t left, reset_ns, wait_ns;
  };
  Taken take(std::uint64_t key, std::int64_t quota, std::int64_t now_ns);

  RateLimitOptions x_options;
  crypto::ShortHash x_hash;
  std::size_t x_sets;  // a power of two
  std::unique_ptr<Bucket[]> x_buckets;
  std::array<std::mutex, shard_count> x_mutexes;
  std::atomic<std::uint64_t> x_refused{0};
};

}  // namespace admit::http

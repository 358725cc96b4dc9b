#pragma once
// For a line that a flood of requests would write again and again.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace admit::log {

/// Lets one through each second. Any thread.
class Seldom {
 public:
  using Clock = std::chrono::steady_clock;

  /// How many were held back since the last one that was let through; nullopt: this one is held back too.
  [[nodiscard]] std::optional<std::uint64_t> pass(Clock::time_point now = Clock::now()) {
    auto next = x_next.load();
    if (now < next || !x_next.compare_exchange_strong(next, now + std::chrono::seconds{1})) {
      ++x_held_back;
      return std::nullopt;
    }
    return x_held_back.exchange(0);
  }

 private:
  std::atomic<Clock::time_point> x_next{Clock::time_point::min()};
  std::atomic<std::uint64_t> x_held_back{0};
};

}  // namespace admit::log

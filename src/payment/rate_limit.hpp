#pragma once
// Inside the room: staying below a provider's limits on calls.

#include <chrono>
#include <cstdint>
#include <expected>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace admit::payment {

/// One bucket for each account and share, first come first served: whoever asks is given a moment, and moments are a
/// fixed interval apart once the burst is used up. Callable from any thread.
class RateLimit {
 public:
  enum class Share : std::uint8_t {
    ordinary,   ///< whatever makes something: half of the limit
    reading,    ///< three tenths: whoever asks again and again keeps nobody from paying
    releasing   ///< cancelling and refunding: a fifth that no rush of buyers can take away
  };
  using Clock = std::chrono::steady_clock;

  /// `per_s` > 0 is the provider's limit for an account; several nodes of one installation share it.
  RateLimit(double per_s, int node_count);

  /// How long the caller must wait for its turn. Where that is longer than `longest` nothing is taken and it is the
  /// error.
  [[nodiscard]] std::expected<std::chrono::milliseconds, std::chrono::milliseconds> take(
      std::string_view account, Share share, Clock::time_point now, std::chrono::milliseconds longest);

 private:
  using Bucket = std::pair<std::string, Share>;
  [[nodiscard]] Clock::duration interval_of(Share share) const;

  double x_per_s;
  std::mutex x_guard;
  std::map<Bucket, Clock::time_point> x_next;  ///< when the next call would come at the steady rate
};

}  // namespace admit::payment

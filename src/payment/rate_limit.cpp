#include "payment/rate_limit.hpp"

#include <algorithm>
#include <stdexcept>

namespace admit::payment {

namespace {

double part_of(RateLimit::Share share) {
  switch (share) {
    case RateLimit::Share::ordinary: return 0.5;
    case RateLimit::Share::reading: return 0.3;
    case RateLimit::Share::releasing: return 0.2;
  }
  return 0.2;
}

/// Calls that may come at once after a quiet time, as part of a second's worth.
constexpr auto burst = std::chrono::milliseconds{250};
constexpr std::size_t max_buckets = 4096;

}  // namespace

RateLimit::RateLimit(double per_s, int node_count) : x_per_s(per_s / node_count) {
  if (!(per_s > 0) || node_count < 1)
    throw std::invalid_argument("a rate limit must be above 0 and shared by 1 at least");
}

RateLimit::Clock::duration RateLimit::interval_of(Share share) const {
  const double per_s = x_per_s * part_of(share);
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{1 / per_s});
}

std::expected<std::chrono::milliseconds, std::chrono::milliseconds> RateLimit::take(std::string_view account,
                                                                                    Share share, Clock::time_point now,
                                                                                    std::chrono::milliseconds longest) {
  const std::scoped_lock lock{x_guard};
  if (x_next.size() >= max_buckets) {
    std::erase_if(x_next, [now](const auto& entry) { return entry.second <= now; });
  }
  auto& next = x_next.try_emplace(Bucket{account, share}, now).first->second;
  next = std::max(next, now);
  const auto wait =
      std::max(std::chrono::ceil<std::chrono::milliseconds>(next - now - burst), std::chrono::milliseconds{0});
  if (wait > longest) return std::unexpected(wait);
  next += interval_of(share);
  return wait;
}

}  // namespace admit::payment

#include "api/address_limit.hpp"

#include <algorithm>
#include <chrono>

namespace admit::api {
namespace {

constexpr std::size_t max_addresses = 10'000;

}  // namespace

double AddressLimit::tokens_of(const Bucket& bucket, domain::Instant now) const {
  const std::chrono::duration<double> passed = std::max(now - bucket.at, domain::Instant::duration{0});
  return std::min(x_burst, bucket.tokens + passed.count() * x_per_second);
}

bool AddressLimit::take(std::string_view address, domain::Instant now) {
  const std::lock_guard lock(x_mutex);
  if (x_buckets.size() >= max_addresses) {
    // Who has not come for long is forgotten; under a flood everybody begins anew.
    std::erase_if(x_buckets, [&](const auto& known) { return tokens_of(known.second, now) >= x_burst; });
    if (x_buckets.size() >= max_addresses) x_buckets.clear();
  }
  auto& bucket = x_buckets.try_emplace(std::string(address), Bucket{x_burst, now}).first->second;
  bucket = {tokens_of(bucket, now), std::max(bucket.at, now)};
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

}  // namespace admit::api

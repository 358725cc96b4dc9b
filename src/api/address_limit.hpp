#pragma once
// How often one client address, or one row, may do what anybody may do.

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "domain/instant.hpp"

namespace admit::api {

/// A bucket of `burst` tokens for each address, filled by `per_second`. At most 10,000 addresses are known at a time.
/// Thread-safe.
class AddressLimit {
 public:
  AddressLimit(double burst, double per_second) : x_burst(burst), x_per_second(per_second) {}
  /// Takes a token; false when there is none.
  [[nodiscard]] bool take(std::string_view address, domain::Instant now);
  /// Whole seconds until there is one again, for Retry-After.
  [[nodiscard]] int wait_s() const { return static_cast<int>(1 / x_per_second) + 1; }

 private:
  struct Bucket {
    double tokens;
    domain::Instant at;
  };
  [[nodiscard]] double tokens_of(const Bucket& bucket, domain::Instant now) const;

  double x_burst;
  double x_per_second;
  std::mutex x_mutex;
  std::unordered_map<std::string, Bucket> x_buckets;
};

}  // namespace admit::api

#include "http/rate_limit.hpp"

#include <doctest/doctest.h>

using namespace admit::http;
using namespace std::chrono_literals;

namespace {

constexpr auto at(RouteClass kind) {
  return static_cast<std::size_t>(kind);
}

RateLimitOptions options_of(std::int64_t address, std::int64_t caller) {
  RateLimitOptions options;
  options.address[at(RouteClass::read)] = address;
  options.address[at(RouteClass::sign_in)] = 1;
  options.caller[at(RouteClass::read)] = caller;
  return options;
}

const Address home = *Address::parse("192.0.2.1");

}  // namespace

TEST_CASE("rate limit: the whole quota may come at once, then it comes back evenly") {
  RateLimiter limiter{options_of(6, 0)};
  RateLimiter::Time now{1000h};
  const auto take = [&] {
    return limiter.take(RouteClass::read, home, "", now);
  };
  for (int left = 5; left >= 0; --left) {
    const auto standing = take();
    CHECK(!standing.is_refused);
    CHECK(standing.left == left);
  }
  auto refused = take();
  CHECK(refused.is_refused);
  CHECK(refused.retry_after_s == 10);
  CHECK(refused.reset_s == 60);
  now += 9'999ms;
  CHECK(take().is_refused);
  now += 1ms;
  CHECK(!take().is_refused);
  CHECK(take().is_refused);
  now += 60s;
  CHECK(take().left == 5);
  CHECK(limiter.refused() == 3);
}

TEST_CASE("rate limit: IPv6 counts by /64, classes and callers apart") {
  RateLimiter limiter{options_of(1, 2)};
  const RateLimiter::Time now{1000h};
  const auto refuses = [&](RouteClass kind, std::string_view address, std::string_view caller = "") {
    return limiter.take(kind, *Address::parse(address), caller, now).is_refused;
  };
  CHECK(!refuses(RouteClass::read, "2001:db8:0:1::1"));
  CHECK(refuses(RouteClass::read, "2001:db8:0:1:ffff::2"));
  CHECK(!refuses(RouteClass::read, "2001:db8:0:2::1"));
  CHECK(!refuses(RouteClass::read, "192.0.2.1"));
  CHECK(!refuses(RouteClass::read, "192.0.2.2"));
  CHECK(!refuses(RouteClass::sign_in, "192.0.2.1"));
  CHECK(refuses(RouteClass::sign_in, "192.0.2.1"));
  CHECK(!refuses(RouteClass::write, "192.0.2.1"));
  CHECK(!refuses(RouteClass::read, "192.0.2.11", "user:1"));
  CHECK(!refuses(RouteClass::read, "192.0.2.12", "user:1"));
  CHECK(refuses(RouteClass::read, "192.0.2.13", "user:1"));
  CHECK(!refuses(RouteClass::read, "192.0.2.14", "user:2"));
}

TEST_CASE("rate limit: the headers name each quota, and the tighter one's rest") {
  RateLimiter limiter{options_of(10, 4)};
  const RateLimiter::Time now{1000h};
  const auto headers = [&](RouteClass kind, std::string_view caller) {
    std::string out;
    limiter.render(limiter.take(kind, home, caller, now), out);
    return out;
  };
  CHECK(headers(RouteClass::read, "user:1") ==
        "RateLimit-Policy: \"address-read\";q=10;w=60, \"caller-read\";q=4;w=60\r\n"
        "RateLimit: \"caller-read\";r=3;t=15\r\n");
  CHECK(headers(RouteClass::read, "") ==
        "RateLimit-Policy: \"address-read\";q=10;w=60\r\nRateLimit: \"address-read\";r=8;t=12\r\n");
  CHECK(headers(RouteClass::write, "user:1").empty());
  CHECK(headers(RouteClass::exempt, "user:1").empty());
}

TEST_CASE("rate limit: a flood of addresses takes no memory, and lets nobody go who is over the limit") {
  auto options = options_of(4, 0);
  options.capacity = 4'096;
  RateLimiter limiter{options};
  const RateLimiter::Time now{1000h};
  for (int i = 0; i < 4; ++i) CHECK(!limiter.take(RouteClass::read, home, "", now).is_refused);
  Address other = *Address::parse("2001:db8::1");
  int refused = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    for (int byte = 0; byte < 4; ++byte) other.bytes[4 + byte] = static_cast<std::uint8_t>(i >> (8 * byte));
    refused += limiter.take(RouteClass::read, other, "", now).is_refused;
  }
  CHECK(refused == 0);
  CHECK(limiter.take(RouteClass::read, home, "", now).is_refused);
}

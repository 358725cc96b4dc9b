#include "api/address_limit.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace admit::api {
namespace {

using std::chrono::seconds;

TEST_CASE("address limit: a burst, then as fast as it fills, for each address on its own") {
  AddressLimit limit(3, 0.5);
  domain::Instant now{seconds{1'000}};
  for (int i = 0; i < 3; ++i) CHECK(limit.take("10.0.0.1", now));
  CHECK_FALSE(limit.take("10.0.0.1", now));
  CHECK(limit.take("10.0.0.2", now));
  CHECK(limit.wait_s() == 3);
  now += seconds{1};
  CHECK_FALSE(limit.take("10.0.0.1", now));
  now += seconds{1};
  CHECK(limit.take("10.0.0.1", now));
  CHECK_FALSE(limit.take("10.0.0.1", now));
  now += seconds{1'000};
  for (int i = 0; i < 3; ++i) CHECK(limit.take("10.0.0.1", now));
  CHECK_FALSE(limit.take("10.0.0.1", now));
  CHECK_FALSE(limit.take("10.0.0.1", now - seconds{500}));
}

TEST_CASE("address limit: more addresses than it knows do not lift the limit of one that has waited its turn out") {
  AddressLimit limit(1, 1);
  domain::Instant now{seconds{1'000}};
  for (int i = 0; i < 9'999; ++i) REQUIRE(limit.take("10.0." + std::to_string(i), now));
  now += seconds{2};
  CHECK(limit.take("busy", now));
  CHECK_FALSE(limit.take("busy", now));
  CHECK(limit.take("new", now));
  CHECK_FALSE(limit.take("busy", now));
}

}  // namespace
}  // namespace admit::api

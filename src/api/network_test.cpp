#include "api/network.hpp"

#include <doctest/doctest.h>

namespace admit::api {
namespace {

TEST_CASE("network: /24 of IPv4, /48 of IPv6") {
  CHECK(network_of("192.0.2.77") == network_of("192.0.2.1"));
  CHECK(network_of("192.0.2.77") != network_of("192.0.3.77"));
  CHECK(network_of("::ffff:192.0.2.77") == network_of("192.0.2.1"));
  CHECK(network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2::ffff"));
  CHECK(network_of("2001:db8:1:2::4") == network_of("2001:db8:1:fffe::4"));
  CHECK(network_of("2001:db8:1:2::4") != network_of("2001:db8:2:2::4"));
  CHECK(network_of("unknown") == "unknown");
}

}  // namespace
}  // namespace admit::api

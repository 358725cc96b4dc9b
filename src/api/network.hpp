#pragma once
// The network that an address belongs to, as guesses are counted.

#include <string>
#include <string_view>

namespace admit::api {

/// `192.0.2.0/24`, `2001:db8:1::/48` (what one customer has of a provider: 65,536 networks of its own); an IPv4 address
/// in IPv6 counts as IPv4. What is no address stands for itself.
[[nodiscard]] std::string network_of(std::string_view address);

}  // namespace admit::api

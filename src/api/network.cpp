#include "api/network.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

namespace admit::api {

std::string network_of(std::string_view address) {
  namespace ip = boost::asio::ip;
  boost::system::error_code fault;
  auto parsed = ip::make_address(address, fault);
  if (fault) return std::string(address);
  if (parsed.is_v6() && parsed.to_v6().is_v4_mapped()) parsed = ip::make_address_v4(ip::v4_mapped, parsed.to_v6());
  if (parsed.is_v4()) return ip::network_v4(parsed.to_v4(), 24).canonical().to_string();
  return ip::network_v6(parsed.to_v6(), 48).canonical().to_string();
}

}  // namespace admit::api

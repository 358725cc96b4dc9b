#include "http/address.hpp"

#include <doctest/doctest.h>

using namespace admit::http;

namespace {

Address address(std::string_view text) {
  const auto found = Address::parse(text);
  REQUIRE_MESSAGE(found.has_value(), std::string{text});
  return *found;
}

std::vector<Network> networks(std::initializer_list<std::string_view> texts) {
  std::vector<Network> out;
  for (const auto text : texts) {
    const auto network = Network::parse(text);
    REQUIRE_MESSAGE(network.has_value(), std::string{text});
    out.push_back(*network);
  }
  return out;
}

}  // namespace

TEST_CASE("address: one address has one text, however it was written") {
  CHECK(address("192.0.2.1").text() == "192.0.2.1");
  CHECK(address("::ffff:192.0.2.1").text() == "192.0.2.1");
  CHECK(address("::ffff:c000:0201") == address("192.0.2.1"));
  CHECK(address("2001:DB8:0:0::1").text() == "2001:db8::1");
  for (const auto* bad : {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "[::1]", "::1%lo", "1.2.3.4:80",
                          "localhost", "0x7f.1", "2130706433", "1111:2222:3333:4444:5555:6666:7777:8888:9999"}) {
    CHECK_MESSAGE(!Address::parse(bad), std::string{bad});
  }
}

TEST_CASE("network: what lies in it") {
  const auto ten = *Network::parse("10.0.0.0/8");
  CHECK(ten.contains(address("10.255.0.1")));
  CHECK(ten.contains(address("::ffff:10.0.0.1")));
  CHECK(!ten.contains(address("11.0.0.1")));
  CHECK(!ten.contains(address("::10.0.0.1")));
  const auto odd = *Network::parse("192.0.2.128/25");
  CHECK(odd.contains(address("192.0.2.200")));
  CHECK(!odd.contains(address("192.0.2.127")));
  CHECK(Network::parse("2001:db8::/32")->contains(address("2001:db8:ffff::1")));
  CHECK(!Network::parse("2001:db8::/32")->contains(address("2001:db9::1")));
  CHECK(Network::parse("192.0.2.1")->contains(address("192.0.2.1")));
  CHECK(!Network::parse("192.0.2.1")->contains(address("192.0.2.2")));
  CHECK(Network::parse("0.0.0.0/0")->contains(address("203.0.113.1")));
  CHECK(!Network::parse("0.0.0.0/0")->contains(address("2001:db8::1")));
  CHECK(Network::parse("::/0")->contains(address("203.0.113.1")));
  for (const auto* bad : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "2001:db8::1/32",
                          "::/129", "example.com", "/8"}) {
    CHECK_MESSAGE(!Network::parse(bad), std::string{bad});
  }
}

TEST_CASE("address: nothing inside passes for public, in any spelling") {
  for (const auto* inside : {"127.0.0.1",
                             "127.255.255.254",
                             "0.0.0.0",
                             "10.0.0.1",
                             "172.16.0.1",
                             "172.31.255.255",
                             "192.168.1.1",
                             "169.254.169.254",
                             "100.64.0.1",
                             "100.127.255.255",
                             "192.0.0.1",
                             "192.0.2.1",
                             "198.18.0.1",
                             "198.51.100.7",
                             "203.0.113.7",
                             "224.0.0.1",
                             "239.255.255.255",
                             "240.0.0.1",
                             "255.255.255.255",
                             "::",
                             "::1",
                             "::127.0.0.1",
                             "::ffff:127.0.0.1",
                             "::ffff:10.0.0.1",
                             "::ffff:169.254.169.254",
                             "64:ff9b::7f00:1",
                             "64:ff9b::8.8.8.8",
                             "64:ff9b:1::1",
                             "100::1",
                             "2001::1",
                             "2001:db8::1",
                             "2002:7f00:1::",
                             "2002:0808:0808::1",
                             "3fff::1",
                             "fc00::1",
                             "fd12:3456::1",
                             "fe80::1",
                             "fec0::1",
                             "ff02::1",
                             "5f00::1"}) {
    CHECK_MESSAGE(!is_public(address(inside)), std::string{inside});
  }
  for (const auto* outside :
       {"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "11.0.0.1", "193.0.0.1",
        "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450::1", "2003::1"}) {
    CHECK_MESSAGE(is_public(address(outside)), std::string{outside});
  }
}

TEST_CASE("client: only those we trust may name another, and only their own neighbour") {
  const auto trusted = networks({"10.0.0.0/8", "2001:db8:1::/48"});
  const auto client = [&](std::string_view peer, std::vector<TextPair> headers) {
    return client_of(address(peer), headers, trusted).text();
  };
  CHECK(client("203.0.113.5", {{"X-Forwarded-For", "1.1.1.1"}}) == "203.0.113.5");
  CHECK(client("10.0.0.1", {}) == "10.0.0.1");
  CHECK(client("10.0.0.1", {{"x-forwarded-for", "1.1.1.1"}}) == "1.1.1.1");
  // What the client itself wrote stands left of what our proxy saw.
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", "6.6.6.6, 10.0.0.9, 1.1.1.1"}}) == "1.1.1.1");
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", "6.6.6.6, 1.1.1.1, 10.0.0.2"}}) == "1.1.1.1");
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", "6.6.6.6"}, {"Other", "x"}, {"X-Forwarded-For", "1.1.1.1,10.0.0.3"}}) ==
        "1.1.1.1");
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", "6.6.6.6, <script>, 10.0.0.2"}}) == "10.0.0.2");
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", "6.6.6.6,"}}) == "10.0.0.1");
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", ""}}) == "10.0.0.1");
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", "unknown"}}) == "10.0.0.1");
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", "1.1.1.1:4711"}}) == "1.1.1.1");
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", "[2a00::1]:4711"}}) == "2a00::1");
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", "2a00::1, 2001:db8:1::7"}}) == "2a00::1");
  CHECK(client("10.0.0.1", {{"Forwarded", "for=1.1.1.1"}, {"X-Real-IP", "1.1.1.1"}}) == "10.0.0.1");
  CHECK(client("::ffff:10.0.0.1", {{"X-Forwarded-For", "::ffff:1.1.1.1"}}) == "1.1.1.1");
  std::string many = "6.6.6.6";
  for (int i = 0; i < 1'000; ++i) many += ", 10.0.0.7";
  CHECK(client("10.0.0.1", {{"X-Forwarded-For", many}}) == "10.0.0.7");
  CHECK(client_of(address("127.0.0.1"), {{"X-Forwarded-For", "1.1.1.1"}}, {}).text() == "127.0.0.1");
}

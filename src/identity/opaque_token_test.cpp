#include "identity/opaque_token.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace admit;
using namespace admit::identity;

TEST_CASE("opaque token: names its row and proves itself by hash") {
  const domain::Uuid id{0x018f2a3000007000, 0x8000000000000001};
  const OpaqueToken token = make_opaque_token("gate_", id);
  CHECK(token.text.size() == 5 + 64);
  CHECK(token.text.starts_with("gate_"));
  const auto name = parse_opaque_token("gate_", token.text);
  REQUIRE(name);
  CHECK(name->id == id);
  CHECK(crypto::constant_time_equal(name->hash, token.hash));
  CHECK(make_opaque_token("gate_", id).text != token.text);
}

TEST_CASE("opaque token: another secret has another hash; another shape is no token") {
  const OpaqueToken token = make_opaque_token("rt_", {1, 2});
  std::string other = token.text;
  other.back() = other.back() == 'A' ? 'B' : 'A';
  const auto name = parse_opaque_token("rt_", other);
  REQUIRE(name);
  CHECK_FALSE(crypto::constant_time_equal(name->hash, token.hash));
  for (const std::string& bad :
       {std::string{}, std::string{"rt_"}, token.text.substr(3), "gate_" + token.text.substr(3), token.text + "A",
        token.text.substr(0, token.text.size() - 1), "rt_" + std::string(64, '+'), "RT_" + token.text.substr(3)}) {
    CHECK_FALSE(parse_opaque_token("rt_", bad));
  }
}

#include "token/refresh_token.hpp"

#include <doctest/doctest.h>

#include <array>

namespace admit::token {
namespace {

KeyRing ring_of(std::uint8_t byte) {
  const std::array<std::uint8_t, 32> master = [&] {
    std::array<std::uint8_t, 32> out{};
    out.fill(byte);
    return out;
  }();
  return KeyRing(crypto::Secret(crypto::Bytes{master}), {});
}

TEST_CASE("refresh token: the first is random, the next always the same") {
  const KeyRing ring = ring_of(1);
  const RefreshTokens tokens(ring);
  const domain::SessionId session{{1, 2}};
  const auto first = tokens.first(session);
  CHECK(first.text != tokens.first(session).text);
  const auto next = tokens.next(first);
  CHECK(next.text != first.text);
  CHECK(tokens.next(*tokens.parse(first.text)).text == next.text);
  CHECK(tokens.next(next).text != next.text);
}

TEST_CASE("refresh token: is read back, and told from one we never made") {
  const KeyRing ring = ring_of(1);
  const KeyRing other_ring = ring_of(2);
  const RefreshTokens tokens(ring);
  const auto made = tokens.first(domain::SessionId{{1, 2}});
  const auto read = tokens.parse(made.text);
  REQUIRE(read);
  CHECK(read->session == made.session);
  CHECK(read->hash == made.hash);
  CHECK(read->is_genuine);
  CHECK(!RefreshTokens(other_ring).parse(made.text)->is_genuine);
  auto forged = made.text;
  forged[40] = forged[40] == 'A' ? 'B' : 'A';
  CHECK(!tokens.parse(forged)->is_genuine);
  CHECK(!tokens.parse(made.text + "A"));
  CHECK(!tokens.parse("gate_" + made.text.substr(8)));
  CHECK(!tokens.parse(""));
}

}  // namespace
}  // namespace admit::token

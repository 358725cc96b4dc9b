// Ten thousand tokens that are nearly good.

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>

#include "identity/access_token.hpp"
#include "identity/opaque_token.hpp"

using namespace admit;
using namespace admit::identity;

namespace {

const domain::Instant now = domain::from_unix_ms(1'800'000'000'250);
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0%";

/// One to three changes: a character for another, one less, one more, two pieces that change places, the end cut off.
std::string mutated(std::string text, std::mt19937_64& chance) {
  const auto below = [&](std::size_t limit) {
    return static_cast<std::size_t>(chance() % limit);
  };
  for (std::size_t changes = 1 + below(3); changes > 0 && !text.empty(); --changes) {
    const auto at = below(text.size());
    switch (below(5)) {
      case 0:
        text[at] = alphabet[below(alphabet.size())];
        break;
      case 1:
        text.erase(at, 1);
        break;
      case 2:
        text.insert(at, 1, alphabet[below(alphabet.size())]);
        break;
      case 3:
        text = text.substr(at) + text.substr(0, at);
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

}  // namespace

TEST_CASE("access token: ten thousand that are nearly good are refused, seen before or not") {
  AccessTokens tokens{"https://tickets.example", crypto::SigningKey::generate()};
  const domain::SessionId session{{0x018f2a3000007000, 0x8000000000000002}};
  const auto token = tokens.issue(domain::UserId{{0x018f2a3000007000, 0x8000000000000001}}, session, {"operator"}, now);
  REQUIRE(tokens.verify(token, now));
  std::mt19937_64 chance{7};
  int tried = 0;
  while (tried < 10'000) {
    const auto forged = mutated(token, chance);
    if (forged == token) continue;
    ++tried;
    REQUIRE_FALSE(tokens.verify(forged, now));
  }
  CHECK(tokens.verify(token, now));
}

TEST_CASE("opaque token: ten thousand that are nearly good name another secret, or none") {
  const auto issued = make_opaque_token("gate_", {0x018f2a3000007000, 0x8000000000000001});
  const auto good = parse_opaque_token("gate_", issued.text);
  REQUIRE(good);
  std::mt19937_64 chance{8};
  int tried = 0;
  while (tried < 10'000) {
    const auto forged = mutated(issued.text, chance);
    if (forged == issued.text) continue;
    ++tried;
    const auto read = parse_opaque_token("gate_", forged);
    REQUIRE_FALSE((read && read->id == good->id && read->hash == good->hash));
  }
}

#include "token/order_key.hpp"

#include <doctest/doctest.h>

namespace admit::token {
namespace {

KeyRing ring_of(std::uint8_t first) {
  std::array<std::uint8_t, 32> master{};
  master[0] = first;
  return KeyRing(crypto::Secret(crypto::Bytes(master)), {});
}

TEST_CASE("order key: opens its own registration under its own master key, and nothing else") {
  const KeyRing ring = ring_of(1);
  const OrderKeys keys(ring);
  const domain::RegistrationId mine{{1, 2}};
  const domain::RegistrationId other{{1, 3}};
  const std::string key = keys.key_of(mine);
  CHECK(key.size() == 43);
  CHECK(keys.opens(mine, key));
  CHECK(OrderKeys(ring).opens(mine, key));
  CHECK_FALSE(keys.opens(other, key));
  CHECK_FALSE(keys.opens(mine, ""));
  CHECK_FALSE(keys.opens(mine, key.substr(0, 42)));
  CHECK_FALSE(keys.opens(mine, key + "A"));
  for (std::size_t i = 0; i < key.size(); ++i) {
    std::string changed = key;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(keys.opens(mine, changed));
  }
  const KeyRing another = ring_of(2);
  CHECK_FALSE(OrderKeys(another).opens(mine, key));
}

TEST_CASE("payment link: names its order and its end, and nobody else makes or changes one") {
  const KeyRing ring = ring_of(1);
  const PayKeys keys(ring);
  const PayLink link{domain::RegistrationId{{0x0123'4567'89AB'CDEF, 0xFEDC'BA98'7654'3210}},
                     domain::from_unix_ms(1'800'000'000'000)};
  const std::string text = keys.text_of(link);
  CHECK(text.starts_with("pay_"));
  CHECK(text.size() == 4 + 75);
  CHECK(keys.parse(text) == link);
  CHECK_FALSE(PayKeys(ring_of(2)).parse(text));
  CHECK_FALSE(keys.parse(text.substr(4)));
  CHECK_FALSE(keys.parse(text.substr(0, text.size() - 1)));
  CHECK_FALSE(keys.parse(text + "A"));
  CHECK_FALSE(keys.parse("pay_"));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(keys.parse(changed));
  }
  // The key of the order is another.
  CHECK_FALSE(OrderKeys(ring).opens(link.registration, text.substr(4)));
  CHECK_FALSE(keys.parse("pay_" + OrderKeys(ring).key_of(link.registration)));
}

}  // namespace
}  // namespace admit::token

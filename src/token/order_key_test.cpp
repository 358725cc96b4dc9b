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

}  // namespace
}  // namespace admit::token

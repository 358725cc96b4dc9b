#include "token/show_key.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "crypto/aes_gcm.hpp"

namespace admit::token {

namespace {

crypto::Secret wrap_key(const KeyRing& ring) {
  return ring.derive("admit/wrap/1");
}

std::array<std::uint8_t, 17> owner_of(domain::ShowId show, std::uint8_t number) {
  const auto id = show.value.bytes();
  std::array<std::uint8_t, 17> owner;
  *std::ranges::copy(id, owner.begin()).out = number;
  return owner;
}

}  // namespace

ShowKey make_show_key(const KeyRing& ring, domain::ShowId show, std::uint8_t number) {
  const crypto::Secret wrapping = wrap_key(ring);
  const auto key = crypto::SigningKey::generate();
  return {key.public_key(), crypto::box_seal(wrapping.bytes(), owner_of(show, number), key.seed().bytes())};
}

crypto::SigningKey unwrap_show_key(const KeyRing& ring, domain::ShowId show, std::uint8_t number,
                                   crypto::Bytes wrapped_private) {
  const auto seed = crypto::box_open(wrap_key(ring).bytes(), owner_of(show, number), wrapped_private);
  if (!seed || seed->size() != 32) {
    throw std::runtime_error("the signing key " + std::to_string(number) + " of show " + show.text() +
                             " cannot be unwrapped with this master key");
  }
  return crypto::SigningKey::from_seed(seed->bytes());
}

ShowKeyCache::ShowKeyCache(const KeyRing& ring, std::size_t limit_keys) : x_ring(ring), x_limit_keys(limit_keys) {
  if (limit_keys == 0) throw std::logic_error("a cache of show keys holds at least one");
}

std::shared_ptr<const crypto::SigningKey> ShowKeyCache::get(domain::ShowId show, std::uint8_t number,
                                                            crypto::Bytes wrapped_private) {
  const Name name{show, number};
  const std::lock_guard lock{x_mutex};
  if (const auto found = x_index.find(name); found != x_index.end()) {
    x_entries.splice(x_entries.begin(), x_entries, found->second);
    return found->second->key;
  }
  auto key = std::make_shared<const crypto::SigningKey>(unwrap_show_key(x_ring, show, number, wrapped_private));
  x_entries.push_front({name, key});
  x_index.emplace(name, x_entries.begin());
  if (x_entries.size() > x_limit_keys) {
    x_index.erase(x_entries.back().name);
    x_entries.pop_back();
  }
  return key;
}

}  // namespace admit::token

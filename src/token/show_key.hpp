#pragma once
// The signing keys of shows. The private half is stored wrapped by a key derived from the master key.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crypto/ed25519.hpp"
#include "domain/id.hpp"
#include "token/key_ring.hpp"

namespace admit::token {

struct ShowKey {
  crypto::PublicKey public_key{};
  /// 60 bytes: nonce, tag and the sealed seed; bound to show and number.
  std::vector<std::uint8_t> wrapped_private;
};

/// A fresh key pair. Throws std::runtime_error without a fitting master key.
[[nodiscard]] ShowKey make_show_key(const KeyRing& ring, domain::ShowId show, std::uint8_t number);

/// Throws std::runtime_error if it was wrapped under another master key, or for another show or number.
[[nodiscard]] crypto::SigningKey unwrap_show_key(const KeyRing& ring, domain::ShowId show, std::uint8_t number,
                                                 crypto::Bytes wrapped_private);

/// Unwrapped keys of the shows used last, at most `limit_keys`. Any thread.
class ShowKeyCache {
 public:
  explicit ShowKeyCache(const KeyRing& ring, std::size_t limit_keys = 256);

  /// Shared because an entry may be put out while another thread still signs with it.
  [[nodiscard]] std::shared_ptr<const crypto::SigningKey> get(domain::ShowId show, std::uint8_t number,
                                                              crypto::Bytes wrapped_private);

 private:
  using Name = std::pair<domain::ShowId, std::uint8_t>;
  struct NameHash {
    std::size_t operator()(const Name& name) const noexcept {
      return std::hash<domain::ShowId>{}(name.first) ^ (name.second * 0x9E3779B97F4A7C15ull);
    }
  };
  struct Entry {
    Name name;
    std::shared_ptr<const crypto::SigningKey> key;
  };

  const KeyRing& x_ring;
  std::size_t x_limit_keys;
  std::mutex x_mutex;
  std::list<Entry> x_entries;  // used last in front
  std::unordered_map<Name, std::list<Entry>::iterator, NameHash> x_index;
};

}  // namespace admit::token

#pragma once
// Tokens that were verified before, by their SHA-256: checking a signature costs far more than hashing.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "crypto/hash.hpp"

namespace admit::identity {

/// Bounded: when the young are many they become the old, and the old are forgotten. Thread-safe.
template <class Entry>
class SeenTokens {
 public:
  using Shared = std::shared_ptr<const Entry>;

  /// Null: not seen lately.
  [[nodiscard]] Shared find(const crypto::Digest& digest) {
    Shard& shard = shard_of(digest);
    const std::lock_guard lock{shard.mutex};
    if (const auto found = shard.young.find(digest); found != shard.young.end()) return found->second;
    if (const auto older = shard.old.find(digest); older != shard.old.end()) return older->second;
    return nullptr;
  }

  void remember(const crypto::Digest& digest, Shared entry) {
    Shard& shard = shard_of(digest);
    const std::lock_guard lock{shard.mutex};
    if (shard.young.size() >= generation_limit) {
      shard.old = std::move(shard.young);
      shard.young.clear();
    }
    shard.young.insert_or_assign(digest, std::move(entry));
  }

 private:
  static constexpr std::size_t generation_limit = 2048;
  struct DigestHash {
    std::size_t operator()(const crypto::Digest& digest) const noexcept {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data() + 1, sizeof hash);  // the first byte has chosen the shard
      return hash;
    }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<crypto::Digest, Shared, DigestHash> young;
    std::unordered_map<crypto::Digest, Shared, DigestHash> old;
  };
  Shard& shard_of(const crypto::Digest& digest) { return x_shards[digest[0] % x_shards.size()]; }

  std::array<Shard, 16> x_shards;
};

}  // namespace admit::identity

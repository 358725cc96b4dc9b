#pragma once
// The installation's keys: one 32-byte master key, and all that is derived from it.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "crypto/ed25519.hpp"
#include "crypto/hash.hpp"
#include "crypto/secret.hpp"

namespace admit::token {

/// What the database keeps of a sealing epoch: no secret, only what tells a right master key from a wrong one.
struct EpochRecord {
  std::uint8_t epoch = 0;
  std::array<std::uint8_t, 16> check{};
  bool operator==(const EpochRecord&) const = default;
};

enum class EpochState : std::uint8_t { usable, missing_key, wrong_key };

/// Sealing and nonce key of one epoch.
class EpochKeys {
 public:
  EpochKeys(crypto::Bytes master, std::uint8_t epoch);

  [[nodiscard]] std::uint8_t epoch() const { return x_epoch; }
  [[nodiscard]] crypto::Bytes seal_key() const { return x_seal.bytes(); }
  [[nodiscard]] const crypto::HmacKey& nonce_key() const { return x_nonce; }
  [[nodiscard]] const std::array<std::uint8_t, 16>& check() const { return x_check; }

 private:
  std::uint8_t x_epoch;
  crypto::Secret x_seal;
  crypto::HmacKey x_nonce;
  std::array<std::uint8_t, 16> x_check;
};

/// Reading is lock-free and safe beside `adopt`. Keeps nothing on disk: records live in the database.
///
/// First start:  auto record = ring.next_epoch(); store it; ring.adopt(record);  The same rotates.
class KeyRing {
 public:
  /// `master` is 32 bytes, or nothing where it is lost: the ring then knows its epochs but can use none.
  KeyRing(std::optional<crypto::Secret> master, std::span<const EpochRecord> stored);

  [[nodiscard]] bool has_master() const { return x_master.has_value(); }
  /// False where a stored check value tells that the master key is another one than before.
  [[nodiscard]] bool master_fits() const;

  /// The keys of an epoch, null unless usable.
  [[nodiscard]] const EpochKeys* epoch(std::uint8_t number) const;
  /// Nothing for an epoch this installation never had.
  [[nodiscard]] std::optional<EpochState> state(std::uint8_t number) const;
  /// The newest epoch; 0 if there is none yet (epochs begin at 1).
  [[nodiscard]] std::uint8_t current_epoch() const { return x_current.load(std::memory_order_acquire); }

  /// The record of the epoch after the current one, to be stored first and adopted then. Throws std::runtime_error
  /// without a fitting master key or after epoch 255.
  [[nodiscard]] EpochRecord next_epoch() const;
  /// Takes a stored epoch into use; the newest is the one tokens are issued under. Idempotent.
  void adopt(const EpochRecord& record);

  /// 32 bytes for another purpose, by HKDF with this info, e.g. `admit/link/1`. Throws without a fitting master key.
  [[nodiscard]] crypto::Secret derive(std::string_view info) const;
  /// The installation's root key, which signs manifests.
  [[nodiscard]] crypto::SigningKey root_key() const;

 private:
  struct Slot {
    EpochState state = EpochState::missing_key;
    std::optional<EpochKeys> keys;
  };

  void require_master() const;

  std::optional<crypto::Secret> x_master;
  std::array<std::atomic<const Slot*>, 256> x_slots{};
  std::atomic<std::uint8_t> x_current{0};
  std::mutex x_mutex;
  std::vector<std::unique_ptr<const Slot>> x_owned;
};

}  // namespace admit::token

#include "token/key_ring.hpp"

#include <algorithm>
#include <stdexcept>

namespace admit::token {

using crypto::Bytes;
using crypto::Secret;

namespace {

constexpr std::size_t key_size = 32;

Secret derive_key(Bytes master, std::string_view info, std::size_t size = key_size) {
  return crypto::hkdf_sha256(master, {}, crypto::bytes_of(info), size);
}

Secret derive_epoch_key(Bytes master, std::string_view info, std::uint8_t epoch, std::size_t size = key_size) {
  return derive_key(master, std::string{info} + static_cast<char>(epoch), size);
}

}  // namespace

EpochKeys::EpochKeys(Bytes master, std::uint8_t epoch)
    : x_epoch(epoch),
      x_seal(derive_epoch_key(master, "admit/seal/1", epoch)),
      x_nonce(derive_epoch_key(master, "admit/nonce/1", epoch).bytes()) {
  const Secret check = derive_epoch_key(master, "admit/check/1", epoch, x_check.size());
  std::ranges::copy(check.bytes(), x_check.begin());
}

KeyRing::KeyRing(std::optional<Secret> master, std::span<const EpochRecord> stored) : x_master(std::move(master)) {
  if (x_master && x_master->size() != key_size) throw std::logic_error("a master key is 32 bytes");
  for (const EpochRecord& record : stored) adopt(record);
}

bool KeyRing::master_fits() const {
  return x_master && std::ranges::none_of(x_slots, [](const auto& slot) {
           const Slot* one = slot.load(std::memory_order_acquire);
           return one != nullptr && one->state == EpochState::wrong_key;
         });
}

const EpochKeys* KeyRing::epoch(std::uint8_t number) const {
  const Slot* slot = x_slots[number].load(std::memory_order_acquire);
  return slot != nullptr && slot->keys ? &*slot->keys : nullptr;
}

std::optional<EpochState> KeyRing::state(std::uint8_t number) const {
  const Slot* slot = x_slots[number].load(std::memory_order_acquire);
  if (slot == nullptr) return std::nullopt;
  return slot->state;
}

void KeyRing::require_master() const {
  if (!x_master) throw std::runtime_error("the master key is missing");
  if (!master_fits()) throw std::runtime_error("the master key is not the one this installation's keys were made with");
}

EpochRecord KeyRing::next_epoch() const {
  require_master();
  const std::uint8_t current = current_epoch();
  if (current == 255) throw std::runtime_error("all 255 sealing epochs are used up");
  const EpochKeys keys{x_master->bytes(), static_cast<std::uint8_t>(current + 1)};
  return {keys.epoch(), keys.check()};
}

void KeyRing::adopt(const EpochRecord& record) {
  const std::lock_guard lock{x_mutex};
  if (x_slots[record.epoch].load(std::memory_order_relaxed) != nullptr) return;
  auto slot = std::make_unique<Slot>();
  if (x_master) {
    slot->keys.emplace(x_master->bytes(), record.epoch);
    slot->state = EpochState::usable;
    if (!crypto::constant_time_equal(slot->keys->check(), record.check)) {
      slot->keys.reset();
      slot->state = EpochState::wrong_key;
    }
  }
  x_slots[record.epoch].store(slot.get(), std::memory_order_release);
  x_owned.push_back(std::move(slot));
  if (record.epoch > current_epoch()) x_current.store(record.epoch, std::memory_order_release);
}

Secret KeyRing::derive(std::string_view info) const {
  require_master();
  return derive_key(x_master->bytes(), info);
}

crypto::SigningKey KeyRing::root_key() const {
  return crypto::SigningKey::from_seed(derive("admit/root/1").bytes());
}

}  // namespace admit::token

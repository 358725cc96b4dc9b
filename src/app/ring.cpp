#include "app/ring.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "log/log.hpp"
#include "token/master_key.hpp"

namespace admit::app {
namespace {

std::vector<token::EpochRecord> stored_epochs(store::Store& store) {
  std::vector<token::EpochRecord> out;
  for (const auto& row : store::scan<domain::SealingEpoch>(store, {}, 256)) {
    token::EpochRecord record{.epoch = static_cast<std::uint8_t>(row.number)};
    if (row.check.data.size() != record.check.size())
      throw ConfigError("the sealing epochs in the database are damaged");
    std::ranges::copy(row.check.data, record.check.begin());
    out.push_back(record);
  }
  return out;
}

}  // namespace

std::unique_ptr<token::KeyRing> open_ring(const Config& config, store::Store& store) {
  const auto epochs = stored_epochs(store);
  std::optional<crypto::Secret> master;
  if (!config.master_key.empty()) {
    master = token::parse_master_key(config.master_key);
  } else if (!config.master_key_file.empty()) {
    master = token::read_master_key_file(config.master_key_file);
  } else if (!config.master_key_command.empty()) {
    master = token::master_key_of_command(config.master_key_command);
  } else {
    auto file = token::load_or_create_master_key(config.data + "/master.key", !epochs.empty());
    if (file.created) log::info("made a master key; keep a copy of it", {{"file", "master.key"}});
    master = std::move(file.key);
  }
  auto ring = std::make_unique<token::KeyRing>(std::move(master), epochs);
  if (!ring->has_master()) {
    throw ConfigError("the master key is missing though keys exist: put master.key back into the data folder");
  }
  if (!ring->master_fits()) throw ConfigError("the master key is not the one this data folder was made with");
  return ring;
}

domain::AuditKey audit_key_of(const token::KeyRing& ring) {
  domain::AuditKey key{};
  std::ranges::copy(ring.derive("admit/audit/1").bytes(), key.begin());
  return key;
}

}  // namespace admit::app

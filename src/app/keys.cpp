#include "app/keys.hpp"

#include <filesystem>
#include <optional>

#include "app/app.hpp"
#include "app/lane_thread.hpp"
#include "app/ring.hpp"
#include "crypto/encoding.hpp"
#include "domain/shows.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "token/show_key.hpp"

namespace admit::app {
namespace {

constexpr std::size_t page = 500;

domain::Meta operator_meta() {
  return {.now = system_now(), .seed = random_seed(), .is_operator = true, .actor = "operator"};
}

void require_database(const Config& config) {
  if (!std::filesystem::exists(std::filesystem::path(config.data) / "admit.db")) {
    throw ConfigError("there is no database in " + config.data);
  }
}

}  // namespace

int list_keys(const Config& config, std::ostream& out) {
  require_database(config);
  store::sqlite::SqliteStore store({.path = config.data, .read_only = true});
  for (const auto& epoch : store::scan<domain::SealingEpoch>(store, {}, page)) {
    out << "sealing epoch " << epoch.number << "  since " << domain::text(epoch.created_at) << "\n";
  }
  for (domain::Uuid after;;) {
    const auto keys = store::scan<domain::ShowKey>(store, after, page);
    for (const auto& key : keys) {
      out << "show " << key.show_id.text() << "  key " << key.number << "  since " << domain::text(key.created_at) << "  public "
          << crypto::hex(crypto::bytes_of(key.public_key.data)) << "\n";
    }
    if (keys.size() < page) return 0;
    after = keys.back().id.value;
  }
}

int rotate_keys(const Config& config, const KeysOptions& options, std::ostream& out) {
  require_database(config);
  std::optional<store::sqlite::SqliteStore> opened;
  try {
    opened.emplace(store::sqlite::Options{.path = config.data});
  } catch (const store::StoreUnavailable& e) {
    throw ConfigError(std::string(e.what()) + "; a running server rotates at POST /v1/keys/rotate, with an operator's token");
  }
  auto& store = *opened;
  const auto ring = open_ring(config, store);
  LaneThread thread(store);
  if (!options.show) {
    const auto record = ring->next_epoch();
    const auto added = thread.lane().call(domain::AddSealingEpoch{
        .meta = operator_meta(), .number = record.epoch, .check = {std::string(record.check.begin(), record.check.end())}});
    if (!added) throw ConfigError(added.error().detail);
    out << "sealing epoch " << added->number << " begun\n";
    return 0;
  }
  const auto id = domain::ShowId::parse(*options.show);
  const auto show = id ? store::get<domain::Show>(store, *id) : std::nullopt;
  if (!show) throw ConfigError("--show: there is no such show");
  if (show->key_number >= 255) throw ConfigError("--show: a show has at most 256 keys");
  const auto number = show->key_number + 1;
  const auto key = token::make_show_key(*ring, show->id, static_cast<std::uint8_t>(number));
  domain::RotateShowKey command{.meta = operator_meta(), .show_id = show->id, .number = number};
  command.public_key.data = crypto::text_of(key.public_key);
  command.wrapped_private_key.data = crypto::text_of(key.wrapped_private);
  const auto rotated = thread.lane().call(std::move(command));
  if (!rotated) throw ConfigError(rotated.error().detail);
  out << "show " << show->id.text() << " signs with key " << rotated->number << " from now on\n";
  return 0;
}

}  // namespace admit::app

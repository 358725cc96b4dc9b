#include "engine/sale_view.hpp"

#include <algorithm>

namespace admit::engine {
namespace {

constexpr std::chrono::milliseconds keep_for{50};
constexpr std::size_t max_entries = 1'000;
constexpr int max_load_rounds = 4;

bool is_complete(const domain::Reserve& command, const domain::World& world) {
  domain::Needs needs(world);
  domain::needs_for_sale(command, needs);
  return needs.missing().empty();
}

/// Nothing is kept for ids that somebody made up.
bool names_only_its_own(const domain::Reserve& command, const domain::World& world) {
  if (world.find<domain::Show>(command.show_id) == nullptr) return false;
  return std::ranges::all_of(command.lines, [&](const domain::LineChoice& line) {
    const auto* tier = world.find<domain::Tier>(line.tier_id);
    return tier != nullptr && tier->show_id == command.show_id;
  });
}

}  // namespace

std::optional<domain::Error> SaleView::refuse_sold_out(const domain::Reserve& command) {
  const auto now = std::chrono::steady_clock::now();
  std::shared_ptr<const domain::World> world;
  std::uint64_t generation = 0;
  std::chrono::steady_clock::time_point loaded_before{};
  {
    const std::lock_guard lock(x_mutex);
    generation = x_generation;
    const auto it = x_entries.find(command.show_id);
    if (it != x_entries.end() && now - it->second.loaded < keep_for) {
      world = it->second.world;
      loaded_before = it->second.loaded;
    }
  }
  if (!world || !is_complete(command, *world)) {
    auto fresh = world ? std::make_shared<domain::World>(*world) : std::make_shared<domain::World>();
    for (int round = 0; round < max_load_rounds; ++round) {
      domain::Needs needs(*fresh);
      domain::needs_for_sale(command, needs);
      if (needs.missing().empty()) break;
      x_store.read(needs.missing(), *fresh);
    }
    if (!is_complete(command, *fresh) || !names_only_its_own(command, *fresh)) return std::nullopt;
    const auto loaded = world ? loaded_before : now;
    world = fresh;
    const std::lock_guard lock(x_mutex);
    if (x_generation == generation) {  // nothing that matters was committed while it was read
      if (x_entries.size() >= max_entries) x_entries.clear();
      x_entries[command.show_id] = {world, loaded, generation};
    }
  }
  const auto lines = domain::check_sale(command, *world);
  if (!lines && lines.error().code == domain::Refusal::sold_out) return lines.error();
  return std::nullopt;
}

void SaleView::on_commit(const domain::Changes& changes) {
  const bool gives_back = std::ranges::any_of(changes.deltas, [](const domain::Delta& delta) {
    return delta.amount < 0 && delta.table == domain::table_of<domain::Quota>;
  });
  const bool changes_terms = !changes.of<domain::Show>().empty() || !changes.of<domain::Business>().empty() ||
                             !changes.of<domain::Tier>().empty() || !changes.of<domain::Quota>().empty();
  if (!gives_back && !changes_terms) return;
  const std::lock_guard lock(x_mutex);
  ++x_generation;
  x_entries.clear();
}

}  // namespace admit::engine

#include "domain/world.hpp"

namespace admit::domain {

World::World() = default;
World::World(const World& other) = default;
World::~World() = default;

void World::fill_absent(std::size_t table_number, Uuid id) {
  for_each_table([&]<class Row>() {
    if (table_of<Row> == table_number) table<Row>().slots.try_emplace(id);
  });
}

void World::savepoint() {
  std::apply([](auto&... t) { (t.set_savepoint(), ...); }, x_tables);
}

void World::rollback() {
  std::apply([](auto&... t) { (t.roll_back(), ...); }, x_tables);
}

Changes World::changes() const {
  Changes out;
  for_each_table([&]<class Row>() {
    auto& puts = std::get<std::vector<Put<Row>>>(out.puts);
    const auto& t = table<Row>();
    puts.reserve(t.dirty.size());
    for (const auto& id : t.dirty) {
      const auto& slot = t.slots.at(id);
      if (slot.written) puts.push_back({&slot.row, slot.base_version});
      // A counter inserted by this batch carries its value itself.
      if (slot.delta != 0 && slot.base_version != 0) out.deltas.push_back({table_of<Row>, id, slot.delta});
    }
    for (const auto& [id, slot] : t.slots) {
      if (slot.exists && !slot.written && slot.delta == 0) out.reads.push_back({table_of<Row>, id, slot.base_version});
    }
  });
  return out;
}

bool World::changed() const {
  return std::apply([](const auto&... t) { return (!t.dirty.empty() || ...); }, x_tables);
}

std::size_t World::change_count() const {
  return std::apply([](const auto&... t) { return ((t.dirty.size() + t.counters_put) + ...); }, x_tables);
}

void World::clear() {
  std::apply([](auto&... t) { (t.clear(), ...); }, x_tables);
}

}  // namespace admit::domain

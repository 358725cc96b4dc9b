#include "engine/device_view.hpp"

#include <doctest/doctest.h>

#include "store/memory/memory_store.hpp"

namespace admit::engine {
namespace {

domain::Device device(std::uint64_t n) { return {.id = domain::DeviceId{domain::Uuid{1, n}}, .gate = "North"}; }

void save(store::Store& store, DeviceView& view, domain::Device row) {
  domain::World world;
  const domain::Need need{domain::table_of<domain::Device>, row.id.value, true};
  const auto unit = store.begin();
  unit->load({&need, 1}, world);
  world.put(std::move(row));
  const auto changes = world.changes();
  REQUIRE(unit->save(changes).status == store::SaveStatus::saved);
  view.on_commit(changes);
}

TEST_CASE("device view: a device is found, and found again after it was changed") {
  store::memory::MemoryStore store;
  DeviceView view(store);
  CHECK(view.find(device(1).id) == nullptr);
  save(store, view, device(1));
  REQUIRE(view.find(device(1).id) != nullptr);
  CHECK_FALSE(view.find(device(1).id)->revoked_at);
  auto revoked = device(1);
  revoked.revoked_at = domain::from_unix_ms(1);
  save(store, view, revoked);
  CHECK(view.find(device(1).id)->revoked_at);
}

}  // namespace
}  // namespace admit::engine

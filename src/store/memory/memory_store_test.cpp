#include "store/memory/memory_store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "store/row_size.hpp"

namespace admit::store::memory {
namespace {

using domain::UserId;

SaveStatus put_user(Store& store, std::uint64_t n, std::string name) {
  const UserId id{{n, 1}};
  const Need need{domain::table_of<domain::User>, id.value, true};
  World world;
  const auto unit = store.begin();
  unit->load({&need, 1}, world);
  world.put(domain::User{.id = id, .name = std::move(name)});
  return unit->save(world.changes()).status;
}

std::vector<Fault> faults_of(std::uint64_t seed, FaultRates rates, Call call, int count) {
  SeededFaults faults(seed, rates);
  std::vector<Fault> out;
  for (int i = 0; i < count; ++i) out.push_back(faults.next(call));
  return out;
}

}  // namespace

TEST_CASE("memory store: a copy goes its own way") {
  MemoryStore store;
  CHECK(put_user(store, 1, "Ada") == SaveStatus::saved);
  const auto copy = store.copy();
  CHECK(put_user(*copy, 1, "Grace") == SaveStatus::saved);
  CHECK(put_user(*copy, 2, "Mary") == SaveStatus::saved);
  CHECK(get<domain::User>(store, UserId{{1, 1}})->name == "Ada");
  CHECK_FALSE(get<domain::User>(store, UserId{{2, 1}}));
  CHECK(get<domain::User>(*copy, UserId{{1, 1}})->version == 2);
}

TEST_CASE("memory store: several units may be open, the first to save wins") {
  MemoryStore store;
  const auto first = store.begin();
  const auto second = store.begin();
  const domain::User row{.id = UserId{{1, 1}}};
  Changes changes;
  std::get<std::vector<domain::Put<domain::User>>>(changes.puts).push_back({&row, 0});
  CHECK(second->save(changes).status == SaveStatus::saved);
  CHECK(first->save(changes).status == SaveStatus::conflict);
}

TEST_CASE("memory store: a unit that has ended is a bug to use") {
  MemoryStore store;
  const auto unit = store.begin();
  CHECK(unit->save({}).status == SaveStatus::saved);
  CHECK_THROWS_AS(static_cast<void>(unit->save({})), std::logic_error);
}

TEST_CASE("memory store: a crash kills open units and keeps rows") {
  MemoryStore store;
  CHECK(put_user(store, 1, "Ada") == SaveStatus::saved);
  const auto unit = store.begin();
  store.crash();
  World world;
  const Need need{domain::table_of<domain::User>, {1, 1}, false};
  CHECK_THROWS_AS(unit->load({&need, 1}, world), StoreUnavailable);
  CHECK(get<domain::User>(store, UserId{{1, 1}})->name == "Ada");
}

TEST_CASE("memory store: a limit of bytes is kept by the weight of the rows") {
  const domain::User row{.id = UserId{{1, 1}}, .name = std::string(500, 'n')};
  CHECK(size_bytes(row) > 500);
  CHECK(size_bytes(row) < 1500);
  MemoryStore small({.max_items = 10, .max_bytes = 400});
  CHECK_THROWS_AS(put_user(small, 1, std::string(500, 'n')), std::logic_error);
  MemoryStore large({.max_items = 10, .max_bytes = 1500});
  CHECK(put_user(large, 1, std::string(500, 'n')) == SaveStatus::saved);
}

TEST_CASE("memory store: a malformed cursor is refused") {
  MemoryStore store;
  const UserId user{{1, 1}};
  const domain::Session row{.id = domain::SessionId{{2, 2}}, .user_id = user};
  Changes changes;
  std::get<std::vector<domain::Put<domain::Session>>>(changes.puts).push_back({&row, 0});
  CHECK(store.begin()->save(changes).status == SaveStatus::saved);
  for (const char* order : {"", "x", "12x", "99999999999999999999"}) {
    CHECK_THROWS_AS(static_cast<void>(list<domain::Session>(store, "by_user", user.value, 10, Cursor{order, {}})),
                    std::invalid_argument);
  }
}

TEST_CASE("faults: a script strikes at the call it names, once, or always until told otherwise") {
  ScriptedFaults faults;
  faults.at(Call::save, 2, Fault::conflict);
  CHECK(faults.next(Call::save) == Fault::none);
  CHECK(faults.next(Call::load) == Fault::none);
  CHECK(faults.next(Call::save) == Fault::conflict);
  CHECK(faults.next(Call::save) == Fault::none);
  faults.at(Call::save, 1, Fault::lost_ack_saved);
  CHECK(faults.next(Call::save) == Fault::lost_ack_saved);
  faults.always(Call::read, Fault::unavailable);
  CHECK(faults.next(Call::read) == Fault::unavailable);
  CHECK(faults.next(Call::read) == Fault::unavailable);
  faults.always(Call::read, Fault::none);
  CHECK(faults.next(Call::read) == Fault::none);
  CHECK(faults.calls(Call::save) == 4);
}

TEST_CASE("faults: a seed gives the same faults again, about as often as asked") {
  const FaultRates rates{.unavailable_ppm = 100'000,
                         .conflict_ppm = 200'000,
                         .lost_ack_saved_ppm = 50'000,
                         .lost_ack_not_saved_ppm = 50'000};
  const auto faults = faults_of(7, rates, Call::save, 10'000);
  CHECK(faults == faults_of(7, rates, Call::save, 10'000));
  CHECK(faults != faults_of(8, rates, Call::save, 10'000));
  CHECK(std::ranges::count(faults, Fault::unavailable) == doctest::Approx(1000).epsilon(0.2));
  CHECK(std::ranges::count(faults, Fault::conflict) == doctest::Approx(2000).epsilon(0.2));
  CHECK(std::ranges::count(faults, Fault::lost_ack_saved) == doctest::Approx(500).epsilon(0.3));
  CHECK(std::ranges::count(faults, Fault::lost_ack_not_saved) == doctest::Approx(500).epsilon(0.3));
  const auto reads = faults_of(7, rates, Call::read, 10'000);
  CHECK(std::ranges::count(reads, Fault::none) + std::ranges::count(reads, Fault::unavailable) == 10'000);
}

}  // namespace admit::store::memory

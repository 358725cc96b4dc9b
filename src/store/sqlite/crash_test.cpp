// Power cuts: whatever was acknowledged is there afterwards, and nothing is half there.

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>

#include "store/sqlite/crash_disk.hpp"
#include "store/sqlite/sqlite_store.hpp"

using namespace admit;
using namespace admit::store;
using namespace admit::store::sqlite;

namespace {

constexpr domain::CounterId mark_id{Uuid{1, 1}};
constexpr domain::QuotaId quota_id{Uuid{1, 2}};
constexpr std::uint64_t rows_a_unit = 3;

Options on(const CrashDisk& disk) {
  return {.vfs = disk.name(),
          .log_limit_bytes = 60 * 4120,
          .copy_after_frames = 25,
          .copy_after = std::chrono::milliseconds(5)};
}

domain::CheckInId check_in_id(std::uint64_t unit, std::uint64_t k) {
  return {domain::derived_uuid("check_in", std::to_string(unit) + "/" + std::to_string(k))};
}

/// The n-th unit, from 1: adds rows, moves a counter, rewrites the mark.
SaveStatus run_unit(Store& store, std::uint64_t n) {
  auto unit = store.begin();
  World world;
  const std::array needs{Need{domain::table_of<domain::LaneMark>, mark_id.value, true},
                         Need{domain::table_of<domain::Quota>, quota_id.value, true}};
  unit->load(needs, world);
  world.put(domain::LaneMark{.id = mark_id, .batch = Uuid{0, n}});
  if (world.find<domain::Quota>(quota_id) == nullptr) {
    world.put(domain::Quota{.id = quota_id, .show_id = {}, .name = "places", .size = 1'000'000});
  }
  CHECK(world.take<domain::Quota>(quota_id, rows_a_unit));
  for (std::uint64_t k = 0; k < rows_a_unit; ++k) {
    domain::CheckIn row;
    row.id = check_in_id(n, k);
    row.show_id = {Uuid{1, n % 3}};
    row.gate = std::string(n % 400, 'g');
    world.put(row);
  }
  return unit->save(world.changes()).status;
}

/// What is wrong with a disk after a power cut; "" if nothing.
std::string fault_of(CrashDisk& disk, std::uint64_t acknowledged, std::uint64_t begun) {
  try {
    SqliteStore store(on(disk));
    const auto error = store.integrity_error();
    if (!error.empty()) return "integrity: " + error;
    const auto mark = get<domain::LaneMark>(store, mark_id);
    const auto done = mark ? mark->batch.low : 0;
    if (done < acknowledged) return "lost units " + std::to_string(done + 1) + ".." + std::to_string(acknowledged);
    if (done > begun) return "a unit that nobody ran";
    const auto quota = get<domain::Quota>(store, quota_id);
    const auto taken = quota ? quota->taken : 0;
    if (static_cast<std::uint64_t>(taken) != done * rows_a_unit) return "the counter does not fit the mark";
    const auto rows = scan<domain::CheckIn>(store, Uuid{}, 10'000);
    if (rows.size() != done * rows_a_unit) return "the rows do not fit the mark";
    std::size_t listed = 0;
    for (std::uint64_t show = 0; show < 3; ++show) {
      listed += list<domain::CheckIn>(store, "by_show", Uuid{1, show}, 10'000).rows.size();
    }
    if (listed != rows.size()) return "the index does not fit the rows";
    if (done != 0 && !get<domain::CheckIn>(store, check_in_id(done, 0))) return "the last unit's row is missing";
    if (run_unit(store, done + 1) != SaveStatus::saved) return "it cannot go on";
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("sqlite: a power cut at any of a thousand syncs loses nothing acknowledged and leaves nothing half done") {
  CrashDisk disk("crash");
  std::atomic<std::uint64_t> acknowledged = 0;
  std::atomic<std::uint64_t> begun = 0;
  std::atomic<std::uint64_t> cuts = 0;
  std::mutex mutex;
  std::vector<std::string> faults;
  std::mt19937_64 random(20'260'101);

  const auto cut = [&](CrashDisk::Image image, const char* kind, std::uint64_t acknowledged_before) {
    const auto number = ++cuts;
    CrashDisk after("after-" + std::to_string(number), std::move(image));
    const auto fault = fault_of(after, acknowledged_before, begun);
    if (fault.empty()) return;
    const std::lock_guard lock(mutex);
    faults.push_back("cut " + std::to_string(number) + ", " + kind + ": " + fault);
  };
  std::atomic<std::uint64_t> syncs = 0;
  disk.on_sync = [&] {
    ++syncs;
    const auto before = acknowledged.load();
    cut(disk.synced_only(), "only what was synced", before);
    std::mt19937_64 mine;
    {
      const std::lock_guard lock(mutex);
      mine.seed(random());
    }
    cut(disk.torn(mine), "torn", before);
  };

  std::uint64_t checkpoints = 0;
  std::uint64_t restarts = 0;
  // Opened and closed several times, for the first migration, the close and the recovery are cut as well.
  while (syncs < 1000 && faults.size() < 5) {
    SqliteStore store(on(disk));
    for (int i = 0; i < 120; ++i) {
      begun = acknowledged + 1;
      REQUIRE(run_unit(store, begun) == SaveStatus::saved);
      acknowledged = begun.load();
    }
    checkpoints += store.figures().checkpoints;
    restarts += store.figures().log_restarts;
  }
  for (const auto& fault : faults) FAIL_CHECK(fault);
  CHECK(cuts == 2 * syncs);
  CHECK(checkpoints > 50);
  MESSAGE(syncs.load() << " syncs, " << cuts.load() << " power cuts, " << acknowledged.load() << " units, " << checkpoints
                       << " checkpoints, " << restarts << " log restarts");
}

TEST_CASE("sqlite: a full disk refuses a save, which leaves nothing, and the store goes on when there is room") {
  CrashDisk disk("full");
  SqliteStore store(on(disk));
  CHECK(run_unit(store, 1) == SaveStatus::saved);
  disk.fault = CrashDisk::Fault::disk_full;
  CHECK_THROWS_WITH_AS((void)run_unit(store, 2), doctest::Contains("the disk is full"), StoreUnavailable);
  CHECK(get<domain::LaneMark>(store, mark_id)->batch == Uuid{0, 1});
  disk.fault = CrashDisk::Fault::none;
  CHECK(run_unit(store, 2) == SaveStatus::saved);
  CHECK(get<domain::LaneMark>(store, mark_id)->batch == Uuid{0, 2});
}

TEST_CASE("sqlite: when the sync of a commit fails its outcome is unknown, until a restart tells") {
  CrashDisk disk("failing");
  {
    SqliteStore store({.vfs = disk.name()});
    CHECK(run_unit(store, 1) == SaveStatus::saved);
    disk.fault = CrashDisk::Fault::failing_sync;
    CHECK_THROWS_AS((void)run_unit(store, 2), OutcomeUnknown);
    disk.fault = CrashDisk::Fault::none;
    CHECK_THROWS_WITH_AS((void)store.begin(), doctest::Contains("until the server is restarted"), StoreUnavailable);
    CHECK_THROWS_AS((void)get<domain::LaneMark>(store, mark_id), StoreUnavailable);
  }
  CHECK(fault_of(disk, 1, 2).empty());
}

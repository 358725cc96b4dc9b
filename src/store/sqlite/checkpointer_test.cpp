// The write-ahead log stays bounded under load, and the database whole. docs/adr/0005-sqlite-checkpoints.md

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "store/sqlite/sqlite_store.hpp"
#include "store/sqlite/test_folder.hpp"

using namespace admit;
using namespace admit::store;
using namespace admit::store::sqlite;

TEST_CASE("sqlite: checkpoints, restarts of the log, two lanes and readers at once leave every row whole") {
  const TestFolder folder;
  constexpr std::size_t log_limit = std::size_t{1} << 20;
  constexpr int units_a_lane = 700;
  const Options options{.path = folder.path(),
                        .log_limit_bytes = log_limit,
                        .copy_after_frames = 8,
                        .copy_after = std::chrono::milliseconds(1)};
  {
    SqliteStore store(options);
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (std::uint64_t lane = 1; lane <= 2; ++lane) {
      threads.emplace_back([&, lane] {
        for (std::uint64_t n = 1; n <= units_a_lane; ++n) {
          World world;
          const auto unit = store.begin();
          std::vector<Need> needs;
          // Rows all over the table, so that each commit writes many pages.
          for (std::uint64_t k = 0; k < 10; ++k) {
            const Uuid id{lane, (n * 7919 + k * 104729) % 500};
            needs.push_back({domain::table_of<domain::InboxEvent>, id, true});
          }
          unit->load(needs, world);
          for (const auto& need : needs) {
            domain::InboxEvent row;
            row.id = {need.id};
            row.object_id = std::to_string(n);
            row.payload = std::string(1500 + n % 500, static_cast<char>('a' + n % 26));
            world.put(row);
          }
          world.put(domain::LaneMark{.id = {Uuid{lane, n}}, .batch = Uuid{lane, n}});
          if (unit->save(world.changes()).status != SaveStatus::saved) FAIL_CHECK("not saved");
        }
      });
    }
    threads.emplace_back([&] {
      while (!stop) {
        for (const auto& row : scan<domain::InboxEvent>(store, Uuid{}, 200)) {
          const auto n = std::stoull(row.object_id);
          if (row.payload != std::string(1500 + n % 500, static_cast<char>('a' + n % 26))) FAIL_CHECK("a torn row");
        }
      }
    });
    threads[0].join();
    threads[1].join();
    stop = true;
    threads[2].join();
    CHECK(store.integrity_error().empty());
    const auto figures = store.figures();
    CHECK(figures.commits == 2 * units_a_lane);
    CHECK(figures.checkpoints > 20);
    // How far it grows beyond the limit is a matter of who gets the processor; that it starts again is not.
    CHECK(figures.log_restarts > 0);
  }
  SqliteStore again(options);
  CHECK(again.integrity_error().empty());
  CHECK(scan<domain::LaneMark>(again, Uuid{}, 10'000).size() == 2 * units_a_lane);
}

TEST_CASE("sqlite: an idle store has copied its log") {
  const TestFolder folder;
  SqliteStore store(Options{.path = folder.path(), .copy_after = std::chrono::milliseconds(10)});
  World world;
  world.put(domain::LaneMark{.id = {Uuid{1, 1}}, .batch = Uuid{1, 1}});
  CHECK(store.begin()->save(world.changes()).status == SaveStatus::saved);
  const auto before = store.figures().checkpoints;
  for (int i = 0; i < 200 && store.figures().checkpoints <= before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(store.figures().checkpoints > 1);
}

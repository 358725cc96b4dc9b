#include "store/sqlite/log_buffer.hpp"

#include <doctest/doctest.h>

#include "store/sqlite/crash_disk.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/test_folder.hpp"

using namespace admit::store::sqlite;

namespace {

constexpr int row_bytes = 10'000;
constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

Database made(const std::string& vfs, std::size_t cache_kib) {
  Database db("log.db", flags, vfs, cache_kib);
  db.execute("pragma journal_mode=wal; create table thing (number integer primary key, text blob not null)");
  return db;
}

/// More than the buffer holds, and where the cache is small more than that holds: then SQLite writes before the commit.
void insert(Database& db, int rows) {
  auto statement = db.prepare("insert into thing (text) values (zeroblob(?1))");
  for (int i = 0; i < rows; ++i) {
    Run run(statement);
    run.bind(1, row_bytes);
    run.step();
  }
}

std::int64_t count(Database& db) {
  auto statement = db.prepare("select count(*), coalesce(sum(length(text)), 0) from thing");
  Run run(statement);
  run.step();
  CHECK(run.number(1) == run.number(0) * row_bytes);
  return run.number(0);
}

std::string check(Database& db) {
  auto statement = db.prepare("pragma integrity_check(1)");
  Run run(statement);
  run.step();
  return std::string(run.text(0));
}

}  // namespace

TEST_CASE("log buffer: another connection sees every commit whole, and nothing before it") {
  for (const std::size_t cache_kib : {40, 4096}) {
    CrashDisk disk("log-buffer-" + std::to_string(cache_kib));
    const LogBuffer buffer(disk.name());
    Database writer = made(buffer.name(), cache_kib);
    Database reader("log.db", SQLITE_OPEN_READONLY, disk.name(), 4096);
    writer.execute("begin immediate");
    insert(writer, 100);
    CHECK(count(reader) == 0);
    CHECK(count(writer) == 100);
    writer.execute("commit");
    CHECK(count(reader) == 100);
    CHECK(check(reader) == "ok");
  }
}

TEST_CASE("log buffer: what is taken back leaves nothing, in the log either") {
  CrashDisk disk("log-buffer-undone");
  const LogBuffer buffer(disk.name());
  Database writer = made(buffer.name(), 40);
  for (int round = 0; round < 3; ++round) {
    writer.execute("begin immediate");
    insert(writer, 100);
    writer.execute("rollback; begin immediate");
    insert(writer, 7);
    writer.execute("commit");
    CHECK(count(writer) == 7 * (round + 1));
  }
  CrashDisk after("log-buffer-after", disk.synced_only());
  Database found("log.db", flags, after.name(), 4096);
  CHECK(count(found) == 21);
  CHECK(check(found) == "ok");
}

TEST_CASE("log buffer: a disk that fills up fails the commit, which leaves nothing") {
  CrashDisk disk("log-buffer-full");
  const LogBuffer buffer(disk.name());
  Database writer = made(buffer.name(), 4096);
  writer.execute("begin immediate");
  insert(writer, 100);
  disk.fault = CrashDisk::Fault::disk_full;
  CHECK_THROWS_AS(writer.execute("commit"), admit::store::StoreUnavailable);
  disk.fault = CrashDisk::Fault::none;
  sqlite3_exec(writer.raw(), "rollback", nullptr, nullptr, nullptr);
  CHECK(count(writer) == 0);
  insert(writer, 1);
  CHECK(count(writer) == 1);
  CHECK(check(writer) == "ok");
}

TEST_CASE("log buffer: hundreds of pages on the system's own files") {
  const TestFolder folder;
  const auto file = (folder.path() / "log.db").string();
  const LogBuffer buffer("");
  Database writer(file, flags, buffer.name(), 4096);
  writer.execute("pragma journal_mode=wal; create table thing (number integer primary key, text blob not null)");
  writer.execute("begin immediate");
  insert(writer, 300);
  writer.execute("commit");
  Database reader(file, SQLITE_OPEN_READONLY, "", 4096);
  CHECK(count(reader) == 300);
  CHECK(check(reader) == "ok");
}

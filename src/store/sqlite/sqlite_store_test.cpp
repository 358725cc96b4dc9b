#include "store/sqlite/sqlite_store.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "store/sqlite/folder_lock.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/test_folder.hpp"

using namespace admit;
using namespace admit::store;
using namespace admit::store::sqlite;
using domain::from_unix_ms;

namespace {

template <class Id>
Id id_of(std::uint64_t n) {
  return Id{Uuid{0x0192000000000000ull, n}};
}

domain::Registration full_registration() {
  domain::Registration row;
  row.id = id_of<domain::RegistrationId>(1);
  row.show_id = id_of<domain::ShowId>(2);
  row.user_id = id_of<domain::UserId>(3);
  row.status = domain::RegistrationStatus::confirmed;
  domain::Line line;
  line.tier_id = id_of<domain::TierId>(4);
  line.quantity = 2;
  line.holders = {"Zoë \"the\" Łuk\\a\n\x01", ""};
  line.price_minor = -5;
  line.gross_minor = INT64_MAX;
  row.lines = {line, {}};
  row.currency = "EUR";
  row.created_at = from_unix_ms(1'700'000'000'123);
  row.due_at = from_unix_ms(-1);
  row.test = true;
  return row;
}

template <class Row>
SaveStatus save(Store& store, Row row) {
  auto unit = store.begin();
  World world;
  const Need need{domain::table_of<Row>, row.id.value, true};
  unit->load({&need, 1}, world);
  world.put(std::move(row));
  return unit->save(world.changes()).status;
}

domain::Quota quota(std::int64_t size) {
  domain::Quota row;
  row.id = id_of<domain::QuotaId>(1);
  row.size = size;
  return row;
}

/// A delta as decided by one who read the counter long ago: only its guard counts.
SaveStatus take(Store& store, std::int64_t amount, std::int64_t stored_taken) {
  World world;
  auto row = quota(1'000'000);
  row.version = 1;
  row.taken = stored_taken;
  world.fill(row);
  CHECK(world.take<domain::Quota>(row.id, amount));
  return store.begin()->save(world.changes()).status;
}

}  // namespace

TEST_CASE("sqlite: a row of every kind of column comes back as it was saved, also after a restart") {
  const TestFolder folder;
  const auto row = full_registration();
  for (int opened = 0; opened < 2; ++opened) {
    SqliteStore store(Options{.path = folder.path()});
    if (opened == 0) CHECK(save(store, row) == SaveStatus::saved);
    const auto back = get<domain::Registration>(store, row.id);
    REQUIRE(back);
    CHECK(back->version == 1);
    CHECK(back->lines == row.lines);
    CHECK(back->status == row.status);
    CHECK(back->created_at == row.created_at);
    CHECK(back->due_at == row.due_at);
    CHECK(back->transaction_id == row.transaction_id);
    CHECK(back->test);
    CHECK(store.integrity_error().empty());
  }
  CHECK_FALSE(std::filesystem::exists(folder.path() / "admit.db-wal"));
}

TEST_CASE("sqlite: an update that moves a row in its index finds it there") {
  const TestFolder folder;
  SqliteStore store(Options{.path = folder.path()});
  auto row = full_registration();
  CHECK(save(store, row) == SaveStatus::saved);
  row.flag = "look";
  CHECK(save(store, row) == SaveStatus::saved);
  row.show_id = id_of<domain::ShowId>(9);
  CHECK(save(store, row) == SaveStatus::saved);
  CHECK(list<domain::Registration>(store, "by_show", id_of<domain::ShowId>(2).value, 10).rows.empty());
  const auto page = list<domain::Registration>(store, "by_show", id_of<domain::ShowId>(9).value, 10);
  REQUIRE(page.rows.size() == 1);
  CHECK(page.rows[0].version == 3);
  CHECK(page.rows[0].flag == "look");
}

TEST_CASE("sqlite: a stale version, a second insert and a taken unique pair are told apart") {
  const TestFolder folder;
  SqliteStore store(Options{.path = folder.path()});
  domain::Ticket ticket;
  ticket.id = id_of<domain::TicketId>(1);
  ticket.number = 1;
  CHECK(save(store, ticket) == SaveStatus::saved);

  World stale;  // knows nothing of the ticket
  stale.put(ticket);
  CHECK(store.begin()->save(stale.changes()).status == SaveStatus::conflict);

  World old;
  ticket.version = 7;
  old.fill(ticket);
  old.put(ticket);
  const auto result = store.begin()->save(old.changes());
  CHECK(result.status == SaveStatus::conflict);
  CHECK(result.table == domain::table_of<domain::Ticket>);
  CHECK(result.id == ticket.id.value);

  auto twin = ticket;
  twin.id = id_of<domain::TicketId>(2);
  CHECK(save(store, twin) == SaveStatus::duplicate);
  twin.number = 2;
  CHECK(save(store, twin) == SaveStatus::saved);
  twin.number = 1;
  CHECK(save(store, twin) == SaveStatus::duplicate);
  CHECK(get<domain::Ticket>(store, twin.id)->number == 2);
}

TEST_CASE("sqlite: a counter moves by deltas within its bounds only, and a save of the row leaves it") {
  const TestFolder folder;
  SqliteStore store(Options{.path = folder.path()});
  CHECK(save(store, quota(3)) == SaveStatus::saved);
  CHECK(take(store, 2, 0) == SaveStatus::saved);
  CHECK(take(store, 2, 0) == SaveStatus::guard_failed);
  CHECK(take(store, -3, 5) == SaveStatus::guard_failed);
  auto row = *get<domain::Quota>(store, quota(3).id);
  CHECK(row.taken == 2);
  row.taken = 0;
  row.name = "stalls";
  CHECK(save(store, row) == SaveStatus::saved);
  row = *get<domain::Quota>(store, row.id);
  CHECK(row.taken == 2);
  CHECK(row.name == "stalls");
  CHECK(take(store, -2, 2) == SaveStatus::saved);
  row = *get<domain::Quota>(store, row.id);
  CHECK(row.taken == 0);
  CHECK(row.version == 4);
}

TEST_CASE("sqlite: a unit that is dropped or refused leaves nothing behind") {
  const TestFolder folder;
  SqliteStore store(Options{.path = folder.path()});
  { auto dropped = store.begin(); }
  World world;
  world.put(full_registration());
  auto row = quota(1);
  row.version = 4;
  world.fill(row);
  world.put(row);  // conflicts, after the registration was written
  CHECK(store.begin()->save(world.changes()).status == SaveStatus::conflict);
  CHECK_FALSE(get<domain::Registration>(store, full_registration().id));
  CHECK(store.figures().commits == 0);
}

TEST_CASE("sqlite: lists page forwards and backwards without loss or repetition") {
  const TestFolder folder;
  SqliteStore store(Options{.path = folder.path()});
  for (std::uint64_t i = 0; i < 25; ++i) {
    domain::Session row;
    row.id = id_of<domain::SessionId>(i + 1);
    row.user_id = id_of<domain::UserId>(i == 24 ? 8 : 7);
    row.created_at = from_unix_ms(static_cast<std::int64_t>(i / 5));  // ties are broken by id
    CHECK(save(store, row) == SaveStatus::saved);
  }
  for (const bool descending : {false, true}) {
    std::vector<domain::SessionId> seen;
    std::optional<Cursor> after;
    do {
      auto page = list<domain::Session>(store, "by_user", id_of<domain::UserId>(7).value, 6, after, descending);
      for (const auto& row : page.rows) seen.push_back(row.id);
      after = page.next;
    } while (after);
    REQUIRE(seen.size() == 24);
    if (descending) std::reverse(seen.begin(), seen.end());
    for (std::uint64_t i = 0; i < 24; ++i) CHECK(seen[i] == id_of<domain::SessionId>(i + 1));
  }
  const auto first = scan<domain::Session>(store, Uuid{}, 20);
  REQUIRE(first.size() == 20);
  CHECK(scan<domain::Session>(store, first.back().id.value, 20).size() == 5);
}

TEST_CASE("sqlite: due rows come earliest first; purge forgets what is over and counters at zero") {
  const TestFolder folder;
  SqliteStore store(Options{.path = folder.path()});
  for (std::uint64_t i = 0; i < 5; ++i) {
    domain::IdempotentReply row;
    row.id = id_of<domain::ClaimId>(i + 1);
    if (i != 4) row.due_at = from_unix_ms(100 - static_cast<std::int64_t>(i));
    CHECK(save(store, row) == SaveStatus::saved);
  }
  const auto due_rows = due<domain::IdempotentReply>(store, from_unix_ms(99), 10);
  REQUIRE(due_rows.size() == 3);
  CHECK(due_rows[0].due_at == from_unix_ms(97));
  for (std::uint64_t i = 0; i < 2; ++i) {
    domain::HoldCounter counter;
    counter.id = id_of<domain::CounterId>(i + 1);
    counter.size = 5;
    counter.taken = static_cast<std::int64_t>(i);
    CHECK(save(store, counter) == SaveStatus::saved);
  }
  CHECK(store.purge(from_unix_ms(99), 2) == 2);
  CHECK(store.purge(from_unix_ms(99), 10) == 2);
  CHECK(store.purge(from_unix_ms(99), 10) == 0);
  CHECK(get<domain::IdempotentReply>(store, id_of<domain::ClaimId>(5)));
  CHECK(get<domain::HoldCounter>(store, id_of<domain::CounterId>(2)));
  CHECK_FALSE(get<domain::HoldCounter>(store, id_of<domain::CounterId>(1)));
}

TEST_CASE("sqlite: a second writer on the same folder is refused, a reader is not") {
  const TestFolder folder;
  SqliteStore store(Options{.path = folder.path()});
  CHECK(save(store, full_registration()) == SaveStatus::saved);
  CHECK_THROWS_WITH_AS(SqliteStore(Options{.path = folder.path()}),
                       doctest::Contains("in use by another admit process"), StoreUnavailable);
  {
    SqliteStore reader(Options{.path = folder.path(), .read_only = true});
    CHECK(get<domain::Registration>(reader, full_registration().id));
    CHECK_THROWS_AS((void)reader.begin(), std::logic_error);
  }
  CHECK(save(store, quota(3)) == SaveStatus::saved);
}

TEST_CASE("sqlite: a folder without a database, and a damaged one, are refused with a sentence") {
  const TestFolder folder;
  CHECK_THROWS_WITH_AS(SqliteStore(Options{.path = folder.path(), .read_only = true}),
                       doctest::Contains("cannot be opened"), StoreUnavailable);
  {
    FILE* file = fopen((folder.path() / "admit.db").c_str(), "w");
    for (int i = 0; i < 5000; ++i) fputs("not a database", file);
    fclose(file);
  }
  CHECK_THROWS_WITH_AS(SqliteStore(Options{.path = folder.path()}), doctest::Contains("damaged or is not a database"),
                       StoreUnavailable);
}

TEST_CASE("sqlite: a database of a newer binary is refused") {
  const TestFolder folder;
  { const SqliteStore store(Options{.path = folder.path()}); }
  {
    Database db((folder.path() / "admit.db").string(), SQLITE_OPEN_READWRITE, "", 100);
    db.execute("insert into schema_migration values (999, 'from the future', 0)");
  }
  CHECK_THROWS_WITH_AS(SqliteStore(Options{.path = folder.path()}), doctest::Contains("newer binary"), StoreUnavailable);
}

TEST_CASE("sqlite: a read of several rows sees one moment") {
  const TestFolder folder;
  SqliteStore store(Options{.path = folder.path()});
  const std::array<Need, 2> needs{Need{domain::table_of<domain::LaneMark>, Uuid{1, 1}, false},
                                  Need{domain::table_of<domain::LaneMark>, Uuid{1, 2}, false}};
  const auto write = [&](std::uint64_t batch) {
    auto unit = store.begin();
    World world;
    unit->load(needs, world);
    for (const auto& need : needs) world.put(domain::LaneMark{.id = {need.id}, .batch = Uuid{0, batch}});
    return unit->save(world.changes()).status == SaveStatus::saved;
  };
  CHECK(write(1));
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) {
      World world;
      store.read(needs, world);
      const auto& first = world.get<domain::LaneMark>({needs[0].id});
      const auto& second = world.get<domain::LaneMark>({needs[1].id});
      if (first.batch != second.batch) FAIL_CHECK("two moments in one read");
    }
  });
  for (std::uint64_t batch = 2; batch < 200; ++batch) CHECK(write(batch));
  stop = true;
  reader.join();
}

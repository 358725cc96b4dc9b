// Lists come in order and page by a cursor that neither repeats nor skips.

#include <algorithm>

#include "contract.hpp"

namespace admit::contract {
namespace {

const auto show = nth<ShowId>(7);
constexpr Uuid high_id{0xFFFF'0000'0000'7000, 1};

Tier tier(std::uint64_t n, std::int64_t number) {
  auto row = ordinary(nth<TierId>(n), n);
  row.show_id = show;
  row.number = number;
  return row;
}

Quota quota(std::uint64_t n, std::string name) {
  auto row = ordinary(nth<QuotaId>(n), n);
  row.show_id = show;
  row.name = std::move(name);
  return row;
}

Registration registration(std::uint64_t n, std::int64_t created_ms) {
  auto row = ordinary(nth<RegistrationId>(n), n);
  row.show_id = show;
  row.created_at = from_unix_ms(created_ms);
  return row;
}

/// Every row of the list, gathered in pages of `limit`; each page but the last must be full.
std::vector<AnyRow> gather(Env& env, ListQuery query, std::size_t limit) {
  std::vector<AnyRow> out;
  query.limit = limit;
  for (int pages = 0; pages < 200; ++pages) {
    auto page = env.store().list(query);
    expect(page.rows.size() <= limit, "a page keeps to its limit");
    expect(!page.next || page.rows.size() == limit, "a page with another behind it is full");
    for (auto& row : page.rows) out.push_back(std::move(row));
    if (!page.next) return out;
    query.after = page.next;
  }
  throw Failure("the list has no end");
}

std::vector<Uuid> ids_of(const std::vector<AnyRow>& rows) {
  std::vector<Uuid> out;
  for (const auto& row : rows) out.push_back(id_of(row));
  return out;
}

std::vector<Uuid> nths(std::initializer_list<std::uint64_t> numbers) {
  std::vector<Uuid> out;
  for (const auto n : numbers) out.push_back(nth_id(n));
  return out;
}

ListQuery tiers(bool descending = false) {
  return {table_of<Tier>, "by_show", show.value, std::nullopt, 100, descending};
}
ListQuery quotas(bool descending = false) {
  return {table_of<Quota>, "by_show", show.value, std::nullopt, 100, descending};
}
ListQuery registrations(bool descending = false) {
  return {table_of<Registration>, "by_show", show.value, std::nullopt, 100, descending};
}

void expect_ids(const std::vector<AnyRow>& rows, const std::vector<Uuid>& ids, std::string_view what,
                std::source_location where = std::source_location::current()) {
  expect(ids_of(rows) == ids, what, where);
}

}  // namespace

STORE_CASE("list: a key without rows is an empty last page") {
  env.put(tier(1, 1));
  auto query = tiers();
  query.key = nth_id(99);
  const auto page = env.store().list(query);
  expect(page.rows.empty() && !page.next, "nothing");
}

STORE_CASE("list: holds the rows of its key only") {
  auto other = tier(3, 1);
  other.show_id = nth<ShowId>(8);
  env.put(tier(1, 1), tier(2, 2), other);
  expect_ids(env.store().list(tiers()).rows, nths({1, 2}), "the rows of the key");
}

STORE_CASE("list: its rows are whole, with their versions") {
  env.put(tier(1, 1));
  env.put(tier(1, 2));
  const auto page = store::list<Tier>(env.store(), "by_show", show.value, 10);
  expect(page.rows.size() == 1, "one row");
  expect(difference(page.rows[0], tier(1, 2)).empty(), "every column");
  expect(page.rows[0].version == 2, "its version");
}

STORE_CASE("list: numbers are in order of their value") {
  env.put(tier(1, 10), tier(2, 9), tier(3, -1), tier(4, 100));
  env.put(tier(5, INT64_MIN), tier(6, INT64_MAX), tier(7, 0), tier(8, -20));
  expect_ids(env.store().list(tiers()).rows, nths({5, 8, 3, 7, 2, 1, 4, 6}), "by number");
}

STORE_CASE("list: times are in order") {
  env.put(registration(1, 1'800'000'000'000), registration(2, 1'799'999'999'999));
  env.put(registration(3, 0), registration(4, 253'402'300'799'999));
  expect_ids(env.store().list(registrations()).rows, nths({3, 2, 1, 4}), "by time");
}

STORE_CASE("list: texts are in order of their bytes") {
  env.put(quota(1, "b"), quota(2, "B"), quota(3, "a"), quota(4, "é"));
  env.put(quota(5, ""), quota(6, "a b"), quota(7, "\U0001F39F"), quota(8, "\uFFFD"));
  expect_ids(env.store().list(quotas()).rows, nths({5, 2, 3, 6, 1, 4, 8, 7}), "by bytes");
}

STORE_CASE("list: equal places are in order of ids") {
  env.put(tier(3, 5), tier(1, 5), tier(2, 5), tier(4, 1));
  auto last = tier(9, 5);
  last.id.value = high_id;
  env.put(last);
  expect_ids(env.store().list(tiers()).rows, {nth_id(4), nth_id(1), nth_id(2), nth_id(3), high_id},
             "by number, then id");
}

STORE_CASE("list: descending is the exact reverse") {
  env.put(tier(3, 5), tier(1, 5), tier(2, 5), tier(4, 1), tier(5, 9));
  expect_ids(env.store().list(tiers(true)).rows, nths({5, 3, 2, 1, 4}), "by number, then id, both backwards");
}

STORE_CASE("list: the limit cuts, and `next` is there only if there is more") {
  env.put(tier(1, 1), tier(2, 2), tier(3, 3));
  auto query = tiers();
  query.limit = 2;
  auto page = env.store().list(query);
  expect_ids(page.rows, nths({1, 2}), "the first two");
  expect(page.next.has_value(), "there is more");
  query.after = page.next;
  page = env.store().list(query);
  expect_ids(page.rows, nths({3}), "the third");
  expect(!page.next, "there is no more");
  query.after.reset();
  query.limit = 3;
  page = env.store().list(query);
  expect(page.rows.size() == 3 && !page.next, "a full last page has no next");
}

STORE_CASE("list: pages hold every row once") {
  for (std::uint64_t n = 1; n <= 23; ++n) env.put(tier(n, static_cast<std::int64_t>(n % 4)));
  const auto whole = ids_of(env.store().list(tiers()).rows);
  expect(whole.size() == 23, "every row");
  for (const std::size_t limit : {1u, 2u, 5u, 22u, 23u, 24u}) {
    expect_ids(gather(env, tiers(), limit), whole, "pages of " + std::to_string(limit));
  }
}

STORE_CASE("list: descending pages hold every row once") {
  for (std::uint64_t n = 1; n <= 23; ++n) env.put(tier(n, static_cast<std::int64_t>(n % 4)));
  auto whole = ids_of(env.store().list(tiers()).rows);
  std::ranges::reverse(whole);
  for (const std::size_t limit : {1u, 2u, 5u, 23u}) {
    expect_ids(gather(env, tiers(true), limit), whole, "pages of " + std::to_string(limit));
  }
}

STORE_CASE("list: pages by a text column, whatever the text") {
  const std::vector<std::string> names{"",    "'",     "\"", "%_", "a",  "a\tb",      "a:b",
                                       "a|b", "ab/cd", "é",  "0",  "10", "\U0001F39F"};
  std::uint64_t n = 0;
  for (const auto& name : names) {
    env.put(quota(++n, name));
    env.put(quota(n + 100, name));
  }
  const auto whole = ids_of(env.store().list(quotas()).rows);
  expect(whole.size() == 2 * names.size(), "every row");
  expect_ids(gather(env, quotas(), 1), whole, "one by one");
  auto backwards = whole;
  std::ranges::reverse(backwards);
  expect_ids(gather(env, quotas(true), 1), backwards, "one by one, backwards");
}

STORE_CASE("list: rows put before the cursor do not shift what follows") {
  env.put(tier(1, 10), tier(2, 20), tier(3, 30), tier(4, 40));
  auto query = tiers();
  query.limit = 2;
  const auto page = env.store().list(query);
  env.put(tier(5, 1), tier(6, 15), tier(7, 35));
  query.after = page.next;
  query.limit = 10;
  expect_ids(env.store().list(query).rows, nths({3, 7, 4}), "what lies behind the cursor");
}

STORE_CASE("list: goes on from where the cursor's row was, though it has moved") {
  env.put(tier(1, 10), tier(2, 20), tier(3, 30), tier(4, 40));
  auto query = tiers();
  query.limit = 2;
  const auto page = env.store().list(query);
  env.put(tier(2, 50));
  query.after = page.next;
  query.limit = 10;
  expect_ids(env.store().list(query).rows, nths({3, 4, 2}), "the rest, and the row at its new place");
}

STORE_CASE("list: an updated row is found at its new place only") {
  env.put(tier(1, 1), tier(2, 2), tier(3, 3));
  env.put(tier(1, 9));
  expect_ids(env.store().list(tiers()).rows, nths({2, 3, 1}), "a new order");
  auto moved = tier(2, 2);
  moved.show_id = nth<ShowId>(8);
  env.put(moved);
  expect_ids(env.store().list(tiers()).rows, nths({3, 1}), "gone from its old key");
  auto query = tiers();
  query.key = nth_id(8);
  expect_ids(env.store().list(query).rows, nths({2}), "there under its new key");
}

STORE_CASE("list: an update that moves nothing shows in the list") {
  env.put(tier(1, 1));
  auto row = tier(1, 1);
  row.name = "renamed";
  env.put(row);
  const auto page = store::list<Tier>(env.store(), "by_show", show.value, 10);
  expect(page.rows.size() == 1 && page.rows[0].name == "renamed", "the row as it is now");
}

STORE_CASE("list: what a refused save wanted is not in it") {
  env.put(tier(1, 1));
  Draft draft(env.store(), {need(nth<TierId>(1)), need(nth<TierId>(2))});
  draft.world.put(tier(2, 2));
  draft.world.put(tier(1, 5));
  draft.step_aside(env.subject());
  env.put(tier(1, 3));
  expect(draft.save(), SaveStatus::conflict);
  expect_ids(env.store().list(tiers()).rows, nths({1}), "only what was saved");
}

STORE_CASE("list: every index of every table") {
  std::size_t indexes = 0;
  for_each_table([&]<class Row>() {
    std::apply(
        [&](const auto&... index) {
          const auto walk = [&](const auto& each) {
            ++indexes;
            const Uuid key = nth_id(900 + indexes);
            std::vector<Uuid> ids;
            for (std::uint64_t n = 1; n <= 5; ++n) {
              const IdOf<Row> id{nth_id(1000 * indexes + n)};
              auto row = ordinary<Row>(id, 100 * indexes + n);
              (row.*each.key).value = key;
              env.put(row);
              ids.push_back(id.value);
            }
            const ListQuery query{table_of<Row>, each.name, key, std::nullopt, 100, false};
            const auto what = std::string(Row::table) + "." + std::string(each.name);
            expect_ids(gather(env, query, 2), ids, what);
            auto backwards = query;
            backwards.descending = true;
            std::ranges::reverse(ids);
            expect_ids(gather(env, backwards, 2), ids, what + " backwards");
          };
          (walk(index), ...);
        },
        Row::indexes());
  });
  expect(indexes >= 10, "there are indexes");
}

STORE_CASE("list: a cursor is good after the store was opened again") {
  env.put(tier(1, 10), tier(2, 20), tier(3, 30));
  auto query = tiers();
  query.limit = 1;
  const auto page = env.store().list(query);
  expect(page.next.has_value(), "there is more");
  env.reopen();
  query.after = page.next;
  query.limit = 10;
  expect_ids(env.store().list(query).rows, nths({2, 3}), "the rest");
}

STORE_CASE("list: an index that is not there is a bug of the caller") {
  auto query = tiers();
  query.index = "by_moon";
  bool refused = false;
  try {
    static_cast<void>(env.store().list(query));
  } catch (const std::logic_error&) {
    refused = true;
  }
  expect(refused, "a logic_error");
}

STORE_CASE("scan: every row once, in the order of ids, page by page") {
  const Uuid low{1, 0};
  const Uuid high{~0ull, ~0ull};
  const Uuid middle{0x7FFF'FFFF'FFFF'FFFF, ~0ull};
  const Uuid past_middle{0x8000'0000'0000'0000, 0};
  std::vector<Uuid> ids{low, middle, past_middle, high_id, high, {1, 1ull << 63}, {1, 1}};
  for (const auto& id : ids) env.put(ordinary(AuditId{id}));
  std::ranges::sort(ids);
  for (const std::size_t limit : {1u, 2u, 3u, 7u, 100u}) {
    std::vector<Uuid> seen;
    Uuid after{};
    for (int pages = 0; pages < 20; ++pages) {
      const auto rows = env.store().scan(table_of<AuditEntry>, after, limit);
      expect(rows.size() == std::min(limit, ids.size() - seen.size()), "a page is full or the last");
      if (rows.empty()) break;
      for (const auto& row : rows) seen.push_back(id_of(row));
      after = seen.back();
    }
    expect(seen == ids, "every id in order");
  }
}

STORE_CASE("scan: each table by itself, and an empty one") {
  env.put(ordinary(nth<UserId>(1)), ordinary(nth<ShowId>(2)));
  for (std::size_t table = 0; table < table_count; ++table) {
    const auto rows = env.store().scan(table, Uuid{}, 10);
    const std::size_t expected = table == table_of<User> || table == table_of<Show> ? 1 : 0;
    expect(rows.size() == expected, std::string(table_name(table)) + " holds its own rows");
    expect(rows.empty() || rows[0].index() == table, "rows of its own type");
  }
}

STORE_CASE("scan: begins behind the given id, there or not") {
  env.put(ordinary(nth<UserId>(2)), ordinary(nth<UserId>(4)), ordinary(nth<UserId>(6)));
  expect_ids(env.store().scan(table_of<User>, nth_id(2), 10), nths({4, 6}), "behind a row");
  expect_ids(env.store().scan(table_of<User>, nth_id(3), 10), nths({4, 6}), "behind a gap");
  expect(env.store().scan(table_of<User>, nth_id(6), 10).empty(), "behind the last");
}

}  // namespace admit::contract

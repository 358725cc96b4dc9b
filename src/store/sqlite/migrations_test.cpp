#include "store/sqlite/migrations.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "store/sqlite/row_sql.hpp"

using namespace admit;
using namespace admit::store;
using namespace admit::store::sqlite;

namespace {

template <class T>
std::string type_of() {
  if constexpr (codec::is_optional<T>) {
    return type_of<typename T::value_type>();
  } else if constexpr (std::is_same_v<T, Uuid> || codec::AnyId<T> || std::is_same_v<T, domain::Bytes>) {
    return "BLOB";
  } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::int64_t> || std::is_same_v<T, Instant>) {
    return "INTEGER";
  } else {
    return "TEXT";
  }
}

using Lines = std::vector<std::string>;

std::string joined(const Lines& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

template <class Row>
Lines described_columns() {
  Lines out;
  for_each_column<Row>([&](const auto& column, std::size_t i) {
    using Member = std::remove_cvref_t<decltype(std::declval<Row>().*column.member)>;
    out.push_back(std::string(column.name) + " " + type_of<Member>() + (codec::is_optional<Member> ? "" : " not null") +
                  (i == 0 ? " key" : ""));
  });
  out.push_back("version INTEGER not null");
  std::sort(out.begin(), out.end());  // a column that came later stands last
  return out;
}

template <class Row>
Lines described_indexes() {
  const std::string table(Row::table);
  Lines out;
  std::apply(
      [&](const auto&... index) {
        (out.push_back(table + "_" + std::string(index.name) + ": " + std::string(column_name<Row>(index.key)) + " " +
                       std::string(column_name<Row>(index.order)) + " id"),
         ...);
      },
      Row::indexes());
  std::apply(
      [&](const auto&... pair) {
        (out.push_back("unique " + table + "_" + std::string(pair.name) + ": " +
                       std::string(column_name<Row>(pair.first)) + " " + std::string(column_name<Row>(pair.second))),
         ...);
      },
      Row::uniques());
  if constexpr (domain::HasDue<Row>) out.push_back("partial " + table + "_due: due_at id");
  if constexpr (std::is_same_v<Row, domain::HoldCounter>) out.push_back("partial hold_counter_idle: id");
  std::sort(out.begin(), out.end());
  return out;
}

Lines query(Database& db, const std::string& sql) {
  auto statement = db.prepare(sql);
  Run run(statement);
  Lines out;
  while (run.step()) out.emplace_back(run.text(0));
  return out;
}

Lines stored_columns(Database& db, std::string_view table) {
  return query(db, "select name || ' ' || type || iif(\"notnull\", ' not null', '') || iif(pk, ' key', '') "
                   "from pragma_table_info('" + std::string(table) + "') order by 1");
}

Lines stored_indexes(Database& db, std::string_view table) {
  return query(db, "select iif(\"unique\", 'unique ', '') || iif(partial, 'partial ', '') || l.name || ': ' || "
                   "(select group_concat(name, ' ') from (select name from pragma_index_info(l.name) order by seqno)) "
                   "from pragma_index_list('" + std::string(table) + "') l where origin = 'c' order by 1");
}

Database empty_database() {
  return {":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "", 1000};
}

}  // namespace

TEST_CASE("migrations: the schema has the tables, columns and indexes of the row descriptions") {
  auto db = empty_database();
  migrate(db, Instant{});
  std::size_t tables = 1;  // schema_migration
  domain::for_each_table([&]<class Row>() {
    CAPTURE(Row::table);
    CHECK(joined(stored_columns(db, Row::table)) == joined(described_columns<Row>()));
    CHECK(joined(stored_indexes(db, Row::table)) == joined(described_indexes<Row>()));
    ++tables;
  });
  CHECK(query(db, "select name from sqlite_schema where type = 'table'").size() == tables);
}

TEST_CASE("migrations: are numbered without a gap and applied once") {
  int expected = 1;
  for (const auto& step : migrations()) CHECK(step.number == expected++);
  auto db = empty_database();
  CHECK(schema_number(db) == 0);
  CHECK_THROWS_AS(require_current_schema(db), StoreUnavailable);
  migrate(db, domain::from_unix_ms(5));
  migrate(db, domain::from_unix_ms(6));
  CHECK(schema_number(db) == migrations().back().number);
  CHECK(query(db, "select distinct applied_at from schema_migration") == Lines{"5"});
  require_current_schema(db);
}

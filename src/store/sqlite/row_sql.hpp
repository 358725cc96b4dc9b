#pragma once
// The SQL of a row type, and its rows to and from statements, generated from its description.
//
// Every statement numbers its parameters alike: ?1.. are the columns in the order of the description, then the version.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "domain/world.hpp"
#include "store/codec.hpp"
#include "store/sqlite/database.hpp"

namespace admit::store::sqlite {

template <class Row>
inline constexpr std::size_t column_count = std::tuple_size_v<decltype(Row::columns())>;
template <class... Rows>
struct MostColumns : std::integral_constant<std::size_t, std::max({column_count<Rows>...})> {};
inline constexpr std::size_t most_columns = domain::AllRows<MostColumns>::value;

/// Calls `f(column, position)` for each column, positions from 0.
template <class Row, class F>
constexpr void for_each_column(F&& f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto columns = Row::columns();
    (f(std::get<I>(columns), I), ...);
  }(std::make_index_sequence<column_count<Row>>{});
}

/// Whether two pointers to members of a row, of whatever types, are the same.
template <class A, class B>
constexpr bool same_member(A a, B b) {
  if constexpr (std::is_same_v<A, B>) {
    return a == b;
  } else {
    return false;
  }
}

template <class Row, class Member>
std::string_view column_name(Member Row::* member) {
  std::string_view name;
  for_each_column<Row>([&](const auto& column, std::size_t) {
    if (same_member(column.member, member)) name = column.name;
  });
  return name;
}

/// Whether a column is part of an index or a unique pair: these seldom change, and an UPDATE that names one rewrites
/// the index entry even if the value stays.
template <class Row, class Member>
bool is_indexed(Member Row::* member) {
  bool found = false;
  std::apply([&](const auto&... i) { ((found |= same_member(i.key, member) || same_member(i.order, member)), ...); },
             Row::indexes());
  std::apply([&](const auto&... u) { ((found |= same_member(u.first, member) || same_member(u.second, member)), ...); },
             Row::uniques());
  return found;
}

/// `taken` is changed by deltas only.
template <class Row>
bool is_taken(std::string_view column) {
  return domain::Counter<Row> && column == "taken";
}

inline std::string parameter(std::size_t position) { return "?" + std::to_string(position + 1); }

template <class Row>
struct RowSql {
  static std::string columns() {
    std::string out;
    for_each_column<Row>([&](const auto& column, std::size_t) { (out += column.name) += ", "; });
    return out + "version";
  }
  static std::string select() { return "select " + columns() + " from " + std::string(Row::table) + " "; }
  static std::string select_one() { return select() + "where id = ?1"; }
  static std::string select_version() { return "select version from " + std::string(Row::table) + " where id = ?1"; }

  static std::string insert() {
    std::string values;
    for_each_column<Row>([&](const auto&, std::size_t i) { values += parameter(i) + ", "; });
    return "insert into " + std::string(Row::table) + " (" + columns() + ") values (" + values + "1)";
  }

  /// `keep_indexed`: leaves the indexed columns alone and asks that they have the row's values already.
  static std::string update(bool keep_indexed) {
    const auto version = parameter(column_count<Row>);
    std::string set;
    std::string where = " where id = ?1 and version = " + version;
    for_each_column<Row>([&](const auto& column, std::size_t i) {
      const auto equation = std::string(column.name) + " = " + parameter(i);
      if (i == 0 || is_taken<Row>(column.name)) return;
      if (keep_indexed && is_indexed<Row>(column.member)) {
        where += " and " + equation;
      } else {
        set += equation + ", ";
      }
    });
    return "update " + std::string(Row::table) + " set " + set + "version = version + 1" + where;
  }
  static bool has_indexed() {
    return std::tuple_size_v<decltype(Row::indexes())> + std::tuple_size_v<decltype(Row::uniques())> != 0;
  }

  /// ?1: the amount, ?2: the id, ?3: what the version rises by.
  static std::string change_taken() {
    return "update " + std::string(Row::table) +
           " set taken = taken + ?1, version = version + ?3 where id = ?2 and taken + ?1 between 0 and size";
  }
};

/// Keeps what bound parameters point to until the statement has run.
struct Scratch {
  std::array<std::array<std::uint8_t, 16>, most_columns> ids;
  std::array<std::string, most_columns> texts;
};

template <class T>
void bind(Run& run, std::size_t position, const T& value, Scratch& scratch) {
  const int place = static_cast<int>(position) + 1;
  if constexpr (std::is_same_v<T, Uuid>) {
    scratch.ids[position] = value.bytes();
    run.bind_blob(place, scratch.ids[position].data(), 16);
  } else if constexpr (codec::AnyId<T>) {
    bind(run, position, value.value, scratch);
  } else if constexpr (std::is_same_v<T, std::string>) {
    run.bind_text(place, value);
  } else if constexpr (std::is_same_v<T, domain::Bytes>) {
    run.bind_blob(place, value.data.data(), value.data.size());
  } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::int64_t>) {
    run.bind(place, static_cast<std::int64_t>(value));
  } else if constexpr (std::is_same_v<T, Instant>) {
    run.bind(place, domain::to_unix_ms(value));
  } else if constexpr (domain::WordEnum<T>) {
    run.bind_text(place, domain::word(value));
  } else if constexpr (codec::is_optional<T>) {
    if (value) {
      bind(run, position, *value, scratch);
    } else {
      run.bind_null(place);
    }
  } else {
    static_assert(codec::is_vector<T>);
    scratch.texts[position].clear();
    codec::write_json(scratch.texts[position], value);
    run.bind_text(place, scratch.texts[position]);
  }
}

/// Binds every column to its number and the version behind them.
template <class Row>
void bind_row(Run& run, const Row& row, std::uint64_t version, Scratch& scratch) {
  for_each_column<Row>([&](const auto& column, std::size_t i) { bind(run, i, row.*column.member, scratch); });
  run.bind(static_cast<int>(column_count<Row>) + 1, static_cast<std::int64_t>(version));
}

template <class T>
void read_column(const Run& run, int place, T& value) {
  if constexpr (std::is_same_v<T, Uuid>) {
    value = run.id(place);
  } else if constexpr (codec::AnyId<T>) {
    value.value = run.id(place);
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = run.text(place);
  } else if constexpr (std::is_same_v<T, domain::Bytes>) {
    value.data = run.blob(place);
  } else if constexpr (std::is_same_v<T, bool>) {
    value = run.number(place) != 0;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    value = run.number(place);
  } else if constexpr (std::is_same_v<T, Instant>) {
    value = domain::from_unix_ms(run.number(place));
  } else if constexpr (domain::WordEnum<T>) {
    value = codec::read_word<T>(run.text(place));
  } else if constexpr (codec::is_optional<T>) {
    value.reset();
    if (!run.is_null(place)) read_column(run, place, value.emplace());
  } else {
    static_assert(codec::is_vector<T>);
    value.clear();
    const auto text = run.text(place);
    if (text != "[]") codec::read_json(codec::parse(text), value);
  }
}

/// The row that a statement of RowSql::select stands on.
template <class Row>
Row read_row(const Run& run) {
  Row row;
  for_each_column<Row>([&](const auto& column, std::size_t i) {
    read_column(run, static_cast<int>(i), row.*column.member);
  });
  row.version = static_cast<std::uint64_t>(run.number(static_cast<int>(column_count<Row>)));
  return row;
}

}  // namespace admit::store::sqlite

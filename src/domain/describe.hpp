#pragma once
// One description per row: its table, its columns, its indexes. Stores, archives and `verify` are generic over it, so
// a new kind of row costs this description and one migration.

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace admit::domain {

/// Opaque bytes (a hash, a wrapped key); stored as such, never shown.
struct Bytes {
  std::string data;
  auto operator<=>(const Bytes&) const = default;
  [[nodiscard]] bool empty() const { return data.empty(); }
};

template <class Row, class Member>
struct Column {
  std::string_view name;
  Member Row::* member;
};
template <class Row, class Member>
constexpr Column<Row, Member> column(std::string_view name, Member Row::* member) {
  return {name, member};
}

/// A list of the rows whose `key` equals a given id, ordered by `order` and then by id.
template <class Row, class Key, class Order>
struct IndexOf {
  std::string_view name;
  Key Row::* key;
  Order Row::* order;
};
template <class Row, class Key, class Order>
constexpr IndexOf<Row, Key, Order> index(std::string_view name, Key Row::* key, Order Row::* order) {
  return {name, key, order};
}

/// Two columns that together may occur once, beside the primary key.
template <class Row, class A, class B>
struct UniqueOf {
  std::string_view name;
  A Row::* first;
  B Row::* second;
};
template <class Row, class A, class B>
constexpr UniqueOf<Row, A, B> unique(std::string_view name, A Row::* first, B Row::* second) {
  return {name, first, second};
}

// A row type has:
//   static constexpr std::string_view table;
//   static constexpr auto columns();    tuple of Column; the first is `id`. `version` is kept by the store beside them.
//   static constexpr auto indexes();    tuple of IndexOf, may be empty
//   static constexpr auto uniques();    tuple of UniqueOf, may be empty
//   std::uint64_t version;              0: not stored yet; every save of the row adds 1
// A row with a member `due_at` (optional<Instant>) can be asked for by due time. A row with members `taken` and `size`
// is a counter: `taken` changes by guarded deltas only and is never overwritten by a save of the row.

template <class Row>
concept Described = requires {
  Row::table;
  Row::columns();
};
/// A value inside a row (a line, a window): described too, stored as JSON text.
template <class T>
concept Nested = !requires { T::table; } && requires { T::columns(); };
template <class Row>
concept HasDue = requires(Row row) { row.due_at; };
template <class Row>
concept Counter = requires(Row row) {
  row.taken;
  row.size;
};

}  // namespace admit::domain

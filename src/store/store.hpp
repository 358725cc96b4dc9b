#pragma once
// The port to a database. A store holds no rules: it loads rows, saves a batch of changes atomically, and answers reads.
// docs: ARCHITECTURE.md, "What a store promises"; the contract suite in tests/contract holds every store to it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "domain/world.hpp"

namespace admit::store {

using domain::AnyRow;
using domain::Changes;
using domain::IdOf;
using domain::Instant;
using domain::Need;
using domain::Uuid;
using domain::World;

/// The database is away, full or broken. Nothing was saved.
struct StoreUnavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// A save was sent and its outcome is not known. The caller reads back; it never guesses.
struct OutcomeUnknown : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What one save may hold at the most.
struct Limits {
  std::size_t max_items;
  std::size_t max_bytes;
};

enum class SaveStatus {
  saved,
  conflict,      // a version no longer holds, or an inserted row is already there: load again and decide again
  guard_failed,  // a counter would leave 0..size: load again and decide again
  duplicate,     // a unique pair of columns is taken
};
struct SaveResult {
  SaveStatus status = SaveStatus::saved;
  std::size_t table = 0;  // the row at fault, where status is not `saved`
  Uuid id;
};

/// One atomic load-decide-save. Destroyed without a successful save, it leaves nothing behind. Not thread-safe.
class Unit {
 public:
  virtual ~Unit() = default;
  /// Fills the rows into `world`; a row that does not exist is filled as absent. May be called again for more rows.
  /// Throws StoreUnavailable.
  virtual void load(std::span<const Need> needs, World& world) = 0;
  /// Saves everything or nothing; each row written, by a put or a delta, has its version raised by 1. On `saved` it is durable. Ends the unit. Throws StoreUnavailable or OutcomeUnknown.
  [[nodiscard]] virtual SaveResult save(const Changes& changes) = 0;
};

/// A place in a list: the order column's value as text or number and the id of the last row given out. It may have come
/// from outside: one that the store did not give out is BadCursor.
struct BadCursor : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
struct Cursor {
  std::string order;  // as the store encodes it; opaque to everybody else
  Uuid id;
};

/// Rows of one index with one key, in order. `table`: see domain::table_of.
struct ListQuery {
  std::size_t table = 0;
  std::string_view index;
  Uuid key;
  std::optional<Cursor> after;
  std::size_t limit = 100;
  bool descending = false;
};
struct AnyPage {
  std::vector<AnyRow> rows;
  std::optional<Cursor> next;  // where to go on; empty on the last page
};

class Store {
 public:
  virtual ~Store() = default;
  [[nodiscard]] virtual Limits limits() const = 0;
  /// Begins a unit. A store with one writer blocks until the unit before has ended.
  [[nodiscard]] virtual std::unique_ptr<Unit> begin() = 0;

  // Reads of committed rows; any thread, beside a unit. Each sees one moment. All throw StoreUnavailable.

  /// Fills the committed rows into `world`.
  virtual void read(std::span<const Need> needs, World& world) = 0;
  /// Throws BadCursor as well.
  [[nodiscard]] virtual AnyPage list(const ListQuery& query) = 0;
  /// Rows with `due_at` at or before `until`, earliest first.
  [[nodiscard]] virtual std::vector<AnyRow> due(std::size_t table, Instant until, std::size_t limit) = 0;
  /// Every row of a table in the order of ids, from behind `after`: for verify, export and tests.
  [[nodiscard]] virtual std::vector<AnyRow> scan(std::size_t table, Uuid after, std::size_t limit) = 0;
  /// Forgets domain::Forgettable rows due at or before `now` and hold counters at zero, at most `limit` rows; says how
  /// many.
  virtual std::size_t purge(Instant now, std::size_t limit) = 0;
};

// Typed faces of the above.

template <class Row>
[[nodiscard]] std::optional<Row> get(Store& store, IdOf<Row> id) {
  World world;
  const Need need{domain::table_of<Row>, id.value, false};
  store.read({&need, 1}, world);
  const Row* row = world.find<Row>(id);
  return row != nullptr ? std::optional<Row>(*row) : std::nullopt;
}

template <class Row>
struct Page {
  std::vector<Row> rows;
  std::optional<Cursor> next;
};

template <class Row>
[[nodiscard]] Page<Row> list(Store& store, std::string_view index, Uuid key, std::size_t limit,
                             std::optional<Cursor> after = std::nullopt, bool descending = false) {
  auto page = store.list({domain::table_of<Row>, index, key, std::move(after), limit, descending});
  Page<Row> out;
  out.rows.reserve(page.rows.size());
  for (auto& row : page.rows) out.rows.push_back(std::get<Row>(std::move(row)));
  out.next = std::move(page.next);
  return out;
}

template <class Row>
[[nodiscard]] std::vector<Row> due(Store& store, Instant until, std::size_t limit) {
  std::vector<Row> out;
  for (auto& row : store.due(domain::table_of<Row>, until, limit)) out.push_back(std::get<Row>(std::move(row)));
  return out;
}

template <class Row>
[[nodiscard]] std::vector<Row> scan(Store& store, Uuid after, std::size_t limit) {
  std::vector<Row> out;
  for (auto& row : store.scan(domain::table_of<Row>, after, limit)) out.push_back(std::get<Row>(std::move(row)));
  return out;
}

}  // namespace admit::store

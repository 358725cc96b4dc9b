#pragma once
// What every store is held to. A case is a function of an Env: a store that begins empty and can be closed and opened
// again. Cases throw Failure instead of calling doctest, so that they can also be run against stores broken on purpose.

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "store/memory/memory_store.hpp"
#include "store/store.hpp"

namespace admit::contract {

using namespace domain;
using store::AnyPage;
using store::Cursor;
using store::ListQuery;
using store::OutcomeUnknown;
using store::SaveResult;
using store::SaveStatus;
using store::Store;
using store::StoreUnavailable;
using store::Unit;
using store::memory::Call;
using store::memory::Fault;
using store::memory::MemoryStore;
using store::memory::ScriptedFaults;

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
void expect(bool holds, std::string_view what, std::source_location where = std::source_location::current());
void expect(SaveResult result, SaveStatus wanted, std::source_location where = std::source_location::current());

/// One store, empty at first.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Store& store() = 0;
  /// Closes the store and opens it again on what it kept. Units must have ended.
  virtual void reopen() = 0;
  /// begin() waits for the unit before.
  [[nodiscard]] virtual bool one_writer() const { return false; }
  /// Where faults are injected; nullptr where that is not possible.
  virtual MemoryStore* memory() { return nullptr; }
};

/// The stores of the matrix, by name.
struct Kind {
  std::string_view name;
  std::unique_ptr<Subject> (*make)();
};
const std::vector<Kind>& kinds();

/// A unit with its world.
class Draft {
 public:
  Draft(Store& store, const std::vector<Need>& needs);
  void load(const std::vector<Need>& needs) { x_unit->load(needs, world); }
  /// Makes way for another unit on a store with one writer; the save then begins a new unit and must notice what
  /// happened in between just the same.
  void step_aside(const Subject& subject) {
    if (subject.one_writer()) x_unit.reset();
  }
  void drop() { x_unit.reset(); }
  [[nodiscard]] SaveResult save() { return save(world.changes()); }
  [[nodiscard]] SaveResult save(const Changes& changes);

  World world;

 private:
  Store& x_store;
  std::unique_ptr<Unit> x_unit;
};

namespace detail {
template <class AnyId>
struct First {
  template <class Row, class... Rows>
  struct Of : std::conditional_t<std::is_same_v<IdOf<Row>, AnyId>, std::type_identity<Row>, Of<Rows...>> {};
};
}  // namespace detail
/// The row type that an id is of; the first in AllRows where several share one.
template <class AnyId>
using RowOf = AllRows<detail::First<AnyId>::template Of>::type;

template <class Row>
[[nodiscard]] Need need(IdOf<Row> id, bool change = true) {
  return {table_of<Row>, id.value, change};
}
template <class AnyId>
[[nodiscard]] Need need(AnyId id, bool change = true) {
  return need<RowOf<AnyId>>(id, change);
}

class Env {
 public:
  explicit Env(Subject& subject) : x_subject(subject) {}

  [[nodiscard]] Store& store() { return x_subject.store(); }
  void reopen() { x_subject.reopen(); }
  [[nodiscard]] MemoryStore& memory() { return *x_subject.memory(); }
  [[nodiscard]] const Subject& subject() const { return x_subject; }

  /// Inserts the rows, or replaces those that are there, in one save that must succeed.
  template <class... Rows>
  void put(const Rows&... rows) {
    Draft draft(store(), {need<Rows>(rows.id)...});
    (draft.world.put(rows), ...);
    expect(draft.save(), SaveStatus::saved);
  }
  void put_any(const AnyRow& row);

  template <class Row>
  [[nodiscard]] std::optional<Row> find(IdOf<Row> id) {
    return store::get<Row>(store(), id);
  }
  template <class AnyId>
  [[nodiscard]] auto find(AnyId id) {
    return find<RowOf<AnyId>>(id);
  }
  /// The stored row, which must be there.
  template <class Row>
  [[nodiscard]] Row get(IdOf<Row> id) {
    auto row = find<Row>(id);
    expect(row.has_value(), "a stored row is there");
    return *row;
  }
  template <class AnyId>
  [[nodiscard]] auto get(AnyId id) {
    return get<RowOf<AnyId>>(id);
  }
  [[nodiscard]] std::optional<AnyRow> find_any(std::size_t table, Uuid id);

  /// One save that changes a counter.
  template <class AnyId>
  [[nodiscard]] SaveResult take(AnyId id, std::int64_t amount) {
    Draft draft(store(), {need(id)});
    Changes changes;
    changes.deltas.push_back({table_of<RowOf<AnyId>>, id.value, amount});
    return draft.save(changes);
  }

 private:
  Subject& x_subject;
};

// Rows.

/// What the columns of a row are made of; `id` is left out.
struct ColumnVisitor {
  virtual ~ColumnVisitor() = default;
  virtual void text(std::string&) {}
  virtual void integer(std::int64_t&) {}
  virtual void boolean(bool&) {}
  virtual void instant(Instant&) {}
  virtual void optional(std::optional<Instant>&) {}
  virtual void uuid(Uuid&) {}
  virtual void bytes(Bytes&) {}
  virtual void word(unsigned char& /*value*/, std::size_t /*count*/) {}
  virtual void windows(std::vector<Window>&) {}
  virtual void lines(std::vector<Line>&) {}
  virtual void ids(std::vector<QuotaId>&) {}
  virtual void numbers(std::vector<std::int64_t>&) {}
};
void visit_columns(AnyRow& row, ColumnVisitor& visitor);

/// The n-th id of a test; n from 1.
[[nodiscard]] Uuid nth_id(std::uint64_t n);
template <class AnyId>
[[nodiscard]] AnyId nth(std::uint64_t n) {
  return AnyId{nth_id(n)};
}
[[nodiscard]] AnyRow blank(std::size_t table, Uuid id);
[[nodiscard]] Uuid id_of(const AnyRow& row);
[[nodiscard]] std::uint64_t version_of(const AnyRow& row);
/// A row with a different ordinary value in every column; `salt` makes it differ from others.
[[nodiscard]] AnyRow ordinary(std::size_t table, Uuid id, std::uint64_t salt = 1);
template <class Row>
[[nodiscard]] Row ordinary(IdOf<Row> id, std::uint64_t salt = 1) {
  return std::get<Row>(ordinary(table_of<Row>, id.value, salt));
}
template <class AnyId>
[[nodiscard]] auto ordinary(AnyId id, std::uint64_t salt = 1) {
  return ordinary<RowOf<AnyId>>(id, salt);
}
/// The name of the first column that differs, version left out; "" where none does.
[[nodiscard]] std::string difference(const AnyRow& a, const AnyRow& b);
[[nodiscard]] std::string_view table_name(std::size_t table);

// Cases.

struct Case {
  std::string_view name;
  void (*run)(Env&);
  bool with_faults;  // only for a store that takes faults
};
[[nodiscard]] std::vector<Case>& cases();
bool note_case(std::string_view name, void (*run)(Env&), bool with_faults);
/// What went wrong, or nullopt.
[[nodiscard]] std::optional<std::string> failure_of(void (*run)(Env&), Subject& subject);
/// Runs on a fresh store of that kind; a failure is doctest's.
void run_on(std::string_view kind, void (*run)(Env&));

#define STORE_CASE_NAME_2(a, b) a##b
#define STORE_CASE_NAME(a, b) STORE_CASE_NAME_2(a, b)
#define STORE_CASE_BODY(run, title, with_faults)                                          \
  static void run(::admit::contract::Env& env);                                           \
  static const bool run##_noted = ::admit::contract::note_case(title, &run, with_faults); \
  TEST_CASE("memory: " title) {                                                           \
    ::admit::contract::run_on("memory", &run);                                            \
  }
#define STORE_CASE_EVERYWHERE(run, title)      \
  STORE_CASE_BODY(run, title, false)           \
  TEST_CASE("sqlite: " title) {                \
    ::admit::contract::run_on("sqlite", &run); \
  }

#define STORE_CASE_WITH_FAULTS(run, title) STORE_CASE_BODY(run, title, true)

/// STORE_CASE("behaviour") { ... env ... }: one test on every store.
#define STORE_CASE(title)                                              \
  STORE_CASE_EVERYWHERE(STORE_CASE_NAME(store_case_, __LINE__), title) \
  static void STORE_CASE_NAME(store_case_, __LINE__)(::admit::contract::Env & env)
/// The same for a case that orders faults.
#define FAULT_CASE(title)                                               \
  STORE_CASE_WITH_FAULTS(STORE_CASE_NAME(store_case_, __LINE__), title) \
  static void STORE_CASE_NAME(store_case_, __LINE__)(::admit::contract::Env & env)

}  // namespace admit::contract

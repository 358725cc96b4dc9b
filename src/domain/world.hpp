#pragma once
// The rows that one batch of commands works on, and what it changes in them.
//
// `needs(command, needs)` names the rows a command wants, `decide(command, world)` reads and changes them. Both are
// pure: no clock, no randomness, no I/O. The engine loads what is named, asks again until nothing is missing, then
// decides each command in turn and hands `changes()` to a store, which saves all of it or nothing.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "domain/rows.hpp"

namespace admit::domain {

namespace detail {
template <class Row, class... Rows>
struct Position;
template <class Row, class... Rows>
struct Position<Row, Row, Rows...> : std::integral_constant<std::size_t, 0> {};
template <class Row, class Other, class... Rows>
struct Position<Row, Other, Rows...> : std::integral_constant<std::size_t, 1 + Position<Row, Rows...>::value> {};
template <class Row>
struct In {
  template <class... Rows>
  using Tables = Position<Row, Rows...>;
};
}  // namespace detail

/// The place of a row type in AllRows: the number of its table.
template <class Row>
inline constexpr std::size_t table_of = AllRows<detail::In<Row>::template Tables>::value;
inline constexpr std::size_t table_count = std::variant_size_v<AnyRow>;

/// Calls `f.template operator()<Row>()` for every row type in table order.
template <class F>
void for_each_table(F&& f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (f.template operator()<std::variant_alternative_t<I, AnyRow>>(), ...);
  }(std::make_index_sequence<table_count>{});
}

/// A row that is wanted. `change`: it will be written, so a store that locks must lock it; else only its version
/// must still hold when the batch is saved.
struct Need {
  std::size_t table = 0;
  Uuid id;
  bool change = false;
};

/// A row to write. `base_version` 0 inserts (and fails if the row is there); else the stored row must have exactly it.
template <class Row>
struct Put {
  const Row* row;
  std::uint64_t base_version;
};
/// `taken += amount`, only while the result stays within 0..size.
struct Delta {
  std::size_t table;
  Uuid id;
  std::int64_t amount;
};
/// A row that was read and not written: its version must still be this.
struct ReadCheck {
  std::size_t table;
  Uuid id;
  std::uint64_t version;
};

/// All that one batch changes. The rows are lent by the World and live as long as it is not cleared.
struct Changes {
  template <class... Rows>
  using PutLists = std::tuple<std::vector<Put<Rows>>...>;
  AllRows<PutLists> puts;
  std::vector<Delta> deltas;
  std::vector<ReadCheck> reads;

  template <class Row>
  [[nodiscard]] const std::vector<Put<Row>>& of() const {
    return std::get<std::vector<Put<Row>>>(puts);
  }
  /// Rows and counters written; read checks not counted.
  [[nodiscard]] std::size_t size() const {
    std::size_t n = deltas.size();
    std::apply([&](const auto&... list) { ((n += list.size()), ...); }, puts);
    return n;
  }
};

/// A decision asked for a row that nobody loaded: an earlier command of the batch made it matter. The engine asks the
/// command's needs again, loads, and decides once more.
struct RowNotLoaded : std::logic_error {
  using std::logic_error::logic_error;
};

class World {
 public:
  // What walks all tables is compiled once, in world.cpp: every command's file would pay for it otherwise.
  World();
  World(const World& other);
  World& operator=(const World& other) = delete;
  ~World();

  /// The row, or nullptr where the store has none. Throws RowNotLoaded unless it was loaded or put.
  template <class Row>
  [[nodiscard]] const Row* find(IdOf<Row> id) const {
    const auto& slots = table<Row>().slots;
    const auto it = slots.find(id.value);
    if (it == slots.end()) throw RowNotLoaded("row was not loaded: " + std::string(Row::table));
    return it->second.exists ? &it->second.row : nullptr;
  }

  /// As find, for a row that must be there (another row refers to it).
  template <class Row>
  [[nodiscard]] const Row& get(IdOf<Row> id) const {
    const Row* row = find<Row>(id);
    if (row == nullptr) throw std::logic_error("row is missing: " + std::string(Row::table) + " " + id.text());
    return *row;
  }

  /// Whether the row is loaded, there or known to be absent.
  template <class Row>
  [[nodiscard]] bool loaded(IdOf<Row> id) const {
    return table<Row>().slots.contains(id.value);
  }

  /// Inserts or replaces. `taken` of a counter that is stored already keeps its value: use take().
  template <class Row>
  void put(Row row) {
    auto& slot = touch<Row>(row.id.value);
    row.version = slot.base_version;
    if constexpr (Counter<Row>) {
      if (slot.base_version != 0) row.taken = slot.row.taken;
      if (slot.base_version != 0 && !slot.written) ++table<Row>().counters_put;
    }
    slot.row = std::move(row);
    slot.exists = true;
    mark<Row>(slot);
    slot.written = true;
  }

  /// Takes `amount` (gives back, if negative) from a counter, if `taken` stays within 0..size. Throws RowNotLoaded
  /// unless it was loaded or put.
  template <Counter Row>
  [[nodiscard]] bool take(IdOf<Row> id, std::int64_t amount) {
    if (!loaded<Row>(id)) throw RowNotLoaded("row was not loaded: " + std::string(Row::table));
    auto& slot = touch<Row>(id.value);
    if (!slot.exists) throw std::logic_error("counter is missing: " + std::string(Row::table));
    const std::int64_t taken = slot.row.taken + amount;
    if (taken < 0 || taken > slot.row.size) return false;
    slot.row.taken = taken;
    slot.delta += amount;
    mark<Row>(slot);
    return true;
  }

  // For the engine and the stores.

  template <class Row>
  void fill(Row row) {
    auto& slot = table<Row>().slots[row.id.value];
    slot.base_version = row.version;
    slot.exists = true;
    slot.row = std::move(row);
  }
  void fill_absent(std::size_t table_number, Uuid id);

  /// Everything put after this point can be taken back by rollback(), until the next savepoint(). Rows are filled
  /// before the point or after the rollback, never between.
  void savepoint();
  void rollback();

  /// What was written since the rows were filled.
  [[nodiscard]] Changes changes() const;
  [[nodiscard]] bool changed() const;
  /// The most that Changes::size() can be.
  [[nodiscard]] std::size_t change_count() const;

  void clear();

 private:
  template <class Row>
  struct Slot {
    Row row{};
    std::uint64_t base_version = 0;
    std::int64_t delta = 0;
    bool exists = false;
    bool written = false;  // put() since it was filled
    bool listed = false;   // its id stands in `dirty`
  };

  template <class Row>
  struct Table {
    std::unordered_map<Uuid, Slot<Row>> slots;
    std::vector<Uuid> dirty;
    std::size_t counters_put = 0;  // stored counters that were put: each may need a put and a delta
    std::vector<std::pair<Uuid, std::optional<Slot<Row>>>> undo;
    std::size_t dirty_before = 0;  // at the savepoint, as the next
    std::size_t counters_put_before = 0;

    void set_savepoint() {
      undo.clear();
      dirty_before = dirty.size();
      counters_put_before = counters_put;
    }
    void roll_back() {
      for (; !undo.empty(); undo.pop_back()) {
        auto& [id, before] = undo.back();
        if (before) {
          slots.at(id) = std::move(*before);
        } else {
          slots.erase(id);
        }
      }
      dirty.resize(dirty_before);
      counters_put = counters_put_before;
    }
    void clear() {
      slots.clear();
      dirty.clear();
      counters_put = 0;
      set_savepoint();
    }
  };

  template <class Row>
  Table<Row>& table() {
    return std::get<Table<Row>>(x_tables);
  }
  template <class Row>
  const Table<Row>& table() const {
    return std::get<Table<Row>>(x_tables);
  }

  template <class Row>
  Slot<Row>& touch(Uuid id) {
    auto& t = table<Row>();
    const auto it = t.slots.find(id);
    if (it == t.slots.end()) {
      t.undo.emplace_back(id, std::nullopt);
      return t.slots[id];
    }
    t.undo.emplace_back(id, it->second);
    return it->second;
  }
  template <class Row>
  void mark(Slot<Row>& slot) {
    if (!slot.listed) table<Row>().dirty.push_back(slot.row.id.value);
    slot.listed = true;
  }

  template <class... Rows>
  using Tables = std::tuple<Table<Rows>...>;
  AllRows<Tables> x_tables;
};

/// Collects what a command wants. Each call gives the row if it is loaded and there; nullptr if it is not there, or not
/// loaded yet, in which case it is noted and the command is asked again after the next load.
class Needs {
 public:
  explicit Needs(const World& world) : x_world(world) {}

  template <class Row>
  const Row* read(IdOf<Row> id) {
    return want<Row>(id, false);
  }
  template <class Row>
  const Row* change(IdOf<Row> id) {
    return want<Row>(id, true);
  }

  [[nodiscard]] std::vector<Need>& missing() { return x_missing; }

 private:
  template <class Row>
  const Row* want(IdOf<Row> id, bool change) {
    if (x_world.loaded<Row>(id)) return x_world.find<Row>(id);
    x_missing.push_back({table_of<Row>, id.value, change});
    return nullptr;
  }

  const World& x_world;
  std::vector<Need> x_missing;
};

}  // namespace admit::domain

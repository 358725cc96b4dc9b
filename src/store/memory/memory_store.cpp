#include "store/memory/memory_store.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "store/row_size.hpp"

namespace admit::store::memory {
namespace {

using domain::Counter;
using domain::Delta;
using domain::for_each_table;
using domain::HasDue;
using domain::table_count;
using domain::table_of;

std::string encode(Instant at) {
  return std::to_string(domain::to_unix_ms(at));
}
std::string encode(std::int64_t number) {
  return std::to_string(number);
}
std::string encode(const std::string& text) {
  return text;
}

void decode(const std::string& text, std::string& out) {
  out = text;
}
void decode(const std::string& text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) throw BadCursor("no cursor of this list");
}
void decode(const std::string& text, Instant& out) {
  std::int64_t ms = 0;
  decode(text, ms);
  out = domain::from_unix_ms(ms);
}

// The rows of one index: by key, then in order of the order column and the id.
template <class Row, class Key, class Order>
struct IndexMap {
  using Entries = std::set<std::pair<Order, Uuid>>;

  domain::IndexOf<Row, Key, Order> index;
  std::map<Uuid, Entries> by_key{};

  void add(const Row& row) { by_key[(row.*index.key).value].emplace(row.*index.order, row.id.value); }
  void remove(const Row& row) {
    const auto it = by_key.find((row.*index.key).value);
    it->second.erase({row.*index.order, row.id.value});
    if (it->second.empty()) by_key.erase(it);
  }
};

template <class Row, class A, class B>
struct UniqueMap {
  domain::UniqueOf<Row, A, B> unique;
  std::map<std::pair<A, B>, Uuid> owners{};

  [[nodiscard]] auto pair(const Row& row) const { return std::pair{row.*unique.first, row.*unique.second}; }
  void add(const Row& row) { owners.emplace(pair(row), row.id.value); }
  void remove(const Row& row) { owners.erase(pair(row)); }
};

template <class Row, class Key, class Order>
IndexMap<Row, Key, Order> part_of(const domain::IndexOf<Row, Key, Order>& index) {
  return {index};
}
template <class Row, class A, class B>
UniqueMap<Row, A, B> part_of(const domain::UniqueOf<Row, A, B>& unique) {
  return {unique};
}
template <class Descriptions>
auto parts_of(const Descriptions& descriptions) {
  return std::apply([](const auto&... each) { return std::tuple{part_of(each)...}; }, descriptions);
}

template <class Row>
struct Table {
  std::map<Uuid, Row> rows;
  decltype(parts_of(Row::indexes())) indexes = parts_of(Row::indexes());
  decltype(parts_of(Row::uniques())) uniques = parts_of(Row::uniques());
  std::set<std::pair<Instant, Uuid>> due;  // empty for a row without `due_at`

  [[nodiscard]] const Row* find(Uuid id) const {
    const auto it = rows.find(id);
    return it == rows.end() ? nullptr : &it->second;
  }
  [[nodiscard]] std::uint64_t version(Uuid id) const {
    const Row* row = find(id);
    return row == nullptr ? 0 : row->version;
  }

  void replace(Row row) {
    erase(row.id.value);
    each_part([&](auto& part) { part.add(row); });
    if constexpr (HasDue<Row>) {
      if (row.due_at) due.emplace(*row.due_at, row.id.value);
    }
    const Uuid id = row.id.value;
    rows.emplace(id, std::move(row));
  }
  void erase(Uuid id) {
    const auto it = rows.find(id);
    if (it == rows.end()) return;
    each_part([&](auto& part) { part.remove(it->second); });
    if constexpr (HasDue<Row>) {
      if (it->second.due_at) due.erase({*it->second.due_at, id});
    }
    rows.erase(it);
  }

 private:
  template <class F>
  void each_part(F each) {
    std::apply([&](auto&... part) { (each(part), ...); }, indexes);
    std::apply([&](auto&... part) { (each(part), ...); }, uniques);
  }
};

template <class... Rows>
using TableTuple = std::tuple<Table<Rows>...>;

}  // namespace

struct Tables {
  domain::AllRows<TableTuple> all;

  template <class Row>
  Table<Row>& of() {
    return std::get<Table<Row>>(all);
  }

  /// Calls `f.template operator()<Row>(table)` for the table of that number.
  template <class F>
  void with(std::size_t number, F&& f) {
    if (number >= table_count) throw std::logic_error("there is no table " + std::to_string(number));
    for_each_table([&]<class Row>() {
      if (table_of<Row> == number) f.template operator()<Row>(of<Row>());
    });
  }

  [[nodiscard]] SaveResult apply(const Changes& changes);

 private:
  struct Count {
    std::int64_t taken = 0;
    std::int64_t size = 0;
  };
  using Counts = std::array<std::unordered_map<Uuid, Count>, table_count>;

  std::optional<SaveResult> check_versions(const Changes& changes);
  std::optional<SaveResult> count(const Changes& changes, Counts& counts);
  std::optional<SaveResult> check_uniques(const Changes& changes);
};

/// Every version before anything else: whoever decided on an old row must hear `conflict`, not what followed from it.
std::optional<SaveResult> Tables::check_versions(const Changes& changes) {
  std::optional<SaveResult> fault;
  for_each_table([&]<class Row>() {
    const auto& table = of<Row>();
    std::unordered_set<Uuid> seen;
    for (const auto& put : changes.of<Row>()) {
      const Uuid id = put.row->id.value;
      if (!seen.insert(id).second) throw std::logic_error("one save writes a row twice: " + std::string(Row::table));
      if (!fault && table.version(id) != put.base_version) fault = {SaveStatus::conflict, table_of<Row>, id};
    }
  });
  for (const auto& check : changes.reads) {
    with(check.table, [&]<class Row>(const Table<Row>& table) {
      if (!fault && table.version(check.id) != check.version) fault = {SaveStatus::conflict, check.table, check.id};
    });
  }
  return fault;
}

/// What each counter that takes a delta will hold.
std::optional<SaveResult> Tables::count(const Changes& changes, Counts& counts) {
  for_each_table([&]<class Row>() {
    if constexpr (Counter<Row>) {
      for (const auto& put : changes.of<Row>()) {
        const Row* stored = of<Row>().find(put.row->id.value);
        counts[table_of<Row>][put.row->id.value] = {stored == nullptr ? put.row->taken : stored->taken, put.row->size};
      }
    }
  });
  std::optional<SaveResult> fault;
  for (const auto& delta : changes.deltas) {
    with(delta.table, [&]<class Row>(const Table<Row>& table) {
      if constexpr (Counter<Row>) {
        auto& known = counts[delta.table];
        auto it = known.find(delta.id);
        if (it == known.end()) {
          const Row* stored = table.find(delta.id);
          if (stored == nullptr) {
            if (!fault) fault = {SaveStatus::conflict, delta.table, delta.id};
            return;
          }
          it = known.emplace(delta.id, Count{stored->taken, stored->size}).first;
        }
        std::int64_t taken = 0;
        const bool overflows = __builtin_add_overflow(it->second.taken, delta.amount, &taken);
        if (!fault && (overflows || taken < 0 || taken > it->second.size)) {
          fault = {SaveStatus::guard_failed, delta.table, delta.id};
        }
        it->second.taken = taken;
      } else {
        throw std::logic_error("no counter: " + std::string(Row::table));
      }
    });
  }
  return fault;
}

std::optional<SaveResult> Tables::check_uniques(const Changes& changes) {
  std::optional<SaveResult> fault;
  for_each_table([&]<class Row>() {
    std::apply(
        [&](const auto&... unique) {
          const auto check = [&](const auto& map) {
            std::remove_cvref_t<decltype(map.owners)> added;
            for (const auto& put : changes.of<Row>()) {
              const auto pair = map.pair(*put.row);
              const auto owner = map.owners.find(pair);
              const bool taken = owner != map.owners.end() && owner->second != put.row->id.value;
              if ((taken || !added.emplace(pair, put.row->id.value).second) && !fault) {
                fault = {SaveStatus::duplicate, table_of<Row>, put.row->id.value};
              }
            }
          };
          (check(unique), ...);
        },
        of<Row>().uniques);
  });
  return fault;
}

SaveResult Tables::apply(const Changes& changes) {
  Counts counts;
  if (const auto fault = check_versions(changes)) return *fault;
  if (const auto fault = count(changes, counts)) return *fault;
  if (const auto fault = check_uniques(changes)) return *fault;

  for_each_table([&]<class Row>() {
    auto& table = of<Row>();
    for (const auto& put : changes.of<Row>()) {
      Row row = *put.row;
      row.version = put.base_version + 1;
      if constexpr (Counter<Row>) {
        auto& known = counts[table_of<Row>];
        const auto it = known.find(row.id.value);
        row.taken = it->second.taken;
        known.erase(it);
      }
      table.replace(std::move(row));
    }
    if constexpr (Counter<Row>) {
      for (const auto& [id, count] : counts[table_of<Row>]) {
        Row row = *table.find(id);
        row.taken = count.taken;
        row.version += 1;
        table.replace(std::move(row));
      }
    }
  });
  return {};
}

class MemoryStore::MemoryUnit final : public Unit {
 public:
  MemoryUnit(MemoryStore& store, std::uint64_t life) : x_store(store), x_life(life) {}

  void load(std::span<const Need> needs, World& world) override {
    const std::lock_guard lock(x_store.x_mutex);
    enter(Call::load);
    x_store.fill(needs, world);
  }

  SaveResult save(const Changes& changes) override {
    const std::lock_guard lock(x_store.x_mutex);
    if (changes.size() > x_store.x_limits.max_items || size_bytes(changes) > x_store.x_limits.max_bytes) {
      throw std::logic_error("a save above the store's limits");
    }
    const Fault fault = enter(Call::save);
    x_ended = true;
    if (fault == Fault::conflict) return {SaveStatus::conflict};
    if (fault == Fault::lost_ack_not_saved) throw OutcomeUnknown("the answer to a save was lost");
    const auto result = x_store.x_tables->apply(changes);
    if (fault == Fault::lost_ack_saved) throw OutcomeUnknown("the answer to a save was lost");
    return result;
  }

 private:
  Fault enter(Call call) {
    if (x_ended) throw std::logic_error("the unit has ended");
    const Fault fault = x_store.fault_at(call);
    if (x_life != x_store.x_life) throw StoreUnavailable("the store went down");
    return fault;
  }

  MemoryStore& x_store;
  const std::uint64_t x_life;
  bool x_ended = false;
};

MemoryStore::MemoryStore(Limits limits) : x_limits(limits), x_tables(std::make_unique<Tables>()) {}
MemoryStore::~MemoryStore() = default;

void MemoryStore::inject(Faults* faults) {
  const std::lock_guard lock(x_mutex);
  x_faults = faults;
}

void MemoryStore::crash() {
  const std::lock_guard lock(x_mutex);
  ++x_life;
}

std::unique_ptr<MemoryStore> MemoryStore::copy() const {
  const std::lock_guard lock(x_mutex);
  auto out = std::make_unique<MemoryStore>(x_limits);
  *out->x_tables = *x_tables;
  return out;
}

Fault MemoryStore::fault_at(Call call) {
  if (x_faults == nullptr) return Fault::none;
  const Fault fault = x_faults->next(call);
  if (fault == Fault::unavailable) throw StoreUnavailable("the store is away");
  return fault;
}

void MemoryStore::fill(std::span<const Need> needs, World& world) const {
  for (const auto& need : needs) {
    x_tables->with(need.table, [&]<class Row>(const Table<Row>& table) {
      if (const Row* row = table.find(need.id)) {
        world.fill<Row>(*row);
      } else {
        world.fill_absent(need.table, need.id);
      }
    });
  }
}

std::unique_ptr<Unit> MemoryStore::begin() {
  const std::lock_guard lock(x_mutex);
  fault_at(Call::begin);
  return std::make_unique<MemoryUnit>(*this, x_life);
}

void MemoryStore::read(std::span<const Need> needs, World& world) {
  const std::lock_guard lock(x_mutex);
  fault_at(Call::read);
  fill(needs, world);
}

namespace {

template <class Row, class Entries>
AnyPage page_of(const Table<Row>& table, const Entries& entries, const ListQuery& query) {
  using Entry = typename Entries::value_type;
  AnyPage page;
  const auto collect = [&](auto it, auto end) {
    const Entry* last = nullptr;
    for (; it != end && page.rows.size() < query.limit; ++it) {
      page.rows.emplace_back(table.rows.at(it->second));
      last = &*it;
    }
    if (it != end && last != nullptr) page.next = Cursor{encode(last->first), last->second};
  };
  std::optional<Entry> after;
  if (query.after) {
    after.emplace();
    decode(query.after->order, after->first);
    after->second = query.after->id;
  }
  if (query.descending) {
    collect(std::make_reverse_iterator(after ? entries.lower_bound(*after) : entries.end()), entries.rend());
  } else {
    collect(after ? entries.upper_bound(*after) : entries.begin(), entries.end());
  }
  return page;
}

}  // namespace

AnyPage MemoryStore::list(const ListQuery& query) {
  const std::lock_guard lock(x_mutex);
  fault_at(Call::list);
  AnyPage page;
  bool known = false;
  x_tables->with(query.table, [&]<class Row>(const Table<Row>& table) {
    std::apply(
        [&](const auto&... map) {
          const auto look = [&](const auto& candidate) {
            if (candidate.index.name != query.index) return;
            known = true;
            const auto it = candidate.by_key.find(query.key);
            if (it != candidate.by_key.end()) page = page_of(table, it->second, query);
          };
          (look(map), ...);
        },
        table.indexes);
  });
  if (!known) throw std::logic_error("there is no index " + std::string(query.index));
  return page;
}

std::vector<AnyRow> MemoryStore::due(std::size_t number, Instant until, std::size_t limit) {
  const std::lock_guard lock(x_mutex);
  fault_at(Call::due);
  std::vector<AnyRow> out;
  x_tables->with(number, [&]<class Row>(const Table<Row>& table) {
    if constexpr (!HasDue<Row>) throw std::logic_error("rows without a due time: " + std::string(Row::table));
    for (const auto& [at, id] : table.due) {
      if (at > until || out.size() == limit) break;
      out.emplace_back(table.rows.at(id));
    }
  });
  return out;
}

std::vector<AnyRow> MemoryStore::scan(std::size_t number, Uuid after, std::size_t limit) {
  const std::lock_guard lock(x_mutex);
  fault_at(Call::scan);
  std::vector<AnyRow> out;
  x_tables->with(number, [&]<class Row>(const Table<Row>& table) {
    for (auto it = table.rows.upper_bound(after); it != table.rows.end() && out.size() < limit; ++it) {
      out.emplace_back(it->second);
    }
  });
  return out;
}

std::size_t MemoryStore::purge(Instant now, std::size_t limit) {
  const std::lock_guard lock(x_mutex);
  fault_at(Call::purge);
  std::size_t gone = 0;
  const auto forget_due = [&](auto& table) {
    for (; gone < limit && !table.due.empty() && table.due.begin()->first <= now; ++gone) {
      table.erase(table.due.begin()->second);
    }
  };
  domain::for_each_table([&]<class Row>() {
    if constexpr (domain::Forgettable<Row>) forget_due(x_tables->of<Row>());
  });
  auto& counters = x_tables->of<domain::HoldCounter>();
  for (auto it = counters.rows.begin(); gone < limit && it != counters.rows.end();) {
    const auto here = it++;
    if (here->second.taken != 0) continue;
    counters.erase(here->first);
    ++gone;
  }
  return gone;
}

}  // namespace admit::store::memory

#include "broken.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <tuple>
#include <utility>

#include "contract.hpp"

namespace admit::contract {
namespace {

class Broken;

/// What is wrong with a store; what is not named works as it should.
struct Mutant {
  std::string_view name;
  std::function<SaveResult(Broken&, Unit&, Changes&)> save{};
  std::function<void(Broken&, Unit&, std::span<const Need>, World&)> load{};
  std::function<void(Broken&, std::span<const Need>, World&)> read{};
  std::function<AnyPage(Broken&, ListQuery)> list{};
  std::function<std::vector<AnyRow>(Broken&, std::size_t, Instant, std::size_t)> due{};
  std::function<std::vector<AnyRow>(Broken&, std::size_t, Uuid, std::size_t)> scan{};
  std::function<std::size_t(Broken&, Instant, std::size_t)> purge{};
  std::function<std::unique_ptr<Unit>(Broken&)> begin{};
  std::function<void(Broken&, bool)> ended{};                     // a unit ended, saved or not
  std::function<std::unique_ptr<MemoryStore>(Broken&)> reopen{};  // what is found after reopening
  std::shared_ptr<ColumnVisitor> scribble{};                      // spoils the columns of every row given out
  std::function<void(AnyRow&)> spoil{};                           // the same for whole rows
  std::optional<store::Limits> limits{};
};

class Broken final : public Store {
 public:
  explicit Broken(const Mutant& kind) : mutant(kind) {}

  const Mutant& mutant;
  std::unique_ptr<MemoryStore> inner = std::make_unique<MemoryStore>();

  // What mutants remember.
  std::recursive_mutex mutex;
  std::unique_ptr<MemoryStore> frozen;
  std::set<Uuid> ids;
  std::set<std::pair<Uuid, std::int64_t>> pairs;
  std::map<Uuid, std::uint64_t> versions;
  std::deque<AnyRow> kept;
  std::vector<std::unique_ptr<MemoryStore>> replaced;  // open units may still refer to them
  std::uint64_t count = 0;
  bool flag = false;
  bool reopened = false;

  store::Limits limits() const override { return mutant.limits.value_or(inner->limits()); }
  std::unique_ptr<Unit> begin() override;
  void read(std::span<const Need> needs, World& world) override {
    if (mutant.read) return mutant.read(*this, needs, world);
    World scratch;
    inner->read(needs, scratch);
    hand_out(needs, scratch, world);
  }
  AnyPage list(const ListQuery& query) override {
    auto page = mutant.list ? mutant.list(*this, query) : inner->list(query);
    for (auto& row : page.rows) spoil(row);
    return page;
  }
  std::vector<AnyRow> due(std::size_t table, Instant until, std::size_t limit) override {
    return spoiled(mutant.due ? mutant.due(*this, table, until, limit) : inner->due(table, until, limit));
  }
  std::vector<AnyRow> scan(std::size_t table, Uuid after, std::size_t limit) override {
    return spoiled(mutant.scan ? mutant.scan(*this, table, after, limit) : inner->scan(table, after, limit));
  }
  std::size_t purge(Instant now, std::size_t limit) override {
    return mutant.purge ? mutant.purge(*this, now, limit) : inner->purge(now, limit);
  }

  void hand_out(std::span<const Need> needs, const World& from, World& to) {
    for (const auto& need : needs) {
      for_each_table([&]<class Row>() {
        if (table_of<Row> != need.table) return;
        const Row* row = from.find<Row>(IdOf<Row>{need.id});
        if (row == nullptr) {
          to.fill_absent(need.table, need.id);
          return;
        }
        AnyRow copy = *row;
        spoil(copy);
        to.fill(std::get<Row>(std::move(copy)));
      });
    }
  }
  void spoil(AnyRow& row) {
    if (mutant.scribble) visit_columns(row, *mutant.scribble);
    if (mutant.spoil) mutant.spoil(row);
  }
  std::vector<AnyRow> spoiled(std::vector<AnyRow> rows) {
    for (auto& row : rows) spoil(row);
    return rows;
  }

  // Help for mutants.

  [[nodiscard]] std::optional<AnyRow> stored(std::size_t table, Uuid id) {
    std::optional<AnyRow> out;
    for_each_table([&]<class Row>() {
      if (table_of<Row> != table) return;
      if (auto row = store::get<Row>(*inner, IdOf<Row>{id})) out = std::move(*row);
    });
    return out;
  }
  [[nodiscard]] std::uint64_t version(std::size_t table, Uuid id) {
    const auto row = stored(table, id);
    return row ? version_of(*row) : 0;
  }
  [[nodiscard]] SaveResult save(const Changes& changes) { return inner->begin()->save(changes); }
  [[nodiscard]] SaveResult put(const AnyRow& row, std::uint64_t base_version) {
    Changes changes;
    std::visit(
        [&]<class Row>(const Row& known) {
          std::get<std::vector<Put<Row>>>(changes.puts).push_back({&known, base_version});
        },
        row);
    return save(changes);
  }
  [[nodiscard]] std::vector<AnyRow> all(std::size_t table) { return inner->scan(table, Uuid{}, 100'000); }
  /// Every row of the list, and one page of what `sort` makes of it; its cursors count rows.
  template <class Sort>
  AnyPage page_by(const ListQuery& query, Sort sort) {
    auto whole = query;
    whole.after.reset();
    whole.limit = 100'000;
    whole.descending = false;
    auto rows = inner->list(whole).rows;
    sort(rows);
    if (query.descending) std::ranges::reverse(rows);
    const std::size_t from = query.after ? std::stoul(query.after->order) : 0;
    AnyPage page;
    for (std::size_t i = from; i < rows.size() && page.rows.size() < query.limit; ++i) page.rows.push_back(rows[i]);
    const std::size_t next = from + page.rows.size();
    if (next < rows.size()) page.next = Cursor{std::to_string(next), id_of(rows[next - 1])};
    return page;
  }
};

class BrokenUnit final : public Unit {
 public:
  BrokenUnit(Broken& store, std::unique_ptr<Unit> inner) : x_store(store), x_inner(std::move(inner)) {}
  ~BrokenUnit() override {
    const std::lock_guard lock(x_store.mutex);
    if (x_store.mutant.ended) x_store.mutant.ended(x_store, x_saved);
  }
  void load(std::span<const Need> needs, World& world) override {
    if (x_store.mutant.load) {
      const std::lock_guard lock(x_store.mutex);
      return x_store.mutant.load(x_store, *x_inner, needs, world);
    }
    World scratch;
    x_inner->load(needs, scratch);
    x_store.hand_out(needs, scratch, world);
  }
  SaveResult save(const Changes& changes) override {
    SaveResult result;
    if (x_store.mutant.save) {
      const std::lock_guard lock(x_store.mutex);
      Changes copy = changes;
      result = x_store.mutant.save(x_store, *x_inner, copy);
    } else {
      result = x_inner->save(changes);
    }
    x_saved = result.status == SaveStatus::saved;
    return result;
  }

 private:
  Broken& x_store;
  std::unique_ptr<Unit> x_inner;
  bool x_saved = false;
};

std::unique_ptr<Unit> Broken::begin() {
  const std::lock_guard lock(mutex);
  return mutant.begin ? mutant.begin(*this) : std::make_unique<BrokenUnit>(*this, inner->begin());
}

class BrokenSubject final : public Subject {
 public:
  explicit BrokenSubject(const Mutant& mutant) : x_store(mutant) {}
  Store& store() override { return x_store; }
  void reopen() override {
    x_store.inner->crash();
    if (x_store.mutant.reopen) {
      x_store.replaced.push_back(std::exchange(x_store.inner, x_store.mutant.reopen(x_store)));
    }
    x_store.reopened = true;
  }
  MemoryStore* memory() override { return x_store.inner.get(); }

 private:
  Broken x_store;
};

/// Calls `f(list of puts)` for each table.
template <class F>
void each_list(Changes& changes, F f) {
  std::apply([&](auto&... list) { (f(list), ...); }, changes.puts);
}
/// Calls `f(put)` for each put.
template <class F>
void each_put(Changes& changes, F f) {
  each_list(changes, [&](auto& list) {
    for (auto& put : list) f(put);
  });
}
template <class Put>
Uuid id_of_put(const Put& put) {
  return put.row->id.value;
}
template <class Row>
std::size_t table_of_put(const Put<Row>&) {
  return table_of<Row>;
}
/// Replaces the row of a put by a changed copy that lives as long as the store.
template <class Row, class F>
void rewrite(Broken& store, Put<Row>& put, F change) {
  store.kept.emplace_back(*put.row);
  auto& row = std::get<Row>(store.kept.back());
  change(row);
  put.row = &row;
}
/// A copy of the store with versions from 1 and whatever `change` makes of its rows; it says whether to keep one.
template <class F>
std::unique_ptr<MemoryStore> rebuilt(Broken& store, F keep) {
  auto out = std::make_unique<MemoryStore>(store.inner->limits());
  for (std::size_t table = 0; table < table_count; ++table) {
    for (auto& row : store.all(table)) {
      if (!keep(row)) continue;
      Changes changes;
      std::visit(
          [&]<class Row>(const Row& known) { std::get<std::vector<Put<Row>>>(changes.puts).push_back({&known, 0}); },
          row);
      static_cast<void>(out->begin()->save(changes));
    }
  }
  return out;
}
const auto keep_row = [](AnyRow&) {
  return true;
};

std::unique_ptr<MemoryStore> same(Broken& store) {
  return store.inner->copy();
}

void freeze_before_update(Broken& store, Changes& changes) {
  bool update = false;
  each_put(changes, [&](auto& put) { update |= put.base_version != 0; });
  if (update && !store.frozen) store.frozen = store.inner->copy();
}
Store& frozen(Broken& store) {
  return store.frozen ? static_cast<Store&>(*store.frozen) : *store.inner;
}
SaveResult save_freezing_updates(Broken& store, Unit& unit, Changes& changes) {
  freeze_before_update(store, changes);
  return unit.save(changes);
}
SaveResult save_keeping_last(Broken& store, Unit& unit, Changes& changes) {
  store.frozen = store.inner->copy();
  return unit.save(changes);
}

/// Spoils values of one or several types.
struct Scribble final : ColumnVisitor {
  std::function<void(std::string&)> on_text{};
  std::function<void(std::int64_t&)> on_integer{};
  std::function<void(bool&)> on_boolean{};
  std::function<void(Instant&)> on_instant{};
  std::function<void(std::optional<Instant>&)> on_optional{};
  std::function<void(Uuid&)> on_uuid{};
  std::function<void(Bytes&)> on_bytes{};
  std::function<void(unsigned char&, std::size_t)> on_word{};
  std::function<void(std::vector<Window>&)> on_windows{};
  std::function<void(std::vector<Line>&)> on_lines{};
  std::function<void(std::vector<QuotaId>&)> on_ids{};

  template <class F, class... Values>
  static void call(const F& f, Values&... values) {
    if (f) f(values...);
  }
  void text(std::string& value) override { call(on_text, value); }
  void integer(std::int64_t& value) override { call(on_integer, value); }
  void boolean(bool& value) override { call(on_boolean, value); }
  void instant(Instant& value) override { call(on_instant, value); }
  void optional(std::optional<Instant>& value) override { call(on_optional, value); }
  void uuid(Uuid& value) override { call(on_uuid, value); }
  void bytes(Bytes& value) override { call(on_bytes, value); }
  void word(unsigned char& value, std::size_t words) override { call(on_word, value, words); }
  void windows(std::vector<Window>& value) override { call(on_windows, value); }
  void lines(std::vector<Line>& value) override { call(on_lines, value); }
  void ids(std::vector<QuotaId>& value) override { call(on_ids, value); }
};
template <class Fill>
std::shared_ptr<ColumnVisitor> scribble(Fill fill) {
  auto out = std::make_shared<Scribble>();
  fill(*out);
  return out;
}

std::vector<Mutant> saving_mutants() {
  std::vector<Mutant> out;
  const auto add = [&](std::string_view name, auto save) {
    out.push_back({.name = name, .save = save});
  };

  add("forgets every save", [](Broken&, Unit&, Changes&) { return SaveResult{}; });
  add("ignores versions", [](Broken& store, Unit& unit, Changes& changes) {
    each_put(changes, [&](auto& put) { put.base_version = store.version(table_of_put(put), id_of_put(put)); });
    return unit.save(changes);
  });
  add("overwrites rows by inserts", [](Broken& store, Unit& unit, Changes& changes) {
    each_put(changes, [&](auto& put) {
      if (put.base_version == 0) put.base_version = store.version(table_of_put(put), id_of_put(put));
    });
    return unit.save(changes);
  });
  add("inserts rows that an update does not find", [](Broken& store, Unit& unit, Changes& changes) {
    each_put(changes, [&](auto& put) {
      if (store.version(table_of_put(put), id_of_put(put)) == 0) put.base_version = 0;
    });
    return unit.save(changes);
  });
  add("skips inserts of rows that are there", [](Broken& store, Unit& unit, Changes& changes) {
    each_list(changes, [&](auto& list) {
      std::erase_if(list, [&](auto& put) {
        return put.base_version == 0 && store.version(table_of_put(put), id_of_put(put)) != 0;
      });
    });
    return unit.save(changes);
  });
  add("ignores read checks", [](Broken&, Unit& unit, Changes& changes) {
    changes.reads.clear();
    return unit.save(changes);
  });
  add("refuses every read check", [](Broken&, Unit& unit, Changes& changes) {
    if (!changes.reads.empty()) return SaveResult{SaveStatus::conflict, changes.reads[0].table, changes.reads[0].id};
    return unit.save(changes);
  });
  add("writes what was only read", [](Broken& store, Unit& unit, Changes& changes) {
    const auto result = unit.save(changes);
    if (result.status != SaveStatus::saved) return result;
    for (const auto& read : changes.reads)
      static_cast<void>(store.put(*store.stored(read.table, read.id), read.version));
    return result;
  });
  add("saves table by table", [](Broken& store, Unit&, Changes& changes) {
    SaveResult first;
    const auto save = [&](const Changes& part) {
      const auto result = store.save(part);
      if (first.status == SaveStatus::saved) first = result;
    };
    Changes reads;
    reads.reads = changes.reads;
    for (const auto& delta : changes.deltas) {
      Changes part;
      part.deltas = {delta};
      save(part);
    }
    each_list(changes, [&](auto& list) {
      Changes part;
      std::get<std::remove_cvref_t<decltype(list)>>(part.puts) = list;
      save(part);
    });
    save(reads);
    return first;
  });
  add("drops all tables but the first", [](Broken&, Unit& unit, Changes& changes) {
    bool seen = false;
    each_list(changes, [&](auto& list) {
      if (seen) list.clear();
      seen = seen || !list.empty();
    });
    return unit.save(changes);
  });
  add("drops deltas", [](Broken&, Unit& unit, Changes& changes) {
    changes.deltas.clear();
    return unit.save(changes);
  });
  add("drops updates", [](Broken&, Unit& unit, Changes& changes) {
    each_list(changes, [](auto& list) { std::erase_if(list, [](auto& put) { return put.base_version != 0; }); });
    return unit.save(changes);
  });
  add("overwrites what is taken", [](Broken& store, Unit& unit, Changes& changes) {
    each_put(changes, [&]<class Row>(Put<Row>& put) {
      if constexpr (Counter<Row>) {
        const auto row = store.stored(table_of<Row>, put.row->id.value);
        if (!row || put.base_version == 0) return;
        changes.deltas.push_back({table_of<Row>, put.row->id.value, put.row->taken - std::get<Row>(*row).taken});
      }
    });
    return unit.save(changes);
  });
  add("inserts counters empty", [](Broken& store, Unit& unit, Changes& changes) {
    each_put(changes, [&]<class Row>(Put<Row>& put) {
      if constexpr (Counter<Row>) rewrite(store, put, [](Row& row) { row.taken = 0; });
    });
    return unit.save(changes);
  });
  const auto drop_deltas_that_fail = [](bool upwards) {
    return [upwards](Broken& store, Unit& unit, Changes& changes) {
      std::erase_if(changes.deltas, [&](const Delta& delta) {
        if ((delta.amount > 0) != upwards) return false;
        Changes part;
        part.deltas = {delta};
        return store.inner->copy()->begin()->save(part).status != SaveStatus::saved;
      });
      return unit.save(changes);
    };
  };
  add("does not guard the size", drop_deltas_that_fail(true));
  add("does not guard zero", drop_deltas_that_fail(false));
  add("guards no hold counter", [](Broken&, Unit& unit, Changes& changes) {
    const auto result = unit.save(changes);
    return result.status == SaveStatus::guard_failed && result.table == table_of<HoldCounter> ? SaveResult{} : result;
  });
  add("stops one place short", [](Broken& store, Unit& unit, Changes& changes) {
    for (const auto& delta : changes.deltas) {
      const auto row = store.stored(delta.table, delta.id);
      if (!row) continue;
      const auto* quota = std::get_if<Quota>(&*row);
      if (quota != nullptr && delta.amount > 0 && delta.amount == quota->size - quota->taken) {
        return SaveResult{SaveStatus::guard_failed, delta.table, delta.id};
      }
    }
    return unit.save(changes);
  });
  add("keeps only the last delta of a counter", [](Broken&, Unit& unit, Changes& changes) {
    std::map<Uuid, Delta> last;
    for (const auto& delta : changes.deltas) last[delta.id] = delta;
    changes.deltas.clear();
    for (const auto& [id, delta] : last) changes.deltas.push_back(delta);
    return unit.save(changes);
  });
  add("drops a delta beside a save of its row", [](Broken&, Unit& unit, Changes& changes) {
    for (const auto& put : changes.of<Quota>()) {
      std::erase_if(changes.deltas, [&](const Delta& delta) { return delta.id == put.row->id.value; });
    }
    return unit.save(changes);
  });
  add("adds counters that are not there", [](Broken& store, Unit& unit, Changes& changes) {
    for (const auto& delta : changes.deltas) {
      if (store.stored(delta.table, delta.id)) continue;
      auto row = blank(delta.table, delta.id);
      if (auto* quota = std::get_if<Quota>(&row)) quota->size = 100;
      if (auto* counter = std::get_if<HoldCounter>(&row)) counter->size = 100;
      static_cast<void>(store.put(row, 0));
    }
    return unit.save(changes);
  });
  add("a delta leaves no trace in the version", [](Broken& store, Unit& unit, Changes& changes) {
    // A save based on the last version before some deltas passes.
    each_put(changes, [&]<class Row>(Put<Row>& put) {
      if constexpr (Counter<Row>) {
        if (put.base_version != 0 && store.ids.contains(put.row->id.value)) {
          put.base_version = store.version(table_of<Row>, put.row->id.value);
        }
      }
    });
    for (auto& read : changes.reads) {
      if (store.ids.contains(read.id)) read.version = store.version(read.table, read.id);
    }
    for (const auto& delta : changes.deltas) store.ids.insert(delta.id);
    return unit.save(changes);
  });
  add("a delta wants the version that was loaded", [](Broken& store, Unit& unit, Changes& changes) {
    for (const auto& delta : changes.deltas) {
      const auto known = store.versions.find(delta.id);
      if (known != store.versions.end() && known->second != store.version(delta.table, delta.id)) {
        return SaveResult{SaveStatus::conflict, delta.table, delta.id};
      }
    }
    return unit.save(changes);
  });
  out.back().load = [](Broken& store, Unit& unit, std::span<const Need> needs, World& world) {
    unit.load(needs, world);
    const std::lock_guard lock(store.mutex);
    for (const auto& need : needs) store.versions.try_emplace(need.id, store.version(need.table, need.id));
  };
  add("names no row at fault",
      [](Broken&, Unit& unit, Changes& changes) { return SaveResult{unit.save(changes).status}; });
  add("says saved whatever happened", [](Broken&, Unit& unit, Changes& changes) {
    static_cast<void>(unit.save(changes));
    return SaveResult{};
  });
  add("holds no pair unique", [](Broken&, Unit& unit, Changes& changes) {
    const auto result = unit.save(changes);
    return result.status == SaveStatus::duplicate ? SaveResult{} : result;
  });
  add("holds no pair unique among payments", [](Broken&, Unit& unit, Changes& changes) {
    const auto result = unit.save(changes);
    const bool payment = result.status == SaveStatus::duplicate && result.table == table_of<Transaction>;
    return payment ? SaveResult{} : result;
  });
  add("holds pairs unique between saves only", [](Broken&, Unit& unit, Changes& changes) {
    std::set<std::pair<RegistrationId, std::int64_t>> seen;
    std::erase_if(std::get<std::vector<Put<Ticket>>>(changes.puts), [&](const Put<Ticket>& put) {
      return !seen.emplace(put.row->registration_id, put.row->number).second;
    });
    return unit.save(changes);
  });
  add("holds the first half of a pair unique", [](Broken& store, Unit& unit, Changes& changes) {
    for (const auto& put : changes.of<Ticket>()) {
      for (const auto& row : store.all(table_of<Ticket>)) {
        const auto& ticket = std::get<Ticket>(row);
        if (ticket.registration_id == put.row->registration_id && ticket.id != put.row->id) {
          return SaveResult{SaveStatus::duplicate, table_of<Ticket>, put.row->id.value};
        }
      }
    }
    return unit.save(changes);
  });
  add("refuses a pair to its owner", [](Broken&, Unit& unit, Changes& changes) {
    for (const auto& put : changes.of<Ticket>()) {
      if (put.base_version != 0) return SaveResult{SaveStatus::duplicate, table_of<Ticket>, put.row->id.value};
    }
    return unit.save(changes);
  });
  add("remembers pairs for ever", [](Broken& store, Unit& unit, Changes& changes) {
    for (const auto& put : changes.of<Ticket>()) {
      if (!store.pairs.emplace(put.row->registration_id.value, put.row->number).second) {
        return SaveResult{SaveStatus::duplicate, table_of<Ticket>, put.row->id.value};
      }
    }
    return unit.save(changes);
  });
  add("looks at pairs before versions", [](Broken& store, Unit& unit, Changes& changes) {
    for (const auto& put : changes.of<Ticket>()) {
      for (const auto& row : store.all(table_of<Ticket>)) {
        const auto& ticket = std::get<Ticket>(row);
        if (ticket.registration_id == put.row->registration_id && ticket.number == put.row->number &&
            ticket.id != put.row->id) {
          return SaveResult{SaveStatus::duplicate, table_of<Ticket>, put.row->id.value};
        }
      }
    }
    return unit.save(changes);
  });
  add("refuses a save of nothing", [](Broken&, Unit& unit, Changes& changes) {
    if (changes.size() == 0) throw std::logic_error("nothing to save");
    return unit.save(changes);
  });
  add("keeps the old texts on an update", [](Broken& store, Unit& unit, Changes& changes) {
    each_put(changes, [&]<class Row>(Put<Row>& put) {
      const auto old = store.stored(table_of<Row>, put.row->id.value);
      if (!old || put.base_version == 0) return;
      rewrite(store, put, [&](Row& row) {
        std::apply(
            [&](const auto&... column) {
              const auto keep = [&](const auto& each) {
                if constexpr (std::is_same_v<std::remove_cvref_t<decltype(row.*each.member)>, std::string>) {
                  row.*each.member = std::get<Row>(*old).*each.member;
                }
              };
              (keep(column), ...);
            },
            Row::columns());
      });
    });
    return unit.save(changes);
  });
  add("an update writes its neighbours", [](Broken& store, Unit& unit, Changes& changes) {
    const auto result = unit.save(changes);
    for (const auto& put : changes.of<User>()) {
      if (put.base_version == 0 || result.status != SaveStatus::saved) continue;
      for (const auto& row : store.all(table_of<User>)) {
        if (id_of(row) != put.row->id.value) static_cast<void>(store.put(row, version_of(row)));
      }
    }
    return result;
  });
  add("skips a row that is saved as it is", [](Broken& store, Unit& unit, Changes& changes) {
    each_list(changes, [&]<class Row>(std::vector<Put<Row>>& list) {
      std::erase_if(list, [&](const Put<Row>& put) {
        const auto old = store.stored(table_of<Row>, put.row->id.value);
        return old && put.base_version != 0 && difference(*old, *put.row).empty();
      });
    });
    return unit.save(changes);
  });
  add("drops what is beyond ten rows of a table", [](Broken&, Unit& unit, Changes& changes) {
    each_list(changes, [](auto& list) {
      if (list.size() > 10) list.resize(10);
    });
    return unit.save(changes);
  });
  add("takes half of what it says", [](Broken& store, Unit& unit, Changes& changes) {
    if (changes.size() > store.limits().max_items / 2) throw std::logic_error("too much");
    return unit.save(changes);
  });
  add("takes more than it says", [](Broken& store, Unit& unit, Changes& changes) {
    try {
      return unit.save(changes);
    } catch (const std::logic_error&) {
      each_put(changes, [&](auto& put) { static_cast<void>(store.put(*put.row, put.base_version)); });
      return SaveResult{};
    }
  });
  add("swallows a lost answer", [](Broken&, Unit& unit, Changes& changes) {
    try {
      return unit.save(changes);
    } catch (const OutcomeUnknown&) {
      return SaveResult{};
    }
  });
  add("sends again what had no answer", [](Broken& store, Unit& unit, Changes& changes) {
    try {
      return unit.save(changes);
    } catch (const OutcomeUnknown&) {
      return store.save(changes);
    }
  });
  add("sends again what met a conflict", [](Broken& store, Unit& unit, Changes& changes) {
    const auto result = unit.save(changes);
    return result.status == SaveStatus::conflict ? store.save(changes) : result;
  });
  add("saves though it was away", [](Broken& store, Unit& unit, Changes& changes) {
    try {
      return unit.save(changes);
    } catch (const StoreUnavailable&) {
      static_cast<void>(store.save(changes));
      throw;
    }
  });
  add("saves half of a row set whose answer was lost", [](Broken& store, Unit& unit, Changes& changes) {
    try {
      return unit.save(changes);
    } catch (const OutcomeUnknown&) {
      Changes deltas;
      deltas.deltas = changes.deltas;
      static_cast<void>(store.save(deltas));
      throw;
    }
  });
  add("any save since a unit began is a conflict", [](Broken& store, Unit& unit, Changes& changes) {
    if (store.count != 0) {
      store.count = 0;
      return SaveResult{SaveStatus::conflict};
    }
    const auto result = unit.save(changes);
    if (store.ids.size() > 1) store.count = 1;  // another unit is open
    return result;
  });
  out.back().begin = [](Broken& store) {
    const std::lock_guard lock(store.mutex);
    store.ids.insert(nth_id(++store.versions[Uuid{}]));
    return std::make_unique<BrokenUnit>(store, store.inner->begin());
  };
  out.back().ended = [](Broken& store, bool) {
    const std::lock_guard lock(store.mutex);
    if (!store.ids.empty()) store.ids.erase(store.ids.begin());
  };
  add("loses one save in eight", [](Broken& store, Unit& unit, Changes& changes) {
    return ++store.count % 8 == 0 ? SaveResult{} : unit.save(changes);
  });
  return out;
}

std::vector<Mutant> unit_mutants() {
  std::vector<Mutant> out;
  out.push_back({.name = "loads absent rows as blank ones",
                 .load = [](Broken&, Unit& unit, std::span<const Need> needs, World& world) {
                   World scratch;
                   unit.load(needs, scratch);
                   for (const auto& need : needs) {
                     for_each_table([&]<class Row>() {
                       if (table_of<Row> != need.table) return;
                       const Row* row = scratch.find<Row>(IdOf<Row>{need.id});
                       world.fill<Row>(row != nullptr ? *row : std::get<Row>(blank(need.table, need.id)));
                     });
                   }
                 }});
  out.push_back({.name = "ignores the second load",
                 .load =
                     [](Broken& store, Unit& unit, std::span<const Need> needs, World& world) {
                       if (!store.flag) unit.load(needs, world);
                       store.flag = true;
                     },
                 .begin =
                     [](Broken& store) {
                       store.flag = false;
                       return std::make_unique<BrokenUnit>(store, store.inner->begin());
                     }});
  out.push_back({.name = "loads rows of one table only",
                 .load = [](Broken&, Unit& unit, std::span<const Need> needs, World& world) {
                   std::vector<Need> some;
                   for (const auto& need : needs) {
                     if (need.table == needs[0].table)
                       some.push_back(need);
                     else
                       world.fill_absent(need.table, need.id);
                   }
                   unit.load(some, world);
                 }});
  out.push_back({.name = "loads at most a hundred rows",
                 .load = [](Broken&, Unit& unit, std::span<const Need> needs, World& world) {
                   unit.load(needs.first(std::min<std::size_t>(needs.size(), 100)), world);
                 }});
  out.push_back({.name = "refuses a row that is named twice",
                 .load = [](Broken&, Unit& unit, std::span<const Need> needs, World& world) {
                   std::set<std::pair<std::size_t, Uuid>> seen;
                   for (const auto& need : needs) {
                     if (!seen.emplace(need.table, need.id).second) throw StoreUnavailable("named twice");
                   }
                   unit.load(needs, world);
                 }});
  out.push_back({.name = "a load leaves a placeholder",
                 .load =
                     [](Broken& store, Unit& unit, std::span<const Need> needs, World& world) {
                       unit.load(needs, world);
                       for (const auto& need : needs) {
                         if (need.change && !store.stored(need.table, need.id)) {
                           store.kept.push_back(blank(need.table, need.id));
                         }
                       }
                     },
                 .ended =
                     [](Broken& store, bool) {
                       for (const auto& row : store.kept) static_cast<void>(store.put(row, 0));
                       store.kept.clear();
                     }});
  out.push_back({.name = "a dropped unit keeps its lock",
                 .begin = [](Broken& store) -> std::unique_ptr<Unit> {
                   if (store.flag) throw StoreUnavailable("locked");
                   return std::make_unique<BrokenUnit>(store, store.inner->begin());
                 },
                 .ended =
                     [](Broken& store, bool saved) {
                       store.flag = store.flag || !saved;
                     }});
  out.push_back({.name = "a unit begins when it saves", .save = [](Broken& store, Unit&, Changes& changes) {
                   return store.save(changes);
                 }});
  return out;
}

std::vector<Mutant> reading_mutants() {
  std::vector<Mutant> out;
  out.push_back({.name = "reads the state before the last save",
                 .save = save_keeping_last,
                 .read = [](Broken& store, auto needs, World& world) {
                   const std::lock_guard lock(store.mutex);
                   frozen(store).read(needs, world);
                 }});
  out.push_back({.name = "reads find nothing", .read = [](Broken&, auto needs, World& world) {
                   for (const auto& need : needs) world.fill_absent(need.table, need.id);
                 }});
  out.push_back({.name = "reads absent rows as blank ones", .read = [](Broken& store, auto needs, World& world) {
                   for (const auto& need : needs) {
                     for_each_table([&]<class Row>() {
                       if (table_of<Row> != need.table) return;
                       const auto row = store.stored(need.table, need.id);
                       world.fill<Row>(std::get<Row>(row ? *row : blank(need.table, need.id)));
                     });
                   }
                 }});
  out.push_back({.name = "reads row by row", .read = [](Broken& store, auto needs, World& world) {
                   for (const auto& need : needs) {
                     store.inner->read({&need, 1}, world);
                     if (needs.size() > 1) std::this_thread::sleep_for(std::chrono::microseconds(200));
                   }
                 }});
  out.push_back({.name = "a refused save shows in lists",
                 .save =
                     [](Broken& store, Unit& unit, Changes& changes) {
                       const auto result = unit.save(changes);
                       if (result.status == SaveStatus::conflict) {
                         for (const auto& put : changes.of<Tier>()) store.kept.emplace_back(*put.row);
                       }
                       return result;
                     },
                 .list =
                     [](Broken& store, ListQuery query) {
                       auto page = store.inner->list(query);
                       for (const auto& row : store.kept) page.rows.push_back(row);
                       return page;
                     }});
  out.push_back(
      {.name = "answers as if nothing were there while it is away", .list = [](Broken& store, ListQuery query) {
         try {
           return store.inner->list(query);
         } catch (const StoreUnavailable&) {
           return AnyPage{};
         }
       }});

  const auto add_list = [&](std::string_view name, auto list) {
    out.push_back({.name = name, .list = list});
  };
  add_list("lists nothing", [](Broken&, ListQuery) { return AnyPage{}; });
  add_list("lists a row of another key too", [](Broken& store, ListQuery query) {
    auto page = store.inner->list(query);
    for (const auto& row : store.all(query.table)) {
      const bool listed = std::ranges::any_of(page.rows, [&](const auto& other) { return id_of(other) == id_of(row); });
      if (!listed && page.rows.size() < query.limit && !query.after) {
        page.rows.push_back(row);
        break;
      }
    }
    return page;
  });
  add_list("lists backwards", [](Broken& store, ListQuery query) {
    auto page = store.inner->list(query);
    std::ranges::reverse(page.rows);
    return page;
  });
  add_list("does not know descending", [](Broken& store, ListQuery query) {
    query.descending = false;
    return store.inner->list(query);
  });
  add_list("lists in the order of ids", [](Broken& store, ListQuery query) {
    return store.page_by(query, [](auto& rows) { std::ranges::sort(rows, {}, id_of); });
  });
  add_list("orders numbers as text", [](Broken& store, ListQuery query) {
    return store.page_by(query, [](auto& rows) {
      std::ranges::sort(rows, {}, [](const AnyRow& row) {
        const auto* tier = std::get_if<Tier>(&row);
        return std::pair{tier == nullptr ? std::string() : std::to_string(tier->number), id_of(row)};
      });
    });
  });
  add_list("orders texts without regard to case", [](Broken& store, ListQuery query) {
    return store.page_by(query, [](auto& rows) {
      std::ranges::sort(rows, {}, [](const AnyRow& row) {
        const auto* quota = std::get_if<Quota>(&row);
        auto name = quota == nullptr ? std::string() : quota->name;
        for (auto& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        return std::pair{name, id_of(row)};
      });
    });
  });
  add_list("orders equal places backwards", [](Broken& store, ListQuery query) {
    return store.page_by(query, [](auto& rows) {
      std::ranges::sort(rows, {}, [](const AnyRow& row) {
        const auto* tier = std::get_if<Tier>(&row);
        return std::pair{tier == nullptr ? 0 : tier->number, ~id_of(row).high};
      });
    });
  });
  add_list("counts rows instead of keeping a place",
           [](Broken& store, ListQuery query) { return store.page_by(query, [](auto&) {}); });
  add_list("looks for the cursor's row where it is now", [](Broken& store, ListQuery query) {
    auto whole = query;
    whole.after.reset();
    whole.limit = 100'000;
    auto rows = store.inner->list(whole).rows;
    if (query.after) {
      const auto at = std::ranges::find(rows, query.after->id, id_of);
      if (at != rows.end()) rows.erase(rows.begin(), at + 1);
    }
    AnyPage page;
    if (rows.size() > query.limit) {
      rows.resize(query.limit);
      page.next = Cursor{"", id_of(rows.back())};
    }
    page.rows = std::move(rows);
    return page;
  });
  add_list("a cursor repeats its row", [](Broken& store, ListQuery query) {
    if (query.after) query.after->id.low += query.descending ? 1u : -1ull;
    return store.inner->list(query);
  });
  add_list("a cursor skips a row", [](Broken& store, ListQuery query) {
    ++query.limit;
    auto page = store.inner->list(query);
    if (page.rows.size() == query.limit) page.rows.pop_back();
    return page;
  });
  add_list("a cursor forgets equal places", [](Broken& store, ListQuery query) {
    if (query.after) query.after->id = query.descending ? Uuid{} : Uuid{~0ull, ~0ull};
    return store.inner->list(query);
  });
  add_list("a text cursor ends at a sign", [](Broken& store, ListQuery query) {
    if (query.after && query.table == table_of<Quota>) {
      auto& text = query.after->order;
      text.resize(std::min(text.find_first_of(":|/'\"\t%"), text.size()));
    }
    return store.inner->list(query);
  });
  add_list("there is always a next page", [](Broken& store, ListQuery query) {
    auto page = store.inner->list(query);
    if (!page.rows.empty() && !page.next)
      page.next = Cursor{query.after ? query.after->order : "0", id_of(page.rows.back())};
    return page;
  });
  add_list("there is never a next page", [](Broken& store, ListQuery query) {
    auto page = store.inner->list(query);
    page.next.reset();
    return page;
  });
  add_list("lists one row more than the limit", [](Broken& store, ListQuery query) {
    ++query.limit;
    return store.inner->list(query);
  });
  add_list("lists rows without their texts", [](Broken& store, ListQuery query) {
    auto page = store.inner->list(query);
    auto wipe = scribble([](Scribble& s) {
      s.on_text = [](std::string& text) {
        text.clear();
      };
    });
    for (auto& row : page.rows) visit_columns(row, *wipe);
    return page;
  });
  add_list("an unknown index is empty", [](Broken& store, ListQuery query) {
    try {
      return store.inner->list(query);
    } catch (const std::logic_error&) {
      return AnyPage{};
    }
  });
  add_list("forgets cursors when it is opened again", [](Broken& store, ListQuery query) {
    if (store.reopened) query.after.reset();
    return store.inner->list(query);
  });
  out.push_back({.name = "an update does not move a row in lists",
                 .save = save_freezing_updates,
                 .list = [](Broken& store, ListQuery query) {
                   return frozen(store).list(query);
                 }});

  const auto add_scan = [&](std::string_view name, auto scan) {
    out.push_back({.name = name, .scan = scan});
  };
  add_scan("scans nothing", [](Broken&, std::size_t, Uuid, std::size_t) { return std::vector<AnyRow>{}; });
  add_scan("scans the given id too", [](Broken& store, std::size_t table, Uuid after, std::size_t limit) {
    if (after) after.low -= 1;
    return store.inner->scan(table, after, limit);
  });
  add_scan("scans ids as signed numbers", [](Broken& store, std::size_t table, Uuid after, std::size_t limit) {
    auto rows = store.all(table);
    const auto key = [](Uuid id) {
      return std::pair{static_cast<std::int64_t>(id.high), static_cast<std::int64_t>(id.low)};
    };
    std::ranges::sort(rows, {}, [&](const AnyRow& row) { return key(id_of(row)); });
    std::erase_if(rows, [&](const AnyRow& row) { return after && key(id_of(row)) <= key(after); });
    if (rows.size() > limit) rows.resize(limit);
    return rows;
  });
  add_scan("scans no more than three rows", [](Broken& store, std::size_t table, Uuid after, std::size_t limit) {
    return store.inner->scan(table, after, std::min<std::size_t>(limit, 3));
  });
  add_scan("scans beyond the limit", [](Broken& store, std::size_t table, Uuid after, std::size_t limit) {
    return store.inner->scan(table, after, limit + 1);
  });
  add_scan("scans another table behind the last row",
           [](Broken& store, std::size_t table, Uuid after, std::size_t limit) {
             auto rows = store.inner->scan(table, after, limit);
             for (auto& row : store.inner->scan((table + 1) % table_count, after, limit - rows.size()))
               rows.push_back(row);
             return rows;
           });

  const auto add_due = [&](std::string_view name, auto due) {
    out.push_back({.name = name, .due = due});
  };
  add_due("nothing is due", [](Broken&, std::size_t, Instant, std::size_t) { return std::vector<AnyRow>{}; });
  add_due("due a millisecond late", [](Broken& store, std::size_t table, Instant until, std::size_t limit) {
    return store.inner->due(table, until - std::chrono::milliseconds(1), limit);
  });
  add_due("due whatever the time", [](Broken& store, std::size_t table, Instant, std::size_t limit) {
    return store.inner->due(table, Instant::max(), limit);
  });
  add_due("latest first", [](Broken& store, std::size_t table, Instant until, std::size_t limit) {
    auto rows = store.inner->due(table, until, limit);
    std::ranges::reverse(rows);
    return rows;
  });
  add_due("due in the order of ids", [](Broken& store, std::size_t table, Instant until, std::size_t limit) {
    auto rows = store.inner->due(table, until, 1000);
    std::ranges::sort(rows, {}, id_of);
    if (rows.size() > limit) rows.resize(limit);
    return rows;
  });
  add_due("rows without a time are due first", [](Broken& store, std::size_t table, Instant until, std::size_t limit) {
    std::vector<AnyRow> rows;
    for (const auto& row : store.all(table)) {
      if (std::get_if<Job>(&row) != nullptr && !std::get<Job>(row).due_at) rows.push_back(row);
    }
    for (auto& row : store.inner->due(table, until, limit)) rows.push_back(std::move(row));
    return rows;
  });
  add_due("more are due than asked for", [](Broken& store, std::size_t table, Instant until, std::size_t limit) {
    return store.inner->due(table, until, limit + 1);
  });
  add_due("one row of a time is due", [](Broken& store, std::size_t table, Instant until, std::size_t limit) {
    auto rows = store.inner->due(table, until, limit);
    const auto same_time = [](const AnyRow& a, const AnyRow& b) {
      const auto* left = std::get_if<Job>(&a);
      return left != nullptr && left->due_at == std::get<Job>(b).due_at;
    };
    rows.erase(std::unique(rows.begin(), rows.end(), same_time), rows.end());
    return rows;
  });
  add_due("no registration is due", [](Broken& store, std::size_t table, Instant until, std::size_t limit) {
    return table == table_of<Registration> ? std::vector<AnyRow>{} : store.inner->due(table, until, limit);
  });
  out.push_back({.name = "an update does not move what is due",
                 .save = save_freezing_updates,
                 .due = [](Broken& store, std::size_t table, Instant until, std::size_t limit) {
                   return frozen(store).due(table, until, limit);
                 }});

  const auto add_purge = [&](std::string_view name, auto purge) {
    out.push_back({.name = name, .purge = purge});
  };
  add_purge("forgets nothing", [](Broken&, Instant, std::size_t) { return std::size_t{0}; });
  add_purge("forgets a millisecond late", [](Broken& store, Instant now, std::size_t limit) {
    return store.inner->purge(now - std::chrono::milliseconds(1), limit);
  });
  add_purge("forgets replies before their time",
            [](Broken& store, Instant, std::size_t limit) { return store.inner->purge(Instant::max(), limit); });
  add_purge("forgets beyond the limit",
            [](Broken& store, Instant now, std::size_t) { return store.inner->purge(now, 1000); });
  add_purge("counts one too many",
            [](Broken& store, Instant now, std::size_t limit) { return store.inner->purge(now, limit) + 1; });
  add_purge("forgets counters in use", [](Broken& store, Instant now, std::size_t limit) {
    for (const auto& row : store.all(table_of<HoldCounter>)) {
      Changes changes;
      changes.deltas = {{table_of<HoldCounter>, id_of(row), -std::get<HoldCounter>(row).taken}};
      static_cast<void>(store.save(changes));
    }
    return store.inner->purge(now, limit);
  });
  add_purge("forgets due jobs and registrations and empty quotas", [](Broken& store, Instant now, std::size_t limit) {
    const auto gone = store.inner->purge(now, limit);
    auto rest = rebuilt(store, [](AnyRow& row) {
      const auto* quota = std::get_if<Quota>(&row);
      return row.index() != table_of<Job> && row.index() != table_of<Registration> &&
             (quota == nullptr || quota->taken != 0);
    });
    store.replaced.push_back(std::exchange(store.inner, std::move(rest)));
    return gone;
  });
  out.push_back({.name = "what was forgotten may not come again",
                 .save =
                     [](Broken& store, Unit& unit, Changes& changes) {
                       for (const auto& put : changes.of<IdempotentReply>()) {
                         if (store.ids.contains(put.row->id.value)) return SaveResult{SaveStatus::conflict};
                       }
                       return unit.save(changes);
                     },
                 .purge =
                     [](Broken& store, Instant now, std::size_t limit) {
                       for (const auto& row : store.inner->due(table_of<IdempotentReply>, now, limit))
                         store.ids.insert(id_of(row));
                       return store.inner->purge(now, limit);
                     }});
  return out;
}

std::vector<Mutant> reopening_mutants() {
  std::vector<Mutant> out;
  const auto add = [&](std::string_view name, auto reopen) {
    out.push_back({.name = name, .reopen = reopen});
  };
  add("keeps nothing", [](Broken& store) { return std::make_unique<MemoryStore>(store.inner->limits()); });
  add("counts versions from one again", [](Broken& store) { return rebuilt(store, keep_row); });
  add("gives back what was taken", [](Broken& store) {
    return rebuilt(store, [](AnyRow& row) {
      if (auto* quota = std::get_if<Quota>(&row)) quota->taken = 0;
      return true;
    });
  });
  add("keeps nothing of the last tables",
      [](Broken& store) { return rebuilt(store, [](AnyRow& row) { return row.index() < table_of<AuditEntry>; }); });
  out.push_back({.name = "keeps the first state of a row", .save = save_freezing_updates, .reopen = [](Broken& store) {
                   return store.frozen ? store.frozen->copy() : same(store);
                 }});
  out.push_back(
      {.name = "holds no pair unique after reopening", .save = [](Broken& store, Unit& unit, Changes& changes) {
         const auto result = unit.save(changes);
         return store.reopened && result.status == SaveStatus::duplicate ? SaveResult{} : result;
       }});
  out.push_back({.name = "nothing is due after reopening",
                 .due = [](Broken& store, std::size_t table, Instant until, std::size_t limit) {
                   return store.reopened ? std::vector<AnyRow>{} : store.inner->due(table, until, limit);
                 }});
  out.push_back({.name = "what was forgotten comes back",
                 .purge =
                     [](Broken& store, Instant now, std::size_t limit) {
                       store.frozen = store.inner->copy();
                       return store.inner->purge(now, limit);
                     },
                 .reopen =
                     [](Broken& store) {
                       return store.frozen ? store.frozen->copy() : same(store);
                     }});
  out.push_back({.name = "a refused save comes back",
                 .save =
                     [](Broken& store, Unit& unit, Changes& changes) {
                       const auto result = unit.save(changes);
                       if (result.status == SaveStatus::conflict) {
                         for (const auto& put : changes.of<User>()) store.kept.emplace_back(*put.row);
                       }
                       return result;
                     },
                 .reopen =
                     [](Broken& store) {
                       for (const auto& row : store.kept)
                         static_cast<void>(store.put(row, store.version(row.index(), id_of(row))));
                       return same(store);
                     }});
  out.push_back({.name = "has room for ten rows", .limits = store::Limits{10, 4'000'000}});
  out.push_back({.name = "has room for a thousand bytes", .limits = store::Limits{100, 1000}});
  return out;
}

std::vector<Mutant> column_mutants() {
  std::vector<Mutant> out;
  const auto add = [&](std::string_view name, auto fill) {
    out.push_back({.name = name, .scribble = scribble(fill)});
  };
  add("cuts texts at 255 bytes", [](Scribble& s) {
    s.on_text = [](std::string& text) {
      text.resize(std::min<std::size_t>(text.size(), 255));
    };
  });
  add("knows three bytes of UTF-8", [](Scribble& s) {
    s.on_text = [](std::string& text) {
      std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0xF0; });
    };
  });
  add("an empty text is a space", [](Scribble& s) {
    s.on_text = [](std::string& text) {
      if (text.empty()) text = " ";
    };
  });
  add("loses every text", [](Scribble& s) {
    s.on_text = [](std::string& text) {
      text.clear();
    };
  });
  add("keeps integers as doubles", [](Scribble& s) {
    s.on_integer = [](std::int64_t& value) {
      const auto rounded = static_cast<double>(value);
      value = rounded >= 9.2e18 ? INT64_MAX - 1023 : static_cast<std::int64_t>(rounded);
    };
  });
  add("keeps 32 bits of an integer", [](Scribble& s) {
    s.on_integer = [](std::int64_t& value) {
      value = static_cast<std::int32_t>(value);
    };
  });
  add("loses signs", [](Scribble& s) {
    s.on_integer = [](std::int64_t& value) {
      value &= INT64_MAX;
    };
  });
  add("the epoch is no time", [](Scribble& s) {
    s.on_optional = [](std::optional<Instant>& at) {
      if (at == Instant{}) at.reset();
    };
  });
  add("no time is the epoch", [](Scribble& s) {
    s.on_optional = [](std::optional<Instant>& at) {
      at = at.value_or(Instant{});
    };
  });
  add("keeps whole seconds", [](Scribble& s) {
    s.on_instant = [](Instant& at) {
      at = std::chrono::floor<std::chrono::seconds>(at);
    };
  });
  add("swaps the last word for the first", [](Scribble& s) {
    s.on_word = [](unsigned char& value, std::size_t count) {
      if (count > 1 && value == count - 1) value = 0;
    };
  });
  add("cuts bytes at a zero", [](Scribble& s) {
    s.on_bytes = [](Bytes& bytes) {
      bytes.data.resize(std::min(bytes.data.find('\0'), bytes.data.size()));
    };
  });
  add("keeps sixteen elements of a list", [](Scribble& s) {
    s.on_windows = [](auto& list) {
      list.resize(std::min<std::size_t>(list.size(), 16));
    };
    s.on_lines = [](auto& list) {
      list.resize(std::min<std::size_t>(list.size(), 16));
    };
    s.on_ids = [](auto& list) {
      list.resize(std::min<std::size_t>(list.size(), 16));
    };
  });
  add("loses empty names inside a list", [](Scribble& s) {
    s.on_lines = [](std::vector<Line>& lines) {
      for (auto& line : lines) std::erase(line.holders, "");
    };
  });
  add("keeps half of an id", [](Scribble& s) {
    s.on_uuid = [](Uuid& id) {
      id.low = 0;
    };
  });
  add("no id is an id", [](Scribble& s) {
    s.on_uuid = [](Uuid& id) {
      if (!id) id.low = 1;
    };
  });
  add("nothing is true", [](Scribble& s) {
    s.on_boolean = [](bool& value) {
      value = false;
    };
  });
  add("keeps no list", [](Scribble& s) {
    s.on_windows = [](auto& list) {
      list.clear();
    };
    s.on_lines = [](auto& list) {
      list.clear();
    };
    s.on_ids = [](auto& list) {
      list.clear();
    };
  });
  out.push_back({.name = "every version is one", .spoil = [](AnyRow& row) {
                   std::visit([](auto& known) { known.version = 1; }, row);
                 }});
  return out;
}

const std::vector<Mutant>& mutants() {
  static const auto all = [] {
    std::vector<Mutant> out;
    for (auto part : {saving_mutants(), unit_mutants(), reading_mutants(), reopening_mutants(), column_mutants()}) {
      for (auto& mutant : part) out.push_back(std::move(mutant));
    }
    return out;
  }();
  return all;
}

}  // namespace

std::vector<std::string_view> KillMatrix::surviving_cases() const {
  std::vector<std::string_view> out;
  for (std::size_t c = 0; c < cases.size(); ++c) {
    if (std::ranges::none_of(killed, [&](const auto& row) { return row[c]; })) out.push_back(cases[c]);
  }
  return out;
}

std::vector<std::string_view> KillMatrix::surviving_mutants() const {
  std::vector<std::string_view> out;
  for (std::size_t m = 0; m < mutants.size(); ++m) {
    if (std::ranges::none_of(killed[m], std::identity{})) out.push_back(mutants[m]);
  }
  return out;
}

std::string KillMatrix::text() const {
  std::string out;
  for (std::size_t m = 0; m < mutants.size(); ++m) {
    const auto& row = killed[m];
    out += std::to_string(std::ranges::count(row, true)) + "\t" + std::string(mutants[m]);
    const auto first = std::ranges::find(row, true);
    if (first != row.end()) out += " -> " + std::string(cases[static_cast<std::size_t>(first - row.begin())]);
    out += "\n";
  }
  out += std::to_string(cases.size()) + " cases, " + std::to_string(mutants.size()) + " broken stores\n";
  for (const auto name : surviving_cases()) out += "case that no broken store fails: " + std::string(name) + "\n";
  for (const auto name : surviving_mutants()) out += "broken store that no case finds: " + std::string(name) + "\n";
  return out;
}

KillMatrix run_kill_matrix(bool whole) {
  KillMatrix out;
  const auto& all = cases();
  for (const auto& each : all) out.cases.push_back(each.name);
  std::vector<bool> failed(all.size());
  for (const auto& mutant : mutants()) {
    out.mutants.push_back(mutant.name);
    auto& row = out.killed.emplace_back(all.size());
    bool found = false;
    const auto run = [&](std::size_t c) {
      BrokenSubject subject(mutant);
      if (!failure_of(all[c].run, subject)) return;
      row[c] = failed[c] = found = true;
    };
    for (const bool failed_before : {false, true}) {
      for (std::size_t c = 0; c < all.size(); ++c) {
        if (row[c] || failed[c] != failed_before) continue;
        if (whole || !failed_before || !found) run(c);
      }
    }
  }
  return out;
}

TEST_CASE("contract: every case fails on some store broken on purpose, and every such store fails some case") {
  const auto matrix = run_kill_matrix(false);
  for (const auto name : matrix.surviving_cases()) FAIL_CHECK(name);
  for (const auto name : matrix.surviving_mutants()) FAIL_CHECK(name);
  CHECK(matrix.cases.size() >= 60);
}

TEST_CASE("contract: a broken store with nothing wrong passes every case") {
  const Mutant sound{.name = "sound"};
  for (const auto& each : cases()) {
    BrokenSubject subject(sound);
    const auto failure = failure_of(each.run, subject);
    CHECK_MESSAGE(!failure, each.name, ": ", failure.value_or(""));
  }
}

}  // namespace admit::contract

#include "contract.hpp"

#include <type_traits>

namespace admit::contract {

void expect(bool holds, std::string_view what, std::source_location where) {
  if (holds) return;
  throw Failure(std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": not so: " + std::string(what));
}

void expect(SaveResult result, SaveStatus wanted, std::source_location where) {
  constexpr std::string_view words[] = {"saved", "conflict", "guard_failed", "duplicate"};
  if (result.status == wanted) return;
  throw Failure(std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": the save answered " +
                std::string(words[static_cast<std::size_t>(result.status)]) + ", not " +
                std::string(words[static_cast<std::size_t>(wanted)]));
}

Draft::Draft(Store& store, const std::vector<Need>& needs) : x_store(store), x_unit(store.begin()) {
  x_unit->load(needs, world);
}

SaveResult Draft::save(const Changes& changes) {
  if (x_unit == nullptr) x_unit = x_store.begin();
  const auto unit = std::move(x_unit);
  return unit->save(changes);
}

void Env::put_any(const AnyRow& row) {
  std::visit([&]<class Row>(const Row& known) { put(known); }, row);
}

std::optional<AnyRow> Env::find_any(std::size_t table, Uuid id) {
  std::optional<AnyRow> out;
  for_each_table([&]<class Row>() {
    if (table_of<Row> != table) return;
    if (auto row = find<Row>(IdOf<Row>{id})) out = std::move(*row);
  });
  return out;
}

namespace {

template <class T>
void visit_value(T& value, ColumnVisitor& visitor) {
  if constexpr (std::is_same_v<T, std::string>) {
    visitor.text(value);
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    visitor.integer(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    visitor.boolean(value);
  } else if constexpr (std::is_same_v<T, Instant>) {
    visitor.instant(value);
  } else if constexpr (std::is_same_v<T, std::optional<Instant>>) {
    visitor.optional(value);
  } else if constexpr (std::is_same_v<T, Uuid>) {
    visitor.uuid(value);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    visitor.bytes(value);
  } else if constexpr (std::is_same_v<T, std::vector<Window>>) {
    visitor.windows(value);
  } else if constexpr (std::is_same_v<T, std::vector<Line>>) {
    visitor.lines(value);
  } else if constexpr (std::is_same_v<T, std::vector<QuotaId>>) {
    visitor.ids(value);
  } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
    visitor.numbers(value);
  } else if constexpr (std::is_enum_v<T>) {
    auto index = static_cast<unsigned char>(value);
    visitor.word(index, word_count<T>());
    value = static_cast<T>(index);
  } else if constexpr (requires { value.resize(2); }) {
    value.resize(2);
    for (auto& each : value) visit_value(each, visitor);
  } else {
    visitor.uuid(value.value);
  }
}

struct OrdinaryFiller final : ColumnVisitor {
  explicit OrdinaryFiller(std::uint64_t salt) : next(salt * 1000) {}
  std::uint64_t next;

  std::int64_t number() { return static_cast<std::int64_t>(++next); }
  void text(std::string& value) override { value = "text " + std::to_string(number()); }
  void integer(std::int64_t& value) override { value = number(); }
  void boolean(bool& value) override { value = number() % 2 == 0; }
  void instant(Instant& value) override { value = from_unix_ms(1'800'000'000'000 + number()); }
  void optional(std::optional<Instant>& value) override { value = from_unix_ms(1'900'000'000'000 + number()); }
  void uuid(Uuid& value) override { value = {~++next, next * 7}; }
  void bytes(Bytes& value) override { value.data = std::string("\0bytes ", 7) + std::to_string(number()); }
  void word(unsigned char& value, std::size_t count) override { value = static_cast<unsigned char>(++next % count); }
  void windows(std::vector<Window>& value) override {
    value = {{from_unix_ms(number()), from_unix_ms(number())}, {from_unix_ms(number()), from_unix_ms(number())}};
  }
  void lines(std::vector<Line>& value) override {
    value.clear();
    for (int i = 0; i < 2; ++i) {
      Line line;
      line.tier_id = TierId{{++next, ~next}};
      line.quantity = number();
      line.holders = {"holder " + std::to_string(number()), "holder " + std::to_string(number())};
      for (auto* amount : {&line.price_minor, &line.tax_rate_bp, &line.net_minor, &line.tax_minor, &line.fee_minor,
                           &line.gross_minor}) {
        *amount = number();
      }
      value.push_back(std::move(line));
    }
  }
  void ids(std::vector<QuotaId>& value) override { value = {QuotaId{{++next, 1}}, QuotaId{{++next, 2}}}; }
  void numbers(std::vector<std::int64_t>& value) override { value = {number(), number()}; }
};

}  // namespace

void visit_columns(AnyRow& row, ColumnVisitor& visitor) {
  std::visit(
      [&]<class Row>(Row& known) {
        std::apply([&](const auto&, const auto&... column) { (visit_value(known.*column.member, visitor), ...); },
                   Row::columns());
      },
      row);
}

Uuid nth_id(std::uint64_t n) {
  return {0x0190'0000'0000'7000 + n, 0x8000'0000'0000'0000 + n * 3};
}

AnyRow blank(std::size_t table, Uuid id) {
  AnyRow out;
  for_each_table([&]<class Row>() {
    if (table_of<Row> == table) out.emplace<Row>().id.value = id;
  });
  return out;
}

Uuid id_of(const AnyRow& row) {
  return std::visit([](const auto& known) { return known.id.value; }, row);
}

std::uint64_t version_of(const AnyRow& row) {
  return std::visit([](const auto& known) { return known.version; }, row);
}

AnyRow ordinary(std::size_t table, Uuid id, std::uint64_t salt) {
  AnyRow row = blank(table, id);
  OrdinaryFiller filler(salt);
  visit_columns(row, filler);
  std::visit(
      []<class Row>(Row& known) {
        if constexpr (Counter<Row>) known.taken = known.size / 2;
      },
      row);
  return row;
}

std::string difference(const AnyRow& a, const AnyRow& b) {
  if (a.index() != b.index()) return "table";
  return std::visit(
      [&]<class Row>(const Row& left) {
        const Row& right = std::get<Row>(b);
        std::string out;
        std::apply(
            [&](const auto&... column) {
              const auto compare = [&](const auto& each) {
                if (out.empty() && !(left.*each.member == right.*each.member)) out = each.name;
              };
              (compare(column), ...);
            },
            Row::columns());
        return out;
      },
      a);
}

std::string_view table_name(std::size_t table) {
  std::string_view out;
  for_each_table([&]<class Row>() {
    if (table_of<Row> == table) out = Row::table;
  });
  return out;
}

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

bool note_case(std::string_view name, void (*run)(Env&), bool with_faults) {
  cases().push_back({name, run, with_faults});
  return true;
}

std::optional<std::string> failure_of(void (*run)(Env&), Subject& subject) {
  try {
    Env env(subject);
    run(env);
    return std::nullopt;
  } catch (const std::exception& error) {
    return error.what();
  }
}

void run_on(std::string_view kind, void (*run)(Env&)) {
  for (const auto& candidate : kinds()) {
    if (candidate.name != kind) continue;
    const auto subject = candidate.make();
    if (const auto failure = failure_of(run, *subject)) FAIL(*failure);
    return;
  }
  FAIL("there is no store of that name");
}

}  // namespace admit::contract

// What goes into a column comes out of it.

#include <algorithm>
#include <cstdint>

#include "contract.hpp"

namespace admit::contract {
namespace {

/// Rows of one case may not share a unique pair.
void separate(AnyRow& row, std::uint64_t salt) {
  if (auto* ticket = std::get_if<Ticket>(&row)) ticket->registration_id.value.low ^= salt << 8;
  if (auto* transaction = std::get_if<Transaction>(&row)) transaction->registration_id.value.low ^= salt << 8;
}

/// Saves one row of every table made by `fill` and expects it back, by read, by load and by scan.
void round_trip(Env& env, ColumnVisitor& fill, std::uint64_t salt = 1) {
  for (std::size_t table = 0; table < table_count; ++table) {
    AnyRow row = blank(table, nth_id(salt));
    visit_columns(row, fill);
    std::visit(
        [&]<class Row>(Row& known) {
          if constexpr (Counter<Row>) known.taken = known.size = std::max<std::int64_t>(known.size, 0);
        },
        row);
    separate(row, salt);
    env.put_any(row);
    const auto check = [&](const std::optional<AnyRow>& found, std::string_view how) {
      expect(found.has_value(), std::string(table_name(table)) + " is there by " + std::string(how));
      const auto column = difference(*found, row);
      expect(column.empty(), std::string(table_name(table)) + "." + column + " comes back by " + std::string(how));
      expect(version_of(*found) == 1, "an inserted row has version 1");
    };
    check(env.find_any(table, nth_id(salt)), "read");
    std::optional<AnyRow> scanned;
    for (auto& other : env.store().scan(table, Uuid{}, 1000)) {
      if (id_of(other) == nth_id(salt)) scanned = std::move(other);
    }
    check(scanned, "scan");
    std::visit(
        [&]<class Row>(const Row& known) {
          Draft draft(env.store(), {need<Row>(known.id)});
          const Row* loaded = draft.world.find<Row>(known.id);
          check(loaded == nullptr ? std::nullopt : std::optional<AnyRow>(*loaded), "load");
        },
        row);
  }
}

struct TextFill final : ColumnVisitor {
  std::string value;
  explicit TextFill(std::string text) : value(std::move(text)) {}
  void text(std::string& out) override { out = value; }
  void lines(std::vector<Line>& out) override {
    Line line;
    line.holders = {value, "", value};
    out = {line, line};
  }
};

struct NumberFill final : ColumnVisitor {
  std::int64_t value;
  explicit NumberFill(std::int64_t number) : value(number) {}
  void integer(std::int64_t& out) override { out = value; }
  void lines(std::vector<Line>& out) override {
    Line line;
    line.quantity = line.price_minor = line.tax_rate_bp = value;
    line.net_minor = line.tax_minor = line.fee_minor = line.gross_minor = value;
    out = {line};
  }
};

struct InstantFill final : ColumnVisitor {
  Instant value;
  explicit InstantFill(std::int64_t ms) : value(from_unix_ms(ms)) {}
  void instant(Instant& out) override { out = value; }
  void optional(std::optional<Instant>& out) override { out = value; }
  void windows(std::vector<Window>& out) override { out = {{value, value}}; }
};

struct IdFill final : ColumnVisitor {
  Uuid value;
  explicit IdFill(Uuid id) : value(id) {}
  void uuid(Uuid& out) override { out = value; }
  void ids(std::vector<QuotaId>& out) override { out = {QuotaId{value}, QuotaId{value}}; }
  void lines(std::vector<Line>& out) override {
    Line line;
    line.tier_id = TierId{value};
    out = {line};
  }
};

struct BytesFill final : ColumnVisitor {
  std::string value;
  explicit BytesFill(std::string data) : value(std::move(data)) {}
  void bytes(Bytes& out) override { out.data = value; }
};

struct WordFill final : ColumnVisitor {
  std::size_t index = 0;
  std::size_t most = 0;
  void word(unsigned char& out, std::size_t count) override {
    most = std::max(most, count);
    out = static_cast<unsigned char>(std::min(index, count - 1));
  }
};

struct BooleanFill final : ColumnVisitor {
  bool value = false;
  void boolean(bool& out) override { out = value; }
};

struct NestedFill final : ColumnVisitor {
  std::size_t count = 0;
  void windows(std::vector<Window>& out) override {
    out.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const auto ms = static_cast<std::int64_t>(i) * 1'000'003;
      out.push_back({from_unix_ms(ms), from_unix_ms(ms + 1)});
    }
  }
  void ids(std::vector<QuotaId>& out) override {
    out.clear();
    for (std::size_t i = 0; i < count; ++i) out.push_back(nth<QuotaId>(count - i));
  }
  void lines(std::vector<Line>& out) override {
    out.clear();
    for (std::size_t i = 0; i < count; ++i) {
      Line line;
      line.tier_id = nth<TierId>(i + 1);
      line.quantity = static_cast<std::int64_t>(i);
      for (std::size_t holder = 0; holder < i % 40; ++holder)
        line.holders.push_back("holder " + std::to_string(holder));
      out.push_back(line);
    }
  }
};

/// An ordinary row of one table, inserted and then replaced, each column different both times.
template <class Row>
void whole_row(Env& env) {
  const IdOf<Row> id{nth_id(1)};
  for (std::uint64_t salt : {1, 2}) {
    auto row = ordinary<Row>(id, salt);
    if constexpr (Counter<Row>) row.taken = 500;  // kept from the insert
    env.put(row);
    const auto stored = env.get<Row>(id);
    const auto column = difference(stored, row);
    expect(column.empty(), std::string(Row::table) + "." + column + " comes back");
    expect(stored.version == salt, "the version counts the saves");
  }
}

}  // namespace

STORE_CASE("row: a user comes back whole, inserted and replaced") {
  whole_row<User>(env);
}
STORE_CASE("row: a session comes back whole, inserted and replaced") {
  whole_row<Session>(env);
}
STORE_CASE("row: a claim comes back whole, inserted and replaced") {
  whole_row<Claim>(env);
}
STORE_CASE("row: a business comes back whole, inserted and replaced") {
  whole_row<Business>(env);
}
STORE_CASE("row: a show comes back whole, inserted and replaced") {
  whole_row<Show>(env);
}
STORE_CASE("row: a show key comes back whole, inserted and replaced") {
  whole_row<ShowKey>(env);
}
STORE_CASE("row: a tier comes back whole, inserted and replaced") {
  whole_row<Tier>(env);
}
STORE_CASE("row: a quota comes back whole, inserted and replaced") {
  whole_row<Quota>(env);
}
STORE_CASE("row: a hold counter comes back whole, inserted and replaced") {
  whole_row<HoldCounter>(env);
}
STORE_CASE("row: a registration comes back whole, inserted and replaced") {
  whole_row<Registration>(env);
}
STORE_CASE("row: a transaction comes back whole, inserted and replaced") {
  whole_row<Transaction>(env);
}
STORE_CASE("row: a ticket comes back whole, inserted and replaced") {
  whole_row<Ticket>(env);
}
STORE_CASE("row: a check-in comes back whole, inserted and replaced") {
  whole_row<CheckIn>(env);
}
STORE_CASE("row: a device comes back whole, inserted and replaced") {
  whole_row<Device>(env);
}
STORE_CASE("row: a job comes back whole, inserted and replaced") {
  whole_row<Job>(env);
}
STORE_CASE("row: an inbox event comes back whole, inserted and replaced") {
  whole_row<InboxEvent>(env);
}
STORE_CASE("row: an idempotent reply comes back whole, inserted and replaced") {
  whole_row<IdempotentReply>(env);
  whole_row<LinkState>(env);
}
STORE_CASE("row: an audit entry comes back whole, inserted and replaced") {
  whole_row<AuditEntry>(env);
}
STORE_CASE("row: a lane mark comes back whole, inserted and replaced") {
  whole_row<LaneMark>(env);
}

STORE_CASE("row: a sealing epoch comes back whole, inserted and replaced") {
  whole_row<SealingEpoch>(env);
}

STORE_CASE("row: empty texts stay empty") {
  TextFill fill("");
  round_trip(env, fill);
}

STORE_CASE("row: texts in any script and with every sign come back byte by byte") {
  TextFill fill(
      "\"quoted\" \\back 'single' %_; -- \t\r\n\x01\x1f\x7f "
      "Zażółć Ωμέγα Щука שלום مرحبا हिन्दी ไทย 漢字 \U0001F39F\U0001D518 \u2028\u202E e\u0301 \uFFFD\uFEFF ");
  round_trip(env, fill);
}

STORE_CASE("row: a text of 100,000 bytes comes back") {
  TextFill fill(std::string(99'990, 'x') + "end\U0001F39F");
  round_trip(env, fill);
}

STORE_CASE("row: integers to both ends come back") {
  std::uint64_t salt = 1;
  for (const std::int64_t value :
       {std::int64_t{INT64_MIN}, std::int64_t{INT64_MIN} + 1, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1} << 53,
        (std::int64_t{1} << 53) + 1, std::int64_t{INT64_MAX} - 1, std::int64_t{INT64_MAX}}) {
    NumberFill fill(value);
    round_trip(env, fill, salt++);
  }
}

STORE_CASE("row: instants from 1970 to 9999 come back to the millisecond") {
  std::uint64_t salt = 1;
  for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{1}, 1'795'000'000'999, 253'402'300'799'999}) {
    InstantFill fill(ms);
    round_trip(env, fill, salt++);
  }
}

STORE_CASE("row: ids of zeros and of ones come back") {
  IdFill none(Uuid{});
  IdFill all(Uuid{~0ull, ~0ull});
  IdFill half(Uuid{0, 1ull << 63});
  round_trip(env, none, 1);
  round_trip(env, all, 2);
  round_trip(env, half, 3);
}

STORE_CASE("row: bytes come back, none, one and each of the 256") {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  std::uint64_t salt = 1;
  for (const auto& value : {std::string(), std::string(1, '\0'), every, every + every}) {
    BytesFill fill(value);
    round_trip(env, fill, salt++);
  }
}

STORE_CASE("row: every word of every enumeration comes back") {
  WordFill fill;
  do {
    round_trip(env, fill, fill.index + 1);
    ++fill.index;
  } while (fill.index < fill.most);
  expect(fill.index == word_count<Capability>(), "the longest list of words was walked");
}

STORE_CASE("row: true and false come back") {
  BooleanFill fill;
  round_trip(env, fill, 1);
  fill.value = true;
  round_trip(env, fill, 2);
}

STORE_CASE("row: an empty time stays empty and the epoch is a time") {
  ColumnVisitor nothing;
  round_trip(env, nothing, 1);
  InstantFill epoch(0);
  round_trip(env, epoch, 2);
  auto job = env.get(nth<JobId>(2));
  job.due_at.reset();
  env.put(job);
  expect(!env.get(nth<JobId>(2)).due_at, "a time is cleared");
}

STORE_CASE("row: lists inside a row come back, empty, short and long") {
  NestedFill fill;
  std::uint64_t salt = 1;
  for (const std::size_t count : {0u, 1u, 2u, 45u}) {
    fill.count = count;
    round_trip(env, fill, salt++);
  }
}

}  // namespace admit::contract

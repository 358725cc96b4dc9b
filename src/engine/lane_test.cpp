#include "engine/lane.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "domain/testing/office.hpp"
#include "store/memory/memory_store.hpp"

namespace {

using namespace admit;
using namespace admit::domain;
using engine::Answer;
using engine::Lane;
using engine::LaneOptions;
using engine::Replay;
using store::memory::Call;
using store::memory::Fault;
using store::memory::MemoryStore;
using store::memory::ScriptedFaults;

/// A lane stepped by hand.
struct Bench {
  MemoryStore store;
  ScriptedFaults faults;
  int pauses = 0;
  std::size_t commits_seen = 0;
  Lane lane;
  Bench& self() { return *this; }

  explicit Bench(store::Limits limits = MemoryStore::default_limits, LaneOptions options = {})
      : store(limits), lane(store, with_hooks(std::move(options))) {
    store.inject(&faults);
  }

  template <class Command>
  Result<typename Command::Outcome> call(Command command) {
    std::optional<Result<typename Command::Outcome>> out;
    REQUIRE(lane.submit(std::move(command), [&](auto answer) { out = std::move(answer.result); }));
    while (lane.step()) {
    }
    REQUIRE(out.has_value());
    return std::move(*out);
  }
  std::size_t saves() const { return faults.calls(Call::save); }
  template <class Row>
  std::size_t rows() {
    return store::scan<Row>(store, {}, 100'000).size();
  }

 private:
  LaneOptions with_hooks(LaneOptions options) {
    options.pause = [this](std::chrono::milliseconds) {
      ++pauses;
    };
    options.on_commit = [this](const Changes&) {
      ++commits_seen;
    };
    return options;
  }
};

struct OfficeBench : Bench {
  using Bench::Bench;
  domain::testing::Office<Bench> o{self()};
};

/// Puts a session: one row, as small as a change can be.
struct Note {
  using Outcome = Session;
  Meta meta;
  SessionId id;
  std::string text = "x";
  int rows = 1;
  bool breaks = false;
  bool refused = false;
};
void needs(const Note& note, Needs& wanted) {
  wanted.change<Session>(note.id);
}
Result<Session> decide(const Note& note, World& world) {
  Session session;
  const Session* found = world.find<Session>(note.id);
  if (found != nullptr) session = *found;
  session.id = note.id;
  session.refresh_hash.data += note.text;
  world.put(session);
  for (int i = 1; i < note.rows; ++i)
    world.put(Session{.id = {{note.id.value.high, 1'000'000u + static_cast<unsigned>(i)}}});
  if (note.breaks) throw std::runtime_error("a fault in a rule");
  if (note.refused) return refuse(Refusal::conflict, "", "no");
  return session;
}
Note note(std::uint64_t id, std::string text = "x") {
  return {.meta = {}, .id = SessionId{{7, id}}, .text = std::move(text)};
}

/// What became of each of several commands.
struct Outcomes {
  std::vector<std::string> words;
  template <class Command>
  void submit(Lane& lane, Command command) {
    const auto place = words.size();
    words.emplace_back("waiting");
    REQUIRE(lane.submit(std::move(command), [this, place](auto answer) {
      CHECK(words[place] == "waiting");
      words[place] = answer.result ? "ok" : std::string(word(answer.result.error().code));
    }));
  }
  std::size_t count(const std::string& what) const { return static_cast<std::size_t>(std::ranges::count(words, what)); }
};

/// Refuses to save one row, as a store would that cannot encode it.
class PickyStore final : public store::Store {
 public:
  MemoryStore inner;
  Uuid hated;
  store::Limits limits() const override { return inner.limits(); }
  std::unique_ptr<store::Unit> begin() override { return std::make_unique<PickyUnit>(*this, inner.begin()); }
  void read(std::span<const Need> needs, World& world) override { inner.read(needs, world); }
  store::AnyPage list(const store::ListQuery& query) override { return inner.list(query); }
  std::vector<AnyRow> due(std::size_t table, Instant until, std::size_t limit) override {
    return inner.due(table, until, limit);
  }
  std::vector<AnyRow> scan(std::size_t table, Uuid after, std::size_t limit) override {
    return inner.scan(table, after, limit);
  }
  std::size_t purge(Instant now, std::size_t limit) override { return inner.purge(now, limit); }

 private:
  struct PickyUnit final : store::Unit {
    PickyUnit(PickyStore& s, std::unique_ptr<store::Unit> unit) : store(s), x_unit(std::move(unit)) {}
    void load(std::span<const Need> needs, World& world) override { x_unit->load(needs, world); }
    store::SaveResult save(const Changes& changes) override {
      for (const auto& put : changes.of<Session>()) {
        if (put.row->id.value == store.hated) throw std::runtime_error("cannot be encoded");
      }
      return x_unit->save(changes);
    }
    PickyStore& store;
    std::unique_ptr<store::Unit> x_unit;
  };
};

}  // namespace

TEST_CASE("lane: what queued up is one commit") {
  Bench b{{.max_items = 10'000, .max_bytes = 10'000'000}};
  Outcomes outcomes;
  for (std::uint64_t i = 0; i < 500; ++i) outcomes.submit(b.lane, note(i));
  CHECK(b.lane.counts().queued == 500);
  CHECK(b.lane.step());
  CHECK_FALSE(b.lane.step());
  CHECK(b.saves() == 1);
  CHECK(outcomes.count("ok") == 500);
  CHECK(b.lane.counts().commits == 1);
  CHECK(b.lane.counts().commands == 500);
  CHECK(b.commits_seen == 1);
  CHECK(b.rows<Session>() == 500);
}

TEST_CASE("lane: commands of one batch see each other's changes, in the order they came") {
  Bench b;
  std::string last;
  for (const auto* text : {"a", "b", "c"}) {
    CHECK(b.lane.submit(note(1, text), [&](auto answer) { last = answer.result->refresh_hash.data; }));
  }
  b.lane.step();
  CHECK(last == "abc");
  CHECK(b.saves() == 1);
}

TEST_CASE("lane: what is refused costs no write and takes nothing of its neighbours with it") {
  Bench b;
  Outcomes outcomes;
  auto refused = note(1);
  refused.refused = true;
  outcomes.submit(b.lane, refused);
  b.lane.step();
  CHECK(b.saves() == 0);
  outcomes.submit(b.lane, note(2));
  outcomes.submit(b.lane, refused);
  outcomes.submit(b.lane, note(3));
  b.lane.step();
  CHECK(b.saves() == 1);
  CHECK(outcomes.words == std::vector<std::string>{"conflict", "ok", "conflict", "ok"});
  CHECK(b.rows<Session>() == 2);
}

TEST_CASE("lane: an empty or read-only batch is no commit") {
  OfficeBench b;
  const auto registration = b.o.reserve(b.o.tier(1000, 5).id, 1);
  const auto before = b.saves();
  b.o.must(ExpireHeld{.meta = b.o.meta(), .registration_id = registration.id});  // not due: nothing to do
  CHECK(b.saves() == before);
}

TEST_CASE("lane: a conflict loads again and decides again; many are outlasted") {
  Bench b;
  b.faults.at(Call::save, 1, Fault::conflict);
  CHECK(b.call(note(1)).has_value());
  CHECK(b.pauses == 0);
  for (std::size_t i = 1; i <= 6; ++i) b.faults.at(Call::save, i, Fault::conflict);
  CHECK(b.call(note(2)).has_value());
  CHECK(b.lane.counts().conflicts == 7);
  CHECK(b.rows<Session>() == 2);
}

TEST_CASE("lane: a command that keeps losing is told so, and the lane goes on") {
  Bench b;
  b.faults.always(Call::save, Fault::conflict);
  const auto result = b.call(note(1));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Refusal::conflict);
  b.faults.always(Call::save, Fault::none);
  CHECK(b.call(note(2)).has_value());
  CHECK(b.rows<Session>() == 1);
}

TEST_CASE("lane: a guard that another writer made fail is decided again: sold out, not oversold") {
  OfficeBench b;
  const Tier tier = b.o.tier(1000, 2);
  // Another node sells one place between the load and the save of every unit here.
  struct Rival final : store::memory::Faults {
    OfficeBench& b;
    Lane lane;
    TierId tier;
    bool busy = false;
    int sold = 0;
    Rival(OfficeBench& bench, TierId tier_id) : b(bench), lane(bench.store, {.name = "rival"}), tier(tier_id) {}
    Fault next(Call) override { return Fault::none; }
    void sell() {
      if (lane.submit(b.o.order(tier, 1, b.o.other_buyer), [&](auto answer) { sold += answer.result ? 1 : 0; }))
        lane.step();
    }
  } rival(b, tier.id);
  rival.sell();
  rival.sell();
  CHECK(rival.sold == 2);
  const auto result = b.o.call(b.o.order(tier.id, 1));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Refusal::sold_out);
  CHECK(store::get<Quota>(b.store, tier.quota_ids[0])->taken == 2);
}

TEST_CASE("lane: two lanes on one store never lose a change") {
  MemoryStore store;
  Lane a(store, {.name = "a"});
  Lane b(store, {.name = "b"});
  std::thread other([&] { b.run(); });
  std::thread one([&] { a.run(); });
  std::atomic<int> done = 0;
  for (int i = 0; i < 200; ++i) {
    auto& lane = i % 2 == 0 ? a : b;
    CHECK(lane.submit(note(1, "x"), [&](auto answer) { done += answer.result ? 1 : 0; }));
  }
  a.stop();
  b.stop();
  one.join();
  other.join();
  CHECK(store::get<Session>(store, SessionId{{7, 1}})->refresh_hash.data.size() ==
        static_cast<std::size_t>(done.load()));
}

TEST_CASE("lane: while the store is away everybody is told, soon, and later it works again") {
  Bench b;
  Outcomes outcomes;
  for (std::uint64_t i = 0; i < 40; ++i) outcomes.submit(b.lane, note(i));
  b.faults.always(Call::begin, Fault::unavailable);
  b.lane.step();
  CHECK(outcomes.count("unavailable") == 40);
  CHECK(b.pauses <= 10);  // not a wait for each of them
  CHECK(b.lane.counts().splits == 0);
  b.faults.always(Call::begin, Fault::none);
  CHECK(b.call(note(1)).has_value());
}

TEST_CASE("lane: a store that is away for a moment is waited for") {
  for (const auto call : {Call::begin, Call::load, Call::save}) {
    Bench b;
    for (std::size_t i = 1; i <= 3; ++i) b.faults.at(call, i, Fault::unavailable);
    CHECK(b.call(note(1)).has_value());
    CHECK(b.rows<Session>() == 1);
  }
}

TEST_CASE("lane: a lost acknowledgement of a save that happened is found, and nothing is done twice") {
  Bench b;
  Outcomes outcomes;
  for (int i = 0; i < 3; ++i) outcomes.submit(b.lane, note(1, "x"));
  b.faults.at(Call::save, 1, Fault::lost_ack_saved);
  b.lane.step();
  CHECK(outcomes.count("ok") == 3);
  CHECK(b.saves() == 1);
  CHECK(b.commits_seen == 1);
  CHECK(store::get<Session>(b.store, SessionId{{7, 1}})->refresh_hash.data == "xxx");
  CHECK(b.lane.counts().unknown_outcomes == 1);
  CHECK(b.lane.counts().commits == 1);
}

TEST_CASE("lane: a lost acknowledgement of a save that did not happen is done again, once") {
  Bench b;
  b.faults.at(Call::save, 1, Fault::lost_ack_not_saved);
  CHECK(b.call(note(1, "x"))->refresh_hash.data == "x");
  CHECK(store::get<Session>(b.store, SessionId{{7, 1}})->refresh_hash.data == "x");
}

TEST_CASE("lane: a lost acknowledgement is resolved while reading back fails, and while the fence's is lost too") {
  for (const auto first : {Fault::lost_ack_saved, Fault::lost_ack_not_saved}) {
    for (const auto second : {Fault::lost_ack_saved, Fault::lost_ack_not_saved, Fault::unavailable, Fault::conflict}) {
      Bench b;
      b.faults.at(Call::save, 1, first).at(Call::save, 2, second);
      for (std::size_t i = 2; i <= 6; ++i) b.faults.at(Call::begin, i, Fault::unavailable);
      CHECK(b.call(note(1, "x")).has_value());
      CHECK(b.call(note(1, "y")).has_value());
      CHECK(store::get<Session>(b.store, SessionId{{7, 1}})->refresh_hash.data == "xy");
    }
  }
}

TEST_CASE("lane: batches are cut to what a save may hold") {
  Bench b;  // 100 items
  Outcomes outcomes;
  for (std::uint64_t i = 0; i < 950; ++i) outcomes.submit(b.lane, note(i));
  b.lane.step();
  CHECK(outcomes.count("ok") == 950);
  CHECK(b.saves() == 10);  // 99 and the lane's mark
  Bench small{{.max_items = 1000, .max_bytes = 20'000}};
  Outcomes heavy;
  for (std::uint64_t i = 0; i < 20; ++i) heavy.submit(small.lane, note(i, std::string(4'000, 'x')));
  small.lane.step();
  CHECK(heavy.count("ok") == 20);
  CHECK(small.rows<Session>() == 20);
}

TEST_CASE("lane: a command that no save can hold is refused, its neighbours are done") {
  Bench b;
  Outcomes outcomes;
  auto huge = note(50);
  huge.rows = 100;
  outcomes.submit(b.lane, note(1));
  outcomes.submit(b.lane, huge);
  outcomes.submit(b.lane, note(2));
  b.lane.step();
  CHECK(outcomes.words == std::vector<std::string>{"ok", "internal", "ok"});
  huge.rows = 99;
  CHECK(b.call(huge).has_value());
  Bench small{{.max_items = 1000, .max_bytes = 20'000}};
  Outcomes heavy;
  heavy.submit(small.lane, note(1));
  heavy.submit(small.lane, note(2, std::string(30'000, 'x')));
  heavy.submit(small.lane, note(3));
  small.lane.step();
  CHECK(heavy.words == std::vector<std::string>{"ok", "internal", "ok"});
}

TEST_CASE("lane: a command that throws is told so, its neighbours are done in the same commit") {
  Bench b;
  Outcomes outcomes;
  auto broken = note(50);
  broken.breaks = true;
  outcomes.submit(b.lane, note(1));
  outcomes.submit(b.lane, broken);
  outcomes.submit(b.lane, note(2));
  b.lane.step();
  CHECK(outcomes.words == std::vector<std::string>{"ok", "internal", "ok"});
  CHECK(b.saves() == 1);
  CHECK(b.rows<Session>() == 2);
  CHECK(b.lane.counts().poisoned == 1);
}

TEST_CASE("lane: a command that no save accepts is found by halves, its neighbours are done") {
  PickyStore store;
  store.hated = {7, 13};
  int pauses = 0;
  Lane lane(store, {.pause = [&](std::chrono::milliseconds) {
              ++pauses;
            }});
  Outcomes outcomes;
  for (std::uint64_t i = 0; i < 40; ++i) outcomes.submit(lane, note(i));
  lane.step();
  CHECK(outcomes.count("ok") == 39);
  CHECK(outcomes.words[13] == "internal");
  CHECK(lane.counts().poisoned == 1);
  CHECK(pauses == 0);
}

TEST_CASE("lane: the queue is bounded, and one command's refusal there is nobody else's") {
  Bench b{MemoryStore::default_limits, {.max_queue = 3}};
  Outcomes outcomes;
  for (std::uint64_t i = 0; i < 3; ++i) outcomes.submit(b.lane, note(i));
  CHECK_FALSE(b.lane.submit(note(9), [](auto) { FAIL("called, though not taken"); }));
  CHECK(b.lane.counts().refused_full == 1);
  b.lane.step();
  CHECK(outcomes.count("ok") == 3);
  CHECK(b.call(note(9)).has_value());
}

TEST_CASE("lane: stop does what is queued, and takes no more") {
  Bench b;
  Outcomes outcomes;
  for (std::uint64_t i = 0; i < 200; ++i) outcomes.submit(b.lane, note(i));
  b.lane.stop();
  CHECK_FALSE(b.lane.submit(note(999), [](auto) {}));
  b.lane.run();
  CHECK(outcomes.count("ok") == 200);
}

TEST_CASE("lane: submitted from many threads, each is answered once") {
  MemoryStore store;
  Lane lane(store, {});
  std::thread runner([&] { lane.run(); });
  std::atomic<int> answers = 0;
  std::vector<std::thread> clients;
  for (std::uint64_t t = 0; t < 8; ++t) {
    clients.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 100; ++i) {
        while (!lane.submit(note(1000 * t + i), [&](auto answer) { answers += answer.result ? 1 : 0; }))
          std::this_thread::yield();
      }
      if (!lane.call(note(1000 * t + 500))) answers -= 1'000'000;
    });
  }
  for (auto& client : clients) client.join();
  lane.stop();
  runner.join();
  CHECK(answers == 800);
  CHECK(store::scan<Session>(store, {}, 10'000).size() == 808);
  CHECK(lane.counts().batches <= lane.counts().commands);
}

namespace {

struct Keyed {
  OfficeBench b;
  Tier tier = b.o.tier(1000, 50);
  int rendered = 0;

  Answer<Registration> send(std::uint64_t key, std::uint64_t body, std::int64_t quantity = 1) {
    std::optional<Answer<Registration>> out;
    engine::Idempotency<Registration> idempotency{
        ClaimId{{1, key}}, {2, body}, [this](const Registration& registration) {
          ++rendered;
          return Replay{201, registration.id.text()};
        }};
    REQUIRE(b.lane.submit(b.o.order(tier.id, quantity), [&](auto answer) { out = std::move(answer); }, idempotency));
    while (b.lane.step()) {
    }
    return std::move(*out);
  }
};

}  // namespace

TEST_CASE("idempotency: a repeat gets the first answer, verbatim, and does nothing") {
  Keyed k;
  const auto first = k.send(1, 1);
  REQUIRE(first.result);
  const auto saves = k.b.saves();
  const auto again = k.send(1, 1);
  REQUIRE(again.replay);
  CHECK(again.replay->status == 201);
  CHECK(again.replay->body == first.result->id.text());
  CHECK(k.b.saves() == saves);
  CHECK(k.rendered == 1);
  CHECK(k.b.rows<Registration>() == 1);
}

TEST_CASE("idempotency: two of one key in one batch are one") {
  Keyed k;
  const engine::Idempotency<Registration> idempotency{ClaimId{{1, 1}}, {2, 1}, [](const Registration& registration) {
                                                        return Replay{201, registration.id.text()};
                                                      }};
  std::string body;
  std::string replayed;
  CHECK(k.b.lane.submit(k.b.o.order(k.tier.id, 1), [&](auto answer) { body = answer.result->id.text(); }, idempotency));
  CHECK(k.b.lane.submit(k.b.o.order(k.tier.id, 1), [&](auto answer) { replayed = answer.replay->body; }, idempotency));
  k.b.lane.step();
  CHECK(body == replayed);
  CHECK(k.b.rows<Registration>() == 1);
}

TEST_CASE("idempotency: the same key with another body is refused, and the first answer stays") {
  Keyed k;
  const auto first = k.send(1, 1);
  const auto other = k.send(1, 2);
  REQUIRE_FALSE(other.result);
  CHECK(other.result.error().code == Refusal::idempotency_key_reused);
  CHECK(k.send(1, 1).replay->body == first.result->id.text());
}

TEST_CASE("idempotency: a refusal is not kept") {
  Keyed k;
  CHECK_FALSE(k.send(1, 1, 0).result);
  CHECK(k.send(1, 2).result.has_value());
}

TEST_CASE("idempotency: forgotten after 24 hours") {
  Keyed k;
  const auto first = k.send(1, 1);
  k.b.o.now += std::chrono::hours{24} - std::chrono::milliseconds{1};
  CHECK(k.send(1, 1).replay.has_value());
  k.b.o.now += std::chrono::milliseconds{1};
  const auto late = k.send(1, 2);  // the sale is over by now: decided anew
  CHECK_FALSE(late.replay);
  REQUIRE_FALSE(late.result);
  CHECK(late.result.error().code == Refusal::sale_closed);
}

TEST_CASE("idempotency: a repeat after a lost acknowledgement is one reservation") {
  Keyed k;
  k.b.faults.at(Call::save, 1, Fault::lost_ack_saved);
  const auto first = k.send(1, 1);
  CHECK(k.send(1, 1).replay->body == first.result->id.text());
  CHECK(store::get<Quota>(k.b.store, k.tier.quota_ids[0])->taken == 1);
}

TEST_CASE("lane: a payment begun and its success in one batch: what only then turns out to be needed is loaded") {
  OfficeBench b;
  const auto registration = b.o.reserve(b.o.tier(1000, 5).id, 1);
  BeginPayment begin{.meta = b.o.meta(b.o.buyer), .registration_id = registration.id, .payments_ready = true};
  Transaction transaction;
  transaction.id = TransactionId{fresh_uuid(begin.meta.now, begin.meta.seed, 0)};
  transaction.amount_minor = 1000;
  transaction.currency = "EUR";
  Outcomes outcomes;
  outcomes.submit(b.lane, begin);
  outcomes.submit(b.lane, b.o.news(transaction, IntentStatus::succeeded));
  b.lane.step();
  CHECK(outcomes.count("ok") == 2);
  CHECK(store::get<Registration>(b.store, registration.id)->status == RegistrationStatus::confirmed);
}

TEST_CASE("lane: the largest registration fits in the tightest save") {
  OfficeBench b;
  auto draft = b.o.draft();
  draft.max_tickets_per_registration = 40;
  b.o.show = b.o.new_show(draft);
  std::vector<TierId> tiers;
  for (int i = 0; i < 20; ++i) {
    std::vector<QuotaId> quotas{b.o.quota(100)};
    if (i < 12) quotas.push_back(b.o.quota(100));
    tiers.push_back(b.o.tier(100, quotas).id);
  }
  Reserve order = b.o.order(tiers[0], 2);
  for (std::size_t i = 1; i < 20; ++i) order.lines.push_back({tiers[i], 2, {}});
  const auto registration = b.o.must(order);
  CHECK(registration.ticket_count == 40);
  CHECK(b.o.pay(registration).size() == 40);
  CHECK(b.rows<Ticket>() == 40);
}

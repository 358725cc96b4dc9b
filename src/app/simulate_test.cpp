#include "app/simulate.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <sstream>

#include "store/memory/memory_store.hpp"

namespace {

using namespace admit;
using namespace admit::domain;

/// A store that breaks one rule: it changes what is saved, or what is loaded.
class BrokenStore final : public store::Store {
 public:
  /// May change the puts, whose rows are copies, and the deltas; true: says `saved` without saving.
  using OnSave = std::function<bool(Changes&, BrokenStore&)>;

  bool forgets_entries = false;  // every ticket is loaded as if nobody had come in with it
  OnSave on_save;
  store::memory::MemoryStore inner;

  store::Limits limits() const override { return {.max_items = 50, .max_bytes = 1'000'000}; }
  std::unique_ptr<store::Unit> begin() override { return std::make_unique<BrokenUnit>(*this); }
  void read(std::span<const Need> needs, World& world) override { inner.read(needs, world); }
  store::AnyPage list(const store::ListQuery& query) override { return inner.list(query); }
  std::vector<AnyRow> due(std::size_t table, Instant until, std::size_t limit) override {
    return inner.due(table, until, limit);
  }
  std::vector<AnyRow> scan(std::size_t table, Uuid after, std::size_t limit) override {
    return inner.scan(table, after, limit);
  }
  std::size_t purge(Instant now, std::size_t limit) override { return inner.purge(now, limit); }

  /// Replaces each put of a kind of row by what `change` makes of it, or drops it on false.
  template <class Row>
  void edit(Changes& changes, const std::function<bool(Row&)>& change) {
    auto& puts = std::get<std::vector<Put<Row>>>(changes.puts);
    std::vector<Put<Row>> kept;
    for (const auto& put : puts) {
      Row row = *put.row;
      if (change(row)) kept.push_back({keep(std::move(row)), put.base_version});
    }
    puts = std::move(kept);
  }
  template <class Row>
  const Row* keep(Row row) {
    return &std::get<Row>(x_rows.emplace_back(std::move(row)));
  }

 private:
  struct BrokenUnit final : store::Unit {
    explicit BrokenUnit(BrokenStore& s) : store(s), unit(s.inner.begin()) {}
    void load(std::span<const Need> needs, World& world) override {
      unit->load(needs, world);
      if (!store.forgets_entries) return;
      for (const auto& need : needs) {
        const Ticket* ticket = need.table == table_of<Ticket> ? world.find<Ticket>(TicketId{need.id}) : nullptr;
        if (ticket == nullptr) continue;
        Ticket fresh = *ticket;
        fresh.status = TicketStatus::valid;
        fresh.entries = 0;
        world.fill(fresh);
      }
    }
    store::SaveResult save(const Changes& changes) override {
      if (!store.on_save) return unit->save(changes);
      Changes edited = changes;
      if (store.on_save(edited, store)) return {};
      const auto result = unit->save(edited);
      store.x_rows.clear();
      return result;
    }
    BrokenStore& store;
    std::unique_ptr<store::Unit> unit;
  };

  std::deque<AnyRow> x_rows;
};

class BrokenSite final : public app::SimulatedSite {
 public:
  BrokenStore broken;
  store::Store& store() override { return broken; }
  void restart() override { broken.inner.crash(); }
  void allow_faults(bool) override {}
};

std::string run(const app::SimulateOptions& options, bool& ok) {
  std::ostringstream out;
  ok = app::simulate(options, out);
  return out.str();
}

struct Mutation {
  const char* rule;  // the one taken out
  BrokenStore::OnSave on_save;
  bool forgets_entries = false;
};

/// Leaves the deltas out for which `gone` holds.
BrokenStore::OnSave without_deltas(std::function<bool(const Delta&)> gone) {
  return [gone = std::move(gone)](Changes& changes, BrokenStore&) {
    std::erase_if(changes.deltas, gone);
    return false;
  };
}
template <class Row>
BrokenStore::OnSave edited(std::function<bool(Row&)> change) {
  return [change = std::move(change)](Changes& changes, BrokenStore& store) {
    store.edit<Row>(changes, change);
    return false;
  };
}

}  // namespace

TEST_CASE("simulation: more than 100,000 commands with faults and crashes break nothing") {
  bool ok = false;
  const auto out = run({.seed = 2026, .commands = 100'000}, ok);
  CHECK_MESSAGE(ok, out);
  for (const auto* happened : {"apply event ok",
                               "annul ok",
                               "reserve replay",
                               "reserve sold_out",
                               "reserve too_many_holds",
                               "revoke ok",
                               "scan nonce_reused",
                               "cancel ok",
                               "begin payment registration_expired",
                               "refund ok",
                               "refund refund_closed",
                               "event reallocated",
                               "event late_success",
                               "event amount_differs",
                               "event second_payment",
                               "event show_cancelled",
                               "event refund_failed",
                               "event dispute_lost",
                               "event dispute_won",
                               "event dispute_closed",
                               "event fault",
                               "accept payment ok",
                               "pay cash ok",
                               "cancel for show ok",
                               "revive job ok"}) {
    CAPTURE(std::string(happened));
    CHECK(out.find(happened) != std::string::npos);
  }
  CHECK(out.find("crashes=0 ") == std::string::npos);
  CHECK(out.find("unknown_outcomes=0 ") == std::string::npos);
  CHECK(out.find("conflicts=0 ") == std::string::npos);
  const auto figure = [&](std::string_view name) {
    return std::stoll(out.substr(out.find(' ' + std::string(name) + '=') + name.size() + 2));
  };
  CHECK(figure("undone") * 20 >= figure("purchases"));  // at least 5 % end as money given back
}

TEST_CASE("simulation: the same seed gives the same run, another one another") {
  bool ok = false;
  const auto first = run({.seed = 7, .commands = 5'000}, ok);
  CHECK(ok);
  CHECK(run({.seed = 7, .commands = 5'000}, ok) == first);
  CHECK(run({.seed = 8, .commands = 5'000}, ok) != first);
}

TEST_CASE("simulation: on SQLite, with the store opened again after each crash") {
  const auto folder = std::filesystem::temp_directory_path() / ("admit-simulate-" + std::to_string(getpid()));
  std::filesystem::remove_all(folder);
  bool ok = false;
  const auto out = run({.seed = 3, .commands = 6'000, .store = app::SimulatedStore::sqlite, .folder = folder}, ok);
  CHECK_MESSAGE(ok, out);
  std::filesystem::remove_all(folder);
}

TEST_CASE("simulation: each invariant is seen to fail with its rule taken out") {
  int turn = 0;
  const auto now_and_then = [&turn](int often) {
    return ++turn % often == 0;
  };
  const Mutation mutations[] = {
      {"places taken are counted", without_deltas([](const Delta& d) { return d.table == table_of<Quota>; })},
      {"places are given back",
       without_deltas([](const Delta& d) { return d.table == table_of<Quota> && d.amount < 0; })},
      {"a quota has its size", edited<Quota>([](Quota& q) { return q.size += 5'000, true; })},
      {"holds are given back",
       without_deltas([](const Delta& d) { return d.table == table_of<HoldCounter> && d.amount < 0; })},
      {"each ticket is issued once",
       [](Changes& changes, BrokenStore& store) {
         auto& puts = std::get<std::vector<Put<Ticket>>>(changes.puts);
         if (puts.empty() || puts.front().base_version != 0) return false;
         Ticket twin = *puts.front().row;
         twin.id.value.low ^= 1;
         twin.number += 1000;
         puts.push_back({store.keep(std::move(twin)), 0});
         return false;
       }},
      {"each ticket is issued", edited<Ticket>([](Ticket& t) { return t.version != 0; })},
      {"a ticket enters once", {}, true},
      {"a scan is remembered by its nonce", edited<CheckIn>([n = std::uint64_t{0}](CheckIn& c) mutable {
         c.id.value = {++n, 77};
         return true;
       })},
      {"an entry is a check-in", edited<CheckIn>([](CheckIn& c) { return c.reason != DoorReason::admitted; })},
      {"a revoked ticket stays so", edited<Ticket>([](Ticket& t) {
         if (t.status == TicketStatus::revoked) t.status = TicketStatus::valid;
         return true;
       })},
      {"what was paid is what was asked", edited<Transaction>([](Transaction& t) {
         if (t.status == TransactionStatus::succeeded && t.amount_minor > 0) --t.received_minor;
         return true;
       })},
      {"lines add up", edited<Registration>([](Registration& r) { return ++r.lines[0].net_minor, true; })},
      {"a confirmation has its payment", edited<Registration>([](Registration& r) {
         if (r.status == RegistrationStatus::confirmed) r.transaction_id = {};
         return true;
       })},
      {"a provider's id is claimed", edited<Claim>([](Claim& c) { return c.kind != "intent"; })},
      {"a change has its audit entry",
       edited<AuditEntry>([](AuditEntry& a) { return a.action != "registration.confirmed"; })},
      {"documents are ordered", edited<Job>([](Job& j) { return j.kind != JobKind::render_tickets; })},
      {"payments of ended holds are cancelled", edited<Job>([](Job& j) { return j.kind != JobKind::cancel_intent; })},
      {"an event is applied once", edited<InboxEvent>([](InboxEvent&) { return false; })},
      {"a key is good for one reservation", edited<IdempotentReply>([](IdempotentReply&) { return false; })},
      {"the provider is asked to give money back",
       edited<Job>([](Job& j) { return j.kind != JobKind::refund_intent; })},
      {"a show is cancelled to its end", edited<Job>([](Job& j) { return j.kind != JobKind::cancel_show; })},
      {"an event that failed is tried again", edited<Job>([](Job& j) { return j.kind != JobKind::apply_event; })},
      {"what was paid is booked", edited<LedgerEntry>([](LedgerEntry& e) { return e.kind != LedgerKind::charge; })},
      {"what goes back is booked", edited<LedgerEntry>([](LedgerEntry& e) { return e.kind != LedgerKind::refund; })},
      {"what does not arrive is booked",
       edited<LedgerEntry>([](LedgerEntry& e) { return e.kind != LedgerKind::refund_returned; })},
      {"a lost dispute is settled",
       edited<LedgerEntry>([](LedgerEntry& e) { return e.kind != LedgerKind::dispute_settled; })},
      {"a second payment goes back",
       edited<Refund>([](Refund& r) { return r.reason != RefundReason::second_payment; })},
      {"another amount goes back", edited<Refund>([](Refund& r) { return r.reason != RefundReason::amount_differs; })},
      {"places come back with the money", edited<Refund>([](Refund& r) {
         r.places_freed = false;
         return true;
       })},
      {"a refund of the provider is claimed", edited<Claim>([](Claim& c) { return c.kind != "refund"; })},
      {"a lost dispute ends tickets", edited<Dispute>([](Dispute& d) {
         if (d.outcome == DisputeOutcome::lost) d.outcome = DisputeOutcome::open_;
         return true;
       })},
      {"tickets are frozen while a dispute is open", edited<Ticket>([](Ticket& t) {
         if (t.status == TicketStatus::frozen) t.status = TicketStatus::valid;
         return true;
       })},
      {"people are told of money that cannot go back",
       edited<Alert>([](Alert& a) { return a.kind != AlertKind::refund_failed; })},
      {"what is acknowledged is saved",
       [&](Changes&, BrokenStore&) {
         return turn > 200 ? now_and_then(40) : (++turn, false);
       }},
  };
  for (const auto& mutation : mutations) {
    CAPTURE(std::string(mutation.rule));
    turn = 0;
    BrokenSite site;
    site.broken.forgets_entries = mutation.forgets_entries;
    site.broken.on_save = mutation.on_save;
    std::ostringstream out;
    CHECK_FALSE(app::simulate({.seed = 1, .commands = 12'000}, site, out));
    CHECK(out.str().find("simulate=broken seed=1 command=") != std::string::npos);
  }
}

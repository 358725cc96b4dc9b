#include "app/verify.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <sstream>

#include "domain/testing/office.hpp"
#include "engine/lane.hpp"
#include "store/memory/memory_store.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace {

using namespace admit;
using namespace admit::domain;

/// An office on a store, with a bit of everything in it.
struct Sold {
  struct Runner {
    engine::Lane lane;
    explicit Runner(store::Store& store) : lane(store, {}) {}
    template <class Command>
    Result<typename Command::Outcome> call(Command command) {
      std::optional<Result<typename Command::Outcome>> out;
      (void)lane.submit(std::move(command), [&](auto answer) { out = std::move(answer.result); });
      while (lane.step()) {
      }
      return std::move(*out);
    }
  };
  Runner runner;
  domain::testing::Office<Runner> o;
  Tier tier;
  Registration held, paid, free, expiring;
  TicketId inside, left, unused;

  explicit Sold(store::Store& store) : runner(store), o(runner), tier(o.tier(1190, 50)) {
    held = o.reserve(tier.id, 2);
    paid = o.reserve(tier.id, 3);
    const auto tickets = o.pay(paid);
    inside = tickets[0];
    left = tickets[1];
    unused = tickets[2];
    free = o.reserve(o.tier(0, 5).id, 1);
    expiring = o.reserve(tier.id, 1);
    o.begin(expiring);
    o.must(CancelRegistration{.meta = o.meta(o.buyer), .registration_id = expiring.id});
    o.now += std::chrono::seconds{5};
    o.must(o.scan(inside));
    o.must(o.scan(inside));
    const auto taken_back = o.must(o.scan(left)).check_in;
    o.must(Annul{.meta = o.meta(), .device_id = o.gate, .check_in_id = taken_back.id});
    o.now += std::chrono::seconds{5};
    o.must(o.scan(left));
    o.now += std::chrono::seconds{5};
    auto out = o.scan(left);
    out.direction = Direction::exit;
    o.must(out);
    const auto revoked = o.ticket();
    o.must(RevokeTicket{.meta = o.meta(o.organiser), .ticket_id = revoked});
    o.must(RevokeDevice{.meta = o.meta(o.organiser), .device_id = o.other_gate});
  }
};

/// Writes past all rules: the row as it would be after `change`.
template <class Row>
void tamper(store::Store& store, const Row& row, const std::function<void(Row&)>& change) {
  World world;
  auto unit = store.begin();
  const Need need{table_of<Row>, row.id.value, true};
  unit->load({&need, 1}, world);
  const Row* found = world.find<Row>(row.id);
  Row changed = found != nullptr ? *found : row;
  change(changed);
  if constexpr (Counter<Row>) {
    const auto difference = found != nullptr ? changed.taken - found->taken : 0;
    if (found == nullptr || changed.size != found->size) world.put(changed);
    if (difference != 0) REQUIRE(world.take<Row>(row.id, difference));
  } else {
    world.put(changed);
  }
  REQUIRE(unit->save(world.changes()).status == store::SaveStatus::saved);
}

template <class Row>
Row some(store::Store& store, const std::function<bool(const Row&)>& which = [](const Row&) { return true; }) {
  for (const auto& row : store::scan<Row>(store, {}, 10'000)) {
    if (which(row)) return row;
  }
  throw std::runtime_error("no such row");
}

template <class Row>
void change(store::Store& store, IdOf<Row> id, const std::function<void(Row&)>& how) {
  tamper<Row>(store, *store::get<Row>(store, id), how);
}

struct Breach {
  const char* what;
  const char* invariant;
  std::function<void(store::Store&, const Sold&)> commit;
};

const std::vector<Breach>& breaches() {
  using S = store::Store;
  static const std::vector<Breach> all = {
      {"places given away twice", "quotas",
       [](S& s, const Sold& w) {
         change<Quota>(s, w.tier.quota_ids[0], [](Quota& q) { q.taken -= 1; });
       }},
      {"places lost", "quotas",
       [](S& s, const Sold& w) {
         change<Quota>(s, w.tier.quota_ids[0], [](Quota& q) { q.taken += 1; });
       }},
      {"more sold than there is", "quotas",
       [](S& s, const Sold& w) {
         change<Quota>(s, w.tier.quota_ids[0], [](Quota& q) { q.size = 1; });
       }},
      {"a hold not given back", "holds",
       [](S& s, const Sold& w) {
         change<HoldCounter>(s, w.held.user_counter, [](HoldCounter& c) { c.taken += 1; });
       }},
      {"a hold not counted", "holds",
       [](S& s, const Sold& w) {
         change<HoldCounter>(s, w.held.address_counter, [](HoldCounter& c) { c.taken -= 1; });
       }},
      {"a hold without an end", "registrations",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.held.id, [](Registration& r) { r.due_at.reset(); });
       }},
      {"a clock for nothing", "registrations",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.paid.id, [](Registration& r) { r.due_at = r.expires_at; });
       }},
      {"a registration of nobody", "registrations",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.held.id, [](Registration& r) { r.user_id.value.low ^= 1; });
       }},
      {"a number of tickets that is no sum", "registrations",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.paid.id, [](Registration& r) { r.ticket_count = 2; });
       }},
      {"a ticket to bearer of another name", "tickets",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.unused, [](Ticket& t) { t.holder = "Mallory"; });
       }},
      {"a ticket of another user", "tickets",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.unused, [&](Ticket& t) { t.user_id = w.o.other_buyer; });
       }},
      {"a ticket of another tier", "tickets",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.unused, [](Ticket& t) { t.tier_number = 99; });
       }},
      {"a ticket issued twice", "tickets",
       [](S& s, const Sold& w) {
         Ticket copy = *store::get<Ticket>(s, w.unused);
         copy.id.value.low ^= 1;
         copy.number = 17;
         tamper<Ticket>(s, copy, [](Ticket&) {});
       }},
      {"tickets that were not paid", "tickets",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.paid.id, [](Registration& r) { r.status = RegistrationStatus::expired; });
       }},
      {"a registration confirmed without tickets", "tickets",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.held.id, [](Registration& r) {
           r.status = RegistrationStatus::confirmed;
           r.confirmed_at = r.created_at;
         });
       }},
      {"an entry not counted", "entries",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.inside, [](Ticket& t) { t.entries = 0; });
       }},
      {"somebody in twice", "entries",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.inside, [](Ticket& t) { t.entries = 2; });
       }},
      {"an entry never annulled", "entries",
       [](S& s, const Sold& w) {
         const auto annulled = some<CheckIn>(s, [](const CheckIn& c) { return c.annulled_at.has_value(); });
         change<CheckIn>(s, annulled.id, [](CheckIn& c) { c.annulled_at.reset(); });
         (void)w;
       }},
      {"a used ticket that is valid", "entries",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.inside, [](Ticket& t) { t.status = TicketStatus::valid; });
       }},
      {"a valid ticket that is used", "entries",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.unused, [](Ticket& t) { t.status = TicketStatus::used; });
       }},
      {"somebody inside who left", "entries",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.left, [](Ticket& t) { t.inside = true; });
       }},
      {"somebody outside who never left", "entries",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.inside, [](Ticket& t) { t.inside = false; });
       }},
      {"a time of use that is no entry's", "entries",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.inside, [](Ticket& t) { *t.used_at += std::chrono::seconds{1}; });
       }},
      {"a scan by no device", "check-ins",
       [](S& s, const Sold&) {
         change<CheckIn>(s, some<CheckIn>(s).id, [](CheckIn& c) { c.device_id.value.low ^= 1; });
       }},
      {"a scan at another show", "check-ins",
       [](S& s, const Sold&) {
         change<CheckIn>(s, some<CheckIn>(s).id, [](CheckIn& c) { c.show_id.value.low ^= 1; });
       }},
      {"a line with too much tax", "money",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.paid.id, [](Registration& r) { ++r.lines[0].tax_minor, --r.lines[0].net_minor; });
       }},
      {"an amount that is no sum", "money",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.paid.id, [](Registration& r) { ++r.amount_minor; });
       }},
      {"a payment that received less", "money",
       [](S& s, const Sold& w) {
         const auto paid = store::get<Registration>(s, w.paid.id)->transaction_id;
         change<Transaction>(s, paid, [](Transaction& t) { --t.received_minor; });
       }},
      {"a payment in another currency", "money",
       [](S& s, const Sold& w) {
         const auto paid = store::get<Registration>(s, w.paid.id)->transaction_id;
         change<Transaction>(s, paid, [](Transaction& t) { t.currency = "USD"; });
       }},
      {"a confirmation whose payment failed", "payments",
       [](S& s, const Sold& w) {
         const auto paid = store::get<Registration>(s, w.paid.id)->transaction_id;
         change<Transaction>(s, paid, [](Transaction& t) { t.status = TransactionStatus::failed; });
       }},
      {"a confirmation without a payment", "payments",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.paid.id, [](Registration& r) { r.transaction_id = {}; });
       }},
      {"a second success that nobody was told of", "payments",
       [](S& s, const Sold& w) {
         Transaction copy = *store::get<Transaction>(s, store::get<Registration>(s, w.paid.id)->transaction_id);
         copy.id.value.low ^= 1;
         copy.attempt = 9;
         copy.intent_id.clear();
         tamper<Transaction>(s, copy, [](Transaction&) {});
       }},
      {"a payment to no account", "payments",
       [](S& s, const Sold& w) {
         const auto paid = store::get<Registration>(s, w.paid.id)->transaction_id;
         change<Transaction>(s, paid, [](Transaction& t) { t.stripe_account.clear(); });
       }},
      {"a free registration paid by card", "payments",
       [](S& s, const Sold& w) {
         change<Transaction>(s, w.free.transaction_id, [](Transaction& t) { t.provider = Provider::stripe; });
       }},
      {"a provider's id that is not claimed", "claims",
       [](S& s, const Sold& w) {
         const auto paid = store::get<Registration>(s, w.paid.id)->transaction_id;
         change<Transaction>(s, paid, [](Transaction& t) { t.intent_id = "pi_other"; });
       }},
      {"a success without a provider's id", "claims",
       [](S& s, const Sold& w) {
         const auto paid = store::get<Registration>(s, w.paid.id)->transaction_id;
         change<Transaction>(s, paid, [](Transaction& t) { t.intent_id.clear(); });
       }},
      {"an address that another account claims", "claims",
       [](S& s, const Sold& w) {
         change<Claim>(s, email_claim("buyer@example.org"), [&](Claim& c) { c.target = w.o.other_buyer.value; });
       }},
      {"an account that is not claimed", "claims",
       [](S& s, const Sold& w) {
         change<Business>(s, w.o.business, [](Business& b) { b.stripe_account = "acct_other"; });
       }},
      {"a success that confirmed nothing", "events",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.paid.id, [](Registration& r) { r.status = RegistrationStatus::cancelled; });
       }},
      {"an event under another id", "events",
       [](S& s, const Sold&) {
         change<InboxEvent>(s, some<InboxEvent>(s).id, [](InboxEvent& e) { e.event_id += "x"; });
       }},
      {"documents never ordered", "jobs",
       [](S& s, const Sold& w) {
         const auto job = some<Job>(s, [&](const Job& j) { return j.subject == w.paid.id.value; });
         change<Job>(s, job.id, [](Job& j) { j.subject.low ^= 1; });
       }},
      {"a cancellation never ordered", "jobs",
       [](S& s, const Sold&) {
         const auto job = some<Job>(s, [](const Job& j) { return j.kind == JobKind::cancel_intent; });
         change<Job>(s, job.id, [](Job& j) { j.kind = JobKind::refund_intent; });
       }},
  };
  return all;
}

/// Every audit entry that something stored asks for.
constexpr std::array<std::string_view, 15> audited = {
    "user.created",   "business.created", "show.created",      "show.published",         "tier.created",
    "device.created", "device.revoked",   "registration.held", "registration.confirmed", "registration.expiring",
    "payment.begun",  "ticket.admitted",  "ticket.exited",     "ticket.revoked",         "check_in.annulled"};

void expect_found(store::Store& store, const char* what, const char* invariant) {
  CAPTURE(std::string(what));
  const auto report = app::verify(store);
  CHECK_FALSE(report.ok());
  const auto* check = report.find(invariant);
  REQUIRE(check != nullptr);
  CHECK(check->fault_count > 0);
  CHECK(check->faults.size() == std::min(check->fault_count, app::max_faults_kept));
}

std::filesystem::path fresh_folder(const char* name) {
  const auto folder = std::filesystem::temp_directory_path() / ("admit-verify-" + std::to_string(getpid()) + name);
  std::filesystem::remove_all(folder);
  return folder;
}

}  // namespace

TEST_CASE("verify: an empty store and one with a bit of everything are in order") {
  store::memory::MemoryStore store;
  CHECK(app::verify(store).ok());
  const Sold sold(store);
  const auto report = app::verify(store);
  for (const auto& check : report.checks) {
    CAPTURE(check.name);
    CHECK(check.examined > 0);
    CHECK_MESSAGE(check.fault_count == 0, (check.faults.empty() ? "" : check.faults.front()));
  }
  CHECK_FALSE(report.changed_meanwhile);
  std::ostringstream out;
  CHECK(app::verify(store, out));
  CHECK(out.str().ends_with("verify=ok\n"));
}

TEST_CASE("verify: each invariant, broken in a copy, is found") {
  store::memory::MemoryStore whole;
  const Sold sold(whole);
  for (const auto& breach : breaches()) {
    const auto copy = whole.copy();
    breach.commit(*copy, sold);
    expect_found(*copy, breach.what, breach.invariant);
  }
  for (const auto action : audited) {
    const auto copy = whole.copy();
    const auto entry = some<AuditEntry>(*copy, [&](const AuditEntry& e) { return e.action == action; });
    change<AuditEntry>(*copy, entry.id, [](AuditEntry& e) { e.action = "nothing"; });
    CAPTURE(action);
    expect_found(*copy, "an entry of the audit gone", "audit");
  }
  CHECK(app::verify(whole).ok());
}

TEST_CASE("verify: the same in a copy of a data folder") {
  const auto whole = fresh_folder("whole");
  const auto broken = fresh_folder("broken");
  store::sqlite::Options options;
  options.path = whole;
  auto open = std::make_unique<store::sqlite::SqliteStore>(options);
  const auto sold = std::make_unique<Sold>(*open);
  CHECK(app::verify(*open).ok());
  open.reset();
  for (const auto& breach : breaches()) {
    std::filesystem::remove_all(broken);
    std::filesystem::copy(whole, broken, std::filesystem::copy_options::recursive);
    store::sqlite::Options copy_options;
    copy_options.path = broken;
    store::sqlite::SqliteStore copy(copy_options);
    breach.commit(copy, *sold);
    expect_found(copy, breach.what, breach.invariant);
  }
  std::filesystem::remove_all(whole);
  std::filesystem::remove_all(broken);
}

TEST_CASE("verify: of many faults it keeps a few and counts all, and prints them") {
  store::memory::MemoryStore store;
  Sold sold(store);
  for (int i = 0; i < 25; ++i) {
    const auto registration = sold.o.reserve(sold.o.tier(0, 5).id, 1);
    const auto ticket = ticket_id(registration.id, *registration.confirmed_at, 1);
    change<Ticket>(store, ticket, [](Ticket& t) { t.holder = "Mallory"; });
  }
  const auto report = app::verify(store);
  CHECK(report.find("tickets")->fault_count == 25);
  CHECK(report.find("tickets")->faults.size() == app::max_faults_kept);
  std::ostringstream out;
  CHECK_FALSE(app::verify(store, out));
  CHECK(out.str().find("and 5 more") != std::string::npos);
  CHECK(out.str().ends_with("verify=broken\n"));
}

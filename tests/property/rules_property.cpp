// The rules of sale and door once more, as plainly as they can be said, and the engine held against them: over random
// commands, random batches, conflicts and lost acknowledgements.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "domain/testing/office.hpp"
#include "engine/lane.hpp"
#include "store/memory/memory_store.hpp"

namespace {

using namespace admit;
using namespace admit::domain;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// One random step; what the numbers mean depends on `kind`.
struct Step {
  int kind = 0;
  int a = 0;
  int b = 0;
  int c = 0;
};
std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << '{' << step.kind << ',' << step.a << ',' << step.b << ',' << step.c << '}';
}

struct Runner {
  engine::Lane& lane;
  template <class Command>
  Result<typename Command::Outcome> call(Command command) {
    std::optional<Result<typename Command::Outcome>> out;
    (void)lane.submit(std::move(command), [&](auto answer) { out = std::move(answer.result); });
    while (lane.step()) {
    }
    return std::move(*out);
  }
};

/// What the rules say, without rows, versions or batches.
class Model {
 public:
  enum class State { held, expiring, expired, cancelled, confirmed };
  enum class Pay { none, open, succeeded, cancelled };
  struct Order {
    RegistrationId id;
    int user;
    int tier;
    std::int64_t count;
    Instant made;
    State state;
    Pay pay = Pay::none;           // of `transaction`
    TransactionId transaction;     // the current one
    bool linked = false;           // the order still waits for it
    std::optional<Instant> due{};  // when it is looked at next
    bool processing = false;
  };
  struct Ticket {
    TicketId id;
    int entries = 0;
    bool inside = false;
    bool revoked = false;
  };
  struct Scan {
    CheckInId id;
    std::size_t ticket;
    int device;
    Instant at;
    std::string reason;
    bool annulled = false;
  };
  struct Nonce {
    std::size_t ticket;
    bool exit;
    std::string reason;
  };

  Instant opened;
  std::array<std::int64_t, 3> room{6, 3, 2};  // hall, balcony, free corner
  std::vector<Order> orders;
  std::vector<Ticket> tickets;
  std::vector<Scan> scans;
  std::map<std::pair<int, int>, Nonce> nonces;  // by device and nonce

  static std::vector<int> draws(int tier) {
    if (tier == 0) return {0};
    if (tier == 1) return {0, 1};
    return {2};
  }
  static std::int64_t price(int tier) { return tier == 0 ? 1000 : tier == 1 ? 2000 : 0; }

  std::string reserve(RegistrationId id, int user, int tier, std::int64_t count, Instant now) {
    if (count < 1) return "invalid_field";
    if (now >= opened + hours{24}) return "sale_closed";
    if (tier == 1 && count > 3) return "too_many";
    for (const int q : draws(tier)) {
      if (room[static_cast<std::size_t>(q)] < count) return "sold_out";
    }
    if (price(tier) > 0 && (live(user) >= 2 || live(-1) >= 3)) return "too_many_holds";
    for (const int q : draws(tier)) room[static_cast<std::size_t>(q)] -= count;
    orders.push_back({.id = id, .user = user, .tier = tier, .count = count, .made = now, .state = State::held});
    orders.back().due = now + minutes{13};
    if (price(tier) == 0) issue(orders.back(), now);
    return price(tier) == 0 ? "confirmed" : "held";
  }

  std::string begin(Order& order, TransactionId fresh, int user, Instant now) {
    if (user != order.user) return "forbidden";
    if (order.state == State::confirmed) return "already_paid";
    if (order.state != State::held) return "registration_not_held";
    if (now >= order.made + minutes{10}) return "registration_expired";
    if (order.linked) return order.transaction.text();
    order.transaction = fresh;
    order.pay = Pay::open;
    order.linked = true;
    order.processing = false;
    return fresh.text();
  }

  std::string hear(Order& order, int news, Instant now) {
    if (order.pay == Pay::succeeded) return "already_succeeded";
    if (news == 0) {
      order.pay = Pay::succeeded;
      if (order.state != State::expired && order.state != State::cancelled) {
        issue(order, now);
        return "confirmed";
      }
      const bool fits = std::ranges::all_of(draws(order.tier),
                                            [&](int q) { return room[static_cast<std::size_t>(q)] >= order.count; });
      if (!fits || now >= opened + hours{24}) return "late_success";
      for (const int q : draws(order.tier)) room[static_cast<std::size_t>(q)] -= order.count;
      issue(order, now);
      return "reallocated";
    }
    if (order.pay == Pay::cancelled) return "already_cancelled";
    if (news == 1) {
      order.pay = Pay::cancelled;
      order.linked = false;
      if (order.state == State::expiring) end(order);
      return "cancelled";
    }
    const bool was_processing = std::exchange(order.processing, news == 3);
    const bool waits = order.linked && (order.state == State::held || order.state == State::expiring);
    if (news == 3 && waits) order.due = std::max(*order.due, now + hours{1});
    if (news == 2 && was_processing && order.linked && order.state == State::held) {
      order.due = std::max(now, order.made + minutes{13});
    }
    return news == 2 ? "failed" : "processing";
  }

  std::string cancel(Order& order, int user, Instant now) {
    if (user != order.user) return "forbidden";
    if (order.state != State::held) return "registration_not_held";
    let_go(order, State::cancelled, now);
    return word_of(order.state);
  }

  std::string expire(Order& order, Instant now) {
    if (!order.due || now < *order.due) return word_of(order.state);
    if (order.state == State::held) {
      let_go(order, State::expired, now);
    } else {  // the provider did not say in time whether anybody can pay
      end(order);
    }
    return word_of(order.state);
  }

  std::string scan(CheckInId id, std::size_t which, int device, int nonce, bool exit, Instant now) {
    if (nonce != 0) {
      const auto before = nonces.find({device, nonce});
      if (before != nonces.end()) {
        const bool same = before->second.ticket == which && before->second.exit == exit;
        return same ? before->second.reason : "nonce_reused";
      }
    }
    Ticket& ticket = tickets[which];
    std::string reason = "admitted";
    if (ticket.revoked) {
      reason = "revoked";
    } else if (exit) {
      reason = ticket.inside ? "exited" : "not_inside";
    } else if (now >= opened + hours{24}) {
      reason = "outside_window";
    } else if (ticket.entries > 0) {
      reason = "already_used";
    }
    if (reason == "admitted") ++ticket.entries, ticket.inside = true;
    if (reason == "exited") ticket.inside = false;
    if (nonce != 0) {
      nonces[{device, nonce}] = {which, exit, reason};
    } else {
      scans.push_back({id, which, device, now, reason});
    }
    return reason;
  }

  std::string annul(Scan& scan, int device, Instant now) {
    if (device != scan.device) return "other_device";
    if (scan.reason != "admitted") return "not_an_entry";
    if (scan.annulled) return "already_annulled";
    if (now > scan.at + minutes{15}) return "annul_too_late";
    if (!tickets[scan.ticket].inside) return "not_an_entry";  // it has left again
    scan.annulled = true;
    --tickets[scan.ticket].entries;
    tickets[scan.ticket].inside = false;
    return "ok";
  }

  static std::string word_of(State state) {
    switch (state) {
      case State::held:
        return "held";
      case State::expiring:
        return "expiring";
      case State::expired:
        return "expired";
      case State::cancelled:
        return "cancelled";
      case State::confirmed:
        return "confirmed";
    }
    return "";
  }

 private:
  std::int64_t live(int user) const {  // -1: of all, who share one address
    std::int64_t n = 0;
    for (const auto& order : orders) n += order.state == State::held && (user < 0 || order.user == user) ? 1 : 0;
    return n;
  }
  void issue(Order& order, Instant now) {
    order.state = State::confirmed;
    order.due.reset();
    for (std::int64_t k = 1; k <= order.count; ++k) tickets.push_back({ticket_id(order.id, now, k)});
  }
  void free(const Order& order) {
    for (const int q : draws(order.tier)) room[static_cast<std::size_t>(q)] += order.count;
  }
  void end(Order& order, State state = State::expired) {
    order.state = state;
    order.due.reset();
    free(order);
  }
  void let_go(Order& order, State state, Instant now) {
    if (!order.linked) return end(order, state);
    order.state = State::expiring;
    order.due = now + minutes{10};
  }
};

/// The engine and the model, given the same steps.
class Duel {
 public:
  Duel(std::uint64_t fault_seed, std::uint32_t rate_ppm)
      : x_faults(fault_seed,
                 {.conflict_ppm = rate_ppm, .lost_ack_saved_ppm = rate_ppm, .lost_ack_not_saved_ppm = rate_ppm}) {
    auto draft = o.draft();
    draft.max_live_holds_per_user = 2;
    draft.max_live_holds_per_address = 3;
    o.show = o.new_show(draft);
    o.gate = o.device(o.show, "north");
    o.other_gate = o.device(o.show, "south");
    x_quotas = {o.quota(6), o.quota(3), o.quota(2)};
    x_tiers = {o.tier(1000, std::vector{x_quotas[0]}).id,
               o.must(CreateTier{.meta = o.meta(o.organiser),
                                 .show_id = o.show,
                                 .name = "b",
                                 .price_minor = 2000,
                                 .max_per_registration = 3,
                                 .quota_ids = {x_quotas[0], x_quotas[1]}})
                   .id,
               o.tier(0, std::vector{x_quotas[2]}).id};
    x_users = {o.buyer, o.other_buyer, o.operator_};
    x_model.opened = o.now;
    x_store.inject(&x_faults);
  }

  void play(const Step& step) {
    const auto pick = [](auto& from, int n) -> auto& {
      return from[static_cast<std::size_t>(n) % from.size()];
    };
    const int user = step.b % 2;
    switch (step.kind) {
      case 0:
      case 1: {
        const int tier = step.c % 3;
        auto order =
            o.order(x_tiers[static_cast<std::size_t>(tier)], step.a % 5, x_users[static_cast<std::size_t>(user)]);
        const RegistrationId id{fresh_uuid(order.meta.now, order.meta.seed, 0)};
        const auto expected = x_model.reserve(id, user, tier, step.a % 5, o.now);
        return send(std::move(order), expected, [](const Registration& r) { return std::string(word(r.status)); });
      }
      case 2: {
        if (x_model.orders.empty()) return;
        auto& order = pick(x_model.orders, step.a);
        BeginPayment begin{.meta = o.meta(x_users[static_cast<std::size_t>(user)]),
                           .registration_id = order.id,
                           .payments_ready = true};
        const TransactionId fresh{fresh_uuid(begin.meta.now, begin.meta.seed, 0)};
        const auto expected = x_model.begin(order, fresh, user, o.now);
        return send(std::move(begin), expected, [](const Transaction& t) { return t.id.text(); });
      }
      case 3:
      case 4: {
        if (x_model.orders.empty()) return;
        auto& order = pick(x_model.orders, step.a);
        if (order.pay == Model::Pay::none) return;
        const int news = step.kind == 3 ? 0 : step.b % 4;
        constexpr std::array status{IntentStatus::succeeded, IntentStatus::canceled,
                                    IntentStatus::requires_payment_method, IntentStatus::processing};
        Transaction transaction;
        transaction.id = order.transaction;
        transaction.amount_minor = Model::price(order.tier) * order.count;
        transaction.currency = "EUR";
        auto event = o.news(transaction, status[static_cast<std::size_t>(news)], news == 2);
        const auto expected = x_model.hear(order, news, o.now);
        const auto detail = [](const ApplyEvent::Outcome& outcome) {
          return outcome.detail;
        };
        if (step.c % 4 == 0) {
          send(event, expected, detail);  // delivered twice
        }
        return send(std::move(event), expected, detail);
      }
      case 5: {
        if (x_model.orders.empty()) return;
        auto& order = pick(x_model.orders, step.a);
        CancelRegistration cancel{.meta = o.meta(x_users[static_cast<std::size_t>(user)]), .registration_id = order.id};
        return send(std::move(cancel), x_model.cancel(order, user, o.now),
                    [](const Registration& r) { return std::string(word(r.status)); });
      }
      case 6: {
        if (x_model.orders.empty()) return;
        auto& order = pick(x_model.orders, step.a);
        return send(ExpireHeld{.meta = o.meta(), .registration_id = order.id}, x_model.expire(order, o.now),
                    [](const Registration& r) { return std::string(word(r.status)); });
      }
      case 7:
      case 8:
      case 9: {
        if (x_model.tickets.empty()) return;
        const auto which = static_cast<std::size_t>(step.a) % x_model.tickets.size();
        const int device = step.b % 2;
        const int nonce = step.c % 4;
        const bool exit = step.b % 5 == 0;
        auto scan = o.scan(x_model.tickets[which].id, device == 0 ? o.gate : o.other_gate);
        scan.code_hash = {1, which};
        scan.direction = exit ? Direction::exit : Direction::entry;
        if (nonce != 0) scan.nonce = "n" + std::to_string(nonce);
        const CheckInId id{fresh_uuid(scan.meta.now, scan.meta.seed, 0)};
        return send(std::move(scan), x_model.scan(id, which, device, nonce, exit, o.now),
                    [](const Admit::Outcome& outcome) { return std::string(word(outcome.check_in.reason)); });
      }
      case 10: {
        if (x_model.scans.empty()) return;
        auto& scan = pick(x_model.scans, step.a);
        const int device = step.b % 5 == 0 ? 1 - scan.device : scan.device;
        Annul annul{.meta = o.meta(), .device_id = device == 0 ? o.gate : o.other_gate, .check_in_id = scan.id};
        return send(std::move(annul), x_model.annul(scan, device, o.now),
                    [](const Admit::Outcome&) { return std::string("ok"); });
      }
      case 11: {
        if (x_model.tickets.empty()) return;
        auto& ticket = pick(x_model.tickets, step.a);
        const bool allowed = step.b % 3 == 0;
        if (allowed) ticket.revoked = true;
        return send(RevokeTicket{.meta = o.meta(allowed ? o.organiser : o.buyer), .ticket_id = ticket.id},
                    allowed ? "revoked" : "forbidden", [](const Ticket& t) { return std::string(word(t.status)); });
      }
      case 12:
        o.now += seconds{30 * (step.a % 20)};
        return;
      case 13:
        if (step.a % 20 == 0) o.now += hours{6};
        return;
      default:
        run();
    }
  }

  void run() {
    while (x_lane.step()) {
    }
  }

  [[nodiscard]] std::size_t tickets() const { return x_model.tickets.size(); }
  [[nodiscard]] std::size_t admissions() const {
    return static_cast<std::size_t>(std::ranges::count(x_model.scans, "admitted", &Model::Scan::reason));
  }
  [[nodiscard]] std::uint64_t unknown_outcomes() const { return x_lane.counts().unknown_outcomes; }

  /// "" where engine and model agree.
  std::string verdict() {
    run();
    x_store.inject(nullptr);
    if (x_waiting != 0) return "a command was never answered";
    if (!x_fault.empty()) return x_fault;
    constexpr std::array<std::int64_t, 3> sizes{6, 3, 2};
    for (std::size_t i = 0; i < 3; ++i) {
      if (store::get<Quota>(x_store, x_quotas[i])->taken != sizes[i] - x_model.room[i]) return "a quota differs";
    }
    for (const auto& order : x_model.orders) {
      const auto row = store::get<Registration>(x_store, order.id);
      if (!row || word(row->status) != Model::word_of(order.state)) return "a registration differs";
    }
    for (const auto& ticket : x_model.tickets) {
      const auto row = store::get<Ticket>(x_store, ticket.id);
      if (!row || row->entries != ticket.entries || row->inside != ticket.inside ||
          (row->status == TicketStatus::revoked) != ticket.revoked) {
        return "a ticket differs";
      }
    }
    if (store::scan<Ticket>(x_store, {}, 10'000).size() != x_model.tickets.size()) return "there are more tickets";
    if (store::scan<Registration>(x_store, {}, 10'000).size() != x_model.orders.size())
      return "there are more registrations";
    return "";
  }

 private:
  template <class Command, class Tell>
  void send(Command command, std::string expected, Tell tell) {
    ++x_waiting;
    const bool taken = x_lane.submit(std::move(command), [this, expected = std::move(expected), tell](auto answer) {
      --x_waiting;
      const std::string actual = answer.result ? tell(*answer.result) : std::string(word(answer.result.error().code));
      if (actual != expected && x_fault.empty()) x_fault = "expected " + expected + ", got " + actual;
    });
    if (!taken) x_fault = "the queue is full";
  }

  store::memory::MemoryStore x_store;
  store::memory::SeededFaults x_faults;
  engine::Lane x_lane{x_store, {.max_batch = 32, .max_retries = 40, .pause = [](std::chrono::milliseconds) {
                                }}};
  Runner x_runner{x_lane};
  domain::testing::Office<Runner> o{x_runner};
  std::array<QuotaId, 3> x_quotas;
  std::array<TierId, 3> x_tiers;
  std::array<UserId, 3> x_users;
  Model x_model;
  int x_waiting = 0;
  std::string x_fault;
};

rc::Gen<Step> any_step() {
  const auto number = [](int below) {
    return rc::gen::inRange(0, below);
  };
  return rc::gen::build<Step>(rc::gen::set(&Step::kind, number(16)), rc::gen::set(&Step::a, number(60)),
                              rc::gen::set(&Step::b, number(60)), rc::gen::set(&Step::c, number(60)));
}

}  // namespace

TEST_CASE("property: the engine decides as a plain model of the rules does, whatever is batched and whatever is lost") {
  setenv("RC_PARAMS", "max_success=1000", 0);  // unless the caller has a case to reproduce
  const bool held = rc::check("engine and model agree", [] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto rate = *rc::gen::element<std::uint32_t>(0, 50'000, 150'000);
    const auto steps = *rc::gen::resize(400, rc::gen::container<std::vector<Step>>(any_step()));
    Duel duel(seed, rate);
    for (const auto& step : steps) duel.play(step);
    const auto verdict = duel.verdict();
    RC_CLASSIFY(duel.tickets() > 2, "several tickets");
    RC_CLASSIFY(duel.admissions() > 0, "somebody came in");
    RC_CLASSIFY(duel.unknown_outcomes() > 0, "an acknowledgement was lost");
    RC_LOG() << verdict;
    RC_ASSERT(verdict.empty());
  });
  CHECK(held);
}

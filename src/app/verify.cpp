#include "app/verify.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ostream>
#include <unordered_map>

#include "domain/accounts.hpp"
#include "domain/door.hpp"
#include "domain/money.hpp"
#include "domain/registrations.hpp"

namespace admit::app {
namespace {

using namespace domain;

constexpr std::size_t page_rows = 256;

// In the order in which they are printed.
enum Invariant : std::size_t {
  quotas,
  holds,
  registrations,
  tickets,
  entries,
  check_ins,
  money,
  payments,
  claims,
  events,
  audits,
  jobs,
  invariant_count
};
constexpr std::array<std::string_view, invariant_count> invariant_names = {
    "quotas: taken is what is held or sold, never above the size",
    "holds: counters equal live holds",
    "registrations: status, places and times agree",
    "tickets: each confirmed registration has exactly its own",
    "entries: each ticket entered as often as check-ins say, never more than its rule",
    "check-ins: belong to a device and a ticket of their show",
    "money: lines, amounts and payments add up",
    "payments: one success for each confirmed registration",
    "claims: unique texts and their owners point to each other",
    "events: what the provider said was applied",
    "audit: every change has its entry",
    "jobs: documents and cancellations were ordered"};

// The audited actions that something stored can ask for.
constexpr std::array<std::string_view, 15> actions = {
    "user.created",           "business.created",      "show.created",         "show.published",
    "tier.created",           "device.created",        "device.revoked",       "registration.held",
    "registration.confirmed", "registration.expiring", "registration.expired", "registration.cancelled",
    "payment.begun",          "ticket.revoked",        "check_in.annulled"};

constexpr std::size_t action(std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(actions, name) - actions.begin());
}

/// What other tables say of one id.
struct Marks {
  std::uint32_t audited = 0;  // bits by place in `actions`
  bool render_job = false;
  bool cancel_job = false;
  std::uint32_t audited_entries = 0;
  std::uint32_t audited_exits = 0;
  std::int32_t entries = 0;  // admitted and not annulled
  std::uint32_t admitted = 0;
  std::uint32_t exits = 0;
  Instant last_entry{};  // of those not annulled
  Instant last_exit{};
};

struct QuotaUse {
  std::int64_t used = 0;
  bool seen = false;
};

class Verifier {
 public:
  explicit Verifier(store::Store& store) : x_store(store) {
    for (const auto name : invariant_names) x_report.checks.push_back({.name = std::string(name)});
  }

  VerifyReport run() {
    const auto before = lane_marks();
    // First what others are compared with, then each table beside the rows it refers to.
    each<AuditEntry>([&](const AuditEntry& entry) { note(entry); });
    each<Job>([&](const Job& job) { note(job); });
    pages<CheckIn>([&](const auto& page) { check_check_ins(page); });
    each<Tier>([&](const Tier& tier) { check_tier(tier); });
    pages<Registration>([&](const auto& page) { check_registrations(page); });
    each<Quota>([&](const Quota& quota) { check_quota(quota); });
    check_hold_counters();
    pages<Transaction>([&](const auto& page) { check_transactions(page); });
    pages<Ticket>([&](const auto& page) { check_tickets(page); });
    check_people_and_places();
    pages<Claim>([&](const auto& page) { check_claims(page); });
    pages<InboxEvent>([&](const auto& page) { check_events(page); });
    x_report.changed_meanwhile = lane_marks() != before;
    return std::move(x_report);
  }

 private:
  template <class Row, class F>
  void pages(F&& f) {
    Uuid after;
    for (;;) {
      const auto page = store::scan<Row>(x_store, after, page_rows);
      if (page.empty()) return;
      f(page);
      after = page.back().id.value;
    }
  }
  template <class Row, class F>
  void each(F&& f) {
    pages<Row>([&](const auto& page) { std::ranges::for_each(page, f); });
  }

  /// The rows that `ask(needs, row)` names for each row of a page, read at once.
  template <class Row, class Ask>
  World beside(const std::vector<Row>& page, Ask&& ask) {
    World world;
    for (;;) {
      Needs wanted(world);
      for (const auto& row : page) ask(wanted, row);
      auto& missing = wanted.missing();
      if (missing.empty()) return world;
      std::ranges::sort(missing, {}, [](const Need& need) { return std::pair(need.table, need.id); });
      const auto same = [](const Need& a, const Need& b) {
        return a.table == b.table && a.id == b.id;
      };
      const auto rest = std::ranges::unique(missing, same);
      missing.erase(rest.begin(), rest.end());
      x_store.read(missing, world);
    }
  }

  std::vector<std::pair<Uuid, Uuid>> lane_marks() {
    std::vector<std::pair<Uuid, Uuid>> marks;
    each<LaneMark>([&](const LaneMark& mark) { marks.emplace_back(mark.id.value, mark.batch); });
    return marks;
  }

  template <class Row>
  void expect(Invariant invariant, const Row& row, bool holds_true, std::string_view fault) {
    if (holds_true) return;
    Check& check = x_report.checks[invariant];
    ++check.fault_count;
    if (check.faults.size() >= max_faults_kept) return;
    check.faults.push_back(std::string(Row::table) + " " + row.id.text() + ": " + std::string(fault));
  }
  void examined(Invariant invariant) { ++x_report.checks[invariant].examined; }
  template <class Row>
  void expect_audit(const Row& row, std::string_view name) {
    examined(audits);
    const auto it = x_marks.find(row.id.value);
    const bool found = it != x_marks.end() && (it->second.audited >> action(name) & 1u) != 0;
    expect(audits, row, found, "no audit entry " + std::string(name));
  }
  Marks marks_of(Uuid id) const {
    const auto it = x_marks.find(id);
    return it == x_marks.end() ? Marks{} : it->second;
  }

  void note(const AuditEntry& entry) {
    Marks& marks = x_marks[entry.subject];
    if (entry.action == "ticket.admitted") ++marks.audited_entries;
    if (entry.action == "ticket.exited") ++marks.audited_exits;
    if (const auto place = action(entry.action); place < actions.size()) marks.audited |= 1u << place;
  }

  void note(const Job& job) {
    if (job.kind == JobKind::render_tickets) x_marks[job.subject].render_job = true;
    if (job.kind == JobKind::cancel_intent) x_marks[job.subject].cancel_job = true;
  }

  void check_check_ins(const std::vector<CheckIn>& page) {
    const World world = beside(page, [](Needs& needs, const CheckIn& scan) {
      needs.read<Device>(scan.device_id);
      if (scan.ticket_id) needs.read<Ticket>(scan.ticket_id);
    });
    for (const auto& scan : page) {
      examined(check_ins);
      const Device* device = world.find<Device>(scan.device_id);
      expect(check_ins, scan, device != nullptr && device->show_id == scan.show_id,
             "its device is not one of the show");
      const bool through = scan.reason == DoorReason::admitted || scan.reason == DoorReason::exited;
      expect(check_ins, scan, !through || scan.ticket_id, "let somebody through without a ticket");
      expect(check_ins, scan, !scan.annulled_at || scan.reason == DoorReason::admitted, "annulled, but never an entry");
      expect(check_ins, scan, scan.reason != DoorReason::exited || scan.direction == Direction::exit,
             "an exit by the entry");
      expect(check_ins, scan, scan.reason != DoorReason::admitted || scan.direction == Direction::entry,
             "an entry by the exit");
      if (scan.annulled_at) expect_audit(scan, "check_in.annulled");
      if (!scan.ticket_id) continue;
      const Ticket* ticket = world.find<Ticket>(scan.ticket_id);
      expect(check_ins, scan, ticket != nullptr && ticket->show_id == scan.show_id,
             "its ticket is not one of the show");
      if (!through) continue;
      Marks& marks = x_marks[scan.ticket_id.value];
      if (scan.reason == DoorReason::exited) {
        ++marks.exits;
        marks.last_exit = std::max(marks.last_exit, scan.at);
      } else {
        ++marks.admitted;
        if (scan.annulled_at) continue;
        ++marks.entries;
        marks.last_entry = std::max(marks.last_entry, scan.at);
      }
    }
  }

  void check_tier(const Tier& tier) {
    x_tiers.emplace(tier.id, tier);
    expect_audit(tier, "tier.created");
    expect(quotas, tier, !tier.quota_ids.empty(), "draws from no quota");
    for (const QuotaId quota : tier.quota_ids) x_quotas.try_emplace(quota);
  }

  void check_lines(const Registration& registration) {
    std::int64_t count = 0;
    std::int64_t amount = 0;
    for (const auto& line : registration.lines) {
      count += line.quantity;
      amount += line.gross_minor;
      const auto priced = line.quantity > 0 ? price_line(line.price_minor, line.fee_minor / line.quantity,
                                                         line.tax_rate_bp, line.quantity)
                                            : price_line(-1, 0, 0, 1);
      expect(money, registration,
             priced && priced->net_minor == line.net_minor && priced->tax_minor == line.tax_minor &&
                 priced->fee_minor == line.fee_minor && priced->gross_minor == line.gross_minor &&
                 line.net_minor + line.tax_minor == line.gross_minor,
             "a line's net, tax, fee and gross do not follow from its price");
      expect(registrations, registration, static_cast<std::int64_t>(line.holders.size()) <= line.quantity,
             "a line names more holders than tickets");
      const auto tier = x_tiers.find(line.tier_id);
      const bool known = tier != x_tiers.end() && tier->second.show_id == registration.show_id;
      expect(registrations, registration, known, "a line's tier is not one of the show");
      const bool has_places = registration.status == RegistrationStatus::held ||
                              registration.status == RegistrationStatus::expiring ||
                              registration.status == RegistrationStatus::confirmed;
      if (!known || !has_places) continue;
      for (const QuotaId quota : tier->second.quota_ids) x_quotas[quota].used += line.quantity;
    }
    expect(money, registration, amount == registration.amount_minor, "the amount is not the sum of its lines");
    expect(registrations, registration, count == registration.ticket_count && count > 0,
           "the number of tickets is not the sum of its lines");
  }

  void check_registrations(const std::vector<Registration>& page) {
    const World world = beside(page, [](Needs& needs, const Registration& registration) {
      needs.read<User>(registration.user_id);
      needs.read<Show>(registration.show_id);
      if (registration.transaction_id) needs.read<Transaction>(registration.transaction_id);
      if (!registration.confirmed_at) return;
      for (std::int64_t k = 1; k <= std::min(registration.ticket_count, max_numbers); ++k) {
        needs.read<Ticket>(ticket_id(registration.id, *registration.confirmed_at, k));
      }
    });
    for (const auto& registration : page) {
      examined(registrations);
      examined(money);
      check_lines(registration);
      const bool held = registration.status == RegistrationStatus::held;
      const bool confirmed = registration.status == RegistrationStatus::confirmed;
      const Show* show = world.find<Show>(registration.show_id);
      expect(registrations, registration, world.find<User>(registration.user_id) != nullptr, "its user is not there");
      expect(
          registrations, registration,
          show != nullptr && show->business_id == registration.business_id && show->currency == registration.currency,
          "its show is not there, or has another business or currency");
      expect(registrations, registration, held == registration.due_at.has_value(),
             "a clock runs for it exactly while held");
      expect(registrations, registration, confirmed == registration.confirmed_at.has_value(),
             "it has a time of confirmation exactly when confirmed");
      expect(registrations, registration, registration.ticket_count <= max_numbers, "more tickets than can be");
      if (held) {
        ++x_holds[registration.user_counter];
        ++x_holds[registration.address_counter];
      }
      const Marks marks = marks_of(registration.id.value);
      if (held || registration.amount_minor > 0) expect_audit(registration, "registration.held");
      if (!held) expect_audit(registration, "registration." + std::string(word(registration.status)));
      if (registration.status == RegistrationStatus::expiring) {
        examined(jobs);
        expect(jobs, registration,
               registration.transaction_id && marks_of(registration.transaction_id.value).cancel_job,
               "expiring, but no job cancels its payment");
      }
      if (!confirmed) continue;
      examined(jobs);
      expect(jobs, registration, marks.render_job, "confirmed, but no job makes its documents");
      check_confirmed(registration, world);
    }
  }

  void check_confirmed(const Registration& registration, const World& world) {
    examined(payments);
    const Transaction* transaction =
        registration.transaction_id ? world.find<Transaction>(registration.transaction_id) : nullptr;
    expect(payments, registration,
           transaction != nullptr && transaction->registration_id == registration.id &&
               transaction->status == TransactionStatus::succeeded,
           "confirmed without a payment of its own that succeeded");
    if (!registration.confirmed_at) return;
    examined(tickets);
    std::int64_t number = 0;
    for (const auto& line : registration.lines) {
      for (std::int64_t k = 0; k < line.quantity && number < max_numbers; ++k) {
        ++number;
        const auto id = ticket_id(registration.id, *registration.confirmed_at, number);
        if (!world.loaded<Ticket>(id)) continue;  // the ticket count is wrong, which is a fault of its own
        const Ticket* ticket = world.find<Ticket>(id);
        const auto tier = x_tiers.find(line.tier_id);
        const auto holder = static_cast<std::size_t>(k);
        if (ticket == nullptr) {
          expect(tickets, registration, false, "ticket " + std::to_string(number) + " is missing");
          continue;
        }
        expect(tickets, *ticket,
               ticket->registration_id == registration.id && ticket->number == number &&
                   ticket->tier_id == line.tier_id &&
                   (tier == x_tiers.end() || ticket->tier_number == tier->second.number) &&
                   ticket->holder == (holder < line.holders.size() ? line.holders[holder] : std::string{}) &&
                   ticket->show_id == registration.show_id && ticket->business_id == registration.business_id &&
                   ticket->user_id == registration.user_id && ticket->transaction_id == registration.transaction_id &&
                   ticket->issued_at == *registration.confirmed_at && ticket->test == registration.test,
               "not what its registration says");
      }
    }
  }

  void check_quota(const Quota& quota) {
    examined(quotas);
    QuotaUse& use = x_quotas[quota.id];
    use.seen = true;
    expect(quotas, quota, quota.taken == use.used,
           "taken is " + std::to_string(quota.taken) + ", held and sold are " + std::to_string(use.used));
    expect(quotas, quota, quota.taken >= 0 && quota.taken <= quota.size,
           "taken is " + std::to_string(quota.taken) + " of " + std::to_string(quota.size));
  }

  void check_hold_counters() {
    each<HoldCounter>([&](const HoldCounter& counter) {
      examined(holds);
      const auto it = x_holds.find(counter.id);
      const std::int64_t live = it == x_holds.end() ? 0 : it->second;
      expect(holds, counter, counter.taken == live,
             "counts " + std::to_string(counter.taken) + ", live are " + std::to_string(live));
      expect(holds, counter, counter.taken >= 0 && counter.taken <= counter.size, "counts more than it may");
      if (it != x_holds.end()) x_holds.erase(it);
    });
    for (const auto& [id, live] : x_holds) {
      HoldCounter counter;
      counter.id = id;
      expect(holds, counter, live == 0, "is not there, live are " + std::to_string(live));
    }
    for (const auto& [id, use] : x_quotas) {
      Quota quota;
      quota.id = id;
      expect(quotas, quota, use.seen, "is not there, but a tier draws from it");
    }
  }

  void check_transactions(const std::vector<Transaction>& page) {
    const World world = beside(page, [](Needs& needs, const Transaction& transaction) {
      needs.read<Registration>(transaction.registration_id);
      if (!transaction.intent_id.empty()) needs.read<Claim>(intent_claim(transaction.intent_id));
    });
    for (const auto& transaction : page) {
      examined(money);
      examined(payments);
      const bool succeeded = transaction.status == TransactionStatus::succeeded;
      const Registration* registration = world.find<Registration>(transaction.registration_id);
      if (registration == nullptr) {
        expect(payments, transaction, false, "its registration is not there");
        continue;
      }
      expect(payments, transaction,
             transaction.show_id == registration->show_id && transaction.payee_id == registration->business_id &&
                 transaction.payer_id == registration->user_id,
             "show, payee or payer are not the registration's");
      expect(money, transaction,
             transaction.amount_minor == registration->amount_minor && transaction.currency == registration->currency,
             "the amount is not the registration's");
      expect(money, transaction, !succeeded || transaction.received_minor == transaction.amount_minor,
             "succeeded with another amount than was asked for");
      expect(payments, transaction, !succeeded || transaction.processed_at, "succeeded at no time");
      const bool own = registration->transaction_id == transaction.id;
      expect(payments, transaction,
             !succeeded || (own ? registration->status == RegistrationStatus::confirmed : !transaction.flag.empty()),
             "succeeded, but confirmed nothing and nobody was told");
      switch (transaction.provider) {
        case Provider::stripe:
          expect_audit(transaction, "payment.begun");
          expect(payments, transaction, !transaction.stripe_account.empty(), "nobody's account is paid");
          expect(money, transaction, transaction.amount_minor > 0, "a payment of nothing");
          expect(claims, transaction, !succeeded || !transaction.intent_id.empty(),
                 "succeeded without a provider's id");
          break;
        case Provider::none_:
          expect(payments, transaction,
                 succeeded && transaction.intent_id.empty() && transaction.stripe_account.empty(),
                 "a free registration's payment has nothing to wait for and no provider");
          expect(money, transaction, transaction.amount_minor == 0, "free, but it costs something");
          break;
        case Provider::cash:
          expect(payments, transaction, transaction.intent_id.empty(), "cash has no provider's id");
          break;
      }
      if (transaction.intent_id.empty()) continue;
      examined(claims);
      const Claim* claim = world.find<Claim>(intent_claim(transaction.intent_id));
      expect(claims, transaction, claim != nullptr && claim->target == transaction.id.value,
             "its provider's id is not claimed for it");
    }
  }

  void check_tickets(const std::vector<Ticket>& page) {
    const World world =
        beside(page, [](Needs& needs, const Ticket& ticket) { needs.read<Registration>(ticket.registration_id); });
    for (const auto& ticket : page) {
      examined(tickets);
      examined(entries);
      const Registration* registration = world.find<Registration>(ticket.registration_id);
      const bool genuine = registration != nullptr && registration->status == RegistrationStatus::confirmed &&
                           registration->confirmed_at && ticket.number >= 1 &&
                           ticket.number <= registration->ticket_count &&
                           ticket.id == ticket_id(registration->id, *registration->confirmed_at, ticket.number);
      expect(tickets, ticket, genuine, "no confirmed registration has this ticket");
      const Marks marks = marks_of(ticket.id.value);
      const auto tier = x_tiers.find(ticket.tier_id);
      const auto rule = tier == x_tiers.end() ? AdmissionRule::once : tier->second.rule;
      expect(entries, ticket, ticket.entries == marks.entries,
             "says " + std::to_string(ticket.entries) + " entries, check-ins say " + std::to_string(marks.entries));
      expect(entries, ticket, ticket.entries >= 0 && ticket.entries <= entries_allowed(rule),
             "entered more often than its rule lets it");
      expect(entries, ticket, (ticket.entries > 0) == ticket.used_at.has_value(),
             "a time of use without a use, or none with one");
      expect(entries, ticket, !ticket.used_at || marks.entries == 0 || *ticket.used_at == marks.last_entry,
             "its time of use is not its entry's");
      expect(entries, ticket,
             ticket.status == TicketStatus::revoked || (ticket.status == TicketStatus::used) == (ticket.entries > 0),
             "its status is not what its entries make of it");
      const bool inside = marks.entries > 0 && (marks.exits == 0 || marks.last_exit < marks.last_entry);
      expect(entries, ticket, ticket.inside == inside,
             ticket.inside ? "inside, but it left or never came" : "came in, did not leave, and is not inside");
      examined(audits);
      expect(audits, ticket, marks.audited_entries == marks.admitted && marks.audited_exits == marks.exits,
             "entries and exits are not what the audit says");
      if (ticket.status == TicketStatus::revoked) expect_audit(ticket, "ticket.revoked");
    }
  }

  void check_people_and_places() {
    pages<User>([&](const std::vector<User>& page) {
      const World world =
          beside(page, [](Needs& needs, const User& user) { needs.read<Claim>(email_claim(user.email)); });
      for (const auto& user : page) {
        examined(claims);
        const Claim* claim = world.find<Claim>(email_claim(user.email));
        expect(claims, user, claim != nullptr && claim->target == user.id.value,
               "its e-mail address is not claimed for it");
        expect_audit(user, "user.created");
      }
    });
    pages<Business>([&](const std::vector<Business>& page) {
      const World world = beside(page, [](Needs& needs, const Business& business) {
        if (!business.stripe_account.empty()) needs.read<Claim>(account_claim(business.stripe_account));
      });
      for (const auto& business : page) {
        expect_audit(business, "business.created");
        if (business.stripe_account.empty()) continue;
        examined(claims);
        const Claim* claim = world.find<Claim>(account_claim(business.stripe_account));
        expect(claims, business, claim != nullptr && claim->target == business.id.value,
               "its account is not claimed for it");
      }
    });
    each<Show>([&](const Show& show) {
      expect_audit(show, "show.created");
      if (show.status == ShowStatus::published) expect_audit(show, "show.published");
    });
    each<Device>([&](const Device& device) {
      expect_audit(device, "device.created");
      if (device.revoked_at) expect_audit(device, "device.revoked");
    });
  }

  void check_claims(const std::vector<Claim>& page) {
    const World world = beside(page, [](Needs& needs, const Claim& claim) {
      if (claim.kind == "email") needs.read<User>(UserId{claim.target});
      if (claim.kind == "intent") needs.read<Transaction>(TransactionId{claim.target});
      if (claim.kind == "account") needs.read<Business>(BusinessId{claim.target});
    });
    for (const auto& claim : page) {
      examined(claims);
      bool genuine = false;
      if (claim.kind == "email") {
        const User* user = world.find<User>(UserId{claim.target});
        genuine = user != nullptr && email_claim(user->email) == claim.id;
      } else if (claim.kind == "intent") {
        const Transaction* transaction = world.find<Transaction>(TransactionId{claim.target});
        genuine = transaction != nullptr && intent_claim(transaction->intent_id) == claim.id;
      } else if (claim.kind == "account") {
        const Business* business = world.find<Business>(BusinessId{claim.target});
        genuine = business != nullptr && account_claim(business->stripe_account) == claim.id;
      }
      expect(claims, claim, genuine, "stands for nothing that has it");
    }
  }

  void check_events(const std::vector<InboxEvent>& page) {
    const World world = beside(page, [](Needs& needs, const InboxEvent& event) {
      if (event.detail != "confirmed") return;
      const Claim* claim = needs.read<Claim>(intent_claim(event.object_id));
      if (claim == nullptr) return;
      const Transaction* transaction = needs.read<Transaction>(TransactionId{claim->target});
      if (transaction != nullptr) needs.read<Registration>(transaction->registration_id);
    });
    for (const auto& event : page) {
      examined(events);
      expect(events, event, event.id == inbox_id(event.event_id), "kept under another id than its own");
      if (event.detail != "confirmed") continue;
      const Claim* claim = world.find<Claim>(intent_claim(event.object_id));
      const Transaction* transaction =
          claim != nullptr ? world.find<Transaction>(TransactionId{claim->target}) : nullptr;
      const Registration* registration =
          transaction != nullptr ? world.find<Registration>(transaction->registration_id) : nullptr;
      expect(events, event,
             registration != nullptr && event.status == InboxStatus::applied &&
                 transaction->status == TransactionStatus::succeeded &&
                 registration->status == RegistrationStatus::confirmed &&
                 registration->transaction_id == transaction->id,
             "said that somebody paid, but nothing is confirmed by it");
    }
  }

  /// A registration with more is a fault; no more are looked for.
  static constexpr std::int64_t max_numbers = 40;

  store::Store& x_store;
  VerifyReport x_report;
  std::unordered_map<Uuid, Marks> x_marks;
  std::unordered_map<TierId, Tier> x_tiers;
  std::unordered_map<QuotaId, QuotaUse> x_quotas;
  std::unordered_map<CounterId, std::int64_t> x_holds;
};

}  // namespace

bool VerifyReport::ok() const {
  return std::ranges::all_of(checks, [](const Check& check) { return check.fault_count == 0; });
}

const Check* VerifyReport::find(std::string_view name) const {
  const auto it = std::ranges::find_if(checks, [&](const Check& check) { return check.name.starts_with(name); });
  return it == checks.end() ? nullptr : &*it;
}

VerifyReport verify(store::Store& store) {
  return Verifier(store).run();
}

bool verify(store::Store& store, std::ostream& out) {
  VerifyReport report = verify(store);
  for (int again = 0; again < 3 && report.changed_meanwhile && !report.ok(); ++again) report = verify(store);
  std::size_t width = 0;
  for (const auto& check : report.checks) width = std::max(width, check.name.size());
  for (const auto& check : report.checks) {
    const auto number = std::to_string(check.examined);
    out << (check.fault_count == 0 ? "ok      " : "BROKEN  ") << check.name
        << std::string(width - check.name.size() + 2, ' ')
        << std::string(number.size() < 10 ? 10 - number.size() : 0, ' ') << number << " examined";
    if (check.fault_count > 0) out << ", " << check.fault_count << " faults";
    out << '\n';
    for (const auto& fault : check.faults) out << "          " << fault << '\n';
    if (check.fault_count > check.faults.size()) {
      out << "          and " << check.fault_count - check.faults.size() << " more\n";
    }
  }
  if (report.changed_meanwhile && !report.ok()) {
    out << "The data changed while it was read: verify again when nobody sells to tell a fault from a moment.\n";
  }
  out << (report.ok() ? "verify=ok\n" : "verify=broken\n");
  return report.ok();
}

}  // namespace admit::app

#include "app/verify.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ostream>
#include <set>
#include <span>
#include <unordered_map>

#include "app/audit_chains.hpp"
#include "app/facts.hpp"
#include "domain/access.hpp"
#include "domain/accounts.hpp"
#include "domain/door.hpp"
#include "domain/jobs.hpp"
#include "domain/money.hpp"
#include "domain/refunds.hpp"
#include "domain/registrations.hpp"
#include "domain/users.hpp"

namespace admit::app {
namespace {

using namespace domain;

constexpr std::size_t page_rows = 256;

// In the order in which they are printed.
enum Invariant : std::size_t {
  accounts,
  access,
  shows,
  quotas,
  holds,
  registrations,
  tickets,
  keys,
  entries,
  check_ins,
  money,
  payments,
  refunds,
  disputes,
  ledger,
  claims,
  events,
  audits,
  audit_chain,
  jobs,
  invariant_count
};
constexpr std::array<std::string_view, invariant_count> invariant_names = {
    "accounts: sign-ins and businesses belong to a user",
    "access: members and keys are a business's, which counts them",
    "shows: business, tiers, quotas and gates belong together",
    "quotas: taken is what is held or sold, never above the size",
    "holds: counters equal live holds",
    "registrations: status, places and times agree",
    "tickets: each confirmed registration has exactly its own",
    "keys: what tickets are signed and sealed with is there",
    "entries: each ticket entered as often as check-ins say, never more than its rule",
    "check-ins: belong to a device and a ticket of their show",
    "money: lines, amounts and payments add up",
    "payments: one success for each confirmed registration",
    "refunds: what goes back was paid, and what brought no tickets goes back",
    "disputes: belong to a payment, which counts the open ones",
    "ledger: movements are what payments and refunds say",
    "claims: unique texts and their owners point to each other",
    "events: what the provider said was applied",
    "audit: every change has its entry, and every entry its change",
    "audit chain: what was sealed is as it was",
    "jobs: documents and cancellations were ordered"};

/// An audited action and the table of its subject.
struct Action {
  std::string_view name;
  std::size_t table;
};
constexpr std::array actions = {Action{"user.created", table_of<User>},
                                Action{"guest.created", table_of<User>},
                                Action{"job.revived", table_of<Job>},
                                Action{"mail.resent", table_of<Registration>},
                                Action{"session.started", table_of<Session>},
                                Action{"session.ended", table_of<Session>},
                                Action{"passkey.added", table_of<Passkey>},
                                Action{"passkey.renamed", table_of<Passkey>},
                                Action{"passkey.removed", table_of<Passkey>},
                                Action{"passkey.count_went_back", table_of<Passkey>},
                                Action{"business.created", table_of<Business>},
                                Action{"business.account_linked", table_of<Business>},
                                Action{"business.account_updated", table_of<Business>},
                                Action{"show.created", table_of<Show>},
                                Action{"show.published", table_of<Show>},
                                Action{"show_key.rotated", table_of<ShowKey>},
                                Action{"sealing_epoch.added", table_of<SealingEpoch>},
                                Action{"tier.created", table_of<Tier>},
                                Action{"quota.created", table_of<Quota>},
                                Action{"device.created", table_of<Device>},
                                Action{"device.revoked", table_of<Device>},
                                Action{"member.joined", table_of<Member>},
                                Action{"member.changed", table_of<Member>},
                                Action{"member.removed", table_of<Member>},
                                Action{"api_key.created", table_of<ApiKey>},
                                Action{"api_key.revoked", table_of<ApiKey>},
                                Action{"registration.held", table_of<Registration>},
                                Action{"registration.confirmed", table_of<Registration>},
                                Action{"registration.expiring", table_of<Registration>},
                                Action{"registration.expired", table_of<Registration>},
                                Action{"registration.cancelled", table_of<Registration>},
                                Action{"tickets.generated", table_of<Registration>},
                                Action{"payment.begun", table_of<Transaction>},
                                Action{"payment.late_success", table_of<Transaction>},
                                Action{"payment.second_payment", table_of<Transaction>},
                                Action{"payment.cash", table_of<Transaction>},
                                Action{"refund.requested", table_of<Refund>},
                                Action{"dispute.opened", table_of<Dispute>},
                                Action{"alert.resolved", table_of<Alert>},
                                Action{"tickets.revoked", table_of<Registration>},
                                Action{"ticket.admitted", table_of<Ticket>},
                                Action{"ticket.exited", table_of<Ticket>},
                                Action{"ticket.revoked", table_of<Ticket>},
                                Action{"check_in.annulled", table_of<CheckIn>}};

// Kinds of facts: first the audited actions by their place in `actions`, then these.
enum Kind : std::uint32_t {
  other_action = 100,
  render_job,
  closing_job,
  other_job,
  entry_made,
  exit_made,
  payment_tried,
  place_freed,     // value: the ticket's number
  ticket_covered,  // by a refund
  ticket_ended,    // with others of its registration
  refund_numbered,
  refund_counted,  // value: the amount, unless the provider did not take it
  refund_hoped,    // the same, once the provider took it, unless it failed
  refund_asked,    // the same, always
  refund_given,    // the same, once it succeeded
  member_live,
  key_live,
  dispute_known,
  dispute_open,
  ledger_kinds = 200  // and the LedgerKind; value: the amount
};
static_assert(actions.size() <= other_action);

constexpr std::uint32_t action(std::string_view name) {
  return static_cast<std::uint32_t>(std::ranges::find(actions, name, &Action::name) - actions.begin());
}

/// That an action was audited of a row: once, unless told otherwise, and where `moment` is given then.
struct Asked {
  // The place in `actions` is found by the compiler; a name that is not there does not compile.
  consteval Asked(const char* name) : kind(action(name)) {
    if (kind >= actions.size()) throw "there is no such action";
  }
  [[nodiscard]] constexpr Asked at(std::optional<Instant> when) const {
    Asked out = *this;
    out.moment = when;
    return out;
  }
  [[nodiscard]] constexpr Asked times(std::size_t at_least, std::size_t at_most) const {
    Asked out = *this;
    out.least = at_least, out.most = at_most;
    return out;
  }
  [[nodiscard]] constexpr Asked only_if(bool happened) const { return happened ? *this : times(0, 0); }

  std::uint32_t kind;
  std::size_t least = 1;
  std::size_t most = 1;
  std::optional<Instant> moment;
};
constexpr std::size_t any_number = SIZE_MAX;

/// What is said about one row, sorted by kind and time.
using Told = std::span<const Fact>;

Told of_kind(Told told, std::uint32_t kind) {
  const auto found = std::ranges::equal_range(told, kind, {}, &Fact::kind);
  return {found.begin(), found.end()};
}
std::int64_t sum_of(Told told, std::uint32_t kind) {
  std::int64_t sum = 0;
  for (const auto& fact : of_kind(told, kind)) sum += fact.value;
  return sum;
}
std::int64_t booked_as(Told told, LedgerKind kind) {
  return sum_of(told, ledger_kinds + static_cast<std::uint32_t>(kind));
}
bool tells_of(Told told, std::uint32_t kind) {
  return !of_kind(told, kind).empty();
}

/// What of a tier its registrations and tickets are compared with.
struct TierFacts {
  ShowId show_id;
  std::int64_t number;
  AdmissionRule rule;
  std::vector<QuotaId> quota_ids;
};

struct QuotaUse {
  std::int64_t used = 0;
  std::int64_t taken = 0;
  bool seen = false;
};

class Verifier {
 public:
  Verifier(store::Store& store, std::size_t facts_kept, const AuditProof& audit)
      : x_store(store), x_audit(audit), x_facts(facts_kept) {
    for (const auto name : invariant_names) x_report.checks.push_back({.name = std::string(name)});
  }

  VerifyReport run() {
    const auto before = lane_marks();
    // What tables say about the rows of others is gathered and sorted; then each table is walked in the order of its
    // ids, beside what is said about its rows.
    AuditChains chains(
        x_store,
        [this](std::string_view table, Uuid id, const std::string& what) { fault(audit_chain, table, id, what); },
        x_audit);
    pages<AuditEntry>([&](const std::vector<AuditEntry>& page) {
      gather(page);
      for (const auto& entry : page) chains.take(entry);
    });
    chains.finish();
    x_report.checks[audit_chain].examined = chains.examined();
    each<Job>([&](const Job& row) { gather(row); });
    each<CheckIn>([&](const CheckIn& row) { gather(row); });
    each<Transaction>(
        [&](const Transaction& row) { say<Registration>(row.registration_id.value, payment_tried, {}, row.attempt); });
    pages<Refund>([&](const std::vector<Refund>& page) { gather(page); });
    each<Dispute>([&](const Dispute& row) { gather(row); });
    pages<LedgerEntry>([&](const std::vector<LedgerEntry>& page) { gather(page); });
    each<Member>([&](const Member& row) {
      if (!row.removed_at) say<Business>(row.business_id.value, member_live);
    });
    each<ApiKey>([&](const ApiKey& row) {
      if (!row.revoked_at) say<Business>(row.business_id.value, key_live);
    });
    each<SealingEpoch>([&](const SealingEpoch& row) { x_epochs.insert(row.number); });
    x_facts.sort();
    for_each_table([&]<class Row>() {
      if constexpr (requires(const std::vector<Row>& page) { this->check(page); }) {
        pages<Row>([&](const std::vector<Row>& page) { check(page); });
      }
    });
    x_facts.rest([&](const Fact& fact) { say_unasked(fact); });
    check_counters();
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

  // Finding fault.

  void fault(Invariant invariant, std::string_view table, Uuid id, std::string_view what) {
    Check& check = x_report.checks[invariant];
    ++check.fault_count;
    if (check.faults.size() >= max_faults_kept) return;
    check.faults.push_back(std::string(table) + " " + id.text() + ": " + std::string(what));
  }
  template <class Row>
  void expect(Invariant invariant, const Row& row, bool holds_true, std::string_view what) {
    if (!holds_true) fault(invariant, Row::table, row.id.value, what);
  }
  void examined(Invariant invariant) { ++x_report.checks[invariant].examined; }

  /// The audit entries of a row: those asked for, each of the row's show, and no others.
  template <class Row>
  void expect_audit(const Row& row, ShowId show, Told told, std::initializer_list<Asked> asked) {
    std::size_t known = 0;
    for (const auto& one : asked) {
      const Told found = of_kind(told, one.kind);
      known += found.size();
      if (one.most > 0) examined(audits);
      if (found.size() < one.least || found.size() > one.most) {
        expect(audits, row, false,
               std::to_string(found.size()) + " audit entries " + std::string(actions[one.kind].name));
      }
      const bool timely = !one.moment || std::ranges::all_of(found, [&](const Fact& f) { return f.at == *one.moment; });
      if (!timely) expect(audits, row, false, "audited at another time: " + std::string(actions[one.kind].name));
    }
    const Told audited = {told.begin(), std::ranges::lower_bound(told, std::uint32_t{render_job}, {}, &Fact::kind)};
    known += of_kind(told, other_action).size();
    expect(audits, row, known == audited.size(), "audited with something that never happened to it");
    expect(audits, row, std::ranges::all_of(audited, [&](const Fact& f) { return f.value == mark(show); }),
           "audited for another show");
  }
  static std::int64_t mark(ShowId show) { return static_cast<std::int64_t>(show.value.low); }

  // Facts.

  template <class Row>
  void say(Uuid subject, std::uint32_t kind, Instant at = {}, std::int64_t value = 0) {
    x_facts.add({.table = table_of<Row>, .kind = kind, .subject = subject, .at = at, .value = value});
  }
  /// Once for each row of a table, in the order of ids.
  template <class Row>
  Told told(const Row& row) {
    return x_facts.take(table_of<Row>, row.id.value, [&](const Fact& fact) { say_unasked(fact); });
  }
  void say_unasked(const Fact& fact) {
    std::string_view table;
    for_each_table([&]<class Row>() {
      if (table_of<Row> == fact.table) table = Row::table;
    });
    if (fact.kind < render_job) {
      fault(
          audits, table, fact.subject,
          "is not there, but audited: " + std::string(fact.kind < actions.size() ? actions[fact.kind].name : "other"));
    } else if (fact.kind <= other_job) {
      fault(jobs, table, fact.subject, "is not there, but has a job");
    } else if (fact.kind >= ledger_kinds) {
      fault(ledger, table, fact.subject, "is not there, but money was moved for it");
    }
    // A refund's payment, a check-in's ticket and a transaction's registration are missed where these are checked.
  }

  void gather(const std::vector<AuditEntry>& page) {
    const auto ends_tickets = [](const AuditEntry& entry) {
      return entry.action == "tickets.revoked";
    };
    const World world = beside(page, [&](Needs& needs, const AuditEntry& entry) {
      if (ends_tickets(entry)) needs.read<Registration>(RegistrationId{entry.subject});
    });
    for (const auto& entry : page) {
      gather(entry);
      if (!ends_tickets(entry)) continue;
      const Registration* registration = world.find<Registration>(RegistrationId{entry.subject});
      if (registration == nullptr || !registration->confirmed_at) continue;
      for (std::int64_t n = 1; n <= std::min(registration->ticket_count, max_numbers); ++n) {
        say<Ticket>(ticket_id(registration->id, *registration->confirmed_at, n).value, ticket_ended);
      }
    }
  }

  void gather(const AuditEntry& entry) {
    examined(audits);
    expect(audits, entry, !entry.actor.empty(), "nobody did it");
    const std::uint32_t kind = action(entry.action);
    if (kind < actions.size()) {
      x_facts.add(
          {static_cast<std::uint32_t>(actions[kind].table), kind, entry.subject, entry.at, mark(entry.show_id)});
      return;
    }
    if (entry.action == "operator.read") return;  // of whatever they looked at, of any kind
    // An action that no row proves: only its subject must be there. The word before the dot tells its table.
    const std::string_view thing = std::string_view(entry.action).substr(0, entry.action.find('.') + 1);
    const auto like = std::ranges::find_if(actions, [&](const Action& a) { return a.name.starts_with(thing); });
    if (thing.empty() || like == actions.end()) {
      expect(audits, entry, false, "of nothing that is known: " + entry.action);
      return;
    }
    x_facts.add({static_cast<std::uint32_t>(like->table), other_action, entry.subject, entry.at, mark(entry.show_id)});
  }

  void gather(const Job& job) {
    examined(jobs);
    expect(jobs, job, (job.status == JobStatus::due) == job.due_at.has_value(), "due without a time, or done with one");
    expect(jobs, job, job.attempts >= 0 && job.attempts <= max_job_attempts, "tried more often than it may be");
    if (job.kind == JobKind::render_tickets) say<Registration>(job.subject, render_job);
    if (job.kind == JobKind::create_intent) say<Transaction>(job.subject, other_job);
    if (job.kind == JobKind::capture_intent || job.kind == JobKind::cancel_intent) {
      say<Transaction>(job.subject, closing_job);
    }
    if (job.kind == JobKind::refund_intent) say<Refund>(job.subject, other_job);
    if (job.kind == JobKind::refresh_account || job.kind == JobKind::create_account) {
      say<Business>(job.subject, other_job);
    }
    if (job.kind == JobKind::join_guests || job.kind == JobKind::erase_person || job.kind == JobKind::revoke_access ||
        job.kind == JobKind::create_identity || job.kind == JobKind::set_identity_password ||
        job.kind == JobKind::erase_identity) {
      say<User>(job.subject, other_job);
    }
    if (job.kind == JobKind::cancel_show) say<Show>(job.subject, other_job);
    if (job.kind == JobKind::reverse_transfer || job.kind == JobKind::collect_evidence) {
      say<Dispute>(job.subject, other_job);
    }
  }

  void gather(const CheckIn& scan) {
    if (!scan.ticket_id) return;
    if (scan.reason == DoorReason::admitted) {
      say<Ticket>(scan.ticket_id.value, entry_made, scan.at, scan.annulled_at ? 1 : 0);
    }
    if (scan.reason == DoorReason::exited) say<Ticket>(scan.ticket_id.value, exit_made, scan.at);
  }

  void gather(const std::vector<Refund>& page) {
    const World world =
        beside(page, [](Needs& needs, const Refund& refund) { needs.read<Registration>(refund.registration_id); });
    for (const auto& refund : page) {
      const Uuid payment = refund.transaction_id.value;
      say<Transaction>(payment, refund_numbered, {}, refund.number);
      say<Transaction>(payment, refund_asked, {}, refund.amount_minor);
      // One that is due may still be refused, because somebody gave the money back elsewhere.
      if (!failed(refund) && refund.status != RefundStatus::due) {
        say<Transaction>(payment, refund_hoped, {}, refund.amount_minor);
      }
      if (!failed(refund) || !refund.provider_id.empty()) {
        say<Transaction>(payment, refund_counted, {}, refund.amount_minor);
      }
      if (refund.status == RefundStatus::succeeded) say<Transaction>(payment, refund_given, {}, refund.amount_minor);
      const Registration* registration = world.find<Registration>(refund.registration_id);
      if (registration == nullptr || refund.ticket_numbers.size() > static_cast<std::size_t>(max_numbers)) continue;
      for (const std::int64_t number : refund.ticket_numbers) {
        if (refund.places_freed) say<Registration>(registration->id.value, place_freed, {}, number);
        if (!registration->confirmed_at) continue;
        say<Ticket>(ticket_id(registration->id, *registration->confirmed_at, number).value, ticket_covered, {},
                    failed(refund) ? 0 : 1);
      }
    }
  }

  void gather(const Dispute& dispute) {
    say<Transaction>(dispute.transaction_id.value, dispute_known);
    if (!dispute.is_inquiry && dispute.outcome == DisputeOutcome::open_) {
      say<Transaction>(dispute.transaction_id.value, dispute_open);
    }
  }

  void gather(const std::vector<LedgerEntry>& page) {
    const World world = beside(page, [](Needs& needs, const LedgerEntry& entry) {
      if (!entry.source) return;
      needs.read<Refund>(RefundId{entry.source});
      needs.read<Dispute>(DisputeId{entry.source});
    });
    for (const auto& entry : page) {
      const auto kind = ledger_kinds + static_cast<std::uint32_t>(entry.kind);
      if (!entry.source) {
        say<Transaction>(entry.transaction_id.value, kind, entry.at, entry.amount_minor);
      } else if (world.find<Refund>(RefundId{entry.source}) != nullptr) {
        say<Refund>(entry.source, kind, entry.at, entry.amount_minor);
      } else {
        expect(ledger, entry, world.find<Dispute>(DisputeId{entry.source}) != nullptr,
               "neither a refund nor a dispute moved it");
      }
    }
  }

  static bool failed(const Refund& refund) {
    return refund.status == RefundStatus::failed || refund.status == RefundStatus::cancelled;
  }

  // The tables, in their order.

  /// A guest whose orders went to an account.
  static bool has_joined(const World& world, UserId payer) {
    const User* guest = world.find<User>(payer);
    return guest != nullptr && guest->guest;
  }

  void check(const std::vector<User>& page) {
    const World world = beside(page, [](Needs& needs, const User& user) {
      if (!user.guest) needs.read<Claim>(email_claim(user.email));
    });
    for (const auto& user : page) {
      examined(accounts);
      expect(accounts, user, !user.guest || (user.password_hash.empty() && !user.is_operator),
             "a guest who can sign in or operate");
      expect_audit(user, {}, told(user),
                   {Asked("user.created").at(user.created_at).only_if(!user.guest),
                    Asked("guest.created").at(user.created_at).only_if(user.guest)});
      expect(accounts, user, !user.totp_confirmed || !user.totp_secret.data.empty(), "a second factor without a secret");
      expect(accounts, user,
             !user.erased_at || (user.email.empty() && user.name.empty() && user.password_hash.empty() &&
                                 user.totp_secret.data.empty() && user.recovery_hashes.empty() && !user.is_operator),
             "erased, but something of it is there");
      // Guests of earlier versions have no key.
      expect(accounts, user, !user.guest_key || (user.guest && user.guest_key == guest_key(user.email)),
             "found by an address that is not its own");
      // Erased, or no provider of identities told us an address.
      if (user.guest || user.email.empty()) continue;
      examined(claims);
      const Claim* claim = world.find<Claim>(email_claim(user.email));
      expect(claims, user, claim != nullptr && claim->target == user.id.value && claim->kind == "email",
             "its e-mail address is not claimed for it");
    }
  }

  void check(const std::vector<Session>& page) {
    const World world = beside(page, [](Needs& needs, const Session& session) { needs.read<User>(session.user_id); });
    for (const auto& session : page) {
      examined(accounts);
      const User* user = world.find<User>(session.user_id);
      expect(accounts, session, user != nullptr, "its user is not there");
      // A guest's first one begins with the guest.
      const bool of_guest = user != nullptr && user->guest;
      expect(accounts, session, session.expires_at > session.created_at, "over before it began");
      expect_audit(session, {}, told(session),
                   {Asked("session.started").at(session.created_at).times(of_guest ? 0 : 1, 1),
                    Asked("session.ended").at(session.ended_at).only_if(session.ended_at.has_value())});
    }
  }

  void check(const std::vector<Claim>& page) {
    const World world = beside(page, [](Needs& needs, const Claim& claim) {
      if (claim.kind == "email") needs.read<User>(UserId{claim.target});
      if (claim.kind == "intent") needs.read<Transaction>(TransactionId{claim.target});
      if (claim.kind == "account") needs.read<Business>(BusinessId{claim.target});
      if (claim.kind == "refund") needs.read<Refund>(RefundId{claim.target});
    });
    for (const auto& claim : page) {
      examined(claims);
      bool genuine = false;
      if (claim.kind == "email") {
        const User* user = world.find<User>(UserId{claim.target});
        genuine = !claim.target || (user != nullptr && email_claim(user->email) == claim.id);  // or free again
      } else if (claim.kind == "intent") {
        const Transaction* transaction = world.find<Transaction>(TransactionId{claim.target});
        genuine = transaction != nullptr && intent_claim(transaction->intent_id) == claim.id;
      } else if (claim.kind == "account") {
        const Business* business = world.find<Business>(BusinessId{claim.target});
        genuine = business != nullptr && !business->stripe_account.empty();  // or one that it had before
      } else if (claim.kind == "refund") {
        const Refund* refund = world.find<Refund>(RefundId{claim.target});
        genuine = refund != nullptr && refund_claim(refund->provider_id) == claim.id;
      }
      expect(claims, claim, genuine, "stands for nothing that has it");
    }
  }

  void check(const std::vector<Business>& page) {
    const World world = beside(page, [](Needs& needs, const Business& business) {
      needs.read<User>(business.owner_id);
      if (!business.stripe_account.empty()) needs.read<Claim>(account_claim(business.stripe_account));
    });
    for (const auto& business : page) {
      examined(accounts);
      expect(accounts, business, world.find<User>(business.owner_id) != nullptr, "its owner is not there");
      ++x_holds[businesses_of_user(business.owner_id)];
      const bool linked = !business.stripe_account.empty();
      const Told told_of = told(business);
      examined(access);
      expect(access, business, std::ssize(of_kind(told_of, member_live)) == business.member_count,
             "counts other members than it has");
      expect(access, business, std::ssize(of_kind(told_of, key_live)) == business.key_count,
             "counts other keys than it has");
      expect_audit(business, {}, told_of,
                   {Asked("business.created").at(business.created_at),
                    Asked("business.account_linked").times(1, any_number).only_if(linked),
                    Asked("business.account_updated").times(0, any_number).only_if(linked)});
      expect(payments, business, linked || !business.charges_enabled, "can charge, but on no account");
      if (!linked) continue;
      examined(claims);
      const Claim* claim = world.find<Claim>(account_claim(business.stripe_account));
      expect(claims, business, claim != nullptr && claim->target == business.id.value && claim->kind == "account",
             "its account is not claimed for it");
    }
  }

  void check(const std::vector<Show>& page) {
    const World world = beside(page, [](Needs& needs, const Show& show) {
      needs.read<Business>(show.business_id);
      for (std::int64_t number = 0; number <= std::min(show.key_number, max_key_number); ++number) {
        needs.read<ShowKey>(show_key_id(show.id, number));
      }
    });
    for (const auto& show : page) {
      examined(shows);
      expect(shows, show, world.find<Business>(show.business_id) != nullptr, "its business is not there");
      expect(keys, show, show.key_number >= 0 && show.key_number <= max_key_number, "a key of no possible number");
      for (std::int64_t number = 0; number <= std::min(show.key_number, max_key_number); ++number) {
        expect(keys, show, world.find<ShowKey>(show_key_id(show.id, number)) != nullptr,
               "its key " + std::to_string(number) + " is not there");
      }
      x_tier_counts[show.id] = show.tier_count;
      expect_audit(
          show, show.id, told(show),
          {Asked("show.created").at(show.created_at), Asked("show.published")
                                                          .times(show.status == ShowStatus::published ? 1 : 0, 1)
                                                          .only_if(show.status != ShowStatus::draft)});
    }
  }

  void check(const std::vector<ShowKey>& page) {
    const World world = beside(page, [](Needs& needs, const ShowKey& key) { needs.read<Show>(key.show_id); });
    for (const auto& key : page) {
      examined(keys);
      const Show* show = world.find<Show>(key.show_id);
      expect(keys, key, key.id == show_key_id(key.show_id, key.number), "kept under another id than its own");
      expect(keys, key, show != nullptr && key.number >= 0 && key.number <= show->key_number,
             "its show is not there or knows no such key");
      expect(keys, key, !key.public_key.empty() && !key.wrapped_private_key.empty(), "half a key");
      expect_audit(key, key.show_id, told(key), {Asked("show_key.rotated").at(key.created_at).only_if(key.number > 0)});
    }
  }

  void check(const std::vector<Tier>& page) {
    const World world = beside(page, [](Needs& needs, const Tier& tier) {
      needs.read<Show>(tier.show_id);
      for (const QuotaId quota : tier.quota_ids) needs.read<Quota>(quota);
    });
    for (const auto& tier : page) {
      examined(shows);
      const Show* show = world.find<Show>(tier.show_id);
      expect(shows, tier, show != nullptr && tier.number >= 0 && tier.number < show->tier_count,
             "its show is not there or has no such number of tiers");
      if (show != nullptr) --x_tier_counts[tier.show_id];
      expect(quotas, tier, !tier.quota_ids.empty(), "draws from no quota");
      for (const QuotaId quota : tier.quota_ids) {
        const Quota* row = world.find<Quota>(quota);
        expect(quotas, tier, row != nullptr && row->show_id == tier.show_id,
               "draws from a quota that its show has not");
        x_quotas.try_emplace(quota);
      }
      x_tiers.emplace(tier.id, TierFacts{tier.show_id, tier.number, tier.rule, tier.quota_ids});
      expect_audit(tier, tier.show_id, told(tier), {Asked("tier.created")});
    }
  }

  void check(const std::vector<Quota>& page) {
    const World world = beside(page, [](Needs& needs, const Quota& quota) { needs.read<Show>(quota.show_id); });
    for (const auto& quota : page) {
      examined(quotas);
      expect(shows, quota, world.find<Show>(quota.show_id) != nullptr, "its show is not there");
      expect(quotas, quota, quota.taken >= 0 && quota.taken <= quota.size,
             "taken is " + std::to_string(quota.taken) + " of " + std::to_string(quota.size));
      auto& use = x_quotas[quota.id];
      use.taken = quota.taken;
      use.seen = true;
      expect_audit(quota, quota.show_id, told(quota), {Asked("quota.created")});
    }
  }

  void check(const std::vector<HoldCounter>& page) {
    const World world = beside(page, [](Needs& needs, const HoldCounter& row) { needs.read<Show>(row.show_id); });
    for (const auto& counter : page) {
      examined(holds);
      expect(holds, counter, counter.taken >= 0 && counter.taken <= counter.size, "counts more than it may");
      expect(holds, counter, !counter.show_id || world.find<Show>(counter.show_id) != nullptr, "its show is not there");
      x_holds[counter.id] -= counter.taken;
    }
  }

  void check_lines(const Registration& registration, Told told_of) {
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
    for (const auto& freed : of_kind(told_of, place_freed)) {
      std::int64_t number = freed.value;
      const auto line =
          std::ranges::find_if(registration.lines, [&](const Line& l) { return (number -= l.quantity) <= 0; });
      const auto tier = line != registration.lines.end() ? x_tiers.find(line->tier_id) : x_tiers.end();
      if (tier == x_tiers.end()) continue;
      for (const QuotaId quota : tier->second.quota_ids) --x_quotas[quota].used;
    }
    expect(money, registration, amount == registration.amount_minor, "the amount is not the sum of its lines");
    expect(registrations, registration, count == registration.ticket_count && count > 0,
           "the number of tickets is not the sum of its lines");
  }

  void check(const std::vector<Registration>& page) {
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
      const Told told_of = told(registration);
      check_lines(registration, told_of);
      using enum RegistrationStatus;
      const auto status = registration.status;
      const Show* show = world.find<Show>(registration.show_id);
      expect(registrations, registration, world.find<User>(registration.user_id) != nullptr, "its user is not there");
      expect(
          registrations, registration,
          show != nullptr && show->business_id == registration.business_id && show->currency == registration.currency,
          "its show is not there, or has another business or currency");
      const Transaction* payment =
          registration.transaction_id ? world.find<Transaction>(registration.transaction_id) : nullptr;
      const bool in_review = payment != nullptr && payment->review_until;
      expect(registrations, registration,
             registration.due_at ? status == held || status == expiring || in_review : status != held,
             "held without an end, or at an end with a clock that runs");
      expect(registrations, registration, (status == confirmed) == registration.confirmed_at.has_value(),
             "it has a time of confirmation exactly when confirmed");
      expect(registrations, registration, registration.ticket_count <= max_numbers, "more tickets than can be");
      if (status == held) {
        ++x_holds[registration.user_counter];
        ++x_holds[registration.address_counter];
      }
      if (status == confirmed && registration.amount_minor == 0) {  // free tickets count
        for (const CounterId counter : {registration.user_counter, registration.address_counter}) {
          if (!counter) continue;
          x_holds[counter] +=
              registration.ticket_count - static_cast<std::int64_t>(of_kind(told_of, place_freed).size());
        }
      }
      const bool paid = registration.amount_minor > 0;
      // Places that were given up may be taken again for a payment that came late; then it has a flag.
      const bool ended_once = status != held && !registration.flag.empty();
      const auto ending = [&](Asked asked, RegistrationStatus end) {
        return asked.times(status == end ? 1 : 0, ended_once ? any_number : 1).only_if(status == end || ended_once);
      };
      expect_audit(registration, registration.show_id, told_of,
                   {Asked("registration.held").at(registration.created_at).only_if(paid),
                    Asked("registration.confirmed").at(registration.confirmed_at).only_if(status == confirmed),
                    Asked("registration.expiring")
                        .times(status == expiring ? 1 : 0, ended_once ? any_number : 1)
                        .only_if(status != held),
                    ending(Asked("registration.expired"), expired), ending(Asked("registration.cancelled"), cancelled),
                    Asked("tickets.revoked").times(0, any_number).only_if(status == confirmed),
                    Asked("mail.resent").times(0, any_number),
                    Asked("tickets.generated").times(0, any_number).only_if(status == confirmed)});
      check_attempts(registration, told_of, world);
      if (status != confirmed) continue;
      examined(jobs);
      expect(jobs, registration, tells_of(told_of, render_job), "confirmed, but no job makes its documents");
      check_confirmed(registration, world);
    }
  }

  void check_attempts(const Registration& registration, Told told_of, const World& world) {
    const Told tried = of_kind(told_of, payment_tried);
    std::int64_t number = 0;
    const bool in_a_row = std::ranges::all_of(tried, [&](const Fact& f) { return f.value == ++number; });
    expect(payments, registration, in_a_row && number == registration.attempts,
           "its payments are not numbered from 1 to " + std::to_string(registration.attempts));
    if (!registration.transaction_id) {
      expect(payments, registration, registration.status != RegistrationStatus::expiring,
             "waits for a payment that it has not");
      return;
    }
    const Transaction* transaction = world.find<Transaction>(registration.transaction_id);
    expect(payments, registration, transaction != nullptr && transaction->registration_id == registration.id,
           "its payment is not there, or another's");
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

  void check(const std::vector<Transaction>& page) {
    const World world = beside(page, [](Needs& needs, const Transaction& transaction) {
      needs.read<Registration>(transaction.registration_id);
      if (!transaction.intent_id.empty()) needs.read<Claim>(intent_claim(transaction.intent_id));
      needs.read<User>(transaction.payer_id);
    });
    for (const auto& transaction : page) {
      examined(money);
      examined(payments);
      const Told told_of = told(transaction);
      const bool succeeded = transaction.status == TransactionStatus::succeeded;
      const bool by_card = transaction.provider == Provider::stripe;
      expect_audit(transaction, transaction.show_id, told_of,
                   {Asked("payment.begun").at(transaction.created_at).only_if(by_card),
                    Asked("payment.cash").at(transaction.created_at).only_if(transaction.provider == Provider::cash),
                    Asked("payment.late_success").times(0, 1).only_if(transaction.flag == "late_success"),
                    Asked("payment.second_payment").times(0, 1).only_if(transaction.flag == "second_payment")});
      check_refunds(transaction, told_of);
      const Registration* registration = world.find<Registration>(transaction.registration_id);
      if (registration == nullptr) {
        expect(payments, transaction, false, "its registration is not there");
        continue;
      }
      expect(payments, transaction, transaction.sold_by.empty() || transaction.provider == Provider::cash,
             "sold for cash by somebody, but not for cash");
      expect(payments, transaction, !transaction.printed_at || !transaction.sold_by.empty(), "printed by nobody");
      const bool own = registration->transaction_id == transaction.id;
      expect(payments, transaction,
             transaction.show_id == registration->show_id && transaction.payee_id == registration->business_id &&
                 (transaction.payer_id == registration->user_id || has_joined(world, transaction.payer_id)),
             "show, payee or payer are not the registration's");
      expect(money, transaction,
             transaction.amount_minor == registration->amount_minor && transaction.currency == registration->currency,
             "the amount is not the registration's");
      const bool as_asked =
          transaction.received_minor == transaction.amount_minor &&
          (transaction.received_currency.empty() || transaction.received_currency == transaction.currency);
      expect(money, transaction, !succeeded || as_asked || !transaction.flag.empty(),
             "succeeded with another amount than was asked for");
      expect(payments, transaction, !succeeded || transaction.processed_at, "succeeded at no time");
      expect(payments, transaction,
             !succeeded || (own && registration->status == RegistrationStatus::confirmed) || !transaction.flag.empty(),
             "succeeded, but confirmed nothing and nobody was told");
      if (transaction.booked && !(own && registration->status == RegistrationStatus::confirmed)) {
        examined(refunds);
        expect(refunds, transaction,
               transaction.review_until || tells_of(told_of, dispute_known) ||
                   sum_of(told_of, refund_asked) >= transaction.received_minor,
               "brought no tickets, and does not go back in full");
      }
      if (own && registration->status == RegistrationStatus::expiring) {
        examined(jobs);
        expect(jobs, transaction, succeeded || tells_of(told_of, closing_job),
               "its registration ends, but no job cancels or captures it");
      }
      switch (transaction.provider) {
        case Provider::stripe:
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
      expect(claims, transaction, claim != nullptr && claim->target == transaction.id.value && claim->kind == "intent",
             "its provider's id is not claimed for it");
    }
  }

  void check_refunds(const Transaction& transaction, Told told_of) {
    const Told numbered = of_kind(told_of, refund_numbered);
    std::int64_t number = 0;
    const bool in_a_row = std::ranges::all_of(numbered, [&](const Fact& f) { return f.value == ++number; });
    expect(refunds, transaction, in_a_row && number == transaction.refund_count,
           "its refunds are not numbered from 1 to " + std::to_string(transaction.refund_count));
    expect(refunds, transaction, transaction.refund_minor == sum_of(told_of, refund_counted),
           "to go back are " + std::to_string(transaction.refund_minor) + ", its refunds say " +
               std::to_string(sum_of(told_of, refund_counted)));
    expect(refunds, transaction, transaction.refunded_minor == sum_of(told_of, refund_given),
           "gone back are " + std::to_string(transaction.refunded_minor) + ", its refunds say " +
               std::to_string(sum_of(told_of, refund_given)));
    expect(refunds, transaction,
           sum_of(told_of, refund_hoped) <= std::max(transaction.received_minor, transaction.amount_minor),
           "more goes back than was paid");
    expect(refunds, transaction,
           transaction.fee_back_minor >= 0 && transaction.fee_back_minor <= transaction.application_fee_minor &&
               transaction.tax_back_minor >= 0 && transaction.tax_back_minor <= transaction.tax_minor,
           "more fee or tax goes back than there was");
    expect(disputes, transaction,
           transaction.open_disputes == static_cast<std::int64_t>(of_kind(told_of, dispute_open).size()),
           "counts other disputes than are open");
    const bool charged = transaction.booked;
    const bool sent_on =
        transaction.provider == Provider::stripe && transaction.charge_model == ChargeModel::destination;
    examined(ledger);
    expect(ledger, transaction,
           charged == (transaction.status == TransactionStatus::succeeded && transaction.provider != Provider::none_),
           "money came and was not booked, or was booked and never came");
    expect(ledger, transaction,
           booked_as(told_of, LedgerKind::charge) == (charged ? transaction.received_minor : 0) &&
               booked_as(told_of, LedgerKind::transfer) == (charged && sent_on ? transaction.received_minor : 0) &&
               booked_as(told_of, LedgerKind::application_fee) == (charged ? transaction.application_fee_minor : 0) &&
               booked_as(told_of, LedgerKind::tax) == (charged ? transaction.tax_minor : 0),
           "charge, transfer, fee or tax were not moved as it says");
  }

  void check(const std::vector<Refund>& page) {
    const World world = beside(page, [](Needs& needs, const Refund& refund) {
      needs.read<Transaction>(refund.transaction_id);
      needs.read<Registration>(refund.registration_id);
      if (!refund.provider_id.empty()) needs.read<Claim>(refund_claim(refund.provider_id));
    });
    for (const auto& refund : page) {
      examined(refunds);
      const Told told_of = told(refund);
      const Transaction* transaction = world.find<Transaction>(refund.transaction_id);
      const Registration* registration = world.find<Registration>(refund.registration_id);
      expect(refunds, refund, refund.id == refund_id(refund.transaction_id, refund.number),
             "kept under another id than its own");
      expect(refunds, refund,
             transaction != nullptr && registration != nullptr && transaction->registration_id == registration->id &&
                 refund.show_id == registration->show_id && refund.business_id == registration->business_id,
             "payment, registration, show and business do not belong together");
      if (transaction == nullptr || registration == nullptr) continue;
      const bool free = transaction->provider == Provider::none_;
      const bool lost = refund.reason == RefundReason::dispute;  // taken by the bank: booked with the dispute
      const bool ours = refund.reason != RefundReason::provider && !lost;
      const bool ends_tickets = !refund.ticket_numbers.empty();  // for nothing, where the money is back already
      expect(refunds, refund, free ? refund.amount_minor == 0 : refund.amount_minor > (lost || ends_tickets ? -1 : 0),
             "gives back an impossible amount");
      expect(refunds, refund,
             refund.currency == transaction->currency || refund.currency == transaction->received_currency,
             "gives back another currency than was paid");
      expect(refunds, refund, refund.status != RefundStatus::succeeded || refund.processed_at, "succeeded at no time");
      expect(refunds, refund, !refund.places_freed || refund.status == RefundStatus::succeeded || failed(refund),
             "places are free before the money is back");
      expect(refunds, refund,
             std::ranges::all_of(refund.ticket_numbers,
                                 [&](std::int64_t n) { return n >= 1 && n <= registration->ticket_count; }),
             "of tickets that its registration has not");
      if (ours && transaction->provider == Provider::stripe && refund.amount_minor > 0) {
        examined(jobs);
        expect(jobs, refund, tells_of(told_of, other_job), "wanted, but no job asks the provider for it");
      }
      expect_audit(refund, refund.show_id, told_of,
                   {Asked("refund.requested").at(refund.created_at).times(ours ? 1 : 0, 1)});
      const auto back = booked_as(told_of, LedgerKind::refund);
      const auto returned = booked_as(told_of, LedgerKind::refund_returned);
      const bool taken = back > 0;
      examined(ledger);
      expect(ledger, refund,
             back == (taken ? refund.amount_minor : 0) && returned == (taken && failed(refund) ? back : 0),
             "moved another amount than it gives back");
      expect(ledger, refund, refund.status != RefundStatus::succeeded || back == (lost ? 0 : refund.amount_minor),
             "succeeded, but nothing was moved");
      expect(ledger, refund,
             booked_as(told_of, LedgerKind::transfer_reversal) == (refund.reverse_transfer ? back : 0) &&
                 booked_as(told_of, LedgerKind::fee_refund) == (taken ? refund.fee_back_minor : 0) &&
                 booked_as(told_of, LedgerKind::tax_reversal) == (taken ? refund.tax_back_minor : 0),
             "transfer, fee or tax did not come back as it says");
      if (refund.provider_id.empty()) continue;
      examined(claims);
      const Claim* claim = world.find<Claim>(refund_claim(refund.provider_id));
      expect(claims, refund, claim != nullptr && claim->target == refund.id.value && claim->kind == "refund",
             "its provider's id is not claimed for it");
    }
  }

  void check(const std::vector<Dispute>& page) {
    const World world =
        beside(page, [](Needs& needs, const Dispute& dispute) { needs.read<Transaction>(dispute.transaction_id); });
    for (const auto& dispute : page) {
      examined(disputes);
      expect_audit(dispute, dispute.show_id, told(dispute), {Asked("dispute.opened").times(1, any_number)});
      const Transaction* transaction = world.find<Transaction>(dispute.transaction_id);
      expect(disputes, dispute, dispute.id == dispute_id(dispute.provider_id), "kept under another id than its own");
      expect(disputes, dispute,
             transaction != nullptr && transaction->registration_id == dispute.registration_id &&
                 transaction->show_id == dispute.show_id && transaction->payee_id == dispute.business_id,
             "payment, registration, show and business do not belong together");
      expect(disputes, dispute, (dispute.outcome == DisputeOutcome::open_) == !dispute.closed_at,
             "closed without an outcome, or open with one");
      expect(disputes, dispute, dispute.amount_minor > 0 && dispute.reversed_minor >= 0, "of an impossible amount");
    }
  }

  void check(const std::vector<LedgerEntry>& page) {
    const World world =
        beside(page, [](Needs& needs, const LedgerEntry& entry) { needs.read<Transaction>(entry.transaction_id); });
    for (const auto& entry : page) {
      examined(ledger);
      const Transaction* transaction = world.find<Transaction>(entry.transaction_id);
      expect(ledger, entry, entry.amount_minor > 0 && entry.debit != entry.credit, "moves nothing");
      expect(ledger, entry, transaction != nullptr && transaction->payee_id == entry.business_id,
             "its payment is not there or another business's");
      if (transaction == nullptr) continue;
      const bool disputed = entry.kind >= LedgerKind::dispute;  // in the currency of the account that it was taken from
      expect(ledger, entry,
             disputed || entry.currency == transaction->received_currency || entry.currency == transaction->currency,
             "in another currency than was paid");
      expect(ledger, entry, goes_right(entry, *transaction), "between accounts that have nothing to do with it");
    }
  }

  /// Who gives and who gets, for each kind of movement. Where a business is charged directly or in cash, it holds what
  /// else we hold.
  static bool goes_right(const LedgerEntry& entry, const Transaction& transaction) {
    using enum LedgerAccount;
    const auto moves = [&](LedgerAccount credit, LedgerAccount debit) {
      return entry.credit == credit && entry.debit == debit;
    };
    const bool ours = transaction.provider == Provider::stripe && transaction.charge_model == ChargeModel::destination;
    const LedgerAccount holder = ours ? platform : LedgerAccount::business;
    switch (entry.kind) {
      case LedgerKind::charge:
      case LedgerKind::refund_returned:
        return moves(buyer, holder);
      case LedgerKind::refund:
        return moves(holder, buyer);
      case LedgerKind::transfer:
        return moves(platform, LedgerAccount::business);
      case LedgerKind::transfer_reversal:
        return moves(LedgerAccount::business, platform);
      case LedgerKind::application_fee:
        return moves(LedgerAccount::business, platform_fee);
      case LedgerKind::fee_refund:
        return moves(platform_fee, LedgerAccount::business);
      case LedgerKind::tax:
        return moves(LedgerAccount::business, LedgerAccount::tax);
      case LedgerKind::tax_reversal:
        return moves(LedgerAccount::tax, LedgerAccount::business);
      case LedgerKind::dispute:
      case LedgerKind::dispute_fee:
      case LedgerKind::dispute_reversal:
      case LedgerKind::dispute_settled:
        return true;
    }
    return false;
  }

  void check(const std::vector<Cancellation>& page) {
    const World world = beside(page, [](Needs& needs, const Cancellation& row) { needs.read<Show>(row.show_id); });
    for (const auto& cancellation : page) {
      examined(shows);
      const Show* show = world.find<Show>(cancellation.show_id);
      expect(shows, cancellation, cancellation.id == cancellation_id(cancellation.show_id),
             "kept under another id than its own");
      expect(shows, cancellation, show != nullptr && show->status == ShowStatus::cancelled,
             "its show is not cancelled");
    }
  }

  void check(const std::vector<Alert>& page) {
    for (const auto& alert : page) {
      examined(payments);
      expect_audit(alert, {}, told(alert),
                   {Asked("alert.resolved").times(0, 1).only_if(alert.resolved_at.has_value())});
      expect(payments, alert,
             alert.id == alert_id(alert.kind, alert.subject) && alert.desk == alert_desk(!alert.resolved_at),
             "an alert that nobody finds");
    }
  }

  void check(const std::vector<Ticket>& page) {
    const World world = beside(page, [](Needs& needs, const Ticket& ticket) {
      needs.read<Registration>(ticket.registration_id);
      needs.read<ShowKey>(show_key_id(ticket.show_id, ticket.key_number));
      if (ticket.status == TicketStatus::frozen) needs.read<Transaction>(ticket.transaction_id);
    });
    for (const auto& ticket : page) {
      examined(tickets);
      if (ticket.status == TicketStatus::frozen) {
        const Transaction* transaction = world.find<Transaction>(ticket.transaction_id);
        expect(disputes, ticket, transaction != nullptr && transaction->open_disputes > 0,
               "frozen, but its payment is not disputed");
      }
      examined(keys);
      const Registration* registration = world.find<Registration>(ticket.registration_id);
      const bool genuine = registration != nullptr && registration->status == RegistrationStatus::confirmed &&
                           registration->confirmed_at && ticket.number >= 1 &&
                           ticket.number <= registration->ticket_count &&
                           ticket.id == ticket_id(registration->id, *registration->confirmed_at, ticket.number);
      expect(tickets, ticket, genuine, "no confirmed registration has this ticket");
      const auto tier = x_tiers.find(ticket.tier_id);
      expect(
          tickets, ticket,
          tier != x_tiers.end() && tier->second.show_id == ticket.show_id && tier->second.number == ticket.tier_number,
          "its tier is not one of its show");
      expect(keys, ticket, world.find<ShowKey>(show_key_id(ticket.show_id, ticket.key_number)) != nullptr,
             "signed with a key that its show has not");
      expect(keys, ticket, x_epochs.contains(ticket.epoch), "sealed in an epoch that was never begun");
      check_entries(ticket, told(ticket), tier == x_tiers.end() ? AdmissionRule::once : tier->second.rule);
    }
  }

  void check_entries(const Ticket& ticket, Told told_of, AdmissionRule rule) {
    examined(entries);
    examined(audits);
    const Told admitted = of_kind(told_of, entry_made);
    const Told left = of_kind(told_of, exit_made);
    std::int64_t count = 0;
    Instant last{};
    for (const auto& entry : admitted) {
      if (entry.value != 0) continue;  // annulled
      ++count;
      last = entry.at;
    }
    expect(entries, ticket, ticket.entries == count,
           "says " + std::to_string(ticket.entries) + " entries, check-ins say " + std::to_string(count));
    expect(entries, ticket, ticket.entries >= 0 && ticket.entries <= entries_allowed(rule),
           "entered more often than its rule lets it");
    expect(entries, ticket, (ticket.entries > 0) == ticket.used_at.has_value(),
           "a time of use without a use, or none with one");
    expect(entries, ticket, !ticket.used_at || count == 0 || *ticket.used_at == last,
           "its time of use is not its entry's");
    expect(entries, ticket, ticket.status != TicketStatus::valid || ticket.entries == 0, "valid, but used");
    expect(entries, ticket, ticket.status != TicketStatus::used || ticket.entries > 0, "used, but never entered");
    const bool inside = count > 0 && (left.empty() || left.back().at < last);
    expect(entries, ticket, ticket.inside == inside,
           ticket.inside ? "inside, but it left or never came" : "came in, did not leave, and is not inside");
    const auto same_times = [&](Told scans, Asked asked) {
      return std::ranges::equal(scans, of_kind(told_of, asked.kind), {}, &Fact::at, &Fact::at);
    };
    expect(audits, ticket, same_times(admitted, "ticket.admitted") && same_times(left, "ticket.exited"),
           "entries and exits are not what the audit says");
    expect_audit(ticket, ticket.show_id, told_of,
                 {Asked("ticket.admitted").times(0, any_number), Asked("ticket.exited").times(0, any_number),
                  Asked("ticket.revoked")
                      .times(tells_of(told_of, ticket_ended) ? 0 : 1, 1)
                      .only_if(ticket.status == TicketStatus::revoked)});
    expect(refunds, ticket, ticket.status == TicketStatus::revoked || sum_of(told_of, ticket_covered) == 0,
           "lets somebody in on money that was given back");
    expect(refunds, ticket, sum_of(told_of, ticket_covered) <= 1, "given back twice");
  }

  void check(const std::vector<CheckIn>& page) {
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
      expect(check_ins, scan, !scan.annulled_at || *scan.annulled_at >= scan.at, "annulled before it was made");
      expect(check_ins, scan, scan.reason != DoorReason::exited || scan.direction == Direction::exit,
             "an exit by the entry");
      expect(check_ins, scan, scan.reason != DoorReason::admitted || scan.direction == Direction::entry,
             "an entry by the exit");
      expect_audit(scan, scan.show_id, told(scan),
                   {Asked("check_in.annulled").at(scan.annulled_at).only_if(scan.annulled_at.has_value())});
      if (!scan.ticket_id) continue;
      const Ticket* ticket = world.find<Ticket>(scan.ticket_id);
      expect(check_ins, scan, ticket != nullptr && ticket->show_id == scan.show_id,
             "its ticket is not one of the show");
    }
  }

  void check(const std::vector<Member>& page) {
    const World world = beside(page, [](Needs& needs, const Member& member) {
      needs.read<Business>(member.business_id);
      needs.read<User>(member.user_id);
      if (member.added_by) needs.read<User>(member.added_by);
    });
    for (const auto& member : page) {
      examined(access);
      const Business* business = world.find<Business>(member.business_id);
      expect(access, member, business != nullptr, "its business is not there");
      expect(access, member, world.find<User>(member.user_id) != nullptr, "its account is not there");
      expect(access, member, !member.added_by || world.find<User>(member.added_by) != nullptr, "invited by nobody");
      expect(access, member, member.id == member_id(member.business_id, member.user_id), "under another id");
      expect(access, member,
             member.role != MemberRole::owner && (business == nullptr || business->owner_id != member.user_id),
             "a second owner");
      expect_audit(member, {}, told(member),
                   {Asked("member.joined").times(1, any_number), Asked("member.changed").times(0, any_number),
                    Asked("member.removed").times(member.removed_at ? 1 : 0, any_number)});
    }
  }

  void check(const std::vector<Passkey>& page) {
    const World world = beside(page, [](Needs& needs, const Passkey& passkey) { needs.read<User>(passkey.user_id); });
    for (const auto& passkey : page) {
      examined(accounts);
      expect(accounts, passkey, world.find<User>(passkey.user_id) != nullptr, "its account is not there");
      expect(accounts, passkey, passkey.id == passkey_id(passkey.credential_id.data), "under another id");
      expect(accounts, passkey, !passkey.public_key.empty(), "without a key");
      // Added again after it was removed, it is the same row.
      expect_audit(passkey, {}, told(passkey),
                   {Asked("passkey.added").times(1, any_number), Asked("passkey.renamed").times(0, any_number),
                    Asked("passkey.removed").times(passkey.removed_at ? 1 : 0, any_number),
                    Asked("passkey.count_went_back").times(0, any_number)});
    }
  }

  void check(const std::vector<ApiKey>& page) {
    const World world = beside(page, [](Needs& needs, const ApiKey& key) {
      needs.read<Business>(key.business_id);
      needs.read<User>(key.created_by);
    });
    for (const auto& key : page) {
      examined(access);
      expect(access, key, world.find<Business>(key.business_id) != nullptr, "its business is not there");
      expect(access, key, world.find<User>(key.created_by) != nullptr, "made by nobody");
      expect(access, key, !key.scopes.empty() && std::ranges::all_of(key.scopes, may_be_scope),
             "may what no key may, or nothing");
      expect(access, key, key.secret_hash.data.size() == 32, "without the hash of a secret");
      expect_audit(key, {}, told(key),
                   {Asked("api_key.created").at(key.created_at),
                    Asked("api_key.revoked").at(key.revoked_at).only_if(key.revoked_at.has_value())});
    }
  }

  void check(const std::vector<Device>& page) {
    const World world = beside(page, [](Needs& needs, const Device& device) {
      needs.read<Show>(device.show_id);
      if (device.created_by) needs.read<User>(device.created_by);
      for (const auto& tier : device.tier_ids) needs.read<Tier>(tier);
    });
    for (const auto& device : page) {
      examined(shows);
      const Show* show = world.find<Show>(device.show_id);
      expect(shows, device, show != nullptr && show->business_id == device.business_id,
             "its show is not there or another business's");
      expect(shows, device, !device.created_by || world.find<User>(device.created_by) != nullptr, "made by nobody");
      for (const auto& id : device.tier_ids) {
        const Tier* tier = world.find<Tier>(id);
        expect(shows, device, tier != nullptr && tier->show_id == device.show_id, "lets in a tier of another show");
      }
      expect(shows, device, !device.token_hash.data.empty() || !device.seen_at, "was seen before it had a token");
      expect_audit(device, device.show_id, told(device),
                   {Asked("device.created").at(device.created_at),
                    Asked("device.revoked").at(device.revoked_at).only_if(device.revoked_at.has_value())});
    }
  }

  void check(const std::vector<InboxEvent>& page) {
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
      expect(events, event, event.desk == inbox_desk(event.status), "listed where it does not belong");
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

  void check(const std::vector<Job>& page) {
    for (const auto& job : page) expect_audit(job, {}, told(job), {Asked("job.revived").times(0, any_number)});
  }

  void check(const std::vector<SealingEpoch>& page) {
    for (const auto& epoch : page) {
      examined(keys);
      expect(keys, epoch, epoch.id == sealing_epoch_id(epoch.number), "kept under another id than its own");
      expect_audit(epoch, {}, told(epoch), {Asked("sealing_epoch.added").at(epoch.created_at)});
    }
  }

  /// What was counted over several tables.
  void check_counters() {
    for (const auto& [id, missing] : x_holds) {
      if (missing != 0)
        fault(holds, HoldCounter::table, id.value, "live holds less counted are " + std::to_string(missing));
    }
    for (const auto& [id, use] : x_quotas) {
      if (use.seen && use.taken == use.used) continue;
      fault(quotas, Quota::table, id.value,
            !use.seen ? "is not there, but a tier draws from it"
                      : "taken is " + std::to_string(use.taken) + ", held and sold are " + std::to_string(use.used));
    }
    for (const auto& [id, missing] : x_tier_counts) {
      if (missing != 0) fault(shows, Show::table, id.value, "its tiers are not as many as it says");
    }
  }

  /// A registration or a show with more is a fault; no more are looked for.
  static constexpr std::int64_t max_numbers = 40;
  static constexpr std::int64_t max_key_number = 255;

  store::Store& x_store;
  AuditProof x_audit;
  VerifyReport x_report;
  Facts x_facts;
  // These grow with shows and with holds that live now, not with sales.
  std::set<std::int64_t> x_epochs;
  std::unordered_map<ShowId, std::int64_t> x_tier_counts;  // said by the show, less those there
  std::unordered_map<TierId, TierFacts> x_tiers;
  std::unordered_map<QuotaId, QuotaUse> x_quotas;
  std::unordered_map<CounterId, std::int64_t> x_holds;  // live holds, less those counted
};

}  // namespace

bool VerifyReport::ok() const {
  return std::ranges::all_of(checks, [](const Check& check) { return check.fault_count == 0; });
}

const Check* VerifyReport::find(std::string_view name) const {
  const auto it = std::ranges::find_if(checks, [&](const Check& check) { return check.name.starts_with(name); });
  return it == checks.end() ? nullptr : &*it;
}

VerifyReport verify(store::Store& store, std::size_t facts_kept, const AuditProof& audit) {
  return Verifier(store, facts_kept, audit).run();
}

bool verify(store::Store& store, std::ostream& out, const AuditProof& audit) {
  constexpr std::size_t facts_kept = std::size_t{512} << 10;
  VerifyReport report = verify(store, facts_kept, audit);
  for (int again = 0; again < 3 && report.changed_meanwhile && !report.ok(); ++again) {
    report = verify(store, facts_kept, audit);
  }
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

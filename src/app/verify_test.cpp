#include "app/verify.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

#include "domain/access.hpp"
#include "domain/api_keys.hpp"
#include "domain/cancellations.hpp"
#include "domain/devices.hpp"
#include "domain/disputes.hpp"
#include "domain/guests.hpp"
#include "domain/members.hpp"
#include "domain/passkeys.hpp"
#include "domain/payments.hpp"
#include "domain/refunds.hpp"
#include "domain/testing/office.hpp"
#include "engine/lane.hpp"
#include "job/audit_sealer.hpp"
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
  domain::MemberId member;
  domain::ApiKeyId key;
  domain::PasskeyId passkey;
  domain::DeviceId limited_gate;
  Tier tier, elsewhere;
  Registration held, paid, free, expiring, expired, cancelled;
  SessionId session;
  Registration given_back, late, differs, cash, disputed;
  Refund refunded, bounced, wanted;
  TicketId returned_ticket;
  TransactionId back_payment, late_payment, disputed_payment;
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
    elsewhere = o.must(CreateTier{
        .meta = o.meta(o.organiser), .show_id = o.new_show(), .name = "elsewhere", .price_minor = 500, .capacity = 9});
    for (const bool ends : {true, false}) {
      session = o.template fresh<SessionId>();
      o.must(StartSession{.meta = o.meta(), .session_id = session, .user_id = o.buyer, .ttl_s = 60});
      if (ends) o.must(EndSession{.meta = o.meta(o.buyer), .session_id = session});
    }
    cancelled = o.reserve(tier.id, 1, o.other_buyer);
    o.must(CancelRegistration{.meta = o.meta(o.other_buyer), .registration_id = cancelled.id});
    o.must(RotateShowKey{.meta = o.meta(o.organiser),
                         .show_id = o.show,
                         .number = 1,
                         .public_key = {"p1"},
                         .wrapped_private_key = {"w1"}});
    o.pay(o.reserve(tier.id, 1));
    expired = o.reserve(tier.id, 1, o.other_buyer);
    const auto unpaid = o.begin(expired);
    o.must(CancelRegistration{.meta = o.meta(o.other_buyer), .registration_id = expired.id});
    o.must(CancelPayment{.meta = o.meta(), .transaction_id = unpaid.id});
    const auto revoked = o.ticket();
    o.must(RevokeTicket{.meta = o.meta(o.organiser), .ticket_id = revoked});
    o.must(RevokeDevice{.meta = o.meta(o.organiser), .device_id = o.other_gate});
    employ();
    o.must(CreateGuest{.meta = o.meta(),
                       .email = "guest@example.org",
                       .session_id = o.template fresh<SessionId>(),
                       .session_ttl_s = 60});
    move_money();
  }

 private:
  /// A member who came, went and came again; two keys, of which one holds; a gate for one tier.
  void employ() {
    const UserId clerk = o.must(CreateUser{.meta = o.meta(),
                                           .email = "usher@example.org",
                                           .name = "clerk",
                                           .locale = "en",
                                           .password_hash = "-",
                                           .email_verified = true})
                             .id;
    o.prove_address(o.organiser);
    for (const bool goes : {true, false}) {
      const auto proof = o.template fresh<ProofId>();
      o.must(InviteMember{.meta = o.meta(o.organiser),
                          .business_id = o.business,
                          .email = "usher@example.org",
                          .role = MemberRole::box_office,
                          .proof_id = proof,
                          .secret_hash = {"s"}});
      member = o.must(JoinBusiness{.meta = o.meta(clerk), .proof_id = proof, .secret_hash = {"s"}}).id;
      if (goes) o.must(RemoveMember{.meta = o.meta(o.organiser), .business_id = o.business, .user_id = clerk});
    }
    const auto challenge = o.template fresh<ProofId>();
    o.prove_address(o.buyer);
    o.must(AskPasskey{.meta = o.meta(o.buyer), .proof_id = challenge, .secret_hash = {"c"}, .proven_at = o.now});
    passkey = o.must(AddPasskey{.meta = o.meta(o.buyer),
                                .proof_id = challenge,
                                .secret_hash = {"c"},
                                .name = "Phone",
                                .credential_id = {"credential"},
                                .algorithm = -8,
                                .public_key = {std::string(32, 'k')}})
                  .id;
    o.must(RenamePasskey{.meta = o.meta(o.buyer), .passkey_id = passkey, .name = "Old phone"});
    o.must(RemovePasskey{.meta = o.meta(o.buyer), .passkey_id = passkey});
    for (const bool ends : {true, false}) {
      key = o.template fresh<ApiKeyId>();
      o.must(CreateApiKey{.meta = o.meta(o.organiser),
                          .business_id = o.business,
                          .key_id = key,
                          .name = "Accounting",
                          .scopes = {Capability::see_sales},
                          .expires_in_days = {},
                          .secret_hash = {std::string(32, 'h')}});
      if (ends) o.must(RevokeApiKey{.meta = o.meta(o.organiser), .business_id = o.business, .key_id = key});
    }
    const Enrolment code{o.template fresh<ProofId>(), {"code"}};
    limited_gate = o.must(CreateDevice{.meta = o.meta(o.organiser),
                                       .device_id = o.template fresh<DeviceId>(),
                                       .show_id = o.show,
                                       .gate = "balcony",
                                       .tier_ids = {tier.id},
                                       .token_hash = {},
                                       .enrolment = code})
                       .id;
    o.must(EnrolDevice{.meta = o.meta(), .enrolment = code, .token_hash = {"t"}});
    o.must(NoteOperatorRead{.meta = o.by_operator(), .subject = limited_gate.value});
  }
  Refund give_back(const Registration& registration, std::optional<std::int64_t> amount,
                   std::vector<std::int64_t> tickets) {
    return o.must(RequestRefund{.meta = o.meta(o.organiser),
                                .registration_id = registration.id,
                                .amount_minor = amount,
                                .ticket_numbers = std::move(tickets)});
  }
  Refund record(const Refund& refund, const char* provider_id, RefundStatus status) {
    return o.must(RecordRefund{.meta = o.meta(), .refund_id = refund.id, .provider_id = provider_id, .status = status});
  }
  void dispute(const Transaction& payment, const std::string& id, const char* status) {
    o.must(ApplyEvent{.meta = o.meta(),
                      .event_id = "evt_" + id + status,
                      .type = "charge.dispute",
                      .object_id = id,
                      .payload = "{}",
                      .news = DisputeNews{.provider_id = id,
                                          .intent_id = "pi_" + payment.id.text(),
                                          .status = status,
                                          .amount_minor = payment.amount_minor,
                                          .currency = "EUR",
                                          .movements = {{"txn_" + id, -payment.amount_minor, 1500, "EUR"}}}});
  }

  void move_money() {
    o.must(SetFees{
        .meta = o.by_operator(), .business_id = o.business, .terms = {.fee_fixed_minor = 50, .fee_percent_bp = 200}});
    const Tier taxed = o.must(CreateTier{.meta = o.meta(o.organiser),
                                         .show_id = o.show,
                                         .name = "taxed",
                                         .price_minor = 2380,
                                         .tax_rate_bp = 1900,
                                         .capacity = 50});
    given_back = o.reserve(taxed.id, 3, o.other_buyer);
    returned_ticket = o.pay(given_back)[0];
    refunded = record(give_back(given_back, std::nullopt, {1}), "re_1", RefundStatus::succeeded);
    back_payment = refunded.transaction_id;
    record(give_back(given_back, 100, {}), "re_2", RefundStatus::pending);
    bounced = record(give_back(given_back, 200, {}), "re_3", RefundStatus::failed);
    record(give_back(given_back, 300, {}), "", RefundStatus::failed);
    wanted = give_back(given_back, 400, {});

    const Tier last = o.tier(1000, 1);
    late = o.reserve(last.id, 1, o.other_buyer);
    const auto too_late = o.begin(late);
    late_payment = too_late.id;
    o.must(CancelRegistration{.meta = o.meta(o.other_buyer), .registration_id = late.id});
    o.must(CancelPayment{.meta = o.meta(), .transaction_id = too_late.id});
    o.reserve(last.id, 1);
    o.must(o.news(too_late, IntentStatus::succeeded));

    differs = o.reserve(tier.id, 1, o.other_buyer);
    auto less = o.news(o.begin(differs), IntentStatus::succeeded);
    --std::get<IntentNews>(less.news).received_minor;
    o.must(less);

    cash = o.reserve(taxed.id, 1, o.other_buyer);
    o.must(PayCash{.meta = o.meta(o.organiser), .registration_id = cash.id});
    give_back(cash, std::nullopt, {});
    give_back(o.reserve(o.tier(0, 5).id, 2), std::nullopt, {1});

    disputed = o.reserve(taxed.id, 1, o.other_buyer);
    const auto contested = o.begin(disputed);
    disputed_payment = contested.id;
    o.must(o.news(contested, IntentStatus::succeeded));
    dispute(contested, "dp_open", "needs_response");
    const auto lost = o.begin(o.reserve(taxed.id, 1, o.other_buyer));
    o.must(o.news(lost, IntentStatus::succeeded));
    dispute(lost, "dp_lost", "needs_response");
    dispute(lost, "dp_lost", "lost");
    o.must(RecordDisputeReversal{.meta = o.meta(), .dispute_id = dispute_id("dp_lost"), .amount_minor = 2000});

    const ShowId over = o.new_show();
    const Tier off = o.must(
        CreateTier{.meta = o.meta(o.organiser), .show_id = over, .name = "off", .price_minor = 700, .capacity = 9});
    auto order = o.order(off.id, 2, o.other_buyer);
    order.show_id = over;
    const auto called_off = o.must(order);
    o.pay(called_off);
    o.must(CancelShow{.meta = o.meta(o.organiser), .show_id = over});
    o.must(CancelForShow{.meta = o.meta(), .registration_id = called_off.id});
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
    world.put(changed);
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
      {"an event that is listed where it does not belong", "events",
       [](S& s, const Sold&) {
         change<InboxEvent>(s, some<InboxEvent>(s).id, [](InboxEvent& e) { e.desk = inbox_desk(InboxStatus::failed); });
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
      {"a sign-in of nobody", "accounts",
       [](S& s, const Sold& w) {
         change<Session>(s, w.session, [](Session& row) { row.user_id.value.low ^= 1; });
       }},
      {"a business of nobody", "accounts",
       [](S& s, const Sold& w) {
         change<Business>(s, w.o.business, [](Business& b) { b.owner_id.value.low ^= 1; });
       }},
      {"a member that the business does not count", "access",
       [](S& s, const Sold& w) {
         change<Business>(s, w.o.business, [](Business& b) { b.member_count += 1; });
       }},
      {"a key that the business does not count", "access",
       [](S& s, const Sold& w) {
         change<ApiKey>(s, w.key, [](ApiKey& k) { k.revoked_at = k.created_at; });
       }},
      {"a member who is a second owner", "access",
       [](S& s, const Sold& w) {
         change<Member>(s, w.member, [](Member& m) { m.role = MemberRole::owner; });
       }},
      {"a member under another's name", "access",
       [](S& s, const Sold& w) {
         change<Member>(s, w.member, [&](Member& m) { m.user_id = w.o.buyer; });
       }},
      {"a passkey of nobody", "accounts",
       [](S& s, const Sold& w) {
         change<Passkey>(s, w.passkey, [](Passkey& p) { p.user_id = UserId{{1, 1}}; });
       }},
      {"a passkey under another id", "accounts",
       [](S& s, const Sold& w) {
         change<Passkey>(s, w.passkey, [](Passkey& p) { p.credential_id.data += "x"; });
       }},
      {"a passkey without a key", "accounts",
       [](S& s, const Sold& w) {
         change<Passkey>(s, w.passkey, [](Passkey& p) { p.public_key.data.clear(); });
       }},
      {"a key that makes keys", "access",
       [](S& s, const Sold& w) {
         change<ApiKey>(s, w.key, [](ApiKey& k) { k.scopes = {Capability::manage_keys}; });
       }},
      {"a key without a secret", "access",
       [](S& s, const Sold& w) {
         change<ApiKey>(s, w.key, [](ApiKey& k) { k.secret_hash.data.clear(); });
       }},
      {"a gate that lets in a tier of another show", "shows",
       [](S& s, const Sold& w) {
         change<Device>(s, w.limited_gate, [&](Device& d) { d.tier_ids = {w.elsewhere.id}; });
       }},
      {"an account that was erased and has a name", "accounts",
       [](S& s, const Sold& w) {
         change<User>(s, w.o.buyer, [](User& u) { u.erased_at = u.created_at; });
       }},
      {"a second factor without a secret", "accounts",
       [](S& s, const Sold& w) {
         change<User>(s, w.o.buyer, [](User& u) { u.totp_confirmed = true; });
       }},
      {"an account found among the guests", "accounts",
       [](S& s, const Sold& w) {
         change<User>(s, w.o.buyer, [](User& u) { u.guest_key = guest_key(u.email); });
       }},
      {"a show of no business", "shows",
       [](S& s, const Sold& w) {
         change<Show>(s, w.o.show, [](Show& row) { row.business_id.value.low ^= 1; });
       }},
      {"a tier that its show does not count", "shows",
       [](S& s, const Sold& w) {
         change<Show>(s, w.o.show, [](Show& row) { row.tier_count += 1; });
       }},
      {"a tier of another show", "shows",
       [](S& s, const Sold& w) {
         change<Tier>(s, w.elsewhere.id, [&](Tier& t) { t.show_id = w.o.show; });
       }},
      {"a gate of another business", "shows",
       [](S& s, const Sold& w) {
         change<Device>(s, w.o.gate, [](Device& d) { d.business_id.value.low ^= 1; });
       }},
      {"a gate of no show", "shows",
       [](S& s, const Sold& w) {
         change<Device>(s, w.o.gate, [](Device& d) { d.show_id.value.low ^= 1; });
       }},
      {"a quota of no show", "shows",
       [](S& s, const Sold& w) {
         change<Quota>(s, w.tier.quota_ids[0], [](Quota& q) { q.show_id.value.low ^= 1; });
       }},
      {"a tier that draws from another show's quota", "quotas",
       [](S& s, const Sold& w) {
         change<Tier>(s, w.tier.id, [&](Tier& t) { t.quota_ids.push_back(w.elsewhere.quota_ids[0]); });
       }},
      {"a tier that draws from nothing", "quotas",
       [](S& s, const Sold& w) {
         change<Tier>(s, w.elsewhere.id, [](Tier& t) { t.quota_ids.clear(); });
       }},
      {"a tier whose quota is gone", "quotas",
       [](S& s, const Sold& w) {
         change<Tier>(s, w.elsewhere.id, [](Tier& t) { t.quota_ids[0].value.low ^= 1; });
       }},
      {"a hold counted elsewhere", "holds",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.held.id, [](Registration& r) { r.user_counter.value.low ^= 1; });
       }},
      {"holds of no show", "holds",
       [](S& s, const Sold& w) {
         change<HoldCounter>(s, w.held.user_counter, [](HoldCounter& c) { c.show_id.value.low ^= 1; });
       }},
      {"a registration for another show's tier", "registrations",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.held.id, [&](Registration& r) { r.lines[0].tier_id = w.elsewhere.id; });
       }},
      {"a registration in another currency", "registrations",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.held.id, [](Registration& r) { r.currency = "USD"; });
       }},
      {"a confirmation at no time", "registrations",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.paid.id, [](Registration& r) { r.confirmed_at.reset(); });
       }},
      {"a ticket of another number", "tickets",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.unused, [](Ticket& t) { t.number = 17; });
       }},
      {"a ticket of another show's tier", "tickets",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.unused, [&](Ticket& t) {
           t.tier_id = w.elsewhere.id;
           t.tier_number = w.elsewhere.number;
         });
       }},
      {"a ticket signed with no key of the show", "keys",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.unused, [](Ticket& t) { t.key_number = 9; });
       }},
      {"a ticket sealed in no epoch", "keys",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.unused, [](Ticket& t) { t.epoch = 3; });
       }},
      {"an epoch under another number", "keys",
       [](S& s, const Sold&) {
         change<SealingEpoch>(s, sealing_epoch_id(0), [](SealingEpoch& e) { e.number = 1; });
       }},
      {"a show whose next key is not there", "keys",
       [](S& s, const Sold& w) {
         change<Show>(s, w.o.show, [](Show& row) { row.key_number = 2; });
       }},
      {"a key that its show does not know", "keys",
       [](S& s, const Sold& w) {
         change<Show>(s, w.o.show, [](Show& row) { row.key_number = 0; });
       }},
      {"a key under another number", "keys",
       [](S& s, const Sold& w) {
         change<ShowKey>(s, show_key_id(w.o.show, 1), [](ShowKey& k) { k.number = 5; });
       }},
      {"half a key", "keys",
       [](S& s, const Sold& w) {
         change<ShowKey>(s, show_key_id(w.o.show, 1), [](ShowKey& k) { k.wrapped_private_key = {}; });
       }},
      {"an annulment that annuls no entry", "check-ins",
       [](S& s, const Sold&) {
         const auto refused = some<CheckIn>(s, [](const CheckIn& c) { return c.reason == DoorReason::already_used; });
         change<CheckIn>(s, refused.id, [](CheckIn& c) { c.annulled_at = c.at; });
       }},
      {"an entry with a ticket that is not there", "check-ins",
       [](S& s, const Sold&) {
         const auto scan = some<CheckIn>(s, [](const CheckIn& c) { return c.reason == DoorReason::admitted; });
         change<CheckIn>(s, scan.id, [](CheckIn& c) { c.ticket_id.value.low ^= 1; });
       }},
      {"a payment that its registration never began", "payments",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.paid.id, [](Registration& r) { r.attempts = 0; });
       }},
      {"payments with a gap in their numbers", "payments",
       [](S& s, const Sold& w) {
         const auto paid = store::get<Registration>(s, w.paid.id)->transaction_id;
         change<Transaction>(s, paid, [](Transaction& t) { t.attempt = 2; });
       }},
      {"a registration with another's payment", "payments",
       [](S& s, const Sold& w) {
         const auto other = store::get<Registration>(s, w.expiring.id)->transaction_id;
         change<Registration>(s, w.held.id, [&](Registration& r) { r.transaction_id = other; });
       }},
      {"a registration that waits for no payment", "payments",
       [](S& s, const Sold& w) {
         change<Registration>(s, w.expiring.id, [](Registration& r) { r.transaction_id = {}; });
       }},
      {"a payment of another payer", "payments",
       [](S& s, const Sold& w) {
         const auto paid = store::get<Registration>(s, w.paid.id)->transaction_id;
         change<Transaction>(s, paid, [&](Transaction& t) { t.payer_id = w.o.other_buyer; });
       }},
      {"a payment of no registration", "payments",
       [](S& s, const Sold& w) {
         const auto paid = store::get<Registration>(s, w.paid.id)->transaction_id;
         change<Transaction>(s, paid, [](Transaction& t) { t.registration_id.value.low ^= 1; });
       }},
      {"a business that can charge on no account", "payments",
       [](S& s, const Sold& w) {
         change<Business>(s, w.o.business, [](Business& b) { b.stripe_account.clear(); });
       }},
      {"a payment of another amount", "money",
       [](S& s, const Sold& w) {
         const auto open = store::get<Registration>(s, w.expiring.id)->transaction_id;
         change<Transaction>(s, open, [](Transaction& t) { t.amount_minor += 1; });
       }},
      {"a claim of another kind", "claims",
       [](S& s, const Sold&) {
         change<Claim>(s, email_claim("buyer@example.org"), [](Claim& c) { c.kind = "intent"; });
       }},
      {"an address that stands for nothing", "claims",
       [](S& s, const Sold&) {
         tamper<Claim>(s, Claim{.id = email_claim("nobody@example.org"), .kind = "email", .target = {5, 5}},
                       [](Claim&) {});
       }},
      {"a job for nothing", "jobs",
       [](S& s, const Sold&) {
         tamper<Job>(s, Job{.id = JobId{{7, 7}}, .subject = {5, 5}, .due_at = Instant{}}, [](Job&) {});
       }},
      {"a job that never comes due", "jobs",
       [](S& s, const Sold&) {
         change<Job>(s, some<Job>(s).id, [](Job& j) { j.due_at.reset(); });
       }},
      {"a job tried for ever", "jobs",
       [](S& s, const Sold&) {
         change<Job>(s, some<Job>(s).id, [](Job& j) { j.attempts = 1'000; });
       }},
      {"a ticket that lets in on money given back", "refunds",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.returned_ticket, [](Ticket& t) { t.status = TicketStatus::valid; });
       }},
      {"a refund of another amount", "refunds",
       [](S& s, const Sold& w) { change<Refund>(s, w.refunded.id, [](Refund& r) { r.amount_minor += 1; }); }},
      {"a refund of more than was paid", "refunds",
       [](S& s, const Sold& w) {
         change<Refund>(s, w.wanted.id, [](Refund& r) {
           r.amount_minor += 100'000;
           r.status = RefundStatus::pending;
         });
         change<Transaction>(s, w.back_payment, [](Transaction& t) { t.refund_minor += 100'000; });
       }},
      {"a refund under another number", "refunds",
       [](S& s, const Sold& w) { change<Refund>(s, w.wanted.id, [](Refund& r) { r.number = 17; }); }},
      {"a refund of another registration", "refunds",
       [](S& s, const Sold& w) {
         change<Refund>(s, w.wanted.id, [&](Refund& r) { r.registration_id = w.paid.id; });
       }},
      {"a refund in another currency", "refunds",
       [](S& s, const Sold& w) { change<Refund>(s, w.wanted.id, [](Refund& r) { r.currency = "USD"; }); }},
      {"a refund that succeeded at no time", "refunds",
       [](S& s, const Sold& w) { change<Refund>(s, w.refunded.id, [](Refund& r) { r.processed_at.reset(); }); }},
      {"places sold again before their money is back", "refunds",
       [](S& s, const Sold& w) { change<Refund>(s, w.wanted.id, [](Refund& r) { r.places_freed = true; }); }},
      {"a refund of tickets that are not there", "refunds",
       [](S& s, const Sold& w) { change<Refund>(s, w.wanted.id, [](Refund& r) { r.ticket_numbers = {9}; }); }},
      {"a ticket given back twice", "refunds",
       [](S& s, const Sold& w) { change<Refund>(s, w.wanted.id, [](Refund& r) { r.ticket_numbers = {1}; }); }},
      {"refunds that the payment does not count", "refunds",
       [](S& s, const Sold& w) { change<Transaction>(s, w.back_payment, [](Transaction& t) { ++t.refund_count; }); }},
      {"a payment that says more goes back", "refunds",
       [](S& s, const Sold& w) { change<Transaction>(s, w.back_payment, [](Transaction& t) { ++t.refund_minor; }); }},
      {"a payment that says more went back", "refunds",
       [](S& s, const Sold& w) { change<Transaction>(s, w.back_payment, [](Transaction& t) { ++t.refunded_minor; }); }},
      {"more of our fee given back than there was", "refunds",
       [](S& s, const Sold& w) {
         change<Transaction>(s, w.back_payment, [](Transaction& t) { t.fee_back_minor = t.application_fee_minor + 1; });
       }},
      {"late money that does not go back in full", "refunds",
       [](S& s, const Sold& w) {
         change<Refund>(s, refund_id(w.late_payment, 1), [](Refund& r) { r.amount_minor -= 1; });
         change<Transaction>(s, w.late_payment, [](Transaction& t) { t.refund_minor -= 1; });
       }},
      {"another amount that nobody looks at", "refunds",
       [](S& s, const Sold& w) {
         const auto payment = store::get<Registration>(s, w.differs.id)->transaction_id;
         change<Transaction>(s, payment, [](Transaction& t) { t.review_until.reset(); });
       }},
      {"freed places not counted back", "quotas",
       [](S& s, const Sold& w) { change<Refund>(s, w.refunded.id, [](Refund& r) { r.places_freed = false; }); }},
      {"a refund never asked for at the provider", "jobs",
       [](S& s, const Sold& w) {
         const auto job = some<Job>(s, [&](const Job& j) { return j.subject == w.wanted.id.value; });
         change<Job>(s, job.id, [](Job& j) { j.kind = JobKind::mail; });
       }},
      {"a refund whose provider's id is not claimed", "claims",
       [](S& s, const Sold& w) { change<Refund>(s, w.refunded.id, [](Refund& r) { r.provider_id = "re_other"; }); }},
      {"a charge of another amount", "ledger",
       [](S& s, const Sold& w) {
         const auto entry = some<LedgerEntry>(s, [&](const LedgerEntry& e) {
           return e.transaction_id == w.back_payment && e.kind == LedgerKind::charge;
         });
         change<LedgerEntry>(s, entry.id, [](LedgerEntry& e) { ++e.amount_minor; });
       }},
      {"money back that was never moved", "ledger",
       [](S& s, const Sold& w) {
         change<Refund>(s, w.wanted.id, [](Refund& r) {
           r.status = RefundStatus::succeeded;
           r.processed_at = r.created_at;
         });
       }},
      {"money that came back and was kept", "ledger",
       [](S& s, const Sold& w) {
         change<Refund>(s, w.bounced.id, [](Refund& r) { r.status = RefundStatus::pending; });
       }},
      {"a fee that did not come back", "ledger",
       [](S& s, const Sold& w) { change<Refund>(s, w.refunded.id, [](Refund& r) { ++r.fee_back_minor; }); }},
      {"a transfer that did not come back", "ledger",
       [](S& s, const Sold& w) { change<Refund>(s, w.refunded.id, [](Refund& r) { r.reverse_transfer = false; }); }},
      {"money that was not booked", "ledger",
       [](S& s, const Sold& w) { change<Transaction>(s, w.back_payment, [](Transaction& t) { t.booked = false; }); }},
      {"a movement to the wrong side", "ledger",
       [](S& s, const Sold&) {
         change<LedgerEntry>(s, some<LedgerEntry>(s).id, [](LedgerEntry& e) { std::swap(e.debit, e.credit); });
       }},
      {"a movement of nothing", "ledger",
       [](S& s, const Sold&) {
         change<LedgerEntry>(s, some<LedgerEntry>(s).id, [](LedgerEntry& e) { e.amount_minor = 0; });
       }},
      {"a movement in another currency", "ledger",
       [](S& s, const Sold&) {
         const auto entry = some<LedgerEntry>(s, [](const LedgerEntry& e) { return e.kind == LedgerKind::charge; });
         change<LedgerEntry>(s, entry.id, [](LedgerEntry& e) { e.currency = "USD"; });
       }},
      {"a movement for another business", "ledger",
       [](S& s, const Sold&) {
         change<LedgerEntry>(s, some<LedgerEntry>(s).id, [](LedgerEntry& e) { e.business_id.value.low ^= 1; });
       }},
      {"a movement for no refund", "ledger",
       [](S& s, const Sold&) {
         const auto entry = some<LedgerEntry>(s, [](const LedgerEntry& e) { return e.kind == LedgerKind::refund; });
         change<LedgerEntry>(s, entry.id, [](LedgerEntry& e) { e.source.low ^= 1; });
       }},
      {"a ticket frozen for nothing", "disputes",
       [](S& s, const Sold& w) {
         change<Ticket>(s, w.unused, [](Ticket& t) { t.status = TicketStatus::frozen; });
       }},
      {"a dispute that its payment does not count", "disputes",
       [](S& s, const Sold& w) {
         change<Transaction>(s, w.disputed_payment, [](Transaction& t) { t.open_disputes = 0; });
       }},
      {"a dispute of another payment", "disputes",
       [](S& s, const Sold& w) {
         change<Dispute>(s, dispute_id("dp_open"), [&](Dispute& d) { d.transaction_id = w.back_payment; });
       }},
      {"a dispute closed without an outcome", "disputes",
       [](S& s, const Sold&) {
         change<Dispute>(s, dispute_id("dp_open"), [](Dispute& d) { d.closed_at = d.opened_at; });
       }},
      {"a show cancelled that is on", "shows",
       [](S& s, const Sold&) {
         change<Show>(s, some<Cancellation>(s).show_id, [](Show& row) { row.status = ShowStatus::published; });
       }},
      {"an alert on the wrong desk", "payments",
       [](S& s, const Sold&) {
         change<Alert>(s, some<Alert>(s).id, [](Alert& a) { a.desk = alert_desk(a.resolved_at.has_value()); });
       }},
  };
  return all;
}

/// What is audited: the moment is that of a row's own column, once is once for each row.
struct Audited {
  const char* action;
  bool has_moment = true;
  bool is_once = true;
};
constexpr std::array audited = {Audited{"user.created"},
                                Audited{"session.started"},
                                Audited{"session.ended"},
                                Audited{"business.created"},
                                Audited{"business.account_linked", false, false},
                                Audited{"show.created"},
                                Audited{"show.published", false},
                                Audited{"show_key.rotated"},
                                Audited{"sealing_epoch.added"},
                                Audited{"tier.created", false},
                                Audited{"quota.created", false},
                                Audited{"device.created"},
                                Audited{"device.revoked"},
                                Audited{"registration.held"},
                                Audited{"registration.confirmed"},
                                Audited{"registration.expiring", false},
                                Audited{"registration.expired", false},
                                Audited{"registration.cancelled", false},
                                Audited{"payment.begun"},
                                Audited{"ticket.admitted"},
                                Audited{"ticket.exited"},
                                Audited{"ticket.revoked", false},
                                Audited{"guest.created"},
                                Audited{"payment.cash"},
                                Audited{"refund.requested"},
                                Audited{"dispute.opened", false, false},
                                Audited{"check_in.annulled"}};

void expect_found(store::Store& store, const std::string& what, const char* invariant,
                  std::size_t facts_kept = 10'000) {
  CAPTURE(what);
  const auto report = app::verify(store, facts_kept);
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
  {
    engine::Lane lane(store, {.name = "sealing"});
    std::thread thread([&] { lane.run(); });
    job::AuditSealer sealer(
        lane, store, [&] { return sold.o.now + std::chrono::hours{1}; }, [] { return Seed{1, 2}; }, {});
    CHECK(sealer.seal_round() > 0);
    lane.stop();
    thread.join();
  }
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
  CHECK(app::verify(whole).ok());
}

TEST_CASE("verify: an entry of the audit that is gone, made up or altered is found") {
  store::memory::MemoryStore whole;
  const Sold sold(whole);
  // Where a registration went on after it, an entry proves less: these stood still.
  const std::map<std::string, RegistrationId> still = {{"registration.expiring", sold.expiring.id},
                                                       {"registration.expired", sold.expired.id},
                                                       {"registration.cancelled", sold.cancelled.id}};
  const auto entry_of = [&](const Audited& of) {
    const auto subject = still.find(of.action);
    return some<AuditEntry>(whole, [&](const AuditEntry& e) {
      return e.action == of.action && (subject == still.end() || e.subject == subject->second.value);
    });
  };
  const auto alter = [&](const Audited& of, const char* how, const std::function<void(AuditEntry&)>& altered) {
    const auto copy = whole.copy();
    change<AuditEntry>(*copy, entry_of(of).id, altered);
    expect_found(*copy, std::string(of.action) + how, "audit");
  };
  for (const auto& of : audited) {
    const std::string action = of.action;
    alter(of, " gone", [&](AuditEntry& e) { e.action = action.substr(0, action.find('.')) + ".looked_at"; });
    alter(of, " of something else", [](AuditEntry& e) { e.subject.low ^= 1; });
    alter(of, " for another show", [](AuditEntry& e) { e.show_id.value.low ^= 1; });
    alter(of, " by nobody", [](AuditEntry& e) { e.actor.clear(); });
    alter(of, " of a kind that is not known", [](AuditEntry& e) { e.action = "weather.changed"; });
    if (of.has_moment) alter(of, " at another time", [](AuditEntry& e) { e.at += std::chrono::milliseconds{1}; });
    if (!of.is_once) continue;
    const auto copy = whole.copy();
    auto entry = entry_of(of);
    entry.id.value.low ^= 1;
    tamper<AuditEntry>(*copy, entry, [](AuditEntry&) {});
    expect_found(*copy, action + " twice", "audit");
  }
  const auto made_up = [&](const char* action, Uuid subject, ShowId show) {
    const auto copy = whole.copy();
    tamper<AuditEntry>(*copy,
                       AuditEntry{.id = AuditId{{8, 8}},
                                  .at = sold.o.now,
                                  .actor = "x",
                                  .action = action,
                                  .subject = subject,
                                  .show_id = show},
                       [](AuditEntry&) {});
    expect_found(*copy, std::string(action) + " made up", "audit");
  };
  made_up("registration.confirmed", sold.held.id.value, sold.o.show);
  made_up("registration.expired", sold.held.id.value, sold.o.show);
  made_up("registration.cancelled", sold.paid.id.value, sold.o.show);
  made_up("registration.held", sold.free.id.value, sold.o.show);
  made_up("ticket.revoked", sold.unused.value, sold.o.show);
  made_up("ticket.admitted", sold.unused.value, sold.o.show);
  made_up("device.revoked", sold.o.gate.value, sold.o.show);
  made_up("session.ended", sold.session.value, {});
  made_up("check_in.annulled", some<CheckIn>(whole, [](const CheckIn& c) { return !c.annulled_at; }).id.value,
          sold.o.show);
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
    expect_found(copy, breach.what, breach.invariant, 10);
  }
  std::filesystem::remove_all(whole);
  std::filesystem::remove_all(broken);
}

TEST_CASE("verify: of many faults it keeps a few and counts all, and prints them") {
  store::memory::MemoryStore store;
  Sold sold(store);
  for (int i = 0; i < 25; ++i) {
    const auto registration = sold.o.reserve(sold.o.tier(0, 5).id, 1, i % 2 == 0 ? sold.o.buyer : sold.o.other_buyer);
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

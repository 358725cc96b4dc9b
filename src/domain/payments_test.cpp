#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "domain/ledger.hpp"
#include "domain/sale.hpp"
#include "domain/testing/office.hpp"

using namespace admit::domain;
using admit::domain::testing::code;
using admit::domain::testing::Rows;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

struct Till {
  Rows rows;
  testing::Office<Rows> o{rows};

  const Registration& order(RegistrationId id) const { return rows.get<Registration>(id); }
  const Transaction& payment(TransactionId id) const { return rows.get<Transaction>(id); }
  std::int64_t taken(const Tier& tier) const { return rows.get<Quota>(tier.quota_ids[0]).taken; }
  const Refund& refund(TransactionId id, std::int64_t number) const { return rows.get<Refund>(refund_id(id, number)); }

  template <class Row>
  std::vector<Row> all() const {
    std::vector<Row> out;
    for (const auto& put : rows.world.changes().template of<Row>()) out.push_back(*put.row);
    return out;
  }
  std::int64_t jobs(JobKind kind, std::string_view detail = {}) const {
    return std::ranges::count_if(all<Job>(), [&](const Job& job) {
      return job.kind == kind && job.status == JobStatus::due && (detail.empty() || job.detail == detail);
    });
  }
  /// What an account of the ledger holds.
  std::int64_t balance(LedgerAccount account) const {
    std::int64_t sum = 0;
    for (const auto& entry : all<LedgerEntry>()) {
      if (entry.debit == account) sum += entry.amount_minor;
      if (entry.credit == account) sum -= entry.amount_minor;
    }
    return sum;
  }
  bool has_alert(AlertKind kind) const {
    return std::ranges::any_of(all<Alert>(), [&](const Alert& a) { return a.kind == kind && !a.resolved_at; });
  }
  std::int64_t tickets(const Registration& registration, TicketStatus status) const {
    if (!registration.confirmed_at) return 0;
    std::int64_t n = 0;
    for (const TicketId id : testing::Office<Rows>::tickets(registration, *registration.confirmed_at)) {
      n += rows.get<Ticket>(id).status == status ? 1 : 0;
    }
    return n;
  }
  void expire(const Registration& registration) {
    o.must(ExpireHeld{.meta = o.meta(), .registration_id = registration.id});
  }
};

}  // namespace

TEST_CASE("payment: takes the share, the tax and the model of its business with it") {
  Till w;
  auto& o = w.o;
  o.must(SetFees{.meta = o.by_operator(),
                 .business_id = o.business,
                 .terms = {.fee_fixed_minor = 30, .fee_percent_bp = 250, .on_behalf_of = true}});
  const Tier tier = o.must(CreateTier{.meta = o.meta(o.organiser),
                                      .show_id = o.show,
                                      .name = "t",
                                      .price_minor = 1190,
                                      .tax_rate_bp = 1900,
                                      .fee_minor = 100,
                                      .capacity = 5});
  const auto registration = o.reserve(tier.id, 2);
  const auto payment = o.must(BeginPayment{
      .meta = o.meta(o.buyer), .registration_id = registration.id, .payments_ready = true, .livemode = false});
  CHECK(payment.amount_minor == 2580);
  CHECK(payment.application_fee_minor == 95);  // 30 + 64.5, half up
  CHECK(payment.tax_minor == 412);
  CHECK(payment.on_behalf_of);
  o.must(o.news(payment, IntentStatus::succeeded));
  CHECK(w.balance(LedgerAccount::buyer) == -2580);
  CHECK(w.balance(LedgerAccount::platform) == 0);
  CHECK(w.balance(LedgerAccount::platform_fee) == 95);
  CHECK(w.balance(LedgerAccount::tax) == 412);
  CHECK(w.balance(LedgerAccount::business) == 2580 - 95 - 412);
}

TEST_CASE("application fee: half up, and never more than the payment") {
  Business business{.fee_fixed_minor = 100, .fee_percent_bp = 1000};
  CHECK(application_fee_minor(business, 1005, "EUR") == 201);
  CHECK(application_fee_minor(business, 1004, "EUR") == 200);
  CHECK(application_fee_minor(business, 50, "EUR") == 50);
  CHECK(application_fee_minor({}, 5000, "EUR") == 0);
}

TEST_CASE("application fee: such as the provider can move in its currency") {
  const Business business{.fee_fixed_minor = 3, .fee_percent_bp = 333};
  CHECK(application_fee_minor(business, 10'000, "EUR") == 336);
  CHECK(application_fee_minor(business, 10'000, "KWD") == 340);
  CHECK(application_fee_minor(business, 10'000, "ISK") == 300);
  CHECK(application_fee_minor(business, 1'000, "UGX") == 0);
  CHECK(application_fee_minor({.fee_percent_bp = 10'000}, 1'230, "KWD") == 1'230);
}

TEST_CASE("gate: says what is missing before anything that costs money can be sold or paid") {
  Till w;
  auto& o = w.o;
  const Tier tier = o.tier(1000, 5);
  const auto registration = o.reserve(tier.id, 1);
  struct Row {
    const char* missing;
    AccountNews account;
    std::string says;
  };
  auto closed = o.account();
  closed.charges_enabled = false;
  closed.requirement = "a document";
  auto no_transfers = o.account();
  no_transfers.transfers_active = false;
  auto gone = o.account();
  gone.deauthorized = true;
  const Row rows[] = {
      {"charging", closed, "The organiser's payment account cannot charge yet: a document"},
      {"transfers", no_transfers, "The organiser's payment account cannot receive transfers yet."},
      {"the connection", gone, "The organiser's payment account was disconnected from this ticket office."}};
  for (const auto& row : rows) {
    CAPTURE(std::string(row.missing));
    o.must(RecordAccount{.meta = o.meta(), .business_id = o.business, .account = row.account});
    const auto refused = o.call(o.order(tier.id, 1));
    CHECK(code(refused) == Refusal::payments_unavailable);
    CHECK(refused.error().detail == row.says);
    const auto payment =
        o.call(BeginPayment{.meta = o.meta(o.buyer), .registration_id = registration.id, .payments_ready = true});
    CHECK(code(payment) == Refusal::payments_unavailable);
    CHECK(payment.error().detail == row.says);
    o.must(o.order(o.tier(0, 5).id, 1));  // what costs nothing needs no account
    o.must(RecordAccount{.meta = o.meta(), .business_id = o.business, .account = o.account()});
    o.must(o.order(tier.id, 1));
  }
  CHECK(*sales_gate(Business{}) == "The organiser has no payment account yet.");
  Business direct{.stripe_account = "acct_1", .charges_enabled = true, .charge_model = ChargeModel::direct};
  CHECK_FALSE(sales_gate(direct));
}

TEST_CASE("account: what closes it holds at once, what opens it is asked for") {
  Till w;
  auto& o = w.o;
  const Tier tier = o.tier(1000, 5);
  auto closed = o.account();
  closed.charges_enabled = false;
  o.must(o.event(closed));
  CHECK(code(o.call(o.order(tier.id, 1))) == Refusal::payments_unavailable);
  CHECK(w.has_alert(AlertKind::account_closed));
  o.must(o.event(o.account()));
  CHECK(code(o.call(o.order(tier.id, 1))) == Refusal::payments_unavailable);
  CHECK(w.jobs(JobKind::refresh_account) == 2);
  CHECK(w.has_alert(AlertKind::account_closed));
  o.must(RecordAccount{.meta = o.meta(), .business_id = o.business, .account = o.account()});
  CHECK_FALSE(w.has_alert(AlertKind::account_closed));
  o.must(o.order(tier.id, 1));
  CHECK(code(o.call(RecordAccount{.meta = o.meta(), .business_id = o.business, .account = o.account("acct_x")})) ==
        Refusal::conflict);
}

TEST_CASE("account: linked by its owner only where it is proven, never the platform's own") {
  Till w;
  auto& o = w.o;
  const BusinessId mine = o.must(CreateBusiness{.meta = o.meta(o.buyer), .name = "Mine"}).id;
  LinkAccount link{.meta = o.meta(o.buyer), .business_id = mine, .account = o.account("acct_mine")};
  CHECK(code(o.call(link)) == Refusal::forbidden);
  link.proven = true;
  link.platform_account = "acct_mine";
  CHECK(code(o.call(link)) == Refusal::account_taken);
  link.platform_account = "acct_platform";
  CHECK(o.must(link).stripe_account == "acct_mine");
  link.account = o.account("acct_new");
  CHECK(code(o.call(link)) == Refusal::account_taken);
  auto gone = o.account("acct_mine");
  gone.deauthorized = true;
  o.must(o.event(gone));
  CHECK(o.must(link).stripe_account == "acct_new");  // the old one has left
}

TEST_CASE("payment: every order of what a provider says of it ends the same") {
  // Each event of one life, and the end that all orders must come to.
  struct Life {
    const char* name;
    std::vector<std::pair<IntentStatus, bool>> events;
    TransactionStatus payment;
    RegistrationStatus order;
  };
  using I = IntentStatus;
  const Life lives[] = {
      {"asked, declined, processed, paid",
       {{I::requires_action, false}, {I::requires_payment_method, true}, {I::processing, false}, {I::succeeded, false}},
       TransactionStatus::succeeded,
       RegistrationStatus::confirmed},
      {"paid twice over",
       {{I::succeeded, false}, {I::succeeded, false}, {I::requires_payment_method, true}},
       TransactionStatus::succeeded,
       RegistrationStatus::confirmed},
      {"withdrawn after a question",
       {{I::requires_action, false}, {I::requires_payment_method, true}, {I::canceled, false}},
       TransactionStatus::cancelled,
       RegistrationStatus::held},
  };
  for (const auto& life : lives) {
    CAPTURE(std::string(life.name));
    std::vector<std::size_t> order(life.events.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    do {
      Till w;
      const Tier tier = w.o.tier(1000, 5);
      const auto registration = w.o.reserve(tier.id, 1);
      const auto payment = w.o.begin(registration);
      for (const auto i : order) w.o.must(w.o.news(payment, life.events[i].first, life.events[i].second));
      CHECK(w.payment(payment.id).status == life.payment);
      CHECK(w.order(registration.id).status == life.order);
      CHECK(w.taken(tier) == 1);
      const bool paid = life.payment == TransactionStatus::succeeded;
      CHECK(w.tickets(w.order(registration.id), TicketStatus::valid) == (paid ? 1 : 0));
      CHECK(w.balance(LedgerAccount::buyer) == (paid ? -1000 : 0));
      CHECK(w.jobs(JobKind::render_tickets) == (paid ? 1 : 0));
      CHECK(w.order(registration.id).due_at.has_value() == !paid);
    } while (std::ranges::next_permutation(order).found);
  }
}

TEST_CASE("payment: success, refund and dispute end the same in every order") {
  std::vector<int> order{0, 1, 2, 3};
  std::map<std::vector<int>, std::string> ends;
  do {
    Till w;
    auto& o = w.o;
    const Tier tier = o.tier(1000, 5);
    const auto registration = o.reserve(tier.id, 1);
    const auto payment = o.begin(registration);
    o.must(RecordIntent{
        .meta = o.meta(), .transaction_id = payment.id, .intent_id = testing::Office<Rows>::intent_of(payment)});
    const auto intent = testing::Office<Rows>::intent_of(payment);
    const auto refund = [&](RefundStatus status) {
      return o.event(RefundNews{
          .provider_id = "re_1", .intent_id = intent, .status = status, .amount_minor = 1000, .currency = "EUR"});
    };
    for (const int i : order) {
      if (i == 0) o.must(o.news(payment, IntentStatus::succeeded));
      if (i == 1) o.must(refund(RefundStatus::pending));
      if (i == 2) o.must(refund(RefundStatus::succeeded));
      if (i == 3) o.must(o.event(ChargeNews{.charge_id = "ch_1", .intent_id = intent, .refunded_minor = 1000}));
    }
    CHECK(w.payment(payment.id).status == TransactionStatus::succeeded);
    CHECK(w.payment(payment.id).refunded_minor == 1000);
    CHECK(w.payment(payment.id).charge_id == "ch_1");
    CHECK(w.payment(payment.id).refund_count == 1);
    CHECK(w.tickets(w.order(registration.id), TicketStatus::valid) == 0);
    CHECK(w.taken(tier) == 0);
    CHECK(w.balance(LedgerAccount::buyer) == 0);
  } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("late success: takes places that are free, else goes back in full") {
  Till w;
  auto& o = w.o;
  const Tier tier = o.tier(1000, 2);
  const auto late = [&] {
    const auto registration = o.reserve(tier.id, 1);
    const auto payment = o.begin(registration);
    o.now += minutes{13};
    w.expire(registration);
    CHECK(w.order(registration.id).status == RegistrationStatus::expiring);
    CHECK(w.jobs(JobKind::cancel_intent) > 0);
    o.now += unknown_for;
    w.expire(registration);
    CHECK(w.order(registration.id).status == RegistrationStatus::expired);
    CHECK_FALSE(w.order(registration.id).due_at);
    return payment;
  };
  const auto first = late();
  CHECK(w.taken(tier) == 0);
  const auto outcome = o.must(o.news(first, IntentStatus::succeeded));
  CHECK(outcome.detail == "reallocated");
  CHECK(outcome.confirmed == first.registration_id);
  CHECK(w.order(first.registration_id).flag == "reallocated");
  CHECK(w.taken(tier) == 1);

  const auto second = late();
  o.pay(o.reserve(tier.id, 1, o.other_buyer));  // the last place
  CHECK(o.must(o.news(second, IntentStatus::succeeded)).detail == "late_success");
  CHECK(w.order(second.registration_id).status == RegistrationStatus::expired);
  const Refund& refund = w.refund(second.id, 1);
  CHECK(refund.reason == RefundReason::late_success);
  CHECK(refund.amount_minor == 1000);
  CHECK(refund.reverse_transfer);
  CHECK(w.jobs(JobKind::refund_intent) == 1);
  CHECK(w.jobs(JobKind::mail, "late_refund") == 1);
  CHECK(w.has_alert(AlertKind::late_success));
  CHECK(w.taken(tier) == 2);
}

TEST_CASE("late success: nobody is let into a show that is over or cancelled") {
  for (const bool cancelled : {false, true}) {
    Till w;
    auto& o = w.o;
    const Tier tier = o.tier(1000, 2);
    const auto registration = o.reserve(tier.id, 1);
    const auto payment = o.begin(registration);
    o.now += minutes{13};
    w.expire(registration);
    if (cancelled) {
      o.must(CancelShow{.meta = o.meta(o.organiser), .show_id = o.show});
    } else {
      o.now += hours{24};
      w.expire(registration);
    }
    const auto outcome = o.must(o.news(payment, IntentStatus::succeeded));
    CHECK(outcome.detail == (cancelled ? "show_cancelled" : "late_success"));
    CHECK(w.refund(payment.id, 1).amount_minor == 1000);
    CHECK(w.taken(tier) == 0);
    CHECK(w.order(registration.id).status != RegistrationStatus::confirmed);
  }
}

TEST_CASE("expiry: waits for a payment that is processed, asks again each hour, not for ever") {
  Till w;
  auto& o = w.o;
  auto draft = o.draft();
  draft.doors_at = o.now + hours{24 * 30};
  draft.starts_at = draft.doors_at;
  draft.windows = {{draft.doors_at, draft.doors_at + hours{5}}};
  o.show = o.new_show(draft);
  const Tier tier = o.tier(1000, 2);
  const auto registration = o.reserve(tier.id, 1);
  const auto payment = o.begin(registration);
  o.must(o.news(payment, IntentStatus::processing));
  CHECK(*w.order(registration.id).due_at == o.now + hours{1});
  o.now += hours{1};
  w.expire(registration);
  CHECK(w.order(registration.id).status == RegistrationStatus::expiring);
  o.now += minutes{10};
  w.expire(registration);
  CHECK(w.order(registration.id).status == RegistrationStatus::expiring);
  CHECK(w.taken(tier) == 1);
  CHECK(w.jobs(JobKind::cancel_intent) == 2);
  o.now += hours{24 * 14};
  w.expire(registration);
  CHECK(w.order(registration.id).status == RegistrationStatus::expired);
  CHECK(w.taken(tier) == 0);
}

TEST_CASE("hold: lasts a grace longer while the bank asks, however often that is told") {
  Till w;
  auto& o = w.o;
  const auto registration = o.reserve(o.tier(1000, 2).id, 1);
  const auto payment = o.begin(registration);
  for (int i = 0; i < 3; ++i) {
    o.must(o.news(payment, IntentStatus::requires_action));
    CHECK(*w.order(registration.id).due_at == registration.expires_at + minutes{6});
  }
}

TEST_CASE("second payment: the first to succeed counts, the other goes back or is cancelled") {
  Till w;
  auto& o = w.o;
  const auto registration = o.reserve(o.tier(1000, 2).id, 1);
  const auto first = o.begin(registration);
  o.must(o.news(first, IntentStatus::canceled));
  const auto second = o.begin(registration);
  CHECK(o.must(o.news(first, IntentStatus::succeeded)).detail == "confirmed");
  CHECK(w.jobs(JobKind::cancel_intent) == 1);  // the second is open
  CHECK(o.must(o.news(second, IntentStatus::succeeded)).detail == "second_payment");
  CHECK(w.refund(second.id, 1).reason == RefundReason::second_payment);
  CHECK(w.refund(second.id, 1).amount_minor == 1000);
  CHECK(w.has_alert(AlertKind::second_payment));
  CHECK(w.order(registration.id).transaction_id == first.id);
  CHECK(w.tickets(w.order(registration.id), TicketStatus::valid) == 1);
}

TEST_CASE("another amount: a person has a day to accept it, else it goes back, and the places with it") {
  for (const bool other_currency : {false, true}) {
    Till w;
    auto& o = w.o;
    const Tier tier = o.tier(1000, 2);
    const auto registration = o.reserve(tier.id, 1);
    const auto payment = o.begin(registration);
    auto event = o.news(payment, IntentStatus::succeeded);
    auto& news = std::get<IntentNews>(event.news);
    if (other_currency) {
      news.currency = "USD";
    } else {
      news.received_minor = 900;
    }
    CHECK(o.must(event).detail == "amount_differs");
    CHECK(w.has_alert(AlertKind::amount_differs));
    CHECK(*w.payment(payment.id).review_until == o.now + hours{24});
    CHECK(code(o.call(
              BeginPayment{.meta = o.meta(o.buyer), .registration_id = registration.id, .payments_ready = true})) ==
          Refusal::payment_in_progress);
    CHECK(code(o.call(PayCash{.meta = o.meta(o.organiser), .registration_id = registration.id})) ==
          Refusal::payment_in_progress);
    const AcceptPayment accept{.meta = o.by_operator(), .transaction_id = payment.id};
    CHECK(code(o.call(AcceptPayment{.meta = o.meta(o.organiser), .transaction_id = payment.id})) == Refusal::forbidden);
    o.now += hours{24} - seconds{1};
    w.expire(registration);
    CHECK(w.taken(tier) == 1);
    if (other_currency) {
      CHECK(o.must(accept).status == RegistrationStatus::confirmed);
      CHECK(code(o.call(accept)) == Refusal::not_in_review);
      CHECK_FALSE(w.has_alert(AlertKind::amount_differs));
      o.now += seconds{1};
      w.expire(registration);
      CHECK(w.payment(payment.id).refund_count == 0);
      CHECK(w.tickets(w.order(registration.id), TicketStatus::valid) == 1);
    } else {
      o.now += seconds{1};
      w.expire(registration);
      CHECK(w.order(registration.id).status == RegistrationStatus::expired);
      CHECK(w.refund(payment.id, 1).amount_minor == 900);
      CHECK(w.refund(payment.id, 1).reason == RefundReason::amount_differs);
      CHECK_FALSE(w.has_alert(AlertKind::amount_differs));
      CHECK(w.taken(tier) == 0);
      CHECK(code(o.call(accept)) == Refusal::not_in_review);
    }
  }
}

TEST_CASE("another amount: the buyer may give up before anybody decided") {
  Till w;
  auto& o = w.o;
  const Tier tier = o.tier(1000, 2);
  const auto registration = o.reserve(tier.id, 1);
  const auto payment = o.begin(registration);
  auto event = o.news(payment, IntentStatus::succeeded);
  std::get<IntentNews>(event.news).received_minor = 1100;
  o.must(event);
  CHECK(o.must(CancelRegistration{.meta = o.meta(o.buyer), .registration_id = registration.id}).status ==
        RegistrationStatus::cancelled);
  CHECK(w.refund(payment.id, 1).amount_minor == 1100);
  CHECK_FALSE(w.has_alert(AlertKind::amount_differs));
  CHECK(w.taken(tier) == 0);
}

TEST_CASE("manual capture: charged once places are sure, let go where there are none") {
  Till w;
  auto& o = w.o;
  auto draft = o.draft();
  draft.manual_capture = true;
  o.show = o.new_show(draft);
  const Tier tier = o.tier(1000, 1);
  const auto reserved = [&](const Transaction& payment) {
    auto event = o.news(payment, IntentStatus::requires_capture);
    std::get<IntentNews>(event.news).capturable_minor = payment.amount_minor;
    return event;
  };
  const auto registration = o.reserve(tier.id, 1);
  const auto payment = o.begin(registration);
  CHECK(payment.manual_capture);
  o.must(reserved(payment));
  o.must(reserved(payment));
  CHECK(w.jobs(JobKind::capture_intent) == 1);
  CHECK(*w.order(registration.id).due_at == o.now + hours{1});
  CHECK(w.order(registration.id).status == RegistrationStatus::held);
  o.now += hours{1};
  w.expire(registration);
  o.now += minutes{10};
  w.expire(registration);
  CHECK(w.order(registration.id).status == RegistrationStatus::expired);

  const auto late = o.reserve(tier.id, 1);
  const auto late_payment = o.begin(late);
  o.now += hours{1};
  w.expire(late);
  o.now += minutes{10};
  w.expire(late);
  CHECK(w.order(late.id).status == RegistrationStatus::expired);
  o.must(reserved(late_payment));  // the place is free: taken again before the card is charged
  CHECK(w.order(late.id).status == RegistrationStatus::expiring);
  CHECK(w.taken(tier) == 1);
  CHECK(w.jobs(JobKind::capture_intent) == 2);
  CHECK(o.must(o.news(late_payment, IntentStatus::succeeded)).detail == "confirmed");

  o.must(RequestRefund{.meta = o.meta(o.organiser), .registration_id = late.id});
  o.must(RecordRefund{.meta = o.meta(),
                      .refund_id = refund_id(late_payment.id, 1),
                      .provider_id = "re_1",
                      .status = RefundStatus::succeeded});
  const auto other = o.reserve(tier.id, 1, o.other_buyer);
  const auto other_payment = o.begin(other);
  o.must(CancelRegistration{.meta = o.meta(o.other_buyer), .registration_id = other.id});
  o.now += minutes{10};
  w.expire(other);
  o.pay(o.reserve(tier.id, 1));
  const auto cancels = w.jobs(JobKind::cancel_intent);
  CHECK(o.must(reserved(other_payment)).detail == "no_places");
  CHECK(w.jobs(JobKind::cancel_intent) == cancels + 1);
  CHECK(w.jobs(JobKind::capture_intent) == 2);
}

TEST_CASE("manual capture: what was reserved on the card is charged or let go, whatever is told late") {
  for (const bool failed : {false, true}) {
    CAPTURE(failed);
    Till w;
    auto& o = w.o;
    auto draft = o.draft();
    draft.manual_capture = true;
    o.show = o.new_show(draft);
    const auto payment = o.begin(o.reserve(o.tier(1000, 1).id, 1));
    auto event = o.news(payment, IntentStatus::requires_capture);
    std::get<IntentNews>(event.news).capturable_minor = payment.amount_minor;
    o.must(event);
    auto late = o.news(payment, failed ? IntentStatus::requires_payment_method : IntentStatus::requires_action, failed);
    CHECK(o.must(late).detail == "already_authorized");
    CHECK(w.payment(payment.id).status == TransactionStatus::requires_capture);
    CHECK(o.must(o.news(payment, IntentStatus::succeeded)).detail == "confirmed");
  }
}

TEST_CASE("payment: what happened before the last that is known changes nothing") {
  Till w;
  auto& o = w.o;
  const auto registration = o.reserve(o.tier(1000, 1).id, 1);
  const auto payment = o.begin(registration);
  const auto told = [&](IntentStatus status, seconds at) {
    auto event = o.news(payment, status, status == IntentStatus::requires_payment_method);
    event.created = o.now + at;
    return o.must(event);
  };
  const auto status = [&] {
    return w.payment(payment.id).status;
  };
  CHECK(told(IntentStatus::processing, hours{1}).detail == "processing");
  CHECK(told(IntentStatus::requires_payment_method, seconds{0}).detail == "older");
  CHECK(told(IntentStatus::requires_action, seconds{3599}).detail == "older");
  CHECK(status() == TransactionStatus::processing);
  CHECK(w.jobs(JobKind::mail, "payment_failed") == 0);
  CHECK(code(o.call(PayCash{.meta = o.meta(o.organiser), .registration_id = registration.id})) ==
        Refusal::payment_in_progress);
  CHECK(told(IntentStatus::requires_payment_method, hours{2}).detail == "failed");
  CHECK(told(IntentStatus::processing, hours{1}).detail == "older");
  CHECK(status() == TransactionStatus::failed);
  CHECK(told(IntentStatus::requires_action, hours{3}).detail == "requires_action");
  CHECK(told(IntentStatus::processing, hours{3}).detail == "processing");  // within one second, the only order there is
  CHECK(told(IntentStatus::succeeded, seconds{0}).detail == "confirmed");
}

TEST_CASE("payment: of two that happened within one second, the provider says which was the last") {
  Till w;
  auto& o = w.o;
  const auto payment = o.begin(o.reserve(o.tier(1000, 1).id, 1));
  auto processing = o.news(payment, IntentStatus::processing);
  auto failed = o.news(payment, IntentStatus::requires_payment_method, true);
  processing.created = failed.created = o.now;
  o.must(processing);
  CHECK(o.must(failed).status == InboxStatus::waiting);
  CHECK(w.payment(payment.id).status == TransactionStatus::processing);
  const auto jobs = w.all<Job>();
  CHECK(std::ranges::any_of(
      jobs, [&](const Job& job) { return job.kind == JobKind::apply_event && *job.due_at < o.now + seconds{10}; }));
  failed.retry = failed.fresh = true;
  CHECK(o.must(failed).detail == "failed");
}

TEST_CASE("manual capture: another amount on the card is let go") {
  Till w;
  auto& o = w.o;
  auto draft = o.draft();
  draft.manual_capture = true;
  o.show = o.new_show(draft);
  const auto payment = o.begin(o.reserve(o.tier(1000, 1).id, 1));
  auto event = o.news(payment, IntentStatus::requires_capture);
  std::get<IntentNews>(event.news).capturable_minor = 999;
  CHECK(o.must(event).detail == "amount_differs");
  CHECK(w.jobs(JobKind::cancel_intent) == 1);
  CHECK(w.jobs(JobKind::capture_intent) == 0);
}

TEST_CASE("authorization: one that lapsed at the provider is told to people") {
  Till w;
  auto& o = w.o;
  auto event = o.news(o.begin(o.reserve(o.tier(1000, 1).id, 1)), IntentStatus::canceled);
  std::get<IntentNews>(event.news).cancellation_reason = "automatic";
  o.must(event);
  CHECK(w.has_alert(AlertKind::authorization_lapsed));
}

TEST_CASE("direct charge: told by the business's own account only, and on its books") {
  Till w;
  auto& o = w.o;
  o.must(SetFees{.meta = o.by_operator(),
                 .business_id = o.business,
                 .terms = {.fee_fixed_minor = 100, .charge_model = ChargeModel::direct}});
  const auto payment = o.begin(o.reserve(o.tier(1000, 1).id, 1));
  auto event = o.news(payment, IntentStatus::succeeded);
  CHECK(o.must(event).detail == "intent_of_another_account");
  event = o.news(payment, IntentStatus::succeeded);
  event.account = "acct_hall";
  CHECK(o.must(event).detail == "confirmed");
  CHECK(w.balance(LedgerAccount::platform) == 0);
  CHECK(w.balance(LedgerAccount::platform_fee) == 100);
  CHECK(w.balance(LedgerAccount::business) == 900);
  CHECK(w.all<LedgerEntry>().size() == 2);
}

TEST_CASE("livemode: a payment begun with test money is not paid by an event of live money") {
  Till w;
  auto& o = w.o;
  auto event = o.news(o.begin(o.reserve(o.tier(1000, 1).id, 1)), IntentStatus::succeeded);
  event.livemode = event.expect_livemode = true;
  CHECK(o.must(event).detail == "wrong_livemode");
}

TEST_CASE("cash: the box office confirms at once, and an open payment by card ends") {
  Till w;
  auto& o = w.o;
  const Tier tier = o.tier(1000, 3);
  const auto registration = o.reserve(tier.id, 1);
  const auto card = o.begin(registration);
  const PayCash cash{.meta = o.meta(o.organiser), .registration_id = registration.id};
  CHECK(code(o.call(PayCash{.meta = o.meta(o.buyer), .registration_id = registration.id})) == Refusal::forbidden);
  o.must(o.news(card, IntentStatus::processing));
  CHECK(code(o.call(cash)) == Refusal::payment_in_progress);
  o.must(o.news(card, IntentStatus::requires_payment_method, true));
  const auto paid = o.must(cash);
  CHECK(paid.status == RegistrationStatus::confirmed);
  CHECK(w.payment(paid.transaction_id).provider == Provider::cash);
  CHECK(w.jobs(JobKind::cancel_intent) == 1);
  CHECK(w.balance(LedgerAccount::business) == 1000);
  CHECK(w.balance(LedgerAccount::buyer) == -1000);
  CHECK(w.tickets(paid, TicketStatus::valid) == 1);
  CHECK(code(o.call(cash)) == Refusal::already_paid);
  CHECK(o.must(o.news(card, IntentStatus::succeeded)).detail == "second_payment");
}

TEST_CASE("free: one person has only so many tickets, and those given back count no more") {
  Till w;
  auto& o = w.o;
  auto draft = o.draft();
  draft.max_free_tickets_per_user = 3;
  o.show = o.new_show(draft);
  const Tier tier = o.tier(0, 20);
  const auto registration = o.reserve(tier.id, 3);
  CHECK(code(o.call(o.order(tier.id, 1))) == Refusal::too_many_free_tickets);
  CHECK(w.taken(tier) == 3);
  o.reserve(tier.id, 1, o.other_buyer);
  const auto refund =
      o.must(RequestRefund{.meta = o.meta(o.organiser), .registration_id = registration.id, .ticket_numbers = {2}});
  CHECK(refund.amount_minor == 0);
  CHECK(refund.status == RefundStatus::succeeded);
  CHECK(w.taken(tier) == 3);
  o.reserve(tier.id, 1);
  CHECK(code(o.call(o.order(tier.id, 1))) == Refusal::too_many_free_tickets);
  CHECK(w.all<LedgerEntry>().empty());
}

TEST_CASE("create-intent: its job is the caller's under a lease, and ends with the answer") {
  Till w;
  auto& o = w.o;
  const auto registration = o.reserve(o.tier(1000, 1).id, 1);
  const auto payment = o.must(BeginPayment{.meta = o.meta(o.buyer),
                                           .registration_id = registration.id,
                                           .payments_ready = true,
                                           .lease = {1, 2},
                                           .lease_until = o.now + seconds{15}});
  const Job& job = w.rows.get<Job>(create_intent_job(payment.id));
  CHECK(job.kind == JobKind::create_intent);
  CHECK(*job.due_at == o.now + seconds{15});
  CHECK(job.lease == Uuid{1, 2});
  CHECK(code(o.call(LeaseJob{.meta = o.meta(), .job_id = job.id, .lease = {3, 4}, .until = o.now + minutes{1}})) ==
        Refusal::conflict);
  o.must(RecordIntent{.meta = o.meta(), .transaction_id = payment.id, .intent_id = "pi_1"});
  CHECK(w.rows.get<Job>(create_intent_job(payment.id)).status == JobStatus::done);
  CHECK_FALSE(w.rows.get<Job>(create_intent_job(payment.id)).due_at);
}

TEST_CASE("event: a fault of ours keeps it, a job tries it again, and no other way") {
  Till w;
  auto& o = w.o;
  const auto payment = o.begin(o.reserve(o.tier(1000, 1).id, 1));
  auto event = o.news(payment, IntentStatus::succeeded);
  event.failed = true;
  CHECK(o.must(event).status == InboxStatus::failed);
  CHECK(w.jobs(JobKind::apply_event) == 1);
  CHECK(w.payment(payment.id).status == TransactionStatus::created);
  event.failed = false;
  CHECK(o.must(event).duplicate);
  CHECK(w.payment(payment.id).status == TransactionStatus::created);
  event.retry = true;
  CHECK(o.must(event).detail == "confirmed");
  CHECK(o.must(event).duplicate);
  const InboxEvent& kept = w.rows.get<InboxEvent>(inbox_id(event.event_id));
  CHECK(kept.status == InboxStatus::applied);
  CHECK(kept.payload == "{}");
  CHECK(*kept.due_at == kept.received_at + hours{24 * 90});
}

TEST_CASE("event: what speaks of an unknown payment waits for it, not for ever") {
  Till w;
  auto& o = w.o;
  const auto payment = o.begin(o.reserve(o.tier(1000, 1).id, 1));
  const auto intent = testing::Office<Rows>::intent_of(payment);
  const RefundNews refund{.provider_id = "re_1",
                          .intent_id = intent,
                          .status = RefundStatus::succeeded,
                          .amount_minor = 1000,
                          .currency = "EUR"};
  auto event = o.event(refund);
  CHECK(o.must(event).status == InboxStatus::waiting);
  CHECK(w.jobs(JobKind::apply_event) == 1);
  event.retry = true;
  CHECK(o.must(event).status == InboxStatus::waiting);
  o.must(o.news(payment, IntentStatus::succeeded));
  CHECK(o.must(event).detail == "refund_succeeded");
  CHECK(w.payment(payment.id).refunded_minor == 1000);

  auto foreign = o.event(RefundNews{.provider_id = "re_2", .intent_id = "pi_of_another_shop"});
  o.must(foreign);
  foreign.retry = foreign.last_try = true;
  CHECK(o.must(foreign).status == InboxStatus::flagged);
  CHECK(o.must(foreign).duplicate);
}

TEST_CASE("event: money given back elsewhere that no refund tells of is asked for, then told to people") {
  Till w;
  auto& o = w.o;
  const auto registration = o.reserve(o.tier(1000, 1).id, 1);
  const auto payment = o.begin(registration);
  o.must(o.news(payment, IntentStatus::succeeded));
  auto event = o.event(
      ChargeNews{.charge_id = "ch_1", .intent_id = testing::Office<Rows>::intent_of(payment), .refunded_minor = 400});
  CHECK(o.must(event).detail == "refund_unknown");
  CHECK_FALSE(w.has_alert(AlertKind::refund_unknown));
  event.retry = event.last_try = true;
  o.must(event);
  CHECK(w.has_alert(AlertKind::refund_unknown));
}

TEST_CASE("news: what the provider answered when asked is applied and not kept") {
  Till w;
  auto& o = w.o;
  const auto registration = o.reserve(o.tier(1000, 1).id, 1);
  const auto payment = o.begin(registration);
  const auto told = o.news(payment, IntentStatus::succeeded);
  const auto outcome = o.must(ApplyNews{.meta = o.meta(), .news = told.news});
  CHECK(outcome.confirmed == registration.id);
  CHECK(w.all<InboxEvent>().empty());
  CHECK(o.must(told).detail == "already_succeeded");
}

TEST_CASE("warning and failed payout: lie on the desk of those concerned") {
  Till w;
  auto& o = w.o;
  const auto payment = o.begin(o.reserve(o.tier(1000, 1).id, 1));
  o.must(o.news(payment, IntentStatus::succeeded));
  const auto intent = testing::Office<Rows>::intent_of(payment);
  o.must(o.event(WarningNews{.charge_id = "ch", .intent_id = intent, .actionable = false}));
  CHECK_FALSE(w.has_alert(AlertKind::fraud_warning));
  o.must(o.event(WarningNews{.charge_id = "ch", .intent_id = intent, .actionable = true}));
  CHECK(w.has_alert(AlertKind::fraud_warning));
  o.must(o.event(PayoutNews{.account_id = "acct_hall", .failure = "account_closed"}));
  CHECK(w.has_alert(AlertKind::payout_failed));
  CHECK(w.jobs(JobKind::mail, "payout_failed") == 1);
  const AlertId id = alert_id(AlertKind::payout_failed, o.business.value);
  CHECK(code(o.call(ResolveAlert{.meta = o.meta(o.buyer), .alert_id = id})) == Refusal::forbidden);
  CHECK(o.must(ResolveAlert{.meta = o.meta(o.organiser), .alert_id = id}).desk == alert_desk(false));
  CHECK(code(o.call(ResolveAlert{.meta = o.meta(o.organiser)})) == Refusal::unknown_alert);
}

TEST_CASE("job: one that was given up lies on the desk until an operator revives it") {
  Till w;
  auto& o = w.o;
  o.pay(o.reserve(o.tier(1000, 5).id, 1));
  const JobId job = w.all<Job>().at(0).id;
  for (std::int64_t i = 0; i < max_job_attempts; ++i) {
    o.must(LeaseJob{.meta = o.meta(), .job_id = job, .lease = {1, 1}, .until = o.now + minutes{1}});
    o.must(FinishJob{.meta = o.meta(), .job_id = job, .lease = {1, 1}, .error = "away", .retry_at = o.now});
  }
  CHECK(w.has_alert(AlertKind::dead_job));
  CHECK(code(o.call(ReviveJob{.meta = o.meta(o.organiser), .job_id = job})) == Refusal::forbidden);
  CHECK(o.must(ReviveJob{.meta = o.by_operator(), .job_id = job}).status == JobStatus::due);
  CHECK_FALSE(w.has_alert(AlertKind::dead_job));
  CHECK(code(o.call(ReviveJob{.meta = o.by_operator(), .job_id = job})) == Refusal::job_not_dead);
  CHECK(o.must(LeaseJob{.meta = o.meta(), .job_id = job, .lease = {1, 1}, .until = o.now + minutes{1}}).attempts == 1);
}

TEST_CASE("network: a household has one IPv6 network, whatever its hosts are called") {
  CHECK(client_network("192.0.2.7") == "192.0.2.7");
  CHECK(client_network("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
  CHECK(client_network("2001:DB8:1:2::9") == "2001:db8:1:2::/64");
  CHECK(client_network("2001:0db8:0001:0002::1") == client_network("2001:db8:1:2:ffff::"));
  CHECK(client_network("2001:db8::1") == "2001:db8:0:0::/64");
  CHECK(client_network("::1") == "0:0:0:0::/64");
  CHECK(client_network("fe80::1%eth0") == "fe80:0:0:0::/64");
  CHECK(client_network("::ffff:192.0.2.7") == "192.0.2.7");
  CHECK(client_network("1:2:3") == "1:2:3");
  CHECK(client_network("g::1") == "g::1");
  CHECK(client_network("1:2:3:4:5:6:7:8:9") == "1:2:3:4:5:6:7:8:9");
  CHECK(client_network("") == "");
}

TEST_CASE("size: the largest registration there can be, paid late, fits in one save") {
  Till w;
  auto& o = w.o;
  auto draft = o.draft();
  draft.max_tickets_per_registration = 40;
  o.show = o.new_show(draft);
  Reserve order = o.order({}, 1);
  order.lines.clear();
  for (int t = 0; t < 4; ++t) {
    std::vector<QuotaId> quotas;
    for (int q = 0; q < 8; ++q) quotas.push_back(o.quota(100));
    order.lines.push_back({o.must(CreateTier{.meta = o.meta(o.organiser),
                                             .show_id = o.show,
                                             .name = "t",
                                             .price_minor = 1190,
                                             .tax_rate_bp = 1900,
                                             .quota_ids = quotas})
                               .id,
                           10,
                           {}});
  }
  o.must(SetFees{.meta = o.by_operator(), .business_id = o.business, .terms = {.fee_fixed_minor = 100}});
  const auto registration = o.must(order);
  const auto payment = o.begin(registration);
  o.now += minutes{13};
  w.expire(registration);
  o.now += minutes{10};
  w.expire(registration);
  const auto size_of = [&](auto command) {
    // As a lane does it: rows as they are stored, changed by this command alone.
    Rows fresh;
    for_each_table([&]<class Row>() {
      for (const auto& put : w.rows.world.changes().of<Row>()) {
        Row row = *put.row;
        row.version = 1;
        fresh.world.fill(row);
      }
    });
    REQUIRE(fresh.call(command).has_value());
    o.must(command);
    return fresh.world.change_count();
  };
  const std::size_t most = 100;
  CHECK(size_of(o.news(payment, IntentStatus::succeeded)) <= most);
  CHECK(w.order(registration.id).flag == "reallocated");
  const auto dispute = [&](std::string status, std::int64_t moved) {
    return o.event(DisputeNews{.provider_id = "du_1",
                               .intent_id = testing::Office<Rows>::intent_of(payment),
                               .status = std::move(status),
                               .reason = "fraudulent",
                               .amount_minor = payment.amount_minor,
                               .currency = "EUR",
                               .movements = {{"txn_1", -moved, 1500, "EUR"},
                                             {"txn_2", -1, 1, "EUR"},
                                             {"txn_3", -1, 1, "EUR"},
                                             {"txn_4", -1, 1, "EUR"}}});
  };
  CHECK(size_of(dispute("needs_response", 100)) <= most);
  CHECK(size_of(dispute("won", 100)) <= most);
  CHECK(size_of(RequestRefund{.meta = o.meta(o.organiser), .registration_id = registration.id}) <= most);
  CHECK(size_of(RecordRefund{.meta = o.meta(),
                             .refund_id = refund_id(payment.id, 1),
                             .provider_id = "re_1",
                             .status = RefundStatus::succeeded}) <= most);
  CHECK(w.payment(payment.id).refunded_minor == payment.amount_minor);
}

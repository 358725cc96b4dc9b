#include <doctest/doctest.h>

#include <algorithm>

#include "domain/ledger.hpp"
#include "domain/testing/office.hpp"

using namespace admit::domain;
using admit::domain::testing::code;
using admit::domain::testing::Rows;
using std::chrono::hours;

namespace {

/// Three tickets of 1001 with a booking fee of 100 each, paid by card; our share is 7 percent.
struct Sold {
  Rows rows;
  testing::Office<Rows> o{rows};
  Tier tier;
  Registration registration;
  Transaction payment;

  explicit Sold(std::int64_t until_s = 3600, bool keeps_fee = false) {
    auto draft = o.draft();
    draft.doors_at = o.now + hours{24};
    draft.starts_at = o.now + hours{25};
    draft.windows = {{o.now, o.now + hours{30}}};
    draft.customer_refund_until_s = until_s;
    draft.refund_keeps_fee = keeps_fee;
    o.show = o.new_show(draft);
    o.gate = o.device(o.show, "north");
    o.must(SetFees{.meta = o.by_operator(), .business_id = o.business, .terms = {.fee_percent_bp = 700}});
    tier = o.must(CreateTier{.meta = o.meta(o.organiser),
                             .show_id = o.show,
                             .name = "t",
                             .price_minor = 1001,
                             .tax_rate_bp = 700,
                             .fee_minor = 100,
                             .capacity = 9});
    registration = o.reserve(tier.id, 3);
    payment = o.begin(registration);
    o.must(o.news(payment, IntentStatus::succeeded));
    registration = rows.get<Registration>(registration.id);
  }
  RequestRefund ask(UserId user, std::vector<std::int64_t> numbers = {}, std::optional<std::int64_t> amount = {}) {
    return {.meta = o.meta(user),
            .registration_id = registration.id,
            .amount_minor = amount,
            .ticket_numbers = std::move(numbers)};
  }
  Refund record(const Refund& refund, RefundStatus status, std::string provider_id = "") {
    return o.must(RecordRefund{.meta = o.meta(),
                               .refund_id = refund.id,
                               .provider_id = provider_id.empty() ? "re_" + refund.id.text() : provider_id,
                               .status = status,
                               .error = "reason"});
  }
  TicketStatus status(std::int64_t number) const {
    return rows.get<Ticket>(ticket_id(registration.id, *registration.confirmed_at, number)).status;
  }
  TicketId ticket(std::int64_t number) const { return ticket_id(registration.id, *registration.confirmed_at, number); }
  std::int64_t taken() const { return rows.get<Quota>(tier.quota_ids[0]).taken; }
  const Transaction& now_paid() const { return rows.get<Transaction>(payment.id); }
  std::int64_t balance(LedgerAccount account) const {
    std::int64_t sum = 0;
    for (const auto& put : rows.world.changes().of<LedgerEntry>()) {
      if (put.row->debit == account) sum += put.row->amount_minor;
      if (put.row->credit == account) sum -= put.row->amount_minor;
    }
    return sum;
  }
  bool has_alert(AlertKind kind, Uuid subject) {
    const AlertId id = alert_id(kind, subject);
    return rows.world.loaded<Alert>(id) && rows.world.find<Alert>(id) != nullptr;
  }
  DisputeNews dispute(std::string word, std::int64_t moved = 0, std::int64_t back = 0) const {
    DisputeNews news{.provider_id = "du_1",
                     .intent_id = testing::Office<Rows>::intent_of(payment),
                     .status = std::move(word),
                     .reason = "fraudulent",
                     .amount_minor = payment.amount_minor,
                     .currency = "EUR"};
    if (moved != 0) news.movements.push_back({"txn_1", -moved, 1500, "EUR"});
    if (back != 0) news.movements.push_back({"txn_2", back, 0, "EUR"});
    return news;
  }
};

}  // namespace

TEST_CASE("refund: ends its tickets at once, gives the places back with the money, in exact parts") {
  Sold w;
  auto& o = w.o;
  CHECK(w.payment.amount_minor == 3303);
  CHECK(w.payment.application_fee_minor == 231);
  const auto first = o.must(w.ask(o.buyer, {2}));
  CHECK(first.amount_minor == 1101);
  CHECK(first.reason == RefundReason::customer);
  CHECK(first.fee_back_minor == 77);
  CHECK(first.reverse_transfer);
  CHECK(w.status(2) == TicketStatus::revoked);
  CHECK(w.status(1) == TicketStatus::valid);
  CHECK(w.taken() == 3);
  CHECK(o.must(o.scan(w.ticket(2))).check_in.reason == DoorReason::revoked);
  CHECK(w.balance(LedgerAccount::buyer) == -3303);
  w.record(first, RefundStatus::succeeded);
  CHECK(w.taken() == 2);
  CHECK(w.now_paid().refunded_minor == 1101);
  CHECK(w.balance(LedgerAccount::buyer) == -2202);
  CHECK(code(o.call(w.ask(o.buyer, {2}))) == Refusal::ticket_not_valid);

  const auto rest = o.must(w.ask(o.organiser));
  CHECK(rest.reason == RefundReason::organiser);
  CHECK(rest.amount_minor == 2202);
  CHECK(rest.ticket_numbers == std::vector<std::int64_t>{1, 3});
  w.record(rest, RefundStatus::succeeded);
  w.record(rest, RefundStatus::succeeded);
  w.record(rest, RefundStatus::pending);
  CHECK(w.taken() == 0);
  for (const auto account : {LedgerAccount::buyer, LedgerAccount::platform, LedgerAccount::business,
                             LedgerAccount::platform_fee, LedgerAccount::tax}) {
    CHECK(w.balance(account) == 0);  // the last part is the exact rest
  }
  CHECK(code(o.call(w.ask(o.organiser))) == Refusal::refund_too_much);
}

TEST_CASE("refund: many odd parts sum up to the whole, and so do share and tax") {
  Sold w;
  for (int i = 0; i < 33; ++i) w.record(w.o.must(w.ask(w.o.organiser, {}, 100)), RefundStatus::succeeded);
  w.record(w.o.must(w.ask(w.o.organiser, {}, 3)), RefundStatus::succeeded);
  CHECK(w.now_paid().refunded_minor == 3303);
  CHECK(w.now_paid().fee_back_minor == 231);
  CHECK(w.now_paid().tax_back_minor == w.payment.tax_minor);
  CHECK(w.balance(LedgerAccount::tax) == 0);
  CHECK(w.balance(LedgerAccount::platform_fee) == 0);
  CHECK(w.status(1) == TicketStatus::revoked);
}

TEST_CASE("refund: an amount ends no ticket until all is given back, then every one") {
  Sold w;
  auto& o = w.o;
  w.record(o.must(w.ask(o.organiser, {}, 3302)), RefundStatus::succeeded);
  CHECK(w.status(1) == TicketStatus::valid);
  const auto last = o.must(w.ask(o.organiser, {}, 1));
  CHECK(last.ticket_numbers == std::vector<std::int64_t>{1, 2, 3});
  for (const std::int64_t number : {1, 2, 3}) CHECK(w.status(number) == TicketStatus::revoked);
  CHECK(o.must(o.scan(w.ticket(1))).check_in.reason == DoorReason::revoked);
  w.record(last, RefundStatus::succeeded);
  CHECK(w.taken() == 0);

  Sold named;  // the last money goes back for one ticket: the others cost nothing any more
  auto& n = named.o;
  n.must(named.ask(n.organiser, {}, 2202));
  CHECK(n.must(named.ask(n.organiser, {2})).ticket_numbers == std::vector<std::int64_t>{1, 2, 3});
}

TEST_CASE("refund: what cost nothing beside a paid ticket stays, and ends for nothing") {
  Sold w;
  auto& o = w.o;
  const Tier free = o.tier(0, 5);
  Reserve order = o.order(w.tier.id, 1);
  order.lines.push_back({free.id, 1, {}});
  const auto registration = o.must(order);
  const auto payment = o.begin(registration);
  o.must(o.news(payment, IntentStatus::succeeded));
  const auto ask = [&](std::vector<std::int64_t> numbers) {
    return o.must(RequestRefund{
        .meta = o.meta(o.organiser), .registration_id = registration.id, .ticket_numbers = std::move(numbers)});
  };
  const auto ticket = [&](std::int64_t number) -> const Ticket& {
    const auto& row = w.rows.get<Registration>(registration.id);
    return w.rows.get<Ticket>(ticket_id(row.id, *row.confirmed_at, number));
  };
  const bool paid_is_first = w.rows.get<Registration>(registration.id).lines[0].tier_id == w.tier.id;
  const std::int64_t paid = paid_is_first ? 1 : 2;
  const auto all = ask({paid});
  CHECK(all.amount_minor == 1101);
  CHECK(ticket(3 - paid).status == TicketStatus::valid);
  const auto rest = ask({3 - paid});
  CHECK(rest.amount_minor == 0);
  CHECK(rest.status == RefundStatus::succeeded);  // there is nothing to ask the provider for
  CHECK(ticket(3 - paid).status == TicketStatus::revoked);
  CHECK(w.rows.get<Quota>(free.quota_ids[0]).taken == 0);
  CHECK(code(o.call(RequestRefund{.meta = o.meta(o.organiser), .registration_id = registration.id})) ==
        Refusal::refund_too_much);
}

TEST_CASE("refund: only what the provider can move in that currency") {
  Rows rows;
  testing::Office<Rows> o{rows};
  auto draft = o.draft();
  draft.currency = "KWD";
  draft.doors_at = o.now + hours{24};
  draft.starts_at = o.now + hours{25};
  draft.windows = {{o.now, o.now + hours{30}}};
  draft.customer_refund_until_s = 3600;
  draft.refund_keeps_fee = true;
  o.show = o.new_show(draft);
  const Tier tier = o.must(CreateTier{
      .meta = o.meta(o.organiser), .show_id = o.show, .name = "t", .price_minor = 1005, .fee_minor = 5, .capacity = 9});
  const auto registration = o.reserve(tier.id, 2);
  o.pay(registration);
  const auto give = [&](UserId user, std::vector<std::int64_t> numbers, std::optional<std::int64_t> amount) {
    return o.call(RequestRefund{.meta = o.meta(user),
                                .registration_id = registration.id,
                                .amount_minor = amount,
                                .ticket_numbers = std::move(numbers)});
  };
  const auto refused = give(o.organiser, {}, 333);
  CHECK(code(refused) == Refusal::invalid_field);
  CHECK(refused.error().field == "amount");
  CHECK(give(o.organiser, {}, 330)->amount_minor == 330);
  CHECK(give(o.buyer, {1}, {})->amount_minor == 1000);  // what a rule makes of it is rounded down
}

TEST_CASE("refund: one of the provider's that names ours but is another is not applied") {
  Sold w;
  auto& o = w.o;
  const auto refund = o.must(w.ask(o.organiser, {}, 1000));
  const RefundNews right{.provider_id = "re_1",
                         .intent_id = testing::Office<Rows>::intent_of(w.payment),
                         .status = RefundStatus::succeeded,
                         .amount_minor = 1000,
                         .currency = "EUR",
                         .refund_id = refund.id};
  const auto other = o.begin(o.reserve(w.tier.id, 1, o.other_buyer));
  o.must(o.news(other, IntentStatus::succeeded));
  auto intent = right;
  intent.intent_id = testing::Office<Rows>::intent_of(other);
  auto amount = right;
  amount.amount_minor = 999;
  auto currency = right;
  currency.currency = "USD";
  auto negative = right;
  negative.amount_minor = -100;
  auto foreign = negative;
  foreign.refund_id = {};
  auto nothing = foreign;
  nothing.amount_minor = 0;
  auto dollars = currency;
  dollars.refund_id = {};
  for (const auto& news : {intent, amount, currency, negative, foreign, nothing, dollars}) {
    CAPTURE(news.amount_minor);
    CHECK(o.must(o.event(news)).status == InboxStatus::flagged);
    CHECK(w.rows.get<Refund>(refund.id).status == RefundStatus::due);
    CHECK(w.now_paid().refund_minor == 1000);
    CHECK(w.now_paid().refund_count == 1);
  }
  CHECK(o.must(o.event(right)).detail == "refund_succeeded");
  CHECK(o.must(o.event(amount)).status == InboxStatus::flagged);  // tied, but not told of another amount
}

TEST_CASE("refund: one made at the provider takes back from the business what the provider took back") {
  for (const bool reversed : {false, true}) {
    CAPTURE(reversed);
    Sold w;
    auto event = w.o.event(RefundNews{.provider_id = "re_by_hand",
                                      .intent_id = testing::Office<Rows>::intent_of(w.payment),
                                      .status = RefundStatus::succeeded,
                                      .amount_minor = 3303,
                                      .currency = "EUR",
                                      .reversed = reversed});
    if (reversed) {
      CHECK(w.o.must(event).detail == "fee_unknown");  // what went back of our share is asked for
      event.retry = event.fresh = true;
      std::get<RefundNews>(event.news).fee_refunded_minor = 100;
    }
    CHECK(w.o.must(event).detail == "refund_succeeded");
    CHECK(w.balance(LedgerAccount::buyer) == 0);
    CHECK(w.balance(LedgerAccount::platform) == (reversed ? 0 : -3303));
    CHECK(w.balance(LedgerAccount::platform_fee) == (reversed ? 131 : 231));
    CHECK(w.now_paid().fee_back_minor == (reversed ? 100 : 0));
    CHECK(w.rows.get<Refund>(refund_id(w.payment.id, 1)).reverse_transfer == reversed);
  }
}

TEST_CASE("refund: an event that the business's share did not come back leaves a debt on the desk") {
  Sold w;
  const auto refund = w.o.must(w.ask(w.o.organiser));
  w.o.must(w.o.event(RefundNews{.provider_id = "re_1",
                                .intent_id = testing::Office<Rows>::intent_of(w.payment),
                                .status = RefundStatus::succeeded,
                                .amount_minor = 3303,
                                .currency = "EUR",
                                .refund_id = refund.id,
                                .reversed = false}));
  CHECK_FALSE(w.rows.get<Refund>(refund.id).reverse_transfer);
  CHECK(w.balance(LedgerAccount::platform) == -3303);
  CHECK(w.has_alert(AlertKind::receivable, refund.id.value));
}

TEST_CASE("refund: who may ask, for what, and until when") {
  Sold w;
  auto& o = w.o;
  CHECK(code(o.call(w.ask(o.other_buyer))) == Refusal::forbidden);
  CHECK(code(o.call(w.ask(o.buyer, {}, 100))) == Refusal::forbidden);
  CHECK(code(o.call(w.ask(o.organiser, {}, 0))) == Refusal::invalid_field);
  CHECK(code(o.call(w.ask(o.organiser, {}, 3304))) == Refusal::refund_too_much);
  CHECK(code(o.call(w.ask(o.buyer, {4}))) == Refusal::invalid_field);
  CHECK(code(o.call(w.ask(o.buyer, {1, 1}))) == Refusal::invalid_field);
  CHECK(code(o.call(RequestRefund{.meta = o.meta(o.buyer)})) == Refusal::unknown_registration);
  const auto held = o.reserve(w.tier.id, 1);
  CHECK(code(o.call(RequestRefund{.meta = o.meta(o.buyer), .registration_id = held.id})) == Refusal::not_paid);
  o.must(o.scan(w.ticket(1)));
  CHECK(code(o.call(w.ask(o.buyer, {1}))) == Refusal::ticket_not_valid);  // used
  CHECK(code(o.call(w.ask(o.buyer))) == Refusal::ticket_not_valid);
  CHECK(o.must(w.ask(o.organiser, {1})).amount_minor == 1101);
  o.now += hours{23};
  CHECK(code(o.call(w.ask(o.buyer, {2}))) == Refusal::refund_closed);
  auto by_operator = w.ask(o.operator_, {2});
  by_operator.meta.is_operator = true;
  CHECK(o.must(by_operator).amount_minor == 1101);
}

TEST_CASE("refund: a show may keep its booking fee, and may let no customer give back at all") {
  Sold keeps{3600, true};
  CHECK(keeps.o.must(keeps.ask(keeps.o.buyer, {1})).amount_minor == 1001);
  CHECK(keeps.o.must(keeps.ask(keeps.o.organiser, {2})).amount_minor == 1101);
  auto ask = keeps.ask(keeps.o.organiser, {3});
  ask.keep_fee = true;
  CHECK(keeps.o.must(ask).amount_minor == 1001);
  Sold whole{3600, true};
  CHECK(whole.o.must(whole.ask(whole.o.buyer)).amount_minor == 3003);
  Sold never{0};
  CHECK(code(never.o.call(never.ask(never.o.buyer))) == Refusal::refund_closed);
}

TEST_CASE("refund: one that the provider refuses can be asked for again, one that fails later lies with us") {
  Sold w;
  auto& o = w.o;
  const auto refused = o.must(w.ask(o.organiser));
  o.must(RecordRefund{
      .meta = o.meta(), .refund_id = refused.id, .status = RefundStatus::failed, .error = "balance_insufficient"});
  CHECK(w.has_alert(AlertKind::refund_failed, refused.id.value));
  CHECK(w.now_paid().refund_minor == 0);
  CHECK(w.status(1) == TicketStatus::revoked);
  CHECK(w.taken() == 3);
  CHECK(w.balance(LedgerAccount::buyer) == -3303);

  const auto again = o.must(w.ask(o.organiser));
  CHECK(again.amount_minor == 3303);
  w.record(again, RefundStatus::succeeded);
  w.record(again, RefundStatus::failed);
  CHECK(w.now_paid().refunded_minor == 0);
  CHECK(w.balance(LedgerAccount::buyer) == -3303);
  CHECK(w.balance(LedgerAccount::platform) == 3303);
  CHECK(code(o.call(w.ask(o.organiser))) == Refusal::refund_too_much);  // the provider has done what it can
  CHECK(code(o.call(RecordRefund{.meta = o.meta(), .refund_id = again.id, .provider_id = "re_other"})) ==
        Refusal::conflict);
}

TEST_CASE("refund: one noted as refused that the provider made after all counts, and is not made twice") {
  for (const bool by_event : {true, false}) {
    CAPTURE(by_event);
    Sold w;
    auto& o = w.o;
    const auto refund = o.must(w.ask(o.organiser));
    o.must(RecordRefund{.meta = o.meta(), .refund_id = refund.id, .status = RefundStatus::failed, .error = "lost"});
    const RefundNews news{.provider_id = "re_1",
                          .intent_id = testing::Office<Rows>::intent_of(w.payment),
                          .status = RefundStatus::succeeded,
                          .amount_minor = 3303,
                          .currency = "EUR",
                          .refund_id = refund.id};
    if (by_event) {
      CHECK(o.must(o.event(news)).detail == "refund_succeeded");
    } else {
      w.record(refund, RefundStatus::succeeded, "re_1");
    }
    CHECK(w.now_paid().refunded_minor == 3303);
    CHECK(w.balance(LedgerAccount::buyer) == 0);
    CHECK(w.taken() == 0);
    CHECK(code(o.call(w.ask(o.organiser))) == Refusal::refund_too_much);
  }
}

TEST_CASE("refund: a place comes back once, though its refund fails late and the money goes back another way") {
  for (const bool by_dispute : {true, false}) {
    CAPTURE(by_dispute);
    Sold w;
    auto& o = w.o;
    const auto others = o.reserve(w.tier.id, 2);
    const auto failed = o.must(w.ask(o.organiser, {1, 2}));
    w.record(failed, RefundStatus::succeeded);
    CHECK(w.taken() == 3);
    w.record(failed, RefundStatus::failed);
    if (by_dispute) {
      o.must(o.event(w.dispute("lost", 3303)));
    } else {
      o.must(o.event(RefundNews{.provider_id = "re_by_hand",
                                .intent_id = testing::Office<Rows>::intent_of(w.payment),
                                .status = RefundStatus::succeeded,
                                .amount_minor = 3303,
                                .currency = "EUR"}));
    }
    CHECK(w.status(3) == TicketStatus::revoked);
    CHECK(w.taken() == others.ticket_count);
  }
}

TEST_CASE("refund: every order of its news ends the same") {
  std::vector<RefundStatus> order{RefundStatus::pending, RefundStatus::succeeded, RefundStatus::failed};
  std::ranges::sort(order);
  do {
    Sold w;
    const auto refund = w.o.must(w.ask(w.o.organiser));
    for (const auto status : order) {
      w.o.must(w.o.event(RefundNews{.provider_id = "re_1",
                                    .intent_id = testing::Office<Rows>::intent_of(w.payment),
                                    .status = status,
                                    .amount_minor = 3303,
                                    .currency = "EUR",
                                    .refund_id = refund.id}));
    }
    CHECK(w.rows.get<Refund>(refund.id).status == RefundStatus::failed);
    CHECK(w.now_paid().refunded_minor == 0);
    CHECK(w.balance(LedgerAccount::buyer) == -3303);
    CHECK(w.balance(LedgerAccount::platform) == 3303);
    CHECK(w.balance(LedgerAccount::platform_fee) == 0);
  } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("refund: one whose business cannot return the money leaves a debt on the desk") {
  Sold w;
  const auto refund = w.o.must(w.ask(w.o.organiser));
  w.o.must(RecordRefund{.meta = w.o.meta(),
                        .refund_id = refund.id,
                        .provider_id = "re_1",
                        .status = RefundStatus::succeeded,
                        .without_reversal = true});
  CHECK_FALSE(w.rows.get<Refund>(refund.id).reverse_transfer);
  CHECK(w.balance(LedgerAccount::platform) == -3303);
  CHECK(w.has_alert(AlertKind::receivable, refund.id.value));
}

TEST_CASE("dispute: freezes, and ends as it ends, in every order of its news") {
  for (const std::string end : {"won", "lost", "warning_closed", "something_new"}) {
    CAPTURE(end);
    std::vector<int> order{0, 1, 2};
    do {
      Sold w;
      auto& o = w.o;
      const bool inquiry = end == "warning_closed";
      const std::int64_t moved = inquiry ? 0 : 3303;
      for (const int i : order) {
        if (i == 0) o.must(o.event(w.dispute(inquiry ? "warning_needs_response" : "needs_response", moved)));
        if (i == 1) o.must(o.event(w.dispute(inquiry ? "warning_under_review" : "under_review", moved)));
        if (i == 2) o.must(o.event(w.dispute(end, moved, end == "won" ? moved : 0)));
      }
      const Dispute& dispute = w.rows.get<Dispute>(dispute_id("du_1"));
      const auto expected = end == "lost"            ? TicketStatus::revoked
                            : end == "something_new" ? TicketStatus::frozen
                                                     : TicketStatus::valid;
      CHECK(w.status(1) == expected);
      CHECK(w.taken() == (end == "lost" ? 0 : 3));
      CHECK(w.now_paid().open_disputes == (end == "something_new" ? 1 : 0));
      CHECK((dispute.outcome == DisputeOutcome::lost) == (end == "lost"));
      CHECK(w.balance(LedgerAccount::disputed) == (end == "something_new" ? 3303 : 0));
      CHECK(w.balance(LedgerAccount::buyer) == (end == "lost" ? 0 : -3303));
      CHECK(w.balance(LedgerAccount::provider_fee) == (inquiry ? 0 : 1500));
    } while (std::ranges::next_permutation(order).found);
  }
}

TEST_CASE("dispute: while it is open nobody enters or is refunded; lost, the business's share is got back") {
  Sold w;
  auto& o = w.o;
  o.must(o.event(w.dispute("needs_response", 3303)));
  CHECK(o.must(o.scan(w.ticket(1))).check_in.reason == DoorReason::frozen);
  CHECK(code(o.call(w.ask(o.organiser))) == Refusal::disputed);
  const RecordDisputeReversal reversal{.meta = o.meta(), .dispute_id = dispute_id("du_1"), .amount_minor = 3303};
  CHECK(code(o.call(reversal)) == Refusal::conflict);
  CHECK(o.must(RecordEvidence{.meta = o.meta(), .dispute_id = dispute_id("du_1")}).evidence_sent);
  o.must(o.event(w.dispute("lost", 3303)));
  o.must(reversal);
  o.must(reversal);
  CHECK(w.balance(LedgerAccount::platform) == -1500);  // the provider's fee
  CHECK(code(o.call(w.ask(o.organiser))) == Refusal::refund_too_much);
  CHECK(code(o.call(RecordDisputeReversal{.meta = o.meta()})) == Refusal::unknown_dispute);
}

TEST_CASE("dispute: an entry taken back while it is open leaves the ticket frozen") {
  Sold w;
  auto& o = w.o;
  const auto entry = o.must(o.scan(w.ticket(1)));
  o.must(o.event(w.dispute("needs_response", 3303)));
  CHECK(w.status(1) == TicketStatus::used);
  o.must(Annul{.meta = o.meta(), .device_id = o.gate, .check_in_id = entry.check_in.id});
  CHECK(w.status(1) == TicketStatus::frozen);
}

TEST_CASE("cancellation: ends the sale at once, then each registration, and goes on where it stopped") {
  Sold w;
  auto& o = w.o;
  const auto held = o.reserve(w.tier.id, 1, o.other_buyer);
  const auto cash =
      o.must(PayCash{.meta = o.meta(o.organiser), .registration_id = o.reserve(w.tier.id, 1, o.other_buyer).id});
  CHECK(code(o.call(CancelForShow{.meta = o.meta(), .registration_id = held.id})) == Refusal::conflict);
  CHECK(code(o.call(CancelShow{.meta = o.meta(o.buyer), .show_id = o.show})) == Refusal::forbidden);
  CHECK(code(o.call(CancelShow{.meta = o.meta(o.organiser)})) == Refusal::unknown_show);
  const auto begun = o.must(CancelShow{.meta = o.meta(o.organiser), .show_id = o.show});
  CHECK(o.must(CancelShow{.meta = o.meta(o.organiser), .show_id = o.show}).started_at == begun.started_at);
  CHECK(code(o.call(o.order(w.tier.id, 1))) == Refusal::show_cancelled);
  for (int twice = 0; twice < 2; ++twice) {
    for (const auto id : {w.registration.id, held.id, cash.id}) {
      o.must(CancelForShow{.meta = o.meta(), .registration_id = id});
    }
  }
  CHECK(w.rows.get<Registration>(held.id).status == RegistrationStatus::cancelled);
  CHECK(w.now_paid().refund_count == 1);
  const Refund& refund = w.rows.get<Refund>(refund_id(w.payment.id, 1));
  CHECK(refund.reason == RefundReason::show_cancelled);
  CHECK(refund.amount_minor == 3303);
  CHECK(w.status(3) == TicketStatus::revoked);
  CHECK(w.rows.get<Refund>(refund_id(cash.transaction_id, 1)).status == RefundStatus::succeeded);
  o.must(RecordCancellation{.meta = o.meta(), .show_id = o.show, .total = 3, .done = 2, .after_order = "x"});
  const auto done =
      o.must(RecordCancellation{.meta = o.meta(), .show_id = o.show, .total = 3, .done = 3, .finished = true});
  CHECK(done.finished_at.has_value());
}

#include <doctest/doctest.h>

#include <functional>

#include "domain/guests.hpp"
#include "domain/testing/office.hpp"

using namespace admit::domain;
using admit::domain::testing::code;
using admit::domain::testing::Rows;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

struct World_ {
  Rows rows;
  testing::Office<Rows> office{rows};

  RegistrationStatus status(RegistrationId id) const { return rows.get<Registration>(id).status; }
  std::int64_t taken(QuotaId id) const { return rows.get<Quota>(id).taken; }
  std::int64_t live_holds(const Registration& of) const { return rows.get<HoldCounter>(of.user_counter).taken; }
};

}  // namespace

TEST_CASE("hold: takes places, counts as live, and lasts as long as the show says") {
  World_ w;
  const Tier tier = w.office.tier(1190, 5);
  const auto held = w.office.reserve(tier.id, 2);
  CHECK(held.status == RegistrationStatus::held);
  CHECK(held.amount_minor == 2380);
  CHECK(held.expires_at == w.office.now + minutes{10});
  CHECK(held.due_at == w.office.now + minutes{13});
  CHECK(w.taken(tier.quota_ids[0]) == 2);
  CHECK(w.live_holds(held) == 1);
}

TEST_CASE("hold: the last place goes to exactly one of two buyers") {
  World_ w;
  const Tier tier = w.office.tier(1000, 1);
  CHECK(w.office.call(w.office.order(tier.id, 1, w.office.buyer)).has_value());
  CHECK(code(w.office.call(w.office.order(tier.id, 1, w.office.other_buyer))) == Refusal::sold_out);
  CHECK(w.taken(tier.quota_ids[0]) == 1);
}

TEST_CASE("quota: shared by tiers, each place is sold once") {
  World_ w;
  const QuotaId hall = w.office.quota(3);
  const Tier a = w.office.tier(1000, std::vector{hall});
  const Tier b = w.office.tier(2000, std::vector{hall});
  w.office.reserve(a.id, 2);
  CHECK(code(w.office.call(w.office.order(b.id, 2))) == Refusal::sold_out);
  w.office.reserve(b.id, 1);
  CHECK(w.taken(hall) == 3);
}

TEST_CASE("quota: a tier that draws from several is as large as the smallest, and takes from each") {
  World_ w;
  const QuotaId hall = w.office.quota(10);
  const QuotaId balcony = w.office.quota(2);
  const Tier tier = w.office.tier(1000, std::vector{hall, balcony});
  w.office.reserve(tier.id, 2);
  CHECK(code(w.office.call(w.office.order(tier.id, 1))) == Refusal::sold_out);
  CHECK(w.taken(hall) == 2);
  CHECK(w.taken(balcony) == 2);
}

TEST_CASE("quota: two lines of one order that draw from one quota are counted together") {
  World_ w;
  const QuotaId hall = w.office.quota(3);
  const Tier a = w.office.tier(1000, std::vector{hall});
  const Tier b = w.office.tier(1000, std::vector{hall});
  auto order = w.office.order(a.id, 2);
  order.lines.push_back({b.id, 2, {}});
  CHECK(code(w.office.call(order)) == Refusal::sold_out);
  CHECK(w.taken(hall) == 0);
  order.lines[1].quantity = 1;
  w.office.must(order);
  CHECK(w.taken(hall) == 3);
}

TEST_CASE("reserve: refusals, in their order; with two faults the first is told") {
  World_ w;
  auto& o = w.office;
  const Tier tier = o.tier(1000, 5);
  auto draft = o.draft();
  const ShowId unpublished = o.must(o.create(draft)).id;
  auto closed = o.draft();
  closed.sale_from = o.now + minutes{10};
  closed.sale_until = o.now + minutes{20};
  const ShowId timed = o.new_show(closed);
  const TierId timed_tier =
      o.must(CreateTier{.meta = o.meta(o.organiser), .show_id = timed, .name = "t", .price_minor = 1000, .capacity = 5})
          .id;
  Tier pair = o.must(CreateTier{.meta = o.meta(o.organiser),
                                .show_id = o.show,
                                .name = "pair",
                                .price_minor = 1000,
                                .min_per_registration = 2,
                                .max_per_registration = 3,
                                .capacity = 1});
  const BusinessId poor = o.must(CreateBusiness{.meta = o.meta(o.organiser), .name = "Poor"}).id;
  auto poor_draft = o.draft();
  poor_draft.business_id = poor;
  const ShowId poor_show = o.new_show(poor_draft);
  const TierId poor_tier =
      o.must(CreateTier{
                 .meta = o.meta(o.organiser), .show_id = poor_show, .name = "t", .price_minor = 1000, .capacity = 0})
          .id;

  const auto order = [&](ShowId show, TierId tier_id, std::int64_t quantity) {
    auto out = o.order(tier_id, quantity);
    out.show_id = show;
    return out;
  };
  auto no_lines = order({}, tier.id, 1);
  no_lines.lines.clear();
  auto twice = order(o.show, tier.id, 1);
  twice.lines.push_back(twice.lines[0]);
  auto crowd = order(o.show, tier.id, 1);
  crowd.lines[0].holders = {"a", "b"};
  auto long_name = order(o.show, tier.id, 1);
  long_name.lines[0].holders = {std::string(201, 'x')};
  auto turned_name = order(o.show, tier.id, 1);
  turned_name.lines[0].holders = {"Ada \u202eecalevoL"};
  auto no_provider = order(o.show, tier.id, 1);
  no_provider.payments_ready = false;

  struct Row {
    const char* fault;
    Reserve command;
    Refusal code;
  };
  const Row rows[] = {
      {"no lines, of no show", no_lines, Refusal::invalid_field},
      {"nothing of no show", order({}, tier.id, 0), Refusal::invalid_field},
      {"a negative number", order(o.show, tier.id, -1), Refusal::invalid_field},
      {"too many for any show", order(o.show, tier.id, 41), Refusal::invalid_field},
      {"a tier twice", twice, Refusal::invalid_field},
      {"more holders than tickets", crowd, Refusal::invalid_field},
      {"a name too long", long_name, Refusal::invalid_field},
      {"a name that turns the line", turned_name, Refusal::invalid_field},
      {"no show, no tier", order({}, {}, 1), Refusal::unknown_show},
      {"unpublished, no tier", order(unpublished, {}, 1), Refusal::show_not_published},
      {"too early, no tier", order(timed, {}, 1), Refusal::sale_not_open},
      {"no tier, too many", order(o.show, {}, 40), Refusal::unknown_tier},
      {"another show's tier", order(o.show, timed_tier, 1), Refusal::unknown_tier},
      {"too few, and sold out", order(o.show, pair.id, 1), Refusal::too_few},
      {"too many, and sold out", order(o.show, pair.id, 4), Refusal::too_many},
      {"too many of the tier", order(o.show, tier.id, 11), Refusal::too_many},
      {"cannot be paid, and sold out", order(poor_show, poor_tier, 1), Refusal::payments_unavailable},
      {"no provider", no_provider, Refusal::payments_unavailable},
      {"sold out", order(o.show, pair.id, 2), Refusal::sold_out},
      {"sold out", order(o.show, tier.id, 6), Refusal::sold_out},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.fault));
    CHECK(code(w.rows.call(row.command)) == row.code);
  }
  auto late = order(timed, timed_tier, 1);
  late.meta.now = o.now + minutes{10} - milliseconds{1};
  CHECK(code(w.rows.call(late)) == Refusal::sale_not_open);
  late.meta.now = o.now + minutes{20};
  CHECK(code(w.rows.call(late)) == Refusal::sale_closed);
  late.meta.now = o.now + minutes{20} - milliseconds{1};
  CHECK(w.rows.call(late).has_value());
  late.meta.now = o.now + minutes{10};
  late.meta.seed.a += 1'000'000;
  CHECK(w.rows.call(late).has_value());
}

TEST_CASE("sale: without an end of its own it closes with the last admission window") {
  World_ w;
  const Tier tier = w.office.tier(1000, 5);
  auto order = w.office.order(tier.id, 1);
  order.meta.now = w.office.now + std::chrono::hours{24};
  CHECK(code(w.rows.call(order)) == Refusal::sale_closed);
  order.meta.now -= milliseconds{1};
  CHECK(w.rows.call(order).has_value());
}

TEST_CASE("hold limits: by user and by address; what is refused takes no place, and a hold that ends makes room") {
  World_ w;
  auto& o = w.office;
  auto draft = o.draft();
  draft.max_live_holds_per_user = 2;
  draft.max_live_holds_per_address = 3;
  o.show = o.new_show(draft);
  const Tier tier = o.tier(1000, 100);
  const auto first = o.reserve(tier.id, 1);
  o.reserve(tier.id, 1);
  CHECK(code(o.call(o.order(tier.id, 1))) == Refusal::too_many_holds);
  CHECK(w.taken(tier.quota_ids[0]) == 2);
  o.reserve(tier.id, 1, o.other_buyer);
  CHECK(code(o.call(o.order(tier.id, 1, o.other_buyer))) == Refusal::too_many_holds);
  CHECK(w.rows.get<HoldCounter>(first.address_counter).taken == 3);
  o.must(CancelRegistration{.meta = o.meta(o.buyer), .registration_id = first.id});
  o.reserve(tier.id, 1);
  CHECK(w.live_holds(first) == 2);
  const auto paid = o.reserve(o.tier(0, 5).id, 1);
  CHECK(paid.status == RegistrationStatus::confirmed);  // free: nothing waits, so no limit counts it
}

TEST_CASE("free: confirmed at once with the provider none, its tickets and its job") {
  World_ w;
  const Tier tier = w.office.tier(0, 5);
  auto order = w.office.order(tier.id, 2);
  order.payments_ready = false;
  const auto registration = w.office.must(order);
  CHECK(registration.status == RegistrationStatus::confirmed);
  CHECK_FALSE(registration.due_at);
  const auto& transaction = w.rows.get<Transaction>(registration.transaction_id);
  CHECK(transaction.provider == Provider::none_);
  CHECK(transaction.status == TransactionStatus::succeeded);
  const auto tickets = testing::Office<Rows>::tickets(registration, w.office.now);
  CHECK(w.rows.get<Ticket>(tickets[0]).holder == "Ada Lovelace");
  CHECK(w.rows.get<Ticket>(tickets[1]).holder.empty());
  CHECK(w.rows.world.changes().of<Job>().size() == 2);  // the documents and the mail
  CHECK(w.live_holds(registration) == 2);               // as many free tickets has this user
}

TEST_CASE("free: guests who give one address share what one person may have, and it comes back with the tickets") {
  World_ w;
  auto& o = w.office;
  const Tier tier = o.tier(0, 50);
  const auto guest = [&](const std::string& email) {
    return o.must(CreateGuest{.meta = o.meta(),
                              .email = email,
                              .session_id = o.fresh<SessionId>(),
                              .refresh_hash = {"hash"},
                              .session_ttl_s = 60})
        .id;
  };
  const auto first = o.reserve(tier.id, 10, guest("one@example.org"));
  o.reserve(tier.id, 10, guest("one@example.org"));
  CHECK(code(o.call(o.order(tier.id, 1, guest("one@example.org")))) == Refusal::too_many_free_tickets);
  o.reserve(tier.id, 1, guest("two@example.org"));
  o.must(RequestRefund{.meta = o.meta(o.organiser), .registration_id = first.id, .ticket_numbers = {1, 2}});
  o.reserve(tier.id, 2, guest("one@example.org"));
  CHECK(code(o.call(o.order(tier.id, 1, guest("one@example.org")))) == Refusal::too_many_free_tickets);
}

TEST_CASE("registration: what each event of the provider makes of each state") {
  using S = RegistrationStatus;
  using I = IntentStatus;
  using Prepare = std::function<void(World_&, Registration&, Transaction&)>;
  const Prepare held = [](World_&, Registration&, Transaction&) {
  };
  const Prepare expiring = [](World_& w, Registration& r, Transaction&) {
    w.office.now += minutes{13};
    w.office.must(ExpireHeld{.meta = w.office.meta(), .registration_id = r.id});
  };
  const Prepare cancelling = [](World_& w, Registration& r, Transaction&) {
    w.office.must(CancelRegistration{.meta = w.office.meta(w.office.buyer), .registration_id = r.id});
  };
  const Prepare expired = [expiring](World_& w, Registration& r, Transaction& t) {
    expiring(w, r, t);
    w.office.must(w.office.news(t, I::canceled));
  };
  const Prepare confirmed = [](World_& w, Registration&, Transaction& t) {
    w.office.must(w.office.news(t, I::succeeded));
  };
  const Prepare failed = [](World_& w, Registration&, Transaction& t) {
    w.office.must(w.office.news(t, I::requires_payment_method, true));
  };
  const Prepare withdrawn = [](World_& w, Registration&, Transaction& t) {
    w.office.must(w.office.news(t, I::canceled));
  };

  struct Row {
    const char* state;
    const Prepare& prepare;
    I event;
    bool declined;
    S registration;
    TransactionStatus transaction;
    InboxStatus inbox;
    const char* detail;
    std::int64_t places;
  };
  using T = TransactionStatus;
  using N = InboxStatus;
  const Row rows[] = {
      {"held", held, I::succeeded, false, S::confirmed, T::succeeded, N::applied, "confirmed", 1},
      {"held", held, I::requires_payment_method, true, S::held, T::failed, N::applied, "failed", 1},
      {"held", held, I::requires_payment_method, false, S::held, T::created, N::ignored, "nothing_to_do", 1},
      {"held", held, I::requires_confirmation, false, S::held, T::created, N::ignored, "nothing_to_do", 1},
      {"held", held, I::requires_action, false, S::held, T::requires_action, N::applied, "requires_action", 1},
      {"held", held, I::processing, false, S::held, T::processing, N::applied, "processing", 1},
      {"held", held, I::requires_capture, false, S::held, T::requires_capture, N::applied, "requires_capture", 1},
      {"held", held, I::canceled, false, S::held, T::cancelled, N::applied, "cancelled", 1},
      {"held", held, I::unrecognised, false, S::held, T::created, N::ignored, "nothing_to_do", 1},
      {"failed", failed, I::succeeded, false, S::confirmed, T::succeeded, N::applied, "confirmed", 1},
      {"failed", failed, I::requires_action, false, S::held, T::requires_action, N::applied, "requires_action", 1},
      {"expiring", expiring, I::succeeded, false, S::confirmed, T::succeeded, N::applied, "confirmed", 1},
      {"expiring", expiring, I::canceled, false, S::expired, T::cancelled, N::applied, "cancelled", 0},
      {"expiring", expiring, I::requires_payment_method, true, S::expiring, T::failed, N::applied, "failed", 1},
      {"expiring", expiring, I::processing, false, S::expiring, T::processing, N::applied, "processing", 1},
      {"cancelling", cancelling, I::succeeded, false, S::confirmed, T::succeeded, N::applied, "confirmed", 1},
      {"cancelling", cancelling, I::canceled, false, S::expired, T::cancelled, N::applied, "cancelled", 0},
      {"expired", expired, I::succeeded, false, S::confirmed, T::succeeded, N::applied, "reallocated", 1},
      {"expired", expired, I::canceled, false, S::expired, T::cancelled, N::applied, "already_cancelled", 0},
      {"expired", expired, I::processing, false, S::expired, T::cancelled, N::applied, "already_cancelled", 0},
      {"expired", expired, I::requires_payment_method, true, S::expired, T::cancelled, N::applied, "already_cancelled",
       0},
      {"confirmed", confirmed, I::succeeded, false, S::confirmed, T::succeeded, N::applied, "already_succeeded", 1},
      {"confirmed", confirmed, I::canceled, false, S::confirmed, T::succeeded, N::applied, "already_succeeded", 1},
      {"confirmed", confirmed, I::requires_action, false, S::confirmed, T::succeeded, N::applied, "already_succeeded",
       1},
      {"confirmed", confirmed, I::requires_payment_method, true, S::confirmed, T::succeeded, N::applied,
       "already_succeeded", 1},
      {"withdrawn", withdrawn, I::succeeded, false, S::confirmed, T::succeeded, N::applied, "confirmed", 1},
      {"withdrawn", withdrawn, I::requires_action, false, S::held, T::cancelled, N::applied, "already_cancelled", 1},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.state));
    CAPTURE(word(row.event));
    World_ w;
    const Tier tier = w.office.tier(1000, 5);
    auto registration = w.office.reserve(tier.id, 1);
    auto transaction = w.office.begin(registration);
    row.prepare(w, registration, transaction);
    const auto event = w.office.news(transaction, row.event, row.declined);
    const auto outcome = w.office.must(event);
    CHECK(w.status(registration.id) == row.registration);
    CHECK(w.rows.get<Transaction>(transaction.id).status == row.transaction);
    CHECK(outcome.status == row.inbox);
    CHECK(outcome.detail == row.detail);
    CHECK(w.taken(tier.quota_ids[0]) == row.places);
    CHECK(w.live_holds(registration) == (row.registration == S::held ? 1 : 0));

    // The same event again changes nothing.
    const auto again = w.office.must(event);
    CHECK(again.duplicate);
    CHECK(again.detail == outcome.detail);
    CHECK_FALSE(again.confirmed);
    CHECK(w.status(registration.id) == row.registration);
    CHECK(w.taken(tier.quota_ids[0]) == row.places);
  }
}

TEST_CASE("event: what cannot be applied is kept with a word that says why") {
  World_ w;
  auto& o = w.office;
  const Tier tier = o.tier(1000, 5);
  const auto registration = o.reserve(tier.id, 1);
  const auto transaction = o.begin(registration);
  const auto other = o.begin(o.reserve(tier.id, 1));
  const auto free = o.reserve(o.tier(0, 5).id, 1);
  const auto paid = [&] {
    return o.news(transaction, IntentStatus::succeeded);
  };
  const auto expect = [&](const char* detail, const ApplyEvent& event) {
    CAPTURE(std::string(detail));
    const auto outcome = o.must(event);
    CHECK(outcome.status == InboxStatus::flagged);
    CHECK(outcome.detail == detail);
    CHECK(w.rows.get<InboxEvent>(inbox_id(event.event_id)).detail == detail);
    CHECK(w.status(registration.id) == RegistrationStatus::held);
  };
  auto event = paid();
  const auto intent = [&]() -> IntentNews& { return std::get<IntentNews>(event.news); };
  event.livemode = true;
  expect("wrong_livemode", event);
  event = paid();
  event.account = "acct_thief";
  expect("intent_of_another_account", event);
  event = paid();
  intent().intent_id.clear();
  expect("no_intent_id", event);
  event = paid();
  intent().transaction_id = {};
  expect("unknown_intent", event);
  event = paid();
  intent().transaction_id = free.transaction_id;
  expect("not_paid_by_card", event);
  o.must(RecordIntent{.meta = o.meta(), .transaction_id = transaction.id, .intent_id = "pi_" + transaction.id.text()});
  event = paid();
  intent().intent_id = "pi_other";
  expect("intent_of_another_payment", event);
  event = paid();
  event.news = o.account("acct_unknown");
  expect("unknown_account", event);
  o.must(RecordIntent{.meta = o.meta(), .transaction_id = other.id, .intent_id = "pi_2"});
  CHECK(code(o.call(RecordIntent{.meta = o.meta(), .transaction_id = other.id, .intent_id = "pi_3"})) ==
        Refusal::conflict);
  CHECK(code(o.call(RecordIntent{.meta = o.meta(), .transaction_id = transaction.id, .intent_id = "pi_2"})) ==
        Refusal::conflict);
  CHECK(o.must(paid()).detail == "confirmed");
}

TEST_CASE("event: an account that may charge no more stops the sale") {
  World_ w;
  auto& o = w.office;
  const Tier tier = o.tier(1000, 5);
  ApplyEvent event{.meta = o.meta(),
                   .event_id = "evt_a",
                   .type = "account.updated",
                   .object_id = "acct_hall",
                   .account = "acct_hall",
                   .news = AccountNews{.account_id = "acct_hall"}};
  CHECK(o.must(event).detail == "account_updated");
  CHECK(code(o.call(o.order(tier.id, 1))) == Refusal::payments_unavailable);
}

TEST_CASE("payment: a second success for a confirmed registration is flagged and changes nothing else") {
  World_ w;
  auto& o = w.office;
  const auto registration = o.reserve(o.tier(1000, 5).id, 1);
  const auto first = o.begin(registration);
  o.must(o.news(first, IntentStatus::canceled));
  const auto second = o.begin(registration);
  CHECK(second.id != first.id);
  CHECK(second.attempt == 2);
  CHECK(o.must(o.news(second, IntentStatus::succeeded)).detail == "confirmed");
  CHECK(o.must(o.news(first, IntentStatus::succeeded)).detail == "second_payment");
  CHECK(w.rows.get<Registration>(registration.id).transaction_id == second.id);
  CHECK(w.rows.get<Registration>(registration.id).flag == "second_payment");
}

TEST_CASE("payment: begun once; a repeat gives the same, and refusals come in their order") {
  World_ w;
  auto& o = w.office;
  const auto registration = o.reserve(o.tier(1000, 5).id, 2);
  const auto ask = [&](UserId user, std::optional<std::int64_t> amount, bool ready) {
    return BeginPayment{
        .meta = o.meta(user), .registration_id = registration.id, .amount_minor = amount, .payments_ready = ready};
  };
  CHECK(code(o.call(BeginPayment{.meta = o.meta(o.buyer)})) == Refusal::unknown_registration);
  CHECK(code(o.call(ask(o.other_buyer, 1, false))) == Refusal::forbidden);
  CHECK(code(o.call(ask(o.buyer, 1999, false))) == Refusal::amount_differs);
  CHECK(code(o.call(ask(o.buyer, 2000, false))) == Refusal::payments_unavailable);
  const auto transaction = o.must(ask(o.buyer, 2000, true));
  CHECK(o.must(ask(o.buyer, std::nullopt, true)).id == transaction.id);
  CHECK(transaction.stripe_account == "acct_hall");
  o.now += minutes{10};
  CHECK(code(o.call(ask(o.buyer, 1, true))) == Refusal::registration_expired);
  CHECK(o.must(o.news(transaction, IntentStatus::succeeded)).detail == "confirmed");  // in the grace that is not shown
  CHECK(code(o.call(ask(o.buyer, 1, true))) == Refusal::already_paid);
}

TEST_CASE("expiry: not before its time, once, and the places come back") {
  World_ w;
  auto& o = w.office;
  const Tier tier = o.tier(1000, 5);
  const auto registration = o.reserve(tier.id, 3);
  const auto expire = [&] {
    return o.must(ExpireHeld{.meta = o.meta(), .registration_id = registration.id});
  };
  o.now += minutes{13} - milliseconds{1};
  CHECK(expire().status == RegistrationStatus::held);
  o.now += milliseconds{1};
  CHECK(expire().status == RegistrationStatus::expired);
  CHECK(expire().status == RegistrationStatus::expired);
  CHECK(w.taken(tier.quota_ids[0]) == 0);
  CHECK(w.live_holds(registration) == 0);
}

TEST_CASE("expiry: a payment that never reached the provider ends, and with it the hold") {
  World_ w;
  auto& o = w.office;
  const Tier tier = o.tier(1000, 5);
  const auto registration = o.reserve(tier.id, 1);
  const auto transaction = o.begin(registration);
  o.must(CancelRegistration{.meta = o.meta(o.buyer), .registration_id = registration.id});
  CHECK(w.status(registration.id) == RegistrationStatus::expiring);
  CHECK(w.taken(tier.quota_ids[0]) == 1);
  o.must(CancelPayment{.meta = o.meta(), .transaction_id = transaction.id});
  o.must(CancelPayment{.meta = o.meta(), .transaction_id = transaction.id});
  CHECK(w.status(registration.id) == RegistrationStatus::expired);
  CHECK(w.taken(tier.quota_ids[0]) == 0);
  // The provider's answer to the creation arrives after all: its id and the payment know each other from then on.
  o.must(o.news(transaction, IntentStatus::requires_payment_method, true));
  const auto& row = w.rows.get<Transaction>(transaction.id);
  CHECK(w.rows.get<Claim>(intent_claim(row.intent_id)).target == transaction.id.value);
}

TEST_CASE("cancel: by its customer or an operator, while held") {
  World_ w;
  auto& o = w.office;
  const Tier tier = o.tier(1000, 5);
  const auto registration = o.reserve(tier.id, 1);
  CHECK(code(o.call(CancelRegistration{.meta = o.meta(o.buyer)})) == Refusal::unknown_registration);
  CHECK(code(o.call(CancelRegistration{.meta = o.meta(o.other_buyer), .registration_id = registration.id})) ==
        Refusal::forbidden);
  CHECK(o.must(CancelRegistration{.meta = o.by_operator(), .registration_id = registration.id}).status ==
        RegistrationStatus::cancelled);
  CHECK(code(o.call(CancelRegistration{.meta = o.meta(o.buyer), .registration_id = registration.id})) ==
        Refusal::registration_not_held);
  CHECK(w.taken(tier.quota_ids[0]) == 0);
}

TEST_CASE("generate: only for a confirmed registration, of this show and user") {
  World_ w;
  auto& o = w.office;
  const auto registration = o.reserve(o.tier(1000, 5).id, 1);
  const auto ask = [&](ShowId show, UserId user) {
    return GenerateTickets{
        .meta = o.by_operator(), .registration_id = registration.id, .show_id = show, .user_id = user};
  };
  CHECK(code(o.call(ask({}, {}))) == Refusal::invalid_field);
  CHECK(code(o.call(ask(o.show, o.other_buyer))) == Refusal::invalid_field);
  CHECK(code(o.call(ask(o.show, o.buyer))) == Refusal::registration_not_held);
  o.pay(registration);
  CHECK(o.must(ask(o.show, o.buyer)).id == registration.id);
}

TEST_CASE("refusal: leaves the world as it was, however far the decision came") {
  World_ w;
  auto& o = w.office;
  auto draft = o.draft();
  draft.max_live_holds_per_user = 1;
  o.show = o.new_show(draft);
  const Tier tier = o.tier(1000, 5);
  o.reserve(tier.id, 1);
  const auto count = w.rows.world.change_count();
  const auto taken = w.taken(tier.quota_ids[0]);
  CHECK(code(o.call(o.order(tier.id, 1))) == Refusal::too_many_holds);  // after places were taken
  CHECK(w.rows.world.change_count() == count);
  CHECK(w.taken(tier.quota_ids[0]) == taken);
  CHECK(w.rows.world.changes().size() <= count);
}

TEST_CASE("job: one lease at a time, tried again when it failed, dead in the end") {
  World_ w;
  auto& o = w.office;
  o.pay(o.reserve(o.tier(1000, 5).id, 1));
  const JobId job = w.rows.world.changes().of<Job>().at(0).row->id;
  const auto lease = [&](std::uint64_t who) {
    return LeaseJob{.meta = o.meta(), .job_id = job, .lease = {who, 1}, .until = o.now + minutes{1}};
  };
  const auto finish = [&](std::uint64_t who, std::string error) {
    return FinishJob{
        .meta = o.meta(), .job_id = job, .lease = {who, 1}, .error = std::move(error), .retry_at = o.now + seconds{5}};
  };
  CHECK(code(o.call(LeaseJob{.meta = o.meta()})) == Refusal::unknown_job);
  CHECK(o.must(lease(1)).attempts == 1);
  CHECK(code(o.call(lease(2))) == Refusal::conflict);
  o.now += minutes{1};
  CHECK(o.must(lease(2)).attempts == 2);
  CHECK(code(o.call(finish(1, ""))) == Refusal::conflict);
  CHECK(o.must(finish(2, "away")).due_at == o.now + seconds{5});
  for (std::int64_t attempt = 3; attempt <= max_job_attempts; ++attempt) {
    o.now += seconds{5};
    o.must(lease(3));
    const auto tried = o.must(finish(3, "away"));
    CHECK(tried.status == (attempt == max_job_attempts ? JobStatus::dead : JobStatus::due));
  }
  CHECK(code(o.call(lease(4))) == Refusal::conflict);
}

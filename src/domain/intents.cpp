#include <algorithm>

#include "domain/alerts.hpp"
#include "domain/ledger.hpp"
#include "domain/sale.hpp"
#include "domain/telling.hpp"

namespace admit::domain {
namespace {

bool differs(const IntentNews& news, const Transaction& transaction) {
  return news.received_minor != transaction.amount_minor || news.currency != transaction.currency;
}

bool holds_places(const Registration& registration) {
  return registration.status == RegistrationStatus::held || registration.status == RegistrationStatus::expiring;
}

bool is_on(const Show& show, Instant now) {
  return show.status == ShowStatus::published && !is_over(show, now);
}

/// Ends whatever the registration holds.
void drop(World& world, const Meta& meta, FreshIds& ids, Registration& registration, RegistrationStatus end) {
  if (registration.status == RegistrationStatus::held) end_hold(world, registration);
  if (holds_places(registration)) {
    free_places(world, registration);
    registration.status = end;
    audit(world, meta, ids, "registration." + std::string(word(end)), registration.id.value, registration.show_id);
  }
  registration.due_at.reset();
}

void raise(World& world, const Telling& telling, AlertKind kind, const Transaction& transaction) {
  raise_alert(world, telling.meta, kind, transaction.id.value, transaction.payee_id, transaction.show_id,
              transaction.intent_id);
}

/// All that was received goes back, and the buyer is told.
void give_back(World& world, const Telling& telling, FreshIds& ids, const Registration& registration,
               Transaction& transaction, RefundReason reason) {
  const std::int64_t left = left_minor(transaction);
  if (left == 0) return;
  const Refund refund = make_refund(world, telling.meta, ids, registration, transaction, reason, left, {});
  put_mail(world, telling.meta, ids, "late_refund", refund.id.value);
}

/// Money came. It ends as tickets or goes back in full; where it is another amount, a person may decide first.
Applied succeed(const Telling& telling, const IntentNews& news, World& world, FreshIds& ids, Transaction& transaction,
                Registration& registration) {
  const Instant now = telling.meta.now;
  const Show& show = world.get<Show>(registration.show_id);
  transaction.status = TransactionStatus::succeeded;
  transaction.received_minor = news.received_minor;
  transaction.received_currency = news.currency;
  transaction.processed_at = now;
  transaction.last_error.clear();
  book_payment(world, now, transaction);
  audit(world, telling.meta, ids, "payment.succeeded", transaction.id.value, registration.show_id);

  const auto flag = [&](std::string_view word) {
    transaction.flag = word;
    if (registration.flag.empty()) registration.flag = word;
    return Applied{InboxStatus::flagged, std::string(word)};
  };
  if (registration.status == RegistrationStatus::confirmed) {
    transaction.flag = "second_payment";
    raise(world, telling, AlertKind::second_payment, transaction);
    give_back(world, telling, ids, registration, transaction, RefundReason::second_payment);
    return flag("second_payment");
  }
  if (transaction.refund_minor >= transaction.received_minor) {  // it has gone back before we heard that it had come
    drop(world, telling.meta, ids, registration, RegistrationStatus::cancelled);
    return flag("refunded_before_success");
  }
  if (differs(news, transaction)) {
    if (registration.transaction_id && registration.transaction_id != transaction.id) {
      put_job(world, telling.meta, ids, JobKind::cancel_intent, registration.transaction_id.value);
    }
    registration.transaction_id = transaction.id;
    transaction.review_until = now + review_for;
    registration.due_at = transaction.review_until;
    raise(world, telling, AlertKind::amount_differs, transaction);
    return flag("amount_differs");
  }
  if (show.status == ShowStatus::cancelled) {
    drop(world, telling.meta, ids, registration, RegistrationStatus::cancelled);
    give_back(world, telling, ids, registration, transaction, RefundReason::show_cancelled);
    return flag("show_cancelled");
  }
  if (holds_places(registration)) {
    if (registration.status == RegistrationStatus::held) end_hold(world, registration);
    confirm(world, telling.meta, ids, registration, transaction, telling.epoch);
    return {InboxStatus::applied, "confirmed", registration.id};
  }
  if (is_on(show, now) && take_places(world, registration)) {
    registration.flag = "reallocated";
    confirm(world, telling.meta, ids, registration, transaction, telling.epoch);
    return {InboxStatus::applied, "reallocated", registration.id};
  }
  raise(world, telling, AlertKind::late_success, transaction);
  give_back(world, telling, ids, registration, transaction, RefundReason::late_success);
  return flag("late_success");
}

/// A card is reserved: it is charged if there are places, else let go.
Applied authorize(const Telling& telling, const IntentNews& news, World& world, FreshIds& ids, Transaction& transaction,
                  Registration& registration) {
  const Instant now = telling.meta.now;
  const bool again = transaction.status == TransactionStatus::requires_capture;
  transaction.status = TransactionStatus::requires_capture;
  if (!transaction.manual_capture || again) return {InboxStatus::applied, "requires_capture"};
  const auto let_it_go = [&](std::string_view why) {
    put_job(world, telling.meta, ids, JobKind::cancel_intent, transaction.id.value);
    return Applied{InboxStatus::flagged, std::string(why)};
  };
  if (news.capturable_minor != transaction.amount_minor || news.currency != transaction.currency) {
    transaction.flag = "amount_differs";
    return let_it_go("amount_differs");
  }
  const Show& show = world.get<Show>(registration.show_id);
  if (registration.status == RegistrationStatus::confirmed) return let_it_go("second_payment");
  if (!is_on(show, now)) return let_it_go("show_cancelled");
  if (!holds_places(registration)) {
    if (!take_places(world, registration)) return let_it_go("no_places");
    registration.status = RegistrationStatus::expiring;
    registration.flag = "reallocated";
    registration.transaction_id = transaction.id;
  }
  registration.due_at = std::max(registration.due_at.value_or(now), now + ask_again_after);
  put_job(world, telling.meta, ids, JobKind::capture_intent, transaction.id.value);
  return {InboxStatus::applied, "requires_capture"};
}

/// An attempt was declined; the same payment may be tried again.
void fail(const Telling& telling, const IntentNews& news, World& world, FreshIds& ids, Transaction& transaction,
          Registration& registration) {
  const bool was_processing = transaction.status == TransactionStatus::processing;
  transaction.status = TransactionStatus::failed;
  transaction.last_error = first_bytes(news.error, 100);
  if (registration.status == RegistrationStatus::expiring) {
    // What could not be cancelled while it was being processed can be now.
    put_job(world, telling.meta, ids, JobKind::cancel_intent, transaction.id.value);
  }
  if (!was_processing) return;
  put_mail(world, telling.meta, ids, "payment_failed", registration.id.value);
  if (registration.status == RegistrationStatus::held && registration.transaction_id == transaction.id) {
    const Show& show = world.get<Show>(registration.show_id);
    registration.due_at = std::max(telling.meta.now, registration.expires_at + std::chrono::seconds{show.hold_grace_s});
  }
}

}  // namespace

const Transaction* need_payment_of(Needs& needs, std::string_view intent_id) {
  if (intent_id.empty()) return nullptr;
  const auto* claim = needs.change<Claim>(intent_claim(intent_id));
  return claim != nullptr ? need_payment(needs, TransactionId{claim->target}) : nullptr;
}

const Transaction* payment_of(const World& world, std::string_view intent_id) {
  if (intent_id.empty()) return nullptr;
  const Claim* claim = world.find<Claim>(intent_claim(intent_id));
  return claim != nullptr ? world.find<Transaction>(TransactionId{claim->target}) : nullptr;
}

void need(Needs& needs, const IntentNews& news) {
  const auto* transaction = need_payment_of(needs, news.intent_id);
  if (transaction == nullptr && news.transaction_id) transaction = need_payment(needs, news.transaction_id);
  if (transaction == nullptr || transaction->status == TransactionStatus::succeeded) return;
  const auto* registration = needs.change<Registration>(transaction->registration_id);
  if (registration == nullptr) return;
  const Uuid id = transaction->id.value;
  if (news.status == IntentStatus::succeeded) {
    if (differs(news, *transaction)) need_alert(needs, AlertKind::amount_differs, id);
    if (registration->status == RegistrationStatus::confirmed) need_alert(needs, AlertKind::second_payment, id);
    if (!holds_places(*registration)) need_alert(needs, AlertKind::late_success, id);
  }
  if (news.status == IntentStatus::canceled) need_alert(needs, AlertKind::authorization_lapsed, id);
}

namespace {

/// What news of a payment that is not over would make of it.
std::optional<TransactionStatus> open_status(const IntentNews& news) {
  if (news.failed) return TransactionStatus::failed;
  if (news.status == IntentStatus::requires_action) return TransactionStatus::requires_action;
  if (news.status == IntentStatus::processing) return TransactionStatus::processing;
  if (news.status == IntentStatus::requires_capture) return TransactionStatus::requires_capture;
  return std::nullopt;
}

/// Events come in any order: why news would take a payment back to what it was before; nullopt where it goes on.
std::optional<Applied> refuse_older(const Telling& telling, const Transaction& transaction, TransactionStatus next) {
  if (next == TransactionStatus::requires_capture) return std::nullopt;
  // Reserved on the card: from there the provider goes to `succeeded` and to `canceled` only.
  if (transaction.status == TransactionStatus::requires_capture) {
    return Applied{InboxStatus::applied, "already_authorized"};
  }
  if (telling.fresh || !telling.created || !transaction.told_at || *telling.created > *transaction.told_at) return {};
  if (*telling.created < *transaction.told_at) return Applied{InboxStatus::applied, "older"};
  const bool has_one_order =
      transaction.status != TransactionStatus::processing && transaction.status != TransactionStatus::failed;
  if (has_one_order || transaction.status == next) return std::nullopt;
  // Within one second either may be the last: the provider is asked.
  return Applied{InboxStatus::waiting, "same_second", {}, std::chrono::seconds{0}};
}

}  // namespace

/// The table of guarded transitions of one payment. Nothing leaves `succeeded`; `failed` is not the end.
Applied apply(const Telling& telling, const IntentNews& news, World& world, FreshIds& ids) {
  if (news.intent_id.empty()) return {InboxStatus::flagged, "no_intent_id"};
  const Transaction* found = payment_of(world, news.intent_id);
  if (found == nullptr && news.transaction_id) found = world.find<Transaction>(news.transaction_id);
  if (found == nullptr) return {InboxStatus::flagged, "unknown_intent"};
  if (found->provider != Provider::stripe) return {InboxStatus::flagged, "not_paid_by_card"};
  if (!is_told_by_its_account(telling, *found)) return {InboxStatus::flagged, "intent_of_another_account"};
  if (found->livemode != telling.livemode) return {InboxStatus::flagged, "wrong_livemode"};
  Transaction transaction = *found;
  if (!tie_intent(world, transaction, news.intent_id)) return {InboxStatus::flagged, "intent_of_another_payment"};
  if (transaction.charge_id.empty()) transaction.charge_id = news.charge_id;
  Registration registration = world.get<Registration>(transaction.registration_id);
  const auto done = [&](Applied applied) {
    world.put(transaction);
    world.put(registration);
    return applied;
  };
  const auto only_tied = [&](Applied applied) {
    if (transaction.intent_id != found->intent_id || transaction.charge_id != found->charge_id) world.put(transaction);
    return applied;
  };

  if (transaction.status == TransactionStatus::succeeded) return only_tied({InboxStatus::applied, "already_succeeded"});
  if (news.status == IntentStatus::succeeded) {
    return done(succeed(telling, news, world, ids, transaction, registration));
  }
  if (transaction.status == TransactionStatus::cancelled) {
    if (found->intent_id.empty() && news.status != IntentStatus::canceled) {
      // It was given up before the provider told its id: nobody may pay what holds no places.
      put_job(world, telling.meta, ids, JobKind::cancel_intent, transaction.id.value);
    }
    return only_tied({InboxStatus::applied, "already_cancelled"});
  }
  if (news.status == IntentStatus::canceled) {
    if (news.cancellation_reason == "automatic") raise(world, telling, AlertKind::authorization_lapsed, transaction);
    end_payment(world, telling.meta, ids, registration, transaction);
    return {InboxStatus::applied, "cancelled"};
  }
  if (const auto next = open_status(news)) {
    if (auto refused = refuse_older(telling, transaction, *next)) return only_tied(std::move(*refused));
    if (telling.created) transaction.told_at = std::max(*telling.created, transaction.told_at.value_or(Instant{}));
  }
  if (news.failed) {
    fail(telling, news, world, ids, transaction, registration);
    return done({InboxStatus::applied, "failed"});
  }
  const bool current = registration.transaction_id == transaction.id;
  switch (news.status) {
    case IntentStatus::requires_action:
      transaction.status = TransactionStatus::requires_action;
      if (current && registration.status == RegistrationStatus::held) {
        // Once more the grace, for the bank's question; the same however often it is told.
        const std::chrono::seconds grace{world.get<Show>(registration.show_id).hold_grace_s};
        registration.due_at = std::max(*registration.due_at, registration.expires_at + 2 * grace);
      }
      return done({InboxStatus::applied, "requires_action"});
    case IntentStatus::processing:
      transaction.status = TransactionStatus::processing;
      if (current && holds_places(registration)) {
        registration.due_at = std::max(*registration.due_at, telling.meta.now + ask_again_after);
      }
      return done({InboxStatus::applied, "processing"});
    case IntentStatus::requires_capture:
      return done(authorize(telling, news, world, ids, transaction, registration));
    default:
      return only_tied({InboxStatus::ignored, "nothing_to_do"});
  }
}

}  // namespace admit::domain

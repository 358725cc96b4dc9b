#include "domain/events.hpp"

#include "domain/accounts.hpp"
#include "domain/alerts.hpp"
#include "domain/sale.hpp"
#include "domain/telling.hpp"

namespace admit::domain {
namespace {

constexpr std::chrono::days kept_for{90};

void need(Needs& /*needs*/, const std::monostate& /*nothing*/) {}
Applied apply(const Telling& /*telling*/, const std::monostate& /*nothing*/, World& /*world*/, FreshIds& /*ids*/) {
  return {InboxStatus::ignored, "nothing_to_do"};
}

void need(Needs& needs, const ChargeNews& news) {
  if (const auto* transaction = need_payment_of(needs, news.intent_id)) {
    need_alert(needs, AlertKind::refund_unknown, transaction->id.value);
  }
}
Applied apply(const Telling& telling, const ChargeNews& news, World& world, FreshIds& /*ids*/) {
  const Transaction* found = payment_of(world, news.intent_id);
  if (found == nullptr) {
    return {news.refunded_minor > 0 ? InboxStatus::waiting : InboxStatus::ignored, "unknown_intent"};
  }
  if (!is_told_by_its_account(telling, *found)) return {InboxStatus::flagged, "charge_of_another_account"};
  if (found->charge_id.empty() && !news.charge_id.empty()) {
    Transaction transaction = *found;
    transaction.charge_id = news.charge_id;
    world.put(transaction);
  }
  // Somebody gave money back elsewhere. Its own event says how; if that never comes, the job asks for it.
  if (news.refunded_minor > found->refund_minor) {
    if (telling.last_try) {
      raise_alert(world, telling.meta, AlertKind::refund_unknown, found->id.value, found->payee_id, found->show_id,
                  news.charge_id);
    }
    return {InboxStatus::waiting, "refund_unknown"};
  }
  return {InboxStatus::applied, "charge"};
}

const Business* need_business_of(Needs& needs, const std::string& account_id) {
  const auto* claim = needs.read<Claim>(account_claim(account_id));
  return claim != nullptr ? needs.change<Business>(BusinessId{claim->target}) : nullptr;
}
const Business* business_of(const World& world, const std::string& account_id) {
  const Claim* claim = world.find<Claim>(account_claim(account_id));
  return claim != nullptr ? world.find<Business>(BusinessId{claim->target}) : nullptr;
}

void need(Needs& needs, const AccountNews& news) {
  if (const auto* business = need_business_of(needs, news.account_id)) {
    need_alert(needs, AlertKind::account_closed, business->id.value);
  }
}
/// Events of an account come in any order: what closes the sale holds at once, what opens it is asked for.
Applied apply(const Telling& telling, const AccountNews& news, World& world, FreshIds& ids) {
  const Business* found = business_of(world, news.account_id);
  if (found == nullptr || found->stripe_account != news.account_id ||
      (!telling.account.empty() && telling.account != news.account_id)) {
    return {InboxStatus::flagged, "unknown_account"};
  }
  Business business = *found;
  const bool could_sell = !sales_gate(business);
  business.charges_enabled = business.charges_enabled && news.charges_enabled && !news.deauthorized;
  business.transfers_active = business.transfers_active && news.transfers_active && !news.deauthorized;
  business.deauthorized = business.deauthorized || news.deauthorized;
  if (could_sell && sales_gate(business)) {
    business.requirement = first_bytes(news.requirement, 500);
    raise_alert(world, telling.meta, AlertKind::account_closed, business.id.value, business.id, {},
                *sales_gate(business));
  }
  put_job(world, telling.meta, ids, JobKind::refresh_account, business.id.value);
  audit(world, telling.meta, ids, "business.account_updated", business.id.value);
  world.put(std::move(business));
  return {InboxStatus::applied, "account_updated"};
}

void need(Needs& needs, const WarningNews& news) {
  if (const auto* transaction = need_payment_of(needs, news.intent_id)) {
    need_alert(needs, AlertKind::fraud_warning, transaction->id.value);
  }
}
Applied apply(const Telling& telling, const WarningNews& news, World& world, FreshIds& /*ids*/) {
  const Transaction* transaction = payment_of(world, news.intent_id);
  if (transaction == nullptr) return {InboxStatus::flagged, "unknown_intent"};
  if (!is_told_by_its_account(telling, *transaction)) return {InboxStatus::flagged, "charge_of_another_account"};
  if (!news.actionable || left_minor(*transaction) == 0) return {InboxStatus::ignored, "nothing_to_do"};
  raise_alert(world, telling.meta, AlertKind::fraud_warning, transaction->id.value, transaction->payee_id,
              transaction->show_id, "A refund now is cheaper than the dispute that is likely to come.");
  return {InboxStatus::applied, "fraud_warning"};
}

void need(Needs& needs, const PayoutNews& news) {
  if (const auto* business = need_business_of(needs, news.account_id)) {
    need_alert(needs, AlertKind::payout_failed, business->id.value);
  }
}
Applied apply(const Telling& telling, const PayoutNews& news, World& world, FreshIds& ids) {
  const Business* business = business_of(world, news.account_id);
  if (business == nullptr) return {InboxStatus::flagged, "unknown_account"};
  raise_alert(world, telling.meta, AlertKind::payout_failed, business->id.value, business->id, {}, news.failure);
  put_mail(world, telling.meta, ids, "payout_failed", business->id.value);
  audit(world, telling.meta, ids, "business.payout_failed", business->id.value);
  return {InboxStatus::applied, "payout_failed"};
}

void need_news(Needs& needs, const News& news) {
  std::visit([&](const auto& each) { need(needs, each); }, news);
}
Applied apply_news(const Telling& telling, const News& news, World& world, FreshIds& ids) {
  return std::visit([&](const auto& each) { return apply(telling, each, world, ids); }, news);
}

bool is_tried_again(const ApplyEvent& command, const InboxEvent& known) {
  return command.retry && (known.status == InboxStatus::failed || known.status == InboxStatus::waiting);
}

}  // namespace

InboxId inbox_id(std::string_view event_id) {
  return derived_id<InboxId>("event", event_id);
}
ClaimId intent_claim(std::string_view intent_id) {
  return derived_id<ClaimId>("intent", intent_id);
}
ClaimId refund_claim(std::string_view provider_id) {
  return derived_id<ClaimId>("refund", provider_id);
}

void needs(const ApplyEvent& command, Needs& needs) {
  const auto* known = needs.change<InboxEvent>(inbox_id(command.event_id));
  if (command.failed || (known != nullptr && !is_tried_again(command, *known))) return;
  need_news(needs, command.news);
}

Result<ApplyEvent::Outcome> decide(const ApplyEvent& command, World& world) {
  const InboxId id = inbox_id(command.event_id);
  const InboxEvent* known = world.find<InboxEvent>(id);
  if (known != nullptr && !is_tried_again(command, *known)) {
    return ApplyEvent::Outcome{.status = known->status, .detail = known->detail, .duplicate = true};
  }
  InboxEvent event = known != nullptr ? *known
                                      : InboxEvent{.id = id,
                                                   .event_id = command.event_id,
                                                   .type = command.type,
                                                   .object_id = command.object_id,
                                                   .account = command.account,
                                                   .livemode = command.livemode,
                                                   .payload = command.payload,
                                                   .received_at = command.meta.now,
                                                   .due_at = command.meta.now + kept_for};
  FreshIds ids(command.meta);
  Applied applied{InboxStatus::failed, "fault"};
  if (!command.failed) {
    applied = command.livemode != command.expect_livemode
                  ? Applied{InboxStatus::flagged, "wrong_livemode"}
                  : apply_news({command.meta, command.account, command.livemode, command.epoch, command.last_try,
                                command.created, command.fresh},
                               command.news, world, ids);
  }
  if (applied.status == InboxStatus::waiting && command.last_try) applied.status = InboxStatus::flagged;
  if (known == nullptr && (applied.status == InboxStatus::failed || applied.status == InboxStatus::waiting)) {
    put_job(world, command.meta, ids, JobKind::apply_event, id.value, command.type.substr(0, 100), applied.again_after);
  }
  event.status = applied.status;
  event.detail = applied.detail;
  event.desk = inbox_desk(event.status);
  world.put(std::move(event));
  return ApplyEvent::Outcome{
      .status = applied.status, .detail = std::move(applied.detail), .confirmed = applied.confirmed};
}

void needs(const ApplyNews& command, Needs& needs) {
  need_news(needs, command.news);
}

Result<ApplyEvent::Outcome> decide(const ApplyNews& command, World& world) {
  FreshIds ids(command.meta);
  Applied applied =
      apply_news({command.meta, command.account, command.livemode, command.epoch, true}, command.news, world, ids);
  return ApplyEvent::Outcome{
      .status = applied.status, .detail = std::move(applied.detail), .confirmed = applied.confirmed};
}

}  // namespace admit::domain

#include "payment/event.hpp"

#include <boost/json.hpp>

#include "payment/provider_json.hpp"

namespace admit::payment {

namespace json = boost::json;
using provider_json::object_of;
using provider_json::text_of;

namespace {

constexpr std::size_t max_id_bytes = 255;

/// Seconds since 1970, or RFC 3339 as thin events have it; the epoch where it is neither.
domain::Instant read_created(const json::object& from) {
  if (const auto created = provider_json::instant_of(from, "created")) return *created;
  return domain::parse_instant(text_of(from, "created")).value_or(domain::Instant{});
}

/// An id of ours in the provider's metadata; none where absent, or where somebody else wrote it.
template <class Id>
Id own_id(const std::string& text) {
  return Id::parse(text).value_or(Id{});
}

domain::RefundStatus read_refund_status(std::string_view status) {
  if (status == "canceled") return domain::RefundStatus::cancelled;
  const auto known = domain::parse_word<domain::RefundStatus>(status);
  // `due` is ours: at the provider it exists already.
  return known && *known != domain::RefundStatus::due ? *known : domain::RefundStatus::pending;
}

domain::News news_of(const Intent& intent) {
  return domain::IntentNews{.intent_id = intent.id,
                            .status = intent.status,
                            .failed = false,
                            .amount_minor = intent.amount_minor,
                            .received_minor = intent.received_minor,
                            .capturable_minor = intent.capturable_minor,
                            .currency = intent.currency,
                            .error = intent.last_error,
                            .charge_id = intent.charge_id,
                            .cancellation_reason = intent.cancellation_reason,
                            .transaction_id = own_id<domain::TransactionId>(intent.transaction_id)};
}

domain::News news_of(const Charge& charge) {
  return domain::ChargeNews{.charge_id = charge.id,
                            .intent_id = charge.intent_id,
                            .refunded_minor = charge.refunded_minor,
                            .disputed = charge.disputed};
}

domain::News news_of(const Refund& refund) {
  return domain::RefundNews{.provider_id = refund.id,
                            .intent_id = refund.intent_id,
                            .charge_id = refund.charge_id,
                            .status = read_refund_status(refund.status),
                            .amount_minor = refund.amount_minor,
                            .currency = refund.currency,
                            .refund_id = own_id<domain::RefundId>(refund.refund_id),
                            .reversed = !refund.transfer_reversal_id.empty(),
                            .fee_refunded_minor = refund.fee_refunded_minor,
                            .failure_reason = refund.failure_reason};
}

domain::News news_of(const Dispute& dispute) {
  domain::DisputeNews news{.provider_id = dispute.id,
                           .intent_id = dispute.intent_id,
                           .charge_id = dispute.charge_id,
                           .status = dispute.status,
                           .reason = dispute.reason,
                           .amount_minor = dispute.amount_minor,
                           .currency = dispute.currency,
                           .evidence_due_at = dispute.evidence_due_at,
                           .movements = {}};
  for (const auto& movement : dispute.movements) {
    news.movements.push_back({.provider_id = movement.id,
                              .amount_minor = movement.amount_minor,
                              .fee_minor = movement.fee_minor,
                              .currency = movement.currency});
  }
  return news;
}

domain::News news_of(const Account& account) {
  return domain::AccountNews{.account_id = account.id,
                             .charges_enabled = account.charges_enabled,
                             .transfers_active = account.transfers_active,
                             .payouts_enabled = account.payouts_enabled,
                             .details_submitted = account.details_submitted,
                             .deauthorized = false,
                             .requirement = account.requirement};
}

domain::News news_of(const FraudWarning& warning) {
  return domain::WarningNews{
      .charge_id = warning.charge_id, .intent_id = warning.intent_id, .actionable = warning.actionable};
}

/// A payout belongs to the account whose event it is, so it is told by events alone.
domain::News news_of(const Payout&) {
  return {};
}

domain::News news_of(std::monostate) {
  return {};
}

/// What other events tell as well, or nothing that matters.
bool is_told_elsewhere(std::string_view type) {
  return type == "payment_intent.created" || type == "charge.failed" || type == "charge.expired" ||
         type == "charge.pending" || type == "radar.early_fraud_warning.updated";
}

/// Whether there was one, anywhere.
bool erase_client_secrets(json::value& value) {
  bool found = false;
  if (auto* object = value.if_object()) {
    found = object->erase("client_secret") > 0;
    for (auto& [name, member] : *object) found |= erase_client_secrets(member);
  } else if (auto* array = value.if_array()) {
    for (auto& member : *array) found |= erase_client_secrets(member);
  }
  return found;
}

std::string without_client_secrets(json::value event, std::string_view raw_body) {
  return erase_client_secrets(event) ? json::serialize(event) : std::string{raw_body};
}

}  // namespace

std::string_view word(EventFault fault) {
  switch (fault) {
    case EventFault::too_big:
      return "too_big";
    case EventFault::not_json:
      return "not_json";
    case EventFault::not_event:
      return "not_event";
  }
  return "";
}

bool is_account_change(std::string_view type) {
  return type == "account.updated" || type == "capability.updated" || type.starts_with("account.external_account.") ||
         type.starts_with("person.");
}

domain::News to_news(const ProviderObject& object) {
  return std::visit([](const auto& known) { return news_of(known); }, object);
}

domain::News to_news(const ProviderEvent& event) {
  if (event.type == "account.application.deauthorized") {
    return domain::AccountNews{.account_id = event.account, .deauthorized = true};
  }
  if (is_account_change(event.type) && !std::holds_alternative<Account>(event.object)) {
    return domain::AccountNews{.account_id = event.account,
                               .charges_enabled = true,
                               .transfers_active = true,
                               .payouts_enabled = true,
                               .details_submitted = true};
  }
  if (const auto* payout = std::get_if<Payout>(&event.object)) {
    if (event.type != "payout.failed") return {};
    return domain::PayoutNews{.account_id = event.account, .failure = payout->failure_code};
  }
  if (is_told_elsewhere(event.type)) return {};
  auto news = to_news(event.object);
  if (auto* intent = std::get_if<domain::IntentNews>(&news)) {
    intent->failed = event.type == "payment_intent.payment_failed" &&
                     intent->status == domain::IntentStatus::requires_payment_method;
  }
  if (auto* refund = std::get_if<domain::RefundNews>(&news)) {
    if (event.type == "refund.failed") refund->status = domain::RefundStatus::failed;
  }
  return news;
}

domain::ApplyEvent to_command(const ProviderEvent& event) {
  domain::ApplyEvent command;
  command.event_id = event.id;
  command.type = event.type;
  command.object_id = event.object_id;
  command.account = event.account;
  command.livemode = event.livemode;
  command.payload = event.payload;
  if (event.created > domain::Instant{}) command.created = event.created;
  if (!event.is_thin) command.news = to_news(event);
  return command;
}

std::expected<ProviderEvent, EventFault> parse_event(std::string_view raw_body) {
  if (raw_body.size() > max_event_bytes) return std::unexpected(EventFault::too_big);
  const auto value = provider_json::parse(raw_body);
  if (!value) return std::unexpected(EventFault::not_json);
  const auto* root = value->if_object();
  if (root == nullptr) return std::unexpected(EventFault::not_event);

  ProviderEvent event;
  const auto kind = text_of(*root, "object");
  event.is_thin = kind == "v2.core.event";
  event.id = text_of(*root, "id");
  event.type = text_of(*root, "type");
  if ((kind != "event" && !event.is_thin) || event.id.empty() || event.type.empty()) {
    return std::unexpected(EventFault::not_event);
  }
  event.api_version = text_of(*root, "api_version");
  event.account = event.is_thin ? text_of(*root, "context") : text_of(*root, "account");
  event.livemode = provider_json::flag_of(*root, "livemode");
  event.created = read_created(*root);

  const auto* data = object_of(*root, "data");
  const auto* object =
      event.is_thin ? object_of(*root, "related_object") : (data == nullptr ? nullptr : object_of(*data, "object"));
  if (object != nullptr) {
    event.object_id = text_of(*object, "id");
    event.object_kind = text_of(*object, event.is_thin ? "type" : "object");
    if (!event.is_thin) event.object = provider_json::read_object(*object);
  }
  for (const auto* id :
       {&event.id, &event.type, &event.api_version, &event.account, &event.object_id, &event.object_kind}) {
    if (id->size() > max_id_bytes) return std::unexpected(EventFault::not_event);
  }
  event.payload = without_client_secrets(*value, raw_body);
  return event;
}

}  // namespace admit::payment

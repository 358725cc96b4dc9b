#include "payment/provider_json.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

namespace admit::payment::provider_json {

namespace json = boost::json;

namespace {

constexpr std::size_t max_requirement_bytes = 500;
constexpr std::size_t max_named_requirements = 6;

bool is_kind(const json::object& from, std::string_view kind) {
  return text_of(from, "object") == kind && !text_of(from, "id").empty();
}

std::string currency_of(const json::object& from, std::string_view name = "currency") {
  auto currency = text_of(from, name);
  for (char& c : currency) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return currency;
}

std::string metadata_of(const json::object& from, std::string_view name) {
  const auto* metadata = object_of(from, "metadata");
  return metadata == nullptr ? std::string{} : text_of(*metadata, name);
}

/// `individual.verification.document` -> "individual verification document".
std::string words_of(std::string_view requirement) {
  if (requirement == "external_account") return "bank account";
  if (requirement.starts_with("tos_acceptance")) return "acceptance of the provider's terms";
  std::string words{requirement};
  for (char& c : words) {
    if (c == '.' || c == '_') c = ' ';
  }
  return words;
}

std::vector<std::string> missing_of(const json::object& requirements) {
  std::vector<std::string> missing;
  for (const auto* name : {"past_due", "currently_due"}) {
    const auto* due = array_of(requirements, name);
    if (due == nullptr) continue;
    for (const auto& entry : *due) {
      const auto* text = entry.if_string();
      if (text == nullptr) continue;
      auto words = words_of(*text);
      if (std::ranges::find(missing, words) == missing.end()) missing.push_back(std::move(words));
    }
  }
  return missing;
}

std::string reason_of(std::string_view disabled_reason) {
  if (disabled_reason.empty() || disabled_reason.starts_with("requirements.") ||
      disabled_reason == "action_required.requested_capabilities") {
    return "";
  }
  if (disabled_reason.starts_with("rejected.")) return "The payment provider has rejected this account.";
  if (disabled_reason == "under_review" || disabled_reason == "listed") {
    return "The payment provider is reviewing this account.";
  }
  if (disabled_reason == "platform_paused") return "Payments to this account are paused.";
  return "The payment provider has stopped this account (" + std::string{disabled_reason} + ").";
}

void append_sentence(std::string& out, std::string_view sentence) {
  if (sentence.empty()) return;
  if (!out.empty()) out += ' ';
  out += sentence;
}

std::string requirement_of(const json::object& requirements) {
  std::string out = reason_of(text_of(requirements, "disabled_reason"));
  const auto missing = missing_of(requirements);
  if (!missing.empty()) {
    std::string list = "Still needed";
    if (const auto deadline = instant_of(requirements, "current_deadline")) {
      list += " by " + domain::text(*deadline).substr(0, 10);
    }
    for (std::size_t i = 0; i < missing.size() && i < max_named_requirements; ++i) {
      list += (i == 0 ? ": " : ", ") + missing[i];
    }
    if (missing.size() > max_named_requirements) {
      list += " and " + std::to_string(missing.size() - max_named_requirements) + " more";
    }
    append_sentence(out, list + ".");
  }
  if (const auto* errors = array_of(requirements, "errors")) {
    for (const auto& error : *errors) {
      if (const auto* entry = error.if_object()) append_sentence(out, text_of(*entry, "reason"));
    }
  }
  const auto* pending = array_of(requirements, "pending_verification");
  if (out.empty() && pending != nullptr && !pending->empty()) {
    out = "The payment provider is still checking what was given.";
  }
  shorten(out, max_requirement_bytes);
  return out;
}

}  // namespace

void shorten(std::string& text, std::size_t limit_bytes) {
  if (text.size() <= limit_bytes) return;
  while (limit_bytes > 0 && (static_cast<unsigned char>(text[limit_bytes]) & 0xc0U) == 0x80U) --limit_bytes;
  text.resize(limit_bytes);
}

std::optional<json::value> parse(std::string_view text) {
  json::parse_options options;
  options.max_depth = 32;
  boost::system::error_code error;
  auto value = json::parse(text, error, {}, options);
  if (error) return std::nullopt;
  return value;
}

std::string text_of(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string{} : std::string{*text};
}

std::int64_t number_of(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  const auto* number = value == nullptr ? nullptr : value->if_int64();
  return number == nullptr ? 0 : *number;
}

bool flag_of(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  const auto* flag = value == nullptr ? nullptr : value->if_bool();
  return flag != nullptr && *flag;
}

const json::object* object_of(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

std::string id_of(const json::object& from, std::string_view name) {
  if (const auto* expanded = object_of(from, name)) return text_of(*expanded, "id");
  return text_of(from, name);
}

const json::array* array_of(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  return value == nullptr ? nullptr : value->if_array();
}

std::optional<domain::Instant> instant_of(const json::object& from, std::string_view name) {
  constexpr std::int64_t year_9999 = 253'402'300'799;
  const auto unix_s = number_of(from, name);
  if (unix_s <= 0 || unix_s > year_9999) return std::nullopt;
  return domain::from_unix_ms(unix_s * 1000);
}

IntentStatus read_status(const json::object& from) {
  return domain::parse_word<IntentStatus>(text_of(from, "status")).value_or(IntentStatus::unrecognised);
}

std::optional<Intent> read_intent(const json::object& from) {
  if (!is_kind(from, "payment_intent")) return std::nullopt;
  Intent intent;
  intent.id = text_of(from, "id");
  intent.status = read_status(from);
  intent.amount_minor = number_of(from, "amount");
  intent.received_minor = number_of(from, "amount_received");
  intent.capturable_minor = number_of(from, "amount_capturable");
  intent.application_fee_minor = number_of(from, "application_fee_amount");
  intent.currency = currency_of(from);
  intent.registration_id = metadata_of(from, "registration_id");
  intent.transaction_id = metadata_of(from, "transaction_id");
  intent.installation_id = metadata_of(from, "installation_id");
  if (const auto* transfer = object_of(from, "transfer_data")) intent.destination = id_of(*transfer, "destination");
  intent.charge_id = id_of(from, "latest_charge");
  intent.cancellation_reason = text_of(from, "cancellation_reason");
  if (const auto* error = object_of(from, "last_payment_error")) {
    intent.last_error = text_of(*error, "decline_code");
    if (intent.last_error.empty()) intent.last_error = text_of(*error, "code");
    if (intent.last_error.empty()) intent.last_error = text_of(*error, "type");
  }
  intent.livemode = flag_of(from, "livemode");
  return intent;
}

std::optional<Charge> read_charge(const json::object& from) {
  if (!is_kind(from, "charge")) return std::nullopt;
  Charge charge;
  charge.id = text_of(from, "id");
  charge.intent_id = id_of(from, "payment_intent");
  charge.status = text_of(from, "status");
  charge.amount_minor = number_of(from, "amount");
  charge.captured_minor = number_of(from, "amount_captured");
  charge.refunded_minor = number_of(from, "amount_refunded");
  charge.currency = currency_of(from);
  charge.disputed = flag_of(from, "disputed");
  charge.transfer_id = id_of(from, "transfer");
  charge.application_fee_id = id_of(from, "application_fee");
  charge.application_fee_minor = number_of(from, "application_fee_amount");
  charge.receipt_url = text_of(from, "receipt_url");
  const auto* method = object_of(from, "payment_method_details");
  const auto* card = method == nullptr ? nullptr : object_of(*method, "card");
  if (card != nullptr) charge.capture_before = instant_of(*card, "capture_before");
  charge.livemode = flag_of(from, "livemode");
  return charge;
}

std::optional<Refund> read_refund(const json::object& from) {
  if (!is_kind(from, "refund")) return std::nullopt;
  Refund refund;
  refund.id = text_of(from, "id");
  refund.intent_id = id_of(from, "payment_intent");
  refund.charge_id = id_of(from, "charge");
  refund.status = text_of(from, "status");
  refund.amount_minor = number_of(from, "amount");
  refund.currency = currency_of(from);
  refund.refund_id = metadata_of(from, "refund_id");
  refund.failure_reason = text_of(from, "failure_reason");
  refund.pending_reason = text_of(from, "pending_reason");
  refund.transfer_reversal_id = id_of(from, "transfer_reversal");
  const auto* charge = object_of(from, "charge");
  const auto* fee = charge == nullptr ? nullptr : object_of(*charge, "application_fee");
  if (fee != nullptr) refund.fee_refunded_minor = number_of(*fee, "amount_refunded");
  return refund;
}

std::optional<Dispute> read_dispute(const json::object& from) {
  if (!is_kind(from, "dispute")) return std::nullopt;
  Dispute dispute;
  dispute.id = text_of(from, "id");
  dispute.intent_id = id_of(from, "payment_intent");
  dispute.charge_id = id_of(from, "charge");
  dispute.status = text_of(from, "status");
  dispute.reason = text_of(from, "reason");
  dispute.amount_minor = number_of(from, "amount");
  dispute.currency = currency_of(from);
  if (const auto* details = object_of(from, "evidence_details")) {
    dispute.evidence_due_at = instant_of(*details, "due_by");
  }
  if (const auto* movements = array_of(from, "balance_transactions")) {
    for (const auto& entry : *movements) {
      const auto* movement = entry.if_object();
      if (movement == nullptr) continue;
      dispute.movements.push_back({.id = text_of(*movement, "id"),
                                   .amount_minor = number_of(*movement, "amount"),
                                   .fee_minor = number_of(*movement, "fee"),
                                   .currency = currency_of(*movement)});
    }
  }
  return dispute;
}

std::optional<Account> read_account(const json::object& from) {
  if (!is_kind(from, "account")) return std::nullopt;
  Account account;
  account.id = text_of(from, "id");
  account.email = text_of(from, "email");
  account.country = text_of(from, "country");
  account.default_currency = currency_of(from, "default_currency");
  account.charges_enabled = flag_of(from, "charges_enabled");
  account.payouts_enabled = flag_of(from, "payouts_enabled");
  account.details_submitted = flag_of(from, "details_submitted");
  if (const auto* capabilities = object_of(from, "capabilities")) {
    account.transfers_active = text_of(*capabilities, "transfers") == "active";
    account.card_payments_active = text_of(*capabilities, "card_payments") == "active";
  }
  if (const auto* requirements = object_of(from, "requirements")) {
    account.disabled_reason = text_of(*requirements, "disabled_reason");
    account.requirement = requirement_of(*requirements);
  }
  account.business_id = metadata_of(from, "business_id");
  return account;
}

std::optional<Payout> read_payout(const json::object& from) {
  if (!is_kind(from, "payout")) return std::nullopt;
  return Payout{.id = text_of(from, "id"),
                .status = text_of(from, "status"),
                .amount_minor = number_of(from, "amount"),
                .currency = currency_of(from),
                .failure_code = text_of(from, "failure_code"),
                .failure_message = text_of(from, "failure_message")};
}

std::optional<FraudWarning> read_fraud_warning(const json::object& from) {
  if (!is_kind(from, "radar.early_fraud_warning")) return std::nullopt;
  return FraudWarning{.id = text_of(from, "id"),
                      .charge_id = id_of(from, "charge"),
                      .intent_id = id_of(from, "payment_intent"),
                      .actionable = flag_of(from, "actionable"),
                      .fraud_type = text_of(from, "fraud_type")};
}

std::optional<TransferReversal> read_transfer_reversal(const json::object& from) {
  if (!is_kind(from, "transfer_reversal")) return std::nullopt;
  return TransferReversal{.id = text_of(from, "id"),
                          .transfer_id = id_of(from, "transfer"),
                          .amount_minor = number_of(from, "amount"),
                          .currency = currency_of(from)};
}

std::optional<Endpoint> read_endpoint(const json::object& from) {
  if (!is_kind(from, "webhook_endpoint")) return std::nullopt;
  Endpoint endpoint{.id = text_of(from, "id"),
                    .url = text_of(from, "url"),
                    .api_version = text_of(from, "api_version"),
                    .status = text_of(from, "status"),
                    .enabled_events = {},
                    .livemode = flag_of(from, "livemode")};
  if (const auto* types = array_of(from, "enabled_events")) {
    for (const auto& type : *types) {
      if (const auto* text = type.if_string()) endpoint.enabled_events.emplace_back(*text);
    }
  }
  return endpoint;
}

ProviderObject read_object(const json::object& from) {
  if (auto intent = read_intent(from)) return std::move(*intent);
  if (auto charge = read_charge(from)) return std::move(*charge);
  if (auto refund = read_refund(from)) return std::move(*refund);
  if (auto dispute = read_dispute(from)) return std::move(*dispute);
  if (auto account = read_account(from)) return std::move(*account);
  if (auto payout = read_payout(from)) return std::move(*payout);
  if (auto warning = read_fraud_warning(from)) return std::move(*warning);
  return std::monostate{};
}

}  // namespace admit::payment::provider_json

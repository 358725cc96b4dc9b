#include "payment/provider_json.hpp"

#include <boost/json.hpp>

namespace admit::payment::provider_json {

namespace json = boost::json;

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

IntentStatus read_status(const json::object& from) {
  return domain::parse_word<IntentStatus>(text_of(from, "status")).value_or(IntentStatus::unrecognised);
}

std::optional<Intent> read_intent(const json::object& from) {
  Intent intent;
  intent.id = text_of(from, "id");
  if (text_of(from, "object") != "payment_intent" || intent.id.empty()) return std::nullopt;
  intent.status = read_status(from);
  intent.amount_minor = number_of(from, "amount");
  intent.received_minor = number_of(from, "amount_received");
  intent.currency = text_of(from, "currency");
  for (char& c : intent.currency) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  if (const auto* metadata = object_of(from, "metadata")) {
    intent.registration_id = text_of(*metadata, "registration_id");
    intent.transaction_id = text_of(*metadata, "transaction_id");
  }
  if (const auto* transfer = object_of(from, "transfer_data")) intent.destination = id_of(*transfer, "destination");
  if (const auto* error = object_of(from, "last_payment_error")) {
    intent.last_error = text_of(*error, "decline_code");
    if (intent.last_error.empty()) intent.last_error = text_of(*error, "code");
    if (intent.last_error.empty()) intent.last_error = text_of(*error, "type");
  }
  intent.livemode = flag_of(from, "livemode");
  return intent;
}

std::optional<Account> read_account(const json::object& from) {
  Account account;
  account.id = text_of(from, "id");
  if (text_of(from, "object") != "account" || account.id.empty()) return std::nullopt;
  account.charges_enabled = flag_of(from, "charges_enabled");
  account.payouts_enabled = flag_of(from, "payouts_enabled");
  account.details_submitted = flag_of(from, "details_submitted");
  if (const auto* capabilities = object_of(from, "capabilities")) {
    account.transfers_active = text_of(*capabilities, "transfers") == "active";
  }
  if (const auto* requirements = object_of(from, "requirements")) {
    account.disabled_reason = text_of(*requirements, "disabled_reason");
  }
  return account;
}

}  // namespace admit::payment::provider_json

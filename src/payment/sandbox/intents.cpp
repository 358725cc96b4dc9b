// PaymentIntents and their charges.

#include <algorithm>
#include <boost/json.hpp>

#include "crypto/hash.hpp"
#include "domain/money.hpp"
#include "payment/intent.hpp"
#include "payment/sandbox/objects.hpp"
#include "payment/sandbox/test_cards.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

using Refused = std::unexpected<ApiError>;

std::string upper(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

std::string_view text_in(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view{value->get_string()} : std::string_view{};
}

std::string_view status_of(const json::object& intent) {
  return intent.at("status").get_string();
}

json::value or_null(std::string_view text) {
  return text.empty() ? json::value{} : json::value{text};
}

struct Terms {
  std::int64_t amount = 0;
  std::string currency;  ///< lower case
  std::int64_t fee = 0;
  std::string_view destination;
};

Outcome<Terms> read_amount(const Params& params) {
  const auto amount = params.integer("amount");
  if (!amount) return Refused(amount.error());
  const auto currency = params.find("currency");
  if (!currency) return invalid("parameter_missing", "currency", "Missing required param: currency.");
  const auto code = upper(*currency);
  if (!domain::is_currency(code)) {
    return invalid("", "currency", "Invalid currency: " + std::string{*currency} + ".");
  }
  Terms terms;
  terms.amount = *amount;
  terms.currency = code;
  for (char& c : terms.currency) c = static_cast<char>(c - 'A' + 'a');
  if (*amount < 1)
    return invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.");
  if (const auto least = domain::minimum_charge_minor(code); *amount < least) {
    return invalid("amount_too_small", "amount",
                   "Amount must be at least " + std::to_string(least) + " in the smallest unit of " + terms.currency);
  }
  if (*amount > domain::max_amount_minor) {
    return invalid("amount_too_large", "amount", "Amount must be no more than 99999999");
  }
  if (!domain::is_chargeable(*amount, code)) {
    return invalid("", "amount", "The last digits of an amount in " + terms.currency + " must be zero.");
  }
  return terms;
}

Outcome<Terms> read_terms(Call& call) {
  auto terms = read_amount(call.params);
  if (!terms) return terms;
  const auto fee = call.params.integer("application_fee_amount", 0);
  if (!fee) return Refused(fee.error());
  if (*fee < 0 || *fee > terms->amount) {
    return invalid("", "application_fee_amount", "The application fee must be 0 to the amount charged.");
  }
  terms->fee = *fee;
  const auto destination = call.params.find("transfer_data[destination]");
  if (!destination) {
    if (*fee == 0) return terms;
    return invalid("", "application_fee_amount",
                   "Can only apply an application_fee_amount together with transfer_data[destination].");
  }
  const auto account = find_object(call, "account", *destination);
  if (!account) {
    return invalid("resource_missing", "transfer_data[destination]",
                   "No such destination: '" + std::string{*destination} + "'");
  }
  if (!account->at("charges_enabled").get_bool() ||
      text_in(account->at("capabilities").get_object(), "transfers") != "active") {
    return invalid("insufficient_capabilities_for_transfer", "transfer_data[destination]",
                   "Your destination account needs to have the transfers capability enabled and may not charge now.");
  }
  terms->destination = *destination;
  return terms;
}

json::object new_intent(Call& call, const Terms& terms, json::object metadata) {
  const auto id = fresh_id("pi");
  json::object intent{{"id", id},
                      {"object", "payment_intent"},
                      {"amount", terms.amount},
                      {"amount_capturable", 0},
                      {"amount_received", 0},
                      {"application", nullptr},
                      {"application_fee_amount", nullptr},
                      {"automatic_payment_methods", {{"enabled", true}}},
                      {"canceled_at", nullptr},
                      {"cancellation_reason", nullptr},
                      {"capture_method", "automatic"},
                      {"client_secret", id + "_secret_" + random_word(25)},
                      {"confirmation_method", "automatic"},
                      {"created", unix_s(call.now)},
                      {"currency", terms.currency},
                      {"customer", nullptr},
                      {"description", or_null(call.params.text("description"))},
                      {"last_payment_error", nullptr},
                      {"latest_charge", nullptr},
                      {"livemode", false},
                      {"metadata", std::move(metadata)},
                      {"next_action", nullptr},
                      {"on_behalf_of", or_null(call.params.text("on_behalf_of"))},
                      {"payment_method", nullptr},
                      {"payment_method_types", {"card"}},
                      {"processing", nullptr},
                      {"receipt_email", or_null(call.params.text("receipt_email"))},
                      {"statement_descriptor_suffix", or_null(call.params.text("statement_descriptor_suffix"))},
                      {"status", domain::word(IntentStatus::requires_payment_method)},
                      {"transfer_data", nullptr},
                      {"transfer_group", or_null(call.params.text("transfer_group"))}};
  if (terms.fee > 0) intent["application_fee_amount"] = terms.fee;
  if (!terms.destination.empty()) intent["transfer_data"] = json::object{{"destination", terms.destination}};
  return intent;
}

ApiError with_intent(std::unexpected<ApiError> refused, const json::object& intent) {
  auto error = std::move(refused.error());
  error.error["payment_intent"] = intent;
  return error;
}

Refused unexpected_state(const json::object& intent, std::string_view doing) {
  return Refused(
      with_intent(invalid("payment_intent_unexpected_state", "",
                          "You cannot " + std::string{doing} + " this PaymentIntent because it has a status of " +
                              std::string{status_of(intent)} + "."),
                  intent));
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

/// With a publishable key only who knows the intent's client secret may touch it.
Reply load_intent(Call& call) {
  auto intent = load_object(call, "payment_intent", call.id, "intent");
  if (!intent) return intent;
  const auto given = call.params.find("client_secret");
  if (!given && call.is_publishable) {
    return invalid("parameter_missing", "client_secret", "Missing required param: client_secret.");
  }
  if (given && !crypto::constant_time_equal(*given, text_in(*intent, "client_secret"))) {
    return invalid("payment_intent_invalid_parameter", "client_secret",
                   "The client_secret provided does not match the client_secret associated with the PaymentIntent.");
  }
  return intent;
}

Outcome<Card> read_paying_card(Call& call) {
  const auto& params = call.params;
  const auto named = params.text("payment_method");
  if (!named.empty()) {
    auto card = named_card(named, call.now);
    if (!card) {
      return invalid("resource_missing", "payment_method", "No such PaymentMethod: '" + std::string{named} + "'");
    }
    return std::move(*card);
  }
  if (params.text("payment_method_data[type]") != "card") {
    return invalid(
        "parameter_missing", "payment_method",
        "You cannot confirm this PaymentIntent because it's missing a payment method: give payment_method, or "
        "payment_method_data[type]=card and payment_method_data[card].");
  }
  auto card =
      read_card({params.text("payment_method_data[card][number]"), params.text("payment_method_data[card][exp_month]"),
                 params.text("payment_method_data[card][exp_year]"), params.text("payment_method_data[card][cvc]")},
                call.now);
  if (card) return std::move(*card);
  auto refused = refuse(402, "card_error", card.error().code, card.error().param, std::string{card.error().message});
  if (!card.error().decline_code.empty()) refused.error().error["decline_code"] = card.error().decline_code;
  return refused;
}

json::object card_json(const Card& card) {
  return {{"brand", card.brand},       {"last4", card.last4}, {"exp_month", card.exp_month},
          {"exp_year", card.exp_year}, {"funding", "credit"}, {"country", "US"}};
}

/// The charge of one attempt; its id goes into the intent.
json::object new_charge(Call& call, json::object& intent, json::value card, bool is_paid) {
  const auto id = fresh_id("ch");
  intent["latest_charge"] = id;
  return {
      {"id", id},
      {"object", "charge"},
      {"amount", intent.at("amount")},
      {"amount_captured", is_paid ? intent.at("amount") : json::value{0}},
      {"amount_refunded", 0},
      {"application_fee_amount", intent.at("application_fee_amount")},
      {"captured", is_paid},
      {"created", unix_s(call.now)},
      {"currency", intent.at("currency")},
      {"destination", intent.at("transfer_data").is_object() ? intent.at("transfer_data").get_object().at("destination")
                                                             : json::value{}},
      {"disputed", false},
      {"livemode", false},
      {"metadata", intent.at("metadata")},
      {"paid", is_paid},
      {"payment_intent", intent.at("id")},
      {"payment_method", intent.at("payment_method")},
      {"payment_method_details", {{"type", "card"}, {"card", std::move(card)}}},
      {"refunded", false},
      {"status", is_paid ? "succeeded" : "failed"}};
}

void save_with_events(Call& call, const json::object& intent, std::string_view event, const json::object* charge) {
  update_object(call, intent);
  if (charge != nullptr) {
    insert_object(call, *charge);
    emit(call, charge->at("paid").get_bool() ? "charge.succeeded" : "charge.failed", *charge);
  }
  emit(call, event, intent);
}

json::object succeed(Call& call, json::object intent, json::value card) {
  intent["status"] = domain::word(IntentStatus::succeeded);
  intent["amount_received"] = intent.at("amount");
  intent["last_payment_error"] = nullptr;
  intent["next_action"] = nullptr;
  const auto charge = new_charge(call, intent, std::move(card), true);
  save_with_events(call, intent, "payment_intent.succeeded", &charge);
  return intent;
}

/// A failed attempt leads back to the beginning of the same intent.
Refused decline(Call& call, json::object intent, const CardFault& fault, json::value card) {
  intent["status"] = domain::word(IntentStatus::requires_payment_method);
  intent["next_action"] = nullptr;
  auto refused = refuse(402, "card_error", fault.code, fault.param, std::string{fault.message});
  auto& error = refused.error().error;
  if (!fault.decline_code.empty()) error["decline_code"] = fault.decline_code;
  error["payment_method"] =
      json::object{{"id", intent.at("payment_method")}, {"object", "payment_method"}, {"type", "card"}, {"card", card}};
  const auto charge = new_charge(call, intent, std::move(card), false);
  error["charge"] = charge.at("id");
  intent["last_payment_error"] = error;
  intent["payment_method"] = nullptr;
  save_with_events(call, intent, "payment_intent.payment_failed", &charge);
  return Refused(with_intent(std::move(refused), intent));
}

Reply confirm(Call& call, json::object intent) {
  if (!is_one_of(status_of(intent), {"requires_payment_method", "requires_confirmation", "requires_action"})) {
    return unexpected_state(intent, "confirm");
  }
  const auto card = read_paying_card(call);
  if (!card) return Refused(card.error());
  intent["payment_method"] = fresh_id("pm");
  if (card->decline) return decline(call, std::move(intent), *card->decline, card_json(*card));
  if (!card->asks_for_action) return succeed(call, std::move(intent), card_json(*card));
  intent["status"] = domain::word(IntentStatus::requires_action);
  intent["last_payment_error"] = nullptr;
  intent["next_action"] =
      json::object{{"type", "redirect_to_url"},
                   {"redirect_to_url",
                    {{"url", std::string{call.api_base} + "/sandbox/3ds/" + std::string{text_in(intent, "id")}},
                     {"return_url", or_null(call.params.text("return_url"))}}}};
  save_with_events(call, intent, "payment_intent.requires_action", nullptr);
  return intent;
}

Reply load_waiting_for_action(Call& call) {
  call.is_begun = true;
  auto intent = load_object(call, "payment_intent", call.id, "intent");
  if (intent && status_of(*intent) != "requires_action") return unexpected_state(*intent, "authenticate");
  return intent;
}

/// The card of an attempt that waits for its holder; its number was never kept.
json::object action_card() {
  return {{"brand", "visa"}, {"last4", "3184"}};
}

}  // namespace

Reply create_intent(Call& call) {
  if (auto known = call.params.only(
          {"amount", "currency", "description", "metadata", "metadata[*]", "transfer_data[destination]",
           "application_fee_amount", "automatic_payment_methods[enabled]", "automatic_payment_methods[allow_redirects]",
           "capture_method", "statement_descriptor_suffix", "receipt_email", "transfer_group", "on_behalf_of",
           "confirm", "payment_method", "payment_method_data[*]", "return_url"});
      !known) {
    return Refused(std::move(known.error()));
  }
  const auto terms = read_terms(call);
  if (!terms) return Refused(terms.error());
  auto metadata = call.params.metadata();
  if (!metadata) return Refused(std::move(metadata.error()));
  if (!is_one_of(call.params.text("capture_method"), {"", "automatic", "automatic_async"})) {
    return invalid("", "capture_method", "The sandbox captures automatically.");
  }
  call.is_begun = true;
  auto intent = new_intent(call, *terms, std::move(*metadata));
  insert_object(call, intent);
  emit(call, "payment_intent.created", intent);
  if (call.params.text("confirm") == "true") return confirm(call, std::move(intent));
  return intent;
}

Reply retrieve_intent(Call& call) {
  if (auto known = call.params.only({"client_secret", "key"}); !known) {
    return Refused(std::move(known.error()));
  }
  return load_intent(call);
}

Reply list_intents(Call& call) {
  return list_objects(call, "payment_intent", "/v1/payment_intents");
}

Reply confirm_intent(Call& call) {
  if (auto known = call.params.only({"client_secret", "key", "payment_method", "payment_method_data[*]", "return_url",
                                     "receipt_email", "use_stripe_sdk"});
      !known) {
    return Refused(std::move(known.error()));
  }
  auto intent = load_intent(call);
  if (!intent) return intent;
  call.is_begun = true;
  return confirm(call, std::move(*intent));
}

Reply cancel_intent(Call& call) {
  if (auto known = call.params.only({"cancellation_reason"}); !known) {
    return Refused(std::move(known.error()));
  }
  const auto reason = call.params.text("cancellation_reason");
  if (!is_one_of(reason, {"", "duplicate", "fraudulent", "requested_by_customer", "abandoned"})) {
    return invalid("", "cancellation_reason", "Invalid cancellation_reason.");
  }
  auto intent = load_intent(call);
  if (!intent) return intent;
  call.is_begun = true;
  if (!is_one_of(status_of(*intent),
                 {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"})) {
    return unexpected_state(*intent, "cancel");
  }
  (*intent)["status"] = domain::word(IntentStatus::canceled);
  (*intent)["canceled_at"] = unix_s(call.now);
  (*intent)["cancellation_reason"] = or_null(reason);
  (*intent)["next_action"] = nullptr;
  save_with_events(call, *intent, "payment_intent.canceled", nullptr);
  return intent;
}

Reply complete_action(Call& call) {
  auto intent = load_waiting_for_action(call);
  if (!intent) return intent;
  return succeed(call, std::move(*intent), action_card());
}

Reply fail_action(Call& call) {
  auto intent = load_waiting_for_action(call);
  if (!intent) return intent;
  constexpr CardFault not_authenticated{"payment_intent_authentication_failure", "", "",
                                        "The provided payment method has failed authentication."};
  auto refused = decline(call, std::move(*intent), not_authenticated, action_card());
  return std::move(refused.error().error.at("payment_intent").get_object());
}

Reply retrieve_charge(Call& call) {
  if (auto known = call.params.only({}); !known) return Refused(std::move(known.error()));
  return load_object(call, "charge", call.id, "charge");
}

}  // namespace admit::payment::sandbox

// PaymentIntents: what can be done with one in which state.

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "crypto/hash.hpp"
#include "domain/money.hpp"
#include "payment/intent.hpp"
#include "payment/sandbox/actions.hpp"
#include "payment/sandbox/charges.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::int64_t slow_bank_ms = 5'000;
constexpr std::int64_t late_ms = 30LL * 60 * 1000;
constexpr std::int64_t hold_ms = 7LL * 24 * 3600 * 1000;

constexpr std::array create_fields{
    Field{"amount", Kind::integer, true},
    Field{"currency", Kind::text, true},
    Field{"allowed_payment_method_types", Kind::nested},
    Field{"application_fee_amount", Kind::integer},
    Field{"automatic_payment_methods", Kind::nested},
    Field{"capture_method", Kind::word, false, "automatic automatic_async manual"},
    Field{"confirm", Kind::boolean},
    Field{"confirmation_method", Kind::word, false, "automatic manual"},
    Field{"description"},
    Field{"error_on_requires_action", Kind::boolean},
    Field{"excluded_payment_method_types", Kind::nested},
    Field{"metadata", Kind::metadata},
    Field{"off_session", Kind::boolean},
    Field{"on_behalf_of"},
    Field{"payment_method"},
    Field{"payment_method_data", Kind::nested},
    Field{"payment_method_options", Kind::nested},
    Field{"receipt_email"},
    Field{"return_url"},
    Field{"setup_future_usage", Kind::word, false, "off_session on_session"},
    Field{"shipping", Kind::nested},
    Field{"statement_descriptor"},
    Field{"statement_descriptor_suffix"},
    Field{"transfer_data", Kind::nested},
    Field{"transfer_group"},
    Field{"use_stripe_sdk", Kind::boolean},
};

std::string_view status_of(const json::object& intent) {
  return intent.at("status").get_string();
}

void set_status(json::object& intent, IntentStatus status) {
  intent["status"] = domain::word(status);
}

struct Terms {
  std::int64_t amount = 0;
  std::string currency;  ///< lower case
  std::int64_t fee = 0;
  std::string_view destination;
  std::int64_t transferred = 0;  ///< 0: all of it
};

Outcome<void> check_amount(std::int64_t amount, const std::string& code) {
  if (amount < 1) {
    return invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.");
  }
  if (const auto least = domain::minimum_charge_minor(code); amount < least) {
    return invalid("amount_too_small", "amount",
                   "Amount must be at least " + std::to_string(least) + " in the smallest unit of " + lower(code));
  }
  if (amount > domain::max_amount_minor) {
    return invalid("amount_too_large", "amount", "Amount must be no more than 99999999");
  }
  if (!domain::is_chargeable(amount, code)) {
    return invalid("", "amount", "The last digits of an amount in " + lower(code) + " must be zero.");
  }
  return {};
}

Outcome<Terms> read_amount(const Params& params) {
  const auto amount = params.integer("amount");
  if (!amount) return Refused(amount.error());
  const auto code = upper(params.text("currency"));
  if (!domain::is_currency(code)) {
    return invalid("", "currency", "Invalid currency: " + std::string{params.text("currency")} + ".");
  }
  if (auto fits = check_amount(*amount, code); !fits) return Refused(std::move(fits.error()));
  Terms terms;
  terms.amount = *amount;
  terms.currency = lower(code);
  return terms;
}

std::string_view capability(const json::object& account, std::string_view name) {
  return text_in(account.at("capabilities").get_object(), name);
}

Outcome<void> check_destination(Call& call, const Terms& terms) {
  const auto account = find_object(call, "account", terms.destination);
  if (!account || !private_value(call, "gone:" + std::string{terms.destination}).empty()) {
    return invalid("resource_missing", "transfer_data[destination]",
                   "No such destination: '" + std::string{terms.destination} + "'");
  }
  if (!account->at("charges_enabled").get_bool() || capability(*account, "transfers") != "active") {
    return invalid("insufficient_capabilities_for_transfer", "transfer_data[destination]",
                   "Your destination account needs to have the transfers capability enabled and may not charge now.");
  }
  return {};
}

/// A charge on a connected account needs one that may charge.
Outcome<void> check_direct(Call& call) {
  if (call.account.empty()) return {};
  const std::string id{call.account};
  const InAccount platform{call, ""};
  const auto account = find_object(call, "account", id);
  if (account && account->at("charges_enabled").get_bool() && capability(*account, "card_payments") == "active")
    return {};
  return invalid(
      "", "", "Your account cannot currently make charges. To find out why and enable charges, see its requirements.");
}

Outcome<Terms> read_terms(Call& call) {
  auto terms = read_amount(call.params);
  if (!terms) return terms;
  const auto& params = call.params;
  const auto fee = params.integer("application_fee_amount", 0);
  if (!fee) return Refused(fee.error());
  if (*fee < 0 || *fee > terms->amount) {
    return invalid("", "application_fee_amount", "The application fee must be 0 to the amount charged.");
  }
  if (!domain::is_chargeable(*fee, upper(terms->currency))) {
    return invalid("", "application_fee_amount", "The last digits of an amount in this currency must be zero.");
  }
  terms->fee = *fee;
  if (auto direct = check_direct(call); !direct) return Refused(std::move(direct.error()));
  const auto destination = params.find("transfer_data[destination]");
  if (!destination) {
    if (*fee == 0 || !call.account.empty()) return terms;
    return invalid("", "application_fee_amount",
                   "Can only apply an application_fee_amount together with transfer_data[destination].");
  }
  if (!call.account.empty()) {
    return invalid("", "transfer_data", "A charge on a connected account cannot be transferred on.");
  }
  terms->destination = *destination;
  if (params.find("transfer_data[amount]")) {
    const auto share = params.integer("transfer_data[amount]");
    if (!share) return Refused(share.error());
    if (params.find("application_fee_amount")) {
      return invalid("parameters_exclusive", "application_fee_amount",
                     "You may only specify one of application_fee_amount and transfer_data[amount].");
    }
    if (*share < 1 || *share > terms->amount) {
      return invalid("", "transfer_data[amount]", "The amount transferred must be 1 to the amount charged.");
    }
    terms->transferred = *share;
  }
  if (auto fits = check_destination(call, *terms); !fits) return Refused(std::move(fits.error()));
  return terms;
}

Outcome<void> check_descriptor(const Params& params) {
  if (params.find("statement_descriptor")) {
    return invalid("", "statement_descriptor",
                   "The statement_descriptor parameter is not supported for cards. Use statement_descriptor_suffix.");
  }
  const auto suffix = params.text("statement_descriptor_suffix");
  if (suffix.empty()) return {};
  const bool has_letter =
      std::ranges::any_of(suffix, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
  const bool is_plain = std::ranges::all_of(suffix, [](char c) { return c >= ' ' && c <= '~'; });
  if (suffix.size() > 22 || !has_letter || !is_plain || suffix.find_first_of("<>\\'\"*") != std::string_view::npos) {
    return invalid("", "statement_descriptor_suffix", "The statement descriptor suffix is not valid.");
  }
  return {};
}

Outcome<void> check_on_behalf_of(Call& call) {
  const auto id = call.params.text("on_behalf_of");
  if (id.empty()) return {};
  const auto account = find_object(call, "account", id);
  if (!account) return invalid("resource_missing", "on_behalf_of", "No such on_behalf_of: '" + std::string{id} + "'");
  if (capability(*account, "card_payments") == "active") return {};
  return invalid("", "on_behalf_of", "This account needs the card_payments capability to be charged on behalf of.");
}

json::object new_intent(Call& call, const Terms& terms, json::object metadata) {
  const auto id = fresh_id("pi");
  const auto& params = call.params;
  const auto capture = params.text("capture_method");
  json::object intent{{"id", id},
                      {"object", "payment_intent"},
                      {"allowed_payment_method_types", nullptr},
                      {"amount", terms.amount},
                      {"amount_capturable", 0},
                      {"amount_details", {{"tip", json::object{}}}},
                      {"amount_received", 0},
                      {"application", nullptr},
                      {"application_fee_amount", nullptr},
                      {"automatic_payment_methods", {{"allow_redirects", "always"}, {"enabled", true}}},
                      {"canceled_at", nullptr},
                      {"cancellation_reason", nullptr},
                      {"capture_method", capture.empty() ? "automatic_async" : capture},
                      {"client_secret", id + "_secret_" + random_word(25)},
                      {"confirmation_method", "automatic"},
                      {"created", unix_s(call.now)},
                      {"currency", terms.currency},
                      {"customer", nullptr},
                      {"customer_account", nullptr},
                      {"description", or_null(params.text("description"))},
                      {"excluded_payment_method_types", nullptr},
                      {"last_payment_error", nullptr},
                      {"latest_charge", nullptr},
                      {"livemode", false},
                      {"managed_payments", nullptr},
                      {"metadata", std::move(metadata)},
                      {"next_action", nullptr},
                      {"on_behalf_of", or_null(params.text("on_behalf_of"))},
                      {"payment_method", nullptr},
                      {"payment_method_configuration_details", nullptr},
                      {"payment_method_options",
                       {{"card",
                         {{"installments", nullptr},
                          {"mandate_options", nullptr},
                          {"network", nullptr},
                          {"request_three_d_secure", "automatic"}}}}},
                      {"payment_method_types", json::array{"card"}},
                      {"payment_record", nullptr},
                      {"processing", nullptr},
                      {"receipt_email", or_null(params.text("receipt_email"))},
                      {"review", nullptr},
                      {"setup_future_usage", or_null(params.text("setup_future_usage"))},
                      {"shipping", nullptr},
                      {"source", nullptr},
                      {"statement_descriptor", nullptr},
                      {"statement_descriptor_suffix", or_null(params.text("statement_descriptor_suffix"))},
                      {"status", domain::word(IntentStatus::requires_payment_method)},
                      {"transfer_data", nullptr},
                      {"transfer_group", or_null(params.text("transfer_group"))}};
  if (terms.fee > 0) intent["application_fee_amount"] = terms.fee;
  if (!terms.destination.empty()) {
    json::object data{{"destination", terms.destination}};
    if (terms.transferred > 0) data["amount"] = terms.transferred;
    intent["transfer_data"] = std::move(data);
  }
  return intent;
}

/// What the holder of a publishable key may see.
json::object public_view(const Call& call, json::object intent) {
  if (!call.is_publishable) return intent;
  for (const auto* name : {"application_fee_amount", "metadata", "on_behalf_of", "transfer_data", "transfer_group"}) {
    intent.erase(name);
  }
  return intent;
}

ApiError with_intent(const Call& call, std::unexpected<ApiError> refused, const json::object& intent) {
  auto error = std::move(refused.error());
  error.error["payment_intent"] = public_view(call, intent);
  return error;
}

Refused unexpected_state(const Call& call, const json::object& intent, std::string_view doing) {
  return Refused(
      with_intent(call,
                  invalid("payment_intent_unexpected_state", "",
                          "You cannot " + std::string{doing} + " this PaymentIntent because it has a status of " +
                              std::string{status_of(intent)} + "."),
                  intent));
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

std::optional<Card> card_of_method(Call& call, std::string_view id) {
  const auto kept = private_value(call, id);
  std::size_t row = 0;
  const auto [end, error] = std::from_chars(kept.data(), kept.data() + kept.size(), row);
  if (kept.empty() || error != std::errc{}) return std::nullopt;
  return card_of_row(row, call.now);
}

struct Paying {
  Card card;
  json::object method;
};

/// The card a call pays with: a named one, one seen before, one typed in, or what the intent has.
Outcome<Paying> read_paying(Call& call, const json::object& intent) {
  const auto& params = call.params;
  auto named = params.text("payment_method");
  if (named.empty() && params.text("payment_method_data[type]").empty()) named = text_in(intent, "payment_method");
  if (!named.empty()) {
    if (auto card = named_card(named, call.now)) {
      auto method = new_payment_method(call, *card);
      return Paying{std::move(*card), std::move(method)};
    }
    auto method = find_object(call, "payment_method", named);
    auto card = method ? card_of_method(call, named) : std::nullopt;
    if (!card) {
      return invalid("resource_missing", "payment_method", "No such PaymentMethod: '" + std::string{named} + "'");
    }
    return Paying{std::move(*card), std::move(*method)};
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
  if (card) {
    auto method = new_payment_method(call, *card);
    return Paying{std::move(*card), std::move(method)};
  }
  auto refused = refuse(402, "card_error", card.error().code, card.error().param, std::string{card.error().message});
  if (!card.error().decline_code.empty()) refused.error().error["decline_code"] = card.error().decline_code;
  return refused;
}

/// The money is there, all of it or what is captured.
json::object capture(Call& call, json::object intent, json::object charge, std::int64_t amount, Sequel sequel) {
  set_status(intent, IntentStatus::succeeded);
  intent["amount_received"] = amount;
  intent["amount_capturable"] = 0;
  intent["last_payment_error"] = nullptr;
  intent["next_action"] = nullptr;
  intent["processing"] = nullptr;
  update_object(call, intent);
  settle_charge(call, charge);
  emit(call, "payment_intent.succeeded", intent);
  emit(call, "charge.updated", charge);
  schedule_sequel(call, charge, sequel);
  return intent;
}

json::object authorised(Call& call, json::object intent, const json::object& method, const Card& card) {
  const bool is_manual = text_in(intent, "capture_method") == "manual";
  intent["last_payment_error"] = nullptr;
  intent["next_action"] = nullptr;
  intent["processing"] = nullptr;
  auto charge = new_charge(call, intent, method, true, !is_manual);
  insert_object(call, charge, text_in(intent, "id"));
  emit(call, "charge.succeeded", charge);
  if (!is_manual) {
    const auto amount = number_in(intent, "amount");
    return capture(call, std::move(intent), std::move(charge), amount, card.sequel);
  }
  set_status(intent, IntentStatus::requires_capture);
  intent["amount_capturable"] = intent.at("amount");
  update_object(call, intent);
  emit(call, "payment_intent.amount_capturable_updated", intent);
  schedule(call, "expire_hold", text_in(intent, "id"), hold_ms);
  return intent;
}

/// A failed attempt leads back to the beginning of the same intent.
Refused decline(Call& call, json::object intent, const CardFault& fault, const json::object& method) {
  set_status(intent, IntentStatus::requires_payment_method);
  intent["next_action"] = nullptr;
  intent["processing"] = nullptr;
  auto refused = refuse(402, "card_error", fault.code, fault.param, std::string{fault.message});
  auto& error = refused.error().error;
  if (!fault.decline_code.empty()) error["decline_code"] = fault.decline_code;
  error["payment_method"] = method;
  intent["last_payment_error"] = error;
  const auto charge = new_charge(call, intent, method, false, false);
  error["charge"] = charge.at("id");
  intent["last_payment_error"] = error;
  intent["payment_method"] = nullptr;
  insert_object(call, charge, text_in(intent, "id"));
  update_object(call, intent);
  emit(call, "charge.failed", charge);
  emit(call, "payment_intent.payment_failed", intent);
  return Refused(with_intent(call, std::move(refused), intent));
}

/// What comes after authentication, or where none was asked for.
Reply pay(Call& call, json::object intent, const Paying& paying) {
  const auto& card = paying.card;
  if (card.sequel != Sequel::slow && card.sequel != Sequel::slow_declined && card.sequel != Sequel::late) {
    return authorised(call, std::move(intent), paying.method, card);
  }
  set_status(intent, IntentStatus::processing);
  intent["last_payment_error"] = nullptr;
  intent["next_action"] = nullptr;
  intent["processing"] = json::object{{"card", json::object{}}, {"type", "card"}};
  update_object(call, intent);
  emit(call, "payment_intent.processing", intent);
  if (card.sequel == Sequel::late) {
    schedule(call, "settle", text_in(intent, "id"), late_ms);
  } else {
    schedule_soon(call, "settle", text_in(intent, "id"), slow_bank_ms);
  }
  return intent;
}

Reply confirm(Call& call, json::object intent) {
  if (!is_one_of(status_of(intent), {"requires_payment_method", "requires_confirmation", "requires_action"})) {
    return unexpected_state(call, intent, "confirm");
  }
  const auto paying = read_paying(call, intent);
  if (!paying) return Refused(paying.error());
  intent["payment_method"] = paying->method.at("id");
  if (paying->card.decline) return decline(call, std::move(intent), *paying->card.decline, paying->method);
  if (!paying->card.asks_for_action) return pay(call, std::move(intent), *paying);
  set_status(intent, IntentStatus::requires_action);
  intent["last_payment_error"] = nullptr;
  intent["next_action"] =
      json::object{{"redirect_to_url",
                    {{"return_url", or_null(call.params.text("return_url"))},
                     {"url", std::string{call.page_base} + "/sandbox/3ds/" + std::string{text_in(intent, "id")}}}},
                   {"type", "redirect_to_url"}};
  update_object(call, intent);
  emit(call, "payment_intent.requires_action", intent);
  return intent;
}

Paying paying_of(Call& call, const json::object& intent) {
  const std::string id{text_in(intent, "payment_method")};
  return {card_of_method(call, id).value_or(*named_card("pm_card_visa", call.now)),
          must_object(call, "payment_method", id)};
}

Reply load_waiting_for_action(Call& call) {
  call.is_begun = true;
  auto intent = load_object(call, "payment_intent", call.id, "intent");
  if (intent && status_of(*intent) != "requires_action") return unexpected_state(call, *intent, "authenticate");
  return intent;
}

json::value return_url_of(const json::object& intent) {
  return intent.at("next_action").at("redirect_to_url").at("return_url");
}

/// For the bank's page alone: where the buyer goes next.
Reply going_back(Reply intent, json::value url) {
  if (intent) (*intent)["sbx_return_url"] = std::move(url);
  return intent;
}

json::object cancel(Call& call, json::object intent, std::string_view reason) {
  set_status(intent, IntentStatus::canceled);
  intent["amount_capturable"] = 0;
  intent["canceled_at"] = unix_s(call.now);
  intent["cancellation_reason"] = or_null(reason);
  intent["next_action"] = nullptr;
  update_object(call, intent);
  unschedule(call, text_in(intent, "id"));
  emit(call, "payment_intent.canceled", intent);
  return intent;
}

Reply settle(Call& call, json::object intent, bool is_good) {
  if (status_of(intent) != "processing") return unexpected_state(call, intent, "settle");
  unschedule(call, text_in(intent, "id"));
  auto paying = paying_of(call, intent);
  if (!is_good) {
    auto refused = decline(call, std::move(intent), declined_by_issuer, paying.method);
    return std::move(refused.error().error.at("payment_intent").get_object());
  }
  paying.card.sequel = Sequel::none;
  return authorised(call, std::move(intent), paying.method, paying.card);
}

}  // namespace

Reply create_intent(Call& call) {
  const auto& params = call.params;
  if (auto fits = params.check(create_fields); !fits) return Refused(std::move(fits.error()));
  const auto terms = read_terms(call);
  if (!terms) return Refused(terms.error());
  auto metadata = params.metadata();
  if (!metadata) return Refused(std::move(metadata.error()));
  if (auto fits = check_descriptor(params); !fits) return Refused(std::move(fits.error()));
  if (auto fits = check_on_behalf_of(call); !fits) return Refused(std::move(fits.error()));
  call.is_begun = true;
  auto intent = new_intent(call, *terms, std::move(*metadata));
  const bool is_confirmed = params.flag("confirm");
  if (!is_confirmed && (params.find("payment_method") || params.find("payment_method_data[type]"))) {
    const auto paying = read_paying(call, intent);
    if (!paying) return Refused(paying.error());
    intent["payment_method"] = paying->method.at("id");
    set_status(intent, IntentStatus::requires_confirmation);
  }
  insert_object(call, intent);
  emit(call, "payment_intent.created", intent);
  if (is_confirmed) return confirm(call, std::move(intent));
  return intent;
}

Reply retrieve_intent(Call& call) {
  if (auto fits = call.params.check({{"client_secret"}}); !fits) return Refused(std::move(fits.error()));
  auto intent = load_intent(call);
  if (!intent) return intent;
  return public_view(call, std::move(*intent));
}

Reply update_intent(Call& call) {
  const auto& params = call.params;
  if (auto fits = params.check({{"amount", Kind::integer},
                                {"application_fee_amount", Kind::integer},
                                {"description"},
                                {"metadata", Kind::metadata},
                                {"receipt_email"},
                                {"statement_descriptor"},
                                {"statement_descriptor_suffix"},
                                {"transfer_group"}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  if (auto fits = check_descriptor(params); !fits) return Refused(std::move(fits.error()));
  auto intent = load_intent(call);
  if (!intent) return intent;
  auto metadata = params.metadata_over(intent->at("metadata").get_object());
  if (!metadata) return Refused(std::move(metadata.error()));
  const bool is_open =
      is_one_of(status_of(*intent), {"requires_payment_method", "requires_confirmation", "requires_action"});
  const auto amount = params.integer("amount", number_in(*intent, "amount"));
  if (params.find("amount") || params.find("application_fee_amount")) {
    if (!is_open) return unexpected_state(call, *intent, "change the amount of");
    if (auto fits = check_amount(*amount, upper(text_in(*intent, "currency"))); !fits)
      return Refused(std::move(fits.error()));
    const auto* old = intent->at("application_fee_amount").if_int64();
    const auto fee = params.integer("application_fee_amount", old == nullptr ? 0 : *old);
    if (*fee < 0 || *fee > *amount) {
      return invalid("", "application_fee_amount", "The application fee must be 0 to the amount charged.");
    }
    if (params.find("application_fee_amount")) (*intent)["application_fee_amount"] = *fee;
  }
  call.is_begun = true;
  (*intent)["amount"] = *amount;
  (*intent)["metadata"] = std::move(*metadata);
  for (const auto* name : {"description", "receipt_email", "statement_descriptor_suffix", "transfer_group"}) {
    if (const auto value = params.find(name)) (*intent)[name] = or_null(*value);
  }
  update_object(call, *intent);
  return intent;
}

Reply list_intents(Call& call) {
  return list_objects(call, "payment_intent", "/v1/payment_intents");
}

Reply confirm_intent(Call& call) {
  if (auto fits = call.params.check({{"capture_method", Kind::word, false, "automatic automatic_async manual"},
                                     {"client_secret"},
                                     {"error_on_requires_action", Kind::boolean},
                                     {"off_session", Kind::boolean},
                                     {"payment_method"},
                                     {"payment_method_data", Kind::nested},
                                     {"payment_method_options", Kind::nested},
                                     {"receipt_email"},
                                     {"return_url"},
                                     {"shipping", Kind::nested},
                                     {"use_stripe_sdk", Kind::boolean}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  auto intent = load_intent(call);
  if (!intent) return intent;
  call.is_begun = true;
  if (const auto email = call.params.find("receipt_email")) (*intent)["receipt_email"] = or_null(*email);
  auto confirmed = confirm(call, std::move(*intent));
  if (!confirmed) return confirmed;
  return public_view(call, std::move(*confirmed));
}

Reply capture_intent(Call& call) {
  const auto& params = call.params;
  if (auto fits = params.check({{"amount_to_capture", Kind::integer},
                                {"application_fee_amount", Kind::integer},
                                {"final_capture", Kind::boolean},
                                {"metadata", Kind::metadata},
                                {"statement_descriptor"},
                                {"statement_descriptor_suffix"},
                                {"transfer_data", Kind::nested}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  if (auto fits = check_descriptor(params); !fits) return Refused(std::move(fits.error()));
  if (!params.flag("final_capture", true)) {
    return invalid("", "final_capture", "This payment cannot be captured more than once.");
  }
  auto intent = load_intent(call);
  if (!intent) return intent;
  if (status_of(*intent) != "requires_capture") {
    call.is_begun = true;
    return unexpected_state(call, *intent, "capture");
  }
  const auto capturable = number_in(*intent, "amount_capturable");
  const auto amount = *params.integer("amount_to_capture", capturable);
  if (amount < 1 || amount > capturable) {
    return invalid("", "amount_to_capture",
                   "The amount to capture must be 1 to the amount_capturable, " + std::to_string(capturable) + ".");
  }
  auto charge = must_object(call, "charge", text_in(*intent, "latest_charge"));
  const auto* old = intent->at("application_fee_amount").if_int64();
  const auto fee = *params.integer("application_fee_amount", old == nullptr ? 0 : std::min(*old, amount));
  if (fee < 0 || fee > amount) {
    return invalid("", "application_fee_amount", "The application fee must be 0 to the amount captured.");
  }
  auto metadata = params.metadata_over(intent->at("metadata").get_object());
  if (!metadata) return Refused(std::move(metadata.error()));
  call.is_begun = true;
  if (fee > 0 || old != nullptr) (*intent)["application_fee_amount"] = charge["application_fee_amount"] = fee;
  (*intent)["metadata"] = std::move(*metadata);
  unschedule(call, text_in(*intent, "id"));
  charge["captured"] = true;
  charge["amount_captured"] = amount;
  update_object(call, charge);
  emit(call, "charge.captured", charge);
  const auto sequel = paying_of(call, *intent).card.sequel;
  return capture(call, std::move(*intent), std::move(charge), amount, sequel);
}

Reply cancel_intent(Call& call) {
  if (auto fits = call.params.check(
          {{"cancellation_reason", Kind::word, false, "duplicate fraudulent requested_by_customer abandoned"}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  auto intent = load_intent(call);
  if (!intent) return intent;
  call.is_begun = true;
  if (!is_one_of(status_of(*intent),
                 {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"})) {
    return unexpected_state(call, *intent, "cancel");
  }
  return cancel(call, std::move(*intent), call.params.text("cancellation_reason"));
}

Reply complete_action(Call& call) {
  auto intent = load_waiting_for_action(call);
  if (!intent) return intent;
  const auto back = return_url_of(*intent);
  const auto paying = paying_of(call, *intent);
  if (paying.card.sequel != Sequel::declined_after_action) {
    return going_back(pay(call, std::move(*intent), paying), back);
  }
  auto refused = decline(call, std::move(*intent), declined_by_issuer, paying.method);
  return going_back(std::move(refused.error().error.at("payment_intent").get_object()), back);
}

Reply fail_action(Call& call) {
  auto intent = load_waiting_for_action(call);
  if (!intent) return intent;
  constexpr CardFault not_authenticated{"payment_intent_authentication_failure", "", "",
                                        "The provided payment method has failed authentication."};
  const auto back = return_url_of(*intent);
  const auto paying = paying_of(call, *intent);
  auto refused = decline(call, std::move(*intent), not_authenticated, paying.method);
  return going_back(std::move(refused.error().error.at("payment_intent").get_object()), back);
}

Reply settle_intent(Call& call) {
  if (auto fits = call.params.check({{"outcome", Kind::word, true, "succeeded failed"}}); !fits) {
    return Refused(std::move(fits.error()));
  }
  auto intent = load_object(call, "payment_intent", call.id, "intent");
  if (!intent) return intent;
  call.is_begun = true;
  return settle(call, std::move(*intent), call.params.text("outcome") == "succeeded");
}

Reply retrieve_payment_method(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  return load_object(call, "payment_method", call.id, "payment_method");
}

namespace actions {

void settle(Call& call) {
  auto intent = find_object(call, "payment_intent", call.id);
  if (!intent || status_of(*intent) != "processing") return;
  const bool is_good = paying_of(call, *intent).card.sequel != Sequel::slow_declined;
  static_cast<void>(sandbox::settle(call, std::move(*intent), is_good));
}

void expire_hold(Call& call) {
  auto intent = find_object(call, "payment_intent", call.id);
  if (!intent || status_of(*intent) != "requires_capture") return;
  emit(call, "charge.expired", must_object(call, "charge", text_in(*intent, "latest_charge")));
  static_cast<void>(cancel(call, std::move(*intent), "automatic"));
}

}  // namespace actions

}  // namespace admit::payment::sandbox

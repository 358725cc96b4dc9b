// Charges: their money, their transfers and fees.

#include "payment/sandbox/charges.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::int64_t hold_s = 7 * 24 * 3600;

json::object no_address() {
  return {{"city", nullptr},  {"country", nullptr},     {"line1", nullptr},
          {"line2", nullptr}, {"postal_code", nullptr}, {"state", nullptr}};
}

json::object no_billing_details() {
  return {{"address", no_address()}, {"email", nullptr}, {"name", nullptr}, {"phone", nullptr}, {"tax_id", nullptr}};
}

json::object checks() {
  return {{"address_line1_check", nullptr}, {"address_postal_code_check", nullptr}, {"cvc_check", "pass"}};
}

json::object card_details(Call& call, const json::object& intent, const json::object& card, bool is_captured) {
  json::object details{{"amount_authorized", intent.at("amount")},
                       {"authorization_code", nullptr},
                       {"brand", card.at("brand")},
                       {"checks", checks()},
                       {"country", card.at("country")},
                       {"electronic_commerce_indicator", nullptr},
                       {"exp_month", card.at("exp_month")},
                       {"exp_year", card.at("exp_year")},
                       {"funding", card.at("funding")},
                       {"installments", nullptr},
                       {"last4", card.at("last4")},
                       {"mandate", nullptr},
                       {"network", card.at("brand")},
                       {"network_transaction_id", nullptr},
                       {"regulated_status", "unregulated"},
                       {"three_d_secure", nullptr},
                       {"transaction_link_id", nullptr},
                       {"wallet", nullptr}};
  if (!is_captured) details["capture_before"] = unix_s(call.now) + hold_s;
  return details;
}

json::value transfer_data_of(const json::object& intent) {
  const auto* data = intent.if_contains("transfer_data");
  if (data == nullptr || !data->is_object()) return {};
  json::object out{{"amount", nullptr}, {"destination", data->get_object().at("destination")}};
  if (const auto* amount = data->get_object().if_contains("amount")) out["amount"] = *amount;
  return out;
}

json::object outcome_of(const json::object& intent, bool is_paid) {
  const auto* error = intent.at("last_payment_error").if_object();
  const auto reason = error == nullptr || is_paid ? std::string_view{} : text_in(*error, "decline_code");
  return {{"advice_code", nullptr},
          {"network_advice_code", nullptr},
          {"network_decline_code", nullptr},
          {"network_status", is_paid ? "approved_by_network" : "declined_by_network"},
          {"reason", or_null(reason)},
          {"risk_level", "normal"},
          {"risk_score", 12},
          {"seller_message", is_paid ? "Payment complete." : "The bank did not approve the payment."},
          {"type", is_paid ? "authorized" : "issuer_declined"}};
}

/// `account` pays the platform its fee, and the platform has it in its books.
json::object take_fee(Call& call, const json::object& charge, std::string_view account, std::int64_t amount) {
  const InAccount platform{call, ""};
  const auto id = fresh_id("fee");
  const std::string charge_id{text_in(charge, "id")};
  const std::string currency{text_in(charge, "currency")};
  move_money(call, currency, {{account, -amount}, {"", amount}}, unix_s(call.now));
  const auto booked = book(call, {.type = "application_fee", .amount = amount, .currency = currency, .source = id});
  json::object fee{{"id", id},
                   {"object", "application_fee"},
                   {"account", account},
                   {"amount", amount},
                   {"amount_refunded", 0},
                   {"application", "ca_1SbxPlatform"},
                   {"balance_transaction", booked.at("id")},
                   {"charge", charge_id},
                   {"created", unix_s(call.now)},
                   {"currency", currency},
                   {"fee_source", {{"charge", charge_id}, {"type", "charge"}}},
                   {"livemode", false},
                   {"originating_transaction", charge_id},
                   {"refunded", false},
                   {"refunds", list_of({}, false, "/v1/application_fees/" + id + "/refunds")}};
  insert_object(call, fee, charge_id);
  emit(call, "application_fee.created", fee);
  return fee;
}

}  // namespace

json::object new_payment_method(Call& call, const Card& card) {
  json::object method{{"id", fresh_id("pm")},
                      {"object", "payment_method"},
                      {"allow_redisplay", "unspecified"},
                      {"billing_details", no_billing_details()},
                      {"card",
                       {{"brand", card.brand},
                        {"checks", checks()},
                        {"country", "US"},
                        {"display_brand", card.brand},
                        {"exp_month", card.exp_month},
                        {"exp_year", card.exp_year},
                        {"funding", "credit"},
                        {"generated_from", nullptr},
                        {"last4", card.last4},
                        {"networks", {{"available", json::array{card.brand}}, {"preferred", nullptr}}},
                        {"regulated_status", "unregulated"},
                        {"three_d_secure_usage", {{"supported", true}}},
                        {"wallet", nullptr}}},
                      {"created", unix_s(call.now)},
                      {"customer", nullptr},
                      {"customer_account", nullptr},
                      {"livemode", false},
                      {"metadata", json::object{}},
                      {"type", "card"}};
  insert_object(call, method);
  keep_private(call, text_in(method, "id"), std::to_string(card.row));
  return method;
}

json::object new_charge(Call& call, json::object& intent, const json::object& payment_method, bool is_paid,
                        bool is_captured) {
  const auto id = fresh_id("ch");
  intent["latest_charge"] = id;
  const auto* error = is_paid ? nullptr : intent.at("last_payment_error").if_object();
  const auto& card = payment_method.at("card").get_object();
  return {{"id", id},
          {"object", "charge"},
          {"amount", intent.at("amount")},
          {"amount_captured", is_captured ? intent.at("amount") : json::value(0)},
          {"amount_refunded", 0},
          {"application", nullptr},
          {"application_fee", nullptr},
          {"application_fee_amount", intent.at("application_fee_amount")},
          {"balance_transaction", nullptr},
          {"billing_details", no_billing_details()},
          {"calculated_statement_descriptor", "SANDBOX"},
          {"captured", is_captured},
          {"created", unix_s(call.now)},
          {"currency", intent.at("currency")},
          {"customer", nullptr},
          {"description", intent.at("description")},
          {"disputed", false},
          {"failure_balance_transaction", nullptr},
          {"failure_code", error == nullptr ? json::value{} : or_null(text_in(*error, "code"))},
          {"failure_message", error == nullptr ? json::value{} : or_null(text_in(*error, "message"))},
          {"fraud_details", json::object{}},
          {"livemode", false},
          {"metadata", intent.at("metadata")},
          {"on_behalf_of", intent.at("on_behalf_of")},
          {"outcome", outcome_of(intent, is_paid)},
          {"paid", is_paid},
          {"payment_intent", intent.at("id")},
          {"payment_method", payment_method.at("id")},
          {"payment_method_details", {{"card", card_details(call, intent, card, is_captured)}, {"type", "card"}}},
          {"receipt_email", intent.at("receipt_email")},
          {"receipt_number", nullptr},
          {"receipt_url", nullptr},
          {"refunded", false},
          {"review", nullptr},
          {"shipping", nullptr},
          {"source", nullptr},
          {"source_transfer", nullptr},
          {"statement_descriptor", nullptr},
          {"statement_descriptor_suffix", intent.at("statement_descriptor_suffix")},
          {"status", is_paid ? "succeeded" : "failed"},
          {"transfer_data", transfer_data_of(intent)},
          {"transfer_group", intent.at("transfer_group")}};
}

json::object new_transfer(Call& call, std::int64_t amount, std::string_view currency, std::string_view destination,
                          std::string_view source, std::string_view group) {
  const auto id = fresh_id("tr");
  const auto available_s = unix_s(call.now) + (source.empty() ? 0 : available_after_s);
  move_money(call, currency, {{"", -amount}, {destination, amount}}, available_s);
  const auto booked = book(call, {.type = "transfer", .amount = -amount, .currency = currency, .source = id});
  json::object transfer{{"id", id},
                        {"object", "transfer"},
                        {"amount", amount},
                        {"amount_reversed", 0},
                        {"balance_transaction", booked.at("id")},
                        {"created", unix_s(call.now)},
                        {"currency", currency},
                        {"description", nullptr},
                        {"destination", destination},
                        {"livemode", false},
                        {"metadata", json::object{}},
                        {"reversals", list_of({}, false, "/v1/transfers/" + id + "/reversals")},
                        {"reversed", false},
                        {"source_transaction", or_null(source)},
                        {"source_type", "card"},
                        {"transfer_group", or_null(group)}};
  return transfer;
}

void settle_charge(Call& call, json::object& charge) {
  const auto amount = number_in(charge, "amount_captured");
  const auto fee = provider_fee(amount);
  const auto application_fee =
      charge.at("application_fee_amount").is_int64() ? number_in(charge, "application_fee_amount") : 0;
  const std::string currency{text_in(charge, "currency")};
  const std::string id{text_in(charge, "id")};
  const std::string account{call.account};
  const auto available_s = unix_s(call.now) + available_after_s;
  move_money(call, currency, {{buyers, -amount}, {account, amount - fee}, {provider, fee}}, available_s);
  const auto booked = book(call, {.type = "charge",
                                  .amount = amount,
                                  .fee = fee,
                                  .application_fee = account.empty() ? 0 : application_fee,
                                  .currency = currency,
                                  .source = id,
                                  .available_s = available_s});
  charge["balance_transaction"] = booked.at("id");
  std::string paying = account;
  if (const auto* data = charge.at("transfer_data").if_object(); data != nullptr && account.empty()) {
    paying = text_in(*data, "destination");
    const auto share = data->at("amount").is_int64() ? std::min(number_in(*data, "amount"), amount) : amount;
    if (charge.at("transfer_group").is_null()) charge["transfer_group"] = "group_" + id;
    const auto transfer = new_transfer(call, share, currency, paying, id, text_in(charge, "transfer_group"));
    insert_object(call, transfer, id);
    charge["transfer"] = transfer.at("id");
    emit(call, "transfer.created", transfer);
    const InAccount destination{call, paying};
    static_cast<void>(book(call, {.type = "payment",
                                  .amount = share,
                                  .application_fee = application_fee,
                                  .currency = currency,
                                  .source = text_in(transfer, "id"),
                                  .available_s = available_s}));
  }
  if (application_fee > 0 && !paying.empty()) {
    charge["application_fee"] = take_fee(call, charge, paying, application_fee).at("id");
  }
  update_object(call, charge);
}

void schedule_sequel(Call& call, const json::object& charge, Sequel sequel) {
  if (is_one_of(word(sequel), {"fraudulent", "not_received", "inquiry", "early_warning"})) {
    schedule_soon(call, word(sequel), text_in(charge, "id"), 1'000);
  }
}

std::optional<json::object> transfer_of(Call& call, const json::object& charge) {
  auto found = objects_of(call, "transfer", text_in(charge, "id"));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::optional<json::object> fee_of(Call& call, const json::object& charge) {
  const InAccount platform{call, ""};
  auto found = objects_of(call, "application_fee", text_in(charge, "id"));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

json::object reverse_transfer(Call& call, json::object& transfer, Reversal reversal) {
  const auto id = fresh_id("trr");
  const std::string currency{text_in(transfer, "currency")};
  const std::string destination{text_in(transfer, "destination")};
  move_money(call, currency, {{destination, -reversal.amount}, {"", reversal.amount}}, unix_s(call.now));
  const auto booked =
      book(call, {.type = "transfer_refund", .amount = reversal.amount, .currency = currency, .source = id});
  json::object made{{"id", id},
                    {"object", "transfer_reversal"},
                    {"amount", reversal.amount},
                    {"balance_transaction", booked.at("id")},
                    {"created", unix_s(call.now)},
                    {"currency", currency},
                    {"destination_payment_refund", nullptr},
                    {"metadata", std::move(reversal.metadata)},
                    {"source_refund", or_null(reversal.refund_id)},
                    {"transfer", transfer.at("id")}};
  insert_object(call, made, text_in(transfer, "id"));
  {
    const InAccount paying{call, destination};
    static_cast<void>(book(call, {.type = "payment_refund",
                                  .amount = -reversal.amount,
                                  .currency = currency,
                                  .source = text_in(transfer, "id")}));
  }
  transfer["amount_reversed"] = number_in(transfer, "amount_reversed") + reversal.amount;
  transfer["reversed"] = number_in(transfer, "amount_reversed") == number_in(transfer, "amount");
  auto& reversals = transfer.at("reversals").get_object().at("data").get_array();
  reversals.insert(reversals.begin(), made);
  if (reversals.size() > 10) {
    reversals.pop_back();
    transfer.at("reversals").get_object()["has_more"] = true;
  }
  update_object(call, transfer);
  emit(call, "transfer.reversed", transfer);
  return made;
}

json::object give_fee_back(Call& call, json::object& fee, std::int64_t amount, json::object metadata) {
  const InAccount platform{call, ""};
  const auto id = fresh_id("fr");
  const std::string currency{text_in(fee, "currency")};
  const std::string account{text_in(fee, "account")};
  move_money(call, currency, {{"", -amount}, {account, amount}}, unix_s(call.now));
  const auto booked =
      book(call, {.type = "application_fee_refund", .amount = -amount, .currency = currency, .source = id});
  {
    const InAccount paid{call, account};
    static_cast<void>(
        book(call, {.type = "adjustment", .amount = amount, .currency = currency, .source = text_in(fee, "charge")}));
  }
  json::object made{{"id", id},
                    {"object", "fee_refund"},
                    {"amount", amount},
                    {"balance_transaction", booked.at("id")},
                    {"created", unix_s(call.now)},
                    {"currency", currency},
                    {"fee", fee.at("id")},
                    {"metadata", std::move(metadata)}};
  insert_object(call, made, text_in(fee, "id"));
  fee["amount_refunded"] = number_in(fee, "amount_refunded") + amount;
  fee["refunded"] = number_in(fee, "amount_refunded") == number_in(fee, "amount");
  auto& refunds = fee.at("refunds").get_object().at("data").get_array();
  refunds.insert(refunds.begin(), made);
  if (refunds.size() > 10) {
    refunds.pop_back();
    fee.at("refunds").get_object()["has_more"] = true;
  }
  update_object(call, fee);
  emit(call, "application_fee.refunded", fee);
  return made;
}

Reply retrieve_charge(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  return load_object(call, "charge", call.id, "charge");
}

Reply list_charges(Call& call) {
  return list_objects(call, "charge", "/v1/charges", call.params.text("payment_intent"), {{"payment_intent"}});
}

}  // namespace admit::payment::sandbox

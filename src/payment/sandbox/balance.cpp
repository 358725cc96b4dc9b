#include "payment/sandbox/balance.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <stdexcept>

#include "domain/money.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

/// What the platform has at first, so that refunds do not wait for the first sales.
constexpr std::int64_t opening_minor = 100'000'000;
constexpr std::int64_t overdraft_minor = 50'000;
constexpr std::int64_t max_top_up_minor = 1'000'000'000;

constexpr std::string_view row_sql =
    "INSERT INTO sbx_ledger(movement,account,currency,amount,available_s) VALUES(?,?,?,?,?)";
constexpr std::string_view add_sql =
    "INSERT INTO sbx_balance(account,currency,amount) VALUES(?,?,?)"
    " ON CONFLICT(account,currency) DO UPDATE SET amount=amount+excluded.amount";
constexpr std::string_view balance_sql = "SELECT amount FROM sbx_balance WHERE account=? AND currency=?";
constexpr std::string_view balances_sql = "SELECT currency, amount FROM sbx_balance WHERE account=? ORDER BY currency";
constexpr std::string_view pending_sql =
    "SELECT currency, sum(amount) FROM sbx_ledger WHERE account=? AND available_s>? GROUP BY currency";
constexpr std::string_view retry_sql = "UPDATE sbx_action SET due_ms=? WHERE kind='retry_refund'";

void add_rows(Call& call, std::string_view currency, std::initializer_list<Side> sides, std::int64_t available_s) {
  const auto movement = random_word(16);
  std::int64_t sum = 0;
  for (const auto& side : sides) {
    sum += side.amount;
    if (side.amount == 0) continue;
    call.database.run(row_sql, movement, side.account, currency, side.amount, available_s);
    call.database.run(add_sql, side.account, currency, side.amount);
  }
  if (sum != 0) throw std::logic_error("payment sandbox: a movement that does not sum to zero");
}

void open_platform(Call& call, std::string_view currency) {
  auto rows = call.database.query(balance_sql, "", currency);
  if (rows.next()) return;
  add_rows(call, currency, {{banks, -opening_minor}, {"", opening_minor}}, unix_s(call.now));
}

std::string_view category_of(std::string_view type) {
  if (type == "payment") return "charge";
  if (type == "adjustment") return "dispute";
  if (type == "application_fee") return "platform_earning";
  if (type == "application_fee_refund") return "platform_earning_refund";
  return type;
}

json::object as_of_now(Call& call, json::object transaction) {
  if (number_in(transaction, "available_on") <= unix_s(call.now)) transaction["status"] = "available";
  return transaction;
}

json::object amounts(const std::map<std::string, std::int64_t>& by_currency) {
  json::array list;
  for (const auto& [currency, amount] : by_currency) {
    list.push_back(json::object{{"amount", amount}, {"currency", currency}, {"source_types", {{"card", amount}}}});
  }
  if (list.empty()) list.push_back(json::object{{"amount", 0}, {"currency", "eur"}, {"source_types", {{"card", 0}}}});
  return {{"list", std::move(list)}};
}

}  // namespace

void move_money(Call& call, std::string_view currency, std::initializer_list<Side> sides, std::int64_t available_s) {
  open_platform(call, currency);
  add_rows(call, currency, sides, available_s);
}

json::object book(Call& call, const Booking& booking) {
  json::array details;
  const auto add_detail = [&](std::int64_t amount, std::string_view type, std::string_view description) {
    if (amount == 0) return;
    details.push_back(json::object{{"amount", amount},
                                   {"application", nullptr},
                                   {"currency", booking.currency},
                                   {"description", description},
                                   {"type", type}});
  };
  add_detail(booking.fee, "stripe_fee", "Processing fees");
  add_detail(booking.application_fee, "application_fee", "Application fee");
  const auto fee = booking.fee + booking.application_fee;
  const auto available_s = std::max(booking.available_s, unix_s(call.now));
  json::object transaction{{"id", fresh_id("txn")},
                           {"object", "balance_transaction"},
                           {"amount", booking.amount},
                           {"available_on", available_s},
                           {"balance_type", "payments"},
                           {"created", unix_s(call.now)},
                           {"currency", booking.currency},
                           {"description", or_null(booking.description)},
                           {"exchange_rate", nullptr},
                           {"fee", fee},
                           {"fee_details", std::move(details)},
                           {"net", booking.amount - fee},
                           {"reporting_category", category_of(booking.type)},
                           {"source", or_null(booking.source)},
                           {"status", available_s > unix_s(call.now) ? "pending" : "available"},
                           {"type", booking.type}};
  insert_object(call, transaction, booking.source);
  return transaction;
}

bool can_pay(Call& call, std::string_view account, std::string_view currency, std::int64_t amount) {
  open_platform(call, currency);
  auto rows = call.database.query(balance_sql, account, currency);
  const auto has = rows.next() ? rows.number(0) : 0;
  return has + overdraft_minor >= amount;
}

std::int64_t provider_fee(std::int64_t amount) {
  return std::min(amount, (amount * 15 + 500) / 1000 + 25);
}

Reply retrieve_balance(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  std::map<std::string, std::int64_t> available;
  std::map<std::string, std::int64_t> pending;
  auto rows = call.database.query(balances_sql, call.account);
  while (rows.next()) available[rows.text(0)] = rows.number(1);
  auto late = call.database.query(pending_sql, call.account, unix_s(call.now));
  while (late.next()) {
    pending[late.text(0)] = late.number(1);
    available[late.text(0)] -= late.number(1);
  }
  return json::object{{"object", "balance"},
                      {"available", amounts(available).at("list")},
                      {"connect_reserved", json::array{}},
                      {"livemode", false},
                      {"pending", amounts(pending).at("list")}};
}

Reply retrieve_balance_transaction(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  auto found = load_object(call, "balance_transaction", call.id, "id");
  if (!found) return found;
  return as_of_now(call, std::move(*found));
}

Reply list_balance_transactions(Call& call) {
  auto list =
      list_objects(call, "balance_transaction", "/v1/balance_transactions", call.params.text("source"), {{"source"}});
  if (!list) return list;
  for (auto& entry : list->at("data").get_array()) entry = as_of_now(call, std::move(entry.get_object()));
  return list;
}

Reply retrieve_payout(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  return load_object(call, "payout", call.id, "payout");
}

Reply list_payouts(Call& call) {
  return list_objects(call, "payout", "/v1/payouts");
}

Reply top_up(Call& call) {
  if (auto fits =
          call.params.check({{"amount", Kind::integer, true}, {"currency", Kind::text, true}, {"account", Kind::text}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  const auto amount = *call.params.integer("amount");
  const auto currency = lower(call.params.text("currency"));
  if (!domain::is_currency(upper(currency))) return invalid("", "currency", "Invalid currency.");
  if (amount < -max_top_up_minor || amount > max_top_up_minor) return invalid("", "amount", "At most 1000000000.");
  call.is_begun = true;
  move_money(call, currency, {{banks, -amount}, {call.params.text("account"), amount}}, unix_s(call.now));
  call.database.run(retry_sql, domain::to_unix_ms(call.now));
  return retrieve_balance(call).value_or(json::object{{"object", "balance"}});
}

Reply create_payout(Call& call) {
  if (auto fits = call.params.check(
          {{"account", Kind::text, true}, {"amount", Kind::integer, true}, {"currency", Kind::text, true}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  const auto amount = *call.params.integer("amount");
  if (amount < 1) return invalid("parameter_invalid_integer", "amount", "This value must be at least 1.");
  const auto currency = lower(call.params.text("currency"));
  const std::string account{call.params.text("account")};
  if (const auto known = load_object(call, "account", account, "account"); !known) return known;
  const InAccount scope{call, account};
  if (!can_pay(call, account, currency, amount)) {
    return invalid("balance_insufficient", "amount", "You have insufficient funds in your account for this payout.");
  }
  call.is_begun = true;
  const auto id = fresh_id("po");
  move_money(call, currency, {{account, -amount}, {banks, amount}}, unix_s(call.now));
  const auto booked = book(call, {.type = "payout", .amount = -amount, .currency = currency, .source = id});
  json::object payout{{"id", id},
                      {"object", "payout"},
                      {"amount", amount},
                      {"application_fee", nullptr},
                      {"application_fee_amount", nullptr},
                      {"arrival_date", unix_s(call.now)},
                      {"automatic", true},
                      {"balance_transaction", booked.at("id")},
                      {"created", unix_s(call.now)},
                      {"currency", currency},
                      {"description", "STRIPE PAYOUT"},
                      {"destination", "ba_1SbxBank"},
                      {"failure_balance_transaction", nullptr},
                      {"failure_code", nullptr},
                      {"failure_message", nullptr},
                      {"livemode", false},
                      {"metadata", json::object{}},
                      {"method", "standard"},
                      {"original_payout", nullptr},
                      {"payout_method", nullptr},
                      {"reconciliation_status", "completed"},
                      {"reversed_by", nullptr},
                      {"source_type", "card"},
                      {"statement_descriptor", nullptr},
                      {"status", "paid"},
                      {"trace_id", nullptr},
                      {"type", "bank_account"}};
  insert_object(call, payout);
  emit(call, "payout.paid", payout);
  return payout;
}

Reply fail_payout(Call& call) {
  if (auto fits = call.params.check({{"account", Kind::text, true}}); !fits) return Refused(std::move(fits.error()));
  const std::string account{call.params.text("account")};
  const InAccount scope{call, account};
  auto payout = load_object(call, "payout", call.id, "payout");
  if (!payout) return payout;
  if (text_in(*payout, "status") == "failed") return invalid("", "payout", "This payout has failed already.");
  call.is_begun = true;
  const auto amount = number_in(*payout, "amount");
  const std::string currency{text_in(*payout, "currency")};
  move_money(call, currency, {{banks, -amount}, {account, amount}}, unix_s(call.now));
  const auto booked =
      book(call, {.type = "payout_failure", .amount = amount, .currency = currency, .source = text_in(*payout, "id")});
  (*payout)["status"] = "failed";
  (*payout)["failure_balance_transaction"] = booked.at("id");
  (*payout)["failure_code"] = "account_closed";
  (*payout)["failure_message"] = "The bank account has been closed.";
  update_object(call, *payout);
  emit(call, "payout.failed", *payout);
  return payout;
}

}  // namespace admit::payment::sandbox

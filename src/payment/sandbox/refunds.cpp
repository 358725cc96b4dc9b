// Refunds: whole and partial, pending, failing, and their share of transfer and fee.

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "domain/money.hpp"
#include "payment/sandbox/actions.hpp"
#include "payment/sandbox/charges.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::int64_t bank_ms = 2'000;
constexpr std::int64_t retry_ms = 3'600'000;

/// The part of `whole` that belongs to `part` of `of`, rounded half up.
std::int64_t share(std::int64_t whole, std::int64_t part, std::int64_t of) {
  const auto product = static_cast<__int128>(whole) * part * 2 + of;
  return static_cast<std::int64_t>(product / (static_cast<__int128>(of) * 2));
}

Sequel sequel_of(Call& call, const json::object& charge) {
  const auto kept = private_value(call, text_in(charge, "payment_method"));
  std::size_t row = 0;
  std::from_chars(kept.data(), kept.data() + kept.size(), row);
  const auto card = card_of_row(row, call.now);
  return card && !kept.empty() ? card->sequel : Sequel::none;
}

Reply load_charge(Call& call) {
  const auto charge_id = call.params.text("charge");
  const auto intent_id = call.params.text("payment_intent");
  if (!charge_id.empty() && !intent_id.empty()) {
    return invalid("parameters_exclusive", "charge", "You may only specify one of charge and payment_intent.");
  }
  if (!charge_id.empty()) return load_object(call, "charge", charge_id, "charge");
  if (intent_id.empty()) {
    return invalid("parameter_missing", "payment_intent",
                   "One of the following params should be provided: charge, payment_intent.");
  }
  const auto intent = load_object(call, "payment_intent", intent_id, "payment_intent");
  if (!intent) return intent;
  if (text_in(*intent, "status") != "succeeded") {
    return invalid("payment_intent_unexpected_state", "payment_intent",
                   "This PaymentIntent (" + std::string{intent_id} + ") does not have a successful charge to refund.");
  }
  return load_object(call, "charge", text_in(*intent, "latest_charge"), "charge");
}

Outcome<std::int64_t> read_amount(Call& call, const json::object& charge) {
  if (!charge.at("captured").get_bool() || !charge.at("paid").get_bool()) {
    return invalid("charge_not_refundable", "", "This charge was not captured.");
  }
  if (charge.at("disputed").get_bool() &&
      !private_value(call, "chargeback:" + std::string{text_in(charge, "id")}).empty()) {
    return invalid("charge_disputed", "", "This charge has been charged back; it cannot be refunded.");
  }
  const auto left = number_in(charge, "amount_captured") - number_in(charge, "amount_refunded");
  if (left == 0) {
    return invalid("charge_already_refunded", "",
                   "Charge " + std::string{text_in(charge, "id")} + " has already been refunded.");
  }
  const auto amount = call.params.integer("amount", left);
  if (!amount) return Refused(amount.error());
  if (*amount < 1) {
    return invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.");
  }
  if (*amount > left) {
    return invalid("", "amount",
                   "Refund amount (" + std::to_string(*amount) + ") is greater than unrefunded amount on charge (" +
                       std::to_string(left) + ")");
  }
  if (!domain::is_chargeable(*amount, upper(text_in(charge, "currency")))) {
    return invalid("", "amount", "The last digits of an amount in this currency must be zero.");
  }
  return *amount;
}

/// What is taken back from the organiser and given back of the fee, so that the last refund gives the exact rest.
struct Shares {
  std::optional<json::object> transfer;
  std::optional<json::object> fee;
  std::int64_t reversed = 0;
  std::int64_t fee_back = 0;
};

Shares shares_of(Call& call, const json::object& charge, std::int64_t amount) {
  Shares shares;
  const auto captured = number_in(charge, "amount_captured");
  const auto refunded = number_in(charge, "amount_refunded") + amount;
  if (call.params.flag("reverse_transfer")) {
    shares.transfer = transfer_of(call, charge);
    if (shares.transfer) {
      const auto before = number_in(*shares.transfer, "amount_reversed");
      shares.reversed =
          std::max<std::int64_t>(share(number_in(*shares.transfer, "amount"), refunded, captured) - before, 0);
    }
  }
  if (call.params.flag("refund_application_fee")) {
    shares.fee = fee_of(call, charge);
    if (shares.fee) {
      const auto before = number_in(*shares.fee, "amount_refunded");
      shares.fee_back = std::max<std::int64_t>(share(number_in(*shares.fee, "amount"), refunded, captured) - before, 0);
    }
  }
  return shares;
}

Outcome<void> check_shares(Call& call, const Shares& shares) {
  const bool reverses = call.params.flag("reverse_transfer");
  const bool is_direct = !call.account.empty();
  if (reverses && !shares.transfer) {
    return invalid("", "reverse_transfer", "Cannot reverse a transfer: this charge has no associated transfer.");
  }
  if (!call.params.flag("refund_application_fee")) return {};
  if (!shares.fee) {
    return invalid("", "refund_application_fee", "This charge has no application fee to refund.");
  }
  if (!is_direct && !reverses) {
    return invalid("", "refund_application_fee", "refund_application_fee needs reverse_transfer on this charge.");
  }
  return {};
}

/// The money goes out of the account that has the charge.
void pay_out(Call& call, json::object& refund) {
  const auto amount = number_in(refund, "amount");
  const std::string currency{text_in(refund, "currency")};
  const std::string account{call.account};
  move_money(call, currency, {{account, -amount}, {buyers, amount}}, unix_s(call.now));
  const auto booked =
      book(call, {.type = "refund", .amount = -amount, .currency = currency, .source = text_in(refund, "id")});
  refund["balance_transaction"] = booked.at("id");
}

void succeed(json::object& refund) {
  refund["status"] = "succeeded";
  refund.erase("pending_reason");
  refund["destination_details"] = json::object{{"card", {{"type", "refund"}}}, {"type", "card"}};
}

/// The charge's own word about what was given back; events say it in full each time.
void change_refunded(Call& call, std::string_view charge_id, std::int64_t by) {
  auto charge = must_object(call, "charge", charge_id);
  const json::object previous{{"amount_refunded", charge.at("amount_refunded")}, {"refunded", charge.at("refunded")}};
  const auto refunded = number_in(charge, "amount_refunded") + by;
  charge["amount_refunded"] = refunded;
  charge["refunded"] = refunded == number_in(charge, "amount_captured");
  update_object(call, charge);
  if (by > 0) emit(call, "charge.refunded", charge, &previous);
}

void fail(Call& call, json::object refund, std::string_view reason) {
  const auto amount = number_in(refund, "amount");
  const std::string currency{text_in(refund, "currency")};
  const std::string account{call.account};
  if (!refund.at("balance_transaction").is_null()) {
    move_money(call, currency, {{buyers, -amount}, {account, amount}}, unix_s(call.now));
    const auto booked =
        book(call, {.type = "refund_failure", .amount = amount, .currency = currency, .source = text_in(refund, "id")});
    refund["failure_balance_transaction"] = booked.at("id");
  }
  refund["status"] = "failed";
  refund["failure_reason"] = reason;
  refund.erase("pending_reason");
  update_object(call, refund);
  unschedule(call, text_in(refund, "id"));
  change_refunded(call, text_in(refund, "charge"), -amount);
  emit(call, "refund.failed", refund);
  emit(call, "refund.updated", refund);
}

}  // namespace

Reply create_refund(Call& call) {
  if (auto fits = call.params.check({{"amount", Kind::integer},
                                     {"charge"},
                                     {"metadata", Kind::metadata},
                                     {"payment_intent"},
                                     {"reason", Kind::word, false, "duplicate fraudulent requested_by_customer"},
                                     {"refund_application_fee", Kind::boolean},
                                     {"reverse_transfer", Kind::boolean},
                                     {"instructions_email"}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  auto metadata = call.params.metadata();
  if (!metadata) return Refused(std::move(metadata.error()));
  auto charge = load_charge(call);
  if (!charge) return charge;
  const auto amount = read_amount(call, *charge);
  if (!amount) {
    // A charge that is refunded stays so: the refusal is kept for its key.
    call.is_begun =
        amount.error().error.contains("code") && text_in(amount.error().error, "code") == "charge_already_refunded";
    return Refused(amount.error());
  }
  auto shares = shares_of(call, *charge, *amount);
  if (auto fits = check_shares(call, shares); !fits) return Refused(std::move(fits.error()));
  const std::string currency{text_in(*charge, "currency")};
  if (shares.reversed > 0 &&
      !can_pay(call, text_in(*shares.transfer, "destination"), currency, shares.reversed - shares.fee_back)) {
    return invalid("balance_insufficient", "reverse_transfer",
                   "The connected account has insufficient funds to reverse the transfer.");
  }
  call.is_begun = true;
  const auto sequel = sequel_of(call, *charge);
  const auto needed = *amount - (call.account.empty() ? shares.reversed - shares.fee_back : shares.fee_back);
  const bool has_funds = can_pay(call, call.account, currency, needed);
  json::object refund{{"id", fresh_id("re")},
                      {"object", "refund"},
                      {"amount", *amount},
                      {"balance_transaction", nullptr},
                      {"charge", charge->at("id")},
                      {"created", unix_s(call.now)},
                      {"currency", currency},
                      {"customer", nullptr},
                      {"customer_account", nullptr},
                      {"metadata", std::move(*metadata)},
                      {"payment_intent", charge->at("payment_intent")},
                      {"payment_method", charge->at("payment_method")},
                      {"reason", or_null(call.params.text("reason"))},
                      {"receipt_number", nullptr},
                      {"source_transfer_reversal", nullptr},
                      {"status", "pending"},
                      {"transfer_reversal", nullptr}};
  if (shares.reversed > 0) {
    refund["transfer_reversal"] =
        reverse_transfer(call, *shares.transfer,
                         {.amount = shares.reversed, .refund_id = text_in(refund, "id"), .metadata = {}})
            .at("id");
  }
  if (shares.fee_back > 0) static_cast<void>(give_fee_back(call, *shares.fee, shares.fee_back));
  if (!has_funds) {
    refund["pending_reason"] = "insufficient_funds";
    schedule(call, "retry_refund", text_in(refund, "id"), retry_ms);
  } else {
    pay_out(call, refund);
    if (sequel == Sequel::refund_pends) {
      refund["pending_reason"] = "processing";
      schedule_soon(call, "finish_refund", text_in(refund, "id"), bank_ms);
    } else {
      succeed(refund);
      if (sequel == Sequel::refund_fails) schedule_soon(call, "break_refund", text_in(refund, "id"), bank_ms);
    }
  }
  insert_object(call, refund, text_in(*charge, "payment_intent"));
  emit(call, "refund.created", refund);
  change_refunded(call, text_in(*charge, "id"), *amount);
  return refund;
}

Reply retrieve_refund(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  return load_object(call, "refund", call.id, "refund");
}

Reply update_refund(Call& call) {
  if (auto fits = call.params.check({{"metadata", Kind::metadata}}); !fits) return Refused(std::move(fits.error()));
  auto refund = load_object(call, "refund", call.id, "refund");
  if (!refund) return refund;
  auto metadata = call.params.metadata_over(refund->at("metadata").get_object());
  if (!metadata) return Refused(std::move(metadata.error()));
  call.is_begun = true;
  (*refund)["metadata"] = std::move(*metadata);
  update_object(call, *refund);
  emit(call, "refund.updated", *refund);
  return refund;
}

Reply cancel_refund(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  const auto refund = load_object(call, "refund", call.id, "refund");
  if (!refund) return refund;
  return invalid("", "", "Only a refund that has a status of requires_action can be canceled.");
}

Reply list_refunds(Call& call) {
  auto subject = std::string{call.params.text("payment_intent")};
  if (const auto charge_id = call.params.text("charge"); !charge_id.empty()) {
    const auto charge = load_object(call, "charge", charge_id, "charge");
    if (!charge) return charge;
    subject = text_in(*charge, "payment_intent");
  }
  return list_objects(call, "refund", "/v1/refunds", subject, {{"charge"}, {"payment_intent"}});
}

Reply fail_refund(Call& call) {
  if (auto fits = call.params.check({{"reason", Kind::text}}); !fits) return Refused(std::move(fits.error()));
  const auto refund = load_object(call, "refund", call.id, "refund");
  if (!refund) return refund;
  if (text_in(*refund, "status") == "failed") return invalid("", "refund", "This refund has failed already.");
  call.is_begun = true;
  const auto reason = call.params.text("reason");
  fail(call, *refund, reason.empty() ? "lost_or_stolen_card" : reason);
  return load_object(call, "refund", call.id, "refund");
}

namespace actions {

void finish_refund(Call& call) {
  auto refund = find_object(call, "refund", call.id);
  if (!refund || text_in(*refund, "status") != "pending") return;
  succeed(*refund);
  update_object(call, *refund);
  emit(call, "refund.updated", *refund);
}

void break_refund(Call& call) {
  const auto refund = find_object(call, "refund", call.id);
  if (!refund || text_in(*refund, "status") == "failed") return;
  fail(call, *refund, "expired_or_canceled_card");
}

void retry_refund(Call& call) {
  auto refund = find_object(call, "refund", call.id);
  if (!refund || text_in(*refund, "status") != "pending") return;
  if (!can_pay(call, call.account, text_in(*refund, "currency"), number_in(*refund, "amount"))) {
    schedule(call, "retry_refund", call.id, retry_ms);
    return;
  }
  pay_out(call, *refund);
  succeed(*refund);
  update_object(call, *refund);
  emit(call, "refund.updated", *refund);
}

}  // namespace actions

}  // namespace admit::payment::sandbox

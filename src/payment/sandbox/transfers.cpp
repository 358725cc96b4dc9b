// Transfers, their reversals, application fees and what is given back of them, as calls of their own.

#include <algorithm>
#include <boost/json.hpp>

#include "domain/money.hpp"
#include "payment/sandbox/charges.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

/// How much of `whole` less `taken` is asked for: all of it, or `amount`.
Outcome<std::int64_t> read_part(const Params& params, std::int64_t left, std::string_view of) {
  const auto amount = params.integer("amount", left);
  if (!amount) return Refused(amount.error());
  if (*amount < 1)
    return invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.");
  if (*amount > left) {
    return invalid("", "amount",
                   "The amount (" + std::to_string(*amount) + ") is greater than what is left of the " +
                       std::string{of} + " (" + std::to_string(left) + ").");
  }
  return *amount;
}

Refused platform_only() {
  return Refused(invalid("", "", "Only a platform can do this.").error());
}

}  // namespace

Reply create_transfer(Call& call) {
  if (auto fits = call.params.check({{"amount", Kind::integer, true},
                                     {"currency", Kind::text, true},
                                     {"destination", Kind::text, true},
                                     {"description"},
                                     {"metadata", Kind::metadata},
                                     {"source_transaction"},
                                     {"transfer_group"}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  if (!call.account.empty()) return platform_only();
  auto metadata = call.params.metadata();
  if (!metadata) return Refused(std::move(metadata.error()));
  const auto amount = *call.params.integer("amount");
  if (amount < 1)
    return invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.");
  const auto currency = lower(call.params.text("currency"));
  if (!domain::is_currency(upper(currency))) return invalid("", "currency", "Invalid currency: " + currency + ".");
  const auto destination = call.params.text("destination");
  const auto account = find_object(call, "account", destination);
  if (!account) {
    return invalid("resource_missing", "destination", "No such destination: '" + std::string{destination} + "'");
  }
  if (text_in(account->at("capabilities").get_object(), "transfers") != "active") {
    return invalid("insufficient_capabilities_for_transfer", "destination",
                   "Your destination account needs to have the transfers capability enabled.");
  }
  const auto source = call.params.text("source_transaction");
  if (!source.empty()) {
    const auto charge = load_object(call, "charge", source, "source_transaction");
    if (!charge) return charge;
    auto moved = amount;
    for (const auto& other : objects_of(call, "transfer", source)) moved += number_in(other, "amount");
    if (moved > number_in(*charge, "amount_captured")) {
      return invalid("", "amount", "The transfers of a charge cannot exceed what was captured.");
    }
  } else if (!can_pay(call, "", currency, amount)) {
    return invalid("balance_insufficient", "amount", "You have insufficient available funds in your account.");
  }
  call.is_begun = true;
  auto transfer = new_transfer(call, amount, currency, destination, source, call.params.text("transfer_group"));
  transfer["metadata"] = std::move(*metadata);
  transfer["description"] = or_null(call.params.text("description"));
  insert_object(call, transfer, source);
  emit(call, "transfer.created", transfer);
  const InAccount paid{call, destination};
  static_cast<void>(
      book(call, {.type = "payment", .amount = amount, .currency = currency, .source = text_in(transfer, "id")}));
  return transfer;
}

Reply retrieve_transfer(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  return load_object(call, "transfer", call.id, "transfer");
}

Reply list_transfers(Call& call) {
  return list_objects(call, "transfer", "/v1/transfers");
}

Reply create_reversal(Call& call) {
  if (auto fits = call.params.check({{"amount", Kind::integer},
                                     {"description"},
                                     {"metadata", Kind::metadata},
                                     {"refund_application_fee", Kind::boolean}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  auto metadata = call.params.metadata();
  if (!metadata) return Refused(std::move(metadata.error()));
  auto transfer = load_object(call, "transfer", call.id, "id");
  if (!transfer) return transfer;
  const auto whole = number_in(*transfer, "amount");
  const auto left = whole - number_in(*transfer, "amount_reversed");
  if (left == 0) return invalid("", "amount", "This transfer has already been fully reversed.");
  const auto amount = read_part(call.params, left, "transfer");
  if (!amount) return Refused(amount.error());
  if (!can_pay(call, text_in(*transfer, "destination"), text_in(*transfer, "currency"), *amount)) {
    return invalid("balance_insufficient", "amount", "The connected account has insufficient funds for this reversal.");
  }
  call.is_begun = true;
  auto reversal =
      reverse_transfer(call, *transfer, {.amount = *amount, .refund_id = {}, .metadata = std::move(*metadata)});
  if (call.params.flag("refund_application_fee")) {
    const auto charge = find_object(call, "charge", text_in(*transfer, "source_transaction"));
    auto fee = charge ? fee_of(call, *charge) : std::nullopt;
    const auto share = fee ? std::min(number_in(*fee, "amount") - number_in(*fee, "amount_refunded"),
                                      number_in(*fee, "amount") * *amount / whole)
                           : 0;
    if (share > 0) static_cast<void>(give_fee_back(call, *fee, share));
  }
  return reversal;
}

Reply list_reversals(Call& call) {
  const auto transfer = load_object(call, "transfer", call.id, "id");
  if (!transfer) return transfer;
  return list_objects(call, "transfer_reversal", "/v1/transfers/" + std::string{call.id} + "/reversals", call.id);
}

Reply retrieve_fee(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  return load_object(call, "application_fee", call.id, "id");
}

Reply list_fees(Call& call) {
  return list_objects(call, "application_fee", "/v1/application_fees", call.params.text("charge"), {{"charge"}});
}

Reply create_fee_refund(Call& call) {
  if (auto fits = call.params.check({{"amount", Kind::integer}, {"metadata", Kind::metadata}}); !fits) {
    return Refused(std::move(fits.error()));
  }
  auto metadata = call.params.metadata();
  if (!metadata) return Refused(std::move(metadata.error()));
  auto fee = load_object(call, "application_fee", call.id, "id");
  if (!fee) return fee;
  const auto left = number_in(*fee, "amount") - number_in(*fee, "amount_refunded");
  if (left == 0) return invalid("", "amount", "This application fee has already been refunded.");
  const auto amount = read_part(call.params, left, "application fee");
  if (!amount) return Refused(amount.error());
  call.is_begun = true;
  return give_fee_back(call, *fee, *amount, std::move(*metadata));
}

Reply list_fee_refunds(Call& call) {
  const auto fee = load_object(call, "application_fee", call.id, "id");
  if (!fee) return fee;
  return list_objects(call, "fee_refund", "/v1/application_fees/" + std::string{call.id} + "/refunds", call.id);
}

}  // namespace admit::payment::sandbox

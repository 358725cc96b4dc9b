// Disputes: chargebacks, inquiries and early warnings, from opening to the bank's decision.

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "payment/sandbox/actions.hpp"
#include "payment/sandbox/balance.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::int64_t bank_ms = 2'000;
constexpr std::int64_t answer_within_ms = 9LL * 24 * 3600 * 1000;

constexpr std::array<std::string_view, 27> evidence_texts{"access_activity_log",
                                                          "billing_address",
                                                          "cancellation_policy",
                                                          "cancellation_policy_disclosure",
                                                          "cancellation_rebuttal",
                                                          "customer_communication",
                                                          "customer_email_address",
                                                          "customer_name",
                                                          "customer_purchase_ip",
                                                          "customer_signature",
                                                          "duplicate_charge_documentation",
                                                          "duplicate_charge_explanation",
                                                          "duplicate_charge_id",
                                                          "product_description",
                                                          "receipt",
                                                          "refund_policy",
                                                          "refund_policy_disclosure",
                                                          "refund_refusal_explanation",
                                                          "service_date",
                                                          "service_documentation",
                                                          "shipping_address",
                                                          "shipping_carrier",
                                                          "shipping_date",
                                                          "shipping_documentation",
                                                          "shipping_tracking_number",
                                                          "uncategorized_file",
                                                          "uncategorized_text"};
constexpr std::size_t max_evidence_bytes = 150'000;
constexpr std::size_t max_evidence_text_bytes = 20'000;

bool is_inquiry(const json::object& dispute) {
  return text_in(dispute, "status").starts_with("warning_");
}

bool is_closed(const json::object& dispute) {
  return is_one_of(text_in(dispute, "status"), {"won", "lost", "warning_closed"});
}

/// A chargeback takes the money at once, and gives it back when it is won; the fee stays with the provider.
void move_disputed(Call& call, json::object& dispute, bool is_withdrawn) {
  const auto amount = number_in(dispute, "amount");
  const auto fee = is_withdrawn ? dispute_fee : 0;
  const auto sign = is_withdrawn ? -1 : 1;
  const std::string currency{text_in(dispute, "currency")};
  const std::string account{call.account};
  move_money(call, currency, {{account, sign * amount - fee}, {buyers, -sign * amount}, {provider, fee}},
             unix_s(call.now));
  auto booked = book(call, {.type = "adjustment",
                            .amount = sign * amount,
                            .fee = fee,
                            .currency = currency,
                            .source = text_in(dispute, "id"),
                            .description = is_withdrawn ? "Chargeback withdrawal" : "Chargeback reversal"});
  dispute.at("balance_transactions").get_array().push_back(std::move(booked));
}

Reply open(Call& call, const json::object& charge, std::string_view reason, bool inquiry, std::int64_t amount) {
  if (!charge.at("paid").get_bool() || !charge.at("captured").get_bool()) {
    return invalid("", "payment_intent", "There is no captured charge to dispute.");
  }
  if (charge.at("disputed").get_bool()) return invalid("", "payment_intent", "This charge is disputed already.");
  json::object evidence{{"enhanced_evidence", json::object{}}};
  for (const auto name : evidence_texts) evidence[name] = nullptr;
  json::object dispute{{"id", fresh_id("du")},
                       {"object", "dispute"},
                       {"amount", amount},
                       {"balance_transactions", json::array{}},
                       {"charge", charge.at("id")},
                       {"created", unix_s(call.now)},
                       {"currency", charge.at("currency")},
                       {"enhanced_eligibility_types", json::array{}},
                       {"evidence", std::move(evidence)},
                       {"evidence_details",
                        {{"due_by", unix_s(call.now) + answer_within_ms / 1000},
                         {"enhanced_eligibility", json::object{}},
                         {"has_evidence", false},
                         {"past_due", false},
                         {"submission_count", 0},
                         {"submission_method", "not_submitted"}}},
                       {"intended_submission_method", nullptr},
                       {"is_charge_refundable", inquiry},
                       {"livemode", false},
                       {"metadata", json::object{}},
                       {"payment_intent", charge.at("payment_intent")},
                       {"payment_method_details",
                        {{"card",
                          {{"brand", "visa"},
                           {"case_type", inquiry ? "inquiry" : "chargeback"},
                           {"network", "visa"},
                           {"network_reason_code", reason == "fraudulent" ? "10.4" : "13.1"}}},
                         {"type", "card"}}},
                       {"reason", reason},
                       {"status", inquiry ? "warning_needs_response" : "needs_response"}};
  if (!inquiry) {
    move_disputed(call, dispute, true);
    keep_private(call, "chargeback:" + std::string{text_in(charge, "id")}, text_in(dispute, "id"));
  }
  insert_object(call, dispute, text_in(charge, "payment_intent"));
  auto disputed = charge;
  disputed["disputed"] = true;
  update_object(call, disputed);
  emit(call, "charge.dispute.created", dispute);
  if (!inquiry) emit(call, "charge.dispute.funds_withdrawn", dispute);
  emit(call, "charge.updated", disputed);
  schedule(call, "let_lapse", text_in(dispute, "id"), answer_within_ms);
  return dispute;
}

/// `outcome`: won, lost or warning_closed.
json::object close(Call& call, json::object dispute, std::string_view outcome) {
  const bool was_inquiry = is_inquiry(dispute);
  unschedule(call, text_in(dispute, "id"));
  dispute["status"] = outcome;
  dispute["is_charge_refundable"] = outcome != "lost";
  if (!was_inquiry && outcome == "won") {
    move_disputed(call, dispute, false);
    keep_private(call, "chargeback:" + std::string{text_in(dispute, "charge")}, "");
  }
  update_object(call, dispute);
  if (!was_inquiry && outcome == "won") emit(call, "charge.dispute.funds_reinstated", dispute);
  emit(call, "charge.dispute.closed", dispute);
  return dispute;
}

Reply warn_of_fraud(Call& call, const json::object& charge) {
  json::object warning{{"id", fresh_id("issfr")},     {"object", "radar.early_fraud_warning"},
                       {"actionable", true},          {"charge", charge.at("id")},
                       {"created", unix_s(call.now)}, {"fraud_type", "made_with_stolen_card"},
                       {"livemode", false},           {"payment_intent", charge.at("payment_intent")}};
  insert_object(call, warning, text_in(charge, "payment_intent"));
  emit(call, "radar.early_fraud_warning.created", warning);
  return warning;
}

Outcome<void> check_evidence(const Params& params) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : params.fields()) {
    if (!name.starts_with("evidence[")) continue;
    const auto inner = std::string_view{name}.substr(9, name.size() - 10);
    if (std::ranges::find(evidence_texts, inner) == evidence_texts.end()) {
      return invalid("parameter_unknown", name, "Received unknown parameter: " + name);
    }
    bytes += value.size();
    if (value.size() > max_evidence_text_bytes)
      return invalid("", name, "Evidence has at most 20000 characters a field.");
  }
  if (bytes > max_evidence_bytes) return invalid("", "evidence", "Evidence has at most 150000 characters.");
  return {};
}

void open_by_itself(Call& call, std::string_view reason, bool inquiry) {
  const auto charge = find_object(call, "charge", call.id);
  if (charge) static_cast<void>(open(call, *charge, reason, inquiry, number_in(*charge, "amount_captured")));
}

}  // namespace

Reply retrieve_dispute(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  return load_object(call, "dispute", call.id, "dispute");
}

Reply list_disputes(Call& call) {
  auto subject = std::string{call.params.text("payment_intent")};
  if (const auto charge_id = call.params.text("charge"); !charge_id.empty()) {
    const auto charge = load_object(call, "charge", charge_id, "charge");
    if (!charge) return charge;
    subject = text_in(*charge, "payment_intent");
  }
  return list_objects(call, "dispute", "/v1/disputes", subject, {{"charge"}, {"payment_intent"}});
}

Reply update_dispute(Call& call) {
  const auto& params = call.params;
  if (auto fits = params.check({{"evidence", Kind::nested}, {"metadata", Kind::metadata}, {"submit", Kind::boolean}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  if (auto fits = check_evidence(params); !fits) return Refused(std::move(fits.error()));
  auto dispute = load_object(call, "dispute", call.id, "dispute");
  if (!dispute) return dispute;
  if (is_closed(*dispute)) return invalid("", "", "This dispute is already closed.");
  auto metadata = params.metadata_over(dispute->at("metadata").get_object());
  if (!metadata) return Refused(std::move(metadata.error()));
  call.is_begun = true;
  (*dispute)["metadata"] = std::move(*metadata);
  auto& evidence = dispute->at("evidence").get_object();
  auto& details = dispute->at("evidence_details").get_object();
  for (const auto name : evidence_texts) {
    if (const auto value = params.find("evidence[" + std::string{name} + "]")) evidence[name] = or_null(*value);
  }
  const bool has_evidence =
      std::ranges::any_of(evidence_texts, [&](auto name) { return evidence.at(name).is_string(); });
  details["has_evidence"] = has_evidence;
  if (params.flag("submit", true) && has_evidence) {
    details["submission_count"] = number_in(details, "submission_count") + 1;
    details["submission_method"] = "manual";
    (*dispute)["status"] = is_inquiry(*dispute) ? "warning_under_review" : "under_review";
    schedule_soon(call, "decide", text_in(*dispute, "id"), bank_ms);
  }
  update_object(call, *dispute);
  emit(call, "charge.dispute.updated", *dispute);
  return dispute;
}

Reply close_dispute(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  auto dispute = load_object(call, "dispute", call.id, "dispute");
  if (!dispute) return dispute;
  if (is_closed(*dispute)) return invalid("", "", "This dispute is already closed.");
  call.is_begun = true;
  const auto outcome = is_inquiry(*dispute) ? "warning_closed" : "lost";
  return close(call, std::move(*dispute), outcome);
}

Reply open_dispute(Call& call) {
  if (auto fits = call.params.check({{"payment_intent", Kind::text, true},
                                     {"kind", Kind::word, false, "chargeback inquiry warning"},
                                     {"amount", Kind::integer},
                                     {"reason"}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  const auto intent = load_object(call, "payment_intent", call.params.text("payment_intent"), "payment_intent");
  if (!intent) return intent;
  const auto charge = load_object(call, "charge", text_in(*intent, "latest_charge"), "payment_intent");
  if (!charge) return charge;
  call.is_begun = true;
  const auto kind = call.params.text("kind");
  if (kind == "warning") return warn_of_fraud(call, *charge);
  const auto captured = number_in(*charge, "amount_captured");
  const auto amount = *call.params.integer("amount", captured);
  if (amount < 1 || amount > captured) return invalid("", "amount", "Give 1 to what was captured.");
  const auto reason = call.params.text("reason");
  return open(call, *charge, reason.empty() ? "fraudulent" : reason, kind == "inquiry", amount);
}

Reply decide_dispute(Call& call) {
  if (auto fits = call.params.check({{"outcome", Kind::word, true, "won lost warning_closed"}}); !fits) {
    return Refused(std::move(fits.error()));
  }
  auto dispute = load_object(call, "dispute", call.id, "dispute");
  if (!dispute) return dispute;
  const auto outcome = call.params.text("outcome");
  if (is_closed(*dispute)) return invalid("", "", "This dispute is already closed.");
  if (is_inquiry(*dispute) != (outcome == "warning_closed")) {
    return invalid("", "outcome", "An inquiry is warning_closed, a chargeback won or lost.");
  }
  call.is_begun = true;
  return close(call, std::move(*dispute), outcome);
}

namespace actions {

void open_fraudulent(Call& call) {
  open_by_itself(call, "fraudulent", false);
}

void open_not_received(Call& call) {
  open_by_itself(call, "product_not_received", false);
}

void open_inquiry(Call& call) {
  open_by_itself(call, "general", true);
}

void warn(Call& call) {
  const auto charge = find_object(call, "charge", call.id);
  if (charge) static_cast<void>(warn_of_fraud(call, *charge));
}

/// The evidence decides by its word; without a known one the bank stays undecided until the time is up.
void decide(Call& call) {
  auto dispute = find_object(call, "dispute", call.id);
  if (!dispute || is_closed(*dispute)) return;
  const auto text = text_in(dispute->at("evidence").get_object(), "uncategorized_text");
  if (text == "winning_evidence") {
    const auto outcome = is_inquiry(*dispute) ? "warning_closed" : "won";
    static_cast<void>(close(call, std::move(*dispute), outcome));
  } else if (text == "losing_evidence") {
    const auto outcome = is_inquiry(*dispute) ? "warning_closed" : "lost";
    static_cast<void>(close(call, std::move(*dispute), outcome));
  }
}

void let_lapse(Call& call) {
  auto dispute = find_object(call, "dispute", call.id);
  if (!dispute || is_closed(*dispute)) return;
  dispute->at("evidence_details").get_object()["past_due"] = true;
  const auto outcome = is_inquiry(*dispute) ? "warning_closed" : "lost";
  static_cast<void>(close(call, std::move(*dispute), outcome));
}

}  // namespace actions

}  // namespace admit::payment::sandbox

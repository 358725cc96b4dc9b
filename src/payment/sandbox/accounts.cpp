// Connected accounts, and the list of events.

#include <boost/json.hpp>

#include "payment/sandbox/objects.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

using Refused = std::unexpected<ApiError>;

constexpr std::string_view event_sql = "SELECT json FROM sbx_event WHERE id=?";
constexpr std::string_view event_place_sql = "SELECT seq FROM sbx_event WHERE id=?";
constexpr std::string_view events_sql =
    "SELECT e.json FROM sbx_event e WHERE e.seq < ?1 AND e.created BETWEEN ?2 AND ?3 AND (?4 = '' OR e.type = ?4)"
    " AND (?5 = '' OR EXISTS (SELECT 1 FROM sbx_delivery d WHERE d.event_seq = e.seq AND (d.state = 1) = (?5 = "
    "'true')))"
    " ORDER BY e.seq DESC LIMIT ?6";

/// The account's states that follow from one fact: may it charge.
void set_charges_enabled(json::object& account, bool can_charge) {
  const std::string_view capability = can_charge ? "active" : "inactive";
  account["charges_enabled"] = can_charge;
  account["payouts_enabled"] = can_charge;
  account["details_submitted"] = can_charge;
  account["capabilities"] = json::object{{"card_payments", capability}, {"transfers", capability}};
  json::array due;
  if (!can_charge) due = {"external_account", "tos_acceptance.date", "tos_acceptance.ip"};
  json::object requirements{{"currently_due", due},
                            {"eventually_due", due},
                            {"past_due", json::array{}},
                            {"errors", json::array{}},
                            {"pending_verification", json::array{}},
                            {"current_deadline", nullptr},
                            {"disabled_reason", nullptr}};
  if (!can_charge) requirements["disabled_reason"] = "requirements.past_due";
  account["requirements"] = std::move(requirements);
}

}  // namespace

Reply create_account(Call& call) {
  if (auto known =
          call.params.only({"type", "country", "email", "default_currency", "business_type", "business_profile[*]",
                            "capabilities[*]", "controller[*]", "metadata", "metadata[*]"});
      !known) {
    return Refused(std::move(known.error()));
  }
  auto metadata = call.params.metadata();
  if (!metadata) return Refused(std::move(metadata.error()));
  call.is_begun = true;
  const auto country = call.params.find("country").value_or("DE");
  const auto currency = call.params.find("default_currency").value_or("eur");
  json::object account{{"id", fresh_id("acct")}, {"object", "account"},         {"business_type", nullptr},
                       {"country", country},     {"created", unix_s(call.now)}, {"default_currency", currency},
                       {"email", nullptr},       {"livemode", false},           {"metadata", std::move(*metadata)},
                       {"type", "none"}};
  if (const auto email = call.params.text("email"); !email.empty()) account["email"] = email;
  set_charges_enabled(account, false);
  insert_object(call, account);
  return account;
}

Reply retrieve_account(Call& call) {
  if (auto known = call.params.only({}); !known) return Refused(std::move(known.error()));
  return load_object(call, "account", call.id, "account");
}

Reply change_account(Call& call) {
  if (auto known = call.params.only({"charges_enabled"}); !known) return Refused(std::move(known.error()));
  auto account = load_object(call, "account", call.id, "account");
  if (!account) return account;
  set_charges_enabled(*account, call.params.text("charges_enabled") == "true");
  update_object(call, *account);
  emit(call, "account.updated", *account, call.id);
  return account;
}

Reply retrieve_event(Call& call) {
  auto rows = call.database.query(event_sql, call.id);
  if (rows.next()) return std::move(json::parse(rows.text(0)).get_object());
  return refuse(404, "invalid_request_error", "resource_missing", "id",
                "No such event: '" + std::string{call.id} + "'");
}

Reply list_events(Call& call) {
  if (auto known = call.params.only({"limit", "starting_after", "created[*]", "type", "delivery_success"}); !known) {
    return Refused(std::move(known.error()));
  }
  const auto page = read_page(call.params);
  if (!page) return Refused(page.error());
  const auto delivered = call.params.text("delivery_success");
  if (!delivered.empty() && delivered != "true" && delivered != "false") {
    return invalid("", "delivery_success", "delivery_success is true or false");
  }
  std::int64_t before = INT64_MAX;
  if (const auto after = call.params.text("starting_after"); !after.empty()) {
    auto place = call.database.query(event_place_sql, after);
    if (!place.next()) {
      return invalid("resource_missing", "starting_after", "No such event: '" + std::string{after} + "'");
    }
    before = place.number(0);
  }
  json::array data;
  bool has_more = false;
  auto rows = call.database.query(events_sql, before, page->from_s, page->until_s, call.params.text("type"), delivered,
                                  page->limit + 1);
  while (rows.next()) {
    has_more = std::ssize(data) == page->limit;
    if (!has_more) data.push_back(json::parse(rows.text(0)));
  }
  return list_of(std::move(data), has_more, "/v1/events");
}

}  // namespace admit::payment::sandbox

// Events, and the endpoints they are posted to.

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "payment/sandbox/objects.hpp"
#include "payment/stripe_client.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::int64_t max_endpoints = 16;
constexpr std::size_t max_types = 20;
constexpr std::int64_t max_resend = 100;
constexpr std::int64_t listed_s = 30LL * 24 * 3600;

/// What can be told of an object: the type and what it is about.
struct Tale {
  std::string_view type;
  std::string_view kind;
};
constexpr std::array tales{
    Tale{"payment_intent.created", "payment_intent"},
    Tale{"payment_intent.requires_action", "payment_intent"},
    Tale{"payment_intent.processing", "payment_intent"},
    Tale{"payment_intent.amount_capturable_updated", "payment_intent"},
    Tale{"payment_intent.succeeded", "payment_intent"},
    Tale{"payment_intent.payment_failed", "payment_intent"},
    Tale{"payment_intent.canceled", "payment_intent"},
    Tale{"charge.succeeded", "charge"},
    Tale{"charge.failed", "charge"},
    Tale{"charge.captured", "charge"},
    Tale{"charge.expired", "charge"},
    Tale{"charge.updated", "charge"},
    Tale{"charge.refunded", "charge"},
    Tale{"refund.created", "refund"},
    Tale{"refund.updated", "refund"},
    Tale{"refund.failed", "refund"},
    Tale{"charge.dispute.created", "dispute"},
    Tale{"charge.dispute.updated", "dispute"},
    Tale{"charge.dispute.funds_withdrawn", "dispute"},
    Tale{"charge.dispute.funds_reinstated", "dispute"},
    Tale{"charge.dispute.closed", "dispute"},
    Tale{"radar.early_fraud_warning.created", "radar.early_fraud_warning"},
    Tale{"transfer.created", "transfer"},
    Tale{"transfer.reversed", "transfer"},
    Tale{"application_fee.created", "application_fee"},
    Tale{"application_fee.refunded", "application_fee"},
    Tale{"payout.paid", "payout"},
    Tale{"payout.failed", "payout"},
    Tale{"account.updated", "account"},
    Tale{"account.application.deauthorized", "account"},
};

constexpr std::string_view object_sql =
    "SELECT type, account, json FROM sbx_object WHERE id=? ORDER BY account LIMIT 1";
constexpr std::string_view last_event_sql = "SELECT json FROM sbx_event ORDER BY seq DESC LIMIT 1";
constexpr std::string_view event_sql = "SELECT json FROM sbx_event WHERE id=?";
constexpr std::string_view place_sql = "SELECT seq FROM sbx_event WHERE id=?";
constexpr std::string_view events_sql =
    "SELECT e.json FROM sbx_event e WHERE e.seq < ?1 AND e.seq > ?2 AND e.account = ?3 AND e.created BETWEEN ?4 AND ?5"
    " AND (?6 = '' OR instr(?6, ',' || e.type || ',') > 0)"
    " AND (?7 = '' OR EXISTS (SELECT 1 FROM sbx_delivery d WHERE d.event_seq = e.seq AND (d.state = 1) = (?7 = "
    "'true')))"
    " ORDER BY e.seq DESC LIMIT ?8";
constexpr std::string_view resend_sql =
    "INSERT INTO sbx_delivery(event_seq,state,due_ms,since_ms,attempts,last_result,endpoint,faults)"
    " SELECT e.seq,0,?1,?1,0,'',w.id,'' FROM sbx_event e JOIN sbx_endpoint w ON w.is_connect = (e.account <> '')"
    " WHERE e.id=?2 AND w.is_enabled=1";
constexpr std::string_view endpoint_columns_sql =
    "SELECT id, is_connect, url, created, is_enabled, events, failures FROM sbx_endpoint WHERE id=?";
constexpr std::string_view endpoints_sql =
    "SELECT id, is_connect, url, created, is_enabled, events, failures FROM sbx_endpoint ORDER BY created DESC, id "
    "LIMIT 100";
constexpr std::string_view count_sql = "SELECT count(*) FROM sbx_endpoint";
constexpr std::string_view add_endpoint_sql =
    "INSERT INTO sbx_endpoint(id,is_connect,url,secret,created,is_enabled,events,failures,failing_since_ms)"
    " VALUES(?,?,?,?,?,1,?,0,0)";
constexpr std::string_view change_endpoint_sql =
    "UPDATE sbx_endpoint SET url=?, events=?, is_enabled=?, failures=0, failing_since_ms=0 WHERE id=?";
constexpr std::string_view delete_endpoint_sql = "DELETE FROM sbx_endpoint WHERE id=?";
constexpr std::string_view forget_deliveries_sql = "UPDATE sbx_delivery SET state=2 WHERE endpoint=? AND state=0";

json::object endpoint_of(const Cursor& row) {
  json::array events;
  std::string words = row.text(5);
  std::string_view rest = words;
  while (!rest.empty()) {
    const auto end = rest.find(',');
    events.emplace_back(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return {{"id", row.text(0)},
          {"object", "webhook_endpoint"},
          {"api_version", stripe_version},
          {"application", row.number(1) == 0 ? json::value{} : json::value("ca_1SbxPlatform")},
          {"created", row.number(3)},
          {"description", nullptr},
          {"enabled_events", std::move(events)},
          {"livemode", false},
          {"metadata", json::object{}},
          {"status", row.number(4) != 0 ? "enabled" : "disabled"},
          {"url", row.text(2)}};
}

Reply load_endpoint(Call& call, std::string_view id) {
  auto rows = call.database.query(endpoint_columns_sql, id);
  if (rows.next()) return endpoint_of(rows);
  return refuse(404, "invalid_request_error", "resource_missing", "webhook_endpoint",
                "No such webhook endpoint: '" + std::string{id} + "'");
}

std::string join(const std::vector<std::string_view>& words) {
  std::string out;
  for (const auto word : words) {
    if (!out.empty()) out += ',';
    out += word;
  }
  return out;
}

Outcome<void> check_url(const Params& params) {
  const auto url = params.find("url");
  if (!url || url->starts_with("http://") || url->starts_with("https://")) return {};
  return invalid("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided.");
}

}  // namespace

Reply retrieve_event(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  auto rows = call.database.query(event_sql, call.id);
  if (rows.next()) return std::move(json::parse(rows.text(0)).get_object());
  return refuse(404, "invalid_request_error", "resource_missing", "id",
                "No such event: '" + std::string{call.id} + "'");
}

Reply list_events(Call& call) {
  const auto& params = call.params;
  std::vector<Field> known{page_fields.begin(), page_fields.end()};
  known.push_back({"type"});
  known.push_back({"types", Kind::nested});
  known.push_back({"delivery_success", Kind::boolean});
  if (auto fits = params.check(known); !fits) return Refused(std::move(fits.error()));
  auto page = read_page(params);
  if (!page) return Refused(page.error());
  page->from_s = std::max(page->from_s, unix_s(call.now) - listed_s);
  auto types = params.list("types");
  if (const auto type = params.text("type"); !type.empty()) {
    if (!types.empty())
      return invalid("parameters_exclusive", "type", "You may pass either type or types, but not both.");
    types.push_back(type);
  }
  if (types.size() > max_types) return invalid("", "types", "At most 20 types.");
  const auto joined = types.empty() ? std::string{} : "," + join(types) + ",";
  std::int64_t before = INT64_MAX;
  std::int64_t after = 0;
  for (const auto& [param, bound] : {std::pair{"starting_after", &before}, std::pair{"ending_before", &after}}) {
    const auto cursor = params.text(param);
    if (cursor.empty()) continue;
    auto place = call.database.query(place_sql, cursor);
    if (!place.next()) return invalid("resource_missing", param, "No such event: '" + std::string{cursor} + "'");
    *bound = place.number(0);
  }
  json::array data;
  bool has_more = false;
  auto rows = call.database.query(events_sql, before, after, call.account, page->from_s, page->until_s, joined,
                                  params.text("delivery_success"), page->limit + 1);
  while (rows.next()) {
    has_more = std::ssize(data) == page->limit;
    if (!has_more) data.push_back(json::parse(rows.text(0)));
  }
  return list_of(std::move(data), has_more, "/v1/events");
}

Reply resend_event(Call& call) {
  if (auto fits = call.params.check({{"times", Kind::integer}}); !fits) return Refused(std::move(fits.error()));
  const auto times = *call.params.integer("times", 1);
  if (times < 1 || times > max_resend) return invalid("", "times", "Give 1 to 100.");
  auto found = retrieve_event(call);
  if (!found && found.error().status == 404) return found;
  call.is_begun = true;
  std::int64_t posted = 0;
  for (std::int64_t i = 0; i < times; ++i) {
    call.database.run(resend_sql, domain::to_unix_ms(call.now), call.id);
    posted += call.database.changes();
    call.deliveries.push_back(call.database.last_id());
  }
  return json::object{{"posted", posted}};
}

Reply tell_event(Call& call) {
  if (auto fits = call.params.check({{"type", Kind::text, true}, {"object", Kind::text, true}}); !fits) {
    return Refused(std::move(fits.error()));
  }
  const auto type = call.params.text("type");
  const auto* tale = std::ranges::find(tales, type, &Tale::type);
  if (tale == tales.end()) {
    return invalid("", "type", "The sandbox tells nothing of this type: '" + std::string{type} + "'");
  }
  std::string account;
  json::object object;
  {
    auto rows = call.database.query(object_sql, call.params.text("object"));
    if (!rows.next()) {
      return refuse(404, "invalid_request_error", "resource_missing", "object",
                    "No such object: '" + std::string{call.params.text("object")} + "'");
    }
    if (rows.text(0) != tale->kind) {
      return invalid("", "object",
                     std::string{type} + " tells of a " + std::string{tale->kind} + ", this is a " + rows.text(0));
    }
    account = rows.text(1);
    object = std::move(json::parse(rows.text(2)).get_object());
  }
  call.is_begun = true;
  // An account's own events are told in its name.
  if (tale->kind == "account") account = text_in(object, "id");
  if (type == "account.application.deauthorized") object = application_of(call);
  emit_for(call, account, type, object);
  auto made = call.database.query(last_event_sql);
  if (!made.next()) throw std::runtime_error("payment sandbox: an event it wrote is not there");
  return std::move(json::parse(made.text(0)).get_object());
}

Reply create_endpoint(Call& call) {
  const auto& params = call.params;
  if (auto fits = params.check({{"url", Kind::text, true},
                                {"enabled_events", Kind::nested},
                                {"api_version"},
                                {"connect", Kind::boolean},
                                {"description"},
                                {"metadata", Kind::metadata}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  if (auto fits = check_url(params); !fits) return Refused(std::move(fits.error()));
  const auto events = join(params.list("enabled_events"));
  if (events.empty()) return invalid("parameter_missing", "enabled_events", "Missing required param: enabled_events.");
  if (const auto version = params.text("api_version"); !version.empty() && version != stripe_version) {
    return invalid("", "api_version", "The sandbox speaks one version: " + std::string{stripe_version});
  }
  {
    auto count = call.database.query(count_sql);
    if (count.next() && count.number(0) >= max_endpoints) {
      return invalid("", "", "You have reached the maximum of 16 test webhook endpoints.");
    }
  }
  call.is_begun = true;
  const auto id = fresh_id("we");
  const auto secret = "whsec_sbx_" + random_word(32);
  call.database.run(add_endpoint_sql, id, params.flag("connect") ? 1 : 0, params.text("url"), secret, unix_s(call.now),
                    events);
  auto endpoint = load_endpoint(call, id);
  if (endpoint) (*endpoint)["secret"] = secret;
  return endpoint;
}

Reply retrieve_endpoint(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  return load_endpoint(call, call.id);
}

Reply list_endpoints(Call& call) {
  if (auto fits = call.params.check(page_fields); !fits) return Refused(std::move(fits.error()));
  json::array data;
  auto rows = call.database.query(endpoints_sql);
  while (rows.next()) data.push_back(endpoint_of(rows));
  return list_of(std::move(data), false, "/v1/webhook_endpoints");
}

Reply update_endpoint(Call& call) {
  const auto& params = call.params;
  if (auto fits = params.check({{"url"},
                                {"enabled_events", Kind::nested},
                                {"disabled", Kind::boolean},
                                {"description"},
                                {"metadata", Kind::metadata}});
      !fits) {
    return Refused(std::move(fits.error()));
  }
  if (auto fits = check_url(params); !fits) return Refused(std::move(fits.error()));
  const auto endpoint = load_endpoint(call, call.id);
  if (!endpoint) return endpoint;
  call.is_begun = true;
  auto events = join(params.list("enabled_events"));
  if (events.empty()) {
    for (const auto& type : endpoint->at("enabled_events").get_array()) {
      events += (events.empty() ? "" : ",") + std::string{type.get_string()};
    }
  }
  const bool is_enabled = !params.flag("disabled", text_in(*endpoint, "status") == "disabled");
  call.database.run(change_endpoint_sql, params.find("url").value_or(text_in(*endpoint, "url")), events,
                    is_enabled ? 1 : 0, call.id);
  return load_endpoint(call, call.id);
}

Reply delete_endpoint(Call& call) {
  if (auto fits = call.params.check({}); !fits) return Refused(std::move(fits.error()));
  const auto endpoint = load_endpoint(call, call.id);
  if (!endpoint) return endpoint;
  call.is_begun = true;
  call.database.run(delete_endpoint_sql, call.id);
  call.database.run(forget_deliveries_sql, call.id);
  return json::object{{"id", call.id}, {"object", "webhook_endpoint"}, {"deleted", true}};
}

}  // namespace admit::payment::sandbox

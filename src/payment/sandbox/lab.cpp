// What the lab shows and tests ask for: everything there is in figures, and the story of one payment.

#include <boost/json.hpp>

#include "payment/sandbox/balance.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::int64_t max_rows = 500;

constexpr std::string_view counts_sql =
    "SELECT type, coalesce(json_extract(json, '$.status'), ''), count(*) FROM sbx_object GROUP BY 1, 2 ORDER BY 1, 2";
constexpr std::string_view deliveries_sql = "SELECT state, count(*) FROM sbx_delivery GROUP BY state";
constexpr std::string_view endpoints_sql =
    "SELECT id, is_connect, url, is_enabled, failures FROM sbx_endpoint ORDER BY id";
constexpr std::string_view balances_sql =
    "SELECT account, currency, amount FROM sbx_balance ORDER BY account, currency";
constexpr std::string_view unbalanced_sql =
    "SELECT count(*) FROM (SELECT movement FROM sbx_ledger GROUP BY movement, currency HAVING sum(amount) <> 0)";
constexpr std::string_view ledger_sum_sql = "SELECT coalesce(sum(amount), 0) FROM sbx_ledger";
constexpr std::string_view drift_sql =
    "SELECT count(*) FROM sbx_balance b WHERE b.amount <> (SELECT coalesce(sum(l.amount), 0) FROM sbx_ledger l"
    " WHERE l.account = b.account AND l.currency = b.currency)";
constexpr std::string_view actions_sql = "SELECT kind, object_id, due_ms FROM sbx_action ORDER BY due_ms LIMIT 100";

constexpr std::string_view recent_sql =
    "SELECT id, account, json FROM sbx_object WHERE type='payment_intent' ORDER BY seq DESC LIMIT 50";
constexpr std::string_view calls_sql =
    "SELECT at_ms, request_id, method, path, account, status, code FROM sbx_call WHERE subject=? ORDER BY seq DESC "
    "LIMIT ?";
constexpr std::string_view events_sql =
    "SELECT seq, id, type, account, created FROM sbx_event WHERE subject=? ORDER BY seq DESC LIMIT ?";
constexpr std::string_view recent_events_sql =
    "SELECT id, type, account, created, subject FROM sbx_event ORDER BY seq DESC LIMIT 50";
constexpr std::string_view attempts_sql =
    "SELECT a.at_ms, a.took_ms, a.result, a.fault, d.endpoint FROM sbx_attempt a JOIN sbx_delivery d ON d.id = "
    "a.delivery_id"
    " WHERE d.event_seq=? ORDER BY a.seq LIMIT ?";
constexpr std::string_view waiting_sql =
    "SELECT endpoint, due_ms, attempts FROM sbx_delivery WHERE event_seq=? AND state=0 ORDER BY id LIMIT ?";

constexpr std::string_view reset_sql[] = {
    "DELETE FROM sbx_idem",    "DELETE FROM sbx_event",  "DELETE FROM sbx_delivery", "DELETE FROM sbx_ledger",
    "DELETE FROM sbx_balance", "DELETE FROM sbx_action", "DELETE FROM sbx_call",     "DELETE FROM sbx_attempt"};
constexpr std::string_view reset_objects_sql = "DELETE FROM sbx_object WHERE type<>'account'";
constexpr std::string_view reset_all_objects_sql = "DELETE FROM sbx_object";
constexpr std::string_view reset_private_sql = "DELETE FROM sbx_private WHERE id<>'client_id'";
constexpr std::string_view reset_endpoints_sql = "UPDATE sbx_endpoint SET is_enabled=1, failures=0, failing_since_ms=0";

std::int64_t number_of(Call& call, std::string_view sql) {
  auto rows = call.database.query(sql);
  return rows.next() ? rows.number(0) : 0;
}

json::array attempts_of(Call& call, std::int64_t event_seq) {
  json::array attempts;
  auto rows = call.database.query(attempts_sql, event_seq, max_rows);
  while (rows.next()) {
    attempts.push_back(json::object{{"at_ms", rows.number(0)},
                                    {"took_ms", rows.number(1)},
                                    {"result", rows.text(2)},
                                    {"fault", rows.text(3)},
                                    {"endpoint", rows.text(4)}});
  }
  auto waiting = call.database.query(waiting_sql, event_seq, max_rows);
  while (waiting.next()) {
    attempts.push_back(json::object{{"endpoint", waiting.text(0)},
                                    {"due_ms", waiting.number(1)},
                                    {"result", waiting.number(2) == 0 ? "waits" : "waits for another try"}});
  }
  return attempts;
}

}  // namespace

Reply take_snapshot(Call& call) {
  json::object objects;
  auto rows = call.database.query(counts_sql);
  while (rows.next()) {
    auto& by_status = objects[rows.text(0)];
    if (!by_status.is_object()) by_status = json::object{};
    by_status.get_object()[rows.text(1)] = rows.number(2);
  }
  json::object deliveries{{"waiting", 0}, {"delivered", 0}, {"given_up", 0}};
  auto states = call.database.query(deliveries_sql);
  while (states.next()) {
    deliveries[states.number(0) == 0 ? "waiting" : states.number(0) == 1 ? "delivered" : "given_up"] = states.number(1);
  }
  json::array endpoints;
  auto ends = call.database.query(endpoints_sql);
  while (ends.next()) {
    endpoints.push_back(json::object{{"id", ends.text(0)},
                                     {"is_connect", ends.number(1) != 0},
                                     {"url", ends.text(2)},
                                     {"status", ends.number(3) != 0 ? "enabled" : "disabled"},
                                     {"failures", ends.number(4)}});
  }
  json::array balances;
  auto held = call.database.query(balances_sql);
  while (held.next()) {
    balances.push_back(json::object{{"account", held.text(0)}, {"currency", held.text(1)}, {"amount", held.number(2)}});
  }
  json::array actions;
  auto due = call.database.query(actions_sql);
  while (due.next()) {
    actions.push_back(json::object{{"kind", due.text(0)}, {"object", due.text(1)}, {"due_ms", due.number(2)}});
  }
  return json::object{{"now", domain::text(call.now)},
                      {"faults", call.faults.json()},
                      {"objects", std::move(objects)},
                      {"deliveries", std::move(deliveries)},
                      {"endpoints", std::move(endpoints)},
                      {"balances", std::move(balances)},
                      {"ledger",
                       {{"sum", number_of(call, ledger_sum_sql)},
                        {"unbalanced", number_of(call, unbalanced_sql)},
                        {"drifted", number_of(call, drift_sql)}}},
                      {"actions", std::move(actions)}};
}

Reply read_timeline(Call& call) {
  if (auto fits = call.params.check({{"subject"}}); !fits) return Refused(std::move(fits.error()));
  const auto subject = call.params.text("subject");
  if (subject.empty()) {
    json::array payments;
    auto rows = call.database.query(recent_sql);
    while (rows.next()) {
      const auto intent = json::parse(rows.text(2)).get_object();
      payments.push_back(json::object{{"id", rows.text(0)},
                                      {"account", rows.text(1)},
                                      {"amount", intent.at("amount")},
                                      {"currency", intent.at("currency")},
                                      {"status", intent.at("status")},
                                      {"created", intent.at("created")},
                                      {"metadata", intent.at("metadata")}});
    }
    json::array events;
    auto told = call.database.query(recent_events_sql);
    while (told.next()) {
      events.push_back(json::object{{"id", told.text(0)},
                                    {"type", told.text(1)},
                                    {"account", told.text(2)},
                                    {"at_ms", told.number(3) * 1000},
                                    {"subject", told.text(4)}});
    }
    return json::object{{"payments", std::move(payments)}, {"events", std::move(events)}};
  }
  json::array calls;
  auto made = call.database.query(calls_sql, subject, max_rows);
  while (made.next()) {
    calls.push_back(json::object{{"at_ms", made.number(0)},
                                 {"request_id", made.text(1)},
                                 {"method", made.text(2)},
                                 {"path", made.text(3)},
                                 {"account", made.text(4)},
                                 {"status", made.number(5)},
                                 {"code", made.text(6)}});
  }
  json::array events;
  auto emitted = call.database.query(events_sql, subject, max_rows);
  while (emitted.next()) {
    events.push_back(json::object{{"id", emitted.text(1)},
                                  {"type", emitted.text(2)},
                                  {"account", emitted.text(3)},
                                  {"at_ms", emitted.number(4) * 1000},
                                  {"attempts", attempts_of(call, emitted.number(0))}});
  }
  return json::object{{"calls", std::move(calls)}, {"events", std::move(events)}};
}

Reply reset_all(Call& call) {
  if (auto fits = call.params.check({{"keep", Kind::word, false, "accounts"}}); !fits) {
    return Refused(std::move(fits.error()));
  }
  for (const auto sql : reset_sql) call.database.run(sql);
  const bool keeps = call.params.text("keep") == "accounts";
  call.database.run(keeps ? reset_objects_sql : reset_all_objects_sql);
  call.database.run(reset_private_sql);
  call.database.run(reset_endpoints_sql);
  return json::object{};
}

}  // namespace admit::payment::sandbox

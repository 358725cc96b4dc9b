#include "payment/sandbox/objects.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <stdexcept>

#include "crypto/random.hpp"
#include "payment/stripe_client.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::size_t max_expansions = 10;
constexpr int max_expansion_depth = 4;

constexpr std::string_view insert_sql =
    "INSERT INTO sbx_object(id,type,created,json,account,subject) VALUES(?,?,?,?,?,?)";
constexpr std::string_view update_sql = "UPDATE sbx_object SET json=? WHERE id=? AND account=?";
constexpr std::string_view find_sql = "SELECT json FROM sbx_object WHERE id=? AND type=? AND account=?";
constexpr std::string_view find_any_sql = "SELECT json FROM sbx_object WHERE id=? AND account=?";
constexpr std::string_view of_subject_sql =
    "SELECT json FROM sbx_object WHERE subject=? AND type=? AND account=? ORDER BY seq";
constexpr std::string_view place_sql = "SELECT created, seq FROM sbx_object WHERE id=? AND type=? AND account=?";
constexpr std::string_view list_sql =
    "SELECT json FROM sbx_object WHERE type=? AND account=? AND created BETWEEN ? AND ? AND (created, seq) < (?, ?)"
    " ORDER BY created DESC, seq DESC LIMIT ?";
constexpr std::string_view list_before_sql =
    "SELECT json FROM sbx_object WHERE type=? AND account=? AND created BETWEEN ? AND ? AND (created, seq) > (?, ?)"
    " ORDER BY created, seq LIMIT ?";
constexpr std::string_view list_subject_sql =
    "SELECT json FROM sbx_object WHERE subject=?8 AND type=?1 AND account=?2 AND created BETWEEN ?3 AND ?4"
    " AND (created, seq) < (?5, ?6) ORDER BY seq DESC LIMIT ?7";
constexpr std::string_view list_subject_before_sql =
    "SELECT json FROM sbx_object WHERE subject=?8 AND type=?1 AND account=?2 AND created BETWEEN ?3 AND ?4"
    " AND (created, seq) > (?5, ?6) ORDER BY seq LIMIT ?7";
constexpr std::string_view event_sql =
    "INSERT INTO sbx_event(id,type,created,json,account,subject) VALUES(?,?,?,?,?,?)";
constexpr std::string_view wanting_sql =
    "SELECT id, events FROM sbx_endpoint WHERE is_connect=? AND is_enabled=1 ORDER BY id";
constexpr std::string_view delivery_sql =
    "INSERT INTO sbx_delivery(event_seq,state,due_ms,since_ms,attempts,last_result,endpoint,faults)"
    " VALUES(?,0,?,?,0,'',?,?)";
constexpr std::string_view schedule_sql = "INSERT INTO sbx_action(due_ms,kind,account,object_id) VALUES(?,?,?,?)";
constexpr std::string_view unschedule_sql = "DELETE FROM sbx_action WHERE object_id=?";
constexpr std::string_view keep_private_sql = "INSERT OR REPLACE INTO sbx_private(id,value) VALUES(?,?)";
constexpr std::string_view forget_private_sql = "DELETE FROM sbx_private WHERE id=?";
constexpr std::string_view private_sql = "SELECT value FROM sbx_private WHERE id=?";

/// What an event is told under in the timeline: its payment, else its object.
std::string_view subject_of(const json::object& object) {
  if (const auto intent = text_in(object, "payment_intent"); !intent.empty()) return intent;
  if (const auto transaction = text_in(object, "source_transaction"); !transaction.empty()) return transaction;
  return text_in(object, "id");
}

bool is_wanted(std::string_view events, std::string_view type) {
  return events == "*" || is_listed(events, type);
}

std::string_view ordered_faults(const json::object& object) {
  const auto* metadata = object.if_contains("metadata");
  return metadata != nullptr && metadata->is_object() ? text_in(metadata->get_object(), "sbx") : std::string_view{};
}

void expand_path(Call& call, json::object& object, std::string_view path, int depth) {
  if (depth > max_expansion_depth) return;
  const auto end = path.find('.');
  auto* value = object.if_contains(path.substr(0, end));
  if (value == nullptr) return;
  const auto rest = end == std::string_view::npos ? std::string_view{} : path.substr(end + 1);
  if (value->is_string()) {
    auto rows = call.database.query(find_any_sql, std::string_view{value->get_string()}, call.account);
    if (!rows.next()) return;
    *value = json::parse(rows.text(0));
  }
  if (rest.empty()) return;
  if (value->is_object()) {
    expand_path(call, value->get_object(), rest, depth + 1);
  } else if (value->is_array()) {
    for (auto& entry : value->get_array()) {
      if (entry.is_object()) expand_path(call, entry.get_object(), rest, depth);
    }
  }
}

}  // namespace

std::string random_word(std::size_t size) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string word(size, ' ');
  std::vector<std::uint8_t> dice(size);
  crypto::fill_random(dice);
  std::ranges::transform(dice, word.begin(), [&](std::uint8_t byte) { return letters[byte % letters.size()]; });
  return word;
}

std::string fresh_id(std::string_view prefix) {
  return std::string{prefix} + "_1Sbx" + random_word(24);
}

std::string_view text_in(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view{value->get_string()} : std::string_view{};
}

json::value or_null(std::string_view text) {
  return text.empty() ? json::value{} : json::value(text);
}

std::string upper(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

void insert_object(Call& call, const json::object& object, std::string_view subject) {
  call.database.run(insert_sql, std::string_view{object.at("id").get_string()},
                    std::string_view{object.at("object").get_string()}, object.at("created").get_int64(),
                    json::serialize(object), call.account, subject);
}

void update_object(Call& call, const json::object& object) {
  call.database.run(update_sql, json::serialize(object), std::string_view{object.at("id").get_string()}, call.account);
}

std::optional<json::object> find_object(Call& call, std::string_view type, std::string_view id) {
  auto rows = call.database.query(find_sql, id, type, call.account);
  if (!rows.next()) return std::nullopt;
  return std::move(json::parse(rows.text(0)).get_object());
}

Reply load_object(Call& call, std::string_view type, std::string_view id, std::string_view param) {
  auto found = find_object(call, type, id);
  if (found) return std::move(*found);
  return refuse(404, "invalid_request_error", "resource_missing", param,
                "No such " + std::string{type} + ": '" + std::string{id} + "'");
}

json::object must_object(Call& call, std::string_view type, std::string_view id) {
  auto found = find_object(call, type, id);
  if (!found) throw std::runtime_error("payment sandbox: a " + std::string{type} + " it wrote is not there");
  return std::move(*found);
}

std::vector<json::object> objects_of(Call& call, std::string_view type, std::string_view subject) {
  std::vector<json::object> found;
  auto rows = call.database.query(of_subject_sql, subject, type, call.account);
  while (rows.next()) found.push_back(std::move(json::parse(rows.text(0)).get_object()));
  return found;
}

Outcome<Page> read_page(const Params& params) {
  Page page;
  const auto limit = params.integer("limit", page.limit);
  if (!limit) return std::unexpected(limit.error());
  if (*limit < 1 || *limit > 100) return invalid("parameter_invalid_integer", "limit", "limit must be 1 to 100");
  page.limit = *limit;
  const auto at = params.integer("created", -1);
  const auto gte = params.integer("created[gte]", 0);
  const auto gt = params.integer("created[gt]", -1);
  const auto lte = params.integer("created[lte]", INT64_MAX);
  const auto lt = params.integer("created[lt]", INT64_MAX);
  for (const auto* bound : {&at, &gte, &gt, &lte, &lt}) {
    if (!*bound) return std::unexpected(bound->error());
  }
  page.from_s = *gt == INT64_MAX ? INT64_MAX : std::max(*gte, *gt + 1);
  page.until_s = *lt == INT64_MIN ? INT64_MIN : std::min(*lte, *lt == INT64_MAX ? *lt : *lt - 1);
  if (*at >= 0) page.from_s = page.until_s = *at;
  return page;
}

json::object list_of(json::array data, bool has_more, std::string_view url) {
  return {{"object", "list"}, {"data", std::move(data)}, {"has_more", has_more}, {"url", url}};
}

Reply list_objects(Call& call, std::string_view type, std::string_view url, std::string_view subject,
                   std::initializer_list<Field> filters) {
  std::vector<Field> known{page_fields.begin(), page_fields.end()};
  known.insert(known.end(), filters.begin(), filters.end());
  if (auto fits = call.params.check(known); !fits) return Refused(std::move(fits.error()));
  const auto page = read_page(call.params);
  if (!page) return Refused(page.error());
  const bool is_backward = call.params.find("ending_before").has_value();
  if (is_backward && call.params.find("starting_after")) {
    return invalid("parameters_exclusive", "ending_before", "Give starting_after or ending_before, not both.");
  }
  std::int64_t place_created = INT64_MAX;
  std::int64_t place_seq = INT64_MAX;
  const std::string_view param = is_backward ? "ending_before" : "starting_after";
  if (const auto cursor = call.params.text(param); !cursor.empty()) {
    auto place = call.database.query(place_sql, cursor, type, call.account);
    if (!place.next()) {
      return invalid("resource_missing", param, "No such " + std::string{type} + ": '" + std::string{cursor} + "'");
    }
    place_created = place.number(0);
    place_seq = place.number(1);
  }
  json::array data;
  bool has_more = false;
  const auto collect = [&](Cursor rows) {
    while (rows.next()) {
      has_more = std::ssize(data) == page->limit;
      if (!has_more) data.push_back(json::parse(rows.text(0)));
    }
  };
  const auto most = page->limit + 1;
  if (subject.empty()) {
    collect(call.database.query(is_backward ? list_before_sql : list_sql, type, call.account, page->from_s,
                                page->until_s, place_created, place_seq, most));
  } else {
    collect(call.database.query(is_backward ? list_subject_before_sql : list_subject_sql, type, call.account,
                                page->from_s, page->until_s, place_created, place_seq, most, subject));
  }
  if (is_backward) std::ranges::reverse(data);
  return list_of(std::move(data), has_more, url);
}

void expand(Call& call, json::object& object) {
  auto paths = call.params.list("expand");
  if (paths.size() > max_expansions) paths.resize(max_expansions);
  for (const auto path : paths) expand_path(call, object, path, 1);
}

void emit(Call& call, std::string_view type, const json::object& object, const json::object* previous) {
  emit_for(call, call.account, type, object, previous);
}

void emit_for(Call& call, std::string_view account, std::string_view type, const json::object& object,
              const json::object* previous) {
  std::vector<std::string> endpoints;
  auto wanting = call.database.query(wanting_sql, account.empty() ? 0 : 1);
  while (wanting.next()) {
    if (is_wanted(wanting.text(1), type)) endpoints.push_back(wanting.text(0));
  }
  const auto id = fresh_id("evt");
  json::object request{{"id", or_null(call.request_id)}, {"idempotency_key", or_null(call.idempotency_key)}};
  json::object data{{"object", object}};
  if (previous != nullptr) data["previous_attributes"] = *previous;
  json::object event{{"id", id},
                     {"object", "event"},
                     {"api_version", stripe_version},
                     {"created", unix_s(call.now)},
                     {"data", std::move(data)},
                     {"livemode", false},
                     {"pending_webhooks", endpoints.size()},
                     {"request", std::move(request)},
                     {"type", type}};
  if (!account.empty()) event["account"] = account;
  call.database.run(event_sql, id, type, unix_s(call.now), json::serialize(event), account, subject_of(object));
  const auto event_seq = call.database.last_id();
  const auto now_ms = domain::to_unix_ms(call.now);
  const auto faults = ordered_faults(object);
  const auto delay =
      call.is_delivered_first ? 0 : call.faults.delivery_delay_ms(static_cast<std::uint64_t>(event_seq), type, faults);
  for (const auto& endpoint : endpoints) {
    call.database.run(delivery_sql, event_seq, now_ms + delay, now_ms, endpoint, faults);
    call.deliveries.push_back(call.database.last_id());
  }
}

void schedule(Call& call, std::string_view kind, std::string_view object_id, std::int64_t after_ms) {
  call.database.run(schedule_sql, domain::to_unix_ms(call.now) + after_ms, kind, call.account, object_id);
}

void schedule_soon(Call& call, std::string_view kind, std::string_view object_id, std::int64_t after_ms) {
  schedule(call, kind, object_id, static_cast<std::int64_t>(static_cast<double>(after_ms) * call.time_scale));
}

void unschedule(Call& call, std::string_view object_id) {
  call.database.run(unschedule_sql, object_id);
}

void keep_private(Call& call, std::string_view id, std::string_view value) {
  if (value.empty()) {
    call.database.run(forget_private_sql, id);
  } else {
    call.database.run(keep_private_sql, id, value);
  }
}

std::string private_value(Call& call, std::string_view id) {
  auto rows = call.database.query(private_sql, id);
  return rows.next() ? rows.text(0) : std::string{};
}

}  // namespace admit::payment::sandbox

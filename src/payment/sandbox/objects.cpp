#include "payment/sandbox/objects.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "crypto/random.hpp"
#include "payment/stripe_client.hpp"

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::string_view insert_sql = "INSERT INTO sbx_object(id,type,created,json) VALUES(?,?,?,?)";
constexpr std::string_view update_sql = "UPDATE sbx_object SET json=? WHERE id=?";
constexpr std::string_view find_sql = "SELECT json FROM sbx_object WHERE id=? AND type=?";
constexpr std::string_view list_sql =
    "SELECT json FROM sbx_object WHERE type=? AND created BETWEEN ? AND ? ORDER BY created DESC, seq DESC LIMIT ?";
constexpr std::string_view place_sql = "SELECT created, seq FROM sbx_object WHERE id=? AND type=?";
constexpr std::string_view list_after_sql =
    "SELECT json FROM sbx_object WHERE type=? AND created BETWEEN ? AND ? AND (created, seq) < (?, ?)"
    " ORDER BY created DESC, seq DESC LIMIT ?";
constexpr std::string_view event_sql = "INSERT INTO sbx_event(id,type,created,json) VALUES(?,?,?,?)";
constexpr std::string_view delivery_sql =
    "INSERT INTO sbx_delivery(event_seq,state,due_ms,since_ms,attempts,last_result) VALUES(?,0,?,?,0,'')";

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

void insert_object(Call& call, const json::object& object) {
  call.database.run(insert_sql, std::string_view{object.at("id").get_string()},
                    std::string_view{object.at("object").get_string()}, object.at("created").get_int64(),
                    json::serialize(object));
}

void update_object(Call& call, const json::object& object) {
  call.database.run(update_sql, json::serialize(object), std::string_view{object.at("id").get_string()});
}

std::optional<json::object> find_object(Call& call, std::string_view type, std::string_view id) {
  auto rows = call.database.query(find_sql, id, type);
  if (!rows.next()) return std::nullopt;
  return std::move(json::parse(rows.text(0)).get_object());
}

Reply load_object(Call& call, std::string_view type, std::string_view id, std::string_view param) {
  auto found = find_object(call, type, id);
  if (found) return std::move(*found);
  return refuse(404, "invalid_request_error", "resource_missing", param,
                "No such " + std::string{type} + ": '" + std::string{id} + "'");
}

Outcome<Page> read_page(const Params& params) {
  Page page;
  const auto limit = params.integer("limit", page.limit);
  if (!limit) return std::unexpected(limit.error());
  if (*limit < 1 || *limit > 100) return invalid("parameter_invalid_integer", "limit", "limit must be 1 to 100");
  page.limit = *limit;
  const auto gte = params.integer("created[gte]", 0);
  const auto gt = params.integer("created[gt]", -1);
  const auto lte = params.integer("created[lte]", INT64_MAX);
  const auto lt = params.integer("created[lt]", INT64_MAX);
  for (const auto* bound : {&gte, &gt, &lte, &lt}) {
    if (!*bound) return std::unexpected(bound->error());
  }
  page.from_s = *gt == INT64_MAX ? INT64_MAX : std::max(*gte, *gt + 1);
  page.until_s = *lt == INT64_MIN ? INT64_MIN : std::min(*lte, *lt == INT64_MAX ? *lt : *lt - 1);
  return page;
}

json::object list_of(json::array data, bool has_more, std::string_view url) {
  return {{"object", "list"}, {"data", std::move(data)}, {"has_more", has_more}, {"url", url}};
}

Reply list_objects(Call& call, std::string_view type, std::string_view url) {
  if (auto known = call.params.only({"limit", "starting_after", "created[*]"}); !known) {
    return std::unexpected(std::move(known.error()));
  }
  const auto page = read_page(call.params);
  if (!page) return std::unexpected(page.error());
  json::array data;
  bool has_more = false;
  const auto collect = [&](Cursor rows) {
    while (rows.next()) {
      has_more = std::ssize(data) == page->limit;
      if (!has_more) data.push_back(json::parse(rows.text(0)));
    }
  };
  const auto after = call.params.text("starting_after");
  if (after.empty()) {
    collect(call.database.query(list_sql, type, page->from_s, page->until_s, page->limit + 1));
  } else {
    auto place = call.database.query(place_sql, after, type);
    if (!place.next()) {
      return invalid("resource_missing", "starting_after",
                     "No such " + std::string{type} + ": '" + std::string{after} + "'");
    }
    collect(call.database.query(list_after_sql, type, page->from_s, page->until_s, place.number(0), place.number(1),
                                page->limit + 1));
  }
  return list_of(std::move(data), has_more, url);
}

void emit(Call& call, std::string_view type, const json::object& object, std::string_view account) {
  const bool is_posted = std::ranges::find(call.posted_events, type) != call.posted_events.end();
  const auto id = fresh_id("evt");
  json::object request{{"id", call.request_id}, {"idempotency_key", nullptr}};
  if (!call.idempotency_key.empty()) request["idempotency_key"] = call.idempotency_key;
  json::object event{{"id", id},
                     {"object", "event"},
                     {"api_version", stripe_version},
                     {"created", unix_s(call.now)},
                     {"data", {{"object", object}}},
                     {"livemode", false},
                     {"pending_webhooks", is_posted ? 1 : 0},
                     {"request", std::move(request)},
                     {"type", type}};
  if (!account.empty()) event["account"] = account;
  call.database.run(event_sql, id, type, unix_s(call.now), json::serialize(event));
  if (!is_posted) return;
  const auto now_ms = domain::to_unix_ms(call.now);
  call.database.run(delivery_sql, call.database.last_id(), now_ms + call.delivery_delay_ms, now_ms);
  call.has_deliveries = true;
}

}  // namespace admit::payment::sandbox

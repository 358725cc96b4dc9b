#include "payment/event.hpp"

#include <boost/json.hpp>

#include "payment/provider_json.hpp"

namespace admit::payment {

namespace json = boost::json;
using provider_json::object_of;
using provider_json::text_of;

namespace {

constexpr std::size_t max_id_bytes = 255;

/// Seconds since 1970, or RFC 3339 as thin events have it; the epoch where it is neither.
domain::Instant read_created(const json::object& from) {
  constexpr std::int64_t year_9999 = 253'402'300'799;
  const auto unix_s = provider_json::number_of(from, "created");
  if (unix_s > 0 && unix_s <= year_9999) return domain::from_unix_ms(unix_s * 1000);
  return domain::parse_instant(text_of(from, "created")).value_or(domain::Instant{});
}

std::string without_client_secret(const json::value& event, std::string_view raw_body) {
  constexpr std::string_view pointer = "/data/object/client_secret";
  boost::system::error_code absent;
  if (event.find_pointer(pointer, absent) == nullptr) return std::string{raw_body};
  auto copy = event;
  copy.as_object().at("data").as_object().at("object").as_object().erase("client_secret");
  return json::serialize(copy);
}

}  // namespace

std::string_view word(EventFault fault) {
  switch (fault) {
    case EventFault::too_big:
      return "too_big";
    case EventFault::not_json:
      return "not_json";
    case EventFault::not_event:
      return "not_event";
  }
  return "";
}

std::expected<ProviderEvent, EventFault> parse_event(std::string_view raw_body) {
  if (raw_body.size() > max_event_bytes) return std::unexpected(EventFault::too_big);
  const auto value = provider_json::parse(raw_body);
  if (!value) return std::unexpected(EventFault::not_json);
  const auto* root = value->if_object();
  if (root == nullptr) return std::unexpected(EventFault::not_event);

  ProviderEvent event;
  const auto kind = text_of(*root, "object");
  event.is_thin = kind == "v2.core.event";
  event.id = text_of(*root, "id");
  event.type = text_of(*root, "type");
  if ((kind != "event" && !event.is_thin) || event.id.empty() || event.type.empty()) {
    return std::unexpected(EventFault::not_event);
  }
  event.api_version = text_of(*root, "api_version");
  event.account = event.is_thin ? text_of(*root, "context") : text_of(*root, "account");
  event.livemode = provider_json::flag_of(*root, "livemode");
  event.created = read_created(*root);

  const auto* data = object_of(*root, "data");
  const auto* object =
      event.is_thin ? object_of(*root, "related_object") : (data == nullptr ? nullptr : object_of(*data, "object"));
  if (object != nullptr) {
    event.object_id = text_of(*object, "id");
    if (!event.is_thin && event.type.starts_with("payment_intent.")) event.intent = provider_json::read_intent(*object);
  }
  for (const auto* id : {&event.id, &event.type, &event.api_version, &event.account, &event.object_id}) {
    if (id->size() > max_id_bytes) return std::unexpected(EventFault::not_event);
  }
  event.payload = without_client_secret(*value, raw_body);
  return event;
}

}  // namespace admit::payment

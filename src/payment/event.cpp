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
  if (const auto created = provider_json::instant_of(from, "created")) return *created;
  return domain::parse_instant(text_of(from, "created")).value_or(domain::Instant{});
}

/// Whether there was one, anywhere.
bool erase_client_secrets(json::value& value) {
  bool found = false;
  if (auto* object = value.if_object()) {
    found = object->erase("client_secret") > 0;
    for (auto& [name, member] : *object) found |= erase_client_secrets(member);
  } else if (auto* array = value.if_array()) {
    for (auto& member : *array) found |= erase_client_secrets(member);
  }
  return found;
}

std::string without_client_secrets(json::value event, std::string_view raw_body) {
  return erase_client_secrets(event) ? json::serialize(event) : std::string{raw_body};
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

bool is_account_change(std::string_view type) {
  return type == "account.updated" || type == "capability.updated" || type.starts_with("account.external_account.") ||
         type.starts_with("person.");
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
    event.object_kind = text_of(*object, event.is_thin ? "type" : "object");
    if (!event.is_thin) event.object = provider_json::read_object(*object);
    if (const auto* intent = std::get_if<Intent>(&event.object)) event.intent = *intent;
  }
  for (const auto* id :
       {&event.id, &event.type, &event.api_version, &event.account, &event.object_id, &event.object_kind}) {
    if (id->size() > max_id_bytes) return std::unexpected(EventFault::not_event);
  }
  event.payload = without_client_secrets(*value, raw_body);
  return event;
}

}  // namespace admit::payment

#pragma once
// What a webhook says. Read tolerantly: unknown fields, types and enum values are no error.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "domain/events.hpp"
#include "domain/instant.hpp"
#include "payment/objects.hpp"

namespace admit::payment {

struct ProviderEvent {
  std::string id;
  std::string type;
  std::string api_version;  ///< "" where absent
  std::string account;      ///< connected account the event belongs to, "" for our own
  std::string object_id;    ///< of data.object, or of related_object for a thin event; "" where it has none
  bool livemode = false;
  std::string object_kind;  ///< `payment_intent`, `charge`, ...; "" where it has none
  /// `object: v2.core.event`: ids only. Store and flag it; its object must be fetched.
  bool is_thin = false;
  domain::Instant created{};
  /// The object as it was when the event was made; empty for kinds we do not use and for thin events.
  ProviderObject object;
  /// The body as it may be stored: without the intent's client secret, which events carry too.
  std::string payload;
};

enum class EventFault : std::uint8_t {
  too_big,   ///< above max_event_bytes
  not_json,  ///< or nested deeper than 32, or not UTF-8
  not_event  ///< not an object with `object`, `id` and `type` of an event
};
[[nodiscard]] std::string_view word(EventFault fault);

inline constexpr std::size_t max_event_bytes = 1024 * 1024;

/// Only for a body whose signature was verified. Texts longer than 255 bytes are no ids: EventFault::not_event.
[[nodiscard]] std::expected<ProviderEvent, EventFault> parse_event(std::string_view raw_body);

/// What order code makes of an object as it is now: the answer to a call, or what refresh_event fetched.
/// std::monostate for what it has no use for.
[[nodiscard]] domain::News to_news(const ProviderObject& object);
/// The same for an event: its type decides whether its object matters. A connected account of which something else
/// changed (a capability, a person, its bank account) reads as an account about which nothing got worse: it has to be
/// fetched.
[[nodiscard]] domain::News to_news(const ProviderEvent& event);
/// All of the command but what the caller knows: `meta`, `expect_livemode`, `epoch`.
[[nodiscard]] domain::ApplyEvent to_command(const ProviderEvent& event);

/// Something about a connected account changed: what is true of it now has to be fetched.
[[nodiscard]] bool is_account_change(std::string_view type);

}  // namespace admit::payment

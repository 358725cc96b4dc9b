#pragma once
// An event for the reader's calendar (RFC 5545). Times are UTC instants, so that no calendar needs our zone rules; each
// shows them in its owner's zone.

#include <cstdint>
#include <string>

#include "domain/instant.hpp"

namespace admit::mail {

/// Texts are UTF-8 of any length; what cannot be in a calendar is left out of them.
struct CalendarEvent {
  std::string uid;  ///< the same for every version of the event: `registration-0190…@tickets.example`
  domain::Instant written_at{};
  domain::Instant starts_at{};
  domain::Instant ends_at{};  ///< not later than the start: the event has no end
  std::int64_t version = 0;   ///< greater than that of the version it replaces
  bool is_cancelled = false;  ///< takes the event out of the calendar
  std::string title;
  std::string place;
  std::string description;  ///< may have line feeds
  std::string link;         ///< may be empty
};

/// The media type to attach it with.
[[nodiscard]] std::string calendar_media_type(const CalendarEvent& event);
/// The file, with CRLF line ends and lines of at most 75 bytes.
[[nodiscard]] std::string calendar_file(const CalendarEvent& event);

}  // namespace admit::mail

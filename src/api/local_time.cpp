#include "api/local_time.hpp"

#include <date/tz.h>

#include <mutex>
#include <stdexcept>

namespace admit::api {
namespace {

const date::time_zone* find_zone(std::string_view name) {
  // Names with dots or a leading slash would be paths to the library.
  if (name.empty() || name.size() > 64 || name.front() == '/' || name.find('.') != std::string_view::npos) return nullptr;
  try {
    return date::locate_zone(std::string(name));
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

}  // namespace

bool is_zone(std::string_view zone) { return find_zone(zone) != nullptr; }

std::string to_local(domain::Instant at, std::string_view zone) {
  const auto wall = find_zone(zone)->to_local(at);
  return domain::text(domain::Instant{wall.time_since_epoch()}).substr(0, 16);
}

std::expected<domain::Instant, std::string> to_instant(std::string_view local, std::string_view zone) {
  const auto* found = find_zone(zone);
  if (found == nullptr) return std::unexpected("The time zone is not known; give an IANA name, like Europe/Warsaw.");
  std::string text(local);
  if (text.size() == 16) text += ":00";
  const auto as_utc = text.size() == 19 ? domain::parse_instant(text + "Z") : std::nullopt;
  if (!as_utc) return std::unexpected("Give the local time as YYYY-MM-DDTHH:MM.");
  const date::local_time<std::chrono::milliseconds> wall{as_utc->time_since_epoch()};
  const auto info = found->get_info(wall);
  if (info.result == date::local_info::nonexistent) {
    return std::unexpected("The clocks skip this time on that day; give another.");
  }
  return domain::Instant{wall.time_since_epoch() - info.first.offset};
}

}  // namespace admit::api

#pragma once
// Time: a UTC instant in milliseconds. The clock is never read here; `now` arrives inside a command.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "domain/describe.hpp"

namespace admit::domain {

using Instant = std::chrono::sys_time<std::chrono::milliseconds>;

[[nodiscard]] constexpr std::int64_t to_unix_ms(Instant at) { return at.time_since_epoch().count(); }
[[nodiscard]] constexpr Instant from_unix_ms(std::int64_t ms) { return Instant{std::chrono::milliseconds{ms}}; }

/// RFC 3339 in UTC with milliseconds: `2026-11-21T18:00:00.000Z`.
[[nodiscard]] std::string text(Instant at);
/// Reads RFC 3339 with `Z` or a numeric offset; nullopt for anything else, and outside years 1970 to 9999.
[[nodiscard]] std::optional<Instant> parse_instant(std::string_view text);

/// A span of time in which a show admits: from <= t < until.
struct Window {
  Instant from{};
  Instant until{};
  bool operator==(const Window&) const = default;
  [[nodiscard]] bool contains(Instant at) const { return from <= at && at < until; }

  static constexpr auto columns() { return std::tuple{column("from", &Window::from), column("until", &Window::until)}; }
};

}  // namespace admit::domain

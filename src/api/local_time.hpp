#pragma once
// Wall time and zone into an instant, by the system's tzdata.

#include <expected>
#include <string>
#include <string_view>

#include "domain/instant.hpp"

namespace admit::api {

/// `local` is `YYYY-MM-DDTHH:MM[:SS]`, `zone` an IANA name. A time that occurs twice (clocks set back) means its first
/// occurrence. The error is a sentence: an unknown zone, a time that is not one, or one that the clocks skip.
[[nodiscard]] std::expected<domain::Instant, std::string> to_instant(std::string_view local, std::string_view zone);

/// `YYYY-MM-DDTHH:MM` at that instant in a known zone.
[[nodiscard]] std::string to_local(domain::Instant at, std::string_view zone);

[[nodiscard]] bool is_zone(std::string_view zone);

}  // namespace admit::api

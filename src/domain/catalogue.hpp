#pragma once
// Where a published show is listed: by the month in which it starts, so that a page of shows on sale is one short read.

#include "domain/id.hpp"
#include "domain/instant.hpp"

namespace admit::domain {

/// Show::catalogue of a show that starts `months` after the month of `at` (UTC). Its bytes are the sixteen characters
/// `shows of 2027-08`.
[[nodiscard]] inline CatalogueId catalogue_key(Instant at, int months = 0) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const auto month =
      std::chrono::year_month_day{day}.year() / std::chrono::year_month_day{day}.month() + std::chrono::months{months};
  const auto text =
      std::to_string(static_cast<int>(month.year()) * 100 + static_cast<int>(static_cast<unsigned>(month.month())));
  const std::string key = "shows of " + text.substr(0, 4) + "-" + text.substr(4, 2);
  return CatalogueId{Uuid::from_bytes(reinterpret_cast<const std::uint8_t*>(key.data()))};
}

}  // namespace admit::domain

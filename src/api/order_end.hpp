#pragma once
// How long the link to an order is good.

#include <algorithm>
#include <chrono>

#include "domain/rows.hpp"

namespace admit::api {

/// 60 days after the last admission: long enough for refunds and receipts.
[[nodiscard]] inline domain::Instant order_link_end(const domain::Show& show) {
  domain::Instant last = show.starts_at;
  for (const auto& window : show.windows) last = std::max(last, window.until);
  return last + std::chrono::days{60};
}

}  // namespace admit::api

#pragma once
// The pages a buyer sees: shows on sale, a show, the checkout, an order.

#include "api/services.hpp"

namespace admit::api {

/// Adds them to the table. What it gives back draws the list of shows, for
/// whoever asks `/` for a page.
[[nodiscard]] http::Handler add_pages(http::Router& router, Services& services);

}  // namespace admit::api

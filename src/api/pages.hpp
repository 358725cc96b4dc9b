#pragma once
// The pages a buyer sees: shows on sale, a show, the checkout, an order.

#include <functional>
#include <string>

#include "api/services.hpp"

namespace admit::api {

/// What a person reads who comes back from the payment provider.
struct ConnectNotice {
  int status = 200;       // from 400 on it is a fault
  const char* word = "";  // of the pages' words
  bool is_good = false;
  std::string keep;  // of the query, for the links to other languages
};

struct BuyersPages {
  http::Handler front_page;  // the list of shows, for whoever asks `/` for a page
  std::function<http::Response(http::Request&, const ConnectNotice&)> connect_notice;
};
/// Adds them to the table.
[[nodiscard]] BuyersPages add_pages(http::Router& router, Services& services);

}  // namespace admit::api

#pragma once
// Documents made from the table of routes.

#include <string>
#include <string_view>

#include "http/router.hpp"

namespace admit::http {

/// OpenAPI 3.1 as JSON text.
[[nodiscard]] std::string openapi(const Router& router, std::string_view title, std::string_view version,
                                  std::string_view server_url);

/// The body of docs/API_ENDPOINTS.md: per route who may call it, parameters, examples, problems and one curl.
/// `$BASE` is the server, tokens are `$USER_TOKEN`, `$GATE_TOKEN`, ... by the security word, path parameters
/// `$SHOW_ID` for `{showId}`, all replaceable by RouteDoc::curl.
[[nodiscard]] std::string endpoints_markdown(const Router& router);

/// The curl command of one route, one line.
[[nodiscard]] std::string curl_of(const Route& route);

}  // namespace admit::http

#pragma once
// What a buyer's browser needs of the sandbox, through the server's own address: the sandbox itself listens on this
// machine only, and a page that came by TLS loads nothing from it.

#include <string>

#include "http/client.hpp"
#include "http/router.hpp"

namespace admit::app {

/// Under which the sandbox's pages and the calls of its script are found.
inline constexpr std::string_view sandbox_prefix = "/sandbox-provider";

/// `client` outlives the router's last request. `api_base` is the sandbox's.
void add_sandbox_relay(http::Router& router, http::Client& client, std::string api_base);

}  // namespace admit::app

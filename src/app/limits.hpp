#pragma once
// Which requests count against which limit.

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "app/config.hpp"
#include "domain/id.hpp"
#include "http/address.hpp"
#include "http/rate_limit.hpp"

namespace admit::app {

[[nodiscard]] http::RouteClass class_of(const http::Route& route);

/// Nothing where the configuration switches them off. A caller is an account by `user_of` (the user of a good access
/// token), or a key or gate by the token it sends: one that is made up has a bucket of its own, beside the address's.
[[nodiscard]] std::optional<http::RateLimitOptions> rate_limits_of(
    const Config& config, std::function<std::optional<domain::UserId>(std::string_view token)> user_of);

[[nodiscard]] std::vector<http::Network> trusted_proxies_of(const Config& config);

}  // namespace admit::app

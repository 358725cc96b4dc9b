#pragma once
// Reads that several resources share.

#include <vector>

#include "api/services.hpp"
#include "api/show_json.hpp"

namespace admit::api {

/// The show with its tiers and what is left of them.
[[nodiscard]] ShowJson show_json(store::Store& store, const domain::Show& show);

/// The user a `…/{userId}` or `?userId=` names, else `self`.
[[nodiscard]] Expected<domain::UserId> named_user(const http::Request& request, domain::UserId self);

/// The same for a caller who is no user: 422 where nobody is named.
[[nodiscard]] Expected<domain::UserId> named_user(const http::Request& request);

/// The businesses for which the caller has a capability, those it owns first; at most 1,000. Empty for a stranger, and for
/// an operator who owns none.
[[nodiscard]] std::vector<domain::BusinessId> businesses_for(const Services& services, const Caller& caller,
                                                             domain::Capability capability);

/// The route with `?userId=`, and with `/{userId}` behind it, both at the root and under `/v1`.
void add_by_user(http::Router& router, const http::Route& route);

}  // namespace admit::api

#pragma once
// Reads that several resources share.

#include "api/services.hpp"
#include "api/show_json.hpp"

namespace admit::api {

/// The show with its tiers and what is left of them.
[[nodiscard]] ShowJson show_json(store::Store& store, const domain::Show& show);

/// The user a `…/{userId}` or `?userId=` names, else `self`.
[[nodiscard]] Expected<domain::UserId> named_user(const http::Request& request, domain::UserId self);

/// The route with `?userId=`, and with `/{userId}` behind it, both at the root and under `/v1`.
void add_by_user(http::Router& router, const http::Route& route);

}  // namespace admit::api

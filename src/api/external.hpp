#pragma once
// Tokens of other providers of identities as a way to call this interface.

#include <optional>
#include <string_view>

#include "api/services.hpp"

namespace admit::api {

/// Whether an account that is made here gets a user at a provider as well, by a job.
[[nodiscard]] bool signs_up_elsewhere(const Services& services);

/// The account that a provider's bearer token stands for, where the token is good and its name is linked. 401
/// `second_factor_required` where the account has a second factor and the token does not say that one was used.
[[nodiscard]] std::optional<Expected<Caller>> external_caller(const Services& services, std::string_view bearer);

/// Makes every route for signed-in accounts take providers' tokens: the first one of a person makes the account, one
/// with a key that is not known waits until the keys were read anew. Nothing changes where no provider is configured.
/// After all routes were added.
void take_external_tokens(http::Router& router, Services& services);

}  // namespace admit::api

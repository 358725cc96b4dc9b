#pragma once
// Inside the sandbox: what a person sees of it, and the stand-in for Stripe.js.

#include <string>
#include <string_view>
#include <vector>

#include "http/target.hpp"

namespace admit::payment::sandbox {

/// The bank's page: complete, fail or close.
[[nodiscard]] std::string action_page(std::string_view intent_id);
/// `session` is the token the form is sent with.
[[nodiscard]] std::string onboarding_page(std::string_view account, std::string_view session);
/// `hidden` are the parameters the answer carries along.
[[nodiscard]] std::string authorize_page(const std::vector<http::FormField>& hidden);
/// One sentence.
[[nodiscard]] std::string plain_page(std::string_view sentence);

/// Defines window.Stripe with the part of Stripe.js a checkout page needs; talks to where it was loaded from.
[[nodiscard]] std::string_view stripe_script();
[[nodiscard]] std::string_view lab_page();
[[nodiscard]] std::string_view lab_script();

}  // namespace admit::payment::sandbox

#pragma once
// Mails that people ask for again.

#include "domain/command.hpp"

namespace admit::domain {

/// Sends the mail with the tickets once more; at most one a minute, a repeat within it is no second mail.
/// By the customer, the business's owner or an operator. Refuses: unknown_registration, forbidden, registration_not_held
/// (it is not confirmed).
struct ResendMail {
  using Outcome = Registration;
  Meta meta;
  RegistrationId registration_id;
};
void needs(const ResendMail& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const ResendMail& command, World& world);

}  // namespace admit::domain

#pragma once
// Who will use the tickets of an order: named while it is held.

#include "domain/command.hpp"

namespace admit::domain {

struct HolderNames {
  TierId tier_id;
  std::vector<std::string> holders;  // in ticket order, at most one per ticket; "" : the account's name
};

/// Lines that are not named keep their names.
/// Refuses, in this order: unknown_registration, forbidden, registration_not_held, unknown_tier, invalid_field.
struct NameHolders {
  using Outcome = Registration;
  Meta meta;
  RegistrationId registration_id;
  std::vector<HolderNames> lines;
};
void needs(const NameHolders& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const NameHolders& command, World& world);

/// A seller shows the buyer how to pay for an order that is held: noted, because the link can be used by whoever sees
/// it. Refuses: unknown_registration, forbidden (neither the order's own account nor a seller), registration_not_held.
struct ShowPayLink {
  using Outcome = Registration;
  Meta meta;
  RegistrationId registration_id;
};
void needs(const ShowPayLink& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const ShowPayLink& command, World& world);

}  // namespace admit::domain

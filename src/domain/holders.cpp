#include "domain/holders.hpp"

#include <algorithm>

#include "domain/access.hpp"
#include "domain/names.hpp"

namespace admit::domain {

void needs(const NameHolders& command, Needs& needs) {
  needs.change<Registration>(command.registration_id);
}

Result<Registration> decide(const NameHolders& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr)
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  if (found->user_id != command.meta.user && !command.meta.is_operator) {
    return refuse(Refusal::forbidden, "registrationId", "The registration belongs to another account.");
  }
  if (found->status != RegistrationStatus::held) {
    return refuse(Refusal::registration_not_held, "registrationId", "Names can be given while the places are held.");
  }
  Registration registration = *found;
  for (std::size_t i = 0; i < command.lines.size(); ++i) {
    const auto& named = command.lines[i];
    const std::string at = "lines[" + std::to_string(i) + "]";
    const auto line = std::ranges::find(registration.lines, named.tier_id, &Line::tier_id);
    if (line == registration.lines.end()) {
      return refuse(Refusal::unknown_tier, at + ".tierId", "The registration has no tickets of this tier.");
    }
    if (static_cast<std::int64_t>(named.holders.size()) > line->quantity) {
      return refuse(Refusal::invalid_field, at + ".holders", "Name at most one holder per ticket.");
    }
    for (std::size_t h = 0; h < named.holders.size(); ++h) {
      if (const auto fault = fault_of_name(named.holders[h]); !fault.empty()) {
        return refuse(Refusal::invalid_field, at + ".holders[" + std::to_string(h) + "]", std::string(fault));
      }
    }
    line->holders = named.holders;
  }
  if (registration.lines == found->lines) return registration;
  world.put(registration);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "registration.holders_named", registration.id.value, registration.show_id);
  return registration;
}

void needs(const ShowPayLink& command, Needs& needs) {
  if (const auto* registration = needs.read<Registration>(command.registration_id)) {
    need_access(needs, command.meta, registration->business_id);
  }
}

Result<Registration> decide(const ShowPayLink& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr)
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  const bool is_mine = command.meta.user && found->user_id == command.meta.user;
  if (!is_mine && !may(world, command.meta, found->business_id, Capability::sell)) {
    return refuse(Refusal::forbidden, "registrationId", "The registration belongs to another account.");
  }
  if (found->status != RegistrationStatus::held) {
    return refuse(Refusal::registration_not_held, "registrationId", "There is nothing to pay.");
  }
  const Registration registration = *found;
  if (is_mine) return registration;
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "registration.pay_link_shown", registration.id.value, registration.show_id);
  return registration;
}

}  // namespace admit::domain

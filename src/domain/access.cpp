#include "domain/access.hpp"

#include <algorithm>

namespace admit::domain {

bool may(MemberRole role, Capability capability) {
  using enum MemberRole;
  switch (capability) {
    case Capability::manage_business:
    case Capability::manage_members:
    case Capability::manage_keys:
    case Capability::connect_account:
      return role == owner;
    case Capability::manage_shows:
    case Capability::cancel_shows:
    case Capability::manage_gates:
    case Capability::revoke_tickets:
      return role == owner || role == manager;
    case Capability::refund:
    case Capability::see_money:
    case Capability::settle_alerts:
    case Capability::export_data:
    case Capability::see_audit:
      return role == owner || role == manager || role == finance;
    case Capability::sell:
      return role == owner || role == manager || role == box_office;
    case Capability::see_sales:
      return role != gate;
    case Capability::enrol_devices:
    case Capability::annul_check_ins:
      return role == owner || role == manager || role == gate;
    case Capability::see_business:
    case Capability::see_shows:
    case Capability::see_check_ins:
      return true;
  }
  return false;
}

namespace {

/// What whoever works for a business may still do when its owner is gone: give money back and see what that is about.
bool is_left_open(Capability capability) {
  using enum Capability;
  switch (capability) {
    case refund:
    case cancel_shows:
    case settle_alerts:
    case see_business:
    case see_shows:
    case see_sales:
    case see_money:
    case see_check_ins: return true;
    default: return false;
  }
}

/// Whether a key made then was made by the owner as we know them, who is not locked.
bool is_owners(const World& world, const Business& business, Instant created_at) {
  const User& owner = world.get<User>(business.owner_id);
  return !owner.locked_at && (!owner.voided_at || *owner.voided_at < created_at);
}

}  // namespace

bool may_be_scope(Capability capability) {
  return capability != Capability::manage_members && capability != Capability::manage_keys &&
         capability != Capability::connect_account;
}

void need_access(Needs& needs, const Meta& meta, BusinessId business) {
  const auto* found = needs.read<Business>(business);
  if (meta.key && found != nullptr) needs.read<User>(found->owner_id);
  if (meta.user) needs.read<Member>(member_id(business, meta.user));
  if (meta.key) needs.read<ApiKey>(meta.key);
}

std::optional<MemberRole> role_of(const World& world, const Meta& meta, const Business& business) {
  if (!meta.user) return std::nullopt;
  if (business.owner_id == meta.user) return MemberRole::owner;
  const auto* member = world.find<Member>(member_id(business.id, meta.user));
  if (member == nullptr || member->removed_at) return std::nullopt;
  return member->role;
}

bool may(const World& world, const Meta& meta, const Business& business, Capability capability) {
  if (meta.is_operator) return true;
  if (meta.key) {
    const auto* key = world.find<ApiKey>(meta.key);
    return key != nullptr && key->business_id == business.id && !business.closed_at && !key->revoked_at &&
           (!key->expires_at || meta.now < *key->expires_at) && is_owners(world, business, key->created_at) &&
           may_be_scope(capability) && std::ranges::find(key->scopes, capability) != key->scopes.end();
  }
  const auto role = role_of(world, meta, business);
  return role && may(*role, capability) && (!business.closed_at || is_left_open(capability));
}

bool may(const World& world, const Meta& meta, BusinessId business, Capability capability) {
  return may(world, meta, world.get<Business>(business), capability);
}

void needs(const NoteOperatorRead&, Needs&) {}

Result<Instant> decide(const NoteOperatorRead& command, World& world) {
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "operator.read", command.subject);
  return command.meta.now;
}

}  // namespace admit::domain

#include "domain/people.hpp"

#include <algorithm>

#include "domain/sessions.hpp"
#include "domain/users.hpp"

namespace admit::domain {
namespace {

constexpr std::size_t max_traces = 100;

std::unexpected<Error> no_account() {
  return refuse(Refusal::unknown_user, "", "There is no such account.");
}
std::unexpected<Error> no_registration() {
  return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
}

void need_tickets(Needs& needs, const Registration& registration) {
  if (!registration.confirmed_at) return;
  for (std::int64_t number = 1; number <= registration.ticket_count; ++number) {
    needs.change<Ticket>(ticket_id(registration.id, *registration.confirmed_at, number));
  }
}

/// Changes each ticket of a registration by `change`.
template <class Change>
void change_tickets(World& world, const Registration& registration, Change change) {
  if (!registration.confirmed_at) return;
  for (std::int64_t number = 1; number <= registration.ticket_count; ++number) {
    Ticket ticket = world.get<Ticket>(ticket_id(registration.id, *registration.confirmed_at, number));
    change(ticket);
    world.put(std::move(ticket));
  }
}

bool is_ahead(const Show& show, Instant now) {
  Instant end = show.starts_at;
  for (const auto& window : show.windows) end = std::max(end, window.until);
  return show.status == ShowStatus::published && now < end;
}

void blank(User& user, Instant now) {
  user.email.clear();
  user.name.clear();
  user.locale.clear();
  user.password_hash.clear();
  user.guest_key = {};
  user.is_operator = false;
  user.email_verified = false;
  user.totp_secret = {};
  user.totp_confirmed = false;
  user.recovery_hashes.clear();
  user.erased_at = now;
}

}  // namespace

void needs(const JoinRegistration& command, Needs& needs) {
  needs.read<User>(command.guest_id);
  needs.read<User>(command.user_id);
  if (const auto* registration = needs.change<Registration>(command.registration_id))
    need_tickets(needs, *registration);
}

Result<Registration> decide(const JoinRegistration& command, World& world) {
  const User* guest = world.find<User>(command.guest_id);
  const User* user = world.find<User>(command.user_id);
  if (guest == nullptr || user == nullptr || user->guest || user->erased_at) return no_account();
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr) return no_registration();
  if (found->user_id != guest->id) return *found;
  if (!user->email_verified || !guest->guest || guest->email != user->email) {
    return refuse(Refusal::email_not_verified, "", "The order was made with another address than the account's own.");
  }
  Registration registration = *found;
  registration.user_id = user->id;
  change_tickets(world, registration, [&](Ticket& ticket) { ticket.user_id = command.user_id; });
  world.put(registration);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "registration.joined", registration.id.value, registration.show_id);
  return registration;
}

void needs(const EndGuest& command, Needs& needs) {
  needs.change<User>(command.guest_id);
}

Result<User> decide(const EndGuest& command, World& world) {
  const User* found = world.find<User>(command.guest_id);
  if (found == nullptr || !found->guest) return no_account();
  if (found->erased_at) return *found;
  User user = *found;
  FreshIds ids(command.meta);
  blank(user, command.meta.now);
  end_sessions(world, command.meta, ids, user);
  world.put(user);
  audit(world, command.meta, ids, "guest.joined", user.id.value);
  return user;
}

void needs(const ErasePerson& command, Needs& needs) {
  if (const auto* user = needs.change<User>(command.meta.user)) needs.change<Claim>(email_claim(user->email));
  for (const auto id : command.show_ids) {
    if (const auto* show = needs.read<Show>(id)) needs.read<Business>(show->business_id);
  }
}

Result<User> decide(const ErasePerson& command, World& world) {
  const Meta& meta = command.meta;
  const User* found = world.find<User>(meta.user);
  if (found == nullptr || found->guest || found->erased_at) return no_account();
  if (found->password_hash != command.password_hash) {
    return refuse(Refusal::wrong_credentials, "password", "The password is wrong.");
  }
  for (const auto id : command.show_ids) {
    const Show* show = world.find<Show>(id);
    if (show == nullptr || world.get<Business>(show->business_id).owner_id != meta.user) continue;
    if (!is_ahead(*show, meta.now)) continue;
    return refuse(Refusal::owner_stays, "", "A show of your business is on sale; cancel it, or wait until it is over.");
  }
  User user = *found;
  FreshIds ids(meta);
  if (!user.email.empty()) world.put(Claim{.id = email_claim(user.email), .kind = "email"});
  blank(user, meta.now);
  end_sessions(world, meta, ids, user);
  put_job(world, meta, ids, JobKind::erase_person, user.id.value);
  if (command.at_provider) put_job(world, meta, ids, JobKind::erase_identity, user.id.value);
  world.put(user);
  audit(world, meta, ids, "user.erased", user.id.value);
  return user;
}

void needs(const EraseNames& command, Needs& needs) {
  if (const auto* registration = needs.change<Registration>(command.registration_id)) {
    needs.read<User>(registration->user_id);
    need_tickets(needs, *registration);
  }
}

Result<Registration> decide(const EraseNames& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr) return no_registration();
  if (!world.get<User>(found->user_id).erased_at) {
    return refuse(Refusal::forbidden, "registrationId", "Whoever it belongs to is there.");
  }
  Registration registration = *found;
  for (auto& line : registration.lines) line.holders.clear();
  change_tickets(world, registration, [](Ticket& ticket) { ticket.holder.clear(); });
  world.put(registration);
  return registration;
}

void needs(const CloseBusiness& command, Needs& needs) {
  if (const auto* business = needs.change<Business>(command.business_id)) needs.read<User>(business->owner_id);
  for (const auto id : command.key_ids) needs.change<ApiKey>(id);
  for (const auto id : command.device_ids) needs.change<Device>(id);
}

Result<Business> decide(const CloseBusiness& command, World& world) {
  const Business* found = world.find<Business>(command.business_id);
  if (found == nullptr) return refuse(Refusal::unknown_business, "businessId", "There is no such business.");
  const User& owner = world.get<User>(found->owner_id);
  if (!owner.erased_at && !owner.voided_at) return refuse(Refusal::forbidden, "businessId", "Its owner is there.");
  const Instant until = owner.erased_at ? command.meta.now : *owner.voided_at;
  if (std::max(command.key_ids.size(), command.device_ids.size()) > max_traces) {
    return refuse(Refusal::too_many, "", "Revoke at most 100 of each at a time.");
  }
  Business business = *found;
  FreshIds ids(command.meta);
  if (owner.erased_at && !business.closed_at) {
    business.closed_at = command.meta.now;
    audit(world, command.meta, ids, "business.closed", business.id.value);
  }
  // Money would go where whoever made the account wanted it.
  if (!owner.erased_at && business.linked_at && *business.linked_at <= until) {
    business.stripe_account.clear();
    business.linked_at.reset();
    business.charges_enabled = business.transfers_active = business.details_submitted = false;
    business.requirement.clear();
    audit(world, command.meta, ids, "business.account_ended", business.id.value);
  }
  for (const auto id : command.key_ids) {
    const ApiKey* row = world.find<ApiKey>(id);
    if (row == nullptr || row->business_id != business.id || row->revoked_at || row->created_at > until) continue;
    ApiKey key = *row;
    key.revoked_at = command.meta.now;
    --business.key_count;
    world.put(std::move(key));
    audit(world, command.meta, ids, "api_key.revoked", id.value);
  }
  for (const auto id : command.device_ids) {
    const Device* row = world.find<Device>(id);
    if (row == nullptr || row->business_id != business.id || row->revoked_at || row->created_at > until) continue;
    Device device = *row;
    device.revoked_at = command.meta.now;
    const ShowId show = device.show_id;
    world.put(std::move(device));
    audit(world, command.meta, ids, "device.revoked", id.value, show);
  }
  world.put(business);
  return business;
}

void needs(const EraseTraces& command, Needs& needs) {
  needs.read<User>(command.user_id);
  for (const auto id : command.session_ids) needs.change<Session>(id);
  for (const auto id : command.passkey_ids) needs.change<Passkey>(id);
  for (const auto id : command.identity_ids) needs.change<ExternalIdentity>(id);
  for (const auto id : command.member_ids) {
    if (const auto* member = needs.change<Member>(id)) needs.change<Business>(member->business_id);
  }
  for (const auto id : command.proof_ids) needs.change<Proof>(id);
  for (const auto id : command.network_ids) needs.change<KnownNetwork>(id);
}

Result<User> decide(const EraseTraces& command, World& world) {
  const User* user = world.find<User>(command.user_id);
  if (user == nullptr) return no_account();
  if (!user->erased_at) return refuse(Refusal::forbidden, "", "Whoever they belong to is there.");
  if (std::max({command.session_ids.size(), command.passkey_ids.size(), command.identity_ids.size(),
                command.member_ids.size(), command.proof_ids.size(), command.network_ids.size()}) > max_traces) {
    return refuse(Refusal::too_many, "", "Erase at most 100 of each at a time.");
  }
  FreshIds ids(command.meta);
  for (const auto id : command.session_ids) {
    const Session* found = world.find<Session>(id);
    if (found == nullptr || found->user_id != command.user_id) continue;
    Session session = *found;
    session.agent.clear();
    session.address.clear();
    world.put(std::move(session));
  }
  for (const auto id : command.passkey_ids) {
    const Passkey* found = world.find<Passkey>(id);
    if (found == nullptr || found->user_id != command.user_id) continue;
    Passkey passkey = *found;
    passkey.name.clear();
    if (!passkey.removed_at) {
      passkey.removed_at = command.meta.now;
      audit(world, command.meta, ids, "passkey.removed", passkey.id.value);
    }
    world.put(std::move(passkey));
  }
  for (const auto id : command.identity_ids) {
    const ExternalIdentity* found = world.find<ExternalIdentity>(id);
    if (found == nullptr || found->user_id != command.user_id) continue;
    ExternalIdentity identity = *found;
    identity.user_id = {};
    identity.subject.clear();
    identity.email.clear();
    world.put(std::move(identity));
  }
  for (const auto id : command.member_ids) {
    const Member* found = world.find<Member>(id);
    if (found == nullptr || found->user_id != command.user_id || found->removed_at) continue;
    Member member = *found;
    Business business = world.get<Business>(member.business_id);
    member.removed_at = command.meta.now;
    --business.member_count;
    world.put(std::move(business));
    world.put(std::move(member));
    audit(world, command.meta, ids, "member.removed", id.value);
  }
  for (const auto id : command.proof_ids) {
    const Proof* found = world.find<Proof>(id);
    // The address of an invitation is somebody else's.
    if (found == nullptr || found->user_id != command.user_id || found->purpose == ProofPurpose::join_business)
      continue;
    Proof proof = *found;
    proof.used = true;
    proof.email.clear();
    proof.detail.clear();
    world.put(std::move(proof));
  }
  for (const auto id : command.network_ids) {
    const KnownNetwork* found = world.find<KnownNetwork>(id);
    if (found == nullptr || found->user_id != command.user_id) continue;
    KnownNetwork network = *found;
    network.user_id = {};
    network.due_at = command.meta.now;
    world.put(std::move(network));
  }
  return *user;
}

}  // namespace admit::domain

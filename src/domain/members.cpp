#include "domain/members.hpp"

#include "domain/access.hpp"
#include "domain/proofs.hpp"
#include "domain/throttle.hpp"

namespace admit::domain {
namespace {

void need_business(Needs& needs, const Meta& meta, BusinessId id) {
  needs.change<Business>(id);
  need_access(needs, meta, id);
}

Result<Business> business_for(const Meta& meta, BusinessId id, const World& world) {
  const Business* business = world.find<Business>(id);
  if (business == nullptr) return refuse(Refusal::unknown_business, "businessId", "There is no such business.");
  if (!may(world, meta, *business, Capability::manage_members)) {
    return refuse(Refusal::forbidden, "businessId", "Only the owner of a business says who works for it.");
  }
  return *business;
}

Result<void> check_role(MemberRole role) {
  if (role != MemberRole::owner) return {};
  return refuse(Refusal::invalid_field, "role", "A business has one owner; give another role.");
}

std::unexpected<Error> full() {
  return refuse(Refusal::too_many, "",
                "A business has at most " + std::to_string(max_members_per_business) + " members; remove one first.");
}

std::unexpected<Error> void_invitation() {
  return refuse(Refusal::unknown_proof, "token", "The invitation holds no longer; ask for another.");
}

const Invitation* need_invitation(Needs& needs, InvitationId id) {
  const auto* invitation = needs.change<Invitation>(id);
  if (invitation != nullptr && invitation->proof_id) needs.change<Proof>(invitation->proof_id);
  return invitation;
}

/// Its link lets nobody join, and a mail that is still to be sent is not.
void withdraw(World& world, InvitationId id) {
  const Invitation* found = world.find<Invitation>(id);
  if (found == nullptr || !found->proof_id) return;
  Invitation invitation = *found;
  if (const auto* sent = world.find<Proof>(invitation.proof_id)) {
    Proof proof = *sent;
    proof.used = true;
    world.put(std::move(proof));
  }
  invitation.proof_id = {};
  world.put(std::move(invitation));
}

/// A live member of the business, for its owner to change.
Result<Member> member_of(const Business& business, UserId user, const World& world) {
  if (user == business.owner_id) return refuse(Refusal::owner_stays, "userId", "A business keeps its owner.");
  const Member* member = world.find<Member>(member_id(business.id, user));
  if (member == nullptr) return refuse(Refusal::unknown_member, "userId", "The business has no such member.");
  return *member;
}

}  // namespace

void needs(const InviteMember& command, Needs& needs) {
  need_access(needs, command.meta, command.business_id);
  need_proof(needs, command.proof_id);
  need_invitation(needs, invitation_id(command.business_id, command.email));
  needs.read<User>(command.meta.user);
  needs.change<Throttle>(invitations_of_id(command.meta.user));
  needs.change<Throttle>(invitations_to_id(command.meta.user, command.email));
}

Result<Proof> decide(const InviteMember& command, World& world) {
  if (auto ok = check_role(command.role); !ok) return std::unexpected(ok.error());
  const auto business = business_for(command.meta, command.business_id, world);
  if (!business) return std::unexpected(business.error());
  if (business->member_count >= max_members_per_business) return full();
  const User* inviter = world.find<User>(command.meta.user);
  if (inviter == nullptr || !inviter->email_verified) {
    return refuse(Refusal::email_not_verified, "", "Confirm your own address first; ask for the mail again.");
  }
  const ThrottleId of = invitations_of_id(inviter->id), to = invitations_to_id(inviter->id, command.email);
  const Instant now = command.meta.now;
  const Instant free = std::max(free_at(world, of, invitations_of_user, now),
                                free_at(world, to, invitations_of_user_to_address, now));
  if (free > now) return wait_until(free, now, "So many invitations were sent already; wait.");
  count_try(world, of, invitations_of_user, now);
  count_try(world, to, invitations_of_user_to_address, now);
  const InvitationId id = invitation_id(business->id, command.email);
  withdraw(world, id);
  Invitation invitation{.id = id};
  if (const auto* before = world.find<Invitation>(id)) invitation = *before;
  invitation.business_id = business->id;
  invitation.email = command.email;
  invitation.role = command.role;
  invitation.invited_by = command.meta.user;
  invitation.proof_id = command.proof_id;
  invitation.created_at = command.meta.now;
  invitation.due_at = command.meta.now + invitation_ttl;
  world.put(std::move(invitation));
  put_proof(world, command.meta,
            {.id = command.proof_id,
             .purpose = ProofPurpose::join_business,
             .user_id = command.meta.user,
             .subject = business->id.value,
             .email = command.email,
             .detail = std::string(word(command.role)),
             .secret_hash = command.secret_hash,
             .ttl = invitation_ttl});
  FreshIds ids(command.meta);
  put_job(world, command.meta, ids, JobKind::mail, command.proof_id.value, word(ProofPurpose::join_business));
  audit(world, command.meta, ids, "business.member_invited", business->id.value, {}, word(command.role));
  return world.get<Proof>(command.proof_id);
}

void needs(const WithdrawInvitation& command, Needs& needs) {
  need_access(needs, command.meta, command.business_id);
  need_invitation(needs, command.invitation_id);
}

Result<Invitation> decide(const WithdrawInvitation& command, World& world) {
  const auto business = business_for(command.meta, command.business_id, world);
  if (!business) return std::unexpected(business.error());
  const Invitation* found = world.find<Invitation>(command.invitation_id);
  if (found == nullptr || found->business_id != business->id) {
    return refuse(Refusal::unknown_invitation, "invitationId", "The business has no such invitation.");
  }
  if (!found->proof_id) return *found;
  withdraw(world, command.invitation_id);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "business.invitation_withdrawn", business->id.value);
  return world.get<Invitation>(command.invitation_id);
}

void needs(const JoinBusiness& command, Needs& needs) {
  need_proof(needs, command.proof_id);
  needs.read<User>(command.meta.user);
  if (const auto* proof = needs.change<Proof>(command.proof_id)) {
    const BusinessId business{proof->subject};
    needs.change<Business>(business);
    needs.change<Member>(member_id(business, command.meta.user));
    need_invitation(needs, invitation_id(business, proof->email));
  }
}

Result<Member> decide(const JoinBusiness& command, World& world) {
  const Meta& meta = command.meta;
  const auto proof = take_proof(world, meta, command.proof_id, command.secret_hash, ProofPurpose::join_business);
  if (!proof) return std::unexpected(proof.error());
  const User* user = world.find<User>(meta.user);
  if (user == nullptr) return refuse(Refusal::unknown_user, "", "There is no such account.");
  if (user->guest || user->email != proof->email) {
    return refuse(Refusal::forbidden, "token", "The invitation went to another address; sign in to its account.");
  }
  if (!user->email_verified) {
    return refuse(Refusal::email_not_verified, "", "Prove first that the address is yours; ask for the mail again.");
  }
  const Business* found = world.find<Business>(BusinessId{proof->subject});
  const auto role = parse_word<MemberRole>(proof->detail);
  if (found == nullptr || found->closed_at || !role) return void_invitation();
  const InvitationId invitation = invitation_id(found->id, proof->email);
  const Invitation* newest = world.find<Invitation>(invitation);
  if (newest == nullptr || newest->proof_id != proof->id) return void_invitation();
  const MemberId id = member_id(found->id, meta.user);
  const Member* before = world.find<Member>(id);
  if (found->owner_id == meta.user || (before != nullptr && !before->removed_at)) {
    return refuse(Refusal::already_member, "", "You work for this business already.");
  }
  if (before != nullptr && proof->created_at < *before->removed_at) return void_invitation();
  if (found->member_count >= max_members_per_business) return full();
  withdraw(world, invitation);
  Business business = *found;
  ++business.member_count;
  world.put(business);
  Member member{.id = id,
                .business_id = business.id,
                .user_id = meta.user,
                .role = *role,
                .added_by = proof->user_id,
                .added_at = meta.now};
  world.put(member);
  FreshIds ids(meta);
  audit(world, meta, ids, "member.joined", member.id.value, {}, word(member.role));
  return member;
}

void needs(const ChangeMember& command, Needs& needs) {
  need_access(needs, command.meta, command.business_id);
  needs.change<Member>(member_id(command.business_id, command.user_id));
}

Result<Member> decide(const ChangeMember& command, World& world) {
  if (auto ok = check_role(command.role); !ok) return std::unexpected(ok.error());
  const auto business = business_for(command.meta, command.business_id, world);
  if (!business) return std::unexpected(business.error());
  auto member = member_of(*business, command.user_id, world);
  if (!member) return member;
  if (member->removed_at) return refuse(Refusal::unknown_member, "userId", "The business has no such member.");
  if (member->role == command.role) return member;
  const std::string change = std::string(word(member->role)) + " -> " + std::string(word(command.role));
  member->role = command.role;
  world.put(*member);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "member.changed", member->id.value, {}, change);
  return member;
}

void needs(const RemoveMember& command, Needs& needs) {
  need_business(needs, command.meta, command.business_id);
  needs.change<Member>(member_id(command.business_id, command.user_id));
  if (const auto* user = needs.read<User>(command.user_id)) {
    need_invitation(needs, invitation_id(command.business_id, user->email));
  }
}

Result<Member> decide(const RemoveMember& command, World& world) {
  auto business = business_for(command.meta, command.business_id, world);
  if (!business) return std::unexpected(business.error());
  auto member = member_of(*business, command.user_id, world);
  if (!member || member->removed_at) return member;
  member->removed_at = command.meta.now;
  --business->member_count;
  world.put(*business);
  world.put(*member);
  withdraw(world, invitation_id(business->id, world.get<User>(command.user_id).email));
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "member.removed", member->id.value, {}, word(member->role));
  return member;
}

}  // namespace admit::domain

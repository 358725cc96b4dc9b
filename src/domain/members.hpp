#pragma once
// Who works for a business: invited by its owner, changed and removed by its owner.

#include <chrono>

#include "domain/command.hpp"

namespace admit::domain {

inline constexpr std::chrono::hours invitation_ttl{7 * 24};
inline constexpr std::int64_t max_members_per_business = 200;

/// A mail with a link to whoever has the address, account or not; the address's earlier invitation is void. `proof_id`
/// is made by the caller: the link names it. Refuses: invalid_field (also the role owner), unknown_business, forbidden,
/// too_many, email_not_verified (the inviter's own), too_many_failures (invitations_of_user, invitations_to_address).
struct InviteMember {
  using Outcome = Proof;
  Meta meta;
  BusinessId business_id;
  std::string email;  // normal
  MemberRole role = MemberRole::gate;
  ProofId proof_id;
  Bytes secret_hash;
};
void needs(const InviteMember& command, Needs& needs);
[[nodiscard]] Result<Proof> decide(const InviteMember& command, World& world);

/// Idempotent: its link lets nobody join any more. Refuses: unknown_business, forbidden, unknown_invitation.
struct WithdrawInvitation {
  using Outcome = Invitation;
  Meta meta;
  BusinessId business_id;
  InvitationId invitation_id;
};
void needs(const WithdrawInvitation& command, Needs& needs);
[[nodiscard]] Result<Invitation> decide(const WithdrawInvitation& command, World& world);

/// By the account with the address that was invited, once it is verified, with the newest invitation of the address;
/// one from before the account was removed is void. Refuses: unknown_proof, unknown_user, forbidden (invited was
/// another address), email_not_verified, already_member, too_many.
struct JoinBusiness {
  using Outcome = Member;
  Meta meta;
  ProofId proof_id;
  Bytes secret_hash;
};
void needs(const JoinBusiness& command, Needs& needs);
[[nodiscard]] Result<Member> decide(const JoinBusiness& command, World& world);

/// Gives another role. Refuses: invalid_field (the role owner), unknown_business, forbidden, owner_stays,
/// unknown_member.
struct ChangeMember {
  using Outcome = Member;
  Meta meta;
  BusinessId business_id;
  UserId user_id;
  MemberRole role = MemberRole::gate;
};
void needs(const ChangeMember& command, Needs& needs);
[[nodiscard]] Result<Member> decide(const ChangeMember& command, World& world);

/// Idempotent; holds for the next decision already, and the account's invitation is void. Refuses: unknown_business,
/// forbidden, owner_stays, unknown_member.
struct RemoveMember {
  using Outcome = Member;
  Meta meta;
  BusinessId business_id;
  UserId user_id;
};
void needs(const RemoveMember& command, Needs& needs);
[[nodiscard]] Result<Member> decide(const RemoveMember& command, World& world);

}  // namespace admit::domain

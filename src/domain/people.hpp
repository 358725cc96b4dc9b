#pragma once
// A person's data: what guests bought joins their account, and what is erased when they leave. The books stay.

#include <vector>

#include "domain/command.hpp"

namespace admit::domain {

/// One order of a guest goes to the account with the same, verified address; nothing where it is not the guest's any
/// more. Refuses: unknown_user, unknown_registration, email_not_verified.
struct JoinRegistration {
  using Outcome = Registration;
  Meta meta;
  UserId guest_id;
  UserId user_id;
  RegistrationId registration_id;
};
void needs(const JoinRegistration& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const JoinRegistration& command, World& world);

/// A guest whose orders have all joined: nobody opens them as the guest any more. Idempotent. Refuses: unknown_user.
struct EndGuest {
  using Outcome = User;
  Meta meta;
  UserId guest_id;
};
void needs(const EndGuest& command, Needs& needs);
[[nodiscard]] Result<User> decide(const EndGuest& command, World& world);

/// By the account: name, address and all that signs it in are gone, its address is free; a job erases the rest.
/// Refuses: unknown_user, wrong_credentials (the password was changed meanwhile), owner_stays (a business of it has a
/// published show that is not over).
struct ErasePerson {
  using Outcome = User;
  Meta meta;
  std::string password_hash;     // the one that was found right; "" where there is none
  std::vector<ShowId> show_ids;  // of its businesses, those that may be ahead
  bool at_provider = false;      // a user that we made at the provider of identities is deleted by a job
};
void needs(const ErasePerson& command, Needs& needs);
[[nodiscard]] Result<User> decide(const ErasePerson& command, World& world);

/// The holders' names on an erased person's order. Refuses: unknown_registration, forbidden (the person is there).
struct EraseNames {
  using Outcome = Registration;
  Meta meta;
  RegistrationId registration_id;
};
void needs(const EraseNames& command, Needs& needs);
[[nodiscard]] Result<Registration> decide(const EraseNames& command, World& world);

/// An erased owner's business: nothing of it is sold, published or let in any more, and the named keys and gates of it
/// are revoked; each list of at most 100. Whoever works for it can still give money back. Idempotent.
/// Where the owner took the account over from whoever made it, the keys and gates of before are revoked, and the payment
/// account of before is none of the business's any more.
/// Refuses: unknown_business, forbidden (the owner is there, and was from the beginning), too_many.
struct CloseBusiness {
  using Outcome = Business;
  Meta meta;
  BusinessId business_id;
  std::vector<ApiKeyId> key_ids;
  std::vector<DeviceId> device_ids;
};
void needs(const CloseBusiness& command, Needs& needs);
[[nodiscard]] Result<Business> decide(const CloseBusiness& command, World& world);

/// What else tells who an erased person was; each list of at most 100. Refuses: unknown_user, forbidden, too_many.
struct EraseTraces {
  using Outcome = User;
  Meta meta;
  UserId user_id;
  std::vector<SessionId> session_ids;
  std::vector<PasskeyId> passkey_ids;
  std::vector<IdentityId> identity_ids;
  std::vector<MemberId> member_ids;
  std::vector<ProofId> proof_ids;
  std::vector<ThrottleId> network_ids;
};
void needs(const EraseTraces& command, Needs& needs);
[[nodiscard]] Result<User> decide(const EraseTraces& command, World& world);

}  // namespace admit::domain

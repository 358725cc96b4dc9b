#pragma once
// Names that people have at other providers of identities, and the accounts that they sign in to.

#include <optional>
#include <string>
#include <vector>

#include "domain/command.hpp"
#include "domain/proofs.hpp"
#include "domain/sign_in_ways.hpp"

namespace admit::domain {

/// How many one account may have.
inline constexpr std::size_t max_identities = 20;
inline constexpr std::chrono::minutes sign_in_ttl{10};

/// Whom a provider's token names.
struct ExternalPerson {
  std::string issuer;
  std::string subject;
  std::string email;  // normal; "" none
  bool email_verified = false;
  std::string name;    // "" none
  std::string locale;  // "" none
};

/// The account of somebody whom a provider vouches for: the one that the name is linked to, else a new one. What a
/// provider says of an address is taken for proven only if `link_by_email` (the issuer is trusted with that); otherwise
/// our own link is mailed to it. Linked to
/// one that has the address already only if `link_by_email` and the provider has verified the address. Where we had
/// not, nobody knows who made the account: its password, second factor, passkeys, other names and sign-ins are void
/// then. Never an operator's account, nor one that a second factor guards. Refuses: link_first, link_used_up (`once`
/// was used before).
struct AdmitPerson {
  using Outcome = User;
  Meta meta;
  ExternalPerson person;
  bool link_by_email = false;
  std::optional<ProofId> once;              // of a sign-in in the browser: good for one
  SignInWays ways;                          // of the account that has the address
  std::optional<MailedProof> verification;  // mailed to an address that has to be proven
  bool at_provider = false;                 // as ResetPassword has it
};
void needs(const AdmitPerson& command, Needs& needs);
[[nodiscard]] Result<User> decide(const AdmitPerson& command, World& world);
/// Whether AdmitPerson has anything to do for a name that is linked to an account: it says something new.
[[nodiscard]] bool is_news(const ExternalIdentity& identity, const User& user, const ExternalPerson& person,
                           bool link_by_email);

/// Links a name to the caller's account, which is told; once more changes nothing. Refuses: confirm_first,
/// unknown_user, email_not_verified, identity_taken, too_many (`linked` others are already).
struct LinkIdentity {
  using Outcome = ExternalIdentity;
  Meta meta;
  ExternalPerson person;
  std::size_t linked = 0;
  Instant proven_at{};  // when the caller last gave a password, or signed in
  /// Of a name that we made for the account as it was opened: what the account's generation was when the name got its
  /// password. Refuses conflict where it is another now.
  std::optional<std::int64_t> made_at_generation;
};
void needs(const LinkIdentity& command, Needs& needs);
[[nodiscard]] Result<ExternalIdentity> decide(const LinkIdentity& command, World& world);

/// Tokens of other providers issued until now sign in to the account no more. Refuses: unknown_user.
struct RefuseTokens {
  using Outcome = User;
  Meta meta;
  UserId user_id;
};
void needs(const RefuseTokens& command, Needs& needs);
[[nodiscard]] Result<User> decide(const RefuseTokens& command, World& world);

/// Refuses: unknown_identity (also somebody else's), only_sign_in (no password is set, and `ways` holds nothing else
/// that still signs in).
struct UnlinkIdentity {
  using Outcome = ExternalIdentity;
  Meta meta;
  IdentityId identity_id;
  SignInWays ways;
};
void needs(const UnlinkIdentity& command, Needs& needs);
[[nodiscard]] Result<ExternalIdentity> decide(const UnlinkIdentity& command, World& world);

}  // namespace admit::domain

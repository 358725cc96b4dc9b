#pragma once
// What signs in to an account beside its password, and how all of it is voided at once.

#include <vector>

#include "domain/command.hpp"

namespace admit::domain {

/// As it was read before: the rows of an account's passkeys and names at providers.
struct SignInWays {
  std::vector<PasskeyId> passkeys;
  std::vector<IdentityId> identities;
};
void need_ways(Needs& needs, const SignInWays& ways);

/// Whoever made the account never proved its address: its password, second factor, passkeys, names at providers,
/// sign-ins and links that were mailed are void, and so are keys and gates of its businesses. The caller puts `user`.
void void_sign_ins(World& world, const Meta& meta, FreshIds& ids, User& user, const SignInWays& ways);

/// What signs in to the account has changed: links that were mailed before are void.
void raise_generation(World& world, UserId id);

/// Mails the account's owner what changed about signing in to it; `what` as job::Mails knows it. Nothing to an address
/// that nobody proved.
void tell_owner(World& world, const Meta& meta, FreshIds& ids, const User& user, std::string_view what);

/// Refuses email_not_verified while an account has an address that nobody proved: what signs in to it for good is added
/// by its owner only. An account without an address is its maker's.
[[nodiscard]] Result<void> check_address_proven(const User& user);

}  // namespace admit::domain

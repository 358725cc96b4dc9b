#include "domain/identities.hpp"

#include <algorithm>
#include <utility>

#include "domain/names.hpp"
#include "domain/sessions.hpp"
#include "domain/throttle.hpp"
#include "domain/users.hpp"

namespace admit::domain {
namespace {

/// The account that a name is linked to, if it is still there.
const User* linked_user(const World& world, IdentityId id) {
  const ExternalIdentity* identity = world.find<ExternalIdentity>(id);
  const User* user = identity != nullptr && identity->user_id ? world.find<User>(identity->user_id) : nullptr;
  return user != nullptr && !user->erased_at ? user : nullptr;
}

void put_identity(World& world, const Meta& meta, FreshIds& ids, const ExternalPerson& person, UserId user) {
  const IdentityId id = identity_id(person.issuer, person.subject);
  world.put(ExternalIdentity{.id = id,
                             .user_id = user,
                             .issuer = person.issuer,
                             .subject = person.subject,
                             .email = person.email,
                             .linked_at = meta.now});
  audit(world, meta, ids, "user.identity_linked", user.value);
}

/// What a new account is called: as the provider says, else as the address begins.
std::string name_of(const ExternalPerson& person) {
  const std::string address = person.email.substr(0, person.email.find('@'));
  for (const std::string& name : {person.name, first_bytes(address, 60)}) {
    if (!name.empty() && fault_of_mailed_name(name).empty()) return name;
  }
  return "Customer";
}

/// A trusted provider knows what we do not: that the address is really this person's. Not of a name that we made there
/// when the account was opened: its password is that of whoever opened it.
bool proves_address(const User& user, const ExternalPerson& person, bool link_by_email) {
  return link_by_email && person.email_verified && !user.email_verified && user.email == person.email &&
         person.subject != user.id.text();
}

void verified(World& world, const Meta& meta, FreshIds& ids, User& user) {
  if (std::exchange(user.email_verified, true)) return;
  audit(world, meta, ids, "user.email_verified", user.id.value);
  put_job(world, meta, ids, JobKind::join_guests, user.id.value);
}

/// A new account's address, or the first of one: proven by a trusted provider, else by our own mail.
void take_address(World& world, const Meta& meta, FreshIds& ids, User& user, const AdmitPerson& command) {
  const ExternalPerson& person = command.person;
  user.email = person.email;
  world.put(Claim{.id = email_claim(user.email), .kind = "email", .target = user.id.value});
  if (command.link_by_email && person.email_verified) return verified(world, meta, ids, user);
  const ThrottleId throttle = address_mails_id(user.email);
  if (!command.verification || free_at(world, throttle, mails_to_address, meta.now) > meta.now) return;
  count_try(world, throttle, mails_to_address, meta.now);
  mail_proof(world, meta, ids, user, *command.verification,
             {.purpose = ProofPurpose::verify_email, .email = user.email, .ttl = verification_ttl});
}

}  // namespace

bool is_news(const ExternalIdentity& identity, const User& user, const ExternalPerson& person, bool link_by_email) {
  return (!person.email.empty() && identity.email != person.email) || proves_address(user, person, link_by_email);
}

void needs(const AdmitPerson& command, Needs& needs) {
  const ExternalPerson& person = command.person;
  if (command.once) needs.change<Proof>(*command.once);
  const auto* identity = needs.change<ExternalIdentity>(identity_id(person.issuer, person.subject));
  if (identity != nullptr && identity->user_id) needs.change<User>(identity->user_id);
  if (person.email.empty()) return;
  needs.change<Throttle>(address_mails_id(person.email));
  const auto* claim = needs.change<Claim>(email_claim(person.email));
  if (claim != nullptr && claim->target) needs.change<User>(UserId{claim->target});
  need_ways(needs, command.ways);
}

Result<User> decide(const AdmitPerson& command, World& world) {
  const ExternalPerson& person = command.person;
  Meta meta = command.meta;
  FreshIds ids(meta);
  if (command.once) {
    if (world.find<Proof>(*command.once) != nullptr) {
      return refuse(Refusal::link_used_up, "state", "This way back was used before; sign in again.");
    }
    world.put(Proof{.id = *command.once,
                    .purpose = ProofPurpose::external_sign_in,
                    .used = true,
                    .created_at = meta.now,
                    .due_at = meta.now + sign_in_ttl});
  }
  const ClaimId claim = email_claim(person.email);
  const bool has_account = !person.email.empty() && is_claimed(world, claim);
  const IdentityId id = identity_id(person.issuer, person.subject);

  if (const User* linked = linked_user(world, id)) {
    User user = *linked;
    ExternalIdentity identity = world.get<ExternalIdentity>(id);
    if (!is_news(identity, user, person, command.link_by_email)) return user;
    identity.email = person.email;
    world.put(std::move(identity));
    if (proves_address(user, person, command.link_by_email)) {
      SignInWays others = command.ways;
      std::erase(others.identities, id);
      const auto since = user.tokens_since;
      void_sign_ins(world, meta, ids, user, others);
      user.tokens_since = since;  // the token that proves it is good
      verified(world, meta, ids, user);
      world.put(user);
    } else if (user.email.empty() && person.email_verified && !has_account) {
      take_address(world, meta, ids, user, command);
      world.put(user);
    }
    return user;
  }

  if (has_account) {
    User user = world.get<User>(UserId{world.get<Claim>(claim).target});
    const ExternalIdentity* before = world.find<ExternalIdentity>(id);
    const bool was_unlinked = before != nullptr && before->unlinked_at;
    const bool may_link = command.link_by_email && !was_unlinked && person.email_verified && !user.is_operator &&
                          !(user.email_verified && user.totp_confirmed);
    if (!may_link) {
      return refuse(Refusal::link_first, "email",
                    "There is an account with this e-mail address: sign in to it, then link this name to it.");
    }
    meta.actor = "user:" + user.id.text();
    if (!user.email_verified) {
      const auto since = user.tokens_since;
      void_sign_ins(world, meta, ids, user, command.ways);
      user.tokens_since = since;
      verified(world, meta, ids, user);
      if (command.at_provider) put_job(world, meta, ids, JobKind::set_identity_password, user.id.value);
      world.put(user);
    }
    put_identity(world, meta, ids, person, user.id);
    tell_owner(world, meta, ids, user, "identity_linked");
    return user;
  }

  User user{.id = ids.next<UserId>(), .name = name_of(person), .locale = person.locale, .created_at = meta.now};
  meta.actor = "user:" + user.id.text();
  audit(world, meta, ids, "user.created", user.id.value);
  if (!person.email.empty()) take_address(world, meta, ids, user, command);
  world.put(user);
  put_identity(world, meta, ids, person, user.id);
  return user;
}

void needs(const LinkIdentity& command, Needs& needs) {
  needs.change<User>(command.meta.user);
  const auto* identity = needs.change<ExternalIdentity>(identity_id(command.person.issuer, command.person.subject));
  if (identity != nullptr && identity->user_id) needs.read<User>(identity->user_id);
}

Result<ExternalIdentity> decide(const LinkIdentity& command, World& world) {
  const User* user = world.find<User>(command.meta.user);
  if (user == nullptr || user->guest || user->erased_at) {
    return refuse(Refusal::unknown_user, "", "There is no such account.");
  }
  const bool at_sign_up = command.made_at_generation.has_value();
  if (at_sign_up && user->generation != *command.made_at_generation) {
    return refuse(Refusal::conflict, "", "What signs in to the account was changed meanwhile.");
  }
  if (!at_sign_up) {
    if (auto ok = check_address_proven(*user); !ok) return std::unexpected(ok.error());
    if (auto ok = check_proven(command.proven_at, command.meta.now); !ok) return std::unexpected(ok.error());
  }
  const UserId user_id = user->id;
  const IdentityId id = identity_id(command.person.issuer, command.person.subject);
  if (const User* linked = linked_user(world, id)) {
    if (linked->id == user_id) return world.get<ExternalIdentity>(id);
    return refuse(Refusal::identity_taken, "token", "This name is linked to another account.");
  }
  if (command.linked >= max_identities) {
    return refuse(Refusal::too_many, "token", "So many names are linked to this account already; unlink one.");
  }
  FreshIds ids(command.meta);
  put_identity(world, command.meta, ids, command.person, user_id);
  if (!at_sign_up) {
    raise_generation(world, user_id);
    tell_owner(world, command.meta, ids, world.get<User>(user_id), "identity_linked");
  }
  return world.get<ExternalIdentity>(id);
}

void needs(const RefuseTokens& command, Needs& needs) {
  needs.change<User>(command.user_id);
}

Result<User> decide(const RefuseTokens& command, World& world) {
  const User* found = world.find<User>(command.user_id);
  if (found == nullptr) return refuse(Refusal::unknown_user, "", "There is no such account.");
  User user = *found;
  user.tokens_since = command.meta.now;
  world.put(user);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "user.tokens_refused", user.id.value);
  return user;
}

void needs(const UnlinkIdentity& command, Needs& needs) {
  needs.change<User>(command.meta.user);
  needs.change<ExternalIdentity>(command.identity_id);
  need_ways(needs, command.ways);
}

Result<ExternalIdentity> decide(const UnlinkIdentity& command, World& world) {
  const UserId user_id = command.meta.user;
  const ExternalIdentity* found = world.find<ExternalIdentity>(command.identity_id);
  const User* user = world.find<User>(user_id);
  if (user == nullptr || found == nullptr || found->user_id != user_id) {
    return refuse(Refusal::unknown_identity, "identityId", "The account is linked to no such name.");
  }
  const bool has_passkey = std::ranges::any_of(command.ways.passkeys, [&](PasskeyId id) {
    const Passkey* passkey = world.find<Passkey>(id);
    return passkey != nullptr && passkey->user_id == user_id && !passkey->removed_at;
  });
  const bool has_other = std::ranges::any_of(command.ways.identities, [&](IdentityId id) {
    const ExternalIdentity* identity = world.find<ExternalIdentity>(id);
    return id != command.identity_id && identity != nullptr && identity->user_id == user_id;
  });
  if (user->password_hash.empty() && !has_passkey && !has_other) {
    return refuse(Refusal::only_sign_in, "", "Set a password or add a passkey first: nothing else signs in here.");
  }
  ExternalIdentity identity = *found;
  identity.user_id = {};
  identity.unlinked_at = command.meta.now;
  world.put(identity);
  raise_generation(world, user_id);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "user.identity_unlinked", user_id.value);
  return identity;
}

}  // namespace admit::domain

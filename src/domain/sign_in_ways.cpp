#include "domain/sign_in_ways.hpp"

#include <utility>

#include "domain/sessions.hpp"

namespace admit::domain {

void need_ways(Needs& needs, const SignInWays& ways) {
  for (const PasskeyId id : ways.passkeys) needs.change<Passkey>(id);
  for (const IdentityId id : ways.identities) needs.change<ExternalIdentity>(id);
}

void void_sign_ins(World& world, const Meta& meta, FreshIds& ids, User& user, const SignInWays& ways) {
  user.password_hash.clear();
  user.totp_secret = {};
  user.totp_confirmed = false;
  user.recovery_hashes.clear();
  end_sessions(world, meta, ids, user);
  for (const PasskeyId id : ways.passkeys) {
    const Passkey* found = world.find<Passkey>(id);
    if (found == nullptr || found->user_id != user.id || found->removed_at) continue;
    Passkey passkey = *found;
    passkey.removed_at = meta.now;
    world.put(std::move(passkey));
    audit(world, meta, ids, "passkey.removed", id.value);
  }
  for (const IdentityId id : ways.identities) {
    const ExternalIdentity* found = world.find<ExternalIdentity>(id);
    if (found == nullptr || found->user_id != user.id) continue;
    ExternalIdentity identity = *found;
    identity.user_id = {};
    identity.unlinked_at = meta.now;
    world.put(std::move(identity));
  }
  user.voided_at = meta.now;
  put_job(world, meta, ids, JobKind::revoke_access, user.id.value);
  audit(world, meta, ids, "user.sign_ins_voided", user.id.value);
}

void raise_generation(World& world, UserId id) {
  User user = world.get<User>(id);
  ++user.generation;
  world.put(std::move(user));
}

void tell_owner(World& world, const Meta& meta, FreshIds& ids, const User& user, std::string_view what) {
  if (user.email_verified && !user.email.empty()) put_job(world, meta, ids, JobKind::mail, user.id.value, what);
}

Result<void> check_address_proven(const User& user) {
  if (user.email_verified || user.email.empty()) return {};
  return refuse(Refusal::email_not_verified, "",
                "Confirm your e-mail address first, by the link that was mailed to it.");
}

}  // namespace admit::domain

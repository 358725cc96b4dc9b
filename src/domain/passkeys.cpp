#include "domain/passkeys.hpp"

#include "domain/alerts.hpp"
#include "domain/names.hpp"
#include "domain/proofs.hpp"
#include "domain/sign_in_ways.hpp"

namespace admit::domain {
namespace {

constexpr std::chrono::minutes challenge_ttl{5};

Result<void> check_name(std::string_view name) {
  if (name.empty()) return refuse(Refusal::invalid_field, "name", "Give the passkey a name.");
  if (const auto fault = fault_of_name(name); !fault.empty()) {
    return refuse(Refusal::invalid_field, "name", std::string(fault));
  }
  return {};
}

/// The caller's own, not removed.
Result<Passkey> own_passkey(const World& world, const Meta& meta, PasskeyId id) {
  const Passkey* found = world.find<Passkey>(id);
  if (found == nullptr || found->user_id != meta.user || found->removed_at) {
    return refuse(Refusal::unknown_passkey, "passkeyId", "The account has no such passkey.");
  }
  return *found;
}

}  // namespace

void needs(const AskPasskey& command, Needs& needs) {
  needs.change<Proof>(command.proof_id);
  if (command.meta.user) needs.read<User>(command.meta.user);
}

Result<Proof> decide(const AskPasskey& command, World& world) {
  const UserId user_id = command.meta.user;
  std::int64_t generation = 0;
  if (user_id) {
    const User* user = world.find<User>(user_id);
    if (user == nullptr || user->erased_at) return refuse(Refusal::unknown_user, "", "There is no such account.");
    if (user->guest) return refuse(Refusal::forbidden, "", "A guest has no passkeys; create an account.");
    if (auto ok = check_address_proven(*user); !ok) return std::unexpected(ok.error());
    if (auto ok = check_proven(command.proven_at, command.meta.now); !ok) return std::unexpected(ok.error());
    generation = user->generation;
  }
  put_proof(world, command.meta,
            {.id = command.proof_id,
             .purpose = user_id ? ProofPurpose::add_passkey : ProofPurpose::passkey_sign_in,
             .user_id = user_id,
             .secret_hash = command.secret_hash,
             .generation = generation,
             .ttl = challenge_ttl});
  return world.get<Proof>(command.proof_id);
}

void needs(const AddPasskey& command, Needs& needs) {
  need_proof(needs, command.proof_id);
  needs.change<User>(command.meta.user);
  needs.change<Passkey>(passkey_id(command.credential_id.data));
}

Result<Passkey> decide(const AddPasskey& command, World& world) {
  if (auto ok = check_name(command.name); !ok) return std::unexpected(ok.error());
  const User* user = world.find<User>(command.meta.user);
  if (user == nullptr || user->erased_at) return refuse(Refusal::unknown_user, "", "There is no such account.");
  if (auto ok = check_address_proven(*user); !ok) return std::unexpected(ok.error());
  const auto proof = take_proof(world, command.meta, command.proof_id, command.secret_hash, ProofPurpose::add_passkey);
  if (!proof) return std::unexpected(proof.error());
  if (proof->user_id != command.meta.user || proof->generation != user->generation) {
    return refuse(Refusal::unknown_proof, "",
                  "This challenge was given to another account, or for what it was before.");
  }
  const PasskeyId id = passkey_id(command.credential_id.data);
  const Passkey* known = world.find<Passkey>(id);
  if (known != nullptr && !(known->removed_at && known->user_id == command.meta.user)) {
    return refuse(Refusal::identity_taken, "", "This passkey belongs to an account already.");
  }
  const Passkey passkey{.id = id,
                        .user_id = command.meta.user,
                        .credential_id = command.credential_id,
                        .algorithm = command.algorithm,
                        .public_key = command.public_key,
                        .sign_count = command.sign_count,
                        .name = command.name,
                        .created_at = command.meta.now};
  world.put(passkey);
  raise_generation(world, command.meta.user);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "passkey.added", id.value);
  tell_owner(world, command.meta, ids, world.get<User>(command.meta.user), "passkey_added");
  return passkey;
}

void needs(const UsePasskey& command, Needs& needs) {
  need_proof(needs, command.proof_id);
  needs.change<Passkey>(command.passkey_id);
  need_alert(needs, AlertKind::token_reused, command.passkey_id.value);
  needs.read<User>(command.session.user_id);
  domain::needs(command.session, needs);
}

Result<PasskeyUse> decide(const UsePasskey& command, World& world) {
  const Passkey* found = world.find<Passkey>(command.passkey_id);
  const User* user = world.find<User>(command.session.user_id);
  if (found == nullptr || found->removed_at || user == nullptr || user->erased_at || found->user_id != user->id) {
    return refuse(Refusal::wrong_credentials, "", "No account is signed in to with this passkey.");
  }
  const auto proof =
      take_proof(world, command.meta, command.proof_id, command.secret_hash, ProofPurpose::passkey_sign_in);
  if (!proof) return std::unexpected(proof.error());
  PasskeyUse use{.user = *user, .session = std::nullopt};
  const bool counts = command.sign_count != 0 || found->sign_count != 0;
  FreshIds ids(command.meta);
  if (counts && command.sign_count <= found->sign_count) {
    raise_alert(world, command.meta, AlertKind::token_reused, found->id.value, {}, {},
                "The counter of a passkey went back: there may be a copy of it.");
    audit(world, command.meta, ids, "passkey.count_went_back", found->id.value);
    return use;
  }
  Passkey passkey = *found;
  passkey.sign_count = command.sign_count;
  passkey.used_at = command.meta.now;
  world.put(std::move(passkey));
  auto session = decide(command.session, world);
  if (!session) return std::unexpected(std::move(session.error()));
  use.session = *std::move(session);
  return use;
}

void needs(const RenamePasskey& command, Needs& needs) {
  needs.change<Passkey>(command.passkey_id);
}

Result<Passkey> decide(const RenamePasskey& command, World& world) {
  if (auto ok = check_name(command.name); !ok) return std::unexpected(ok.error());
  auto passkey = own_passkey(world, command.meta, command.passkey_id);
  if (!passkey) return passkey;
  passkey->name = command.name;
  world.put(*passkey);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "passkey.renamed", passkey->id.value);
  return passkey;
}

void needs(const RemovePasskey& command, Needs& needs) {
  needs.change<User>(command.meta.user);
  needs.change<Passkey>(command.passkey_id);
}

Result<Passkey> decide(const RemovePasskey& command, World& world) {
  auto passkey = own_passkey(world, command.meta, command.passkey_id);
  if (!passkey) return passkey;
  passkey->removed_at = command.meta.now;
  world.put(*passkey);
  raise_generation(world, command.meta.user);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "passkey.removed", passkey->id.value);
  return passkey;
}

}  // namespace admit::domain

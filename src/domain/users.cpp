#include "domain/users.hpp"

#include <utility>

#include "domain/names.hpp"
#include "domain/throttle.hpp"

namespace admit::domain {
namespace {

std::unexpected<Error> no_account() {
  return refuse(Refusal::unknown_user, "", "There is no such account.");
}
std::unexpected<Error> wrong_password() {
  return refuse(Refusal::wrong_credentials, "password", "The password is wrong.");
}
std::unexpected<Error> taken() {
  return refuse(Refusal::email_taken, "email", "There is an account with this e-mail address; sign in instead.");
}

ThrottleId user_tries_of(UserId user, Secret secret) {
  return secret == Secret::code ? user_codes_id(user) : user_tries_id(user);
}

/// The caller's account, unless it is a guest or erased.
const User* account_of(const World& world, const Meta& meta) {
  const User* user = world.find<User>(meta.user);
  return user != nullptr && !user->guest && !user->erased_at ? user : nullptr;
}

/// The business that an account begins with, as a command of its own by the new account.
CreateBusiness business_of(const CreateUser& command) {
  Meta meta = command.meta;
  meta.user = user_of(command);
  meta.actor = "user:" + meta.user.text();
  meta.seed.b ^= 0x62757369'6e657373;  // ids of its own
  return {.meta = std::move(meta), .name = command.business->name, .terms = command.business->terms};
}

/// Who uses a link about an account's address: signed in to the account, or with its password. The link alone proves
/// only that somebody reads the mail.
Result<void> check_owner(const Meta& meta, const User& user, const std::optional<std::string>& password_hash) {
  const bool has_password = password_hash && !user.password_hash.empty() && *password_hash == user.password_hash;
  if (has_password || meta.user == user.id) return {};
  return refuse(Refusal::confirm_first, "", "Sign in to the account that the link is about, or give its password.");
}

/// What somebody else had made of the account's password at the provider of identities is good there no more.
void end_password_elsewhere(World& world, const Meta& meta, FreshIds& ids, UserId user) {
  put_job(world, meta, ids, JobKind::set_identity_password, user.value);
}

/// Its mails may go on; guests' orders join it.
void verified(World& world, const Meta& meta, FreshIds& ids, User& user) {
  if (std::exchange(user.email_verified, true)) return;
  put_job(world, meta, ids, JobKind::join_guests, user.id.value);
}

/// What a proof in a mail is about: its account.
const User* need_account_of(Needs& needs, ProofId id) {
  const auto* proof = needs.change<Proof>(id);
  return proof != nullptr && proof->user_id ? needs.change<User>(proof->user_id) : nullptr;
}

/// The account of a proof that was taken, while it has the address, and what signs in to it, of when the proof was
/// made.
Result<User> account_of(const World& world, const Proof& proof, std::string_view address) {
  const User* user = world.find<User>(proof.user_id);
  if (user == nullptr || user->erased_at || user->email != address || user->generation != proof.generation) {
    return refuse(Refusal::unknown_proof, "", "This link is used up or too old; ask for another.");
  }
  return *user;
}

}  // namespace

std::optional<std::string> normal_email(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  const auto at = text.find('@');
  if (text.size() > 254 || at == 0 || at == std::string_view::npos || at + 1 == text.size()) return std::nullopt;
  if (text.find('@', at + 1) != std::string_view::npos) return std::nullopt;
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7F || c == ',' || c == ';' || c == '<' || c == '>' || c == '"') return std::nullopt;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

ClaimId email_claim(std::string_view normal_email) {
  return derived_id<ClaimId>("email", normal_email);
}

bool is_claimed(const World& world, ClaimId claim) {
  const Claim* found = world.find<Claim>(claim);
  return found != nullptr && found->target;
}

UserId user_of(const CreateUser& command) {
  return FreshIds(command.meta).next<UserId>();
}

void needs(const CreateUser& command, Needs& wanted) {
  wanted.change<Claim>(email_claim(command.email));
  if (command.verification) wanted.change<Throttle>(address_mails_id(command.email));
  if (!command.business) return;
  wanted.change<User>(user_of(command));
  needs(business_of(command), wanted);
}

Result<User> decide(const CreateUser& command, World& world) {
  if (command.name.empty()) return refuse(Refusal::invalid_field, "name", "Give a name.");
  if (const auto fault = fault_of_mailed_name(command.name); !fault.empty()) {
    return refuse(Refusal::invalid_field, "name", std::string(fault));
  }
  const ClaimId claim = email_claim(command.email);
  if (is_claimed(world, claim)) return taken();
  FreshIds ids(command.meta);
  User user{.id = ids.next<UserId>(),
            .email = command.email,
            .name = command.name,
            .locale = command.locale,
            .password_hash = command.password_hash,
            .is_operator = command.is_operator,
            .email_verified = command.email_verified,
            .created_at = command.meta.now};
  world.put(Claim{.id = claim, .kind = "email", .target = user.id.value});
  world.put(user);
  audit(world, command.meta, ids, "user.created", user.id.value);
  // Signing up again and again sends an address no more mails than asking again does; its owner asks later.
  const ThrottleId mails = address_mails_id(command.email);
  if (command.verification && !command.email_verified &&
      free_at(world, mails, mails_to_address, command.meta.now) <= command.meta.now) {
    count_try(world, mails, mails_to_address, command.meta.now);
    mail_proof(world, command.meta, ids, user, *command.verification,
               {.purpose = ProofPurpose::verify_email, .email = user.email, .ttl = verification_ttl});
  }
  if (command.email_verified) put_job(world, command.meta, ids, JobKind::join_guests, user.id.value);
  if (command.at_provider) {
    put_job(world, command.meta, ids, JobKind::create_identity, user.id.value, std::to_string(user.generation));
  }
  if (command.business) {
    const auto business = decide(business_of(command), world);
    if (!business) {
      Error error = business.error();
      if (error.field == "name") error.field = "business.name";
      return std::unexpected(std::move(error));
    }
    if (command.business->with_provider) {
      put_job(world, command.meta, ids, JobKind::create_account, business->id.value, command.business->country);
    }
  }
  return user;
}

void needs(const TakeOverAccount& command, Needs& needs) {
  needs.change<User>(command.user_id);
  need_ways(needs, command.ways);
}

Result<User> decide(const TakeOverAccount& command, World& world) {
  const Meta& meta = command.meta;
  const User* found = world.find<User>(command.user_id);
  if (found == nullptr || found->guest || found->erased_at || !meta.is_operator) return no_account();
  if (found->email_verified || found->is_operator) return taken();
  User user = *found;
  FreshIds ids(meta);
  void_sign_ins(world, meta, ids, user, command.ways);
  user.name = command.name;
  user.password_hash = command.password_hash;
  user.is_operator = true;
  user.locked_at.reset();
  verified(world, meta, ids, user);
  end_password_elsewhere(world, meta, ids, user.id);
  world.put(user);
  audit(world, meta, ids, "user.taken_over", user.id.value);
  return user;
}

void needs(const ResendVerification& command, Needs& needs) {
  if (const auto* user = needs.read<User>(command.meta.user)) needs.change<Throttle>(address_mails_id(user->email));
}

Result<User> decide(const ResendVerification& command, World& world) {
  const Meta& meta = command.meta;
  const User* found = account_of(world, meta);
  if (found == nullptr) return no_account();
  const User user = *found;
  if (user.email_verified) return user;
  const ThrottleId throttle = address_mails_id(user.email);
  const Instant free = free_at(world, throttle, mails_to_address, meta.now);
  if (free > meta.now) return wait_until(free, meta.now, "So many mails went to this address already; wait an hour.");
  count_try(world, throttle, mails_to_address, meta.now);
  FreshIds ids(meta);
  mail_proof(world, meta, ids, user, command.proof,
             {.purpose = ProofPurpose::verify_email, .email = user.email, .ttl = verification_ttl});
  return user;
}

void needs(const VerifyEmail& command, Needs& needs) {
  need_account_of(needs, command.proof.id);
}

Result<User> decide(const VerifyEmail& command, World& world) {
  const Meta& meta = command.meta;
  const auto proof = take_proof(world, meta, command.proof.id, command.proof.secret_hash, ProofPurpose::verify_email);
  if (!proof) return std::unexpected(proof.error());
  auto user = account_of(world, *proof, proof->email);
  if (!user) return user;
  if (auto ok = check_owner(meta, *user, command.password_hash); !ok) return std::unexpected(ok.error());
  FreshIds ids(meta);
  if (!user->email_verified) audit(world, meta, ids, "user.email_verified", user->id.value);
  verified(world, meta, ids, *user);
  world.put(*user);
  return user;
}

void needs(const DisownAddress& command, Needs& needs) {
  if (const auto* user = need_account_of(needs, command.proof.id)) needs.change<Claim>(email_claim(user->email));
}

Result<User> decide(const DisownAddress& command, World& world) {
  const Meta& meta = command.meta;
  const auto proof = take_proof(world, meta, command.proof.id, command.proof.secret_hash, ProofPurpose::verify_email);
  if (!proof) return std::unexpected(proof.error());
  auto user = account_of(world, *proof, proof->email);
  if (!user) return user;
  if (user->email_verified) {
    return refuse(Refusal::unknown_proof, "", "The address was confirmed already; set a new password instead.");
  }
  FreshIds ids(meta);
  world.put(Claim{.id = email_claim(user->email), .kind = "email"});
  user->email.clear();
  end_sessions(world, meta, ids, *user);
  if (command.at_provider) put_job(world, meta, ids, JobKind::erase_identity, user->id.value);
  world.put(*user);
  audit(world, meta, ids, "user.address_disowned", user->id.value);
  return user;
}

void needs(const RequestReset& command, Needs& needs) {
  needs.change<Throttle>(resets_here_id(command.account, command.network));
  needs.change<Throttle>(resets_id(command.account));
  needs.change<Throttle>(network_mails_id(command.network));
  if (const auto* claim = needs.read<Claim>(email_claim(command.account)); claim != nullptr && claim->target) {
    needs.read<User>(UserId{claim->target});
  }
}

Result<Instant> decide(const RequestReset& command, World& world) {
  const Meta& meta = command.meta;
  const ThrottleId here = resets_here_id(command.account, command.network);
  const ThrottleId to = resets_id(command.account);
  const ThrottleId from = network_mails_id(command.network);
  const Instant free =
      std::max(free_at(world, here, mails_to_address, meta.now), free_at(world, from, mails_from_network, meta.now));
  if (free > meta.now) return wait_until(free, meta.now, "So many mails were asked for already; wait an hour.");
  count_try(world, here, mails_to_address, meta.now);
  count_try(world, from, mails_from_network, meta.now);
  // Whoever asks from elsewhere, again and again, keeps nobody from asking: the mails that went are good.
  if (free_at(world, to, resets_to_address, meta.now) > meta.now) return meta.now;
  count_try(world, to, resets_to_address, meta.now);
  const ClaimId claim = email_claim(command.account);
  if (!is_claimed(world, claim)) return meta.now;
  const User& user = world.get<User>(UserId{world.get<Claim>(claim).target});
  if (user.locked_at) return meta.now;
  FreshIds ids(meta);
  mail_proof(world, meta, ids, user, command.proof,
             {.purpose = ProofPurpose::reset_password, .email = user.email, .ttl = reset_ttl});
  return meta.now;
}

void needs(const ResetPassword& command, Needs& needs) {
  if (const auto* user = need_account_of(needs, command.proof.id)) {
    need_place(needs, user->id, user->email, command.network, command.browser);
  }
  need_ways(needs, command.ways);
}

Result<User> decide(const ResetPassword& command, World& world) {
  const Meta& meta = command.meta;
  const auto proof = take_proof(world, meta, command.proof.id, command.proof.secret_hash, ProofPurpose::reset_password);
  if (!proof) return std::unexpected(proof.error());
  auto user = account_of(world, *proof, proof->email);
  if (!user) return user;
  FreshIds ids(meta);
  if (user->email_verified) {
    end_sessions(world, meta, ids, *user);
  } else {
    void_sign_ins(world, meta, ids, *user, command.ways);
  }
  user->password_hash = command.password_hash;
  verified(world, meta, ids, *user);
  world.put(*user);
  forgive(world, account_tries_id(user->email), most_tries_of_account.count);
  forgive(world, tries_id(user->email, command.network), tries_from_network.count);
  know_place(world, user->id, command.network, command.browser, meta.now);
  if (command.at_provider) end_password_elsewhere(world, meta, ids, user->id);
  audit(world, meta, ids, "user.password_reset", user->id.value);
  tell_owner(world, meta, ids, *user, "password_reset");
  return user;
}

void needs(const TakeUserTry& command, Needs& needs) {
  needs.read<User>(command.meta.user);
  needs.change<Throttle>(user_tries_of(command.meta.user, command.secret));
}

Result<User> decide(const TakeUserTry& command, World& world) {
  const User* found = account_of(world, command.meta);
  if (found == nullptr) return no_account();
  const User user = *found;
  if (auto left = take_try(world, command.meta, user_tries_of(user.id, command.secret)); !left) {
    return std::unexpected(left.error());
  }
  return user;
}

void needs(const ForgiveUserTries& command, Needs& needs) {
  needs.change<Throttle>(user_tries_of(command.meta.user, command.secret));
}

Result<Instant> decide(const ForgiveUserTries& command, World& world) {
  forgive(world, user_tries_of(command.meta.user, command.secret), tries_of_user.count);
  return command.meta.now;
}

namespace {

/// The account that calls, while it has the password that was found right.
Result<User> proven(const World& world, const Meta& meta, const std::string& password_hash) {
  const User* found = account_of(world, meta);
  if (found == nullptr) return no_account();
  if (found->password_hash != password_hash) return wrong_password();
  return *found;
}

}  // namespace

void needs(const ChangePassword& command, Needs& needs) {
  needs.change<User>(command.meta.user);
}

Result<User> decide(const ChangePassword& command, World& world) {
  const Meta& meta = command.meta;
  auto user = proven(world, meta, command.old_password_hash);
  if (!user) return user;
  FreshIds ids(meta);
  user->password_hash = command.password_hash;
  end_sessions(world, meta, ids, *user, command.session_id);
  if (command.at_provider) end_password_elsewhere(world, meta, ids, user->id);
  world.put(*user);
  audit(world, meta, ids, "user.password_changed", user->id.value);
  tell_owner(world, meta, ids, *user, "password_changed");
  return user;
}

void needs(const RequestEmailChange& command, Needs& needs) {
  needs.read<User>(command.meta.user);
  needs.read<Claim>(email_claim(command.email));
  needs.change<Throttle>(changes_of_id(command.meta.user));
}

Result<User> decide(const RequestEmailChange& command, World& world) {
  const Meta& meta = command.meta;
  auto user = proven(world, meta, command.password_hash);
  if (!user) return user;
  if (is_claimed(world, email_claim(command.email))) return taken();
  const ThrottleId of = changes_of_id(user->id);
  const Instant free = free_at(world, of, changes_of_user, meta.now);
  if (free > meta.now) return wait_until(free, meta.now, "So many mails were asked for already; wait an hour.");
  count_try(world, of, changes_of_user, meta.now);
  FreshIds ids(meta);
  mail_proof(
      world, meta, ids, *user, command.proof,
      {.purpose = ProofPurpose::change_email, .email = command.email, .detail = user->email, .ttl = email_change_ttl});
  audit(world, meta, ids, "user.email_change_asked", user->id.value);
  return user;
}

void needs(const ChangeEmail& command, Needs& needs) {
  if (need_account_of(needs, command.proof.id) == nullptr) return;
  const auto* proof = needs.change<Proof>(command.proof.id);
  needs.change<Claim>(email_claim(proof->email));
  needs.change<Claim>(email_claim(proof->detail));
}

Result<User> decide(const ChangeEmail& command, World& world) {
  const Meta& meta = command.meta;
  const auto proof = take_proof(world, meta, command.proof.id, command.proof.secret_hash, ProofPurpose::change_email);
  if (!proof) return std::unexpected(proof.error());
  auto user = account_of(world, *proof, proof->detail);
  if (!user) return user;
  if (auto ok = check_owner(meta, *user, command.password_hash); !ok) return std::unexpected(ok.error());
  const ClaimId next = email_claim(proof->email);
  if (is_claimed(world, next)) return taken();
  FreshIds ids(meta);
  if (!user->email.empty()) {
    world.put(Claim{.id = email_claim(user->email), .kind = "email"});
    put_job(world, meta, ids, JobKind::mail, proof->id.value, "email_changed");
  }
  world.put(Claim{.id = next, .kind = "email", .target = user->id.value});
  user->email = proof->email;
  user->email_verified = true;
  ++user->generation;
  put_job(world, meta, ids, JobKind::join_guests, user->id.value);
  world.put(*user);
  audit(world, meta, ids, "user.email_changed", user->id.value);
  return user;
}

void needs(const ChangeProfile& command, Needs& needs) {
  needs.change<User>(command.meta.user);
}

Result<User> decide(const ChangeProfile& command, World& world) {
  const User* found = account_of(world, command.meta);
  if (found == nullptr) return no_account();
  User user = *found;
  if (command.name) {
    const auto fault = fault_of_mailed_name(*command.name);
    if (command.name->empty()) return refuse(Refusal::invalid_field, "name", "Give a name.");
    if (!fault.empty()) return refuse(Refusal::invalid_field, "name", std::string(fault));
    user.name = *command.name;
  }
  if (command.locale) user.locale = *command.locale;
  world.put(user);
  FreshIds ids(command.meta);
  const std::string_view what = command.name && command.locale ? "name, locale" : command.name ? "name" : "locale";
  audit(world, command.meta, ids, "user.profile_changed", user.id.value, {}, what);
  return user;
}

void needs(const BeginTotp& command, Needs& needs) {
  needs.change<User>(command.meta.user);
}

Result<User> decide(const BeginTotp& command, World& world) {
  const User* found = account_of(world, command.meta);
  if (found == nullptr) return no_account();
  if (auto ok = check_address_proven(*found); !ok) return std::unexpected(ok.error());
  if (auto ok = check_proven(command.proven_at, command.meta.now); !ok) return std::unexpected(ok.error());
  if (found->totp_confirmed) {
    return refuse(Refusal::second_factor_on, "", "A second factor is set up already; remove it first.");
  }
  User user = *found;
  user.totp_secret = command.sealed_secret;
  world.put(user);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "user.totp_begun", user.id.value);
  return user;
}

void needs(const ConfirmTotp& command, Needs& needs) {
  needs.change<User>(command.meta.user);
  needs.change<Throttle>(user_codes_id(command.meta.user));
}

Result<User> decide(const ConfirmTotp& command, World& world) {
  const Meta& meta = command.meta;
  const User* found = account_of(world, meta);
  if (found == nullptr) return no_account();
  if (auto ok = check_address_proven(*found); !ok) return std::unexpected(ok.error());
  if (found->totp_confirmed) return refuse(Refusal::second_factor_on, "", "A second factor is set up already.");
  if (found->totp_secret.data.empty() || found->totp_secret != command.sealed_secret) {
    return refuse(Refusal::second_factor_off, "", "Begin to set up a second factor first.");
  }
  User user = *found;
  if (!use_factor(user, {.totp_step = command.step})) {
    return refuse(Refusal::wrong_credentials, "code", "This code is wrong, or was used before.");
  }
  FreshIds ids(meta);
  user.totp_confirmed = true;
  user.recovery_hashes = command.recovery_hashes;
  end_sessions(world, meta, ids, user, command.session_id);
  forgive(world, user_codes_id(meta.user), tries_of_user.count);
  world.put(user);
  end_password_elsewhere(world, meta, ids, user.id);  // it would sign in without the second factor, or take one of its own
  audit(world, meta, ids, "user.totp_on", user.id.value);
  tell_owner(world, meta, ids, user, "second_factor_on");
  return user;
}

void needs(const RemoveTotp& command, Needs& needs) {
  needs.change<User>(command.meta.user);
  needs.change<Throttle>(user_codes_id(command.meta.user));
}

Result<User> decide(const RemoveTotp& command, World& world) {
  const Meta& meta = command.meta;
  auto user = proven(world, meta, command.password_hash);
  if (!user) return user;
  if (!user->totp_confirmed) return refuse(Refusal::second_factor_off, "", "No second factor is set up.");
  if (!use_factor(*user, command.factor)) {
    return refuse(Refusal::wrong_credentials, "code", "This code is wrong, or was used before.");
  }
  forgive(world, user_codes_id(meta.user), tries_of_user.count);
  user->totp_secret = {};
  user->totp_confirmed = false;
  user->recovery_hashes.clear();
  ++user->generation;
  world.put(*user);
  FreshIds ids(meta);
  audit(world, meta, ids, "user.totp_off", user->id.value);
  tell_owner(world, meta, ids, *user, "second_factor_off");
  return user;
}

}  // namespace admit::domain

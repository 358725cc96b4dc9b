#include "domain/accounts.hpp"

#include <algorithm>

#include "domain/money.hpp"
#include "domain/names.hpp"

namespace admit::domain {

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
ClaimId account_claim(std::string_view stripe_account) {
  return derived_id<ClaimId>("account", stripe_account);
}

void needs(const CreateUser& command, Needs& needs) {
  needs.change<Claim>(email_claim(command.email));
}

Result<User> decide(const CreateUser& command, World& world) {
  if (command.name.empty()) return refuse(Refusal::invalid_field, "name", "Give a name.");
  if (const auto fault = fault_of_name(command.name); !fault.empty()) {
    return refuse(Refusal::invalid_field, "name", std::string(fault));
  }
  const ClaimId claim = email_claim(command.email);
  if (world.find<Claim>(claim) != nullptr) {
    return refuse(Refusal::email_taken, "email", "There is an account with this e-mail address; sign in instead.");
  }
  FreshIds ids(command.meta);
  User user{.id = ids.next<UserId>(),
            .email = command.email,
            .name = command.name,
            .locale = command.locale,
            .password_hash = command.password_hash,
            .is_operator = command.is_operator,
            .created_at = command.meta.now};
  world.put(Claim{.id = claim, .kind = "email", .target = user.id.value});
  world.put(user);
  audit(world, command.meta, ids, "user.created", user.id.value);
  return user;
}

void needs(const StartSession& command, Needs& needs) {
  needs.read<User>(command.user_id);
  needs.change<Session>(command.session_id);
}

Result<Session> decide(const StartSession& command, World& world) {
  if (world.find<User>(command.user_id) == nullptr) {
    return refuse(Refusal::unknown_user, "", "There is no such account.");
  }
  if (world.find<Session>(command.session_id) != nullptr) {
    return refuse(Refusal::conflict, "", "There is a sign-in with this id.");
  }
  Session session{.id = command.session_id,
                  .user_id = command.user_id,
                  .refresh_hash = command.refresh_hash,
                  .created_at = command.meta.now,
                  .expires_at = command.meta.now + std::chrono::seconds{command.ttl_s}};
  world.put(session);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "session.started", session.id.value);
  return session;
}

void needs(const RefreshSession& command, Needs& needs) {
  if (const auto* session = needs.change<Session>(command.session_id)) needs.read<User>(session->user_id);
}

Result<User> decide(const RefreshSession& command, World& world) {
  const Session* found = world.find<Session>(command.session_id);
  if (found == nullptr) return refuse(Refusal::unknown_session, "refreshToken", "Sign in again.");
  if (found->ended_at || found->expires_at <= command.meta.now || found->refresh_hash != command.presented_hash) {
    return refuse(Refusal::session_ended, "refreshToken", "This sign-in has ended; sign in again.");
  }
  Session session = *found;
  session.refresh_hash = command.next_hash;
  const User user = world.get<User>(session.user_id);
  world.put(std::move(session));
  return user;
}

void needs(const EndSession& command, Needs& needs) {
  needs.change<Session>(command.session_id);
}

Result<Session> decide(const EndSession& command, World& world) {
  const Session* found = world.find<Session>(command.session_id);
  if (found == nullptr) return refuse(Refusal::unknown_session, "", "There is no such sign-in.");
  if (found->user_id != command.meta.user && !command.meta.is_operator) {
    return refuse(Refusal::forbidden, "", "This sign-in belongs to another account.");
  }
  if (found->ended_at) return *found;
  Session session = *found;
  session.ended_at = command.meta.now;
  world.put(session);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "session.ended", session.id.value);
  return session;
}

namespace {

constexpr std::size_t max_requirement_bytes = 500;

Result<void> check(const FeeTerms& terms) {
  if (terms.fee_fixed_minor < 0 || terms.fee_fixed_minor > max_amount_minor) {
    return refuse(Refusal::invalid_field, "feeFixed", "Give an amount of 0 to 99999999 minor units.");
  }
  if (terms.fee_percent_bp < 0 || terms.fee_percent_bp > 10'000) {
    return refuse(Refusal::invalid_field, "feePercentBp", "Give 0 to 10000 basis points.");
  }
  return {};
}

void set(Business& business, const FeeTerms& terms) {
  business.fee_fixed_minor = terms.fee_fixed_minor;
  business.fee_percent_bp = terms.fee_percent_bp;
  business.charge_model = terms.charge_model;
  business.on_behalf_of = terms.on_behalf_of;
}

void set(Business& business, const AccountNews& account) {
  business.charges_enabled = account.charges_enabled && !account.deauthorized;
  business.transfers_active = account.transfers_active && !account.deauthorized;
  business.details_submitted = account.details_submitted;
  business.deauthorized = account.deauthorized;
  business.requirement = first_bytes(account.requirement, max_requirement_bytes);
}

}  // namespace

std::optional<std::string> sales_gate(const Business& business) {
  if (business.stripe_account.empty()) return "The organiser has no payment account yet.";
  if (business.deauthorized) return "The organiser's payment account was disconnected from this ticket office.";
  const std::string missing = business.requirement.empty() ? "." : ": " + business.requirement;
  if (!business.charges_enabled) return "The organiser's payment account cannot charge yet" + missing;
  if (business.charge_model == ChargeModel::destination && !business.transfers_active) {
    return "The organiser's payment account cannot receive transfers yet" + missing;
  }
  return std::nullopt;
}

std::int64_t application_fee_minor(const Business& business, std::int64_t amount_minor) {
  const std::int64_t share = (amount_minor * business.fee_percent_bp + 5'000) / 10'000;
  return std::min(amount_minor, business.fee_fixed_minor + share);
}

void needs(const CreateBusiness& command, Needs& needs) {
  needs.read<User>(command.meta.user);
}

Result<Business> decide(const CreateBusiness& command, World& world) {
  if (command.name.empty()) return refuse(Refusal::invalid_field, "name", "Give a name.");
  if (const auto fault = fault_of_name(command.name); !fault.empty()) {
    return refuse(Refusal::invalid_field, "name", std::string(fault));
  }
  if (world.find<User>(command.meta.user) == nullptr) {
    return refuse(Refusal::unknown_user, "", "There is no such account.");
  }
  if (auto ok = check(command.terms); !ok) return std::unexpected(ok.error());
  FreshIds ids(command.meta);
  Business business{.id = ids.next<BusinessId>(),
                    .owner_id = command.meta.user,
                    .name = command.name,
                    .created_at = command.meta.now};
  set(business, command.terms);
  world.put(business);
  audit(world, command.meta, ids, "business.created", business.id.value);
  return business;
}

void needs(const SetFees& command, Needs& needs) {
  needs.change<Business>(command.business_id);
}

Result<Business> decide(const SetFees& command, World& world) {
  if (auto ok = check(command.terms); !ok) return std::unexpected(ok.error());
  const Business* found = world.find<Business>(command.business_id);
  if (found == nullptr) return refuse(Refusal::unknown_business, "businessId", "There is no such business.");
  if (!command.meta.is_operator) return refuse(Refusal::forbidden, "", "Only an operator may set fees.");
  Business business = *found;
  set(business, command.terms);
  world.put(business);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "business.fees_set", business.id.value);
  return business;
}

void needs(const LinkAccount& command, Needs& needs) {
  needs.change<Business>(command.business_id);
  needs.change<Claim>(account_claim(command.account.account_id));
}

Result<Business> decide(const LinkAccount& command, World& world) {
  const std::string& account = command.account.account_id;
  if (!is_text(account, 255)) {
    return refuse(Refusal::invalid_field, "stripeAccount", "Give the account's id, like acct_1A2b3C.");
  }
  const Business* found = world.find<Business>(command.business_id);
  if (found == nullptr) return refuse(Refusal::unknown_business, "businessId", "There is no such business.");
  if (!command.meta.is_operator && !(command.proven && found->owner_id == command.meta.user)) {
    return refuse(Refusal::forbidden, "", "Only an operator may link an account that is not proven to be one's own.");
  }
  if (account == command.platform_account) {
    return refuse(Refusal::account_taken, "stripeAccount", "This is the ticket office's own account.");
  }
  const ClaimId claim = account_claim(account);
  const Claim* claimed = world.find<Claim>(claim);
  if (claimed != nullptr && claimed->target != command.business_id.value) {
    return refuse(Refusal::account_taken, "stripeAccount", "This account is linked to another business.");
  }
  if (!found->stripe_account.empty() && found->stripe_account != account && !found->deauthorized) {
    return refuse(Refusal::account_taken, "stripeAccount", "The business has another account already.");
  }
  Business business = *found;
  business.stripe_account = account;
  set(business, command.account);
  if (claimed == nullptr) world.put(Claim{.id = claim, .kind = "account", .target = business.id.value});
  world.put(business);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "business.account_linked", business.id.value);
  return business;
}

void needs(const RecordAccount& command, Needs& needs) {
  needs.change<Business>(command.business_id);
}

Result<Business> decide(const RecordAccount& command, World& world) {
  const Business* found = world.find<Business>(command.business_id);
  if (found == nullptr) return refuse(Refusal::unknown_business, "businessId", "There is no such business.");
  if (found->stripe_account != command.account.account_id) {
    return refuse(Refusal::conflict, "", "The business has another account.");
  }
  Business business = *found;
  set(business, command.account);
  world.put(business);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "business.account_recorded", business.id.value);
  return business;
}

}  // namespace admit::domain

#include "domain/accounts.hpp"

#include <algorithm>

#include "domain/access.hpp"
#include "domain/alerts.hpp"
#include "domain/money.hpp"
#include "domain/names.hpp"
#include "domain/sale.hpp"

namespace admit::domain {

ClaimId account_claim(std::string_view stripe_account) {
  return derived_id<ClaimId>("account", stripe_account);
}

CounterId businesses_of_user(UserId user) {
  return derived_id<CounterId>("businesses_of_user", user.value.raw());
}

namespace {

constexpr std::size_t max_requirement_bytes = 500;
constexpr std::int64_t max_businesses_of_operator = 1'000'000;

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

/// What was said when it could sell no longer is over once it can.
void settle_gate_alert(World& world, const Meta& meta, const Business& business) {
  if (!sales_gate(business)) settle_alert(world, meta, AlertKind::account_closed, business.id.value);
}

}  // namespace

std::optional<std::string> sales_gate(const Business& business) {
  if (business.closed_at) return "The organiser sells nothing any more.";
  if (business.stripe_account.empty()) return "The organiser has no payment account yet.";
  if (business.deauthorized) return "The organiser's payment account was disconnected from this ticket office.";
  const std::string missing = business.requirement.empty() ? "." : ": " + business.requirement;
  if (!business.charges_enabled) return "The organiser's payment account cannot charge yet" + missing;
  if (business.charge_model == ChargeModel::destination && !business.transfers_active) {
    return "The organiser's payment account cannot receive transfers yet" + missing;
  }
  return std::nullopt;
}

std::int64_t application_fee_minor(const Business& business, std::int64_t amount_minor, std::string_view currency) {
  const std::int64_t share = (amount_minor * business.fee_percent_bp + 5'000) / 10'000;
  const std::int64_t step = charge_step_minor(currency);
  return std::min(amount_minor, (business.fee_fixed_minor + share + step / 2) / step * step);
}

void needs(const CreateBusiness& command, Needs& needs) {
  needs.read<User>(command.meta.user);
  needs.change<HoldCounter>(businesses_of_user(command.meta.user));
}

Result<Business> decide(const CreateBusiness& command, World& world) {
  if (command.name.empty()) return refuse(Refusal::invalid_field, "name", "Give a name.");
  if (const auto fault = fault_of_mailed_name(command.name); !fault.empty()) {
    return refuse(Refusal::invalid_field, "name", std::string(fault));
  }
  const User* owner = world.find<User>(command.meta.user);
  if (owner == nullptr) return refuse(Refusal::unknown_user, "", "There is no such account.");
  if (owner->guest) return refuse(Refusal::forbidden, "", "A guest has no business; make an account.");
  if (auto ok = check(command.terms); !ok) return std::unexpected(ok.error());
  const auto most = command.meta.is_operator ? max_businesses_of_operator : max_businesses_of_user;
  if (!count(world, {}, businesses_of_user(command.meta.user), 1, most)) {
    return refuse(Refusal::too_many, "", "One account may make at most " + std::to_string(most) + " businesses.");
  }
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
  const auto terms = [&business] {
    return std::to_string(business.fee_fixed_minor) + " + " + std::to_string(business.fee_percent_bp) + " bp";
  };
  const std::string before = terms();
  set(business, command.terms);
  world.put(business);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "business.fees_set", business.id.value, {}, before + " -> " + terms());
  return business;
}

void needs(const LinkAccount& command, Needs& needs) {
  needs.change<Business>(command.business_id);
  need_alert(needs, AlertKind::account_closed, command.business_id.value);
  need_access(needs, command.meta, command.business_id);
  needs.change<Claim>(account_claim(command.account.account_id));
}

Result<Business> decide(const LinkAccount& command, World& world) {
  const std::string& account = command.account.account_id;
  if (!is_text(account, 255)) {
    return refuse(Refusal::invalid_field, "stripeAccount", "Give the account's id, like acct_1A2b3C.");
  }
  const Business* found = world.find<Business>(command.business_id);
  if (found == nullptr) return refuse(Refusal::unknown_business, "businessId", "There is no such business.");
  if (!command.meta.is_operator && !(command.proven && may(world, command.meta, *found, Capability::connect_account))) {
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
  if (business.stripe_account != account || business.deauthorized) business.linked_at = command.meta.now;
  business.stripe_account = account;
  set(business, command.account);
  if (claimed == nullptr) world.put(Claim{.id = claim, .kind = "account", .target = business.id.value});
  settle_gate_alert(world, command.meta, business);
  world.put(business);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "business.account_linked", business.id.value, {}, account);
  return business;
}

void needs(const RecordAccount& command, Needs& needs) {
  needs.change<Business>(command.business_id);
  need_alert(needs, AlertKind::account_closed, command.business_id.value);
}

Result<Business> decide(const RecordAccount& command, World& world) {
  const Business* found = world.find<Business>(command.business_id);
  if (found == nullptr) return refuse(Refusal::unknown_business, "businessId", "There is no such business.");
  if (found->stripe_account != command.account.account_id) {
    return refuse(Refusal::conflict, "", "The business has another account.");
  }
  Business business = *found;
  set(business, command.account);
  settle_gate_alert(world, command.meta, business);
  world.put(business);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "business.account_recorded", business.id.value);
  return business;
}

}  // namespace admit::domain

#pragma once
// Businesses and their accounts at the payment provider.

#include "domain/command.hpp"
#include "domain/events.hpp"

namespace admit::domain {

[[nodiscard]] ClaimId account_claim(std::string_view stripe_account);

/// What keeps a business from selling what costs money: a sentence for people, nullopt where nothing does.
[[nodiscard]] std::optional<std::string> sales_gate(const Business& business);

/// How a business is charged for our work, and on whose account buyers are charged.
struct FeeTerms {
  std::int64_t fee_fixed_minor = 0;
  std::int64_t fee_percent_bp = 0;  // 0 to 10000
  ChargeModel charge_model = ChargeModel::destination;
  bool on_behalf_of = false;
};
/// Our share of a payment: fixed and percent, half up to what a provider can move, at most all of it.
[[nodiscard]] std::int64_t application_fee_minor(const Business& business, std::int64_t amount_minor,
                                                 std::string_view currency);

/// What one account may make; for operators there is no such limit.
inline constexpr std::int64_t max_businesses_of_user = 20;
/// Counts them.
[[nodiscard]] CounterId businesses_of_user(UserId user);

/// The caller becomes its owner. Refuses: invalid_field, unknown_user, forbidden (a guest), too_many.
struct CreateBusiness {
  using Outcome = Business;
  Meta meta;
  std::string name;
  FeeTerms terms;  // this installation's
};
void needs(const CreateBusiness& command, Needs& needs);
[[nodiscard]] Result<Business> decide(const CreateBusiness& command, World& world);

/// By an operator; payments begun from now on. Refuses: invalid_field, unknown_business, forbidden.
struct SetFees {
  using Outcome = Business;
  Meta meta;
  BusinessId business_id;
  FeeTerms terms;
};
void needs(const SetFees& command, Needs& needs);
[[nodiscard]] Result<Business> decide(const SetFees& command, World& world);

/// Ties a provider's account to a business, or renews what is known of it (same account again). A business whose
/// account has disconnected itself may be given another. By an operator; by the owner where `proven`.
/// Refuses: invalid_field, unknown_business, forbidden, account_taken (also the platform's own).
struct LinkAccount {
  using Outcome = Business;
  Meta meta;
  BusinessId business_id;
  AccountNews account;
  bool proven = false;           // the account was made for this business, or signed in at the provider
  std::string platform_account;  // our own, which nobody may link; "" unknown
};
void needs(const LinkAccount& command, Needs& needs);
[[nodiscard]] Result<Business> decide(const LinkAccount& command, World& world);

/// What the provider says of a business's account now: opens or closes its sales. Refuses: unknown_business, conflict
/// (the business has another account).
struct RecordAccount {
  using Outcome = Business;
  Meta meta;
  BusinessId business_id;
  AccountNews account;
};
void needs(const RecordAccount& command, Needs& needs);
[[nodiscard]] Result<Business> decide(const RecordAccount& command, World& world);

}  // namespace admit::domain

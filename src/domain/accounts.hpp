#pragma once
// Accounts, sign-ins and businesses.

#include "domain/command.hpp"
#include "domain/events.hpp"

namespace admit::domain {

/// An e-mail address as it is compared and stored: trimmed, ASCII letters in lower case. nullopt if it cannot be one
/// (no single @, empty parts, spaces or control characters, over 254 bytes).
[[nodiscard]] std::optional<std::string> normal_email(std::string_view text);
[[nodiscard]] ClaimId email_claim(std::string_view normal_email);
[[nodiscard]] ClaimId account_claim(std::string_view stripe_account);

/// Refuses: invalid_field, email_taken.
struct CreateUser {
  using Outcome = User;
  Meta meta;
  std::string email;  // normal
  std::string name;
  std::string locale;
  std::string password_hash;
  bool is_operator = false;
};
void needs(const CreateUser& command, Needs& needs);
[[nodiscard]] Result<User> decide(const CreateUser& command, World& world);

/// Refuses: unknown_user, conflict (the id is taken).
struct StartSession {
  using Outcome = Session;
  Meta meta;
  SessionId session_id;  // made by the caller: the refresh token names it
  UserId user_id;
  Bytes refresh_hash;
  std::int64_t ttl_s = 30 * 24 * 3600;
};
void needs(const StartSession& command, Needs& needs);
[[nodiscard]] Result<Session> decide(const StartSession& command, World& world);

/// Exchanges one refresh token for the next. Refuses: unknown_session, session_ended (also for a token used before).
struct RefreshSession {
  using Outcome = User;
  Meta meta;
  SessionId session_id;
  Bytes presented_hash;
  Bytes next_hash;
};
void needs(const RefreshSession& command, Needs& needs);
[[nodiscard]] Result<User> decide(const RefreshSession& command, World& world);

/// Idempotent. Refuses: unknown_session, forbidden.
struct EndSession {
  using Outcome = Session;
  Meta meta;
  SessionId session_id;
};
void needs(const EndSession& command, Needs& needs);
[[nodiscard]] Result<Session> decide(const EndSession& command, World& world);

/// What keeps a business from selling what costs money: a sentence for people, nullopt where nothing does.
[[nodiscard]] std::optional<std::string> sales_gate(const Business& business);

/// How a business is charged for our work, and on whose account buyers are charged.
struct FeeTerms {
  std::int64_t fee_fixed_minor = 0;
  std::int64_t fee_percent_bp = 0;  // 0 to 10000
  ChargeModel charge_model = ChargeModel::destination;
  bool on_behalf_of = false;
};
/// Our share of a payment: fixed and percent, half up, at most all of it.
[[nodiscard]] std::int64_t application_fee_minor(const Business& business, std::int64_t amount_minor);

/// The caller becomes its owner. Refuses: invalid_field, unknown_user.
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

#pragma once
// Accounts, sign-ins and businesses.

#include "domain/command.hpp"

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

/// The caller becomes its owner. Refuses: invalid_field, unknown_user.
struct CreateBusiness {
  using Outcome = Business;
  Meta meta;
  std::string name;
};
void needs(const CreateBusiness& command, Needs& needs);
[[nodiscard]] Result<Business> decide(const CreateBusiness& command, World& world);

/// Ties a provider's account to a business, or renews what is known of it (same account again).
/// Refuses: unknown_business, forbidden (operators only), account_taken.
struct LinkAccount {
  using Outcome = Business;
  Meta meta;
  BusinessId business_id;
  std::string stripe_account;
  bool charges_enabled = false;
};
void needs(const LinkAccount& command, Needs& needs);
[[nodiscard]] Result<Business> decide(const LinkAccount& command, World& world);

}  // namespace admit::domain

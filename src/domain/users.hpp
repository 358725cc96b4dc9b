#pragma once
// Accounts of people.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "domain/accounts.hpp"
#include "domain/command.hpp"
#include "domain/proofs.hpp"
#include "domain/sessions.hpp"
#include "domain/sign_in_ways.hpp"

namespace admit::domain {

/// An e-mail address as it is compared and stored: trimmed, ASCII letters in lower case. nullopt if it cannot be one
/// (no single @, empty parts, spaces or control characters, over 254 bytes).
[[nodiscard]] std::optional<std::string> normal_email(std::string_view text);
/// Its claim is without a target once the address is free again.
[[nodiscard]] ClaimId email_claim(std::string_view normal_email);
/// Both before an address is given to somebody else.
[[nodiscard]] bool is_claimed(const World& world, ClaimId claim);

inline constexpr std::chrono::hours verification_ttl{7 * 24};
inline constexpr std::chrono::hours reset_ttl{1};
inline constexpr std::chrono::hours email_change_ttl{24};

/// The business that an account begins with.
struct FirstBusiness {
  std::string name;
  std::string country;  // of its account at the provider, two letters; "" the platform's own
  FeeTerms terms;
  bool with_provider = false;  // one is configured: an account there is made by a job
};

/// Refuses: invalid_field, email_taken.
struct CreateUser {
  using Outcome = User;
  Meta meta;
  std::string email;  // normal
  std::string name;
  std::string locale;
  std::string password_hash;  // "" for an account that signs in in another way
  bool is_operator = false;
  bool email_verified = false;
  std::optional<MailedProof> verification;  // mailed to the address
  std::optional<FirstBusiness> business;
  bool at_provider = false;  // a user at the provider of identities is made by a job
};
void needs(const CreateUser& command, Needs& needs);
[[nodiscard]] Result<User> decide(const CreateUser& command, World& world);
/// The id it will have.
[[nodiscard]] UserId user_of(const CreateUser& command);

/// By whoever has the installation: an account whose address nobody proved becomes an operator's. Whatever signed in to
/// it before is void. Refuses: unknown_user, email_taken (it was proven, or is an operator's).
struct TakeOverAccount {
  using Outcome = User;
  Meta meta;
  UserId user_id;
  std::string name;
  std::string password_hash;
  SignInWays ways;  // of the account
};
void needs(const TakeOverAccount& command, Needs& needs);
[[nodiscard]] Result<User> decide(const TakeOverAccount& command, World& world);

/// Mails the link once more; nothing where the address is verified. Refuses: unknown_user, too_many_failures (so many
/// mails were sent to the address).
struct ResendVerification {
  using Outcome = User;
  Meta meta;
  MailedProof proof;
};
void needs(const ResendVerification& command, Needs& needs);
[[nodiscard]] Result<User> decide(const ResendVerification& command, World& world);

/// By whoever is signed in to the account, or knows its password: who only reads the address's mail may be somebody
/// whose address a stranger opened it with. Guests' orders of the address join the account. Refuses: confirm_first,
/// unknown_proof.
struct VerifyEmail {
  using Outcome = User;
  Meta meta;
  MailedProof proof;
  std::optional<std::string> password_hash;  // the one that was found right; none: `meta.user` is the account
};
void needs(const VerifyEmail& command, Needs& needs);
[[nodiscard]] Result<User> decide(const VerifyEmail& command, World& world);

/// By whoever reads the address's mail and opened no account: the account loses the address and its sign-ins. Refuses:
/// unknown_proof (also for an address that was confirmed).
struct DisownAddress {
  using Outcome = User;
  Meta meta;
  MailedProof proof;         // of the link to confirm it
  bool at_provider = false;  // a user that we made at the provider of identities is deleted by a job
};
void needs(const DisownAddress& command, Needs& needs);
[[nodiscard]] Result<User> decide(const DisownAddress& command, World& world);

/// By anybody: mails a link where there is such an account, and tells nobody whether. Refuses: too_many_failures.
struct RequestReset {
  using Outcome = Instant;
  Meta meta;
  std::string account;  // the address as it was given, normal where it can be
  std::string network;
  MailedProof proof;
};
void needs(const RequestReset& command, Needs& needs);
[[nodiscard]] Result<Instant> decide(const RequestReset& command, World& world);

/// Sets a password; proves the address; ends all sign-ins. Where nobody had proven the address before, whatever else
/// signs in is void: it may be a stranger's. Whoever reads the address's mail waits for nobody's guesses: those made at
/// the account are forgiven, and the place it is done from is known to it from now on. Refuses: unknown_proof.
struct ResetPassword {
  using Outcome = User;
  Meta meta;
  MailedProof proof;
  std::string password_hash;
  SignInWays ways;  // of the proof's account
  std::string network;
  std::string browser;       // "" none
  bool at_provider = false;  // a user that we made at the provider of identities loses its password by a job
};
void needs(const ResetPassword& command, Needs& needs);
[[nodiscard]] Result<User> decide(const ResetPassword& command, World& world);

/// What somebody signed in gives to prove who they are. Tries at each are counted apart: who knows the one guesses no
/// more at the other.
enum class Secret : unsigned char { password, code };
/// By somebody signed in, before a password or a code of theirs is looked at: counts the try, as if it failed.
/// Refuses: unknown_user, too_many_failures.
struct TakeUserTry {
  using Outcome = User;
  Meta meta;
  Secret secret = Secret::password;
};
void needs(const TakeUserTry& command, Needs& needs);
[[nodiscard]] Result<User> decide(const TakeUserTry& command, World& world);

/// It was right, whatever comes of what it was given for: those tries are taken back.
struct ForgiveUserTries {
  using Outcome = Instant;
  Meta meta;
  Secret secret = Secret::password;
};
void needs(const ForgiveUserTries& command, Needs& needs);
[[nodiscard]] Result<Instant> decide(const ForgiveUserTries& command, World& world);

/// Ends all other sign-ins. Refuses: unknown_user, wrong_credentials (the password was changed meanwhile).
struct ChangePassword {
  using Outcome = User;
  Meta meta;
  SessionId session_id;           // goes on
  std::string old_password_hash;  // the one that was found right; "" where there was none
  std::string password_hash;
  bool at_provider = false;  // as ResetPassword has it
};
void needs(const ChangePassword& command, Needs& needs);
[[nodiscard]] Result<User> decide(const ChangePassword& command, World& world);

/// Mails a link to the new address. Refuses: unknown_user, wrong_credentials, email_taken, too_many_failures.
struct RequestEmailChange {
  using Outcome = User;
  Meta meta;
  std::string email;  // normal
  std::string password_hash;
  MailedProof proof;
};
void needs(const RequestEmailChange& command, Needs& needs);
[[nodiscard]] Result<User> decide(const RequestEmailChange& command, World& world);

/// The account has the new address, verified; the old one is free and told so. By whoever is signed in to the account,
/// or knows its password: who only reads the address's mail may be somebody whose address a stranger wants for an
/// account of their own. Refuses: confirm_first, unknown_proof, email_taken.
struct ChangeEmail {
  using Outcome = User;
  Meta meta;
  MailedProof proof;
  std::optional<std::string> password_hash;  // as VerifyEmail has it
};
void needs(const ChangeEmail& command, Needs& needs);
[[nodiscard]] Result<User> decide(const ChangeEmail& command, World& world);

/// Refuses: unknown_user, invalid_field.
struct ChangeProfile {
  using Outcome = User;
  Meta meta;
  std::optional<std::string> name;
  std::optional<std::string> locale;
};
void needs(const ChangeProfile& command, Needs& needs);
[[nodiscard]] Result<User> decide(const ChangeProfile& command, World& world);

// The second factor.

/// Keeps a secret that is not confirmed yet. Refuses: confirm_first, unknown_user, email_not_verified,
/// second_factor_on.
struct BeginTotp {
  using Outcome = User;
  Meta meta;
  Bytes sealed_secret;
  Instant proven_at{};  // when the caller last gave a password, or signed in
};
void needs(const BeginTotp& command, Needs& needs);
[[nodiscard]] Result<User> decide(const BeginTotp& command, World& world);

/// A code of it was right: from now on signing in with the password wants one. Ends all other sign-ins.
/// Refuses: unknown_user, email_not_verified, second_factor_on, second_factor_off (none was begun, or another was),
/// wrong_credentials (the code was used before).
struct ConfirmTotp {
  using Outcome = User;
  Meta meta;
  SessionId session_id;  // goes on
  Bytes sealed_secret;   // the one that the code is of
  std::int64_t step = 0;
  std::vector<std::string> recovery_hashes;
};
void needs(const ConfirmTotp& command, Needs& needs);
[[nodiscard]] Result<User> decide(const ConfirmTotp& command, World& world);

/// Refuses: unknown_user, second_factor_off, wrong_credentials.
struct RemoveTotp {
  using Outcome = User;
  Meta meta;
  std::string password_hash;
  Factor factor;
};
void needs(const RemoveTotp& command, Needs& needs);
[[nodiscard]] Result<User> decide(const RemoveTotp& command, World& world);

}  // namespace admit::domain

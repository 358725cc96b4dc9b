#pragma once
// Passkeys of accounts. That a browser's words about one are genuine is checked before (identity/webauthn.hpp); here a
// challenge is used up, and a passkey belongs to one account.

#include <optional>
#include <string>

#include "domain/command.hpp"
#include "domain/sessions.hpp"

namespace admit::domain {

/// So many an account may have; whoever asks counts them.
inline constexpr std::size_t max_passkeys = 20;

/// Gives out a challenge, good once and for five minutes: to add a passkey to the caller's account, or, without a
/// caller, to sign in with one. Refuses: confirm_first,
/// forbidden (a guest), unknown_user, email_not_verified.
struct AskPasskey {
  using Outcome = Proof;
  Meta meta;
  ProofId proof_id;
  Bytes secret_hash;
  Instant proven_at{};  // to add one: when the caller last gave a password, or signed in
};
void needs(const AskPasskey& command, Needs& needs);
[[nodiscard]] Result<Proof> decide(const AskPasskey& command, World& world);

/// Its account is told. Refuses: invalid_field, unknown_user, email_not_verified, unknown_proof, identity_taken (also by the caller's own account).
struct AddPasskey {
  using Outcome = Passkey;
  Meta meta;
  ProofId proof_id;
  Bytes secret_hash;
  std::string name;
  Bytes credential_id;
  std::int64_t algorithm = 0;
  Bytes public_key;
  std::int64_t sign_count = 0;
};
void needs(const AddPasskey& command, Needs& needs);
[[nodiscard]] Result<Passkey> decide(const AddPasskey& command, World& world);

/// What came of a passkey's use. Without a session its counter went back: there may be a copy of it, so nobody is
/// signed in, and it is told (alert token_reused, audit).
struct PasskeyUse {
  User user;
  std::optional<Session> session;
};
/// Signs in. Refuses: wrong_credentials (unknown, removed, of an account that is gone), unknown_proof, and what
/// StartSession refuses.
struct UsePasskey {
  using Outcome = PasskeyUse;
  Meta meta;
  PasskeyId passkey_id;
  ProofId proof_id;
  Bytes secret_hash;
  std::int64_t sign_count = 0;
  StartSession session;  // of the passkey's account
};
void needs(const UsePasskey& command, Needs& needs);
[[nodiscard]] Result<PasskeyUse> decide(const UsePasskey& command, World& world);

/// Refuses: invalid_field, unknown_passkey (also somebody else's).
struct RenamePasskey {
  using Outcome = Passkey;
  Meta meta;
  PasskeyId passkey_id;
  std::string name;
};
void needs(const RenamePasskey& command, Needs& needs);
[[nodiscard]] Result<Passkey> decide(const RenamePasskey& command, World& world);

/// Sign-ins made with it go on; it makes no new ones. Refuses: unknown_passkey (also somebody else's, or removed).
struct RemovePasskey {
  using Outcome = Passkey;
  Meta meta;
  PasskeyId passkey_id;
};
void needs(const RemovePasskey& command, Needs& needs);
[[nodiscard]] Result<Passkey> decide(const RemovePasskey& command, World& world);

}  // namespace admit::domain

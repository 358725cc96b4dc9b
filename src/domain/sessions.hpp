#pragma once
// Sign-ins: how they begin, go on and end.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "domain/command.hpp"

namespace admit::domain {

/// How long after a refresh the token before it still gives the same answer: two tabs, or an answer that was lost.
inline constexpr std::chrono::seconds refresh_grace{10};
/// So many exchanges of one sign-in within the grace are remembered.
inline constexpr std::size_t max_rotations = 8;
/// How long what is revoked stays on the board: longer than any access token lives.
inline constexpr std::chrono::minutes revocation_kept{15};

/// Whether it goes on: neither it nor, since it began, all of its account's were ended.
[[nodiscard]] bool is_live(const Session& session, const User& user, Instant now);
/// Tells every node that tokens of a session, an account, a key or a device are refused from now on. Of an account:
/// those of sign-ins that began until now, but for `kept`.
void put_revocation(World& world, const Meta& meta, FreshIds& ids, Uuid subject, SessionId kept = {});
/// Ends all sign-ins of an account but `kept`, and voids links that were mailed and other providers' tokens; the caller
/// puts `user`.
void end_sessions(World& world, const Meta& meta, FreshIds& ids, User& user, SessionId kept = {});

/// A second factor that was given along: the step of a right time-based code, or the hash of a recovery code.
struct Factor {
  std::int64_t totp_step = 0;
  std::string recovery_hash;
};
/// Uses it up. False where it was used before, or is none of the account's.
[[nodiscard]] bool use_factor(User& user, const Factor& factor);

/// How long after somebody gave a password, or signed in, they may add what signs in for good: a token that was stolen
/// meanwhile may not.
inline constexpr std::chrono::minutes proven_for{10};
/// Refuses confirm_first for who proved that longer ago.
[[nodiscard]] Result<void> check_proven(Instant proven_at, Instant now);
/// When whoever uses a sign-in last proved who they are.
[[nodiscard]] inline Instant proven_at(const Session& session) {
  return std::max(session.created_at, session.proven_at.value_or(session.created_at));
}

/// Asked before a password is looked at: counts the try, as if it failed. The same for an address without an account.
/// Refuses: too_many_failures.
struct TakeSignInTry {
  using Outcome = Instant;  // until when: free_at()
  Meta meta;
  std::string account;  // the address as it was given, normal where it can be
  std::string network;  // the client's
  std::string browser;  // what its cookie names it by; "" none
};
void needs(const TakeSignInTry& command, Needs& needs);
[[nodiscard]] Result<Instant> decide(const TakeSignInTry& command, World& world);
/// When it may be asked next; `meta.now` while it may be asked at once. The rows of its needs must be loaded.
[[nodiscard]] Instant free_at(const TakeSignInTry& command, const World& world);

/// Of who gave the right password, or read the account's mail, somewhere: what know_place changes.
void need_place(Needs& needs, UserId user, const std::string& account, const std::string& network,
                const std::string& browser);
/// The network, and the browser unless it is "", are known to the account from now on.
void know_place(World& world, UserId user, const std::string& network, const std::string& browser, Instant now);

/// Refuses: unknown_user (also an erased one), account_locked, wrong_credentials (the password was changed meanwhile,
/// or the factor is used up), second_factor_required, conflict (the id is taken).
struct StartSession {
  using Outcome = Session;
  Meta meta;
  SessionId session_id;  // made by the caller: the refresh token names it
  UserId user_id;
  Bytes refresh_hash;
  std::int64_t ttl_s = 30 * 24 * 3600;
  std::string method = "password";
  std::string agent;    // the client's User-Agent
  std::string account;  // of TakeSignInTry, whose count is taken back; "" where there was none
  std::string network;
  std::string browser;                       // known to the account from now on, as the network is; "" none
  std::optional<std::string> password_hash;  // the one that was found right
  Factor factor;
};
void needs(const StartSession& command, Needs& needs);
[[nodiscard]] Result<Session> decide(const StartSession& command, World& world);

/// What came of a refresh token.
struct Refreshed {
  User user;
  /// The token was used before, not a moment ago: whoever has it or the one after it stole it, so the sign-in has
  /// ended.
  bool is_reused = false;
  /// How many tokens after the next one is the newest: what a late tab is given.
  std::size_t steps = 0;
};
/// Exchanges one refresh token for the next. For `refresh_grace` after its own exchange a token gives the newest one
/// that came of it.
/// Refuses: unknown_session (also for a token that we never gave out), session_ended.
struct RefreshSession {
  using Outcome = Refreshed;
  Meta meta;
  SessionId session_id;
  Bytes presented_hash;
  Bytes next_hash;                  // always the same for what was presented
  std::vector<Bytes> later_hashes;  // those after it, for who comes late; at most max_rotations - 1
  bool is_genuine = true;           // we gave it out at some time
};
void needs(const RefreshSession& command, Needs& needs);
[[nodiscard]] Result<Refreshed> decide(const RefreshSession& command, World& world);

/// Whoever uses a sign-in gave the account's password anew. Refuses: unknown_user, unknown_session, session_ended,
/// wrong_credentials (the password was changed meanwhile).
struct ProveSession {
  using Outcome = Session;
  Meta meta;
  SessionId session_id;
  std::string password_hash;  // the one that was found right
  Factor factor;              // where the account has a second one
};
void needs(const ProveSession& command, Needs& needs);
[[nodiscard]] Result<Session> decide(const ProveSession& command, World& world);

/// Idempotent. By its account or an operator. Refuses: unknown_session, forbidden.
struct EndSession {
  using Outcome = Session;
  Meta meta;
  SessionId session_id;
};
void needs(const EndSession& command, Needs& needs);
[[nodiscard]] Result<Session> decide(const EndSession& command, World& world);

/// All of an account, but for one. By the account or an operator. Refuses: unknown_user, forbidden.
struct EndSessions {
  using Outcome = User;
  Meta meta;
  UserId user_id;
  SessionId kept;
};
void needs(const EndSessions& command, Needs& needs);
[[nodiscard]] Result<User> decide(const EndSessions& command, World& world);

/// Lets nobody sign in to an account, or again; its sign-ins end. By an operator, not for the own account. Refuses:
/// unknown_user (also a guest or an erased one), forbidden.
struct LockUser {
  using Outcome = User;
  Meta meta;
  UserId user_id;
  bool locked = true;
};
void needs(const LockUser& command, Needs& needs);
[[nodiscard]] Result<User> decide(const LockUser& command, World& world);

/// Makes an operator an account like any other; its sign-ins end. Refuses: unknown_user, forbidden.
struct RemoveOperator {
  using Outcome = User;
  Meta meta;
  UserId user_id;
};
void needs(const RemoveOperator& command, Needs& needs);
[[nodiscard]] Result<User> decide(const RemoveOperator& command, World& world);

}  // namespace admit::domain

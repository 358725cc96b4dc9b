#pragma once
// Sign-ins.

#include "domain/command.hpp"

namespace admit::domain {

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

}  // namespace admit::domain

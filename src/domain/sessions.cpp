#include "domain/sessions.hpp"

namespace admit::domain {

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

}  // namespace admit::domain

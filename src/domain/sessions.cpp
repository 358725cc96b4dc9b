#include "domain/sessions.hpp"

#include <algorithm>

#include "domain/alerts.hpp"
#include "domain/throttle.hpp"
#include "domain/users.hpp"

namespace admit::domain {
namespace {

constexpr std::size_t max_agent_bytes = 200;
constexpr std::size_t max_method_bytes = 40;

void end(World& world, const Meta& meta, FreshIds& ids, const Session& found) {
  Session session = found;
  session.ended_at = meta.now;
  world.put(session);
  put_revocation(world, meta, ids, session.id.value);
  audit(world, meta, ids, "session.ended", session.id.value);
}

/// The account that an address stands for, where the rows are loaded.
UserId account_of(const World& world, std::string_view account) {
  const Claim* claim = world.find<Claim>(email_claim(account));
  return claim != nullptr ? UserId{claim->target} : UserId{};
}

/// A browser is known as a network is, by a name that no network has.
std::string name_of_browser(std::string_view browser) {
  return "browser:" + std::string(browser);
}

bool is_known(const World& world, UserId user, std::string_view network, Instant now) {
  if (!user) return false;
  const KnownNetwork* known = world.find<KnownNetwork>(known_network_id(user, network));
  return known != nullptr && known->due_at && *known->due_at > now;
}

}  // namespace

bool is_live(const Session& session, const User& user, Instant now) {
  const bool ended_with_all =
      user.signed_out_at && session.created_at <= *user.signed_out_at && session.id != user.kept_session;
  return !session.ended_at && !ended_with_all && !user.erased_at && !user.locked_at && session.expires_at > now;
}

void put_revocation(World& world, const Meta& meta, FreshIds& ids, Uuid subject, SessionId kept) {
  world.put(Revocation{.id = ids.next<RevocationId>(),
                       .subject = subject,
                       .kept = kept,
                       .at = meta.now,
                       .due_at = meta.now + revocation_kept});
}

void end_sessions(World& world, const Meta& meta, FreshIds& ids, User& user, SessionId kept) {
  ++user.generation;
  user.signed_out_at = meta.now;
  user.kept_session = kept;
  user.tokens_since = meta.now;
  put_revocation(world, meta, ids, user.id.value, kept);
}

bool use_factor(User& user, const Factor& factor) {
  if (factor.totp_step > user.totp_step) {
    user.totp_step = factor.totp_step;
    return true;
  }
  const auto found = std::ranges::find(user.recovery_hashes, factor.recovery_hash);
  if (factor.recovery_hash.empty() || found == user.recovery_hashes.end()) return false;
  user.recovery_hashes.erase(found);
  return true;
}

Result<void> check_proven(Instant proven_at, Instant now) {
  if (now < proven_at + proven_for) return {};
  return refuse(Refusal::confirm_first, "", "Give your password once more, or sign in anew: that was too long ago.");
}

namespace {

/// What tries are counted for: the browser that the account was used in, else the network.
std::string place_of(const World& world, UserId user, const std::string& network, const std::string& browser,
                     Instant now) {
  if (browser.empty()) return network;
  auto name = name_of_browser(browser);
  return is_known(world, user, name, now) ? name : network;
}

}  // namespace

void needs(const TakeSignInTry& command, Needs& needs) {
  if (!command.browser.empty()) needs.change<Throttle>(tries_id(command.account, name_of_browser(command.browser)));
  needs.change<Throttle>(tries_id(command.account, command.network));
  needs.change<Throttle>(account_tries_id(command.account));
  needs.change<Throttle>(network_tries_id(command.network));
  if (const auto* claim = needs.read<Claim>(email_claim(command.account))) {
    needs.read<KnownNetwork>(known_network_id(UserId{claim->target}, command.network));
    if (!command.browser.empty()) {
      needs.read<KnownNetwork>(known_network_id(UserId{claim->target}, name_of_browser(command.browser)));
    }
  }
}

Instant free_at(const TakeSignInTry& command, const World& world) {
  const Instant now = command.meta.now;
  const UserId user = account_of(world, command.account);
  const auto place = place_of(world, user, command.network, command.browser, now);
  const ThrottleId tries = tries_id(command.account, place);
  // Whoever guesses from elsewhere keeps nobody out of an account that they signed in to from here.
  if (is_known(world, user, place, now)) return free_at(world, tries, tries_from_network, now);
  const bool is_guessed = free_at(world, account_tries_id(command.account), tries_of_account, now) > now;
  return std::max({free_at(world, tries, is_guessed ? tries_while_guessed : tries_from_network, now),
                   free_at(world, account_tries_id(command.account), most_tries_of_account, now),
                   free_at(world, network_tries_id(command.network), tries_of_network, now)});
}

Result<Instant> decide(const TakeSignInTry& command, World& world) {
  const Instant now = command.meta.now;
  if (free_at(command, world) > now) {
    return refuse(Refusal::too_many_failures, "", "Too many tries failed; wait a little.");
  }
  const UserId user = account_of(world, command.account);
  const auto place = place_of(world, user, command.network, command.browser, now);
  count_try(world, tries_id(command.account, place), tries_from_network, now);
  if (!is_known(world, user, place, now)) {
    count_try(world, account_tries_id(command.account), tries_of_account, now);
    count_try(world, network_tries_id(command.network), tries_of_network, now);
  }
  return now;
}

void need_place(Needs& needs, UserId user, const std::string& account, const std::string& network,
                const std::string& browser) {
  needs.change<KnownNetwork>(known_network_id(user, network));
  needs.change<Throttle>(tries_id(account, network));
  needs.change<Throttle>(account_tries_id(account));
  needs.change<Throttle>(network_tries_id(network));
  if (browser.empty()) return;
  const auto name = name_of_browser(browser);
  needs.change<KnownNetwork>(known_network_id(user, name));
  needs.change<Throttle>(tries_id(account, name));
}

void know_place(World& world, UserId user, const std::string& network, const std::string& browser, Instant now) {
  const auto know = [&](std::string_view name) {
    world.put(KnownNetwork{
        .id = known_network_id(user, name), .user_id = user, .seen_at = now, .due_at = now + network_known});
  };
  know(network);
  if (!browser.empty()) know(name_of_browser(browser));
}

void needs(const StartSession& command, Needs& needs) {
  needs.change<User>(command.user_id);
  needs.change<Session>(command.session_id);
  if (!command.account.empty()) {
    need_place(needs, command.user_id, command.account, command.network, command.browser);
  }
}

Result<Session> decide(const StartSession& command, World& world) {
  const User* found = world.find<User>(command.user_id);
  if (found == nullptr || found->erased_at) return refuse(Refusal::unknown_user, "", "There is no such account.");
  if (found->locked_at) return refuse(Refusal::account_locked, "", "This account is locked.");
  User user = *found;
  if (command.password_hash) {
    if (*command.password_hash != user.password_hash) {
      return refuse(Refusal::wrong_credentials, "", "E-mail address or password is wrong.");
    }
    const bool given = command.factor.totp_step != 0 || !command.factor.recovery_hash.empty();
    if (user.totp_confirmed && !given) {
      return refuse(Refusal::second_factor_required, "code", "Send the code of your second factor too.");
    }
    if (user.totp_confirmed && !use_factor(user, command.factor)) {
      return refuse(Refusal::wrong_credentials, "code", "This code is wrong, or was used before.");
    }
    if (user.totp_confirmed) world.put(user);
  }
  if (world.find<Session>(command.session_id) != nullptr) {
    return refuse(Refusal::conflict, "", "There is a sign-in with this id.");
  }
  if (!command.account.empty()) {
    const Instant now = command.meta.now;
    const auto place = place_of(world, command.user_id, command.network, command.browser, now);
    forgive(world, tries_id(command.account, place), tries_from_network.count);
    if (!is_known(world, command.user_id, place, now)) {
      forgive(world, account_tries_id(command.account), 1);
      forgive(world, network_tries_id(command.network), 1);
    }
    know_place(world, command.user_id, command.network, command.browser, now);
  }
  Session session{.id = command.session_id,
                  .user_id = command.user_id,
                  .refresh_hash = command.refresh_hash,
                  .method = first_bytes(command.method, max_method_bytes),
                  .agent = first_bytes(command.agent, max_agent_bytes),
                  .address = command.meta.address,
                  .created_at = command.meta.now,
                  .expires_at = command.meta.now + std::chrono::seconds{command.ttl_s}};
  world.put(session);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "session.started", session.id.value, {}, session.method);
  return session;
}

namespace {

/// How many exchanges lie between the next of what was presented and the newest; nullopt: another one is the newest.
std::optional<std::size_t> steps_to_newest(const Session& session, const RefreshSession& command) {
  if (session.refresh_hash == command.next_hash) return 0;
  const auto found = std::ranges::find(command.later_hashes, session.refresh_hash);
  if (found == command.later_hashes.end()) return std::nullopt;
  return static_cast<std::size_t>(found - command.later_hashes.begin()) + 1;
}

}  // namespace

void needs(const RefreshSession& command, Needs& needs) {
  if (const auto* session = needs.change<Session>(command.session_id)) needs.read<User>(session->user_id);
  need_alert(needs, AlertKind::token_reused, command.session_id.value);
}

Result<Refreshed> decide(const RefreshSession& command, World& world) {
  const Instant now = command.meta.now;
  const Session* found = world.find<Session>(command.session_id);
  if (found == nullptr) return refuse(Refusal::unknown_session, "refreshToken", "Sign in again.");
  const User& user = world.get<User>(found->user_id);
  const bool is_current = found->refresh_hash == command.presented_hash;
  const bool is_previous = !is_current && found->rotated_at && found->previous_hash == command.presented_hash;
  if (!is_current && !is_previous && !command.is_genuine) {
    return refuse(Refusal::unknown_session, "refreshToken", "Sign in again.");
  }
  if (!is_live(*found, user, now)) {
    return refuse(Refusal::session_ended, "refreshToken", "This sign-in has ended; sign in again.");
  }
  if (is_current) {
    Session session = *found;
    session.previous_hash = command.presented_hash;
    session.refresh_hash = command.next_hash;
    session.rotated_at = now;
    std::erase_if(session.rotations, [now](Instant at) { return at + refresh_grace <= now; });
    if (session.rotations.size() >= max_rotations) session.rotations.erase(session.rotations.begin());
    session.rotations.push_back(now);
    world.put(std::move(session));
    return Refreshed{user, false};
  }
  // The other tab, a moment after the exchange of its own token: it is given the newest that came of it.
  if (const auto steps = steps_to_newest(*found, command); steps && *steps < found->rotations.size()) {
    const Instant exchanged_at = found->rotations[found->rotations.size() - 1 - *steps];
    if (now < exchanged_at + refresh_grace) return Refreshed{user, false, *steps};
  }
  FreshIds ids(command.meta);
  const Session session = *found;
  end(world, command.meta, ids, session);
  raise_alert(world, command.meta, AlertKind::token_reused, session.id.value, {}, {},
              "A refresh token of this sign-in was used twice; the sign-in was ended.");
  return Refreshed{user, true};
}

void needs(const ProveSession& command, Needs& needs) {
  const auto* user = needs.change<User>(command.meta.user);
  if (user != nullptr && user->totp_confirmed) needs.change<Throttle>(user_codes_id(user->id));
  needs.change<Session>(command.session_id);
}

Result<Session> decide(const ProveSession& command, World& world) {
  const Meta& meta = command.meta;
  const User* user = world.find<User>(meta.user);
  if (user == nullptr || user->erased_at) return refuse(Refusal::unknown_user, "", "There is no such account.");
  const Session* found = world.find<Session>(command.session_id);
  if (found == nullptr || found->user_id != user->id) {
    return refuse(Refusal::unknown_session, "", "There is no such sign-in.");
  }
  if (!is_live(*found, *user, meta.now)) return refuse(Refusal::session_ended, "", "This sign-in has ended.");
  if (user->password_hash.empty() || user->password_hash != command.password_hash) {
    return refuse(Refusal::wrong_credentials, "password", "The password is wrong.");
  }
  if (user->totp_confirmed) {
    User used = *user;
    if (!use_factor(used, command.factor)) {
      return refuse(Refusal::wrong_credentials, "code", "This code is wrong, or was used before.");
    }
    world.put(std::move(used));
    forgive(world, user_codes_id(meta.user), tries_of_user.count);
  }
  Session session = *found;
  session.proven_at = meta.now;
  world.put(session);
  FreshIds ids(meta);
  audit(world, meta, ids, "session.proven", session.id.value);
  return session;
}

void needs(const EndSession& command, Needs& needs) {
  if (const auto* session = needs.change<Session>(command.session_id)) needs.read<User>(session->user_id);
}

Result<Session> decide(const EndSession& command, World& world) {
  const Session* found = world.find<Session>(command.session_id);
  if (found == nullptr) return refuse(Refusal::unknown_session, "sessionId", "There is no such sign-in.");
  if (found->user_id != command.meta.user && !command.meta.is_operator) {
    return refuse(Refusal::forbidden, "", "This sign-in belongs to another account.");
  }
  if (found->ended_at) return *found;
  FreshIds ids(command.meta);
  const Session session = *found;
  end(world, command.meta, ids, session);
  return world.get<Session>(command.session_id);
}

void needs(const EndSessions& command, Needs& needs) {
  needs.change<User>(command.user_id);
}

Result<User> decide(const EndSessions& command, World& world) {
  const Meta& meta = command.meta;
  const User* found = world.find<User>(command.user_id);
  if (found == nullptr) return refuse(Refusal::unknown_user, "userId", "There is no such account.");
  if (found->id != meta.user && !meta.is_operator) {
    return refuse(Refusal::forbidden, "userId", "The account is somebody else's.");
  }
  User user = *found;
  FreshIds ids(meta);
  end_sessions(world, meta, ids, user, command.kept);
  world.put(user);
  audit(world, meta, ids, "user.signed_out", user.id.value);
  return user;
}

void needs(const LockUser& command, Needs& needs) {
  needs.change<User>(command.user_id);
}

Result<User> decide(const LockUser& command, World& world) {
  const Meta& meta = command.meta;
  const User* found = world.find<User>(command.user_id);
  if (found == nullptr || found->guest || found->erased_at) {
    return refuse(Refusal::unknown_user, "userId", "There is no such account.");
  }
  if (!meta.is_operator || meta.user == command.user_id) {
    return refuse(Refusal::forbidden, "userId", "Only another operator may do this.");
  }
  if (found->locked_at.has_value() == command.locked) return *found;
  User user = *found;
  FreshIds ids(meta);
  if (command.locked) {
    user.locked_at = meta.now;
    end_sessions(world, meta, ids, user);
  } else {
    user.locked_at.reset();
  }
  world.put(user);
  audit(world, meta, ids, command.locked ? "user.locked" : "user.unlocked", user.id.value);
  return user;
}

void needs(const RemoveOperator& command, Needs& needs) {
  needs.change<User>(command.user_id);
}

Result<User> decide(const RemoveOperator& command, World& world) {
  const Meta& meta = command.meta;
  const User* found = world.find<User>(command.user_id);
  if (found == nullptr || !found->is_operator) {
    return refuse(Refusal::unknown_user, "userId", "There is no such operator.");
  }
  if (!meta.is_operator) return refuse(Refusal::forbidden, "userId", "Only an operator may do this.");
  User user = *found;
  FreshIds ids(meta);
  user.is_operator = false;
  end_sessions(world, meta, ids, user);
  world.put(user);
  audit(world, meta, ids, "user.operator_removed", user.id.value);
  return user;
}

}  // namespace admit::domain

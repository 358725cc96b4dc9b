#pragma once
// Buyers without an account of their own: an address to send tickets to, and what they bought.

#include "domain/command.hpp"

namespace admit::domain {

/// A guest and the sign-in that comes with it. The e-mail address is not claimed: anybody may give it, and whoever owns
/// it can still open an account with it. No password ever signs a guest in. Refuses: invalid_field.
struct CreateGuest {
  using Outcome = User;
  Meta meta;
  std::string email;  // normal
  std::string name;   // may be empty
  std::string locale;
  SessionId session_id;  // made by the caller: the refresh token names it
  Bytes refresh_hash;
  std::string agent;  // the client's User-Agent
  std::int64_t session_ttl_s = 0;
};
void needs(const CreateGuest& command, Needs& needs);
[[nodiscard]] Result<User> decide(const CreateGuest& command, World& world);

}  // namespace admit::domain

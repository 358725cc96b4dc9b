#pragma once
// Accounts of people.

#include <optional>
#include <string>

#include "domain/command.hpp"

namespace admit::domain {

/// An e-mail address as it is compared and stored: trimmed, ASCII letters in lower case. nullopt if it cannot be one
/// (no single @, empty parts, spaces or control characters, over 254 bytes).
[[nodiscard]] std::optional<std::string> normal_email(std::string_view text);
[[nodiscard]] ClaimId email_claim(std::string_view normal_email);
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

}  // namespace admit::domain

#include "domain/users.hpp"

#include "domain/names.hpp"

namespace admit::domain {

std::optional<std::string> normal_email(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  const auto at = text.find('@');
  if (text.size() > 254 || at == 0 || at == std::string_view::npos || at + 1 == text.size()) return std::nullopt;
  if (text.find('@', at + 1) != std::string_view::npos) return std::nullopt;
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7F || c == ',' || c == ';' || c == '<' || c == '>' || c == '"') return std::nullopt;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

ClaimId email_claim(std::string_view normal_email) {
  return derived_id<ClaimId>("email", normal_email);
}

void needs(const CreateUser& command, Needs& needs) {
  needs.change<Claim>(email_claim(command.email));
}

Result<User> decide(const CreateUser& command, World& world) {
  if (command.name.empty()) return refuse(Refusal::invalid_field, "name", "Give a name.");
  if (const auto fault = fault_of_name(command.name); !fault.empty()) {
    return refuse(Refusal::invalid_field, "name", std::string(fault));
  }
  const ClaimId claim = email_claim(command.email);
  if (world.find<Claim>(claim) != nullptr) {
    return refuse(Refusal::email_taken, "email", "There is an account with this e-mail address; sign in instead.");
  }
  FreshIds ids(command.meta);
  User user{.id = ids.next<UserId>(),
            .email = command.email,
            .name = command.name,
            .locale = command.locale,
            .password_hash = command.password_hash,
            .is_operator = command.is_operator,
            .created_at = command.meta.now};
  world.put(Claim{.id = claim, .kind = "email", .target = user.id.value});
  world.put(user);
  audit(world, command.meta, ids, "user.created", user.id.value);
  return user;
}

}  // namespace admit::domain

#pragma once
// Who may do what for a business: one table, read by the rules, the interface's document, the pages and the tests.

#include <optional>

#include "domain/command.hpp"

namespace admit::domain {

/// The roles that have a capability. The owner has every one.
[[nodiscard]] bool may(MemberRole role, Capability capability);
/// Whether a key may have it: none makes keys or members, and none opens an account where money goes.
[[nodiscard]] bool may_be_scope(Capability capability);

/// What is needed to know what the caller may do for a business.
void need_access(Needs& needs, const Meta& meta, BusinessId business);
/// The caller's role in a business that `need_access` has loaded; nullopt for a stranger, an operator or a key.
[[nodiscard]] std::optional<MemberRole> role_of(const World& world, const Meta& meta, const Business& business);
/// An operator, a member whose role has it, or a live key of the business whose scopes have it.
[[nodiscard]] bool may(const World& world, const Meta& meta, const Business& business, Capability capability);
/// As may, for a row of the business that need_access has loaded.
[[nodiscard]] bool may(const World& world, const Meta& meta, BusinessId business, Capability capability);

/// An operator reads what is not theirs: one entry in the audit, before it is shown.
struct NoteOperatorRead {
  using Outcome = Instant;
  Meta meta;
  Uuid subject;  // what the address names; none for a list of everything
};
void needs(const NoteOperatorRead& command, Needs& needs);
[[nodiscard]] Result<Instant> decide(const NoteOperatorRead& command, World& world);

}  // namespace admit::domain

#pragma once
// Ways out to the payment provider and back: what was given along comes back once, in time, by the same account.

#include "domain/command.hpp"

namespace admit::domain {

/// The row of a state text that was given along. Only its hash is kept.
[[nodiscard]] LinkStateId link_state_id(std::string_view state);

/// Notes a way out for a business. By its owner or an operator.
/// Refuses: unknown_business, forbidden, conflict (the state is taken).
struct BeginLink {
  using Outcome = LinkState;
  Meta meta;
  LinkStateId id;
  LinkPurpose purpose = LinkPurpose::onboarding;
  BusinessId business_id;
  SessionId session_id;  // the sign-in that asks; none for a token of another provider
  std::int64_t ttl_s = 600;
};
void needs(const BeginLink& command, Needs& needs);
[[nodiscard]] Result<LinkState> decide(const BeginLink& command, World& world);

/// Uses it up. With a signed-in user in `meta`, only the one who began may. It is as good as the sign-in that it was made
/// by, and as what its maker still may do.
/// Refuses: link_used_up (unknown, used before, too old, for something else, somebody else's, or its sign-in has ended).
struct TakeLink {
  using Outcome = LinkState;
  Meta meta;
  LinkStateId id;
  LinkPurpose purpose = LinkPurpose::onboarding;
};
void needs(const TakeLink& command, Needs& needs);
[[nodiscard]] Result<LinkState> decide(const TakeLink& command, World& world);

}  // namespace admit::domain

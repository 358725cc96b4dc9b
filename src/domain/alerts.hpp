#pragma once
// What a person should look at.

#include "domain/command.hpp"

namespace admit::domain {

/// Lays it on the desk, again if it was settled. The row must be in the needs: need_alert().
void raise_alert(World& world, const Meta& meta, AlertKind kind, Uuid subject, BusinessId business, ShowId show,
                 std::string_view detail);
/// What it told of is over. Nothing where there is no such alert. The row must be in the needs.
void settle_alert(World& world, const Meta& meta, AlertKind kind, Uuid subject);
inline void need_alert(Needs& needs, AlertKind kind, Uuid subject) {
  needs.change<Alert>(alert_id(kind, subject));
}

/// It is settled. Idempotent. By an operator or the business's owner. Refuses: unknown_alert, forbidden.
struct ResolveAlert {
  using Outcome = Alert;
  Meta meta;
  AlertId alert_id;
};
void needs(const ResolveAlert& command, Needs& needs);
[[nodiscard]] Result<Alert> decide(const ResolveAlert& command, World& world);

}  // namespace admit::domain

#include "domain/alerts.hpp"

#include "domain/access.hpp"

namespace admit::domain {
namespace {

constexpr std::size_t max_detail_bytes = 200;

void settle(World& world, const Meta& meta, const Alert& found) {
  Alert alert = found;
  alert.desk = alert_desk(false);
  alert.resolved_at = meta.now;
  world.put(std::move(alert));
}

}  // namespace

void raise_alert(World& world, const Meta& meta, AlertKind kind, Uuid subject, BusinessId business, ShowId show,
                 std::string_view detail) {
  world.put(Alert{.id = alert_id(kind, subject),
                  .kind = kind,
                  .subject = subject,
                  .business_id = business,
                  .show_id = show,
                  .detail = first_bytes(detail, max_detail_bytes),
                  .desk = alert_desk(true),
                  .at = meta.now});
}

void settle_alert(World& world, const Meta& meta, AlertKind kind, Uuid subject) {
  const Alert* found = world.find<Alert>(alert_id(kind, subject));
  if (found != nullptr && !found->resolved_at) settle(world, meta, *found);
}

void needs(const ResolveAlert& command, Needs& needs) {
  const auto* alert = needs.change<Alert>(command.alert_id);
  if (alert != nullptr && alert->business_id) need_access(needs, command.meta, alert->business_id);
}

Result<Alert> decide(const ResolveAlert& command, World& world) {
  const Alert* found = world.find<Alert>(command.alert_id);
  if (found == nullptr) return refuse(Refusal::unknown_alert, "alertId", "There is no such alert.");
  const bool allowed = found->business_id ? may(world, command.meta, found->business_id, Capability::settle_alerts)
                                          : command.meta.is_operator;
  if (!allowed) return refuse(Refusal::forbidden, "alertId", "It is not yours to settle.");
  if (found->resolved_at) return *found;
  settle(world, command.meta, *found);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "alert.resolved", command.alert_id.value);
  return world.get<Alert>(command.alert_id);
}

}  // namespace admit::domain

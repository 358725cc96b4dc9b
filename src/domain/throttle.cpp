#include "domain/throttle.hpp"

#include <algorithm>

namespace admit::domain {

ThrottleId tries_id(std::string_view account, std::string_view network) {
  std::string text(account);
  text.append(1, '\0').append(network);
  return throttle_id("tries", text);
}
ThrottleId account_tries_id(std::string_view account) {
  return throttle_id("account", account);
}
ThrottleId network_tries_id(std::string_view network) {
  return throttle_id("network", network);
}
ThrottleId user_tries_id(UserId user) {
  return throttle_id("user", user.value.raw());
}
ThrottleId user_codes_id(UserId user) {
  return throttle_id("codes", user.value.raw());
}
ThrottleId address_mails_id(std::string_view email) {
  return throttle_id("mails", email);
}
ThrottleId network_mails_id(std::string_view network) {
  return throttle_id("mails_from", network);
}
ThrottleId resets_here_id(std::string_view email, std::string_view network) {
  std::string text(email);
  text.append(1, '\0').append(network);
  return throttle_id("resets_here", text);
}
ThrottleId resets_id(std::string_view email) {
  return throttle_id("resets", email);
}
ThrottleId changes_of_id(UserId user) {
  return throttle_id("changes_of", user.value.raw());
}
ThrottleId invitations_of_id(UserId user) {
  return throttle_id("invitations_of", user.value.raw());
}
ThrottleId invitations_to_id(UserId user, std::string_view email) {
  std::string text(email);
  text.append(1, '\0').append(user.value.raw());
  return throttle_id("invitations_to", text);
}

Instant free_at(const World& world, ThrottleId id, Allowance allowance, Instant now) {
  const Throttle* found = world.find<Throttle>(id);
  if (found == nullptr || found->failures < allowance.count) return now;
  return std::max(now, found->since + allowance.within);
}

std::unexpected<Error> wait_until(Instant until, Instant now, std::string detail) {
  auto refused = refuse(Refusal::too_many_failures, "", std::move(detail));
  refused.error().retry_after = std::chrono::ceil<std::chrono::seconds>(until - now);
  return refused;
}

void count_try(World& world, ThrottleId id, Allowance allowance, Instant now) {
  const Throttle* found = world.find<Throttle>(id);
  Throttle next = found != nullptr && now < found->since + allowance.within ? *found : Throttle{.id = id, .since = now};
  ++next.failures;
  next.due_at = next.since + allowance.within;
  world.put(std::move(next));
}

void forgive(World& world, ThrottleId id, std::int64_t count) {
  const Throttle* found = world.find<Throttle>(id);
  if (found == nullptr || found->failures == 0) return;
  Throttle next = *found;
  next.failures = std::max<std::int64_t>(0, next.failures - count);
  world.put(std::move(next));
}

Result<void> take_try(World& world, const Meta& meta, ThrottleId id) {
  const Instant free = free_at(world, id, tries_of_user, meta.now);
  if (free > meta.now) return wait_until(free, meta.now, "Too many tries failed; wait a quarter of an hour.");
  count_try(world, id, tries_of_user, meta.now);
  return {};
}

}  // namespace admit::domain

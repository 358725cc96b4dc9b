#include "domain/throttle.hpp"

#include <algorithm>

namespace admit::domain {

namespace {

/// Of two texts together; the first holds no zero byte.
ThrottleId pair_id(std::string_view kind, std::string_view first, std::string_view second) {
  std::string text(first);
  text.append(1, '\0').append(second);
  return throttle_id(kind, text);
}

}  // namespace

ThrottleId tries_id(std::string_view account, std::string_view network) {
  return pair_id("tries", account, network);
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
  return pair_id("resets_here", email, network);
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
  return pair_id("invitations_to", email, user.value.raw());
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

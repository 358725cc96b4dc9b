#include "domain/links.hpp"

#include "domain/access.hpp"
#include "domain/sessions.hpp"

namespace admit::domain {
namespace {

Meta by_maker(const User& maker, Instant now) {
  Meta meta;
  meta.now = now;
  meta.user = maker.id;
  meta.is_operator = maker.is_operator;
  return meta;
}

bool holds(const LinkState& state, const World& world, Instant now) {
  const User& maker = world.get<User>(state.user_id);
  if (maker.generation != state.generation || maker.locked_at || maker.erased_at) return false;
  if (state.session_id) {
    const Session* session = world.find<Session>(state.session_id);
    if (session == nullptr || !is_live(*session, maker, now)) return false;
  }
  return may(world, by_maker(maker, now), state.business_id, Capability::connect_account);
}

}  // namespace

LinkStateId link_state_id(std::string_view state) { return derived_id<LinkStateId>("link_state", state); }

void needs(const BeginLink& command, Needs& needs) {
  need_access(needs, command.meta, command.business_id);
  needs.read<User>(command.meta.user);
  needs.change<LinkState>(command.id);
}

Result<LinkState> decide(const BeginLink& command, World& world) {
  const Business* business = world.find<Business>(command.business_id);
  if (business == nullptr) return refuse(Refusal::unknown_business, "businessId", "There is no such business.");
  if (!may(world, command.meta, *business, Capability::connect_account)) {
    return refuse(Refusal::forbidden, "businessId", "The business belongs to somebody else.");
  }
  if (world.find<LinkState>(command.id) != nullptr) return refuse(Refusal::conflict, "", "The state is taken.");
  LinkState state{.id = command.id,
                  .purpose = command.purpose,
                  .business_id = command.business_id,
                  .user_id = command.meta.user,
                  .session_id = command.session_id,
                  .generation = world.get<User>(command.meta.user).generation,
                  .due_at = command.meta.now + std::chrono::seconds{command.ttl_s}};
  FreshIds ids(command.meta);
  world.put(state);
  audit(world, command.meta, ids, "business.link_begun", command.business_id.value);
  return state;
}

void needs(const TakeLink& command, Needs& needs) {
  const auto* state = needs.change<LinkState>(command.id);
  if (state == nullptr) return;
  if (state->session_id) needs.read<Session>(state->session_id);
  if (const auto* maker = needs.read<User>(state->user_id)) {
    need_access(needs, by_maker(*maker, command.meta.now), state->business_id);
  }
}

Result<LinkState> decide(const TakeLink& command, World& world) {
  const LinkState* found = world.find<LinkState>(command.id);
  const bool good = found != nullptr && !found->used && found->purpose == command.purpose && found->due_at &&
                    command.meta.now < *found->due_at && (!command.meta.user || command.meta.user == found->user_id) &&
                    holds(*found, world, command.meta.now);
  if (!good) return refuse(Refusal::link_used_up, "state", "This way back was used before or is too old; begin again.");
  LinkState state = *found;
  state.used = true;
  world.put(state);
  return state;
}

}  // namespace admit::domain

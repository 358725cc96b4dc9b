#include "domain/guests.hpp"

#include "domain/names.hpp"

namespace admit::domain {

void needs(const CreateGuest& command, Needs& needs) {
  needs.change<Session>(command.session_id);
}

Result<User> decide(const CreateGuest& command, World& world) {
  if (const auto fault = fault_of_mailed_name(command.name); !fault.empty()) {
    return refuse(Refusal::invalid_field, "name", std::string(fault));
  }
  FreshIds ids(command.meta);
  User user{.id = ids.next<UserId>(),
            .email = command.email,
            .name = command.name,
            .locale = command.locale,
            .guest = true,
            .guest_key = guest_key(command.email),
            .created_at = command.meta.now};
  world.put(user);
  world.put(Session{.id = command.session_id,
                    .user_id = user.id,
                    .refresh_hash = command.refresh_hash,
                    .method = "guest",
                    .agent = first_bytes(command.agent, 200),
                    .address = command.meta.address,
                    .created_at = command.meta.now,
                    .expires_at = command.meta.now + std::chrono::seconds{command.session_ttl_s}});
  audit(world, command.meta, ids, "guest.created", user.id.value);
  return user;
}

}  // namespace admit::domain

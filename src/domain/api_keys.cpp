#include "domain/api_keys.hpp"

#include <algorithm>

#include "domain/access.hpp"
#include "domain/names.hpp"

namespace admit::domain {
namespace {

Result<Business> business_for(const Meta& meta, BusinessId id, const World& world) {
  const Business* business = world.find<Business>(id);
  if (business == nullptr) return refuse(Refusal::unknown_business, "businessId", "There is no such business.");
  if (!may(world, meta, *business, Capability::manage_keys)) {
    return refuse(Refusal::forbidden, "businessId", "Only the owner of a business makes and revokes its keys.");
  }
  return *business;
}

void need_business(Needs& needs, const Meta& meta, BusinessId id) {
  needs.change<Business>(id);
  need_access(needs, meta, id);
}

}  // namespace

void needs(const CreateApiKey& command, Needs& needs) {
  need_business(needs, command.meta, command.business_id);
  needs.change<ApiKey>(command.key_id);
}

Result<ApiKey> decide(const CreateApiKey& command, World& world) {
  if (!is_text(command.name, 100)) return refuse(Refusal::invalid_field, "name", "Give a name of 1 to 100 bytes.");
  if (const auto fault = fault_of_name(command.name); !fault.empty()) {
    return refuse(Refusal::invalid_field, "name", std::string(fault));
  }
  if (command.expires_in_days && (*command.expires_in_days < 1 || *command.expires_in_days > max_key_days)) {
    return refuse(Refusal::invalid_field, "expiresInDays", "Give 1 to " + std::to_string(max_key_days) + " days.");
  }
  auto scopes = command.scopes;
  std::ranges::sort(scopes);
  const auto repeated = std::ranges::unique(scopes);
  scopes.erase(repeated.begin(), repeated.end());
  if (scopes.empty()) return refuse(Refusal::invalid_field, "scopes", "Name what the key may do.");
  for (const auto scope : scopes) {
    if (!may_be_scope(scope)) {
      return refuse(Refusal::invalid_field, "scopes", "A key cannot have " + std::string(word(scope)) + ".");
    }
  }
  auto business = business_for(command.meta, command.business_id, world);
  if (!business) return std::unexpected(business.error());
  if (business->key_count >= max_keys_per_business) {
    return refuse(Refusal::too_many, "",
                  "A business has at most " + std::to_string(max_keys_per_business) + " keys; revoke one first.");
  }
  if (world.find<ApiKey>(command.key_id) != nullptr)
    return refuse(Refusal::conflict, "", "There is a key with this id.");
  ApiKey key{.id = command.key_id,
             .business_id = business->id,
             .name = command.name,
             .scopes = std::move(scopes),
             .secret_hash = command.secret_hash,
             .created_by = command.meta.user,
             .created_at = command.meta.now};
  if (command.expires_in_days) key.expires_at = command.meta.now + std::chrono::days{*command.expires_in_days};
  ++business->key_count;
  world.put(*business);
  world.put(key);
  FreshIds ids(command.meta);
  std::string told;
  for (const auto scope : key.scopes) told += (told.empty() ? "" : " ") + std::string(word(scope));
  audit(world, command.meta, ids, "api_key.created", key.id.value, {}, told);
  return key;
}

void needs(const RevokeApiKey& command, Needs& needs) {
  need_business(needs, command.meta, command.business_id);
  needs.change<ApiKey>(command.key_id);
}

Result<ApiKey> decide(const RevokeApiKey& command, World& world) {
  auto business = business_for(command.meta, command.business_id, world);
  if (!business) return std::unexpected(business.error());
  const ApiKey* found = world.find<ApiKey>(command.key_id);
  if (found == nullptr || found->business_id != business->id) {
    return refuse(Refusal::unknown_key, "keyId", "The business has no such key.");
  }
  if (found->revoked_at) return *found;
  ApiKey key = *found;
  key.revoked_at = command.meta.now;
  --business->key_count;
  world.put(*business);
  world.put(key);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "api_key.revoked", key.id.value);
  return key;
}

}  // namespace admit::domain

#pragma once
// A business's keys for its backends: what each may do is said when it is made, and never grows.

#include <vector>

#include "domain/command.hpp"

namespace admit::domain {

inline constexpr std::int64_t max_keys_per_business = 50;
inline constexpr std::int64_t max_key_days = 3650;

/// `key_id` is made by the caller: the key names it.
/// Refuses: invalid_field (name, scopes, expiresInDays), unknown_business, forbidden, too_many, conflict.
struct CreateApiKey {
  using Outcome = ApiKey;
  Meta meta;
  BusinessId business_id;
  ApiKeyId key_id;
  std::string name;
  std::vector<Capability> scopes;
  std::optional<std::int64_t> expires_in_days;
  Bytes secret_hash;
};
void needs(const CreateApiKey& command, Needs& needs);
[[nodiscard]] Result<ApiKey> decide(const CreateApiKey& command, World& world);

/// Idempotent; holds for the next request already. Refuses: unknown_business, forbidden, unknown_key.
struct RevokeApiKey {
  using Outcome = ApiKey;
  Meta meta;
  BusinessId business_id;
  ApiKeyId key_id;
};
void needs(const RevokeApiKey& command, Needs& needs);
[[nodiscard]] Result<ApiKey> decide(const RevokeApiKey& command, World& world);

}  // namespace admit::domain

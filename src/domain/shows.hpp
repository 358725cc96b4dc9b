#pragma once
// Shows, quotas, tiers, the devices of their gates and the keys of their tickets.

#include "domain/command.hpp"

namespace admit::domain {

inline constexpr std::int64_t max_tiers_per_show = 100;
inline constexpr std::size_t max_quotas_per_tier = 8;
inline constexpr std::size_t max_windows_per_show = 32;
/// A registration never holds more tickets than this, whatever a show says: one command must fit in one save.
inline constexpr std::int64_t max_tickets_hard = 40;
inline constexpr std::int64_t max_quota_size = 10'000'000;

/// A draft of a show with its first signing key. `show_id` is made by the caller, because the wrapped key is bound to it.
/// Refuses: invalid_field, unknown_business, forbidden, conflict (the id is taken).
struct CreateShow {
  using Outcome = Show;
  Meta meta;
  Show show;  // id, business_id and all that the organiser chose; the rest is set here
  Bytes public_key;
  Bytes wrapped_private_key;
};
void needs(const CreateShow& command, Needs& needs);
[[nodiscard]] Result<Show> decide(const CreateShow& command, World& world);

/// Refuses: invalid_field, unknown_show, forbidden, show_cancelled.
struct CreateQuota {
  using Outcome = Quota;
  Meta meta;
  ShowId show_id;
  std::string name;
  std::int64_t size = 0;
};
void needs(const CreateQuota& command, Needs& needs);
[[nodiscard]] Result<Quota> decide(const CreateQuota& command, World& world);

/// A tier drawing from the quotas named, or, with `capacity`, from a quota of its own made with it.
/// Refuses: invalid_field, unknown_show, forbidden, show_cancelled.
struct CreateTier {
  using Outcome = Tier;
  Meta meta;
  ShowId show_id;
  std::string name;
  std::int64_t price_minor = 0;
  std::int64_t tax_rate_bp = 0;
  std::int64_t fee_minor = 0;
  std::int64_t min_per_registration = 1;
  std::int64_t max_per_registration = 10;
  std::vector<QuotaId> quota_ids;
  std::optional<std::int64_t> capacity;
};
void needs(const CreateTier& command, Needs& needs);
[[nodiscard]] Result<Tier> decide(const CreateTier& command, World& world);

/// Idempotent. Refuses: unknown_show, forbidden, show_cancelled, show_incomplete (no tier yet).
struct PublishShow {
  using Outcome = Show;
  Meta meta;
  ShowId show_id;
};
void needs(const PublishShow& command, Needs& needs);
[[nodiscard]] Result<Show> decide(const PublishShow& command, World& world);

/// Adds the show's next signing key; tickets issued from now on carry it. Refuses: unknown_show, forbidden, conflict
/// (`number` is not the next).
struct RotateShowKey {
  using Outcome = ShowKey;
  Meta meta;
  ShowId show_id;
  std::int64_t number = 0;
  Bytes public_key;
  Bytes wrapped_private_key;
};
void needs(const RotateShowKey& command, Needs& needs);
[[nodiscard]] Result<ShowKey> decide(const RotateShowKey& command, World& world);

/// Begins the next sealing epoch of the key ring. Refuses: conflict (`number` is there already).
struct AddSealingEpoch {
  using Outcome = SealingEpoch;
  Meta meta;
  std::int64_t number = 0;
  Bytes check;
};
void needs(const AddSealingEpoch& command, Needs& needs);
[[nodiscard]] Result<SealingEpoch> decide(const AddSealingEpoch& command, World& world);

}  // namespace admit::domain

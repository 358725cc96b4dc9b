#pragma once
// Businesses, shows, tiers and quotas as JSON.

#include <optional>
#include <string>
#include <vector>

#include "domain/rows.hpp"
#include "http/shape.hpp"

namespace admit::api {

/// The platform's share of a business's payments.
struct FeesJson {
  std::int64_t fixed = 0, percent_bp = 0;
  std::optional<std::string> charge_model;
  std::optional<bool> on_behalf_of;
  static http::Shape shape();
};

struct BusinessJson {
  std::string business_id, name, owner_id, created_at;
  std::optional<std::string> stripe_account;
  bool charges_enabled = false;
  bool can_sell = false;
  std::optional<std::string> missing;
  FeesJson fees;
  static http::Shape shape();
};
[[nodiscard]] BusinessJson to_json(const domain::Business& business);

struct WindowJson {
  std::string from, until;
  static http::Shape shape();
};

struct TierJson {
  std::string tier_id, name, currency;
  std::int64_t price = 0, fee = 0, tax_rate = 0, min_per_registration = 1, max_per_registration = 1, available = 0;
  std::vector<std::string> quota_ids;
  static http::Shape shape();
};
/// `available`: the fewest places left in the quotas it draws from, at most 100 told.
[[nodiscard]] TierJson to_json(const domain::Tier& tier, const std::string& currency, std::int64_t available);

struct QuotaJson {
  std::string quota_id, name;
  std::int64_t size = 0, taken = 0;
  static http::Shape shape();
};
[[nodiscard]] QuotaJson to_json(const domain::Quota& quota);

struct ShowJson {
  std::string show_id, event_id, business_id, title, venue, address, language, zone, starts_local, doors_local, starts_at,
      doors_at, currency, status, conditions;
  std::vector<WindowJson> windows;
  std::optional<std::string> sale_from, sale_until;
  std::int64_t hold_seconds = 0, max_tickets_per_registration = 0;
  std::vector<TierJson> tiers;
  static http::Shape shape();
};
[[nodiscard]] ShowJson to_json(const domain::Show& show, std::vector<TierJson> tiers);

}  // namespace admit::api

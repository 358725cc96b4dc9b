#pragma once
// An account as JSON, and what a frontend may know of it.

#include <optional>
#include <string>
#include <vector>

#include "api/services.hpp"
#include "domain/rows.hpp"
#include "identity/access_token.hpp"

namespace admit::api {

/// A business that somebody works for.
struct OwnBusinessJson {
  std::string business_id, name, role;
  bool has_stripe_account = false;
  std::optional<std::string> sales_gate;
  static http::Shape shape();
};

struct MeJson {
  std::string user_id, profile_id, email, name, locale, created_at;
  std::vector<std::string> roles;
  std::vector<OwnBusinessJson> businesses;
  std::int64_t registrations = 0, tickets = 0;
  bool email_verified = false, second_factor = false, is_guest = false, has_password = false;
  static http::Shape shape();
};
/// Reads: some hundred rows at most.
[[nodiscard]] MeJson me_json(const Services& services, const domain::User& user);

/// At most 100, those it owns first.
[[nodiscard]] identity::UserClaims user_claims(const Services& services, const domain::User& user);

}  // namespace admit::api

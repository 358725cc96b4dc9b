#include "api/account_json.hpp"

#include <algorithm>

#include "domain/accounts.hpp"

namespace admit::api {
namespace {

constexpr std::size_t max_businesses = 100;
constexpr std::size_t max_counted = 100;

struct Role {
  domain::Business business;
  domain::MemberRole role;
};

/// The businesses that somebody works for, those of their own first.
std::vector<Role> roles_of(const Services& services, domain::UserId user) {
  std::vector<Role> out;
  const auto own = store::list<domain::Business>(services.store, "by_owner", user.value, max_businesses);
  for (const auto& business : own.rows) out.push_back({business, domain::MemberRole::owner});
  const auto memberships = store::list<domain::Member>(services.store, "by_user", user.value, max_businesses);
  for (const auto& member : memberships.rows) {
    if (member.removed_at || out.size() >= max_businesses) continue;
    if (auto business = store::get<domain::Business>(services.store, member.business_id)) {
      out.push_back({*std::move(business), member.role});
    }
  }
  return out;
}

/// `operator`, and each role in a business once.
std::vector<std::string> words_of(const domain::User& user, const std::vector<Role>& roles) {
  std::vector<std::string> out;
  if (user.is_operator) out.emplace_back("operator");
  for (const auto& one : roles) {
    std::string role(domain::word(one.role));
    if (std::ranges::find(out, role) == out.end()) out.push_back(std::move(role));
  }
  return out;
}

}  // namespace

http::Shape OwnBusinessJson::shape() {
  using namespace http;
  return http::object<OwnBusinessJson>(
      "OwnBusiness",
      {required("businessId", &OwnBusinessJson::business_id, uuid()), required("name", &OwnBusinessJson::name),
       required("role", &OwnBusinessJson::role), required("hasStripeAccount", &OwnBusinessJson::has_stripe_account),
       optional("salesGate", &OwnBusinessJson::sales_gate,
                text(1, 1000).doc("What keeps it from selling what costs money; absent where nothing does."))});
}

http::Shape MeJson::shape() {
  using namespace http;
  return http::object<MeJson>(
      "Me",
      {required("userId", &MeJson::user_id, uuid()), required("profileId", &MeJson::profile_id, uuid()),
       required("email", &MeJson::email), required("emailVerified", &MeJson::email_verified),
       required("name", &MeJson::name), required("locale", &MeJson::locale),
       required("roles", &MeJson::roles, items(0, 10)), required("businesses", &MeJson::businesses, items(0, 100)),
       required("registrations", &MeJson::registrations, integer(0, 100).doc("100 stands for 100 and more.")),
       required("tickets", &MeJson::tickets, integer(0, 100).doc("100 stands for 100 and more.")),
       required("hasPassword", &MeJson::has_password), required("secondFactor", &MeJson::second_factor),
       required("isGuest", &MeJson::is_guest), required("createdAt", &MeJson::created_at, date_time())});
}

MeJson me_json(const Services& services, const domain::User& user) {
  const auto roles = roles_of(services, user.id);
  MeJson out{.user_id = user.id.text(),
             .profile_id = user.id.text(),
             .email = user.email,
             .name = user.name,
             .locale = user.locale,
             .created_at = domain::text(user.created_at),
             .roles = words_of(user, roles),
             .email_verified = user.email_verified,
             .second_factor = user.totp_confirmed,
             .is_guest = user.guest,
             .has_password = !user.password_hash.empty()};
  for (const auto& [business, role] : roles) {
    out.businesses.push_back({business.id.text(), business.name, std::string(domain::word(role)),
                              !business.stripe_account.empty(), domain::sales_gate(business)});
  }
  const auto count = [&](const auto& page) {
    return static_cast<std::int64_t>(page.rows.size());
  };
  out.registrations = count(store::list<domain::Registration>(services.store, "by_user", user.id.value, max_counted));
  out.tickets = count(store::list<domain::Ticket>(services.store, "by_user", user.id.value, max_counted));
  return out;
}

identity::UserClaims user_claims(const Services& services, const domain::User& user) {
  const auto roles = roles_of(services, user.id);
  identity::UserClaims out{
      .user = user.id, .businesses = {}, .roles = words_of(user, roles), .name = user.name, .locale = user.locale};
  for (const auto& one : roles) out.businesses.push_back(one.business.id);
  return out;
}

}  // namespace admit::api

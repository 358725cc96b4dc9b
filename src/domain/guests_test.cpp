#include "domain/guests.hpp"

#include <doctest/doctest.h>

#include "domain/users.hpp"
#include "domain/catalogue.hpp"
#include "domain/holders.hpp"
#include "domain/testing/office.hpp"

namespace admit::domain {
namespace {

using testing::Office;
using testing::Rows;

struct GuestOffice {
  Rows rows;
  Office<Rows> office{rows};

  User guest(const std::string& email = "guest@example.org") {
    return *rows.call(CreateGuest{.meta = office.meta(),
                                  .email = email,
                                  .name = "Guest",
                                  .locale = "de",
                                  .session_id = office.fresh<SessionId>(),
                                  .refresh_hash = {"hash"},
                                  .session_ttl_s = 60});
  }
};

TEST_CASE("guest: has a sign-in, no password, and leaves the address to whoever owns it") {
  GuestOffice o;
  const auto session = o.office.fresh<SessionId>();
  const auto made = o.rows.call(CreateGuest{.meta = o.office.meta(),
                                            .email = "buyer@example.net",
                                            .session_id = session,
                                            .refresh_hash = {"hash"},
                                            .session_ttl_s = 60});
  REQUIRE(made);
  CHECK(made->guest);
  CHECK(made->password_hash.empty());
  CHECK(o.rows.get<Session>(session).user_id == made->id);
  CHECK(o.rows.get<Session>(session).expires_at == o.office.now + std::chrono::seconds{60});
  CHECK(o.guest("buyer@example.net").id != made->id);
  const auto account = o.rows.call(CreateUser{
      .meta = o.office.meta(), .email = "buyer@example.net", .name = "Owner", .locale = "", .password_hash = "-"});
  REQUIRE(account);
  CHECK_FALSE(account->guest);
}

TEST_CASE("guest: has no business, and an account has a bounded number of them") {
  GuestOffice o;
  const auto make = [&](UserId owner, bool is_operator = false) {
    auto meta = o.office.meta(owner);
    meta.is_operator = is_operator;
    return o.rows.call(CreateBusiness{.meta = meta, .name = "Hall"});
  };
  const auto refused = make(o.guest().id);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Refusal::forbidden);
  for (std::int64_t i = 0; i < max_businesses_of_user; ++i) CHECK(make(o.office.buyer));
  const auto one_more = make(o.office.buyer);
  REQUIRE_FALSE(one_more);
  CHECK(one_more.error().code == Refusal::too_many);
  for (std::int64_t i = 0; i <= max_businesses_of_user; ++i) CHECK(make(o.office.operator_, true));
}

TEST_CASE("holders: named while held, by the one who holds, line by line") {
  GuestOffice o;
  const auto user = o.guest();
  const auto reserved = o.rows.call(o.office.order(o.office.tier(1'000, 10).id, 2, user.id));
  REQUIRE(reserved);
  const auto id = reserved->id;
  const auto tier = reserved->lines[0].tier_id;
  const auto name = [&](UserId who, std::vector<HolderNames> lines) {
    return o.rows.call(NameHolders{.meta = o.office.meta(who), .registration_id = id, .lines = std::move(lines)});
  };
  const auto named = name(user.id, {{tier, {"Ada", "Grace"}}});
  REQUIRE(named);
  CHECK(o.rows.get<Registration>(id).lines[0].holders == std::vector<std::string>{"Ada", "Grace"});
  CHECK(o.rows.get<Registration>(id).lines[0].gross_minor == reserved->lines[0].gross_minor);
  CHECK(name(user.id, {})->lines == named->lines);
  CHECK(name(o.office.other_buyer, {{tier, {"Eve"}}}).error().code == Refusal::forbidden);
  CHECK(name(user.id, {{TierId{{9, 9}}, {"Ada"}}}).error().code == Refusal::unknown_tier);
  CHECK(name(user.id, {{tier, {"1", "2", "3"}}}).error().code == Refusal::invalid_field);
  CHECK(name(user.id, {{tier, {std::string(201, 'x')}}}).error().code == Refusal::invalid_field);
  CHECK(o.rows.get<Registration>(id).lines[0].holders == std::vector<std::string>{"Ada", "Grace"});
  REQUIRE(o.rows.call(CancelRegistration{.meta = o.office.meta(user.id), .registration_id = id}));
  CHECK(name(user.id, {{tier, {"Late"}}}).error().code == Refusal::registration_not_held);
}

TEST_CASE("catalogue: a show lies under its month, and the months go over the end of a year") {
  const auto at = [](int year, unsigned month, unsigned day) {
    return Instant{std::chrono::sys_days{std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day}}};
  };
  CHECK(catalogue_key(at(2027, 8, 1)).value.raw() == "shows of 2027-08");
  CHECK(catalogue_key(at(2027, 8, 31)) == catalogue_key(at(2027, 8, 1)));
  CHECK(catalogue_key(at(2027, 8, 31), -1).value.raw() == "shows of 2027-07");
  CHECK(catalogue_key(at(2027, 12, 31), 1).value.raw() == "shows of 2028-01");
  CHECK(catalogue_key(at(2027, 1, 1), -1).value.raw() == "shows of 2026-12");
  CHECK(catalogue_key(at(2027, 8, 1), 12).value.raw() == "shows of 2028-08");
}

}  // namespace
}  // namespace admit::domain

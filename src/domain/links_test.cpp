#include "domain/links.hpp"

#include <doctest/doctest.h>

#include <array>

#include "domain/testing/office.hpp"

namespace admit::domain {
namespace {

using testing::Office;
using testing::Rows;

struct LinkOffice {
  Rows rows;
  Office<Rows> office{rows};

  void begin(std::string_view state, LinkPurpose purpose = LinkPurpose::oauth, SessionId session = {}) {
    const auto begun = rows.call(BeginLink{.meta = office.meta(office.organiser),
                                           .id = link_state_id(state),
                                           .purpose = purpose,
                                           .business_id = office.business,
                                           .session_id = session,
                                           .ttl_s = 600});
    REQUIRE(begun);
  }
  bool take(std::string_view state, UserId user, LinkPurpose purpose = LinkPurpose::oauth) {
    const auto taken = rows.call(TakeLink{.meta = office.meta(user), .id = link_state_id(state), .purpose = purpose});
    if (!taken) CHECK(taken.error().code == Refusal::link_used_up);
    return taken.has_value();
  }
};

TEST_CASE("link: comes back once, to whoever began, and to nobody else") {
  LinkOffice o;
  o.begin("state");
  CHECK_FALSE(o.take("another", o.office.organiser));
  CHECK_FALSE(o.take("state", o.office.buyer));
  CHECK_FALSE(o.take("state", o.office.organiser, LinkPurpose::onboarding));
  CHECK(o.take("state", o.office.organiser));
  CHECK_FALSE(o.take("state", o.office.organiser));
}

TEST_CASE("link: is good until its time is over") {
  LinkOffice o;
  o.begin("early");
  o.begin("late");
  o.office.now += std::chrono::seconds{599};
  CHECK(o.take("early", o.office.organiser));
  o.office.now += std::chrono::seconds{1};
  CHECK_FALSE(o.take("late", o.office.organiser));
}

TEST_CASE("link: is as good as the sign-in that it was made by") {
  LinkOffice o;
  Session session{.id = o.office.fresh<SessionId>(),
                  .user_id = o.office.organiser,
                  .created_at = o.office.now,
                  .expires_at = o.office.now + std::chrono::hours{1}};
  o.rows.world.put(session);
  o.begin("used", LinkPurpose::onboarding, session.id);
  o.begin("kept", LinkPurpose::onboarding, session.id);
  CHECK(o.take("used", {}, LinkPurpose::onboarding));
  session.ended_at = o.office.now;
  o.rows.world.put(session);
  CHECK_FALSE(o.take("kept", {}, LinkPurpose::onboarding));
}

TEST_CASE("link: is void once what signs in has changed, or its maker is locked or erased") {
  const std::array<void (*)(User&), 3> changes{[](User& user) { ++user.generation; },
                                               [](User& user) { user.locked_at = user.created_at; },
                                               [](User& user) { user.erased_at = user.created_at; }};
  for (const auto change : changes) {
    LinkOffice o;
    o.begin("state", LinkPurpose::onboarding);
    User maker = o.rows.get<User>(o.office.organiser);
    change(maker);
    o.rows.world.put(maker);
    CHECK_FALSE(o.take("state", {}, LinkPurpose::onboarding));
  }
}

TEST_CASE("link: only for a business of one's own") {
  LinkOffice o;
  const auto begun = o.rows.call(BeginLink{.meta = o.office.meta(o.office.buyer),
                                           .id = link_state_id("state"),
                                           .purpose = LinkPurpose::oauth,
                                           .business_id = o.office.business});
  REQUIRE_FALSE(begun);
  CHECK(begun.error().code == Refusal::forbidden);
}

}  // namespace
}  // namespace admit::domain

#include "domain/links.hpp"

#include <doctest/doctest.h>

#include "domain/testing/office.hpp"

namespace admit::domain {
namespace {

using testing::Office;
using testing::Rows;

struct LinkOffice {
  Rows rows;
  Office<Rows> office{rows};

  void begin(std::string_view state, LinkPurpose purpose = LinkPurpose::oauth) {
    const auto begun = rows.call(BeginLink{.meta = office.meta(office.organiser),
                                           .id = link_state_id(state),
                                           .purpose = purpose,
                                           .business_id = office.business,
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

#include <doctest/doctest.h>

#include <functional>

#include "domain/testing/office.hpp"

using namespace admit::domain;
using admit::domain::testing::code;
using admit::domain::testing::Rows;
using std::chrono::hours;

TEST_CASE("show: each field has its bounds") {
  struct Row {
    const char* field;
    std::function<void(Show&)> break_it;
  };
  const Row rows[] = {
      {"title",
       [](Show& s) {
         s.title.clear();
       }},
      {"title",
       [](Show& s) {
         s.title.assign(201, 'x');
       }},
      {"venue",
       [](Show& s) {
         s.venue.assign(201, 'x');
       }},
      {"address",
       [](Show& s) {
         s.address.assign(301, 'x');
       }},
      {"conditions",
       [](Show& s) {
         s.conditions.assign(501, 'x');
       }},
      {"currency",
       [](Show& s) {
         s.currency = "euro";
       }},
      {"currency",
       [](Show& s) {
         s.currency = "XTS";
       }},
      {"windows",
       [](Show& s) {
         s.windows.clear();
       }},
      {"windows",
       [](Show& s) {
         s.windows.resize(33, s.windows[0]);
       }},
      {"windows",
       [](Show& s) {
         s.windows[0].until = s.windows[0].from;
       }},
      {"doors",
       [](Show& s) {
         s.doors_at = s.starts_at + hours{1};
       }},
      {"saleUntil",
       [](Show& s) {
         s.sale_from = s.sale_until = s.starts_at;
       }},
      {"holdSeconds",
       [](Show& s) {
         s.hold_shown_s = 59;
       }},
      {"holdSeconds",
       [](Show& s) {
         s.hold_shown_s = 3601;
       }},
      {"holdGraceSeconds",
       [](Show& s) {
         s.hold_grace_s = -1;
       }},
      {"maxTicketsPerRegistration",
       [](Show& s) {
         s.max_tickets_per_registration = 41;
       }},
      {"maxLiveHoldsPerUser",
       [](Show& s) {
         s.max_live_holds_per_user = 0;
       }},
      {"maxLiveHoldsPerAddress",
       [](Show& s) {
         s.max_live_holds_per_address = 0;
       }},
  };
  Rows rows_store;
  testing::Office<Rows> o{rows_store};
  for (const auto& row : rows) {
    CAPTURE(std::string(row.field));
    auto draft = o.draft();
    row.break_it(draft);
    draft.business_id = {};  // a second fault, which comes later
    const auto result = o.call(o.create(draft));
    CHECK(code(result) == Refusal::invalid_field);
    CHECK(result.error().field == row.field);
  }
  CHECK(o.call(o.create(o.draft())).has_value());
}

TEST_CASE("show: its own business only, an id only once, and on sale only with a tier") {
  Rows rows;
  testing::Office<Rows> o{rows};
  auto create = o.create(o.draft());
  create.meta.user = o.buyer;
  CHECK(code(o.call(create)) == Refusal::forbidden);
  create.show.business_id = {};
  CHECK(code(o.call(create)) == Refusal::unknown_business);
  create = o.create(o.draft());
  create.show.status = ShowStatus::published;  // not the caller's to say
  const Show show = o.must(create);
  CHECK(show.status == ShowStatus::draft);
  CHECK(code(o.call(create)) == Refusal::conflict);
  const auto publish = [&](UserId user) {
    return PublishShow{.meta = o.meta(user), .show_id = show.id};
  };
  CHECK(code(o.call(publish(o.buyer))) == Refusal::forbidden);
  CHECK(code(o.call(publish(o.organiser))) == Refusal::show_incomplete);
  o.must(CreateTier{.meta = o.meta(o.organiser), .show_id = show.id, .name = "t", .price_minor = 100, .capacity = 1});
  CHECK(o.must(publish(o.organiser)).status == ShowStatus::published);
  CHECK(o.must(publish(o.organiser)).status == ShowStatus::published);
}

TEST_CASE("tier: what it may be, and how they are numbered") {
  Rows rows;
  testing::Office<Rows> o{rows};
  const QuotaId quota = o.quota(5);
  const ShowId elsewhere = o.new_show();
  const QuotaId foreign =
      o.must(CreateQuota{.meta = o.meta(o.organiser), .show_id = elsewhere, .name = "q", .size = 1}).id;
  struct Row {
    const char* field;
    std::function<void(CreateTier&)> break_it;
  };
  const Row bad[] = {
      {"name",
       [](CreateTier& t) {
         t.name.clear();
       }},
      {"price",
       [](CreateTier& t) {
         t.price_minor = -1;
       }},
      {"price",
       [](CreateTier& t) {
         t.price_minor = max_amount_minor + 1;
       }},
      {"price",
       [](CreateTier& t) {
         t.price_minor = 49;
       }},  // below what can be charged in EUR
      {"fee",
       [](CreateTier& t) {
         t.fee_minor = -1;
       }},
      {"taxRate",
       [](CreateTier& t) {
         t.tax_rate_bp = 10'001;
       }},
      {"maxPerRegistration",
       [](CreateTier& t) {
         t.max_per_registration = 41;
       }},
      {"minPerRegistration",
       [](CreateTier& t) {
         t.min_per_registration = 11;
       }},
      {"minPerRegistration",
       [](CreateTier& t) {
         t.min_per_registration = 0;
       }},
      {"capacity",
       [](CreateTier& t) {
         t.capacity = -1;
       }},
      {"quotaIds",
       [](CreateTier& t) {
         t.capacity.reset();
       }},
      {"quotaIds",
       [&](CreateTier& t) {
         t.quota_ids = {quota};
       }},
      {"quotaIds",
       [&](CreateTier& t) {
         t.capacity.reset(), t.quota_ids.resize(9, quota);
       }},
      {"quotaIds[0]",
       [&](CreateTier& t) {
         t.capacity.reset(), t.quota_ids = {quota, quota};
       }},
      {"quotaIds[1]",
       [&](CreateTier& t) {
         t.capacity.reset(), t.quota_ids = {quota, foreign};
       }},
  };
  const auto create = [&] {
    return CreateTier{.meta = o.meta(o.organiser), .show_id = o.show, .name = "t", .price_minor = 1000, .capacity = 5};
  };
  for (const auto& row : bad) {
    CAPTURE(std::string(row.field));
    auto command = create();
    row.break_it(command);
    const auto result = o.call(command);
    CHECK(code(result) == Refusal::invalid_field);
    CHECK(result.error().field == row.field);
  }
  CHECK(o.must(create()).number == 1);  // the show came with one
  CHECK(o.must(create()).number == 2);
  auto stranger = create();
  stranger.meta.user = o.buyer;
  CHECK(code(o.call(stranger)) == Refusal::forbidden);
}

TEST_CASE("key: each next one by its number") {
  Rows rows;
  testing::Office<Rows> o{rows};
  const auto rotate = [&](std::int64_t number) {
    return RotateShowKey{.meta = o.meta(o.organiser),
                         .show_id = o.show,
                         .number = number,
                         .public_key = {"p"},
                         .wrapped_private_key = {"w"}};
  };
  CHECK(code(o.call(rotate(0))) == Refusal::conflict);
  CHECK(code(o.call(rotate(2))) == Refusal::conflict);
  o.must(rotate(1));
  CHECK(code(o.call(rotate(1))) == Refusal::conflict);
  CHECK(rows.get<Ticket>(o.ticket()).key_number == 1);
}

TEST_CASE("device: of its own show, with an id of its own") {
  Rows rows;
  testing::Office<Rows> o{rows};
  CreateDevice create{
      .meta = o.meta(o.organiser), .device_id = o.gate, .show_id = o.show, .gate = "g", .token_hash = {"h"}};
  CHECK(code(o.call(create)) == Refusal::conflict);
  create.device_id = o.fresh<DeviceId>();
  create.meta.user = o.buyer;
  CHECK(code(o.call(create)) == Refusal::forbidden);
  create.gate.clear();
  CHECK(code(o.call(create)) == Refusal::invalid_field);
  CHECK(code(o.call(RevokeDevice{.meta = o.meta(o.buyer), .device_id = o.gate})) == Refusal::forbidden);
}

TEST_CASE("account: an address once, an account of the provider for one business only") {
  Rows rows;
  testing::Office<Rows> o{rows};
  CHECK(code(o.call(CreateUser{.meta = o.meta(), .email = "buyer@example.org", .name = "x"})) == Refusal::email_taken);
  CHECK(code(o.call(CreateUser{.meta = o.meta(), .email = "buyer@example.org"})) == Refusal::invalid_field);
  const BusinessId other = o.must(CreateBusiness{.meta = o.meta(o.buyer), .name = "Other"}).id;
  const auto link = [&](Meta meta, BusinessId business, std::string account) {
    return LinkAccount{.meta = std::move(meta), .business_id = business, .account = o.account(std::move(account))};
  };
  CHECK(code(o.call(link(o.meta(o.buyer), other, "acct_x"))) == Refusal::forbidden);
  CHECK(code(o.call(link(o.by_operator(), other, "acct_hall"))) == Refusal::account_taken);
  CHECK(code(o.call(link(o.by_operator(), o.business, "acct_x"))) == Refusal::account_taken);
  CHECK(o.must(link(o.by_operator(), o.business, "acct_hall")).stripe_account == "acct_hall");
}

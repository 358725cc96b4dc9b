#include "domain/devices.hpp"

#include <doctest/doctest.h>

#include "domain/api_keys.hpp"
#include "domain/testing/office.hpp"

using namespace admit::domain;
using admit::domain::testing::code;
using admit::domain::testing::Rows;

namespace {

struct Gates {
  Rows rows;
  testing::Office<Rows> o{rows};

  CreateDevice create(std::vector<TierId> tiers = {}) {
    return {.meta = o.meta(o.organiser),
            .device_id = o.fresh<DeviceId>(),
            .show_id = o.show,
            .gate = "west",
            .tier_ids = std::move(tiers),
            .token_hash = {},
            .enrolment = Enrolment{o.fresh<ProofId>(), {"code"}}};
  }
  EnrolDevice enrol(ProofId code_id, const std::string& token = "token") {
    return {.meta = o.meta(), .enrolment = {code_id, {"code"}}, .token_hash = {token}};
  }
  AskEnrolment ask(DeviceId id) {
    return {.meta = o.meta(o.organiser), .device_id = id, .enrolment = {o.fresh<ProofId>(), {"code"}}};
  }
};

}  // namespace

TEST_CASE("enrolment: a code gives the token once, within its time") {
  Gates g;
  const auto create = g.create();
  const Device made = g.o.must(create);
  CHECK(made.token_hash.data.empty());
  auto late = g.enrol(create.enrolment->id);
  late.meta.now += enrolment_ttl;
  CHECK(code(g.o.call(late)) == Refusal::unknown_proof);
  auto wrong = g.enrol(create.enrolment->id);
  wrong.enrolment.secret_hash = {"other"};
  CHECK(code(g.o.call(wrong)) == Refusal::unknown_proof);
  CHECK(g.o.must(g.enrol(create.enrolment->id)).token_hash.data == "token");
  CHECK(code(g.o.call(g.enrol(create.enrolment->id, "second"))) == Refusal::unknown_proof);
  CHECK(g.rows.get<Device>(made.id).token_hash.data == "token");
}

TEST_CASE("enrolment: the first of several codes that is used ends the others") {
  Gates g;
  const auto create = g.create();
  const DeviceId id = g.o.must(create).id;
  const auto first = g.ask(id), second = g.ask(id);
  g.o.must(first);
  g.o.must(second);
  g.o.must(g.enrol(second.enrolment.id, "new"));
  CHECK(code(g.o.call(g.enrol(first.enrolment.id, "stolen"))) == Refusal::unknown_proof);
  CHECK(code(g.o.call(g.enrol(create.enrolment->id, "stolen"))) == Refusal::unknown_proof);
  CHECK(g.rows.get<Device>(id).token_hash.data == "new");
}

TEST_CASE("enrolment: a code is as good as what its maker may do when it is used") {
  Gates g;
  const UserId manager = g.o.other_buyer;
  Member member{.id = member_id(g.o.business, manager),
                .business_id = g.o.business,
                .user_id = manager,
                .role = MemberRole::manager,
                .added_by = g.o.organiser,
                .added_at = g.o.now};
  g.rows.world.put(member);
  auto create = g.create();
  create.meta = g.o.meta(manager);
  g.o.must(create);
  auto ask = g.ask(create.device_id);
  ask.meta = g.o.meta(manager);
  g.o.must(ask);
  const auto by_operator = g.ask(create.device_id);
  g.o.must(AskEnrolment{.meta = g.o.by_operator(), .device_id = create.device_id, .enrolment = by_operator.enrolment});
  member.removed_at = g.o.now;
  g.rows.world.put(member);
  CHECK(code(g.o.call(g.enrol(create.enrolment->id))) == Refusal::unknown_proof);
  CHECK(code(g.o.call(g.enrol(ask.enrolment.id))) == Refusal::unknown_proof);
  CHECK(g.o.call(g.enrol(by_operator.enrolment.id)));
}

TEST_CASE("enrolment: a key's code is void once the key is revoked or its owner locked") {
  for (const bool is_revoked : {true, false}) {
    Gates g;
    const auto key = g.o.must(CreateApiKey{.meta = g.o.meta(g.o.organiser),
                                           .business_id = g.o.business,
                                           .key_id = g.o.fresh<ApiKeyId>(),
                                           .name = "Gates",
                                           .scopes = {Capability::enrol_devices},
                                           .expires_in_days = {},
                                           .secret_hash = {"k"}})
                         .id;
    const auto create = g.create();
    g.o.must(create);
    const auto ask = [&] {
      auto command = g.ask(create.device_id);
      command.meta.user = {};
      command.meta.key = key;
      g.o.must(command);
      return command.enrolment.id;
    };
    const auto used = ask(), open = ask();
    CHECK(g.o.call(g.enrol(used)));
    const auto late = ask();
    if (is_revoked) {
      ApiKey row = g.rows.get<ApiKey>(key);
      row.revoked_at = g.o.now;
      g.rows.world.put(row);
    } else {
      User owner = g.rows.get<User>(g.o.organiser);
      owner.locked_at = g.o.now;
      g.rows.world.put(owner);
    }
    CHECK(code(g.o.call(g.enrol(open))) == Refusal::unknown_proof);
    CHECK(code(g.o.call(g.enrol(late))) == Refusal::unknown_proof);
  }
}

TEST_CASE("enrolment: not of a revoked gate, and not asked for by strangers") {
  Gates g;
  const auto create = g.create();
  const DeviceId id = g.o.must(create).id;
  auto ask = g.ask(id);
  ask.meta = g.o.meta(g.o.buyer);
  CHECK(code(g.o.call(ask)) == Refusal::forbidden);
  CHECK(code(g.o.call(g.ask(g.o.fresh<DeviceId>()))) == Refusal::unknown_device);
  g.o.must(RevokeDevice{.meta = g.o.meta(g.o.organiser), .device_id = id});
  CHECK(code(g.o.call(g.enrol(create.enrolment->id))) == Refusal::unknown_proof);
  CHECK(code(g.o.call(g.ask(id))) == Refusal::unknown_device);
}

TEST_CASE("device: lets in the tiers it is limited to, and lets out everybody") {
  Gates g;
  const TicketId ticket = g.o.ticket();
  const TierId own = g.rows.get<Ticket>(ticket).tier_id;
  const TierId other = g.o.tier(0, 1).id;
  CHECK(code(g.o.call(g.create({g.o.fresh<TierId>()}))) == Refusal::unknown_tier);
  const Device limited = g.o.must(g.create({other, other}));
  CHECK(limited.tier_ids.size() == 1);
  CHECK(g.o.must(g.o.scan(ticket, limited.id)).check_in.reason == DoorReason::other_tier);
  CHECK(g.rows.get<Ticket>(ticket).status == TicketStatus::valid);
  const Device both = g.o.must(g.create({other, own}));
  CHECK(g.o.must(g.o.scan(ticket, both.id)).check_in.reason == DoorReason::admitted);
  auto out = g.o.scan(ticket, limited.id);
  out.direction = Direction::exit;
  CHECK(g.o.must(out).check_in.reason == DoorReason::exited);
}

TEST_CASE("device: what is wrong with a ticket everywhere is told before what is wrong with it here") {
  Gates g;
  const TicketId ticket = g.o.ticket();
  const Device limited = g.o.must(g.create({g.o.tier(0, 1).id}));
  g.o.must(g.o.scan(ticket));  // used up: but another gate would be asked first
  CHECK(g.o.must(g.o.scan(ticket, limited.id)).check_in.reason == DoorReason::other_tier);
  g.o.must(RevokeTicket{.meta = g.o.meta(g.o.organiser), .ticket_id = ticket});
  CHECK(g.o.must(g.o.scan(ticket, limited.id)).check_in.reason == DoorReason::revoked);
}

TEST_CASE("device: when it was seen is noted with a scan, once a minute") {
  Gates g;
  const TicketId ticket = g.o.ticket();
  CHECK_FALSE(g.rows.get<Device>(g.o.gate).seen_at);
  g.o.must(g.o.scan(ticket));
  const auto seen = g.rows.get<Device>(g.o.gate).seen_at;
  REQUIRE(seen);
  CHECK(*seen == std::chrono::floor<std::chrono::minutes>(g.o.now));
  g.o.now += std::chrono::seconds{1};
  g.o.must(g.o.scan(ticket));
  CHECK(g.rows.get<Device>(g.o.gate).seen_at == seen);
  g.o.now += std::chrono::minutes{1};
  g.o.must(g.o.scan(ticket));
  CHECK(*g.rows.get<Device>(g.o.gate).seen_at == *seen + std::chrono::minutes{1});
}

#include "domain/access.hpp"

#include <doctest/doctest.h>

#include <string>

#include "domain/api_keys.hpp"
#include "domain/holders.hpp"
#include "domain/members.hpp"
#include "domain/payments.hpp"
#include "domain/testing/office.hpp"
#include "domain/throttle.hpp"

using namespace admit::domain;
using admit::domain::testing::code;
using admit::domain::testing::Rows;

namespace {

struct House {
  Rows rows;
  testing::Office<Rows> o{rows};

  House() { o.prove_address(o.organiser); }

  /// Makes the buyer of the office's addresses verified, then a member.
  UserId member(const std::string& name, MemberRole role) {
    const UserId id = o.user(name);
    User user = rows.get<User>(id);
    user.email_verified = true;
    rows.world.put(user);
    o.must(join(id, invite(user.email, role)));
    return id;
  }
  ProofId invite(const std::string& email, MemberRole role) {
    return o
        .must(InviteMember{.meta = o.meta(o.organiser),
                           .business_id = o.business,
                           .email = email,
                           .role = role,
                           .proof_id = o.fresh<ProofId>(),
                           .secret_hash = {"s"}})
        .id;
  }
  JoinBusiness join(UserId user, ProofId proof) {
    return {.meta = o.meta(user), .proof_id = proof, .secret_hash = {"s"}};
  }
  CreateApiKey key(std::vector<Capability> scopes) {
    return {.meta = o.meta(o.organiser),
            .business_id = o.business,
            .key_id = o.fresh<ApiKeyId>(),
            .name = "Accounting",
            .scopes = std::move(scopes),
            .expires_in_days = {},
            .secret_hash = {"k"}};
  }
  bool allowed(const Meta& meta, Capability capability) {
    Needs first(rows.world);
    need_access(first, meta, o.business);
    for (const auto& need : first.missing()) rows.world.fill_absent(need.table, need.id);
    return may(rows.world, meta, o.business, capability);
  }
  Meta by_key(ApiKeyId id) {
    Meta meta = o.meta();
    meta.key = id;
    meta.actor = "key:" + id.text();
    return meta;
  }
};

}  // namespace

TEST_CASE("roles: the owner has every capability, nobody else those over people, keys and the account") {
  for (std::size_t i = 0; i < word_count<Capability>(); ++i) {
    const auto capability = static_cast<Capability>(i);
    CAPTURE(word(capability));
    CHECK(may(MemberRole::owner, capability));
    if (!may_be_scope(capability) || capability == Capability::manage_business) {
      for (const auto role : {MemberRole::manager, MemberRole::finance, MemberRole::box_office, MemberRole::gate}) {
        CHECK_FALSE(may(role, capability));
      }
    }
  }
  CHECK_FALSE(may(MemberRole::gate, Capability::see_sales));
  CHECK_FALSE(may(MemberRole::box_office, Capability::refund));
  CHECK_FALSE(may(MemberRole::finance, Capability::manage_shows));
  CHECK_FALSE(may(MemberRole::gate, Capability::manage_gates));
  CHECK(may(MemberRole::gate, Capability::enrol_devices));
}

TEST_CASE("members: may what the role says, until the very next decision after it is taken back") {
  House h;
  auto& o = h.o;
  const UserId ada = h.member("ada", MemberRole::box_office);
  CHECK(h.rows.get<Business>(o.business).member_count == 1);
  CHECK(h.allowed(o.meta(ada), Capability::sell));
  CHECK_FALSE(h.allowed(o.meta(ada), Capability::see_money));
  CHECK_FALSE(h.allowed(o.meta(o.buyer), Capability::see_business));
  CHECK(h.allowed(o.by_operator(), Capability::see_audit));

  const auto sold = o.reserve(o.tier(100, 10).id, 1);
  o.must(PayCash{.meta = o.meta(ada), .registration_id = sold.id});

  ChangeMember change{
      .meta = o.meta(o.organiser), .business_id = o.business, .user_id = ada, .role = MemberRole::finance};
  CHECK(o.must(change).role == MemberRole::finance);
  CHECK(h.allowed(o.meta(ada), Capability::see_money));
  const auto held = o.reserve(o.tier(100, 10).id, 1);
  CHECK(code(o.call(PayCash{.meta = o.meta(ada), .registration_id = held.id})) == Refusal::forbidden);

  RemoveMember remove{.meta = o.meta(o.organiser), .business_id = o.business, .user_id = ada};
  CHECK(o.must(remove).removed_at);
  CHECK(o.must(remove).removed_at);
  CHECK(h.rows.get<Business>(o.business).member_count == 0);
  CHECK_FALSE(h.allowed(o.meta(ada), Capability::see_business));
  CHECK(code(o.call(change)) == Refusal::unknown_member);
  o.must(h.join(ada, h.invite("ada@example.org", MemberRole::gate)));
  CHECK(h.rows.get<Business>(o.business).member_count == 1);
}

TEST_CASE("members: only the owner chooses them, the owner stays, and nobody is made an owner") {
  House h;
  auto& o = h.o;
  const UserId boss = h.member("boss", MemberRole::manager);
  const InviteMember by_manager{.meta = o.meta(boss),
                                .business_id = o.business,
                                .email = "x@example.org",
                                .role = MemberRole::gate,
                                .proof_id = o.fresh<ProofId>(),
                                .secret_hash = {"s"}};
  CHECK(code(o.call(by_manager)) == Refusal::forbidden);
  InviteMember owner = by_manager;
  owner.meta = o.meta(o.organiser);
  owner.role = MemberRole::owner;
  CHECK(code(o.call(owner)) == Refusal::invalid_field);
  owner.role = MemberRole::gate;
  owner.business_id = o.fresh<BusinessId>();
  CHECK(code(o.call(owner)) == Refusal::unknown_business);
  ChangeMember change{.meta = o.meta(boss), .business_id = o.business, .user_id = boss, .role = MemberRole::finance};
  CHECK(code(o.call(change)) == Refusal::forbidden);
  change.meta = o.meta(o.organiser);
  change.role = MemberRole::owner;
  CHECK(code(o.call(change)) == Refusal::invalid_field);
  change.role = MemberRole::gate;
  change.user_id = o.organiser;
  CHECK(code(o.call(change)) == Refusal::owner_stays);
  RemoveMember remove{.meta = o.meta(o.organiser), .business_id = o.business, .user_id = o.organiser};
  CHECK(code(o.call(remove)) == Refusal::owner_stays);
  remove.user_id = o.buyer;
  CHECK(code(o.call(remove)) == Refusal::unknown_member);
  remove.meta = o.meta(boss);
  CHECK(code(o.call(remove)) == Refusal::forbidden);
}

TEST_CASE("invitations: for the verified account with the address, once, for a week") {
  House h;
  auto& o = h.o;
  const ProofId proof = h.invite("buyer@example.org", MemberRole::gate);
  CHECK(code(o.call(h.join(o.other_buyer, proof))) == Refusal::forbidden);
  CHECK(code(o.call(h.join(o.buyer, proof))) == Refusal::email_not_verified);
  User user = h.rows.get<User>(o.buyer);
  user.email_verified = true;
  h.rows.world.put(user);
  auto wrong = h.join(o.buyer, proof);
  wrong.secret_hash = {"t"};
  CHECK(code(o.call(wrong)) == Refusal::unknown_proof);
  auto late = h.join(o.buyer, proof);
  late.meta.now += invitation_ttl;
  CHECK(code(o.call(late)) == Refusal::unknown_proof);
  CHECK(o.must(h.join(o.buyer, proof)).role == MemberRole::gate);
  CHECK(code(o.call(h.join(o.buyer, proof))) == Refusal::unknown_proof);
  CHECK(code(o.call(h.join(o.buyer, h.invite("buyer@example.org", MemberRole::manager)))) == Refusal::already_member);
  Business full = h.rows.get<Business>(o.business);
  full.member_count = max_members_per_business;
  h.rows.world.put(full);
  CHECK(code(o.call(InviteMember{.meta = o.meta(o.organiser),
                                 .business_id = o.business,
                                 .email = "y@example.org",
                                 .proof_id = o.fresh<ProofId>(),
                                 .secret_hash = {"s"}})) == Refusal::too_many);
}

TEST_CASE("keys: what their scopes say, for their business, until they are revoked or over") {
  House h;
  auto& o = h.o;
  auto create = h.key({Capability::manage_shows, Capability::see_sales, Capability::see_sales});
  create.expires_in_days = 2;
  const ApiKey key = o.must(create);
  CHECK(key.scopes.size() == 2);
  CHECK(code(o.call(create)) == Refusal::conflict);
  Meta meta = h.by_key(key.id);
  CHECK(h.allowed(meta, Capability::manage_shows));
  CHECK_FALSE(h.allowed(meta, Capability::refund));
  CHECK_FALSE(h.allowed(meta, Capability::manage_keys));
  auto draft = o.create(o.draft());
  draft.meta = meta;
  CHECK(o.must(draft).status == ShowStatus::draft);
  meta.now += std::chrono::hours{48};
  CHECK_FALSE(h.allowed(meta, Capability::manage_shows));

  const BusinessId other = o.must(CreateBusiness{.meta = o.meta(o.buyer), .name = "Elsewhere"}).id;
  draft = o.create(o.draft());
  draft.show.business_id = other;
  draft.meta = h.by_key(key.id);
  CHECK(code(o.call(draft)) == Refusal::forbidden);
  RevokeApiKey revoke{.meta = o.meta(o.buyer), .business_id = other, .key_id = key.id};
  CHECK(code(o.call(revoke)) == Refusal::unknown_key);
  revoke.business_id = o.business;
  CHECK(code(o.call(revoke)) == Refusal::forbidden);
  revoke.meta = o.meta(o.organiser);
  CHECK(o.must(revoke).revoked_at);
  CHECK(o.must(revoke).revoked_at);
  CHECK(h.rows.get<Business>(o.business).key_count == 0);
  CHECK_FALSE(h.allowed(h.by_key(key.id), Capability::manage_shows));
}

TEST_CASE("keys: void while the owner is locked, and for good if somebody else made them in the owner's name") {
  House house;
  auto& o = house.o;
  const auto key = o.must(house.key({Capability::see_sales})).id;
  CHECK(house.allowed(house.by_key(key), Capability::see_sales));
  const auto with_owner = [&](auto change) {
    User owner = house.rows.get<User>(o.organiser);
    change(owner);
    house.rows.world.put(owner);
  };
  with_owner([&](User& owner) { owner.locked_at = o.now; });
  CHECK_FALSE(house.allowed(house.by_key(key), Capability::see_sales));
  with_owner([&](User& owner) { owner.locked_at.reset(); });
  CHECK(house.allowed(house.by_key(key), Capability::see_sales));
  with_owner([&](User& owner) { owner.voided_at = o.now; });
  CHECK_FALSE(house.allowed(house.by_key(key), Capability::see_sales));
  o.now += std::chrono::seconds{1};
  CHECK(house.allowed(house.by_key(o.must(house.key({Capability::see_sales})).id), Capability::see_sales));
}

TEST_CASE("members: of a closed business give money back and no more; nobody joins it") {
  House house;
  auto& o = house.o;
  const UserId manager = house.member("manager", MemberRole::manager);
  const UserId late = o.user("late");
  o.prove_address(late);
  const auto invited = house.invite(house.rows.get<User>(late).email, MemberRole::manager);
  Business business = house.rows.get<Business>(o.business);
  business.closed_at = o.now;
  house.rows.world.put(business);
  CHECK(house.allowed(o.meta(manager), Capability::refund));
  for (const auto capability : {Capability::export_data, Capability::manage_shows, Capability::manage_gates,
                                Capability::sell, Capability::enrol_devices, Capability::revoke_tickets}) {
    CHECK_FALSE(house.allowed(o.meta(manager), capability));
  }
  CHECK(code(o.call(house.join(late, invited))) == Refusal::unknown_proof);
}

TEST_CASE("keys: none makes keys or members, none without scopes, 50 for a business") {
  House h;
  auto& o = h.o;
  for (const auto scope : {Capability::manage_members, Capability::manage_keys, Capability::connect_account}) {
    CHECK(code(o.call(h.key({scope}))) == Refusal::invalid_field);
  }
  CHECK(code(o.call(h.key({}))) == Refusal::invalid_field);
  auto bad = h.key({Capability::sell});
  bad.name.clear();
  CHECK(code(o.call(bad)) == Refusal::invalid_field);
  bad = h.key({Capability::sell});
  bad.expires_in_days = 0;
  CHECK(code(o.call(bad)) == Refusal::invalid_field);
  bad = h.key({Capability::sell});
  bad.meta = o.meta(h.member("boss", MemberRole::manager));
  CHECK(code(o.call(bad)) == Refusal::forbidden);
  for (std::int64_t i = 0; i < max_keys_per_business; ++i) o.must(h.key({Capability::sell}));
  CHECK(code(o.call(h.key({Capability::sell}))) == Refusal::too_many);
}

TEST_CASE("printing: by whoever took the cash, once, while they may sell") {
  House h;
  auto& o = h.o;
  const UserId ada = h.member("ada", MemberRole::box_office);
  const UserId eve = h.member("eve", MemberRole::box_office);
  const auto sold = o.reserve(o.tier(100, 10).id, 1);
  o.must(PayCash{.meta = o.meta(ada), .registration_id = sold.id});
  CHECK(h.rows.get<Transaction>(h.rows.get<Registration>(sold.id).transaction_id).sold_by == "user:" + ada.text());
  const auto print = [&](UserId by, RegistrationId id) {
    return PrintTickets{.meta = o.meta(by), .registration_id = id};
  };
  CHECK(code(o.call(print(eve, sold.id))) == Refusal::forbidden);
  CHECK(code(o.call(print(o.organiser, sold.id))) == Refusal::forbidden);
  CHECK(code(o.call(print(o.buyer, sold.id))) == Refusal::forbidden);
  CHECK(code(o.call(print(ada, o.fresh<RegistrationId>()))) == Refusal::unknown_registration);
  CHECK(o.must(print(ada, sold.id)).id == sold.id);
  CHECK(code(o.call(print(ada, sold.id))) == Refusal::ticket_not_valid);
  const auto second = o.reserve(o.tier(100, 10).id, 1);
  o.must(PayCash{.meta = o.meta(ada), .registration_id = second.id});
  o.must(RemoveMember{.meta = o.meta(o.organiser), .business_id = o.business, .user_id = ada});
  CHECK(code(o.call(print(ada, second.id))) == Refusal::forbidden);
}

TEST_CASE("payment links: for the order's own account and sellers while it is held, noted where a seller asks") {
  House house;
  auto& o = house.o;
  const auto seller = house.member("seller", MemberRole::box_office);
  const auto looker = house.member("looker", MemberRole::finance);
  const auto order = o.reserve(o.tier(1000, 10).id, 1);
  const auto shown = [&] {
    std::size_t count = 0;
    const auto changes = house.rows.world.changes();
    for (const auto& put : changes.of<AuditEntry>()) {
      count += put.row->action == "registration.pay_link_shown" && put.row->subject == order.id.value;
    }
    return count;
  };
  const auto ask = [&](const Meta& meta) {
    return o.call(ShowPayLink{.meta = meta, .registration_id = order.id});
  };
  CHECK(ask(o.meta(o.buyer)).has_value());
  CHECK(shown() == 0);
  CHECK(ask(o.meta(seller)).has_value());
  CHECK(shown() == 1);
  CHECK(ask(o.by_operator()).has_value());
  CHECK(shown() == 2);
  CHECK(code(ask(o.meta(looker))) == Refusal::forbidden);
  CHECK(code(ask(o.meta(o.other_buyer))) == Refusal::forbidden);
  CHECK(code(ask(o.meta())) == Refusal::forbidden);
  CHECK(code(o.call(ShowPayLink{.meta = o.meta(seller), .registration_id = {}})) == Refusal::unknown_registration);
  o.pay(order);
  CHECK(code(ask(o.meta(seller))) == Refusal::registration_not_held);
  CHECK(shown() == 2);
}

TEST_CASE("invitations: the newest of an address is the only one that lets it join") {
  House house;
  auto& o = house.o;
  const UserId guest = o.user("guest");
  o.prove_address(guest);
  const std::string address = "guest@example.org";
  const auto first = house.invite(address, MemberRole::manager);
  const auto second = house.invite(address, MemberRole::gate);
  CHECK(house.rows.get<Proof>(first).used);
  CHECK(code(o.call(house.join(guest, first))) == Refusal::unknown_proof);
  const auto id = invitation_id(o.business, address);
  CHECK(house.rows.get<Invitation>(id).proof_id == second);
  CHECK(o.must(house.join(guest, second)).role == MemberRole::gate);
  CHECK_FALSE(house.rows.get<Invitation>(id).proof_id);

  // Invited again while a member, removed: no way back but by an invitation made afterwards.
  const auto kept = house.invite(address, MemberRole::manager);
  o.now += std::chrono::seconds{1};
  o.must(RemoveMember{.meta = o.meta(o.organiser), .business_id = o.business, .user_id = guest});
  CHECK(code(o.call(house.join(guest, kept))) == Refusal::unknown_proof);
  o.now += std::chrono::seconds{1};
  CHECK(o.must(house.join(guest, house.invite(address, MemberRole::finance))).role == MemberRole::finance);
}

TEST_CASE("invitations: one from before the account was removed is void, whatever its address was then") {
  House house;
  auto& o = house.o;
  const UserId guest = house.member("guest", MemberRole::gate);
  const auto kept = house.invite("other@example.com", MemberRole::manager);
  o.now += std::chrono::seconds{1};
  o.must(RemoveMember{.meta = o.meta(o.organiser), .business_id = o.business, .user_id = guest});
  User user = house.rows.get<User>(guest);
  user.email = "other@example.com";
  house.rows.world.put(user);
  CHECK(code(o.call(house.join(guest, kept))) == Refusal::unknown_proof);
}

TEST_CASE("invitations: are withdrawn by the owner of their business") {
  House house;
  auto& o = house.o;
  const UserId guest = o.user("guest");
  o.prove_address(guest);
  const auto proof = house.invite("guest@example.org", MemberRole::gate);
  const auto id = invitation_id(o.business, "guest@example.org");
  const auto withdraw = [&](const Meta& meta, InvitationId which) {
    return o.call(WithdrawInvitation{.meta = meta, .business_id = o.business, .invitation_id = which});
  };
  CHECK(code(withdraw(o.meta(o.buyer), id)) == Refusal::forbidden);
  CHECK(code(withdraw(o.meta(o.organiser), {})) == Refusal::unknown_invitation);
  const auto other = o.must(CreateBusiness{.meta = o.meta(o.organiser), .name = "Other"}).id;
  CHECK(code(o.call(WithdrawInvitation{.meta = o.meta(o.organiser), .business_id = other, .invitation_id = id})) ==
        Refusal::unknown_invitation);
  CHECK(withdraw(o.meta(o.organiser), id).has_value());
  CHECK(withdraw(o.meta(o.organiser), id).has_value());
  CHECK(house.rows.get<Proof>(proof).used);
  CHECK(code(o.call(house.join(guest, proof))) == Refusal::unknown_proof);
}

TEST_CASE("invitations: by who has proven their own address, so many by one account and to one address") {
  House house;
  auto& o = house.o;
  const auto other = o.must(CreateBusiness{.meta = o.meta(o.buyer), .name = "Other"}).id;
  const auto invite = [&](UserId by, BusinessId business, const std::string& email) {
    return o.call(InviteMember{.meta = o.meta(by),
                               .business_id = business,
                               .email = email,
                               .role = MemberRole::gate,
                               .proof_id = o.fresh<ProofId>(),
                               .secret_hash = {"s"}});
  };
  CHECK(code(invite(o.buyer, other, "a@example.com")) == Refusal::email_not_verified);
  o.prove_address(o.buyer);
  for (int n = 0; n < invitations_of_user_to_address.count; ++n) CHECK(invite(o.buyer, other, "a@example.com"));
  const auto refused = invite(o.buyer, other, "a@example.com");
  CHECK(code(refused) == Refusal::too_many_failures);
  CHECK(refused.error().retry_after == invitations_of_user_to_address.within);
  CHECK(invite(o.organiser, o.business, "a@example.com"));  // what one account sends takes nothing from another
  for (auto n = invitations_of_user_to_address.count; n < invitations_of_user.count; ++n) {
    CHECK(invite(o.buyer, other, std::to_string(n) + "@example.com"));
  }
  CHECK(code(invite(o.buyer, other, "b@example.com")) == Refusal::too_many_failures);
  CHECK(invite(o.organiser, o.business, "b@example.com"));
}

TEST_CASE("audit: an entry tells what a role was and is, and what a key may do") {
  House house;
  auto& o = house.o;
  const auto told = [&](std::string_view action) {
    std::string out;
    const auto changes = house.rows.world.changes();
    for (const auto& put : changes.of<AuditEntry>()) {
      if (put.row->action == action) out = put.row->detail;
    }
    return out;
  };
  const UserId id = house.member("clerk", MemberRole::gate);
  CHECK(told("business.member_invited") == "gate");
  CHECK(told("member.joined") == "gate");
  o.must(ChangeMember{
      .meta = o.meta(o.organiser), .business_id = o.business, .user_id = id, .role = MemberRole::finance});
  CHECK(told("member.changed") == "gate -> finance");
  o.must(RemoveMember{.meta = o.meta(o.organiser), .business_id = o.business, .user_id = id});
  CHECK(told("member.removed") == "finance");
  o.must(house.key({Capability::sell, Capability::see_sales}));
  CHECK(told("api_key.created").find("sell") != std::string::npos);
  CHECK(told("api_key.created").find("see_sales") != std::string::npos);
}

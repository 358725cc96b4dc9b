#include "domain/people.hpp"

#include <doctest/doctest.h>

#include "domain/access.hpp"
#include "domain/accounts.hpp"
#include "domain/api_keys.hpp"
#include "domain/members.hpp"
#include "domain/testing/office.hpp"

using namespace admit::domain;
using admit::domain::testing::code;
using admit::domain::testing::Rows;

namespace {

struct House {
  Rows rows;
  testing::Office<Rows> o{rows};

  ApiKeyId key(UserId owner, BusinessId of) {
    return o
        .must(CreateApiKey{.meta = o.meta(owner),
                           .business_id = of,
                           .key_id = o.fresh<ApiKeyId>(),
                           .name = "Door",
                           .scopes = {Capability::sell},
                           .expires_in_days = {},
                           .secret_hash = {"k"}})
        .id;
  }
  /// The owner is gone; what they owned stays until it is closed.
  void erase_owner() {
    User owner = rows.get<User>(o.organiser);
    owner.erased_at = o.now;
    rows.world.put(owner);
  }
};

}  // namespace

TEST_CASE("an erased owner's business: keys and gates are revoked, and nothing is sold or published any more") {
  House house;
  auto& o = house.o;
  const auto free = o.tier(0, 10);
  const auto paid = o.tier(1000, 10);
  const auto key = house.key(o.organiser, o.business);
  const auto draft = o.must(o.create(o.draft())).id;
  o.must(CreateTier{.meta = o.meta(o.organiser), .show_id = draft, .name = "tier", .price_minor = 0, .capacity = 1});
  const CloseBusiness close{
      .meta = o.meta(), .business_id = o.business, .key_ids = {key}, .device_ids = {o.gate, o.other_gate}};
  CHECK(code(o.call(close)) == Refusal::forbidden);
  house.erase_owner();
  CHECK(o.must(close).key_count == 0);
  CHECK(o.must(close).key_count == 0);
  CHECK(house.rows.get<ApiKey>(key).revoked_at == o.now);
  CHECK(house.rows.get<Device>(o.gate).revoked_at == o.now);
  CHECK(house.rows.get<Device>(o.other_gate).revoked_at == o.now);
  CHECK(code(o.call(o.order(free.id, 1))) == Refusal::sale_closed);
  CHECK(code(o.call(o.order(paid.id, 1))) == Refusal::sale_closed);
  CHECK(code(o.call(PublishShow{.meta = o.by_operator(), .show_id = draft})) == Refusal::sale_closed);
  CHECK(code(o.call(CloseBusiness{.meta = o.meta(), .business_id = {}})) == Refusal::unknown_business);
  CHECK(code(o.call(CloseBusiness{
            .meta = o.meta(), .business_id = o.business, .key_ids = std::vector<ApiKeyId>(101)})) == Refusal::too_many);
}

TEST_CASE("a business of an account that was taken over: keys and gates of before are revoked, and it is sold on") {
  House house;
  auto& o = house.o;
  const auto make = [&] {
    return house.key(o.organiser, o.business);
  };
  const auto free = o.tier(0, 10);
  const auto before = make();
  User owner = house.rows.get<User>(o.organiser);
  owner.voided_at = o.now;
  house.rows.world.put(owner);
  o.now += std::chrono::seconds{1};
  const auto after = make();
  o.must(
      CloseBusiness{.meta = o.meta(), .business_id = o.business, .key_ids = {before, after}, .device_ids = {o.gate}});
  CHECK(house.rows.get<ApiKey>(before).revoked_at);
  CHECK_FALSE(house.rows.get<ApiKey>(after).revoked_at);
  CHECK(house.rows.get<Device>(o.gate).revoked_at);
  CHECK_FALSE(house.rows.get<Business>(o.business).closed_at);
  CHECK(house.rows.get<Business>(o.business).stripe_account.empty());
  CHECK(sales_gate(house.rows.get<Business>(o.business)));
  CHECK(o.call(o.order(free.id, 1)));
  // What the owner linked since stays, however often the job runs.
  const LinkAccount link{.meta = o.meta(o.organiser),
                         .business_id = o.business,
                         .account = {.account_id = "acct_own", .charges_enabled = true, .transfers_active = true},
                         .proven = true,
                         .platform_account = "acct_platform"};
  o.must(link);
  o.must(CloseBusiness{.meta = o.meta(), .business_id = o.business, .key_ids = {}, .device_ids = {}});
  CHECK(house.rows.get<Business>(o.business).stripe_account == "acct_own");
}

TEST_CASE("a closed business: a key that is not revoked yet may nothing, another business's key and gate stay") {
  House house;
  auto& o = house.o;
  const auto other = o.must(CreateBusiness{.meta = o.meta(o.buyer), .name = "Other"}).id;
  const auto key = house.key(o.buyer, other);
  house.erase_owner();
  o.must(CloseBusiness{.meta = o.meta(), .business_id = o.business, .key_ids = {key}});
  CHECK_FALSE(house.rows.get<ApiKey>(key).revoked_at);
  Meta by_key = o.meta();
  by_key.key = key;
  CHECK(may(house.rows.world, by_key, house.rows.get<Business>(other), Capability::sell));
  Business closed = house.rows.get<Business>(other);
  closed.closed_at = o.now;
  CHECK_FALSE(may(house.rows.world, by_key, closed, Capability::sell));
}

TEST_CASE("traces: the addresses in an erased person's proofs are gone, and their networks are forgotten") {
  House house;
  auto& o = house.o;
  const auto mine = o.fresh<ProofId>(), theirs = o.fresh<ProofId>(), invited = o.fresh<ProofId>();
  const auto put = [&](ProofId id, UserId user, ProofPurpose purpose) {
    house.rows.world.put(Proof{.id = id, .purpose = purpose, .user_id = user, .email = "a@example.org", .detail = "b"});
  };
  put(mine, o.buyer, ProofPurpose::change_email);
  put(theirs, o.other_buyer, ProofPurpose::change_email);
  put(invited, o.buyer, ProofPurpose::join_business);
  const auto near = known_network_id(o.buyer, "net"), far = known_network_id(o.other_buyer, "net");
  house.rows.world.put(KnownNetwork{.id = near, .user_id = o.buyer, .due_at = o.now + std::chrono::days{1}});
  house.rows.world.put(KnownNetwork{.id = far, .user_id = o.other_buyer, .due_at = o.now + std::chrono::days{1}});
  const EraseTraces erase{
      .meta = o.meta(), .user_id = o.buyer, .proof_ids = {mine, theirs, invited}, .network_ids = {near, far}};
  CHECK(code(o.call(erase)) == Refusal::forbidden);
  User buyer = house.rows.get<User>(o.buyer);
  buyer.erased_at = o.now;
  house.rows.world.put(buyer);
  o.must(erase);
  CHECK(house.rows.get<Proof>(mine).used);
  CHECK(house.rows.get<Proof>(mine).email.empty());
  CHECK(house.rows.get<Proof>(mine).detail.empty());
  CHECK(house.rows.get<Proof>(theirs).email == "a@example.org");
  CHECK(house.rows.get<Proof>(invited).email == "a@example.org");
  CHECK(house.rows.get<KnownNetwork>(near).due_at == o.now);
  CHECK_FALSE(house.rows.get<KnownNetwork>(near).user_id);
  CHECK(house.rows.get<KnownNetwork>(far).due_at > o.now);
}

#include "domain/passkeys.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "domain/guests.hpp"
#include "domain/testing/office.hpp"

namespace admit::domain {
namespace {

using testing::Office;
using testing::Rows;

struct PasskeyOffice {
  Rows rows;
  Office<Rows> office{rows};
  UserId ada = office.buyer, eve = office.other_buyer;

  PasskeyOffice() {
    office.prove_address(ada);
    office.prove_address(eve);
  }

  ProofId challenge(UserId user) {
    const auto id = office.fresh<ProofId>();
    REQUIRE(rows.call(
        AskPasskey{.meta = office.meta(user), .proof_id = id, .secret_hash = {"challenge"}, .proven_at = office.now}));
    return id;
  }
  AddPasskey adding(UserId user, ProofId proof, const std::string& credential = "credential", std::int64_t count = 0) {
    return {.meta = office.meta(user),
            .proof_id = proof,
            .secret_hash = {"challenge"},
            .name = "Phone",
            .credential_id = {credential},
            .algorithm = -7,
            .public_key = {"key"},
            .sign_count = count};
  }
  Passkey added(std::int64_t count = 0) { return *rows.call(adding(ada, challenge(ada), "credential", count)); }
  UsePasskey using_it(ProofId proof, std::int64_t count = 0) {
    return {
        .meta = office.meta(),
        .passkey_id = passkey_id("credential"),
        .proof_id = proof,
        .secret_hash = {"challenge"},
        .sign_count = count,
        .session = {
            .meta = office.meta(), .session_id = office.fresh<SessionId>(), .user_id = ada, .refresh_hash = {"hash"}}};
  }
  template <class Command>
  Refusal fault(const Command& command) {
    return rows.call(command).error().code;
  }
};

TEST_CASE("passkey: added with a challenge of one's own, once, within five minutes") {
  PasskeyOffice o;
  const auto proof = o.challenge(o.ada);
  AddPasskey wrong = o.adding(o.ada, proof);
  wrong.secret_hash = {"another"};
  CHECK(o.fault(wrong) == Refusal::unknown_proof);
  CHECK(o.fault(o.adding(o.eve, proof)) == Refusal::unknown_proof);
  CHECK(o.fault(o.adding(o.ada, o.challenge({}))) == Refusal::unknown_proof);
  AddPasskey nameless = o.adding(o.ada, proof);
  nameless.name.clear();
  CHECK(o.fault(nameless) == Refusal::invalid_field);
  const auto made = o.rows.call(o.adding(o.ada, proof));
  REQUIRE(made);
  CHECK(made->user_id == o.ada);
  CHECK(o.fault(o.adding(o.ada, proof, "second")) == Refusal::unknown_proof);
  const auto late = o.challenge(o.ada);
  o.office.now += std::chrono::minutes{5};
  CHECK(o.fault(o.adding(o.ada, late, "second")) == Refusal::unknown_proof);
}

TEST_CASE("passkey: one more, or one less, voids links that were mailed and challenges that were given") {
  PasskeyOffice o;
  const auto pending = o.challenge(o.ada);
  const auto before = o.rows.get<User>(o.ada).generation;
  const auto made = o.added();
  CHECK(o.rows.get<User>(o.ada).generation == before + 1);
  CHECK(o.fault(o.adding(o.ada, pending, "second")) == Refusal::unknown_proof);
  REQUIRE(o.rows.call(RemovePasskey{.meta = o.office.meta(o.ada), .passkey_id = made.id}));
  CHECK(o.rows.get<User>(o.ada).generation == before + 2);
}

TEST_CASE("passkey: belongs to one account") {
  PasskeyOffice o;
  o.added();
  CHECK(o.fault(o.adding(o.eve, o.challenge(o.eve))) == Refusal::identity_taken);
  CHECK(o.fault(o.adding(o.ada, o.challenge(o.ada))) == Refusal::identity_taken);
  const auto id = passkey_id("credential");
  CHECK(o.fault(RemovePasskey{.meta = o.office.meta(o.eve), .passkey_id = id}) == Refusal::unknown_passkey);
  CHECK(o.fault(RenamePasskey{.meta = o.office.meta(o.eve), .passkey_id = id, .name = "Mine"}) ==
        Refusal::unknown_passkey);
  CHECK(o.rows.call(RenamePasskey{.meta = o.office.meta(o.ada), .passkey_id = id, .name = "Key"})->name == "Key");
  REQUIRE(o.rows.call(RemovePasskey{.meta = o.office.meta(o.ada), .passkey_id = id}));
  CHECK(o.fault(RemovePasskey{.meta = o.office.meta(o.ada), .passkey_id = id}) == Refusal::unknown_passkey);
  CHECK(o.fault(o.adding(o.eve, o.challenge(o.eve))) == Refusal::identity_taken);
  CHECK(o.rows.call(o.adding(o.ada, o.challenge(o.ada))));
}

TEST_CASE("passkey: signs in to its account with a challenge that is good once") {
  PasskeyOffice o;
  o.added();
  CHECK(o.fault(o.using_it(o.challenge(o.ada))) == Refusal::unknown_proof);
  const auto proof = o.challenge({});
  UsePasskey other = o.using_it(proof);
  other.session.user_id = o.eve;
  CHECK(o.fault(other) == Refusal::wrong_credentials);
  const auto used = o.rows.call(o.using_it(proof));
  REQUIRE(used);
  REQUIRE(used->session);
  CHECK(used->user.id == o.ada);
  CHECK(o.rows.get<Session>(used->session->id).user_id == o.ada);
  CHECK(o.rows.get<Passkey>(passkey_id("credential")).used_at == o.office.now);
  CHECK(o.fault(o.using_it(proof)) == Refusal::unknown_proof);
  REQUIRE(o.rows.call(RemovePasskey{.meta = o.office.meta(o.ada), .passkey_id = passkey_id("credential")}));
  CHECK(o.fault(o.using_it(o.challenge({}))) == Refusal::wrong_credentials);
}

TEST_CASE("passkey: a counter that goes back signs nobody in and is told") {
  struct Case {
    std::int64_t stored, sent;
    bool is_good;
  };
  for (const auto& [stored, sent, is_good] : {Case{0, 0, true}, Case{0, 1, true}, Case{7, 8, true}, Case{7, 7, false},
                                              Case{7, 6, false}, Case{7, 0, false}}) {
    CAPTURE(stored);
    CAPTURE(sent);
    PasskeyOffice o;
    o.added(stored);
    const auto used = o.rows.call(o.using_it(o.challenge({}), sent));
    REQUIRE(used);
    CHECK(used->session.has_value() == is_good);
    const auto id = passkey_id("credential");
    CHECK(o.rows.get<Passkey>(id).sign_count == (is_good ? sent : stored));
    CHECK((o.rows.world.find<Alert>(alert_id(AlertKind::token_reused, id.value)) != nullptr) == !is_good);
  }
}

TEST_CASE("passkey: none before the address of the account is proven") {
  PasskeyOffice o;
  const auto newcomer = o.office.user("newcomer");
  const auto early = o.office.fresh<ProofId>();
  CHECK(o.fault(AskPasskey{.meta = o.office.meta(newcomer), .proof_id = early, .secret_hash = {"challenge"}}) ==
        Refusal::email_not_verified);
  CHECK(o.fault(o.adding(newcomer, early)) == Refusal::email_not_verified);
  o.office.prove_address(newcomer);
  CHECK(o.rows.call(o.adding(newcomer, o.challenge(newcomer))));
}

TEST_CASE("passkey: none is added long after who signed in proved who they are; the owner is told of each") {
  PasskeyOffice o;
  const auto ask = [&](Instant proven_at) {
    return o.rows.call(AskPasskey{.meta = o.office.meta(o.ada),
                                  .proof_id = o.office.fresh<ProofId>(),
                                  .secret_hash = {"challenge"},
                                  .proven_at = proven_at});
  };
  CHECK(ask(o.office.now - proven_for).error().code == Refusal::confirm_first);
  CHECK(ask(o.office.now - proven_for + std::chrono::seconds{1}));
  o.added();
  const auto changes = o.rows.world.changes();
  const auto& jobs = changes.of<Job>();
  CHECK(std::ranges::count_if(jobs, [&](const auto& put) {
          return put.row->detail == "passkey_added" && put.row->subject == o.ada.value;
        }) == 1);
}

TEST_CASE("passkey: none for a guest") {
  PasskeyOffice o;
  const auto guest = o.rows.call(CreateGuest{.meta = o.office.meta(),
                                             .email = "guest@example.org",
                                             .name = "Guest",
                                             .locale = "",
                                             .session_id = o.office.fresh<SessionId>(),
                                             .refresh_hash = {"hash"},
                                             .session_ttl_s = 60});
  REQUIRE(guest);
  CHECK(o.fault(AskPasskey{.meta = o.office.meta(guest->id), .proof_id = o.office.fresh<ProofId>()}) ==
        Refusal::forbidden);
}

}  // namespace
}  // namespace admit::domain

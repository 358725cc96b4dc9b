#include "domain/sessions.hpp"

#include <doctest/doctest.h>

#include "domain/testing/office.hpp"
#include "domain/throttle.hpp"
#include "domain/users.hpp"

namespace admit::domain {
namespace {

using testing::Office;
using testing::Rows;
using testing::code;

struct SignedIn {
  Rows rows;
  Office<Rows> o{rows};
  SessionId id = o.fresh<SessionId>();

  SignedIn() { start(id); }
  Session start(SessionId session) {
    return o.must(
        StartSession{.meta = o.meta(), .session_id = session, .user_id = o.buyer, .refresh_hash = {"1"}, .ttl_s = 60});
  }
  auto refresh(std::string presented, std::string next, bool is_genuine = true) {
    return o.call(RefreshSession{.meta = o.meta(),
                                 .session_id = id,
                                 .presented_hash = {std::move(presented)},
                                 .next_hash = {std::move(next)},
                                 .is_genuine = is_genuine});
  }
  bool is_live_now(SessionId session) { return is_live(rows.get<Session>(session), rows.get<User>(o.buyer), o.now); }
};

TEST_CASE("session: refresh tokens follow each other until it is over") {
  SignedIn s;
  CHECK(code(s.o.call(StartSession{.meta = s.o.meta(), .session_id = s.id, .user_id = s.o.buyer})) ==
        Refusal::conflict);
  CHECK(s.refresh("1", "2")->user.id == s.o.buyer);
  s.o.now += std::chrono::seconds{30};
  CHECK(!s.refresh("2", "3")->is_reused);
  s.o.now += std::chrono::seconds{30};
  CHECK(code(s.refresh("3", "4")) == Refusal::session_ended);
}

TEST_CASE("session: two tabs are given the same next token within the grace") {
  SignedIn s;
  REQUIRE(s.refresh("1", "2"));
  s.o.now += refresh_grace - std::chrono::milliseconds{1};
  const auto again = s.refresh("1", "2");
  REQUIRE(again);
  CHECK(!again->is_reused);
  CHECK(!s.refresh("2", "3")->is_reused);
}

TEST_CASE("session: a tab that comes late is given the newest token, while the grace of its own one lasts") {
  const auto late = [](SignedIn& s, std::vector<Bytes> later) {
    return s.o.must(RefreshSession{.meta = s.o.meta(),
                                   .session_id = s.id,
                                   .presented_hash = {"1"},
                                   .next_hash = {"2"},
                                   .later_hashes = std::move(later)});
  };
  for (const bool in_time : {true, false}) {
    CAPTURE(in_time);
    SignedIn s;
    REQUIRE(s.refresh("1", "2"));
    s.o.now += refresh_grace - std::chrono::seconds{1};
    REQUIRE(s.refresh("2", "3"));
    REQUIRE(s.refresh("3", "4"));
    if (!in_time) s.o.now += std::chrono::seconds{1};
    const auto answer = late(s, {{"3"}, {"4"}, {"5"}});
    CHECK(answer.is_reused == !in_time);
    CHECK(s.is_live_now(s.id) == in_time);
    if (in_time) CHECK(answer.steps == 2);
  }
  // What does not lead to the newest is a thief's, however soon.
  SignedIn s;
  REQUIRE(s.refresh("1", "2"));
  REQUIRE(s.refresh("2", "other"));
  CHECK(late(s, {{"3"}, {"4"}}).is_reused);
}

TEST_CASE("session: so many exchanges are remembered") {
  SignedIn s;
  for (std::size_t n = 1; n <= max_rotations + 2; ++n) REQUIRE(s.refresh(std::to_string(n), std::to_string(n + 1)));
  CHECK(s.rows.get<Session>(s.id).rotations.size() == max_rotations);
  s.o.now += refresh_grace;
  REQUIRE(s.refresh(std::to_string(max_rotations + 3), "x"));
  CHECK(s.rows.get<Session>(s.id).rotations.size() == 1);
}

TEST_CASE("session: a token used again later ends it, tells the operator and every node") {
  SignedIn s;
  REQUIRE(s.refresh("1", "2"));
  s.o.now += refresh_grace;
  const auto stolen = s.refresh("1", "2");
  REQUIRE(stolen);
  CHECK(stolen->is_reused);
  CHECK(!s.is_live_now(s.id));
  CHECK(code(s.refresh("2", "3")) == Refusal::session_ended);
  CHECK(s.rows.get<Alert>(alert_id(AlertKind::token_reused, s.id.value)).subject == s.id.value);
  const auto changes = s.rows.world.changes();
  const auto& revoked = changes.of<Revocation>();
  REQUIRE(revoked.size() == 1);
  CHECK(revoked.front().row->subject == s.id.value);
  CHECK(*revoked.front().row->due_at == s.o.now + revocation_kept);
}

TEST_CASE("session: a token we never gave out ends nothing") {
  SignedIn s;
  CHECK(code(s.refresh("x", "y", false)) == Refusal::unknown_session);
  CHECK(s.is_live_now(s.id));
}

TEST_CASE("session: ends by its account or an operator only, once") {
  SignedIn s;
  CHECK(code(s.o.call(EndSession{.meta = s.o.meta(s.o.other_buyer), .session_id = s.id})) == Refusal::forbidden);
  s.o.must(EndSession{.meta = s.o.meta(s.o.buyer), .session_id = s.id});
  s.o.must(EndSession{.meta = s.o.by_operator(), .session_id = s.id});
  CHECK(s.rows.world.changes().of<Revocation>().size() == 1);
}

TEST_CASE("session: its person proves who they are by signing in, and by the password later") {
  SignedIn s;
  const auto began = s.o.now;
  CHECK(proven_at(s.rows.get<Session>(s.id)) == began);
  s.o.now += std::chrono::seconds{30};
  const auto prove = [&](UserId by, SessionId session, std::string hash) {
    return s.o.call(ProveSession{.meta = s.o.meta(by), .session_id = session, .password_hash = std::move(hash)});
  };
  CHECK(code(prove(s.o.buyer, s.id, "wrong")) == Refusal::wrong_credentials);
  CHECK(code(prove(s.o.buyer, s.id, "")) == Refusal::wrong_credentials);
  CHECK(code(prove(s.o.other_buyer, s.id, "-")) == Refusal::unknown_session);
  CHECK(code(prove(s.o.buyer, s.o.fresh<SessionId>(), "-")) == Refusal::unknown_session);
  CHECK(proven_at(s.rows.get<Session>(s.id)) == began);
  CHECK(prove(s.o.buyer, s.id, "-"));
  CHECK(proven_at(s.rows.get<Session>(s.id)) == s.o.now);
  s.o.now += std::chrono::seconds{30};
  CHECK(code(prove(s.o.buyer, s.id, "-")) == Refusal::session_ended);
}

TEST_CASE("session: whoever has a second factor proves who they are by that, too") {
  SignedIn s;
  User user = s.rows.get<User>(s.o.buyer);
  user.totp_confirmed = true;
  user.totp_step = 7;
  s.rows.world.put(user);
  const auto prove = [&](Factor factor) {
    return s.o.call(ProveSession{
        .meta = s.o.meta(s.o.buyer), .session_id = s.id, .password_hash = "-", .factor = std::move(factor)});
  };
  CHECK(code(prove({})) == Refusal::wrong_credentials);
  CHECK(code(prove({.totp_step = 7})) == Refusal::wrong_credentials);
  CHECK(prove({.totp_step = 8}));
  CHECK(code(prove({.totp_step = 8})) == Refusal::wrong_credentials);
}

TEST_CASE("account: one that an operator locked signs in no more until it is open again") {
  SignedIn s;
  const auto lock = [&](Meta meta, UserId user, bool locked = true) {
    return s.o.call(LockUser{.meta = std::move(meta), .user_id = user, .locked = locked});
  };
  CHECK(code(lock(s.o.meta(s.o.other_buyer), s.o.buyer)) == Refusal::forbidden);
  CHECK(code(lock(s.o.by_operator(), s.o.operator_)) == Refusal::forbidden);
  CHECK(code(lock(s.o.by_operator(), s.o.fresh<UserId>())) == Refusal::unknown_user);
  CHECK(lock(s.o.by_operator(), s.o.buyer)->tokens_since == s.o.now);
  CHECK(!s.is_live_now(s.id));
  const auto start = [&] {
    return s.o.call(StartSession{.meta = s.o.meta(),
                                 .session_id = s.o.fresh<SessionId>(),
                                 .user_id = s.o.buyer,
                                 .refresh_hash = {"1"},
                                 .ttl_s = 60});
  };
  CHECK(code(start()) == Refusal::account_locked);
  CHECK(lock(s.o.by_operator(), s.o.buyer, false));
  CHECK(!s.is_live_now(s.id));
  s.o.now += std::chrono::milliseconds{1};
  CHECK(start());
}

TEST_CASE("account: an operator is made one like any other") {
  SignedIn s;
  CHECK(code(s.o.call(RemoveOperator{.meta = s.o.by_operator(), .user_id = s.o.buyer})) == Refusal::unknown_user);
  CHECK(code(s.o.call(RemoveOperator{.meta = s.o.meta(s.o.buyer), .user_id = s.o.operator_})) == Refusal::forbidden);
  const auto left = s.o.must(RemoveOperator{.meta = s.o.by_operator(), .user_id = s.o.operator_});
  CHECK_FALSE(left.is_operator);
  CHECK(left.signed_out_at == s.o.now);
}

TEST_CASE("session: all of an account end but the one kept, and later ones live") {
  SignedIn s;
  const auto kept = s.o.fresh<SessionId>();
  s.start(kept);
  CHECK(code(s.o.call(EndSessions{.meta = s.o.meta(s.o.other_buyer), .user_id = s.o.buyer})) == Refusal::forbidden);
  s.o.must(EndSessions{.meta = s.o.meta(s.o.buyer), .user_id = s.o.buyer, .kept = kept});
  CHECK(!s.is_live_now(s.id));
  CHECK(s.is_live_now(kept));
  CHECK(code(s.refresh("1", "2")) == Refusal::session_ended);
  s.o.now += std::chrono::milliseconds{1};
  const auto later = s.o.fresh<SessionId>();
  s.start(later);
  CHECK(s.is_live_now(later));
  s.o.must(EndSessions{.meta = s.o.by_operator(), .user_id = s.o.buyer});
  CHECK(!s.is_live_now(kept));
  CHECK(!s.is_live_now(later));
}

struct Door {
  Rows rows;
  Office<Rows> o{rows};

  bool knock(const std::string& account, const std::string& network) {
    return o.call(TakeSignInTry{.meta = o.meta(), .account = account, .network = network}).has_value();
  }
  int knocks(const std::string& account, const std::string& network, int most) {
    int count = 0;
    while (count < most && knock(account, network)) ++count;
    return count;
  }
  Result<Session> enter(const std::string& network, std::string hash = "-") {
    return o.call(StartSession{.meta = o.meta(),
                               .session_id = o.fresh<SessionId>(),
                               .user_id = o.buyer,
                               .refresh_hash = {"1"},
                               .account = "buyer@example.org",
                               .network = network,
                               .password_hash = std::move(hash)});
  }
};

TEST_CASE("throttle: so many guesses at an account from one network, known or not") {
  Door d;
  CHECK(d.knocks("buyer@example.org", "198.51.100.0", 100) == tries_from_network.count);
  CHECK(d.knocks("nobody@example.org", "198.51.100.0", 100) == tries_from_network.count);
  CHECK(d.knock("other@example.org", "198.51.100.0"));
  d.o.now += tries_from_network.within;
  CHECK(d.knock("buyer@example.org", "198.51.100.0"));
}

TEST_CASE("throttle: guesses from everywhere keep strangers out, never a network the account was used from") {
  Door d;
  REQUIRE(d.knock("buyer@example.org", "192.0.2.0"));
  REQUIRE(d.enter("192.0.2.0"));
  int guesses = 0;
  for (int network = 0; network < 10; ++network) {
    guesses += d.knocks("buyer@example.org", "net " + std::to_string(network), 100);
  }
  // The first three networks spend what all have; each of the others has a little left, and so has its owner.
  CHECK(guesses == tries_of_account.count + 7 * tries_while_guessed.count);
  CHECK(d.knocks("buyer@example.org", "yet another", 100) == tries_while_guessed.count);
  CHECK(d.knock("buyer@example.org", "192.0.2.0"));
  REQUIRE(d.enter("192.0.2.0"));
  // It is forgotten after 90 days.
  d.o.now += network_known;
  for (int network = 0; network < 10; ++network) {
    d.knocks("buyer@example.org", "net " + std::to_string(network), 100);
  }
  CHECK(d.knocks("buyer@example.org", "192.0.2.0", 100) == tries_while_guessed.count);
}

TEST_CASE("throttle: a browser that the account was used in is not slowed down, wherever it is") {
  Door d;
  const auto knocks = [&](const std::string& network, const std::string& browser) {
    int count = 0;
    while (count < 100 &&
           d.o.call(TakeSignInTry{
               .meta = d.o.meta(), .account = "buyer@example.org", .network = network, .browser = browser})) {
      ++count;
    }
    return count;
  };
  d.o.must(StartSession{.meta = d.o.meta(),
                        .session_id = d.o.fresh<SessionId>(),
                        .user_id = d.o.buyer,
                        .refresh_hash = {"1"},
                        .account = "buyer@example.org",
                        .network = "home",
                        .browser = "mine"});
  for (int network = 0; network < 400; ++network) {
    d.knocks("buyer@example.org", "net " + std::to_string(network), 100);
  }
  CHECK(knocks("abroad", "somebody's") == 0);  // most_tries_of_account were made
  CHECK(knocks("abroad", "mine") == tries_from_network.count);
  CHECK(knocks("elsewhere", "mine") == 0);
  d.o.now += tries_from_network.within;
  CHECK(knocks("abroad", "mine") == tries_from_network.count);
}

TEST_CASE("throttle: who reads the account's mail waits for nobody's guesses") {
  Door d;
  for (int network = 0; network < 400; ++network) {
    d.knocks("buyer@example.org", "net " + std::to_string(network), 100);
  }
  d.knocks("buyer@example.org", "abroad", 100);
  REQUIRE(d.knocks("buyer@example.org", "abroad", 1) == 0);
  const MailedProof proof{d.o.fresh<ProofId>(), {"secret"}};
  d.o.must(RequestReset{.meta = d.o.meta(), .account = "buyer@example.org", .network = "abroad", .proof = proof});
  d.o.must(ResetPassword{.meta = d.o.meta(), .proof = proof, .password_hash = "new", .network = "abroad"});
  CHECK(d.knocks("buyer@example.org", "abroad", 1) == 1);
  REQUIRE(d.enter("abroad", "new"));
  for (int network = 0; network < 400; ++network) {
    d.knocks("buyer@example.org", "net " + std::to_string(network), 100);
  }
  CHECK(d.knocks("buyer@example.org", "abroad", 100) == tries_from_network.count);
}

TEST_CASE("throttle: one network may not try account after account") {
  Door d;
  int guesses = 0;
  for (int account = 0; account < 400; ++account) {
    guesses += d.knock("a" + std::to_string(account) + "@example.org", "198.51.100.0") ? 1 : 0;
  }
  CHECK(guesses == tries_of_network.count);
  CHECK(d.knock("a0@example.org", "203.0.113.0"));
}

TEST_CASE("throttle: a sign-in that succeeds takes its tries back") {
  Door d;
  for (int n = 0; n < 100; ++n) {
    REQUIRE(d.knock("buyer@example.org", "192.0.2.0"));
    REQUIRE(d.enter("192.0.2.0"));
  }
}

TEST_CASE("sign-in: a password that was changed meanwhile is wrong") {
  Door d;
  REQUIRE(d.knock("buyer@example.org", "192.0.2.0"));
  CHECK(code(d.enter("192.0.2.0", "another")) == Refusal::wrong_credentials);
}

}  // namespace
}  // namespace admit::domain

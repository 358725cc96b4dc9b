#include "domain/identities.hpp"

#include <doctest/doctest.h>

#include "domain/sessions.hpp"
#include "domain/testing/office.hpp"
#include "domain/throttle.hpp"

namespace admit::domain {
namespace {

using testing::Office;
using testing::Rows;

ExternalPerson person(std::string subject = "alice", std::string email = "alice@example.org", bool verified = true) {
  return {.issuer = "https://op.example",
          .subject = std::move(subject),
          .email = std::move(email),
          .email_verified = verified,
          .name = "Alice A",
          .locale = "de"};
}

struct Desk {
  Rows rows;
  Office<Rows> office{rows};

  Desk() {
    office.prove_address(office.buyer);
    office.prove_address(office.other_buyer);
  }

  Result<User> admit(ExternalPerson who, bool by_email = true, SignInWays ways = {},
                     std::optional<ProofId> once = std::nullopt) {
    return rows.call(AdmitPerson{.meta = office.meta(),
                                 .person = std::move(who),
                                 .link_by_email = by_email,
                                 .once = once,
                                 .ways = std::move(ways)});
  }
  User account(const std::string& email, bool verified, bool is_operator = false) {
    return *rows.call(CreateUser{.meta = office.meta(),
                                 .email = email,
                                 .name = "Owner",
                                 .password_hash = "hash",
                                 .is_operator = is_operator,
                                 .email_verified = verified});
  }
  Result<ExternalIdentity> link(UserId user, ExternalPerson who, std::size_t linked = 0) {
    return rows.call(
        LinkIdentity{.meta = office.meta(user), .person = std::move(who), .linked = linked, .proven_at = office.now});
  }
  /// As it was made with the account.
  Result<ExternalIdentity> link_at_sign_up(UserId user, ExternalPerson who) {
    return rows.call(
        LinkIdentity{.meta = office.meta(user), .person = std::move(who), .made_at_generation = now(user).generation});
  }
  Result<ExternalIdentity> unlink(UserId user, IdentityId id, SignInWays ways = {}) {
    return rows.call(UnlinkIdentity{.meta = office.meta(user), .identity_id = id, .ways = std::move(ways)});
  }
  [[nodiscard]] User now(UserId id) const { return rows.get<User>(id); }
};

template <class T>
std::string code(const Result<T>& result) {
  return result ? "good" : std::string(word(result.error().code));
}

const IdentityId alice = identity_id("https://op.example", "alice");

TEST_CASE("identity: the first token makes an account, every other finds it") {
  Desk d;
  const auto first = d.admit(person());
  REQUIRE(first);
  CHECK(first->email == "alice@example.org");
  CHECK(first->email_verified);
  CHECK(first->name == "Alice A");
  CHECK(first->locale == "de");
  CHECK(first->password_hash.empty());
  CHECK_FALSE(first->is_operator);
  CHECK(d.rows.get<Claim>(email_claim("alice@example.org")).target == first->id.value);
  CHECK(d.rows.get<ExternalIdentity>(alice).user_id == first->id);
  CHECK(d.admit(person())->id == first->id);
  CHECK(d.admit(person("bob", "bob@example.org"))->id != first->id);
  auto elsewhere = person();
  elsewhere.issuer = "https://other.example";
  elsewhere.email.clear();
  CHECK(d.admit(elsewhere)->id != first->id);
}

TEST_CASE("identity: an account without an address gets it from a later token") {
  Desk d;
  const auto made = d.admit(person("alice", "", false));
  REQUIRE(made);
  CHECK(made->email.empty());
  CHECK_FALSE(made->email_verified);
  const auto later = d.admit(person());
  CHECK(later->id == made->id);
  CHECK(d.now(made->id).email == "alice@example.org");
  CHECK(d.now(made->id).email_verified);
  const auto moved = d.admit(person("alice", "new@example.org"));
  CHECK(moved->email == "alice@example.org");  // an address is changed by its owner only
  CHECK(d.rows.get<ExternalIdentity>(alice).email == "new@example.org");
  const auto news = [&](const ExternalPerson& who) {
    return is_news(d.rows.get<ExternalIdentity>(alice), d.now(made->id), who, true);
  };
  CHECK_FALSE(news(person("alice", "new@example.org")));
  CHECK(news(person()));
  CHECK_FALSE(news(person("alice", "")));
}

TEST_CASE("identity: an issuer that is not trusted with addresses proves none; our own link does") {
  Desk d;
  const auto mails = [&] {
    std::size_t count = 0;
    const auto changes = d.rows.world.changes();
    for (const auto& put : changes.of<Job>()) count += put.row->detail == "verify_email" ? 1 : 0;
    return count;
  };
  const auto before = mails();
  AdmitPerson command{
      .meta = d.office.meta(), .person = person(), .verification = MailedProof{d.office.fresh<ProofId>(), {"secret"}}};
  const auto made = d.rows.call(command);
  REQUIRE(made);
  CHECK(made->email == "alice@example.org");
  CHECK_FALSE(d.now(made->id).email_verified);
  CHECK(mails() == before + 1);
  CHECK(code(d.rows.call(VerifyEmail{.meta = d.office.meta(), .proof = *command.verification})) == "confirm_first");
  CHECK(code(d.rows.call(VerifyEmail{.meta = d.office.meta(made->id), .proof = *command.verification})) == "good");
  CHECK(d.now(made->id).email_verified);
  // The address of a later token likewise; so many mails go to one address.
  for (int n = 0; n <= mails_to_address.count; ++n) {
    const std::string name = "late" + std::to_string(n);
    const auto late = d.admit(person(name, "", false), false);
    AdmitPerson more{.meta = d.office.meta(),
                     .person = person(name, "late@example.org"),
                     .verification = MailedProof{d.office.fresh<ProofId>(), {"secret"}}};
    REQUIRE(d.rows.call(more));
    CHECK(d.now(late->id).email == "late@example.org");
    CHECK_FALSE(d.now(late->id).email_verified);
    User gone = d.now(late->id);
    gone.erased_at = d.office.now;
    d.rows.world.put(gone);
    d.rows.world.put(Claim{.id = email_claim("late@example.org"), .kind = "email"});
  }
  CHECK(mails() == before + 1 + static_cast<std::size_t>(mails_to_address.count));
}

TEST_CASE("identity: an address that a linked name proves first leaves only that name to sign in with") {
  Desk d;
  const auto made = d.account("alice@example.org", false);
  REQUIRE(d.link_at_sign_up(made.id, person("alice", "alice@example.org", false)));
  REQUIRE(d.link_at_sign_up(made.id, person("mallory", "mallory@example.org")));
  const IdentityId mallory = identity_id("https://op.example", "mallory");
  const SignInWays ways{{}, {alice, mallory}};
  CHECK(is_news(d.rows.get<ExternalIdentity>(alice), d.now(made.id), person(), true));
  CHECK_FALSE(is_news(d.rows.get<ExternalIdentity>(alice), d.now(made.id), person(), false));
  CHECK(d.admit(person(), false, ways)->id == made.id);
  CHECK(d.now(made.id).password_hash == "hash");
  CHECK(d.admit(person(), true, ways)->id == made.id);
  CHECK(d.now(made.id).password_hash.empty());
  CHECK(d.now(made.id).email_verified);
  CHECK(d.rows.get<ExternalIdentity>(alice).user_id == made.id);
  CHECK_FALSE(d.rows.get<ExternalIdentity>(mallory).user_id);
}

TEST_CASE("identity: what a provider calls somebody is shown only where it may be") {
  Desk d;
  auto who = person();
  who.name = "a\nb";
  CHECK(d.admit(who)->name == "alice");
  CHECK(d.admit(person("nobody", "", false))->name == "Alice A");
  who = person("void", "", false);
  who.name.clear();
  CHECK(d.admit(who)->name == "Customer");
}

TEST_CASE("identity: an address links only by a trusted provider that verified it") {
  Desk d;
  const auto owner = d.account("alice@example.org", true);
  CHECK(code(d.admit(person(), false)) == "link_first");
  CHECK(code(d.admit(person("alice", "alice@example.org", false), true)) == "link_first");
  CHECK(code(d.admit(person("alice", "alice@example.org", false), false)) == "link_first");
  const auto linked = d.admit(person(), true);
  REQUIRE(linked);
  CHECK(linked->id == owner.id);
  CHECK(d.now(owner.id).password_hash == "hash");  // both sides had verified it
  CHECK_FALSE(d.now(owner.id).signed_out_at);
  CHECK(d.admit(person(), false)->id == owner.id);
}

TEST_CASE("identity: an account that was made with somebody else's address keeps none of its maker's ways in") {
  Desk d;
  const auto made = d.account("alice@example.org", false);
  User guarded = made;
  guarded.totp_secret = {"sealed"};
  guarded.totp_confirmed = true;
  guarded.recovery_hashes = {"recovery"};
  d.rows.world.put(guarded);
  const Passkey passkey{.id = passkey_id("p"), .user_id = made.id, .created_at = d.office.now};
  d.rows.world.put(passkey);
  const Passkey foreign{.id = passkey_id("f"), .user_id = d.office.buyer, .created_at = d.office.now};
  d.rows.world.put(foreign);
  REQUIRE(d.link_at_sign_up(made.id, person("mallory", "mallory@example.org")));
  const IdentityId mallory = identity_id("https://op.example", "mallory");
  const auto session = d.rows.call(StartSession{.meta = d.office.meta(),
                                                .session_id = d.office.fresh<SessionId>(),
                                                .user_id = made.id,
                                                .refresh_hash = {"refresh"}});
  REQUIRE(session);

  CHECK(code(d.admit(person(), false)) == "link_first");
  CHECK(d.now(made.id).password_hash == "hash");
  const auto linked = d.admit(person(), true, {{passkey.id, foreign.id}, {mallory}});
  REQUIRE(linked);
  CHECK(linked->id == made.id);
  const User user = d.now(made.id);
  CHECK(user.password_hash.empty());
  CHECK_FALSE(user.totp_confirmed);
  CHECK(user.totp_secret.data.empty());
  CHECK(user.recovery_hashes.empty());
  CHECK(user.email_verified);
  CHECK_FALSE(is_live(*session, user, d.office.now));
  CHECK(d.rows.get<Passkey>(passkey.id).removed_at);
  CHECK_FALSE(d.rows.get<Passkey>(foreign.id).removed_at);
  CHECK_FALSE(d.rows.get<ExternalIdentity>(mallory).user_id);
  CHECK(d.rows.get<ExternalIdentity>(alice).user_id == made.id);
  // Whoever made it gets an account of his own.
  CHECK(d.admit(person("mallory", "mallory@example.org"))->id != made.id);
}

TEST_CASE("identity: no address links to an operator's account, nor past a second factor") {
  Desk d;
  d.account("root2@example.org", true, true);
  CHECK(code(d.admit(person("x", "root2@example.org"))) == "link_first");
  User guarded = d.account("guarded@example.org", true);
  guarded.totp_confirmed = true;
  d.rows.world.put(guarded);
  CHECK(code(d.admit(person("y", "guarded@example.org"))) == "link_first");
}

TEST_CASE("identity: a sign-in in the browser is good once") {
  Desk d;
  const auto once = d.office.fresh<ProofId>();
  CHECK(code(d.admit(person(), true, {}, once)) == "good");
  CHECK(code(d.admit(person(), true, {}, once)) == "link_used_up");
  CHECK(code(d.admit(person(), true, {}, d.office.fresh<ProofId>())) == "good");
  const Proof proof = d.rows.get<Proof>(once);
  CHECK(proof.used);
  CHECK(proof.due_at == d.office.now + sign_in_ttl);
  // One that was refused may be tried again.
  const auto other = d.office.fresh<ProofId>();
  d.account("bob@example.org", true);
  CHECK(code(d.admit(person("bob", "bob@example.org"), false, {}, other)) == "link_first");
  CHECK(code(d.admit(person("bob", "bob@example.org"), true, {}, other)) == "good");
}

TEST_CASE("identity: a signed-in account links names that are nobody else's") {
  Desk d;
  const auto linked = d.link(d.office.buyer, person("alice", "anything@example.org", false));
  REQUIRE(linked);
  CHECK(linked->user_id == d.office.buyer);
  CHECK(code(d.link(d.office.buyer, person())) == "good");
  CHECK(d.rows.get<ExternalIdentity>(alice).email == "anything@example.org");
  CHECK(code(d.link(d.office.other_buyer, person())) == "identity_taken");
  CHECK(code(d.link(UserId{}, person("z"))) == "unknown_user");
  CHECK(code(d.link(d.office.buyer, person("z"), max_identities)) == "too_many");
  CHECK(d.admit(person())->id == d.office.buyer);
}

TEST_CASE("identity: none is linked before the address of the account is proven, but the one it was opened with") {
  Desk d;
  const auto made = d.account("new@example.org", false);
  CHECK(code(d.link(made.id, person())) == "email_not_verified");
  CHECK(code(d.link_at_sign_up(made.id, person())) == "good");
}

TEST_CASE("identity: one that was made with the account is not linked once what signs in has changed") {
  Desk d;
  const auto made = d.account("new@example.org", false);
  const LinkIdentity link{.meta = d.office.meta(made.id), .person = person(), .made_at_generation = made.generation};
  d.office.must(EndSessions{.meta = d.office.meta(made.id), .user_id = made.id, .kept = {}});
  CHECK(code(d.rows.call(link)) == "conflict");
}

TEST_CASE("identity: one that was made with the account proves no address, whatever is confirmed there") {
  Desk d;
  const auto made = d.account("alice@example.org", false);
  REQUIRE(d.link_at_sign_up(made.id, person(made.id.text())));
  CHECK(d.admit(person(made.id.text()))->id == made.id);
  CHECK_FALSE(d.now(made.id).email_verified);
  CHECK(d.now(made.id).password_hash == "hash");
}

TEST_CASE("identity: none is linked long after who signed in proved who they are; the owner is told") {
  Desk d;
  LinkIdentity command{
      .meta = d.office.meta(d.office.buyer), .person = person(), .proven_at = d.office.now - proven_for};
  CHECK(code(d.rows.call(command)) == "confirm_first");
  command.proven_at += std::chrono::seconds{1};
  CHECK(code(d.rows.call(command)) == "good");
  const auto changes = d.rows.world.changes();
  std::size_t told = 0;
  for (const auto& put : changes.of<Job>()) told += put.row->detail == "identity_linked" ? 1 : 0;
  CHECK(told == 1);
}

TEST_CASE("identity: a name is unlinked by its owner, unless nothing else signs in") {
  Desk d;
  REQUIRE(d.link(d.office.buyer, person()));
  CHECK(code(d.unlink(d.office.other_buyer, alice)) == "unknown_identity");
  CHECK(code(d.unlink(d.office.buyer, identity_id("https://op.example", "nobody"))) == "unknown_identity");
  CHECK(code(d.unlink(d.office.buyer, alice)) == "good");
  CHECK(code(d.unlink(d.office.buyer, alice)) == "unknown_identity");
  CHECK(code(d.link(d.office.other_buyer, person())) == "good");

  const auto made = d.admit(person("solo", ""));
  const IdentityId solo = identity_id("https://op.example", "solo");
  const IdentityId second = identity_id("https://op.example", "second");
  CHECK(code(d.unlink(made->id, solo, {{}, {solo, alice}})) == "only_sign_in");
  REQUIRE(d.link(made->id, person("second", "")));
  CHECK(code(d.unlink(made->id, solo, {{}, {solo, second}})) == "good");
  Passkey passkey{.id = passkey_id("p"), .user_id = made->id, .created_at = d.office.now};
  d.rows.world.put(passkey);
  CHECK(code(d.unlink(made->id, second, {{}, {second}})) == "only_sign_in");
  CHECK(code(d.unlink(made->id, second, {{passkey.id}, {second}})) == "good");
  // An account whose last name was taken by force can still be found by its address; a fresh one is made otherwise.
  CHECK(d.admit(person("solo", ""))->id != made->id);
}

TEST_CASE("identity: a name that was unlinked is never again linked by its address, but by the account") {
  Desk d;
  const auto owner = d.account("alice@example.org", true);
  REQUIRE(d.admit(person()));
  CHECK(code(d.unlink(owner.id, alice)) == "good");
  CHECK(d.rows.get<ExternalIdentity>(alice).unlinked_at == d.office.now);
  CHECK(code(d.admit(person())) == "link_first");
  CHECK(code(d.link(owner.id, person())) == "good");
  CHECK(d.admit(person())->id == owner.id);
}

TEST_CASE("identity: a token that proves the address is good although all other sign-ins end") {
  Desk d;
  const auto made = d.account("alice@example.org", false);
  REQUIRE(d.admit(person()));
  CHECK(d.now(made.id).signed_out_at == d.office.now);
  CHECK_FALSE(d.now(made.id).tokens_since);
}

TEST_CASE("identity: the name of an erased account begins anew") {
  Desk d;
  const auto made = d.admit(person("gone", ""));
  User erased = *made;
  erased.erased_at = d.office.now;
  d.rows.world.put(erased);
  CHECK(code(d.link(made->id, person("x"))) == "unknown_user");
  CHECK(d.admit(person("gone", ""))->id != made->id);
}

}  // namespace
}  // namespace admit::domain

#include "domain/users.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "domain/guests.hpp"
#include "domain/members.hpp"
#include "domain/people.hpp"
#include "domain/testing/office.hpp"
#include "domain/throttle.hpp"

namespace admit::domain {
namespace {

using testing::Office;
using testing::Rows;
using testing::code;

struct People {
  Rows rows;
  Office<Rows> o{rows};

  MailedProof proof() { return {o.fresh<ProofId>(), {"secret"}}; }
  const User& buyer() { return rows.get<User>(o.buyer); }
  std::size_t jobs(JobKind kind, std::string_view detail = {}) {
    std::size_t count = 0;
    const auto changes = rows.world.changes();
    for (const auto& put : changes.of<Job>()) {
      if (put.row->kind == kind && (detail.empty() || put.row->detail == detail)) ++count;
    }
    return count;
  }
  CreateUser ada() {
    return {.meta = o.meta(), .email = "ada@example.net", .name = "Ada", .locale = "en", .password_hash = "h"};
  }
  Registration guest_order(const std::string& email, TierId tier) {
    const auto guest = o.must(CreateGuest{.meta = o.meta(),
                                          .email = email,
                                          .name = "Guest",
                                          .session_id = o.fresh<SessionId>(),
                                          .refresh_hash = {"g"},
                                          .session_ttl_s = 60});
    return o.reserve(tier, 1, guest.id);
  }
};

TEST_CASE("account: begins with its business and the job for the provider's account") {
  People p;
  auto command = p.ada();
  command.business =
      FirstBusiness{.name = "Mill", .country = "DE", .terms = {.fee_fixed_minor = 5}, .with_provider = true};
  command.verification = p.proof();
  const auto user = p.o.must(command);
  CHECK(user.id == user_of(command));
  const auto changes = p.rows.world.changes();
  const auto& businesses = changes.of<Business>();
  const auto made = std::ranges::find_if(businesses, [&](const auto& put) { return put.row->owner_id == user.id; });
  REQUIRE(made != businesses.end());
  CHECK(made->row->name == "Mill");
  CHECK(made->row->fee_fixed_minor == 5);
  CHECK(p.jobs(JobKind::create_account, "DE") == 1);
  CHECK(p.jobs(JobKind::mail, "verify_email") == 1);
}

TEST_CASE("account: a bad business makes none of it; without a provider no job is wanted") {
  People p;
  auto command = p.ada();
  command.business = FirstBusiness{.name = "Mill\u202e"};
  const auto refused = p.o.call(command);
  CHECK(code(refused) == Refusal::invalid_field);
  CHECK(refused.error().field == "business.name");
  command.business->name = "Mill";
  CHECK(p.o.call(command));
  CHECK(p.jobs(JobKind::create_account) == 0);
}

TEST_CASE("account: an address is verified by its link, once") {
  People p;
  auto command = p.ada();
  command.verification = p.proof();
  const auto user = p.o.must(command);
  CHECK(code(p.o.call(VerifyEmail{.meta = p.o.meta(user.id), .proof = {command.verification->id, {"wrong"}}})) ==
        Refusal::unknown_proof);
  CHECK(p.o.must(VerifyEmail{.meta = p.o.meta(user.id), .proof = *command.verification}).email_verified);
  CHECK(code(p.o.call(VerifyEmail{.meta = p.o.meta(user.id), .proof = *command.verification})) ==
        Refusal::unknown_proof);
  CHECK(p.jobs(JobKind::join_guests) == 1);
  // No mail more is sent to it.
  p.o.must(ResendVerification{p.o.meta(user.id), p.proof()});
  CHECK(p.jobs(JobKind::mail, "verify_email") == 1);
}

TEST_CASE("account: an address is confirmed by who is signed in to the account, or knows its password") {
  People p;
  auto command = p.ada();
  command.verification = p.proof();
  const auto user = p.o.must(command);
  const auto confirm = [&](UserId by, std::optional<std::string> hash = std::nullopt) {
    return p.o.call(
        VerifyEmail{.meta = p.o.meta(by), .proof = *command.verification, .password_hash = std::move(hash)});
  };
  CHECK(code(confirm({})) == Refusal::confirm_first);
  CHECK(code(confirm(p.o.buyer)) == Refusal::confirm_first);
  CHECK(code(confirm({}, "wrong")) == Refusal::confirm_first);
  CHECK_FALSE(p.rows.get<User>(user.id).email_verified);
  CHECK(confirm({}, "h"));
  CHECK(p.rows.get<User>(user.id).email_verified);
}

TEST_CASE("account: without a password it is confirmed by who is signed in only") {
  People p;
  auto command = p.ada();
  command.password_hash.clear();
  command.verification = p.proof();
  const auto user = p.o.must(command);
  CHECK(code(p.o.call(VerifyEmail{.meta = p.o.meta(), .proof = *command.verification, .password_hash = ""})) ==
        Refusal::confirm_first);
  CHECK(p.o.call(VerifyEmail{.meta = p.o.meta(user.id), .proof = *command.verification}));
}

TEST_CASE("account: whose address a stranger opened one with takes it back") {
  People p;
  auto command = p.ada();
  command.verification = p.proof();
  const auto user = p.o.must(command);
  const auto session = p.o.fresh<SessionId>();
  p.o.must(StartSession{.meta = p.o.meta(), .session_id = session, .user_id = user.id, .refresh_hash = {"1"}});
  CHECK(code(p.o.call(DisownAddress{p.o.meta(), {command.verification->id, {"wrong"}}})) == Refusal::unknown_proof);
  CHECK(p.o.must(DisownAddress{p.o.meta(), *command.verification}).email.empty());
  CHECK_FALSE(is_claimed(p.rows.world, email_claim("ada@example.net")));
  CHECK_FALSE(is_live(p.rows.get<Session>(session), p.rows.get<User>(user.id), p.o.now));
  CHECK(code(p.o.call(VerifyEmail{.meta = p.o.meta(user.id), .proof = *command.verification})) ==
        Refusal::unknown_proof);
  // The address is free for its owner; one that was confirmed is nobody's to take back.
  auto own = p.ada();
  own.verification = p.proof();
  const auto owner = p.o.must(own);
  const auto second = p.proof();
  p.o.must(ResendVerification{p.o.meta(owner.id), second});
  p.o.must(VerifyEmail{.meta = p.o.meta(owner.id), .proof = *own.verification});
  CHECK(code(p.o.call(DisownAddress{p.o.meta(), second})) == Refusal::unknown_proof);
}

TEST_CASE("account: who asks for resets from elsewhere keeps nobody from asking, and fills no inbox") {
  People p;
  const auto ask = [&](const std::string& network) {
    return p.o.call(
        RequestReset{.meta = p.o.meta(), .account = "buyer@example.org", .network = network, .proof = p.proof()});
  };
  for (int network = 0; network < 10; ++network) {
    for (int n = 0; n < mails_to_address.count; ++n) CHECK(ask("net " + std::to_string(network)));
  }
  CHECK(ask("home"));
  CHECK(p.jobs(JobKind::mail, "reset_password") == resets_to_address.count);
}

TEST_CASE("account: signing up and leaving again and again mails no address without end") {
  People p;
  for (int n = 0; n < 3 * mails_to_address.count; ++n) {
    auto command = p.ada();
    command.verification = p.proof();
    const auto user = p.o.must(command);
    p.o.must(ErasePerson{.meta = p.o.meta(user.id), .password_hash = command.password_hash});
  }
  CHECK(p.jobs(JobKind::mail, "verify_email") == mails_to_address.count);
}

TEST_CASE("account: mails that anybody can ask for are counted, whether there is an account or not") {
  for (const std::string address : {"buyer@example.org", "nobody@example.org"}) {
    People p;
    const auto ask = [&] {
      return p.o.call(RequestReset{.meta = p.o.meta(), .account = address, .network = "n", .proof = p.proof()});
    };
    for (int n = 0; n < mails_to_address.count; ++n) CHECK(ask());
    CHECK(code(ask()) == Refusal::too_many_failures);
  }
}

TEST_CASE("account: a reset sets the password, proves the address and ends every sign-in") {
  People p;
  const auto session = p.o.fresh<SessionId>();
  p.o.must(StartSession{.meta = p.o.meta(), .session_id = session, .user_id = p.o.buyer, .refresh_hash = {"1"}});
  const auto proof = p.proof();
  p.o.must(RequestReset{.meta = p.o.meta(), .account = "buyer@example.org", .network = "n", .proof = proof});
  const auto late = p.o.now;
  p.o.now += reset_ttl;
  const ResetPassword reset{.meta = p.o.meta(), .proof = proof, .password_hash = "new"};
  CHECK(code(p.o.call(reset)) == Refusal::unknown_proof);
  p.o.now = late;
  CHECK(p.o.must(ResetPassword{.meta = p.o.meta(), .proof = proof, .password_hash = "new"}).email_verified);
  CHECK(p.buyer().password_hash == "new");
  CHECK(!is_live(p.rows.get<Session>(session), p.buyer(), p.o.now));
}

TEST_CASE("account: a reset of an account that a stranger made with the address leaves the stranger no way in") {
  for (const bool proven : {false, true}) {
    CAPTURE(proven);
    People p;
    if (proven) p.o.prove_address(p.o.buyer);
    User made = p.buyer();
    made.totp_secret = {"sealed"};
    made.totp_confirmed = true;
    made.recovery_hashes = {"recovery"};
    p.rows.world.put(made);
    const Passkey passkey{.id = passkey_id("p"), .user_id = p.o.buyer};
    const Passkey foreign{.id = passkey_id("f"), .user_id = p.o.other_buyer};
    const ExternalIdentity name{.id = identity_id("https://op.example", "mallory"), .user_id = p.o.buyer};
    p.rows.world.put(passkey);
    p.rows.world.put(foreign);
    p.rows.world.put(name);
    const auto proof = p.proof();
    p.o.must(RequestReset{.meta = p.o.meta(), .account = "buyer@example.org", .network = "n", .proof = proof});
    p.o.must(ResetPassword{
        .meta = p.o.meta(), .proof = proof, .password_hash = "new", .ways = {{passkey.id, foreign.id}, {name.id}}});
    CHECK(p.buyer().email_verified);
    CHECK(p.buyer().password_hash == "new");
    CHECK(p.buyer().totp_confirmed == proven);
    CHECK(p.buyer().recovery_hashes.empty() == !proven);
    CHECK(p.rows.get<Passkey>(passkey.id).removed_at.has_value() == !proven);
    CHECK(!p.rows.get<Passkey>(foreign.id).removed_at);
    CHECK((p.rows.get<ExternalIdentity>(name.id).user_id == p.o.buyer) == proven);
  }
}

TEST_CASE("account: a change of password keeps the sign-in it was made in") {
  People p;
  const auto kept = p.o.fresh<SessionId>();
  const auto other = p.o.fresh<SessionId>();
  for (const auto id : {kept, other}) {
    p.o.must(StartSession{.meta = p.o.meta(), .session_id = id, .user_id = p.o.buyer, .refresh_hash = {"1"}});
  }
  ChangePassword change{
      .meta = p.o.meta(p.o.buyer), .session_id = kept, .old_password_hash = "other", .password_hash = "new"};
  CHECK(code(p.o.call(change)) == Refusal::wrong_credentials);
  change.old_password_hash = "-";
  p.o.must(change);
  CHECK(is_live(p.rows.get<Session>(kept), p.buyer(), p.o.now));
  CHECK(!is_live(p.rows.get<Session>(other), p.buyer(), p.o.now));
}

TEST_CASE("account: its tries with passwords and codes are counted, and forgiven by a right one") {
  People p;
  const auto attempt = [&] {
    return p.o.call(TakeUserTry{p.o.meta(p.o.buyer)});
  };
  for (int n = 0; n < tries_of_user.count; ++n) CHECK(attempt());
  CHECK(code(attempt()) == Refusal::too_many_failures);
  p.o.must(ForgiveUserTries{.meta = p.o.meta(p.o.buyer), .secret = Secret::code});
  CHECK(code(attempt()) == Refusal::too_many_failures);
  p.o.must(ForgiveUserTries{.meta = p.o.meta(p.o.buyer)});
  CHECK(attempt());
}

TEST_CASE("account: who knows the password guesses at codes no more often for it") {
  People p;
  for (int n = 0; n < tries_of_user.count; ++n) {
    CHECK(p.o.call(TakeUserTry{p.o.meta(p.o.buyer)}));
    CHECK(p.o.call(TakeUserTry{p.o.meta(p.o.buyer), Secret::code}));
    p.o.must(ForgiveUserTries{.meta = p.o.meta(p.o.buyer)});
  }
  CHECK(code(p.o.call(TakeUserTry{p.o.meta(p.o.buyer), Secret::code})) == Refusal::too_many_failures);
}

TEST_CASE("account: what was made of its password elsewhere ends with it") {
  People p;
  auto command = p.ada();
  command.at_provider = true;
  p.o.must(command);
  CHECK(p.jobs(JobKind::create_identity, "0") == 1);
  ChangePassword change{.meta = p.o.meta(p.o.buyer), .old_password_hash = "-", .password_hash = "new"};
  p.o.must(change);
  CHECK(p.jobs(JobKind::set_identity_password) == 0);
  change = {.meta = p.o.meta(p.o.buyer), .old_password_hash = "new", .password_hash = "-", .at_provider = true};
  p.o.must(change);
  CHECK(p.jobs(JobKind::set_identity_password) == 1);
  const auto proof = p.proof();
  p.o.must(RequestReset{.meta = p.o.meta(), .account = "buyer@example.org", .network = "n", .proof = proof});
  p.o.must(
      ResetPassword{.meta = p.o.meta(), .proof = proof, .password_hash = "-", .network = "n", .at_provider = true});
  CHECK(p.jobs(JobKind::set_identity_password) == 2);
  p.o.must(ErasePerson{.meta = p.o.meta(p.o.buyer), .password_hash = "-", .at_provider = true});
  CHECK(p.jobs(JobKind::erase_identity) == 1);
}

TEST_CASE("account: one that nobody confirmed is taken over by who has the installation") {
  People p;
  const auto take = [&](UserId id) {
    return p.o.call(
        TakeOverAccount{.meta = p.o.by_operator(), .user_id = id, .name = "Boss", .password_hash = "boss's"});
  };
  const auto session = p.o.fresh<SessionId>();
  p.o.must(StartSession{.meta = p.o.meta(), .session_id = session, .user_id = p.o.buyer, .refresh_hash = {"1"}});
  p.o.prove_address(p.o.other_buyer);
  CHECK(code(take(p.o.other_buyer)) == Refusal::email_taken);
  REQUIRE(take(p.o.buyer));
  CHECK(p.buyer().is_operator);
  CHECK(p.buyer().email_verified);
  CHECK(p.buyer().password_hash == "boss's");
  CHECK(!is_live(p.rows.get<Session>(session), p.buyer(), p.o.now));
  CHECK(code(take(p.o.buyer)) == Refusal::email_taken);
}

TEST_CASE("account: a new address is taken by who is signed in to the account, or knows its password") {
  People p;
  const auto proof = p.proof();
  p.o.must(RequestEmailChange{
      .meta = p.o.meta(p.o.buyer), .email = "victim@example.org", .password_hash = "-", .proof = proof});
  CHECK(code(p.o.call(ChangeEmail{p.o.meta(), proof})) == Refusal::confirm_first);
  CHECK(code(p.o.call(ChangeEmail{p.o.meta(p.o.other_buyer), proof})) == Refusal::confirm_first);
  CHECK(code(p.o.call(ChangeEmail{p.o.meta(), proof, "wrong"})) == Refusal::confirm_first);
  CHECK(p.buyer().email == "buyer@example.org");
  CHECK(p.o.must(ChangeEmail{p.o.meta(), proof, "-"}).email == "victim@example.org");
}

TEST_CASE("account: so many links to new addresses; what one account asks for keeps no address from another") {
  People p;
  const auto ask = [&](UserId by) {
    return p.o.call(RequestEmailChange{
        .meta = p.o.meta(by), .email = "victim@example.org", .password_hash = "-", .proof = p.proof()});
  };
  for (int n = 0; n < changes_of_user.count; ++n) CHECK(ask(p.o.buyer));
  const auto refused = ask(p.o.buyer);
  CHECK(code(refused) == Refusal::too_many_failures);
  CHECK(refused.error().retry_after == changes_of_user.within);
  CHECK(ask(p.o.other_buyer));
}

TEST_CASE("account: a new address is proven before it is taken; the old one is free and told") {
  People p;
  const auto proof = p.proof();
  const auto ask = [&](std::string email, std::string hash) {
    return p.o.call(RequestEmailChange{
        .meta = p.o.meta(p.o.buyer), .email = std::move(email), .password_hash = std::move(hash), .proof = proof});
  };
  CHECK(code(ask("new@example.org", "wrong")) == Refusal::wrong_credentials);
  CHECK(code(ask("other@example.org", "-")) == Refusal::email_taken);
  CHECK(ask("new@example.org", "-"));
  CHECK(p.buyer().email == "buyer@example.org");
  CHECK(p.o.must(ChangeEmail{p.o.meta(p.o.buyer), proof}).email == "new@example.org");
  CHECK(p.buyer().email_verified);
  CHECK(p.jobs(JobKind::mail, "change_email") == 1);
  CHECK(p.jobs(JobKind::mail, "email_changed") == 1);
  CHECK(!is_claimed(p.rows.world, email_claim("buyer@example.org")));
  auto next = p.ada();
  next.email = "buyer@example.org";
  CHECK(p.o.call(next));
  next.meta = p.o.meta();
  next.email = "new@example.org";
  CHECK(code(p.o.call(next)) == Refusal::email_taken);
}

TEST_CASE("account: links that were mailed are void once what signs in has changed") {
  const auto change_password = [](People& p) {
    p.o.must(ChangePassword{.meta = p.o.meta(p.o.buyer), .old_password_hash = "-", .password_hash = "new"});
  };
  const auto reset_password = [](People& p) {
    const auto proof = p.proof();
    p.o.must(RequestReset{.meta = p.o.meta(), .account = "buyer@example.org", .network = "n", .proof = proof});
    p.o.must(ResetPassword{.meta = p.o.meta(), .proof = proof, .password_hash = "new"});
  };
  const auto sign_out = [](People& p) {
    p.o.must(EndSessions{.meta = p.o.meta(p.o.buyer), .user_id = p.o.buyer, .kept = {}});
  };
  const auto add_factor = [](People& p) {
    p.o.must(BeginTotp{p.o.meta(p.o.buyer), {"sealed"}, p.o.now});
    p.o.must(ConfirmTotp{.meta = p.o.meta(p.o.buyer), .sealed_secret = {"sealed"}, .step = 1});
  };
  const auto remove_factor = [&](People& p) {
    p.o.must(RemoveTotp{.meta = p.o.meta(p.o.buyer), .password_hash = "-", .factor = {.totp_step = 2}});
  };
  const auto nothing = [](People&) {
  };
  using Step = std::function<void(People&)>;
  const auto is_good = [](const Step& before, const Step& between) {
    People p;
    p.o.prove_address(p.o.buyer);
    before(p);
    const auto change = p.proof();
    const auto reset = p.proof();
    p.o.must(RequestEmailChange{
        .meta = p.o.meta(p.o.buyer), .email = "new@example.org", .password_hash = "-", .proof = change});
    p.o.must(RequestReset{.meta = p.o.meta(), .account = "buyer@example.org", .network = "n", .proof = reset});
    between(p);
    const auto changed = p.o.call(ChangeEmail{p.o.meta(p.o.buyer), change});
    if (changed) return true;
    CHECK(code(changed) == Refusal::unknown_proof);
    CHECK(code(p.o.call(ResetPassword{p.o.meta(), reset, "late"})) == Refusal::unknown_proof);
    return false;
  };
  CHECK(is_good(nothing, nothing));
  CHECK(is_good(add_factor, nothing));
  CHECK_FALSE(is_good(nothing, change_password));
  CHECK_FALSE(is_good(nothing, reset_password));
  CHECK_FALSE(is_good(nothing, sign_out));
  CHECK_FALSE(is_good(nothing, add_factor));
  CHECK_FALSE(is_good(add_factor, remove_factor));
}

TEST_CASE("account: an address that somebody took meanwhile is refused") {
  People p;
  const auto proof = p.proof();
  p.o.must(RequestEmailChange{
      .meta = p.o.meta(p.o.buyer), .email = "ada@example.net", .password_hash = "-", .proof = proof});
  p.o.must(p.ada());
  CHECK(code(p.o.call(ChangeEmail{p.o.meta(p.o.buyer), proof})) == Refusal::email_taken);
}

TEST_CASE("account: a reset asked for before a change of address is void") {
  People p;
  const auto reset = p.proof();
  const auto change = p.proof();
  p.o.must(RequestReset{.meta = p.o.meta(), .account = "buyer@example.org", .network = "n", .proof = reset});
  p.o.must(RequestEmailChange{
      .meta = p.o.meta(p.o.buyer), .email = "new@example.org", .password_hash = "-", .proof = change});
  p.o.must(ChangeEmail{p.o.meta(p.o.buyer), change});
  CHECK(code(p.o.call(ResetPassword{p.o.meta(), reset, "new"})) == Refusal::unknown_proof);
}

struct TwoFactors : People {
  Bytes secret{"sealed"};

  TwoFactors() {
    o.prove_address(o.buyer);
    o.must(BeginTotp{.meta = o.meta(o.buyer), .sealed_secret = secret, .proven_at = o.now});
    o.must(ConfirmTotp{.meta = o.meta(o.buyer), .sealed_secret = secret, .step = 100, .recovery_hashes = {"r1", "r2"}});
  }
  Result<Session> enter(Factor factor) {
    return o.call(StartSession{.meta = o.meta(),
                               .session_id = o.fresh<SessionId>(),
                               .user_id = o.buyer,
                               .refresh_hash = {"1"},
                               .password_hash = "-",
                               .factor = std::move(factor)});
  }
};

TEST_CASE("second factor: none before the address of the account is proven") {
  People p;
  CHECK(code(p.o.call(BeginTotp{p.o.meta(p.o.buyer), {"sealed"}, p.o.now})) == Refusal::email_not_verified);
  User begun = p.buyer();
  begun.totp_secret = {"sealed"};
  p.rows.world.put(begun);
  CHECK(code(p.o.call(ConfirmTotp{.meta = p.o.meta(p.o.buyer), .sealed_secret = {"sealed"}, .step = 1})) ==
        Refusal::email_not_verified);
}

TEST_CASE("second factor: none is begun long after who signed in proved who they are") {
  People p;
  p.o.prove_address(p.o.buyer);
  const auto begin = [&](Instant proven_at) {
    return p.o.call(BeginTotp{p.o.meta(p.o.buyer), {"sealed"}, proven_at});
  };
  CHECK(code(begin(p.o.now - proven_for)) == Refusal::confirm_first);
  CHECK(begin(p.o.now - proven_for + std::chrono::seconds{1}));
}

TEST_CASE("account: its owner is told by mail what changed about signing in, at a proven address only") {
  for (const bool proven : {false, true}) {
    CAPTURE(proven);
    People p;
    if (proven) p.o.prove_address(p.o.buyer);
    p.o.must(ChangePassword{.meta = p.o.meta(p.o.buyer), .old_password_hash = "-", .password_hash = "new"});
    CHECK(p.jobs(JobKind::mail, "password_changed") == (proven ? 1 : 0));
    const auto proof = p.proof();
    p.o.must(RequestReset{.meta = p.o.meta(), .account = "buyer@example.org", .network = "n", .proof = proof});
    p.o.must(ResetPassword{.meta = p.o.meta(), .proof = proof, .password_hash = "-"});
    CHECK(p.jobs(JobKind::mail, "password_reset") == 1);
  }
  TwoFactors p;
  CHECK(p.jobs(JobKind::mail, "second_factor_on") == 1);
  CHECK(p.jobs(JobKind::mail, "second_factor_off") == 0);
  p.o.must(RemoveTotp{.meta = p.o.meta(p.o.buyer), .password_hash = "-", .factor = {.totp_step = 101}});
  CHECK(p.jobs(JobKind::mail, "second_factor_off") == 1);
}

TEST_CASE("second factor: each step and each recovery code is good once") {
  TwoFactors p;
  CHECK(code(p.enter({})) == Refusal::second_factor_required);
  CHECK(code(p.enter({.totp_step = 100})) == Refusal::wrong_credentials);
  CHECK(p.enter({.totp_step = 102}));
  CHECK(code(p.enter({.totp_step = 102})) == Refusal::wrong_credentials);
  CHECK(code(p.enter({.totp_step = 101})) == Refusal::wrong_credentials);
  CHECK(p.enter({.recovery_hash = "r2"}));
  CHECK(code(p.enter({.recovery_hash = "r2"})) == Refusal::wrong_credentials);
  CHECK(p.buyer().recovery_hashes == std::vector<std::string>{"r1"});
}

TEST_CASE("second factor: once it is on, no password at the provider of identities signs in beside it") {
  People p;
  p.o.prove_address(p.o.buyer);
  p.o.must(BeginTotp{p.o.meta(p.o.buyer), {"sealed"}, p.o.now});
  CHECK(p.jobs(JobKind::set_identity_password) == 0);
  p.o.must(ConfirmTotp{.meta = p.o.meta(p.o.buyer), .sealed_secret = {"sealed"}, .step = 1});
  CHECK(p.jobs(JobKind::set_identity_password) == 1);
}

TEST_CASE("second factor: is confirmed for the secret that was begun, and removed by password and code") {
  TwoFactors p;
  CHECK(code(p.o.call(BeginTotp{p.o.meta(p.o.buyer), {"other"}, p.o.now})) == Refusal::second_factor_on);
  const auto remove = [&](std::string hash, std::int64_t step) {
    return p.o.call(
        RemoveTotp{.meta = p.o.meta(p.o.buyer), .password_hash = std::move(hash), .factor = {.totp_step = step}});
  };
  CHECK(code(remove("wrong", 101)) == Refusal::wrong_credentials);
  CHECK(code(remove("-", 100)) == Refusal::wrong_credentials);
  CHECK(remove("-", 101));
  CHECK(p.buyer().totp_secret.data.empty());
  CHECK(code(remove("-", 102)) == Refusal::second_factor_off);
  CHECK(p.enter({}));
  p.o.must(BeginTotp{p.o.meta(p.o.buyer), {"one"}, p.o.now});
  CHECK(code(p.o.call(ConfirmTotp{.meta = p.o.meta(p.o.buyer), .sealed_secret = {"two"}, .step = 200})) ==
        Refusal::second_factor_off);
  CHECK(p.enter({}));
}

TEST_CASE("guests: their orders join the account with their address, once it is verified") {
  People p;
  const auto tier = p.o.tier(1000, 10).id;
  const auto paid = p.guest_order("buyer@example.org", tier);
  const auto tickets = p.o.pay(paid);
  const auto strange = p.guest_order("somebody@example.org", tier);
  const auto join = [&](const Registration& order) {
    return p.o.call(JoinRegistration{
        .meta = p.o.meta(), .guest_id = order.user_id, .user_id = p.o.buyer, .registration_id = order.id});
  };
  CHECK(code(join(paid)) == Refusal::email_not_verified);
  const auto proof = p.proof();
  p.o.must(ResendVerification{p.o.meta(p.o.buyer), proof});
  p.o.must(VerifyEmail{.meta = p.o.meta(p.o.buyer), .proof = proof});
  CHECK(join(paid)->user_id == p.o.buyer);
  CHECK(p.rows.get<Ticket>(tickets.front()).user_id == p.o.buyer);
  CHECK(join(paid)->user_id == p.o.buyer);
  CHECK(code(join(strange)) == Refusal::email_not_verified);
  const auto ended = p.o.must(EndGuest{.meta = p.o.meta(), .guest_id = paid.user_id});
  CHECK(ended.erased_at);
  CHECK(ended.email.empty());
  CHECK(code(p.o.call(EndGuest{.meta = p.o.meta(), .guest_id = p.o.buyer})) == Refusal::unknown_user);
}

TEST_CASE("erasure: name and address are gone and free, the books stay") {
  People p;
  const auto order = p.o.reserve(p.o.tier(1000, 10).id, 1);
  const auto tickets = p.o.pay(order);
  const EraseNames names{.meta = p.o.meta(), .registration_id = order.id};
  CHECK(code(p.o.call(names)) == Refusal::forbidden);
  CHECK(code(p.o.call(ErasePerson{.meta = p.o.meta(p.o.buyer), .password_hash = "x"})) == Refusal::wrong_credentials);
  p.o.must(ErasePerson{.meta = p.o.meta(p.o.buyer), .password_hash = "-"});
  const User& erased = p.buyer();
  CHECK(erased.email.empty());
  CHECK(erased.name.empty());
  CHECK(erased.password_hash.empty());
  CHECK(!is_claimed(p.rows.world, email_claim("buyer@example.org")));
  p.o.must(names);
  CHECK(p.rows.get<Ticket>(tickets.front()).holder.empty());
  CHECK(p.rows.get<Ticket>(tickets.front()).status == TicketStatus::valid);
  CHECK(p.rows.get<Registration>(order.id).lines.front().holders.empty());
  CHECK(p.rows.get<Registration>(order.id).amount_minor == 1000);
  CHECK(code(p.o.call(StartSession{.meta = p.o.meta(), .session_id = p.o.fresh<SessionId>(), .user_id = p.o.buyer})) ==
        Refusal::unknown_user);
}

TEST_CASE("erasure: not while a business of theirs has a show ahead") {
  People p;
  const ErasePerson erase{.meta = p.o.meta(p.o.organiser), .password_hash = "-", .show_ids = {p.o.show}};
  CHECK(code(p.o.call(erase)) == Refusal::owner_stays);
  // Another's show keeps nobody.
  CHECK(p.o.call(ErasePerson{.meta = p.o.meta(p.o.buyer), .password_hash = "-", .show_ids = {p.o.show}}));
  p.o.now += std::chrono::hours{24};
  CHECK(p.o.call(ErasePerson{.meta = p.o.meta(p.o.organiser), .password_hash = "-", .show_ids = {p.o.show}}));
}

TEST_CASE("erasure: traces of an erased person only, and only theirs") {
  People p;
  const auto own = p.o.fresh<SessionId>();
  const auto other = p.o.fresh<SessionId>();
  p.o.must(StartSession{
      .meta = p.o.meta(), .session_id = own, .user_id = p.o.buyer, .refresh_hash = {"1"}, .agent = "A browser"});
  p.o.must(StartSession{
      .meta = p.o.meta(), .session_id = other, .user_id = p.o.other_buyer, .refresh_hash = {"1"}, .agent = "Another"});
  const auto traces = [&] {
    return EraseTraces{.meta = p.o.meta(), .user_id = p.o.buyer, .session_ids = {own, other}};
  };
  CHECK(code(p.o.call(traces())) == Refusal::forbidden);
  p.o.must(ErasePerson{.meta = p.o.meta(p.o.buyer), .password_hash = "-"});
  p.o.must(traces());
  CHECK(p.rows.get<Session>(own).agent.empty());
  CHECK(p.rows.get<Session>(own).address.empty());
  CHECK(p.rows.get<Session>(other).agent == "Another");
}

TEST_CASE("erasure: whoever worked for a business does so no more, nothing external or of a key signs in") {
  People p;
  const auto proof = p.o.fresh<ProofId>();
  auto clerk = p.ada();
  clerk.email_verified = true;
  const UserId id = p.o.must(clerk).id;
  p.o.prove_address(p.o.organiser);
  p.o.must(InviteMember{.meta = p.o.meta(p.o.organiser),
                        .business_id = p.o.business,
                        .email = "ada@example.net",
                        .role = MemberRole::finance,
                        .proof_id = proof,
                        .secret_hash = {"s"}});
  const auto member = p.o.must(JoinBusiness{.meta = p.o.meta(id), .proof_id = proof, .secret_hash = {"s"}}).id;
  const PasskeyId passkey = passkey_id("credential");
  const IdentityId identity = identity_id("https://issuer.example", "ada");
  p.rows.world.put(Passkey{.id = passkey, .user_id = id, .credential_id = {"credential"}, .name = "Ada's telephone"});
  p.rows.world.put(ExternalIdentity{
      .id = identity, .user_id = id, .issuer = "https://issuer.example", .subject = "ada", .email = "ada@example.net"});
  p.o.must(ErasePerson{.meta = p.o.meta(id), .password_hash = "h"});
  const EraseTraces traces{
      .meta = p.o.meta(), .user_id = id, .passkey_ids = {passkey}, .identity_ids = {identity}, .member_ids = {member}};
  p.o.must(traces);
  p.o.must(traces);
  CHECK(p.rows.get<Member>(member).removed_at);
  CHECK(p.rows.get<Business>(p.o.business).member_count == 0);
  CHECK(p.rows.get<Passkey>(passkey).removed_at);
  CHECK(p.rows.get<Passkey>(passkey).name.empty());
  CHECK(!p.rows.get<ExternalIdentity>(identity).user_id);
  CHECK(p.rows.get<ExternalIdentity>(identity).email.empty());
}

}  // namespace
}  // namespace admit::domain

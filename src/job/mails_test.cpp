#include "job/mails.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <thread>
#include <vector>

#include "domain/disputes.hpp"
#include "domain/members.hpp"
#include "domain/passkeys.hpp"
#include "domain/testing/office.hpp"
#include "job/show_jobs.hpp"
#include "object/folder_store.hpp"
#include "store/memory/memory_store.hpp"

using namespace admit;
using domain::RefundReason;

namespace {

/// Keeps what it is given, unless it is told to fail.
class Letterbox final : public mail::Mailer {
 public:
  std::vector<mail::Message> taken;
  std::optional<mail::Failure> failure;
  int asked = 0;

  std::expected<void, mail::Failure> send(const mail::Message& message) override {
    ++asked;
    if (failure) return std::unexpected(*failure);
    taken.push_back(message);
    return {};
  }
  std::expected<void, mail::Failure> check() override { return {}; }
};

class Post {
 public:
  Post() : x_thread([this] { x_lane.run(); }) {}
  ~Post() {
    x_lane.stop();
    x_thread.join();
    std::filesystem::remove_all(x_folder);
  }
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;

  Letterbox box;

  template <class Command>
  domain::Result<typename Command::Outcome> call(Command command) {
    return x_lane.call(std::move(command));
  }
  store::Store& store() { return x_store; }

  /// All mails of a kind that are wanted.
  std::vector<domain::Job> jobs(std::string_view kind) {
    std::vector<domain::Job> out;
    for (const auto& job : store::due<domain::Job>(x_store, domain::from_unix_ms(4'000'000'000'000), 100)) {
      if (job.kind == domain::JobKind::mail && job.detail == kind) out.push_back(job);
    }
    return out;
  }
  job::Tried send(const domain::Job& job) { return x_mails.send(job); }
  /// The text of the only mail of a kind.
  std::string text_of(std::string_view kind) {
    const auto wanted = jobs(kind);
    REQUIRE(wanted.size() == 1);
    const auto tried = send(wanted.front());
    REQUIRE(tried.error == "");
    return box.taken.back().text;
  }

 private:
  static std::string folder() {
    std::string name = std::filesystem::temp_directory_path() / "admit-mails-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    return name;
  }

  std::string x_folder = folder();
  store::memory::MemoryStore x_store;
  token::KeyRing x_ring{std::nullopt, {}};
  std::array<std::uint8_t, 32> x_link_key{};
  object::FolderStore x_objects{x_folder, "http://127.0.0.1", x_link_key};
  job::TicketDocuments x_documents{x_store, x_ring, x_objects, "http://127.0.0.1"};
  job::Mails x_mails{x_store,
                     x_documents,
                     box,
                     {.from = {.address = "tickets@example.com"},
                      .public_url = "http://127.0.0.1",
                      .order_link = [](domain::RegistrationId) { return std::string("http://127.0.0.1/o"); },
                      .proof_link =
                          [](domain::ProofPurpose purpose, domain::ProofId) {
                            return "http://127.0.0.1/" + std::string(domain::word(purpose));
                          }}};
  engine::Lane x_lane{x_store, {.seed = {1, 2}}};
  std::thread x_thread;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

using Office = domain::testing::Office<Post>;

domain::Transaction payment_of(Post& post, const domain::Registration& registration) {
  return store::list<domain::Transaction>(post.store(), "by_registration", registration.id.value, 10).rows.front();
}

}  // namespace

TEST_CASE("mails: money that could not be kept goes back with its own reason") {
  Post post;
  Office o{post};
  const auto registration = o.reserve(o.tier(1000, 5).id, 1);
  auto paid = o.news(o.begin(registration), domain::IntentStatus::succeeded);
  auto& news = std::get<domain::IntentNews>(paid.news);
  news.received_minor = 1;
  news.currency = "USD";
  o.must(paid);
  o.now += std::chrono::hours{25};
  o.must(domain::ExpireHeld{.meta = o.meta(), .registration_id = registration.id});
  const auto text = post.text_of("late_refund");
  CHECK(has(text, "not the amount asked for"));
  CHECK_FALSE(has(text, "gone to others"));
  CHECK(has(text, "$0.01"));
}

TEST_CASE("mails: a cancelled show speaks of what goes back because of it, and of nothing while a bank decides") {
  Post post;
  Office o{post};
  const auto tier = o.tier(1000, 5);
  const auto registration = o.reserve(tier.id, 2);
  o.pay(registration);
  o.must(domain::RequestRefund{.meta = o.meta(o.organiser), .registration_id = registration.id, .amount_minor = 500});
  const auto disputed = o.reserve(tier.id, 1, o.other_buyer);
  o.pay(disputed);
  o.must(o.event(domain::DisputeNews{.provider_id = "dp_1",
                                     .intent_id = Office::intent_of(payment_of(post, disputed)),
                                     .amount_minor = 1000,
                                     .currency = "EUR"}));
  o.must(domain::CancelShow{.meta = o.meta(o.organiser), .show_id = o.show});
  for (const auto& one : {registration, disputed}) {
    o.must(domain::CancelForShow{.meta = o.meta(), .registration_id = one.id});
  }
  const auto wanted = post.jobs("show_cancelled");
  REQUIRE(wanted.size() == 2);
  for (const auto& job : wanted) {
    REQUIRE(post.send(job).error == "");
    const auto& text = post.box.taken.back().text;
    if (job.subject == registration.id.value) {
      CHECK(has(text, "Amount: €15.00"));
    } else {
      CHECK_FALSE(has(text, "Amount"));
      CHECK_FALSE(has(text, "money goes back"));
    }
  }
}

TEST_CASE("mails: what cost nothing, and cash, is told of when it is given back") {
  Post post;
  Office o{post};
  const auto free = o.reserve(o.tier(0, 5).id, 2);
  const auto give_back = [&](const domain::Registration& of, std::vector<std::int64_t> numbers) {
    return o.must(domain::RequestRefund{
        .meta = o.meta(o.organiser), .registration_id = of.id, .ticket_numbers = std::move(numbers)});
  };
  give_back(free, {1});
  CHECK(has(post.text_of("given_back"), "the others still are"));
  const auto last = give_back(free, {2});
  for (const auto& job : post.jobs("given_back")) {
    if (job.subject == last.id.value) REQUIRE(post.send(job).error == "");
  }
  CHECK(has(post.box.taken.back().text, "Its tickets are no longer valid"));
  CHECK_FALSE(has(post.box.taken.back().text, "Amount"));

  Post other;
  Office cash{other};
  const auto sold = cash.reserve(cash.tier(1000, 5).id, 1);
  cash.must(domain::PayCash{.meta = cash.meta(cash.organiser), .registration_id = sold.id});
  cash.must(domain::RequestRefund{.meta = cash.meta(cash.organiser), .registration_id = sold.id});
  const auto text = other.text_of("given_back");
  CHECK(has(text, "in cash by The Hall"));
  CHECK_FALSE(has(text, "working days"));
}

TEST_CASE("mails: a server that is away costs no try and is left alone for a while; one that says later has a day") {
  Post post;
  Office o{post};
  const auto free = o.reserve(o.tier(0, 5).id, 1);
  o.must(domain::RequestRefund{.meta = o.meta(o.organiser), .registration_id = free.id});
  auto job = post.jobs("given_back").front();
  post.box.failure = mail::Failure{.fault = mail::Fault::temporary, .reply_code = 450};
  std::chrono::milliseconds all{0};
  for (job.attempts = 1; job.attempts < domain::max_job_attempts; ++job.attempts) {
    const auto tried = post.send(job);
    CHECK_FALSE(tried.is_away);
    REQUIRE(tried.retry_in);
    all += *tried.retry_in;
  }
  CHECK(all >= std::chrono::hours{24});
  post.box.failure = mail::Failure{.fault = mail::Fault::away};
  CHECK(post.send(job).is_away);
  const int asked = post.box.asked;
  CHECK(post.send(job).is_away);
  CHECK(post.box.asked == asked);
}

domain::Job given_back(Post& post, Office& o) {
  const auto free = o.reserve(o.tier(0, 5).id, 1);
  o.must(domain::RequestRefund{.meta = o.meta(o.organiser), .registration_id = free.id});
  return post.jobs("given_back").front();
}

TEST_CASE("mails: one address gets so many in an hour, the rest wait") {
  Post post;
  Office o{post};
  const auto job = given_back(post, o);
  for (int i = 0; i < job::max_mails_an_hour; ++i) REQUIRE(post.send(job).error == "");
  const auto tried = post.send(job);
  CHECK(tried.is_away);
  REQUIRE(tried.retry_in);
  CHECK(*tried.retry_in <= std::chrono::hours{1});
  CHECK(post.box.taken.size() == static_cast<std::size_t>(job::max_mails_an_hour));
}

TEST_CASE("mails: whatever others had sent to an address, the link that its owner asked for goes at once") {
  Post post;
  Office o{post};
  o.prove_address(o.organiser);
  o.must(domain::InviteMember{.meta = o.meta(o.organiser),
                              .business_id = o.business,
                              .email = "buyer@example.org",
                              .role = domain::MemberRole::gate,
                              .proof_id = o.fresh<domain::ProofId>(),
                              .secret_hash = {"s"}});
  for (const auto& job : {given_back(post, o), post.jobs("join_business").front()}) {
    for (int i = 0; i < job::max_mails_an_hour; ++i) REQUIRE(post.send(job).error == "");
    REQUIRE(post.send(job).is_away);
  }
  o.must(domain::RequestReset{
      .meta = o.meta(), .account = "buyer@example.org", .network = "n", .proof = {o.fresh<domain::ProofId>(), {"s"}}});
  const auto reset = post.jobs("reset_password").front();
  for (int i = 0; i < job::max_mails_an_hour; ++i) REQUIRE(post.send(reset).error == "");
  CHECK(post.send(reset).is_away);
}

TEST_CASE("mails: a name that an old row holds makes a header all the same") {
  Post post;
  Office o{post};
  o.buyer =
      o.must(domain::CreateUser{
                 .meta = o.meta(), .email = "old@example.org", .name = "Old", .locale = "en", .password_hash = "-"})
          .id;
  domain::World world;
  auto unit = post.store().begin();
  const domain::Need need{domain::table_of<domain::User>, o.buyer.value, true};
  unit->load({&need, 1}, world);
  auto row = world.get<domain::User>(o.buyer);
  row.name = "Ada\u2028Love\u0085lace";
  world.put(row);
  REQUIRE(unit->save(world.changes()).status == store::SaveStatus::saved);
  const auto free = o.reserve(o.tier(0, 5).id, 1);
  o.must(domain::RequestRefund{.meta = o.meta(o.organiser), .registration_id = free.id});
  (void)post.text_of("given_back");
  CHECK(post.box.taken.back().to.name == "Ada Love lace");
}

TEST_CASE("mails: a link goes to the address it is to prove, the news of it to the one before") {
  Post post;
  Office o{post};
  const domain::MailedProof proof{o.fresh<domain::ProofId>(), {"secret"}};
  o.must(domain::RequestEmailChange{
      .meta = o.meta(o.buyer), .email = "new@example.org", .password_hash = "-", .proof = proof});
  CHECK(has(post.text_of("change_email"), "http://127.0.0.1/change_email"));
  CHECK(post.box.taken.back().to.address == "new@example.org");
  o.must(domain::ChangeEmail{o.meta(o.buyer), proof});
  CHECK(has(post.text_of("email_changed"), "new@example.org"));
  CHECK(post.box.taken.back().to.address == "buyer@example.org");
  CHECK_FALSE(has(post.box.taken.back().text, "http"));
}

TEST_CASE("mails: whoever resets a password is told what else still signs in") {
  Post post;
  Office o{post};
  o.prove_address(o.buyer);
  const domain::ProofId challenge = o.fresh<domain::ProofId>();
  o.must(domain::AskPasskey{.meta = o.meta(o.buyer), .proof_id = challenge, .secret_hash = {"c"}, .proven_at = o.now});
  o.must(domain::AddPasskey{.meta = o.meta(o.buyer),
                            .proof_id = challenge,
                            .secret_hash = {"c"},
                            .name = "Ada's telephone",
                            .credential_id = {"credential"}});
  CHECK(has(post.text_of("passkey_added"), "passkey was added"));
  const domain::MailedProof proof{o.fresh<domain::ProofId>(), {"secret"}};
  o.must(domain::RequestReset{.meta = o.meta(), .account = "buyer@example.org", .network = "n", .proof = proof});
  o.must(domain::ResetPassword{.meta = o.meta(), .proof = proof, .password_hash = "new"});
  CHECK(has(post.text_of("password_reset"), "Ada's telephone"));
  CHECK(post.box.taken.back().to.address == "buyer@example.org");
}

TEST_CASE("mails: a link that was used already, or is forgotten, is no more sent and no fault") {
  Post post;
  Office o{post};
  const domain::MailedProof proof{o.fresh<domain::ProofId>(), {"secret"}};
  o.must(domain::ResendVerification{o.meta(o.buyer), proof});
  const auto job = post.jobs("verify_email").front();
  o.must(domain::VerifyEmail{.meta = o.meta(o.buyer), .proof = proof});
  CHECK(post.send(job).error == "");
  auto forgotten = job;
  forgotten.subject = o.fresh<domain::ProofId>().value;
  CHECK(post.send(forgotten).error == "");
  CHECK(post.box.asked == 0);
}

#include "job/provider_jobs.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <boost/json.hpp>
#include <filesystem>
#include <thread>

#include "domain/events.hpp"
#include "domain/jobs.hpp"
#include "domain/testing/office.hpp"
#include "http/client.hpp"
#include "payment/event.hpp"
#include "payment/orders.hpp"
#include "payment/sandbox/sandbox.hpp"
#include "payment/stripe_client.hpp"
#include "store/memory/memory_store.hpp"

using namespace admit;
namespace json = boost::json;

namespace {

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "admit-job-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

domain::Instant now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// A lane on rows in memory, and the sandbox as the provider.
class Desk {
 public:
  Desk()
      : x_sandbox({.folder = x_folder.path}),
        x_payments(x_client, {.api_base = x_sandbox.api_base(), .secret_key = x_sandbox.keys().secret_key.copy()}),
        x_lane(x_store, {.seed = seed()}),
        x_thread([this] { x_lane.run(); }) {
    x_sandbox.start();
  }
  ~Desk() {
    x_lane.stop();
    x_thread.join();
  }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  domain::Seed seed() { return {++x_seeds, 1}; }
  engine::Lane& lane() { return x_lane; }
  job::ProviderJobs jobs() {
    return {x_lane, x_store, x_payments, now, [this] { return seed(); }, [] { return 1; }, "hall"};
  }
  domain::InboxStatus status_of(domain::InboxId id) { return store::get<domain::InboxEvent>(x_store, id)->status; }

  template <class Command>
  auto call(Command command) {
    return x_lane.call(std::move(command));
  }
  template <class Command>
  typename Command::Outcome must(Command command) {
    auto outcome = x_lane.call(std::move(command));
    if (!outcome) throw std::runtime_error(outcome.error().detail);
    return std::move(*outcome);
  }
  template <class Row>
  Row row(domain::IdOf<Row> id) {
    return store::get<Row>(x_store, id).value();
  }
  template <class Row, class Change>
  void change(domain::IdOf<Row> id, Change change) {
    domain::World world;
    const domain::Need need{domain::table_of<Row>, id.value, true};
    const auto unit = x_store.begin();
    unit->load({&need, 1}, world);
    Row row = world.get<Row>(id);
    change(row);
    world.put(std::move(row));
    REQUIRE(unit->save(world.changes()).status == store::SaveStatus::saved);
  }
  /// By the provider's control routes, or as its own page does.
  json::object ask(std::string path, std::string body = {}, std::string account = {}) {
    http::ClientRequest request;
    request.method = "POST";
    request.url = x_sandbox.api_base() + std::move(path);
    request.headers = {{"Authorization", "Bearer " + std::string(x_sandbox.keys().secret_key.text())},
                       {"Content-Type", "application/x-www-form-urlencoded"}};
    if (!account.empty()) request.headers.push_back({"Stripe-Account", std::move(account)});
    request.body = std::move(body);
    const auto reply = x_client.send_blocking(std::move(request));
    REQUIRE(reply);
    CAPTURE(reply->body);
    REQUIRE(reply->status == 200);
    return json::parse(reply->body).as_object();
  }

  std::vector<domain::InboxEvent> waiting() {
    const auto desk = domain::inbox_desk(domain::InboxStatus::waiting);
    return store::list<domain::InboxEvent>(x_store, "by_desk", desk.value, 100).rows;
  }
  std::string new_account() { return x_sandbox.create_account(); }

 private:
  Folder x_folder;
  payment::sandbox::Sandbox x_sandbox;
  http::Client x_client{{}};
  payment::StripeClient x_payments;
  store::memory::MemoryStore x_store;
  std::uint64_t x_seeds = 0;
  engine::Lane x_lane;
  std::thread x_thread;
};

constexpr std::string_view foreign_event = R"({"id": "evt_1", "object": "event", "api_version": "2026-10-28.endive",
  "created": 1700000000, "livemode": false, "type": "refund.updated", "account": "acct_1SbxNobody",
  "data": {"object": {"id": "re_1", "object": "refund", "payment_intent": "pi_1", "charge": "ch_1", "amount": 500,
                      "currency": "eur", "status": "succeeded", "metadata": {}}}})";

}  // namespace

TEST_CASE("event job: what is of an account that shows us nothing waits for its tries, then is flagged") {
  Desk desk;
  auto jobs = desk.jobs();
  auto command = payment::to_command(*payment::parse_event(foreign_event));
  command.meta = {.now = now(), .seed = desk.seed()};
  REQUIRE(desk.lane().call(command)->status == domain::InboxStatus::waiting);
  const auto id = domain::inbox_id("evt_1");

  CHECK_FALSE(jobs.apply_event(id, domain::max_job_attempts - 1).error.empty());
  CHECK(desk.status_of(id) == domain::InboxStatus::waiting);
  CHECK(jobs.apply_event(id, domain::max_job_attempts).error == "");
  CHECK(desk.status_of(id) == domain::InboxStatus::flagged);
}

namespace {

/// A business that sells through the sandbox, and what its buyers do there.
struct Till {
  Desk desk;
  domain::testing::Office<Desk> o{desk};
  job::ProviderJobs jobs{desk.jobs()};
  std::string account = desk.new_account();
  domain::Tier tier;

  explicit Till(domain::ChargeModel model = domain::ChargeModel::destination, bool manual_capture = false) {
    o.now = now();
    o.business = o.must(domain::CreateBusiness{.meta = o.meta(o.organiser), .name = "A business"}).id;
    o.must(domain::LinkAccount{.meta = o.by_operator(), .business_id = o.business, .account = o.account(account)});
    set(model);
    auto draft = o.draft();
    draft.manual_capture = manual_capture;
    o.show = o.new_show(draft);
    tier = o.tier(2500, 10);
  }
  void set(domain::ChargeModel model) {
    const domain::FeeTerms terms{.fee_percent_bp = 1'000, .charge_model = model};
    o.must(domain::SetFees{.meta = o.by_operator(), .business_id = o.business, .terms = terms});
  }
  domain::Transaction begin() {
    const auto begun = o.begin(o.reserve(tier.id, 1));
    CHECK(jobs.create_intent(begun.id).error == "");
    return desk.row<domain::Transaction>(begun.id);
  }
  json::object confirm(const domain::Transaction& payment, const std::string& card) {
    return desk.ask("/v1/payment_intents/" + payment.intent_id + "/confirm",
                    "payment_method_data[type]=card&payment_method_data[card][exp_month]=12&payment_method_data[card]"
                    "[exp_year]=2040&payment_method_data[card][cvc]=123&payment_method_data[card][number]=" +
                        card,
                    payment::on_account(payment));
  }
  domain::TransactionStatus status(const domain::Transaction& payment) {
    return desk.row<domain::Transaction>(payment.id).status;
  }
};

constexpr auto good_card = "4242424242424242";

}  // namespace

TEST_CASE("reconcile: what was missed is applied as it happened, and a card that was reserved is charged") {
  Till w{domain::ChargeModel::destination, true};
  const auto payment = w.begin();
  w.confirm(payment, "4000002760003184");
  w.desk.ask("/sandbox/3ds/" + payment.intent_id + "/complete");
  CHECK(w.jobs.reconcile(true) > 1);
  CHECK(w.status(payment) == domain::TransactionStatus::requires_capture);
  CHECK(w.jobs.capture_intent(payment.id, 1).error == "");
  CHECK(w.status(payment) == domain::TransactionStatus::succeeded);
}

TEST_CASE("reconcile: payments on a business's account are found whatever its charge model is now") {
  Till w{domain::ChargeModel::direct};
  const auto payment = w.begin();
  w.set(domain::ChargeModel::destination);
  w.confirm(payment, good_card);
  CHECK(w.jobs.reconcile(true) > 0);
  CHECK(w.status(payment) == domain::TransactionStatus::succeeded);
}

TEST_CASE("reconcile: hears that an account can charge no longer, though its event was lost") {
  Till w;
  w.desk.ask("/__sbx/account/" + w.account + "/requirements", "state=rejected");
  CHECK(w.jobs.reconcile(true) > 0);
  CHECK_FALSE(w.desk.row<domain::Business>(w.o.business).charges_enabled);
}

TEST_CASE("payment job: a fault that the provider keeps, with nothing done, is got past by a key that is stored") {
  Till w;
  w.desk.ask("/__sbx/faults", "http_500_undone=1");
  const auto payment = w.begin();
  CHECK(payment.round == 1);
  CHECK_FALSE(payment.intent_id.empty());
}

TEST_CASE("refund job: a fault that the provider keeps, with nothing done, is got past once it was looked for again") {
  Till w;
  const auto payment = w.begin();
  w.confirm(payment, good_card);
  w.jobs.reconcile(true);
  const auto refund =
      w.o.must(domain::RequestRefund{.meta = w.o.meta(w.o.organiser), .registration_id = payment.registration_id});
  w.desk.ask("/__sbx/faults", "http_500_undone=1");
  CHECK(w.jobs.refund(refund.id, 1).error != "");
  CHECK(w.desk.row<domain::Refund>(refund.id).status == domain::RefundStatus::due);
  CHECK(w.jobs.refund(refund.id, 2).error == "");
  const auto done = w.desk.row<domain::Refund>(refund.id);
  CHECK(done.round == 1);
  CHECK(done.status == domain::RefundStatus::succeeded);
  CHECK(w.desk.row<domain::Transaction>(payment.id).refunded_minor == 2500);
}

TEST_CASE("capture job: a fault that the provider keeps, with nothing done, costs a try and not the payment") {
  Till w{domain::ChargeModel::destination, true};
  const auto payment = w.begin();
  w.confirm(payment, good_card);
  w.jobs.reconcile(true);
  w.desk.ask("/__sbx/faults", "http_500_undone=1");
  const auto first = w.jobs.capture_intent(payment.id, 1);
  CHECK(first.error != "");
  CHECK_FALSE(first.is_away);  // else the next try would ask by the same key
  CHECK(w.jobs.capture_intent(payment.id, 2).error == "");
  CHECK(w.status(payment) == domain::TransactionStatus::succeeded);
}

TEST_CASE("event job: a refund made by hand at the provider tells what went back of our share") {
  Till w;
  const auto payment = w.begin();
  w.confirm(payment, good_card);
  w.jobs.reconcile(true);
  const auto made = w.desk.ask("/v1/refunds", "payment_intent=" + payment.intent_id +
                                                  "&amount=1000&reverse_transfer=true&refund_application_fee=true");
  CHECK(w.jobs.reconcile(true) > 0);
  const auto events = w.desk.waiting();
  REQUIRE_FALSE(events.empty());
  for (const auto& event : events) (void)w.jobs.apply_event(event.id, 1);  // what waits for another of them in the next
  for (const auto& event : w.desk.waiting()) CHECK(w.jobs.apply_event(event.id, 2).error == "");
  const auto refund = w.desk.row<domain::Refund>(domain::refund_id(payment.id, 1));
  CHECK(refund.provider_id == made.at("id").as_string());
  CHECK(refund.amount_minor == 1000);
  CHECK(refund.reverse_transfer);
  CHECK(refund.fee_back_minor == 100);
}

TEST_CASE("account job: an answer that was lost, or a crash before it was noted, leaves one account") {
  Desk desk;
  domain::testing::Office<Desk> o{desk};
  o.now = now();
  auto jobs = desk.jobs();
  const auto business = o.must(domain::CreateBusiness{.meta = o.meta(o.organiser), .name = "Mill"}).id;
  desk.ask("/__sbx/faults", "response_lost=1");
  for (int tries = 0; tries < 5 && !jobs.create_account(business, "DE").error.empty(); ++tries) {
  }
  const auto account = desk.row<domain::Business>(business).stripe_account;
  CHECK(account.starts_with("acct_"));
  // As if it had ended before the account was noted.
  desk.change<domain::Business>(business, [](domain::Business& row) { row.stripe_account.clear(); });
  CHECK(jobs.create_account(business, "DE").error == "");
  CHECK(desk.row<domain::Business>(business).stripe_account == account);
}

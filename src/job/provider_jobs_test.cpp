#include "job/provider_jobs.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <thread>

#include "domain/events.hpp"
#include "domain/jobs.hpp"
#include "http/client.hpp"
#include "payment/event.hpp"
#include "payment/sandbox/sandbox.hpp"
#include "payment/stripe_client.hpp"
#include "store/memory/memory_store.hpp"

using namespace admit;

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

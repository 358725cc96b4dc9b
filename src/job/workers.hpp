#pragma once
// The workers: what decisions wanted done outside their transaction, at least once, and holds whose time is over.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "domain/instant.hpp"
#include "domain/jobs.hpp"
#include "engine/lane.hpp"
#include "job/identity_jobs.hpp"
#include "job/mails.hpp"
#include "job/provider_jobs.hpp"
#include "job/ticket_documents.hpp"
#include "store/store.hpp"

namespace admit::job {

struct WorkerCounts {
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t expired = 0;
};

struct PeopleJobs;

class Workers {
 public:
  /// `provider` may be null: then nothing can be asked of one; `mails` may be: then none is sent; `identities` may be:
  /// then accounts are here alone. `seed` gives fresh
  /// randomness.
  Workers(engine::Lane& lane, store::Store& store, TicketDocuments& documents, ProviderJobs* provider, Mails* mails,
          Clock clock, std::function<domain::Seed()> seed, IdentityJobs* identities = nullptr);
  ~Workers();

  /// Takes due jobs and does them until none is due or `deadline` has passed; says how many it did. Any thread; a schedule
  /// may call it where no thread can loop.
  std::size_t run_due_jobs(std::chrono::steady_clock::time_point deadline);
  /// Ends holds whose time is over, forgets what may be forgotten; says how many holds it ended.
  std::size_t sweep();

  /// Loops the first on `threads` threads and the second on one more, until stop().
  void start(unsigned threads);
  /// Finishes the job in hand. Idempotent.
  void stop();
  /// There may be something due: look now.
  void wake();
  /// Fetch all events of the provider that it still has, soon.
  void reconcile_soon();

  [[nodiscard]] WorkerCounts counts() const;

 private:
  [[nodiscard]] Tried try_job(const domain::Job& job);
  [[nodiscard]] Tried perform(const domain::Job& job);
  [[nodiscard]] Tried ask_provider(const domain::Job& job);
  [[nodiscard]] PeopleJobs people_jobs();
  [[nodiscard]] Tried render_tickets(domain::RegistrationId id);
  [[nodiscard]] domain::Meta meta();
  bool wait(std::chrono::milliseconds time, std::uint64_t* seen_wakes);
  void job_loop();
  void sweep_loop();
  void reconcile_loop();

  engine::Lane& x_lane;
  store::Store& x_store;
  TicketDocuments& x_documents;
  ProviderJobs* x_provider;
  Mails* x_mails;
  IdentityJobs* x_identities;
  Clock x_clock;
  std::function<domain::Seed()> x_seed;
  std::atomic<std::uint64_t> x_done{0};
  std::atomic<std::uint64_t> x_failed{0};
  std::atomic<std::uint64_t> x_expired{0};

  std::mutex x_mutex;
  std::condition_variable x_changed;
  std::atomic<bool> x_is_stopping{false};
  std::uint64_t x_wakes = 0;
  bool x_reconcile_all = false;
  std::vector<std::thread> x_threads;
};

}  // namespace admit::job

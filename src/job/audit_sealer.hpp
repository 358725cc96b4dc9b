#pragma once
// Seals the audit's chains as entries grow old enough.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "domain/audit_seals.hpp"
#include "engine/lane.hpp"
#include "job/workers.hpp"

namespace admit::job {

struct SealerOptions {
  /// Entries are taken once they are older. The lane's floor is raised to that moment first, so that no command that is
  /// still waiting can write one that would have come before: none is missed, however long a command waits.
  std::chrono::seconds lag{300};
  std::chrono::seconds interval{300};
  /// Entries of one round, which is one save.
  std::size_t round_entries = 20'000;
  domain::AuditKey key{};
};

class AuditSealer {
 public:
  /// Raises the lane's floor to what is sealed already.
  AuditSealer(engine::Lane& lane, store::Store& store, Clock clock, std::function<domain::Seed()> seed,
              SealerOptions options);
  ~AuditSealer();
  AuditSealer(const AuditSealer&) = delete;
  AuditSealer& operator=(const AuditSealer&) = delete;

  /// Seals what is old enough, at most one round of it; says how many entries it took. It goes on where the last round
  /// that was saved ended, whoever made that.
  std::size_t seal_round();
  /// Rounds every interval, one after the other while there is more, until stop().
  void start();
  void stop();

 private:
  [[nodiscard]] domain::Meta meta() const;
  void loop();

  engine::Lane& x_lane;
  store::Store& x_store;
  Clock x_clock;
  std::function<domain::Seed()> x_seed;
  SealerOptions x_options;
  std::mutex x_mutex;
  std::condition_variable x_changed;
  bool x_is_stopping = false;
  std::thread x_thread;
};

}  // namespace admit::job

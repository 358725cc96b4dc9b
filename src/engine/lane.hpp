#pragma once
// The one write path: gather, load, decide, save, answer.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/command.hpp"
#include "store/store.hpp"

namespace admit::engine {

using domain::Result;

/// The answer kept for an Idempotency-Key.
struct Replay {
  std::int64_t status = 0;
  std::string body;
};

/// What a waiting request gets. With `replay`, the request was a repeat: send that, `result` holds nothing of use.
template <class T>
struct Answer {
  Result<T> result = domain::refuse(domain::Refusal::internal, "", "Nothing was decided.");
  std::optional<Replay> replay;
};

/// Binds a command to (caller, route, key): a repeat with the same body gets the first answer, verbatim; another body
/// is refused with idempotency_key_reused. Refusals are not kept.
template <class T>
struct Idempotency {
  domain::ClaimId id;
  domain::Uuid body_hash;
  std::function<Replay(const T&)> render;  // pure
};
inline constexpr std::chrono::hours idempotency_ttl{24};

/// One command waiting in a lane, its type erased. Used by the lane only.
class Work {
 public:
  virtual ~Work() = default;
  /// It is decided as of `moment`, if it was made before.
  virtual void not_before(domain::Instant moment) = 0;
  virtual void needs(domain::Needs& needs) = 0;
  /// False: refused; whatever it put must be rolled back.
  virtual bool decide(domain::World& world) = 0;
  virtual void refuse(domain::Error error) = 0;
  virtual void answer() = 0;
};

template <class Command>
class WorkOf final : public Work {
 public:
  using Outcome = typename Command::Outcome;
  using Done = std::move_only_function<void(Answer<Outcome>)>;

  WorkOf(Command command, Done done, std::optional<Idempotency<Outcome>> idempotency)
      : x_command(std::move(command)), x_done(std::move(done)), x_idempotency(std::move(idempotency)) {}

  void not_before(domain::Instant moment) override { x_command.meta.now = std::max(x_command.meta.now, moment); }
  void needs(domain::Needs& needs) override {
    if (x_idempotency) needs.change<domain::IdempotentReply>(x_idempotency->id);
    domain_needs(needs);
  }

  bool decide(domain::World& world) override {
    x_answer = {};
    if (x_idempotency) {
      const auto* kept = world.find<domain::IdempotentReply>(x_idempotency->id);
      if (kept != nullptr && kept->due_at > x_command.meta.now) {
        if (kept->body_hash != x_idempotency->body_hash) {
          refuse({domain::Refusal::idempotency_key_reused, "Idempotency-Key",
                  "This key was used for a request with another body; use a fresh key for a new request."});
          return false;
        }
        x_answer.replay = Replay{kept->status, kept->body};
        return true;
      }
    }
    x_answer.result = domain_decide(world);
    if (!x_answer.result) return false;
    if (x_idempotency) {
      Replay replay = x_idempotency->render(*x_answer.result);
      world.put(domain::IdempotentReply{.id = x_idempotency->id,
                                        .body_hash = x_idempotency->body_hash,
                                        .status = replay.status,
                                        .body = std::move(replay.body),
                                        .due_at = x_command.meta.now + idempotency_ttl});
    }
    return true;
  }

  void refuse(domain::Error error) override { x_answer = {std::unexpected(std::move(error)), std::nullopt}; }
  void answer() override { x_done(std::move(x_answer)); }

 private:
  // `needs` and `decide` of the command are found by its namespace; the members of the same name would hide them.
  void domain_needs(domain::Needs& n) { call_needs(x_command, n); }
  Result<Outcome> domain_decide(domain::World& world) { return call_decide(x_command, world); }
  static void call_needs(const Command& command, domain::Needs& n);
  static Result<Outcome> call_decide(const Command& command, domain::World& world);

  Command x_command;
  Done x_done;
  std::optional<Idempotency<Outcome>> x_idempotency;
  Answer<Outcome> x_answer;
};

namespace detail {
template <class Command>
void find_needs(const Command& command, domain::Needs& n) {
  needs(command, n);
}
template <class Command>
auto find_decide(const Command& command, domain::World& world) {
  return decide(command, world);
}
}  // namespace detail
template <class Command>
void WorkOf<Command>::call_needs(const Command& command, domain::Needs& n) {
  detail::find_needs(command, n);
}
template <class Command>
auto WorkOf<Command>::call_decide(const Command& command, domain::World& world) -> Result<Outcome> {
  return detail::find_decide(command, world);
}

struct LaneOptions {
  std::string name = "lane-0";
  domain::Seed seed;  // of the batch ids
  std::size_t max_queue = 20'000;
  std::size_t max_batch = 1'000;
  int max_retries = 8;  // of one batch, before it is split or, where the store is away, given up
  /// Sees what a batch wrote, after the commit and before the answers. Must not block.
  std::function<void(const domain::Changes&)> on_commit;
  /// Waits between tries; tests and the simulator pass their own.
  std::function<void(std::chrono::milliseconds)> pause;
};

/// Counts since the start; read from any thread.
struct LaneCounts {
  std::uint64_t commands = 0;
  std::uint64_t batches = 0;
  std::uint64_t commits = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t splits = 0;
  std::uint64_t unknown_outcomes = 0;
  std::uint64_t poisoned = 0;
  std::uint64_t refused_full = 0;
  std::uint64_t worst_commit_us = 0;
  std::size_t queued = 0;
};

/// Gathers commands while the previous batch commits, and runs them as one transaction. submit() from any thread;
/// run() on one thread, or step() again and again where one thread does everything.
class Lane {
 public:
  Lane(store::Store& store, LaneOptions options);

  /// False: the queue is full or closed; `done` was not and will not be called. Otherwise `done` is called exactly
  /// once, on the lane's thread, after the outcome is durable. It must not block.
  template <class Command>
  [[nodiscard]] bool submit(Command command, typename WorkOf<Command>::Done done,
                            std::optional<Idempotency<typename Command::Outcome>> idempotency = std::nullopt) {
    return enqueue(std::make_unique<WorkOf<Command>>(std::move(command), std::move(done), std::move(idempotency)));
  }

  /// Submits and waits: for the command line, workers and tests. Never on the lane's own thread.
  template <class Command>
  Result<typename Command::Outcome> call(Command command) {
    // Shared: whoever waits may be gone before set_value() has returned on the lane's thread.
    auto promise = std::make_shared<std::promise<Result<typename Command::Outcome>>>();
    auto future = promise->get_future();
    const bool taken = submit(std::move(command), [promise](Answer<typename Command::Outcome> answer) {
      promise->set_value(std::move(answer.result));
    });
    if (!taken) return domain::refuse(domain::Refusal::overloaded, "", "The ticket office is busy; try again.");
    return future.get();
  }

  /// Runs batches until stop() was called and the queue is empty.
  void run();
  /// Takes no more commands; what is queued is still done.
  void stop();
  /// Runs one batch of what is queued now; false if there was nothing.
  bool step();

  /// From now on whatever is decided is decided as of `moment` or later, however long it waited and whatever the clock
  /// did: its rows have ids that come after all ids of before. Holds for what is submitted after this, and for what is
  /// queued; a batch under way may not know it yet. Never goes back.
  void raise_floor(domain::Instant moment);

  [[nodiscard]] LaneCounts counts() const;

 private:
  using Batch = std::span<std::unique_ptr<Work>>;
  /// What became of one try to save the front of a batch.
  enum class Try {
    finished,  // so many were answered
    lost,      // against a concurrent change: the same again may succeed
    away,      // the store is: the same again may succeed, smaller batches help nothing
    broken,    // the store accepts no such save: the same again is useless
  };
  struct Tried {
    Try outcome;
    std::size_t finished = 0;
  };

  bool enqueue(std::unique_ptr<Work> work);
  void run_batch(Batch batch, int max_retries);
  void give_up(Batch batch, domain::Refusal code, std::string_view detail);
  /// Decides as many as fit in one save, saves and answers them.
  [[nodiscard]] Tried try_batch(Batch batch);
  /// Decides from the front while the changes stay within the store's limits; says how many.
  [[nodiscard]] std::size_t decide_batch(store::Unit& unit, Batch batch);
  void load_needs(store::Unit& unit, Batch batch);
  void decide_one(store::Unit& unit, Work& work);
  [[nodiscard]] bool was_saved(domain::Uuid batch_id);
  [[nodiscard]] domain::Uuid next_batch_id();
  void count(std::uint64_t LaneCounts::* member);

  store::Store& x_store;
  LaneOptions x_options;
  domain::CounterId x_mark_id;
  std::uint64_t x_batch_number = 0;
  domain::World x_world;
  std::size_t x_fit;  // how many commands are likely to fit in one save: more are not loaded for nothing

  mutable std::mutex x_mutex;
  std::condition_variable x_wake;
  std::deque<std::unique_ptr<Work>> x_queue;
  bool x_stopping = false;
  std::atomic<std::int64_t> x_floor_ms{0};
  LaneCounts x_counts;
};

}  // namespace admit::engine

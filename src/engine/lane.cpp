#include "engine/lane.hpp"

#include <algorithm>
#include <exception>
#include <thread>

namespace admit::engine {
namespace {

constexpr int max_load_rounds = 16;
constexpr int max_read_backs = 50;
constexpr std::chrono::milliseconds first_pause{2};
constexpr std::chrono::milliseconds longest_pause{500};

using domain::LaneMark;
using domain::Need;
using domain::Needs;
using domain::Refusal;

std::chrono::milliseconds pause_before(int attempt) {
  return std::min(longest_pause, first_pause * (1 << std::min(attempt, 8)));
}

}  // namespace

Lane::Lane(store::Store& store, LaneOptions options)
    : x_store(store),
      x_options(std::move(options)),
      x_mark_id(domain::derived_id<domain::CounterId>("lane", x_options.name)) {
  if (!x_options.pause) x_options.pause = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
}

bool Lane::enqueue(std::unique_ptr<Work> work) {
  bool wake = false;
  {
    const std::lock_guard lock(x_mutex);
    if (x_stopping || x_queue.size() >= x_options.max_queue) {
      ++x_counts.refused_full;
      return false;
    }
    wake = x_queue.empty();
    x_queue.push_back(std::move(work));
  }
  if (wake) x_wake.notify_one();
  return true;
}

void Lane::run() {
  for (;;) {
    {
      std::unique_lock lock(x_mutex);
      x_wake.wait(lock, [&] { return x_stopping || !x_queue.empty(); });
      if (x_queue.empty()) return;
    }
    step();
  }
}

void Lane::stop() {
  {
    const std::lock_guard lock(x_mutex);
    x_stopping = true;
  }
  x_wake.notify_all();
}

bool Lane::step() {
  std::vector<std::unique_ptr<Work>> batch;
  {
    const std::lock_guard lock(x_mutex);
    const auto n = std::min(x_queue.size(), x_options.max_batch);
    batch.reserve(n);
    std::move(x_queue.begin(), x_queue.begin() + static_cast<std::ptrdiff_t>(n), std::back_inserter(batch));
    x_queue.erase(x_queue.begin(), x_queue.begin() + static_cast<std::ptrdiff_t>(n));
    if (n == 0) return false;
    ++x_counts.batches;
    x_counts.commands += n;
  }
  run_batch(batch);
  return true;
}

LaneCounts Lane::counts() const {
  const std::lock_guard lock(x_mutex);
  LaneCounts counts = x_counts;
  counts.queued = x_queue.size();
  return counts;
}

void Lane::run_batch(Batch batch) {
  int attempt = 0;
  while (!batch.empty()) {
    const std::size_t finished = try_batch(batch);
    if (finished > 0) {
      batch = batch.subspan(finished);
      attempt = 0;
      continue;
    }
    if (++attempt <= x_options.max_retries) {
      if (attempt > 1) x_options.pause(pause_before(attempt));
      continue;
    }
    if (batch.size() > 1) {  // one of them may be what no save accepts: find it by halves
      {
        const std::lock_guard lock(x_mutex);
        ++x_counts.splits;
      }
      const auto half = batch.size() / 2;
      run_batch(batch.first(half));
      batch = batch.subspan(half);
      attempt = 0;
      continue;
    }
    {
      const std::lock_guard lock(x_mutex);
      ++x_counts.poisoned;
    }
    batch.front()->refuse({x_failure_code, "", x_failure});
    batch.front()->answer();
    return;
  }
}

void Lane::load_needs(store::Unit& unit, Batch batch) {
  for (int round = 0; round < max_load_rounds; ++round) {
    Needs needs(x_world);
    if (round == 0) needs.change<LaneMark>(x_mark_id);
    for (const auto& work : batch) work->needs(needs);
    auto& missing = needs.missing();
    if (missing.empty()) return;
    // Table by table, in the order of ids, each row once; where one command reads what another changes, it is changed.
    std::ranges::sort(missing, [](const Need& a, const Need& b) {
      return std::tuple(a.table, a.id, !a.change) < std::tuple(b.table, b.id, !b.change);
    });
    const auto same = [](const Need& a, const Need& b) { return a.table == b.table && a.id == b.id; };
    const auto rest = std::ranges::unique(missing, same);
    missing.erase(rest.begin(), rest.end());
    unit.load(missing, x_world);
  }
  throw std::logic_error("a command never stops asking for rows");
}

void Lane::decide_one(store::Unit& unit, Work& work) {
  for (int round = 0; round < max_load_rounds; ++round) {
    x_world.savepoint();
    try {
      if (!work.decide(x_world)) x_world.rollback();
      return;
    } catch (const domain::RowNotLoaded&) {
      x_world.rollback();
      Needs needs(x_world);
      work.needs(needs);
      if (needs.missing().empty()) throw;
      unit.load(needs.missing(), x_world);
    }
  }
  throw std::logic_error("a command never stops asking for rows");
}

std::size_t Lane::try_batch(Batch batch) {
  const auto limits = x_store.limits();
  domain::Uuid batch_id;
  std::size_t decided = 0;
  try {
    x_world.clear();
    auto unit = x_store.begin();
    load_needs(*unit, batch);
    for (; decided < batch.size(); ++decided) {
      Work& work = *batch[decided];
      const bool changed_before = x_world.changed();
      try {
        decide_one(*unit, work);
      } catch (const store::StoreUnavailable&) {
        throw;
      } catch (const std::exception&) {
        x_world.rollback();
        work.refuse({Refusal::internal, "", "The request could not be decided; nothing was changed."});
        const std::lock_guard lock(x_mutex);
        ++x_counts.poisoned;
      }
      if (x_world.change_count() + 1 > limits.max_items) {
        x_world.rollback();
        if (changed_before) break;  // the rest goes into the next save
        work.refuse({Refusal::internal, "", "The request changes more than one save can hold; nothing was changed."});
      }
    }
    if (x_world.changed()) {
      batch_id = domain::fresh_uuid(domain::Instant{}, x_options.seed, static_cast<std::uint32_t>(++x_batch_number));
      batch_id.high ^= x_batch_number << 16;
      x_world.savepoint();
      x_world.put(LaneMark{.id = x_mark_id, .batch = batch_id});
      const auto changes = x_world.changes();
      const auto begun = std::chrono::steady_clock::now();
      const auto result = unit->save(changes);
      if (result.status != store::SaveStatus::saved) {
        x_failure = "Too many changes at once to the same rows; send it again.";
        x_failure_code = Refusal::conflict;
        const std::lock_guard lock(x_mutex);
        ++x_counts.conflicts;
        return 0;
      }
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
      {
        const std::lock_guard lock(x_mutex);
        ++x_counts.commits;
        x_counts.worst_commit_us = std::max(x_counts.worst_commit_us, static_cast<std::uint64_t>(took.count()));
      }
      if (x_options.on_commit) x_options.on_commit(changes);
    }
  } catch (const store::OutcomeUnknown&) {
    {
      const std::lock_guard lock(x_mutex);
      ++x_counts.unknown_outcomes;
    }
    if (!was_saved(batch_id)) {
      x_failure = "The database is away; nothing was changed.";
      x_failure_code = Refusal::unavailable;
      return 0;
    }
    if (x_options.on_commit) x_options.on_commit(x_world.changes());
  } catch (const store::StoreUnavailable&) {
    x_failure = "The database is away; nothing was changed.";
    x_failure_code = Refusal::unavailable;
    return 0;
  } catch (const std::exception&) {
    x_failure = "The request could not be saved; nothing was changed.";
    x_failure_code = Refusal::internal;
    return 0;
  }
  for (std::size_t i = 0; i < decided; ++i) batch[i]->answer();
  return decided;
}

bool Lane::was_saved(domain::Uuid batch_id) {
  for (int attempt = 0;; ++attempt) {
    try {
      const auto mark = store::get<LaneMark>(x_store, x_mark_id);
      return mark && mark->batch == batch_id;
    } catch (const store::StoreUnavailable&) {
      // Answering either way would be a guess, and a guess here sells a seat twice or loses a payment.
      if (attempt >= max_read_backs) std::terminate();
      x_options.pause(pause_before(attempt));
    }
  }
}

}  // namespace admit::engine

#include "engine/lane.hpp"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <thread>

#include "store/row_size.hpp"

namespace admit::engine {
namespace {

constexpr int max_load_rounds = 16;
constexpr int max_retries_of_half = 2;
constexpr int max_read_backs = 60;
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
      x_mark_id(domain::derived_id<domain::CounterId>("lane", x_options.name)),
      x_fit(x_options.max_batch) {
  if (!x_options.pause)
    x_options.pause = [](std::chrono::milliseconds time) {
      std::this_thread::sleep_for(time);
    };
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
  // For whoever looks at the process from outside; 15 characters are what the system keeps.
  pthread_setname_np(pthread_self(), x_options.name.substr(0, 15).c_str());
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
  run_batch(batch, x_options.max_retries);
  return true;
}

void Lane::raise_floor(domain::Instant moment) {
  const auto ms = domain::to_unix_ms(moment);
  auto known = x_floor_ms.load();
  while (known < ms && !x_floor_ms.compare_exchange_weak(known, ms)) {
  }
}

LaneCounts Lane::counts() const {
  const std::lock_guard lock(x_mutex);
  LaneCounts counts = x_counts;
  counts.queued = x_queue.size();
  return counts;
}

void Lane::count(std::uint64_t LaneCounts::* member) {
  const std::lock_guard lock(x_mutex);
  ++(x_counts.*member);
}

void Lane::give_up(Batch batch, Refusal code, std::string_view detail) {
  for (const auto& work : batch) {
    work->refuse({code, "", std::string(detail)});
    work->answer();
  }
}

void Lane::run_batch(Batch batch, int max_retries) {
  int attempt = 0;
  while (!batch.empty()) {
    const Tried tried = try_batch(batch);
    if (tried.outcome == Try::finished) {
      batch = batch.subspan(tried.finished);
      attempt = 0;
      continue;
    }
    if (tried.outcome != Try::broken && ++attempt <= max_retries) {
      // The first conflict is tried again at once: who won it is done.
      if (attempt > 1 || tried.outcome == Try::away) x_options.pause(pause_before(attempt));
      continue;
    }
    if (tried.outcome == Try::away) {
      return give_up(batch, Refusal::unavailable, "The database is away; nothing was changed.");
    }
    if (batch.size() > 1) {  // one of them may be what no save accepts: find it by halves
      count(&LaneCounts::splits);
      const auto half = batch.size() / 2;
      run_batch(batch.first(half), max_retries_of_half);
      batch = batch.subspan(half);
      max_retries = max_retries_of_half;
      attempt = 0;
      continue;
    }
    count(&LaneCounts::poisoned);
    if (tried.outcome == Try::broken) {
      return give_up(batch, Refusal::internal, "The request could not be saved; nothing was changed.");
    }
    return give_up(batch, Refusal::conflict, "Too many changes at once to the same rows; send it again.");
  }
}

void Lane::load_needs(store::Unit& unit, Batch batch) {
  std::vector<Work*> asking;
  asking.reserve(batch.size());
  for (const auto& work : batch) asking.push_back(work.get());
  for (int round = 0; round < max_load_rounds; ++round) {
    Needs needs(x_world);
    auto& missing = needs.missing();
    if (round == 0) needs.change<LaneMark>(x_mark_id);
    std::erase_if(asking, [&](Work* work) {
      const auto before = missing.size();
      work->needs(needs);
      return missing.size() == before;
    });
    if (missing.empty()) return;
    // Table by table, in the order of ids, each row once; where one command reads what another changes, it is changed.
    std::ranges::sort(missing, [](const Need& a, const Need& b) {
      return std::tuple(a.table, a.id, !a.change) < std::tuple(b.table, b.id, !b.change);
    });
    const auto same = [](const Need& a, const Need& b) {
      return a.table == b.table && a.id == b.id;
    };
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

std::size_t Lane::decide_batch(store::Unit& unit, Batch batch) {
  const auto max_items = x_store.limits().max_items;
  std::size_t decided = 0;
  for (; decided < batch.size(); ++decided) {
    Work& work = *batch[decided];
    const bool changed_before = x_world.changed();
    try {
      decide_one(unit, work);
    } catch (const store::StoreUnavailable&) {
      throw;
    } catch (const std::exception&) {
      x_world.rollback();
      work.refuse({Refusal::internal, "", "The request could not be decided; nothing was changed."});
      count(&LaneCounts::poisoned);
    }
    if (x_world.change_count() + 1 <= max_items) continue;  // 1: the lane's mark
    x_world.rollback();
    if (changed_before) break;  // the rest goes into the next save
    work.refuse({Refusal::internal, "", "The request changes more than one save can hold; nothing was changed."});
    count(&LaneCounts::poisoned);
  }
  return decided;
}

Lane::Tried Lane::try_batch(Batch batch) {
  const Batch front = batch.first(std::min(batch.size(), x_fit));
  domain::Uuid batch_id;
  bool is_saved = false;
  std::size_t decided = 0;
  try {
    x_world.clear();
    const auto floor = domain::from_unix_ms(x_floor_ms.load());
    for (const auto& work : front) work->not_before(floor);
    auto unit = x_store.begin();
    load_needs(*unit, front);
    decided = decide_batch(*unit, front);
    x_fit = decided < front.size() ? decided + decided / 4 + 1 : std::min(x_options.max_batch, 2 * x_fit);
    if (x_world.changed()) {
      batch_id = next_batch_id();
      x_world.savepoint();
      x_world.put(LaneMark{.id = x_mark_id, .batch = batch_id});
      const auto changes = x_world.changes();
      if (decided > 1 && store::size_bytes(changes) > x_store.limits().max_bytes) {
        x_fit = decided / 2;
        unit.reset();
        return try_batch(batch);
      }
      const auto begun = std::chrono::steady_clock::now();
      const auto result = unit->save(changes);
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
      if (result.status != store::SaveStatus::saved) {
        count(&LaneCounts::conflicts);
        return {Try::lost};
      }
      {
        const std::lock_guard lock(x_mutex);
        ++x_counts.commits;
        x_counts.worst_commit_us = std::max(x_counts.worst_commit_us, static_cast<std::uint64_t>(took.count()));
      }
      is_saved = true;
    }
  } catch (const store::OutcomeUnknown&) {
    count(&LaneCounts::unknown_outcomes);
    if (!was_saved(batch_id)) return {Try::away};
    count(&LaneCounts::commits);
    is_saved = true;
  } catch (const store::StoreUnavailable&) {
    return {Try::away};
  } catch (const std::exception&) {
    return {Try::broken};
  }
  // What was saved is never decided again, whatever happens from here on.
  if (is_saved && x_options.on_commit) x_options.on_commit(x_world.changes());
  for (std::size_t i = 0; i < decided; ++i) front[i]->answer();
  return {Try::finished, decided};
}

domain::Uuid Lane::next_batch_id() {
  ++x_batch_number;
  return {x_options.seed.a + x_batch_number, x_options.seed.b};
}

// Reads the lane's mark back. Where it is not ours, the save may still be on its way: a fence, a new mark saved over
// the one that the save was based on, makes it certain that it cannot arrive any more.
bool Lane::was_saved(domain::Uuid batch_id) {
  const domain::Uuid fence = next_batch_id();
  for (int attempt = 0;; ++attempt) {
    try {
      domain::World world;
      auto unit = x_store.begin();
      const Need need{domain::table_of<LaneMark>, x_mark_id.value, true};
      unit->load({&need, 1}, world);
      const auto* mark = world.find<LaneMark>(x_mark_id);
      if (mark != nullptr && mark->batch == batch_id) return true;
      if (mark != nullptr && mark->batch == fence) return false;
      world.put(LaneMark{.id = x_mark_id, .batch = fence});
      if (unit->save(world.changes()).status == store::SaveStatus::saved) return false;
    } catch (const store::StoreUnavailable&) {
    } catch (const store::OutcomeUnknown&) {
    }
    // Answering either way would be a guess, and a guess here sells a seat twice or loses a payment.
    if (attempt >= max_read_backs) std::terminate();
    x_options.pause(pause_before(attempt));
  }
}

}  // namespace admit::engine

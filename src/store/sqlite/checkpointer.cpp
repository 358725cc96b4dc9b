#include "store/sqlite/checkpointer.hpp"

#include <algorithm>

#include "log/log.hpp"

namespace admit::store::sqlite {

namespace {
/// So few frames are copied in about a millisecond, while the writer waits.
constexpr std::size_t few_frames = 256;
/// How often copying is tried before the writer is made to wait, so that only few frames are left then.
constexpr int passes_before_restart = 4;
constexpr std::chrono::milliseconds retry_after{1000};
/// How long a writer may be kept waiting for readers to leave the log.
constexpr int reader_wait_ms = 20;
/// Where a reader of an old moment keeps frames from being copied.
constexpr std::chrono::milliseconds retry_soon{20};
}  // namespace

Checkpointer::Checkpointer(Database db, WriteTurn& turn, Bounds bounds, std::function<void(const std::string&)> failed)
    : x_db(std::move(db)), x_turn(turn), x_bounds(bounds), x_failed(std::move(failed)) {
  sqlite3_busy_timeout(x_db.raw(), reader_wait_ms);
  x_uncopied = true;  // unknown; nobody commits yet, so the rule cannot be broken
  pass();
  x_thread = std::thread([this] { loop(); });
}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(x_mutex);
    x_stop = true;
  }
  x_wake.notify_one();
  x_thread.join();
}

void Checkpointer::commit_begins() {
  const std::lock_guard lock(x_mutex);
  x_committing = true;
  ++x_commits;
}

void Checkpointer::commit_ended(std::size_t frames) {
  bool wake = false;
  {
    const std::lock_guard lock(x_mutex);
    x_committing = false;
    if (frames != 0) {
      const bool first = !x_uncopied;
      x_pending_frames += frames > x_frames ? frames - x_frames : frames;
      x_frames = frames;
      x_uncopied = true;
      x_figures.largest_log_frames = std::max(x_figures.largest_log_frames, frames);
      wake = first || wanted();
    }
  }
  x_commit_over.notify_one();
  if (wake) x_wake.notify_one();
}

Checkpointer::Figures Checkpointer::figures() const {
  const std::lock_guard lock(x_mutex);
  auto out = x_figures;
  out.log_frames = x_frames;
  return out;
}

bool Checkpointer::wanted() const {
  return x_uncopied && x_pending_frames >= x_bounds.copy_after_frames;
}

void Checkpointer::loop() {
  std::unique_lock lock(x_mutex);
  while (!x_stop) {
    if (!x_uncopied) {
      x_wake.wait(lock, [&] { return x_stop || x_uncopied; });
    }
    x_wake.wait_for(lock, x_bounds.copy_after, [&] { return x_stop || wanted(); });
    if (x_stop) return;
    lock.unlock();
    bool failed = false;
    try {
      copy_log();
    } catch (const std::exception& error) {
      failed = true;
      log::error("copying the write-ahead log failed", {{"reason", error.what()}});
    }
    lock.lock();
    if (failed || wanted()) x_wake.wait_for(lock, failed ? retry_after : retry_soon, [&] { return x_stop; });
  }
}

void Checkpointer::copy_log() {
  pass();
  {
    const std::lock_guard lock(x_mutex);
    if (x_frames < x_bounds.log_limit_frames || !x_uncopied) return;
  }
  restart_log();
}

void Checkpointer::pass() {
  {
    const std::lock_guard lock(x_mutex);
    if (!x_uncopied) return;
  }
  checkpoint(SQLITE_CHECKPOINT_PASSIVE);
}

void Checkpointer::checkpoint(int mode) {
  int log_frames = -1;
  int copied_frames = -1;
  const int code = sqlite3_wal_checkpoint_v2(x_db.raw(), "main", mode, &log_frames, &copied_frames);
  // Busy: a reader still wants the log as it is. What could be copied is copied.
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
    // Pages that were written and could not be synced may be lost though the log counts them as copied. Only recovery,
    // which copies the whole log again, puts that right.
    if ((code & 0xff) == SQLITE_IOERR) x_failed("copying the write-ahead log into the database failed");
    throw_error(x_db.raw(), code, "copying the log");
  }
  std::unique_lock lock(x_mutex);
  ++x_figures.checkpoints;
  if (log_frames < 0 || copied_frames < 0) return;
  // What the checkpoint saw may include a commit that has not told its frames yet.
  x_commit_over.wait(lock, [&, running = x_commits] { return !x_committing || x_commits != running; });
  const auto seen = static_cast<std::size_t>(log_frames);
  const auto copied = static_cast<std::size_t>(copied_frames);
  if (x_frames == 0) x_frames = seen;  // left by an earlier run
  x_uncopied = copied < seen || x_frames != seen;
  x_pending_frames = !x_uncopied ? 0 : x_frames >= copied ? x_frames - copied : x_frames;
}

void Checkpointer::restart_log() {
  // Copy until few frames are left, unless the log grows faster than it is copied.
  const auto go_on = [&] {
    const std::lock_guard lock(x_mutex);
    return x_pending_frames > few_frames && x_frames < 2 * x_bounds.log_limit_frames;
  };
  for (int i = 0; i < passes_before_restart && go_on(); ++i) pass();
  // Most of what was copied is still on its way to the disk: sync it now, lest the last pass do it while a writer waits.
  sync_database();
  for (int i = 0; i < passes_before_restart && go_on(); ++i) pass();

  const auto begun = std::chrono::steady_clock::now();
  x_turn.take();
  const auto give = [&] {
    x_turn.give();
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
    const std::lock_guard lock(x_mutex);
    ++x_figures.log_restarts;
    x_figures.worst_restart = std::max(x_figures.worst_restart, took);
  };
  try {
    // Also waits for readers to leave the log, so that the next commit can begin it anew. No commit is near: see the turn.
    checkpoint(SQLITE_CHECKPOINT_RESTART);
  } catch (...) {
    give();
    throw;
  }
  give();
}

void Checkpointer::sync_database() {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(x_db.raw(), "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == nullptr ||
      file->pMethods == nullptr) {
    return;
  }
  const int code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) {
    x_failed("syncing the database failed");
    throw_error(nullptr, code, "syncing the database");
  }
}

}  // namespace admit::store::sqlite

#pragma once
// Copies the write-ahead log into the database beside commits. docs/adr/0005-sqlite-checkpoints.md says why it is done
// like this; the rule that everything here serves: a checkpoint begins only while the log holds frames not yet copied.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "store/sqlite/database.hpp"
#include "store/sqlite/write_turn.hpp"

namespace admit::store::sqlite {

class Checkpointer {
 public:
  struct Bounds {
    std::size_t log_limit_frames;
    std::size_t copy_after_frames;
    std::chrono::milliseconds copy_after;
  };
  struct Figures {
    std::uint64_t checkpoints = 0;
    std::uint64_t log_restarts = 0;
    std::chrono::microseconds worst_restart{0};
    std::size_t log_frames = 0;
    std::size_t largest_log_frames = 0;
  };

  /// `db`: a connection for this alone. `turn`: held while the log is made ready to start again. `failed` is called, from
  /// the thread of the checkpointer, when the files cannot be trusted any more and only a restart recovers. Copies what
  /// an earlier run left, so it must be constructed before the first commit. Starts its thread.
  Checkpointer(Database db, WriteTurn& turn, Bounds bounds, std::function<void(const std::string&)> failed);
  ~Checkpointer();

  // The writer, around every COMMIT.
  void commit_begins();
  /// `frames`: frames in the log after the commit as the WAL hook told; 0 where the commit wrote none.
  void commit_ended(std::size_t frames);

  [[nodiscard]] Figures figures() const;

 private:
  void loop();
  void copy_log();
  /// One checkpoint beside commits, only if there is something to copy.
  void pass();
  /// One checkpoint in a mode of SQLite, whatever there is to copy.
  void checkpoint(int mode);
  void restart_log();
  void sync_database();
  [[nodiscard]] bool wanted() const;

  Database x_db;
  WriteTurn& x_turn;
  const Bounds x_bounds;
  std::function<void(const std::string&)> x_failed;

  mutable std::mutex x_mutex;
  std::condition_variable x_wake;
  std::condition_variable x_commit_over;
  bool x_stop = false;
  bool x_committing = false;
  std::uint64_t x_commits = 0;  // begun
  bool x_uncopied = false;          // the log holds frames that are not in the database
  std::size_t x_frames = 0;         // in the log after the last commit
  std::size_t x_pending_frames = 0;  // about how many of them are not copied
  Figures x_figures;

  std::thread x_thread;
};

}  // namespace admit::store::sqlite

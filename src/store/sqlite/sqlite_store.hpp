#pragma once
// The store inside the binary: one SQLite database, `admit.db`, in the data folder.
//
// Threads: one writer at a time (begin() queues), any number of readers beside it, and one thread of the store's own
// that copies the write-ahead log into the database; see docs/adr/0005-sqlite-checkpoints.md.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace admit::store::sqlite {

struct Options {
  /// The data folder; created if it is missing, and locked while the store is open for writing.
  std::filesystem::path path;
  /// Reads a folder beside the server that writes it: no lock, no migration, no checkpoint; begin() and purge() throw.
  bool read_only = false;
  /// A registered SQLite VFS to keep the files in; then the folder is neither created nor locked. "": the system's.
  std::string vfs;
  /// The write-ahead log starts again from its beginning when it has grown to this.
  std::size_t log_limit_bytes = std::size_t{64} << 20;
  /// Frames (pages of 4 KiB) that the log may hold before they are copied into the database.
  std::size_t copy_after_frames = 4096;
  /// How long written frames may wait to be copied while less than that is written.
  std::chrono::milliseconds copy_after{1000};
  /// At the most; taken as pages are used.
  std::size_t writer_cache_kib = 128 * 1024;
  std::size_t reader_cache_kib = 2 * 1024;
};

/// What the store counted since it was opened.
struct Figures {
  std::uint64_t commits = 0;
  std::uint64_t rows_written = 0;
  std::chrono::microseconds worst_commit{0};
  std::uint64_t checkpoints = 0;
  /// Times that the writer waited for the last frames to be copied, so that the log could start again, and the longest.
  std::uint64_t log_restarts = 0;
  std::chrono::microseconds worst_restart{0};
  std::size_t log_bytes = 0;
  std::size_t largest_log_bytes = 0;
};

class SqliteStore final : public Store {
 public:
  class Core;

  /// Opens, and brings the schema up to date. Throws StoreUnavailable with a sentence for the operator: the folder is in
  /// use, the database is newer than this binary or broken, the disk is full.
  explicit SqliteStore(Options options);
  /// Units must have ended. Copies what the log still holds, so that the next start has nothing to recover.
  ~SqliteStore() override;

  [[nodiscard]] Limits limits() const override;
  [[nodiscard]] std::unique_ptr<Unit> begin() override;
  void read(std::span<const Need> needs, World& world) override;
  [[nodiscard]] AnyPage list(const ListQuery& query) override;
  [[nodiscard]] std::vector<AnyRow> due(std::size_t table, Instant until, std::size_t limit) override;
  [[nodiscard]] std::vector<AnyRow> scan(std::size_t table, Uuid after, std::size_t limit) override;
  std::size_t purge(Instant now, std::size_t limit) override;

  [[nodiscard]] Figures figures() const;
  /// SQLite's own check of the whole file; "" when it finds nothing. Reads everything: for `verify` and tests.
  [[nodiscard]] std::string integrity_error();

 private:
  std::unique_ptr<Core> x_core;
};

}  // namespace admit::store::sqlite

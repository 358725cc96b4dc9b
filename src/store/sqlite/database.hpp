#pragma once
// A thin, owning face of the SQLite C interface. One thread at a time may use a Database and its statements.

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "store/store.hpp"

namespace admit::store::sqlite {

/// A failure of the database as StoreUnavailable with a sentence that carries no row data; a fault in our own SQL (which
/// no input can cause) as std::logic_error.
[[noreturn]] void throw_error(sqlite3* db, int code, std::string_view doing);

/// A prepared statement. Bind, step, read, reset: see Run, which resets.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* db, std::string_view sql);

  explicit operator bool() const { return x_statement != nullptr; }
  [[nodiscard]] sqlite3_stmt* raw() const { return x_statement.get(); }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> x_statement;
};

/// One execution of a statement; resets it when it goes. Bound texts and blobs are lent until then.
class Run {
 public:
  explicit Run(Statement& statement) : x_statement(statement.raw()) {}
  ~Run() { sqlite3_reset(x_statement); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void bind(int place, std::int64_t number) { sqlite3_bind_int64(x_statement, place, number); }
  void bind_null(int place) { sqlite3_bind_null(x_statement, place); }
  void bind_text(int place, std::string_view text) {
    sqlite3_bind_text64(x_statement, place, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                        SQLITE_UTF8);
  }
  void bind_blob(int place, const void* data, std::size_t size) {
    sqlite3_bind_blob64(x_statement, place, data == nullptr ? "" : data, size, SQLITE_STATIC);
  }
  /// Copies the 16 bytes.
  void bind_id(int place, Uuid id) {
    const auto bytes = id.bytes();
    sqlite3_bind_blob(x_statement, place, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
  }

  /// SQLITE_ROW, SQLITE_DONE or an error code.
  [[nodiscard]] int try_step() { return sqlite3_step(x_statement); }
  /// Whether there is a row to read.
  bool step();

  [[nodiscard]] bool is_null(int column) const { return sqlite3_column_type(x_statement, column) == SQLITE_NULL; }
  [[nodiscard]] std::int64_t number(int column) const { return sqlite3_column_int64(x_statement, column); }
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::string_view blob(int column) const;
  [[nodiscard]] Uuid id(int column) const;

 private:
  sqlite3_stmt* x_statement;
};

class Database {
 public:
  /// `flags`: SQLITE_OPEN_...; `vfs`: "" for the system's. Sets what every connection needs: a full sync at every
  /// commit, no checkpoint of its own accord.
  Database(const std::string& file, int flags, const std::string& vfs, std::size_t cache_kib);

  [[nodiscard]] sqlite3* raw() const { return x_db.get(); }
  /// Runs statements without parameters, rows thrown away.
  void execute(const char* sql);
  [[nodiscard]] Statement prepare(std::string_view sql) { return {raw(), sql}; }
  [[nodiscard]] std::int64_t changed_rows() const { return sqlite3_changes64(raw()); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> x_db;
};

}  // namespace admit::store::sqlite

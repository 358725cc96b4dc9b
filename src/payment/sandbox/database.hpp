#pragma once
// Inside the sandbox: its SQLite file. One thread at a time.

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace admit::payment::sandbox {

/// The rows of one run of a statement; the statement is free for the next run when this goes.
class Cursor {
 public:
  explicit Cursor(sqlite3_stmt* statement) : x_statement(statement) {}
  Cursor(Cursor&&) = default;
  /// False after the last row; std::runtime_error when the database fails.
  [[nodiscard]] bool next();
  [[nodiscard]] std::int64_t number(int column) const { return sqlite3_column_int64(x_statement.get(), column); }
  [[nodiscard]] std::string text(int column) const;

 private:
  struct Reset {
    void operator()(sqlite3_stmt* statement) const {
      sqlite3_reset(statement);
      sqlite3_clear_bindings(statement);
    }
  };
  std::unique_ptr<sqlite3_stmt, Reset> x_statement;
};

/// Made with owner-only rights, WAL, synchronous=FULL. Failures are std::runtime_error.
class Database {
 public:
  explicit Database(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// `sql` is a literal: its statement is kept for the next use. Texts are borrowed until the cursor goes.
  template <class... Values>
  [[nodiscard]] Cursor query(std::string_view sql, const Values&... values) {
    auto* statement = prepared(sql);
    int index = 0;
    (bind(statement, ++index, values), ...);
    return Cursor{statement};
  }
  /// Runs to the end.
  template <class... Values>
  void run(std::string_view sql, const Values&... values) {
    auto rows = query(sql, values...);
    while (rows.next()) {
    }
  }
  [[nodiscard]] std::int64_t last_id() const { return sqlite3_last_insert_rowid(x_handle); }
  /// Rows the last run changed.
  [[nodiscard]] int changes() const { return sqlite3_changes(x_handle); }

 private:
  void execute(std::string_view sql);
  void close();
  sqlite3_stmt* prepared(std::string_view sql);
  static void bind(sqlite3_stmt* statement, int index, std::integral auto value) {
    sqlite3_bind_int64(statement, index, static_cast<std::int64_t>(value));
  }
  static void bind(sqlite3_stmt* statement, int index, std::string_view text) {
    sqlite3_bind_text(statement, index, text.data() == nullptr ? "" : text.data(), static_cast<int>(text.size()),
                      SQLITE_STATIC);
  }

  sqlite3* x_handle = nullptr;
  std::unordered_map<std::string_view, sqlite3_stmt*> x_statements;
};

}  // namespace admit::payment::sandbox

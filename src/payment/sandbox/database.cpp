#include "payment/sandbox/database.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace admit::payment::sandbox {

namespace {

// The log is kept short by SQLite itself: one connection writes and checkpoints, so nothing can run beside it.
constexpr std::string_view schema[] = {
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "CREATE TABLE IF NOT EXISTS sbx_setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS sbx_object(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " type TEXT NOT NULL, created INTEGER NOT NULL, json TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS sbx_idem(key TEXT PRIMARY KEY, request_sha TEXT NOT NULL, status INTEGER NOT NULL,"
    " body TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS sbx_idem_by_time ON sbx_idem(at)",
    "CREATE TABLE IF NOT EXISTS sbx_event(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " type TEXT NOT NULL, created INTEGER NOT NULL, json TEXT NOT NULL)",
    // state: 0 waiting, 1 delivered, 2 given up
    "CREATE TABLE IF NOT EXISTS sbx_delivery(id INTEGER PRIMARY KEY AUTOINCREMENT, event_seq INTEGER NOT NULL,"
    " state INTEGER NOT NULL, due_ms INTEGER NOT NULL, since_ms INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " last_result TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sbx_delivery_due ON sbx_delivery(due_ms, id) WHERE state=0",
    "CREATE INDEX IF NOT EXISTS sbx_delivery_by_event ON sbx_delivery(event_seq)",
    // What is nobody's business but the sandbox's: secrets of endpoints, codes of links, how a card goes on.
    "CREATE TABLE IF NOT EXISTS sbx_private(id TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS sbx_endpoint(id TEXT PRIMARY KEY, is_connect INTEGER NOT NULL, url TEXT NOT NULL,"
    " secret TEXT NOT NULL, created INTEGER NOT NULL, is_enabled INTEGER NOT NULL, events TEXT NOT NULL,"
    " failures INTEGER NOT NULL, failing_since_ms INTEGER NOT NULL) WITHOUT ROWID",
    // Rows of one movement sum to zero; sbx_balance is their sum by account and currency.
    "CREATE TABLE IF NOT EXISTS sbx_ledger(seq INTEGER PRIMARY KEY AUTOINCREMENT, movement TEXT NOT NULL,"
    " account TEXT NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL, available_s INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sbx_ledger_pending ON sbx_ledger(account, available_s)",
    "CREATE TABLE IF NOT EXISTS sbx_balance(account TEXT NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL,"
    " PRIMARY KEY(account, currency)) WITHOUT ROWID",
    // What happens by itself when its time has come.
    "CREATE TABLE IF NOT EXISTS sbx_action(id INTEGER PRIMARY KEY AUTOINCREMENT, due_ms INTEGER NOT NULL,"
    " kind TEXT NOT NULL, account TEXT NOT NULL, object_id TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sbx_action_due ON sbx_action(due_ms, id)",
    "CREATE INDEX IF NOT EXISTS sbx_action_by_object ON sbx_action(object_id)",
    "CREATE TABLE IF NOT EXISTS sbx_call(seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,"
    " request_id TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, account TEXT NOT NULL,"
    " status INTEGER NOT NULL, code TEXT NOT NULL, subject TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sbx_call_by_subject ON sbx_call(subject, seq)",
    "CREATE TABLE IF NOT EXISTS sbx_attempt(seq INTEGER PRIMARY KEY AUTOINCREMENT, delivery_id INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL, took_ms INTEGER NOT NULL, result TEXT NOT NULL, fault TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sbx_attempt_by_delivery ON sbx_attempt(delivery_id)",
};

constexpr std::int64_t schema_version = 2;
/// From a file of version 0, which has the tables above that were there at first.
constexpr std::string_view second_version[] = {
    "ALTER TABLE sbx_object ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sbx_object ADD COLUMN subject TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sbx_event ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sbx_event ADD COLUMN subject TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sbx_delivery ADD COLUMN endpoint TEXT NOT NULL DEFAULT 'we_1SbxPlatform'",
    "ALTER TABLE sbx_delivery ADD COLUMN faults TEXT NOT NULL DEFAULT ''",
    "DROP INDEX IF EXISTS sbx_object_by_time",
    "CREATE INDEX sbx_object_by_time ON sbx_object(type, account, created, seq)",
    "CREATE INDEX sbx_object_by_subject ON sbx_object(subject, type, seq)",
    "CREATE INDEX sbx_event_by_subject ON sbx_event(subject, seq)",
    "PRAGMA user_version=2",
};

[[noreturn]] void fail(sqlite3* handle, const char* doing) {
  throw std::runtime_error(std::string{"payment sandbox: "} + doing + ": " +
                           (handle == nullptr ? "out of memory" : sqlite3_errmsg(handle)));
}

/// SQLite gives the files beside it the rights of this one.
void make_private(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "payment sandbox: " + file.string());
  const int failed = ::fchmod(descriptor, S_IRUSR | S_IWUSR);
  ::close(descriptor);
  if (failed != 0) throw std::system_error(errno, std::generic_category(), "payment sandbox: " + file.string());
}

}  // namespace

bool Cursor::next() {
  const int result = sqlite3_step(x_statement.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  fail(sqlite3_db_handle(x_statement.get()), "running a statement");
}

std::string Cursor::text(int column) const {
  const auto* bytes = sqlite3_column_text(x_statement.get(), column);
  if (bytes == nullptr) return {};
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(x_statement.get(), column));
  return {reinterpret_cast<const char*>(bytes), size};
}

Database::Database(const std::filesystem::path& file) {
  make_private(file);
  if (sqlite3_open_v2(file.c_str(), &x_handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) {
    const std::string why = x_handle == nullptr ? "out of memory" : sqlite3_errmsg(x_handle);
    sqlite3_close_v2(x_handle);
    throw std::runtime_error("payment sandbox: opening its file: " + why);
  }
  sqlite3_busy_timeout(x_handle, 2'000);
  try {
    for (const auto statement : schema) execute(statement);
    execute("BEGIN");
    const auto version = [this] {
      auto rows = query("PRAGMA user_version");
      return rows.next() ? rows.number(0) : 0;
    }();
    if (version > schema_version) throw std::runtime_error("payment sandbox: its file is of a newer program");
    if (version < schema_version) {
      for (const auto statement : second_version) execute(statement);
    }
    execute("COMMIT");
  } catch (...) {
    close();
    throw;
  }
}

void Database::execute(std::string_view sql) {
  char* why = nullptr;
  const int result = sqlite3_exec(x_handle, std::string{sql}.c_str(), nullptr, nullptr, &why);
  sqlite3_free(why);
  if (result != SQLITE_OK) fail(x_handle, "preparing its file");
}

void Database::close() {
  for (const auto& [sql, statement] : x_statements) sqlite3_finalize(statement);
  sqlite3_close_v2(x_handle);
}

Database::~Database() {
  close();
}

sqlite3_stmt* Database::prepared(std::string_view sql) {
  if (const auto found = x_statements.find(sql); found != x_statements.end()) return found->second;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(x_handle, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK) {
    fail(x_handle, "preparing a statement");
  }
  x_statements.emplace(sql, statement);
  return statement;
}

}  // namespace admit::payment::sandbox

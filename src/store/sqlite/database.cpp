#include "store/sqlite/database.hpp"

#include <new>
#include <system_error>

namespace admit::store::sqlite {

namespace {
/// How long a statement waits for a lock that another connection holds. Writers queue before they get here.
constexpr int busy_timeout_ms = 5000;

std::string sentence(sqlite3* db, int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "the database is locked by another connection";
    case SQLITE_FULL: return "the disk is full";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return "the database file is damaged or is not a database";
    case SQLITE_READONLY: return "the database cannot be written";
    case SQLITE_CANTOPEN: return "the database file cannot be opened";
    case SQLITE_IOERR: {
      std::string text = "reading or writing the database failed (" + std::to_string(code) + ")";
      const int reason = db != nullptr ? sqlite3_system_errno(db) : 0;
      return reason != 0 ? text + ": " + std::generic_category().message(reason) : text;
    }
    default: return sqlite3_errstr(code);
  }
}
}  // namespace

void throw_error(sqlite3* db, int code, std::string_view doing) {
  switch (code & 0xff) {
    case SQLITE_NOMEM: throw std::bad_alloc();
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
      throw std::logic_error(std::string(doing) + ": " + (db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code)));
    default: throw StoreUnavailable(std::string(doing) + ": " + sentence(db, code));
  }
}

Statement::Statement(sqlite3* db, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                                      nullptr);
  if (code != SQLITE_OK) throw_error(db, sqlite3_extended_errcode(db), "preparing a statement");
  x_statement.reset(statement);
}

bool Run::step() {
  const int code = try_step();
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* db = sqlite3_db_handle(x_statement);
  throw_error(db, sqlite3_extended_errcode(db), "running a statement");
}

std::string_view Run::text(int column) const {
  const auto* data = sqlite3_column_text(x_statement, column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(x_statement, column))};
}

std::string_view Run::blob(int column) const {
  const auto* data = sqlite3_column_blob(x_statement, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(x_statement, column))};
}

Uuid Run::id(int column) const {
  const auto bytes = blob(column);
  if (bytes.size() != 16) throw StoreUnavailable("a stored value cannot be read: an id of another size");
  return Uuid::from_bytes(reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

Database::Database(const std::string& file, int flags, const std::string& vfs, std::size_t cache_kib) {
  // SQLite counts its memory under one lock for all threads unless told not to; nobody asks for the count. Once it is
  // initialised this is refused, which does no harm.
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(configured);
  sqlite3* db = nullptr;
  // Each connection is used by one thread at a time, so SQLite needs no lock of its own around it.
  const int code = sqlite3_open_v2(file.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX, vfs.empty() ? nullptr : vfs.c_str());
  x_db.reset(db);
  if (code != SQLITE_OK) throw_error(db, db != nullptr ? sqlite3_extended_errcode(db) : code, "opening " + file);
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, busy_timeout_ms);
  execute("pragma synchronous=full; pragma wal_autocheckpoint=0; pragma temp_store=memory; pragma trusted_schema=off");
  execute(("pragma cache_size=-" + std::to_string(cache_kib)).c_str());
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(raw(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw_error(raw(), sqlite3_extended_errcode(raw()), "running a statement");
}

}  // namespace admit::store::sqlite

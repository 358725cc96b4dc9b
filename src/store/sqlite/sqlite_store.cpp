#include "store/sqlite/sqlite_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "store/sqlite/checkpointer.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/folder_lock.hpp"
#include "store/sqlite/log_buffer.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/row_sql.hpp"
#include "store/sqlite/write_turn.hpp"

namespace admit::store::sqlite {

namespace {

constexpr Limits save_limits{.max_items = 20'000, .max_bytes = std::size_t{64} << 20};
constexpr std::size_t most_idle_readers = 8;
constexpr std::size_t frame_bytes = 4096 + 24;
/// A caller's bound that SQLite can count to, with one row more.
constexpr std::size_t most_rows = std::size_t{1} << 40;

/// Calls `f.template operator()<Row>()` for the row type of a table and returns what it returns.
template <class Result, class F>
Result with_table(std::size_t table, F&& f) {
  std::optional<Result> result;
  domain::for_each_table([&]<class Row>() {
    if (domain::table_of<Row> == table) result.emplace(f.template operator()<Row>());
  });
  if (!result) throw std::logic_error("no table has the number " + std::to_string(table));
  return std::move(*result);
}

/// A database connection and its prepared statements, each made at its first use.
class Connection {
 public:
  explicit Connection(Database db) : x_db(std::move(db)) {}

  [[nodiscard]] Database& db() { return x_db; }

  template <class Row>
  std::optional<Row> find(Uuid id) {
    Run run(prepared(of<Row>().select, [] { return RowSql<Row>::select_one(); }));
    run.bind_id(1, id);
    if (!run.step()) return std::nullopt;
    return read_row<Row>(run);
  }

  void load(const Need& need, World& world) {
    domain::for_each_table([&]<class Row>() {
      if (domain::table_of<Row> != need.table) return;
      if (auto row = find<Row>(need.id)) {
        world.fill(std::move(*row));
      } else {
        world.fill_absent(need.table, need.id);
      }
    });
  }

  /// The stored version; 0 where there is no such row.
  template <class Row>
  std::uint64_t version(Uuid id) {
    Run run(prepared(of<Row>().version, [] { return RowSql<Row>::select_version(); }));
    run.bind_id(1, id);
    return run.step() ? static_cast<std::uint64_t>(run.number(0)) : 0;
  }

  template <class Row>
  SaveStatus put(const domain::Put<Row>& put) {
    if (put.base_version == 0) {
      return written<Row>(put, prepared(of<Row>().insert, [] { return RowSql<Row>::insert(); }));
    }
    // Indexed columns seldom change: the first statement leaves them alone and finds no row where one did.
    if (RowSql<Row>::has_indexed()) {
      const auto status = written<Row>(put, prepared(of<Row>().update, [] { return RowSql<Row>::update(true); }));
      if (status != SaveStatus::conflict) return status;
    }
    return written<Row>(put, prepared(of<Row>().update_indexed, [] { return RowSql<Row>::update(false); }));
  }

  template <domain::Counter Row>
  SaveStatus change_taken(Uuid id, std::int64_t amount, bool raise_version) {
    {
      Run run(prepared(of<Row>().change_taken, [] { return RowSql<Row>::change_taken(); }));
      run.bind(1, amount);
      run.bind_id(2, id);
      run.bind(3, raise_version ? 1 : 0);
      run.step();
    }
    if (x_db.changed_rows() == 1) return SaveStatus::saved;
    return version<Row>(id) == 0 ? SaveStatus::conflict : SaveStatus::guard_failed;
  }

  template <class Row>
  std::vector<AnyRow> rows(Run& run) {
    std::vector<AnyRow> out;
    while (run.step()) out.emplace_back(read_row<Row>(run));
    return out;
  }

  /// A statement by its text, for the few that are not used row by row.
  Statement& prepared(const std::string& sql) {
    auto& statement = x_by_text[sql];
    if (!statement) statement = x_db.prepare(sql);
    return statement;
  }

 private:
  struct Statements {
    Statement select, version, insert, update, update_indexed, change_taken;
  };

  template <class Row>
  Statements& of() {
    return x_statements[domain::table_of<Row>];
  }
  template <class Text>
  Statement& prepared(Statement& statement, Text text) {
    if (!statement) statement = x_db.prepare(text());
    return statement;
  }

  template <class Row>
  SaveStatus written(const domain::Put<Row>& put, Statement& statement) {
    int code = 0;
    {
      Run run(statement);
      bind_row(run, *put.row, put.base_version, x_scratch);
      code = run.try_step();
      if (code == SQLITE_DONE) return x_db.changed_rows() == 1 ? SaveStatus::saved : SaveStatus::conflict;
      code = sqlite3_extended_errcode(x_db.raw());
    }
    if (code == SQLITE_CONSTRAINT_PRIMARYKEY) return SaveStatus::conflict;
    if (code == SQLITE_CONSTRAINT_UNIQUE) {
      const bool there = put.base_version == 0 && version<Row>(put.row->id.value) != 0;
      return there ? SaveStatus::conflict : SaveStatus::duplicate;
    }
    throw_error(x_db.raw(), code, "saving a row of " + std::string(Row::table));
  }

  Database x_db;
  std::array<Statements, domain::table_count> x_statements;
  std::unordered_map<std::string, Statement> x_by_text;
  Scratch x_scratch;
};

/// A place in a list as text, and bound again. Numbers in decimal, texts as they are.
template <class T>
std::string cursor_text(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<T, Instant>) {
    return std::to_string(domain::to_unix_ms(value));
  } else {
    static_assert(std::is_same_v<T, std::int64_t>);
    return std::to_string(value);
  }
}

template <class T>
void bind_cursor(Run& run, int place, const std::string& text) {
  if constexpr (std::is_same_v<T, std::string>) {
    run.bind_text(place, text);
  } else {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) throw BadCursor("a cursor of another list");
    run.bind(place, number);
  }
}

}  // namespace

class SqliteStore::Core {
 public:
  explicit Core(Options options)
      : x_options(std::move(options)),
        x_file(x_options.vfs.empty() ? (x_options.path / "admit.db").string() : "admit.db") {
    if (x_options.read_only) {
      require_current_schema(reader()->db());
      return;
    }
    if (x_options.vfs.empty()) {
      x_lock.emplace(x_options.path);
      // For its owner only; SQLite gives the files beside it the same rights.
      ::close(::open(x_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    }
    x_log_buffer.emplace(x_options.vfs);
    x_writer.emplace(
        Database(x_file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, x_log_buffer->name(), x_options.writer_cache_kib));
    auto& db = x_writer->db();
    db.execute("pragma journal_mode=wal");
    db.execute(("pragma journal_size_limit=" + std::to_string(x_options.log_limit_bytes)).c_str());
    migrate(db, std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
    x_checkpointer.emplace(open(SQLITE_OPEN_READWRITE, x_options.reader_cache_kib), x_turn,
                           Checkpointer::Bounds{.log_limit_frames = x_options.log_limit_bytes / frame_bytes,
                                                .copy_after_frames = x_options.copy_after_frames,
                                                .copy_after = x_options.copy_after},
                           [this](const std::string& reason) { break_off(reason); });
    sqlite3_wal_hook(
        db.raw(),
        [](void* frames, sqlite3*, const char*, int count) {
          *static_cast<std::size_t*>(frames) = static_cast<std::size_t>(count);
          return SQLITE_OK;
        },
        &x_log_frames);
  }

  [[nodiscard]] const Options& options() const { return x_options; }

  /// A reading connection for the caller alone until it is given back, which its destructor does.
  class Reader {
   public:
    Reader(Core& core, std::unique_ptr<Connection> connection) : x_core(&core), x_connection(std::move(connection)) {}
    Reader(Reader&& other) noexcept = default;
    ~Reader() {
      if (!x_connection) return;
      const std::lock_guard lock(x_core->x_readers_mutex);
      if (x_core->x_readers.size() < most_idle_readers) x_core->x_readers.push_back(std::move(x_connection));
    }
    Connection* operator->() const { return x_connection.get(); }

   private:
    Core* x_core;
    std::unique_ptr<Connection> x_connection;
  };
  Reader reader() {
    require_sound();
    {
      const std::lock_guard lock(x_readers_mutex);
      if (!x_readers.empty()) {
        Reader out(*this, std::move(x_readers.back()));
        x_readers.pop_back();
        return out;
      }
    }
    return {*this, std::make_unique<Connection>(open(SQLITE_OPEN_READONLY, x_options.reader_cache_kib))};
  }

  // The writer. Between begin() and end() the caller has it alone, and no other connection can change a row.

  Connection& begin() {
    if (x_options.read_only) throw std::logic_error("the store was opened for reading only");
    x_turn.take();
    try {
      require_sound();
      Run(x_writer->prepared("begin immediate")).step();
    } catch (...) {
      x_turn.give();
      throw;
    }
    return *x_writer;
  }

  /// Commits; the transaction is over whether it succeeds or throws.
  void commit(std::size_t rows) {
    const auto begun = std::chrono::steady_clock::now();
    x_log_frames = 0;
    auto& statement = x_writer->prepared("commit");  // may throw: before the checkpointer is told to wait
    x_checkpointer->commit_begins();
    int code = 0;
    int detail = 0;
    {
      Run run(statement);
      code = run.try_step();
      detail = sqlite3_extended_errcode(x_writer->db().raw());
    }
    x_checkpointer->commit_ended(code == SQLITE_DONE ? x_log_frames : 0);
    if (code != SQLITE_DONE) {
      roll_back();
      // The frames may be on the disk, whole, and would count after a restart: until then nobody can say whether this
      // was saved, and nothing may be built upon either answer.
      if ((detail & 0xff) == SQLITE_IOERR) {
        break_off("a commit failed");
        throw OutcomeUnknown("the database failed while it committed; restart the server");
      }
      throw_error(x_writer->db().raw(), detail, "committing");
    }
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
    x_commits.fetch_add(1, std::memory_order_relaxed);
    x_rows.fetch_add(rows, std::memory_order_relaxed);
    if (took.count() > x_worst_commit_us.load(std::memory_order_relaxed)) x_worst_commit_us = took.count();
  }

  void roll_back() noexcept {
    // Where a failed statement has ended the transaction already, this fails too, and that is no news.
    sqlite3_exec(x_writer->db().raw(), "rollback", nullptr, nullptr, nullptr);
  }

  void end() { x_turn.give(); }

  [[nodiscard]] Figures figures() const {
    Figures out;
    out.commits = x_commits;
    out.rows_written = x_rows;
    out.worst_commit = std::chrono::microseconds(x_worst_commit_us);
    if (x_checkpointer) {
      const auto log = x_checkpointer->figures();
      out.checkpoints = log.checkpoints;
      out.log_restarts = log.log_restarts;
      out.worst_restart = log.worst_restart;
      out.log_bytes = log.log_frames * frame_bytes;
      out.largest_log_bytes = log.largest_log_frames * frame_bytes;
    }
    return out;
  }

 private:
  Database open(int flags, std::size_t cache_kib) const { return {x_file, flags, x_options.vfs, cache_kib}; }

  void break_off(const std::string& reason) {
    const std::lock_guard lock(x_broken_mutex);
    if (!x_broken.exchange(true)) x_broken_reason = reason;
  }
  void require_sound() {
    if (!x_broken.load(std::memory_order_acquire)) return;
    const std::lock_guard lock(x_broken_mutex);
    throw StoreUnavailable("the database is out of use until the server is restarted: " + x_broken_reason);
  }

  // Destroyed from below: the checkpointer's thread ends first, the writer closes last among the connections, which copies
  // the rest of the log and removes it, and then the folder is free.
  const Options x_options;
  const std::string x_file;
  std::atomic<bool> x_broken = false;
  std::mutex x_broken_mutex;
  std::string x_broken_reason;
  std::atomic<std::uint64_t> x_commits = 0;
  std::atomic<std::uint64_t> x_rows = 0;
  std::atomic<std::int64_t> x_worst_commit_us = 0;
  std::optional<FolderLock> x_lock;
  WriteTurn x_turn;
  std::size_t x_log_frames = 0;
  std::optional<LogBuffer> x_log_buffer;
  std::optional<Connection> x_writer;
  std::mutex x_readers_mutex;
  std::vector<std::unique_ptr<Connection>> x_readers;
  std::optional<Checkpointer> x_checkpointer;
};

namespace {

class SqliteUnit final : public Unit {
 public:
  /// `core` has begun a transaction on `writer`.
  SqliteUnit(SqliteStore::Core& core, Connection& writer) : x_core(core), x_writer(writer) {}
  ~SqliteUnit() override {
    if (x_open) abandon();
  }

  void load(std::span<const Need> needs, World& world) override {
    require_open();
    for (const auto& need : needs) x_writer.load(need, world);
  }

  [[nodiscard]] SaveResult save(const Changes& changes) override {
    require_open();
    if (changes.size() > save_limits.max_items) throw std::logic_error("a save of more rows than the store takes");
    SaveResult result;
    try {
      result = apply(changes);
    } catch (...) {
      abandon();
      throw;
    }
    if (result.status != SaveStatus::saved || changes.size() == 0) {
      abandon();
      return result;
    }
    x_open = false;
    struct End {
      SqliteStore::Core& core;
      ~End() { core.end(); }
    } end{x_core};
    x_core.commit(changes.size());
    return result;
  }

 private:
  void require_open() const {
    if (!x_open) throw std::logic_error("the unit has ended");
  }
  void abandon() {
    x_open = false;
    x_core.roll_back();
    x_core.end();
  }

  SaveResult apply(const Changes& changes) {
    // Rows that this unit loaded cannot have changed since; rows that the caller had read before it began can.
    for (const auto& read : changes.reads) {
      const auto version =
          with_table<std::uint64_t>(read.table, [&]<class Row>() { return x_writer.version<Row>(read.id); });
      if (version != read.version) return {SaveStatus::conflict, read.table, read.id};
    }
    SaveResult result;
    domain::for_each_table([&]<class Row>() {
      for (const auto& put : changes.of<Row>()) {
        const auto id = put.row->id.value;
        if (result.status == SaveStatus::saved) {
          result = {x_writer.put<Row>(put), domain::table_of<Row>, id};
        } else if (result.status == SaveStatus::duplicate && x_writer.version<Row>(id) != put.base_version) {
          // Whoever decided on an old row must hear that, not what followed from it.
          result = {SaveStatus::conflict, domain::table_of<Row>, id};
        }
      }
    });
    if (result.status != SaveStatus::saved) return result;
    for (const auto& delta : changes.deltas) {
      const auto status = with_table<SaveStatus>(delta.table, [&]<class Row>() -> SaveStatus {
        if constexpr (domain::Counter<Row>) {
          // A row that is put as well has had its version raised.
          const bool is_put =
              std::ranges::any_of(changes.of<Row>(), [&](const auto& put) { return put.row->id.value == delta.id; });
          return x_writer.change_taken<Row>(delta.id, delta.amount, !is_put);
        } else {
          throw std::logic_error("a delta on a table that is no counter: " + std::string(Row::table));
        }
      });
      if (status != SaveStatus::saved) return {status, delta.table, delta.id};
    }
    return {};
  }

  SqliteStore::Core& x_core;
  Connection& x_writer;
  bool x_open = true;
};

template <class Row, class Key, class Order>
AnyPage list_index(Connection& connection, const domain::IndexOf<Row, Key, Order>& index, const ListQuery& query) {
  const std::string order(column_name<Row>(index.order));
  const std::string way = query.descending ? " desc" : "";
  std::string sql = RowSql<Row>::select() + "where " + std::string(column_name<Row>(index.key)) + " = ?1";
  if (query.after) sql += " and (" + order + ", id) " + (query.descending ? "<" : ">") + " (?3, ?4)";
  sql += " order by " + order + way + ", id" + way + " limit ?2";

  const auto limit = std::min(query.limit, most_rows);
  Run run(connection.prepared(sql));
  run.bind_id(1, query.key);
  run.bind(2, static_cast<std::int64_t>(limit + 1));  // one more tells whether there is a next page
  if (query.after) {
    bind_cursor<Order>(run, 3, query.after->order);
    run.bind_id(4, query.after->id);
  }
  AnyPage page;
  page.rows = connection.rows<Row>(run);
  if (page.rows.size() > limit) {
    page.rows.resize(limit);
    if (limit != 0) {
      const auto& last = std::get<Row>(page.rows.back());
      page.next = Cursor{cursor_text(last.*index.order), last.id.value};
    }
  }
  return page;
}

}  // namespace

SqliteStore::SqliteStore(Options options) : x_core(std::make_unique<Core>(std::move(options))) {}
SqliteStore::~SqliteStore() = default;

Limits SqliteStore::limits() const {
  return save_limits;
}

std::unique_ptr<Unit> SqliteStore::begin() {
  auto& writer = x_core->begin();
  return std::make_unique<SqliteUnit>(*x_core, writer);
}

void SqliteStore::read(std::span<const Need> needs, World& world) {
  auto reader = x_core->reader();
  if (needs.size() == 1) return reader->load(needs.front(), world);
  // One transaction, so that all are of one moment.
  Run(reader->prepared("begin")).step();
  try {
    for (const auto& need : needs) reader->load(need, world);
    Run(reader->prepared("commit")).step();
  } catch (...) {
    sqlite3_exec(reader->db().raw(), "rollback", nullptr, nullptr, nullptr);
    throw;
  }
}

AnyPage SqliteStore::list(const ListQuery& query) {
  auto reader = x_core->reader();
  return with_table<AnyPage>(query.table, [&]<class Row>() -> AnyPage {
    std::optional<AnyPage> page;
    std::apply(
        [&](const auto&... index) {
          ((index.name == query.index ? void(page = list_index<Row>(*reader.operator->(), index, query)) : void()), ...);
        },
        Row::indexes());
    if (!page) throw std::logic_error(std::string(Row::table) + " has no index " + std::string(query.index));
    return std::move(*page);
  });
}

std::vector<AnyRow> SqliteStore::due(std::size_t table, Instant until, std::size_t limit) {
  auto reader = x_core->reader();
  return with_table<std::vector<AnyRow>>(table, [&]<class Row>() -> std::vector<AnyRow> {
    if constexpr (domain::HasDue<Row>) {
      Run run(reader->prepared(RowSql<Row>::select() + "where due_at <= ?1 order by due_at, id limit ?2"));
      run.bind(1, domain::to_unix_ms(until));
      run.bind(2, static_cast<std::int64_t>(std::min(limit, most_rows)));
      return reader->rows<Row>(run);
    } else {
      throw std::logic_error(std::string(Row::table) + " has no due time");
    }
  });
}

std::vector<AnyRow> SqliteStore::scan(std::size_t table, Uuid after, std::size_t limit) {
  auto reader = x_core->reader();
  return with_table<std::vector<AnyRow>>(table, [&]<class Row>() {
    Run run(reader->prepared(RowSql<Row>::select() + "where id > ?1 order by id limit ?2"));
    run.bind_id(1, after);
    run.bind(2, static_cast<std::int64_t>(std::min(limit, most_rows)));
    return reader->rows<Row>(run);
  });
}

std::size_t SqliteStore::purge(Instant now, std::size_t limit) {
  auto& writer = x_core->begin();
  struct End {
    Core& core;
    bool open = true;
    ~End() {
      if (open) core.roll_back();
      core.end();
    }
  } end{*x_core};
  std::size_t forgotten = 0;
  const auto forget = [&](const std::string& sql) {
    {
      Run run(writer.prepared(sql));
      run.bind(1, static_cast<std::int64_t>(std::min(limit - forgotten, save_limits.max_items)));
      if (sql.find("?2") != std::string::npos) run.bind(2, domain::to_unix_ms(now));
      run.step();
    }
    forgotten += static_cast<std::size_t>(writer.db().changed_rows());
  };
  domain::for_each_table([&]<class Row>() {
    if constexpr (domain::Forgettable<Row>) {
      const std::string table(Row::table);
      forget("delete from " + table + " where id in (select id from " + table +
             " where due_at <= ?2 order by due_at limit ?1)");
    }
  });
  forget("delete from hold_counter where id in (select id from hold_counter where taken = 0 limit ?1)");
  if (forgotten == 0) return 0;
  end.open = false;
  x_core->commit(forgotten);
  return forgotten;
}

Figures SqliteStore::figures() const {
  return x_core->figures();
}

std::string SqliteStore::integrity_error() {
  auto reader = x_core->reader();
  Run run(reader->prepared("pragma integrity_check(1)"));
  run.step();
  const auto text = run.text(0);
  return text == "ok" ? "" : std::string(text);
}

}  // namespace admit::store::sqlite

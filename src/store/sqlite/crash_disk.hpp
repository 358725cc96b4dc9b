#pragma once
// For tests: a disk in memory, as a SQLite VFS, that knows what a power cut would leave of it.
//
// A write reaches the medium when its file is synced. Until then a power cut may lose it, keep it, or keep some of its
// sectors of 512 bytes; bytes outside a write are never harmed (as SQLite's own default assumes of a disk). Creating and
// deleting a file take effect at once.

#include <sqlite3.h>

#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace admit::store::sqlite {

class CrashDisk {
 public:
  using Image = std::map<std::string, std::string>;
  enum class Fault { none, disk_full, failing_sync };

  /// `name` must be unique while the disk lives.
  explicit CrashDisk(std::string name, Image image = {}) : x_name(std::move(name)) {
    for (auto& [file, content] : image) {
      auto entry = std::make_shared<File>();
      entry->durable = content;
      entry->current = std::move(content);
      x_files[file] = std::move(entry);
    }
    x_vfs = *sqlite3_vfs_find(nullptr);
    x_vfs.pNext = nullptr;
    x_vfs.szOsFile = sizeof(Handle);
    x_vfs.zName = x_name.c_str();
    x_vfs.pAppData = this;
    x_vfs.xOpen = [](sqlite3_vfs* vfs, const char* file, sqlite3_file* out, int flags, int* out_flags) {
      return disk(vfs).open(file, *reinterpret_cast<Handle*>(out), flags, out_flags);
    };
    x_vfs.xDelete = [](sqlite3_vfs* vfs, const char* file, int) {
      const std::lock_guard lock(disk(vfs).x_mutex);
      return disk(vfs).x_files.erase(file) != 0 ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
    };
    x_vfs.xAccess = [](sqlite3_vfs* vfs, const char* file, int, int* out) {
      const std::lock_guard lock(disk(vfs).x_mutex);
      *out = disk(vfs).x_files.contains(file) ? 1 : 0;
      return SQLITE_OK;
    };
    x_vfs.xFullPathname = [](sqlite3_vfs*, const char* file, int size, char* out) {
      sqlite3_snprintf(size, out, "%s", file);
      return SQLITE_OK;
    };
    sqlite3_vfs_register(&x_vfs, 0);
  }
  ~CrashDisk() { sqlite3_vfs_unregister(&x_vfs); }
  CrashDisk(const CrashDisk&) = delete;
  CrashDisk& operator=(const CrashDisk&) = delete;

  [[nodiscard]] const std::string& name() const { return x_name; }

  /// Called before each sync takes effect, by the thread that syncs, with no lock held.
  std::function<void()> on_sync;
  std::atomic<Fault> fault = Fault::none;

  /// What a power cut would leave now, if nothing that was not synced had reached the medium.
  [[nodiscard]] Image synced_only() {
    const std::lock_guard lock(x_mutex);
    Image out;
    for (const auto& [name, file] : x_files) out[name] = file->durable;
    return out;
  }
  /// The same, if any sectors of what was not synced had.
  [[nodiscard]] Image torn(std::mt19937_64& random) {
    const std::lock_guard lock(x_mutex);
    Image out;
    for (const auto& [name, file] : x_files) {
      auto content = file->durable;
      // Each cut is of its own temper: from nearly nothing to nearly everything reached the medium.
      const auto kept_of_8 = random() % 9;
      for (const auto& write : file->pending) {
        const bool is_last = &write == &file->pending.back();
        if (random() % 8 >= kept_of_8 && !is_last) continue;
        if (write.truncate) {
          content.resize(write.offset);
          continue;
        }
        for (std::size_t from = 0; from < write.data.size();) {
          const auto until = std::min(write.data.size(), from + sector_bytes - (write.offset + from) % sector_bytes);
          if (!is_last || random() % 2 == 0) put(content, write.offset + from, write.data.substr(from, until - from));
          from = until;
        }
      }
      out[name] = std::move(content);
    }
    return out;
  }

 private:
  static constexpr std::size_t sector_bytes = 512;

  struct Write {
    std::size_t offset;
    std::string data;
    bool truncate;
  };
  struct Handle;
  struct File {
    std::string durable;
    std::string current;
    std::deque<Write> pending;  // what `current` has and `durable` has not
    std::size_t synced = 0;     // writes that have left `pending`
    std::set<const Handle*> shared;
    const Handle* reserved = nullptr;
    const Handle* exclusive = nullptr;
    std::deque<std::vector<char>> index;  // the shared memory of the write-ahead log
    std::array<std::set<const Handle*>, SQLITE_SHM_NLOCK> index_shared;
    std::array<const Handle*, SQLITE_SHM_NLOCK> index_exclusive{};
  };
  struct Handle {
    sqlite3_file base;
    CrashDisk* disk;
    std::shared_ptr<File>* file;
  };

  static CrashDisk& disk(sqlite3_vfs* vfs) { return *static_cast<CrashDisk*>(vfs->pAppData); }
  static Handle& handle(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static File& file_of(sqlite3_file* file) { return **handle(file).file; }
  static std::unique_lock<std::mutex> locked(sqlite3_file* file) {
    return std::unique_lock(handle(file).disk->x_mutex);
  }

  static void put(std::string& content, std::size_t offset, std::string_view data) {
    if (content.size() < offset + data.size()) content.resize(offset + data.size());
    std::memcpy(content.data() + offset, data.data(), data.size());
  }
  static void apply(std::string& content, const Write& write) {
    if (write.truncate) {
      content.resize(write.offset);
    } else {
      put(content, write.offset, write.data);
    }
  }
  static void change(File& file, Write write) {
    apply(file.current, write);
    file.pending.push_back(std::move(write));
  }

  int open(const char* name, Handle& out, int flags, int* out_flags) {
    const std::lock_guard lock(x_mutex);
    out.base.pMethods = nullptr;
    std::shared_ptr<File> file;
    if (name == nullptr) {
      file = std::make_shared<File>();  // a temporary file, which no crash concerns
    } else if (const auto found = x_files.find(name); found != x_files.end()) {
      file = found->second;
    } else if ((flags & SQLITE_OPEN_CREATE) != 0) {
      file = x_files[name] = std::make_shared<File>();
    } else {
      return SQLITE_CANTOPEN;
    }
    out.disk = this;
    out.file = new std::shared_ptr<File>(std::move(file));  // owned by the handle until xClose
    out.base.pMethods = &methods;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  static int write(sqlite3_file* f, const void* data, int size, sqlite3_int64 offset) {
    const auto guard = locked(f);
    if (handle(f).disk->fault == Fault::disk_full) return SQLITE_FULL;
    change(file_of(f), {static_cast<std::size_t>(offset),
                        std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)), false});
    return SQLITE_OK;
  }
  static int sync(const Handle& h) { return h.disk->sync(**h.file); }
  int sync(File& file) {
    std::unique_lock lock(x_mutex);
    const auto until = file.synced + file.pending.size();
    lock.unlock();
    if (on_sync) on_sync();
    if (fault == Fault::failing_sync) return SQLITE_IOERR_FSYNC;
    lock.lock();
    // What was written meanwhile is not part of this sync; another one may have been quicker.
    for (; file.synced < until; ++file.synced) {
      apply(file.durable, file.pending.front());
      file.pending.pop_front();
    }
    return SQLITE_OK;
  }

  static void unlock(File& file, const Handle* h, int level) {
    if (level < SQLITE_LOCK_RESERVED && file.reserved == h) file.reserved = nullptr;
    if (level < SQLITE_LOCK_EXCLUSIVE && file.exclusive == h) file.exclusive = nullptr;
    if (level < SQLITE_LOCK_SHARED) file.shared.erase(h);
  }
  static int lock(File& file, const Handle* h, int level) {
    if (file.exclusive != nullptr && file.exclusive != h) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_SHARED) {
      file.shared.insert(h);
      return SQLITE_OK;
    }
    if (file.reserved != nullptr && file.reserved != h) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
      if (file.shared.size() > 1) return SQLITE_BUSY;
      file.exclusive = h;
    }
    file.reserved = h;
    return SQLITE_OK;
  }

  static int lock_index(File& file, const Handle* h, int offset, int count, int flags) {
    const auto from = static_cast<std::size_t>(offset);
    const auto until = from + static_cast<std::size_t>(count);
    for (auto i = from; i < until; ++i) {
      auto& shared = file.index_shared[i];
      auto& exclusive = file.index_exclusive[i];
      if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        shared.erase(h);
        if (exclusive == h) exclusive = nullptr;
        continue;
      }
      if (exclusive != nullptr && exclusive != h) return SQLITE_BUSY;
      if ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && shared.size() > shared.count(h)) return SQLITE_BUSY;
    }
    if ((flags & SQLITE_SHM_UNLOCK) != 0) return SQLITE_OK;
    for (auto i = from; i < until; ++i) {
      if ((flags & SQLITE_SHM_EXCLUSIVE) != 0) {
        file.index_exclusive[i] = h;
      } else {
        file.index_shared[i].insert(h);
      }
    }
    return SQLITE_OK;
  }

  static inline const sqlite3_io_methods methods = {
      .iVersion = 2,
      .xClose =
          [](sqlite3_file* f) {
            {
              const auto guard = locked(f);
              unlock(file_of(f), &handle(f), SQLITE_LOCK_NONE);
            }
            delete handle(f).file;
            return SQLITE_OK;
          },
      .xRead =
          [](sqlite3_file* f, void* out, int size, sqlite3_int64 offset) {
            const auto guard = locked(f);
            const auto& content = file_of(f).current;
            const auto from = std::min(content.size(), static_cast<std::size_t>(offset));
            const auto there = std::min(content.size() - from, static_cast<std::size_t>(size));
            std::memcpy(out, content.data() + from, there);
            std::memset(static_cast<char*>(out) + there, 0, static_cast<std::size_t>(size) - there);
            return there == static_cast<std::size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
          },
      .xWrite =
          [](sqlite3_file* f, const void* data, int size, sqlite3_int64 offset) { return write(f, data, size, offset); },
      .xTruncate =
          [](sqlite3_file* f, sqlite3_int64 size) {
            const auto guard = locked(f);
            change(file_of(f), {static_cast<std::size_t>(size), {}, true});
            return SQLITE_OK;
          },
      .xSync = [](sqlite3_file* f, int) { return sync(handle(f)); },
      .xFileSize =
          [](sqlite3_file* f, sqlite3_int64* out) {
            const auto guard = locked(f);
            *out = static_cast<sqlite3_int64>(file_of(f).current.size());
            return SQLITE_OK;
          },
      .xLock =
          [](sqlite3_file* f, int level) {
            const auto guard = locked(f);
            return lock(file_of(f), &handle(f), level);
          },
      .xUnlock =
          [](sqlite3_file* f, int level) {
            const auto guard = locked(f);
            unlock(file_of(f), &handle(f), level);
            return SQLITE_OK;
          },
      .xCheckReservedLock =
          [](sqlite3_file* f, int* out) {
            const auto guard = locked(f);
            *out = file_of(f).reserved != nullptr ? 1 : 0;
            return SQLITE_OK;
          },
      .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
      .xSectorSize = [](sqlite3_file*) { return static_cast<int>(sector_bytes); },
      .xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; },
      .xShmMap =
          [](sqlite3_file* f, int region, int size, int extend, void volatile** out) {
            const auto guard = locked(f);
            auto& index = file_of(f).index;
            *out = nullptr;
            if (static_cast<std::size_t>(region) >= index.size() && extend == 0) return SQLITE_OK;
            while (index.size() <= static_cast<std::size_t>(region)) index.emplace_back(static_cast<std::size_t>(size));
            *out = index[static_cast<std::size_t>(region)].data();
            return SQLITE_OK;
          },
      .xShmLock =
          [](sqlite3_file* f, int offset, int count, int flags) {
            const auto guard = locked(f);
            return lock_index(file_of(f), &handle(f), offset, count, flags);
          },
      .xShmBarrier = [](sqlite3_file* f) { const auto guard = locked(f); },
      .xShmUnmap =
          [](sqlite3_file* f, int remove) {
            const auto guard = locked(f);
            lock_index(file_of(f), &handle(f), 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
            if (remove != 0) file_of(f).index.clear();
            return SQLITE_OK;
          },
  };

  const std::string x_name;
  sqlite3_vfs x_vfs{};
  std::mutex x_mutex;
  std::map<std::string, std::shared_ptr<File>> x_files;
};

}  // namespace admit::store::sqlite

#include "store/sqlite/log_buffer.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>

namespace admit::store::sqlite {
namespace {

/// SQLite's VFS for Unix takes less than 128 KiB at a time.
constexpr int buffer_bytes = 127 * 1024;

/// Lies before the file of the VFS beneath, in the memory that SQLite gives.
struct LogFile {
  sqlite3_file base;
  sqlite3_file* file;
  char* buffer;  // null until the first write; owned
  int waiting;   // bytes in it
  sqlite3_int64 offset;
};
constexpr std::size_t file_offset =
    (sizeof(LogFile) + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);

LogFile& log_of(sqlite3_file* file) {
  return *reinterpret_cast<LogFile*>(file);
}
sqlite3_file* beneath(sqlite3_file* file) {
  return log_of(file).file;
}

int flush(LogFile& log) {
  if (log.waiting == 0) return SQLITE_OK;
  const int size = log.waiting;
  log.waiting = 0;  // after a failure SQLite takes the transaction back and writes these places again
  return log.file->pMethods->xWrite(log.file, log.buffer, size, log.offset);
}

/// Flushes, then calls the method of the VFS beneath.
template <class Method, class... Arguments>
int flushed(sqlite3_file* file, Method sqlite3_io_methods::* method, Arguments... arguments) {
  if (const int code = flush(log_of(file)); code != SQLITE_OK) return code;
  return (beneath(file)->pMethods->*method)(beneath(file), arguments...);
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  auto& log = log_of(file);
  if (offset != log.offset + log.waiting || size > buffer_bytes - log.waiting) {
    if (const int code = flush(log); code != SQLITE_OK) return code;
  }
  if (log.buffer == nullptr) log.buffer = new (std::nothrow) char[buffer_bytes];
  if (log.buffer == nullptr || size > buffer_bytes) return log.file->pMethods->xWrite(log.file, data, size, offset);
  if (log.waiting == 0) log.offset = offset;
  std::memcpy(log.buffer + log.waiting, data, static_cast<std::size_t>(size));
  log.waiting += size;
  return SQLITE_OK;
}

constexpr sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose =
        [](sqlite3_file* file) {
          delete[] log_of(file).buffer;  // what waits in it was never committed
          return beneath(file)->pMethods->xClose(beneath(file));
        },
    .xRead = [](sqlite3_file* file, void* out, int size,
                sqlite3_int64 offset) { return flushed(file, &sqlite3_io_methods::xRead, out, size, offset); },
    .xWrite = write,
    .xTruncate = [](sqlite3_file* file,
                    sqlite3_int64 size) { return flushed(file, &sqlite3_io_methods::xTruncate, size); },
    .xSync = [](sqlite3_file* file, int flags) { return flushed(file, &sqlite3_io_methods::xSync, flags); },
    .xFileSize = [](sqlite3_file* file,
                    sqlite3_int64* out) { return flushed(file, &sqlite3_io_methods::xFileSize, out); },
    .xLock = [](sqlite3_file* file, int level) { return beneath(file)->pMethods->xLock(beneath(file), level); },
    .xUnlock = [](sqlite3_file* file, int level) { return beneath(file)->pMethods->xUnlock(beneath(file), level); },
    .xCheckReservedLock = [](sqlite3_file* file,
                             int* out) { return beneath(file)->pMethods->xCheckReservedLock(beneath(file), out); },
    .xFileControl = [](sqlite3_file* file, int operation,
                       void* out) { return beneath(file)->pMethods->xFileControl(beneath(file), operation, out); },
    .xSectorSize = [](sqlite3_file* file) { return beneath(file)->pMethods->xSectorSize(beneath(file)); },
    .xDeviceCharacteristics =
        [](sqlite3_file* file) { return beneath(file)->pMethods->xDeviceCharacteristics(beneath(file)); },
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* out_flags) {
  auto* base = static_cast<sqlite3_vfs*>(vfs->pAppData);
  if ((flags & SQLITE_OPEN_WAL) == 0) return base->xOpen(base, name, out, flags, out_flags);
  auto& log = log_of(out);
  log = {};
  log.file = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(out) + file_offset);
  const int code = base->xOpen(base, name, log.file, flags, out_flags);
  if (log.file->pMethods == nullptr) return code;  // else SQLite closes it, even after a failure
  log.base.pMethods = &methods;
  return code;
}

template <auto Method>
struct Forward;
template <class Result, class... Arguments, Result (*sqlite3_vfs::*Method)(sqlite3_vfs*, Arguments...)>
struct Forward<Method> {
  static Result call(sqlite3_vfs* vfs, Arguments... arguments) {
    auto* base = static_cast<sqlite3_vfs*>(vfs->pAppData);
    return (base->*Method)(base, arguments...);
  }
};

}  // namespace

LogBuffer::LogBuffer(const std::string& base)
    : x_name([] {
        static std::atomic<std::uint64_t> made = 0;
        return "log-buffer-" + std::to_string(++made);
      }()) {
  sqlite3_vfs* beneath = sqlite3_vfs_find(base.empty() ? nullptr : base.c_str());
  if (beneath == nullptr) throw std::logic_error("there is no SQLite VFS named " + base);
  x_vfs = *beneath;  // what knows no files (sleep, time, chance) stays as it is
  x_vfs.pNext = nullptr;
  x_vfs.zName = x_name.c_str();
  x_vfs.pAppData = beneath;
  x_vfs.szOsFile += static_cast<int>(file_offset);
  x_vfs.xOpen = open;
  x_vfs.xDelete = Forward<&sqlite3_vfs::xDelete>::call;
  x_vfs.xAccess = Forward<&sqlite3_vfs::xAccess>::call;
  x_vfs.xFullPathname = Forward<&sqlite3_vfs::xFullPathname>::call;
  sqlite3_vfs_register(&x_vfs, 0);
}

LogBuffer::~LogBuffer() {
  sqlite3_vfs_unregister(&x_vfs);
}

}  // namespace admit::store::sqlite

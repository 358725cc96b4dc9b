#pragma once
// Gathers what a connection writes to its write-ahead log, so that a commit of hundreds of pages is a handful of writes
// and not two for each page.

#include <sqlite3.h>

#include <string>

namespace admit::store::sqlite {

/// A SQLite VFS over another. Written bytes of a write-ahead log wait in memory until they are synced or read, the file
/// is measured or cut, or the buffer is full; all other files are the other VFS's own. For connections that sync every
/// commit (`synchronous=full`): SQLite tells other connections of a commit after that sync, so nobody misses what
/// waits.
class LogBuffer {
 public:
  /// `base`: the name of the VFS beneath; "" for the system's. No file may be open through this when it goes.
  explicit LogBuffer(const std::string& base);
  ~LogBuffer();
  LogBuffer(const LogBuffer&) = delete;
  LogBuffer& operator=(const LogBuffer&) = delete;

  [[nodiscard]] const std::string& name() const { return x_name; }

 private:
  const std::string x_name;
  sqlite3_vfs x_vfs;
};

}  // namespace admit::store::sqlite

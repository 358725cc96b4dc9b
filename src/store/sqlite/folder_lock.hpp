#pragma once
// At most one process writes a data folder.

#include <filesystem>

namespace admit::store::sqlite {

/// Holds the folder until it is destroyed or the process ends, however it ends.
class FolderLock {
 public:
  /// Creates the folder (for its owner only) where it is missing. Throws StoreUnavailable when another process holds it.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int x_fd = -1;
};

}  // namespace admit::store::sqlite

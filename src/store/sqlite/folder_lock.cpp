#include "store/sqlite/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "store/store.hpp"

namespace admit::store::sqlite {

FolderLock::FolderLock(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::create_directories(folder, error)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  if (error) throw StoreUnavailable("cannot create the data folder " + folder.string() + ": " + error.message());
  const auto file = folder / "admit.lock";
  x_fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (x_fd < 0) {
    throw StoreUnavailable("cannot open " + file.string() + ": " + std::generic_category().message(errno));
  }
  if (::flock(x_fd, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    ::close(x_fd);
    if (reason == EWOULDBLOCK) {
      throw StoreUnavailable("the data folder " + folder.string() + " is in use by another admit process");
    }
    throw StoreUnavailable("cannot lock " + file.string() + ": " + std::generic_category().message(reason));
  }
}

FolderLock::~FolderLock() {
  ::close(x_fd);  // releases the lock; the file stays, for removing it would let two processes lock two files
}

}  // namespace admit::store::sqlite

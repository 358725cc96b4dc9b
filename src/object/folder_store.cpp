#include "object/folder_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

namespace admit::object {

namespace fs = std::filesystem;

namespace {

/// Objects being written; a name no key can have.
constexpr std::string_view draft_prefix = ".draft-";

[[noreturn]] void fail(std::string_view what, const fs::path& path) {
  throw std::runtime_error(std::string{what} + " " + path.string() + ": " + std::strerror(errno));
}

class File {
 public:
  File(const fs::path& path, int flags, mode_t mode = 0)
      : x_descriptor(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (x_descriptor >= 0) ::close(x_descriptor);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] bool is_open() const { return x_descriptor >= 0; }
  [[nodiscard]] int get() const { return x_descriptor; }

 private:
  int x_descriptor;
};

void sync_folder(const fs::path& folder) {
  const File file{folder, O_RDONLY | O_DIRECTORY};
  if (!file.is_open() || ::fsync(file.get()) != 0) fail("cannot sync the folder", folder);
}

/// Makes `folder` and what is missing above it, down from `root`, durably.
void make_folders(const fs::path& root, const fs::path& folder) {
  if (folder == root || fs::is_directory(folder)) return;
  make_folders(root, folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) fail("cannot make the folder", folder);
  sync_folder(folder.parent_path());
}

void write_durably(const fs::path& path, std::string_view bytes) {
  const File file{path, O_WRONLY | O_CREAT | O_EXCL, 0600};
  if (!file.is_open()) fail("cannot make", path);
  while (!bytes.empty()) {
    const ssize_t put = ::write(file.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail("cannot write", path);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::fsync(file.get()) != 0) fail("cannot write", path);
}

/// A draft of an object, gone again unless it was moved to its place.
class Draft {
 public:
  Draft(const fs::path& root, std::string_view bytes)
      : x_path(root / (std::string{draft_prefix} + crypto::hex(crypto::random_bytes<8>()))) {
    try {
      write_durably(x_path, bytes);
    } catch (...) {
      ::unlink(x_path.c_str());
      throw;
    }
  }
  ~Draft() {
    if (!x_path.empty()) ::unlink(x_path.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  void move_to(const fs::path& target) {
    if (::rename(x_path.c_str(), target.c_str()) != 0) fail("cannot write", target);
    x_path.clear();
  }

 private:
  fs::path x_path;
};

std::string origin(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

FolderStore::FolderStore(fs::path root, std::string public_url, crypto::Bytes link_key)
    : x_root(fs::absolute(root)), x_public_url(origin(std::move(public_url))), x_link_key(link_key) {
  if (link_key.size() != 32) throw std::logic_error("the key of download links is 32 bytes");
  fs::create_directories(x_root);
  for (const auto& entry : fs::directory_iterator(x_root)) {
    if (entry.path().filename().string().starts_with(draft_prefix)) fs::remove(entry.path());
  }
}

fs::path FolderStore::path_of(std::string_view key) const {
  if (!valid_key(key)) throw std::logic_error("not a valid object key");
  return x_root / key;
}

void FolderStore::put(std::string_view key, std::string_view bytes, std::string_view) {
  const fs::path path = path_of(key);
  if (bytes.size() > object_limit_bytes) throw std::runtime_error("the object " + std::string{key} + " is too large");
  make_folders(x_root, path.parent_path());
  Draft draft{x_root, bytes};
  draft.move_to(path);
  sync_folder(path.parent_path());
}

std::optional<std::string> FolderStore::get(std::string_view key) {
  const fs::path path = path_of(key);
  const File file{path, O_RDONLY | O_NOFOLLOW};
  if (!file.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    fail("cannot read", path);
  }
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) fail("cannot read", path);
  if (!S_ISREG(info.st_mode)) return std::nullopt;
  if (static_cast<std::uint64_t>(info.st_size) > object_limit_bytes) {
    throw std::runtime_error("the object " + std::string{key} + " is too large");
  }
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read", path);
    if (got == 0) throw std::runtime_error("cannot read " + path.string() + ": it became shorter");
    size += static_cast<std::size_t>(got);
  }
  return bytes;
}

bool FolderStore::exists(std::string_view key) {
  return fs::is_regular_file(path_of(key));
}

void FolderStore::remove(std::string_view key) {
  const fs::path path = path_of(key);
  if (::unlink(path.c_str()) == 0) {
    sync_folder(path.parent_path());
  } else if (errno != ENOENT && errno != ENOTDIR) {
    fail("cannot remove", path);
  }
}

Link FolderStore::signed_link(std::string_view key, domain::Instant now, std::string_view filename,
                              std::chrono::seconds ttl) {
  if (!valid_key(key)) throw std::logic_error("not a valid object key");
  const domain::Instant expires_at = std::chrono::floor<std::chrono::seconds>(now) + ttl;
  const std::string expires = std::to_string(domain::to_unix_ms(expires_at) / 1000);
  const std::string name = safe_filename(filename.empty() ? key.substr(key.rfind('/') + 1) : filename);
  std::string url = x_public_url + "/files/";
  url.append(key).append("?expires=").append(expires).append("&filename=").append(name).append("&signature=");
  return {url + signature_of(key, expires, name), expires_at};
}

FolderStore::LinkCheck FolderStore::verify_link(std::string_view key, std::string_view expires,
                                                std::string_view filename, std::string_view signature,
                                                domain::Instant now) const {
  if (!valid_key(key) || !crypto::constant_time_equal(signature, signature_of(key, expires, filename))) {
    return LinkCheck::forged;
  }
  std::int64_t seconds = 0;
  const auto [end, fault] = std::from_chars(expires.data(), expires.data() + expires.size(), seconds);
  if (fault != std::errc{} || end != expires.data() + expires.size()) return LinkCheck::forged;
  return domain::to_unix_ms(now) < seconds * 1000 ? LinkCheck::valid : LinkCheck::expired;
}

std::string FolderStore::signature_of(std::string_view key, std::string_view expires, std::string_view filename) const {
  // A line end can be in none of the parts of a link that was signed here, so the parts cannot be shifted.
  constexpr std::string_view line_end = "\n";
  return crypto::base64url(x_link_key.sign(
      {crypto::bytes_of("admit/link/1"), crypto::bytes_of(line_end), crypto::bytes_of(key), crypto::bytes_of(line_end),
       crypto::bytes_of(expires), crypto::bytes_of(line_end), crypto::bytes_of(filename)}));
}

}  // namespace admit::object

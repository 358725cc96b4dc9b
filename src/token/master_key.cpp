#include "token/master_key.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

namespace admit::token {

using crypto::Secret;

namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t file_limit_bytes = 256;

[[noreturn]] void fail(const std::string& what, const std::string& path) {
  throw std::runtime_error(what + " " + path + ": " + std::strerror(errno));
}

class File {
 public:
  explicit File(int descriptor) : x_descriptor(descriptor) {}
  ~File() {
    if (x_descriptor >= 0) ::close(x_descriptor);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return x_descriptor; }
  [[nodiscard]] bool is_open() const { return x_descriptor >= 0; }

 private:
  int x_descriptor;
};

Secret read_key(const File& file, const std::string& path) {
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) fail("cannot read the master key", path);
  if ((info.st_mode & 077) != 0) {
    throw std::runtime_error("the master key " + path + " can be read by others: run 'chmod 600' on it");
  }
  Secret text(file_limit_bytes);
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.writable().data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read the master key", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  try {
    return parse_master_key(text.text().substr(0, size));
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path + ": " + error.what());
  }
}

void write_new(const std::string& path, crypto::Bytes text) {
  const File file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file.is_open()) fail("cannot make the master key", path);
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t put = ::write(file.get(), text.data() + done, text.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail("cannot write the master key", path);
    done += static_cast<std::size_t>(put);
  }
  if (::fsync(file.get()) != 0) fail("cannot write the master key", path);
}

void sync_folder_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const File file{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!file.is_open() || ::fsync(file.get()) != 0) fail("cannot write the folder of the master key", folder);
}

}  // namespace

Secret parse_master_key(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
  text = text.substr(0, text.find_last_not_of(space) + 1);
  auto bytes = text.size() == 2 * key_size ? crypto::from_hex(text) : std::nullopt;
  if (!bytes) throw std::runtime_error("a master key is 64 hexadecimal digits, and this is not");
  Secret key{crypto::Bytes{*bytes}};
  crypto::wipe(bytes->data(), bytes->size());
  return key;
}

Secret read_master_key_file(const std::string& path) {
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file.is_open()) fail("cannot open the master key", path);
  return read_key(file, path);
}

Secret master_key_of_command(const std::vector<std::string>& command, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  const auto refuse = [&](const std::string& what) -> std::runtime_error {
    return std::runtime_error("the command for the master key (" + command.at(0) + ") " + what);
  };
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw refuse(std::string("cannot be run: ") + std::strerror(errno));
  const File reading{ends[0]};
  std::optional<File> writing(std::in_place, ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int fault = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (fault != 0) throw refuse(std::string("cannot be run: ") + std::strerror(fault));
  writing.reset();

  Secret text(file_limit_bytes);
  std::size_t size = 0;
  std::string complaint;
  while (complaint.empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd waiting{.fd = reading.get(), .events = POLLIN, .revents = 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      complaint = "does not end in time";
      break;
    }
    if (size == text.size()) {
      complaint = "prints more than a key";
      break;
    }
    const ssize_t got = ::read(reading.get(), text.writable().data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  // Whoever closes its output need not end.
  int status = 0;
  while (complaint.empty() && ::waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= until) complaint = "does not end in time";
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  if (!complaint.empty()) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    throw refuse(complaint);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw refuse("failed");
  try {
    return parse_master_key(text.text().substr(0, size));
  } catch (const std::runtime_error&) {
    throw refuse("prints no key: 64 hexadecimal digits are wanted");
  }
}

MasterKeyFile load_or_create_master_key(const std::string& path, bool keys_exist) {
  if (const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)}; file.is_open()) return {read_key(file, path), false};
  if (errno != ENOENT) fail("cannot open the master key", path);
  if (keys_exist) return {};

  auto bytes = crypto::random_bytes<key_size>();
  std::string text = crypto::hex(bytes) + "\n";
  crypto::wipe(bytes.data(), bytes.size());
  const Secret content = Secret::take(text);
  const std::string draft = path + ".new-" + crypto::hex(crypto::random_bytes<8>());
  write_new(draft, content.bytes());
  // A link, unlike a rename, fails where the name is taken: whoever comes second uses what the first one made.
  const bool linked = ::link(draft.c_str(), path.c_str()) == 0;
  const int fault = errno;
  ::unlink(draft.c_str());
  if (!linked && fault != EEXIST) {
    errno = fault;
    fail("cannot make the master key", path);
  }
  sync_folder_of(path);
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file.is_open()) fail("cannot open the master key", path);
  return {read_key(file, path), linked};
}

}  // namespace admit::token

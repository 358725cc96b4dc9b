#include "app/paper_scan.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // glibc 2.36 leaves it out
#include <sys/pidfd.h>
}

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <vector>

#include "app/demo_story.hpp"

extern char** environ;

namespace admit::app {
namespace {

constexpr int program_limit_ms = 20'000;
// 40 mm of QR at this resolution are more than 5 pixels a module.
constexpr const char* dots_per_inch = "200";

/// Waits for a child, and ends it when its time is up.
int exit_code_of(pid_t child, const std::string& name) {
  const int descriptor = ::pidfd_open(child, 0);
  pollfd ready{.fd = descriptor, .events = POLLIN, .revents = 0};
  int waiting = 1;
  if (descriptor >= 0) {
    do waiting = ::poll(&ready, 1, program_limit_ms);
    while (waiting < 0 && errno == EINTR);
    ::close(descriptor);
  }
  if (waiting == 0) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (waiting == 0) throw DemoFault(name + " took too long");
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Runs a program of the PATH, its standard output into a file.
void run_into(const std::filesystem::path& output, std::initializer_list<std::string> words) {
  std::vector<std::string> owned(words);
  std::vector<char*> arguments;
  for (auto& word : owned) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = 0;
  const int fault = posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (fault == ENOENT) throw DemoFault(owned.front() + " is not installed; `make deps` brings it");
  if (fault != 0) throw DemoFault(owned.front() + " cannot be run: " + std::strerror(fault));
  if (const int code = exit_code_of(child, owned.front()); code != 0) {
    throw DemoFault(owned.front() + " failed with code " + std::to_string(code));
  }
}

/// Removed with it.
struct Draft {
  std::filesystem::path path;
  ~Draft() {
    std::error_code fault;  // a file that was never made
    std::filesystem::remove(path, fault);
  }
};

}  // namespace

std::string scan_paper(const std::filesystem::path& pdf) {
  const Draft picture{pdf.string() + ".pgm"};
  const Draft text{pdf.string() + ".txt"};
  run_into(picture.path, {"pdftoppm", "-f", "1", "-l", "1", "-singlefile", "-gray", "-r", dots_per_inch, pdf.string()});
  run_into(text.path, {"zbarimg", "--quiet", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable", picture.path.string()});
  std::ifstream file(text.path);
  std::string code;
  std::string more;
  std::getline(file, code);
  if (code.empty()) throw DemoFault("there is no QR code on the picture of " + pdf.string());
  if (std::getline(file, more)) throw DemoFault("there is more than one QR code on the picture of " + pdf.string());
  return code;
}

void write_private(const std::filesystem::path& path, std::string_view bytes) {
  const std::string draft = path.string() + ".draft";
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool written = file >= 0 && ::fchmod(file, 0600) == 0;
  while (written && !bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    written = count >= 0;
    if (written) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  const int fault = errno;
  if (file >= 0) ::close(file);
  if (!written || ::rename(draft.c_str(), path.c_str()) != 0) {
    throw DemoFault("cannot write " + path.string() + ": " + std::strerror(written ? errno : fault));
  }
}

}  // namespace admit::app

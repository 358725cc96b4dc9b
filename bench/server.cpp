#include "server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "load.hpp"

namespace admit::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int start_limit_ms = 60'000;
constexpr std::chrono::seconds stop_limit{20};

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

ServerProcess::ServerProcess(const std::string& binary, const std::string& data,
                             const std::vector<std::string>& settings) {
  std::vector<std::string> arguments{binary, "serve", "--data", data, "--listen", "127.0.0.1:0"};
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    if (!variable.starts_with("ADMIT_") && !variable.starts_with("STRIPE_")) environment.emplace_back(variable);
  }
  environment.emplace_back("ADMIT_RATE_LIMITS=false");  // the load comes from one address
  environment.emplace_back("ADMIT_AUDIT_SEAL_AFTER_S=300000000");  // the past is sealed by nobody while it is counted
  environment.emplace_back("ADMIT_TRUSTED_PROXIES=127.0.0.1");  // bad sign-ins come from everywhere
  environment.insert(environment.end(), settings.begin(), settings.end());
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  };
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], STDERR_FILENO);
  const auto begun = Clock::now();
  const int failed = ::posix_spawn(&x_pid, binary.c_str(), &actions, nullptr, pointers(arguments).data(),
                                   pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  x_output = pipe[0];
  if (failed != 0) throw std::system_error(failed, std::generic_category(), "starting " + binary);

  constexpr std::string_view mark = "listening on http://127.0.0.1:";
  std::string text;
  for (;;) {
    pollfd waiting{.fd = x_output, .events = POLLIN, .revents = 0};
    char buffer[4096];
    const auto n = ::poll(&waiting, 1, start_limit_ms) == 1 ? ::read(x_output, buffer, sizeof buffer) : 0;
    if (n <= 0) {
      stop();
      throw std::runtime_error("the server did not start: " + text);
    }
    text.append(buffer, static_cast<std::size_t>(n));
    const auto at = text.find(mark);
    if (at != std::string::npos && text.find('\n', at) != std::string::npos) {
      std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), x_port);
      break;
    }
  }
  if (Caller(x_port).send("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").status != 200) {
    throw std::runtime_error("the server does not answer GET /healthz");
  }
  x_start_ms = std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
  // What it still prints is passed on; the bench never reads it again.
  std::thread([fd = ::dup(x_output)] {
    char buffer[4096];
    for (;;) {
      const auto n = ::read(fd, buffer, sizeof buffer);
      if (n <= 0) break;
      if (::write(STDERR_FILENO, buffer, static_cast<std::size_t>(n)) < 0) break;
    }
    ::close(fd);
  }).detach();
}

ServerProcess::~ServerProcess() {
  stop();
}

bool ServerProcess::stop() {
  if (x_pid < 0) return true;
  ::kill(x_pid, SIGTERM);
  const auto until = Clock::now() + stop_limit;
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(x_pid, &status, WNOHANG)) == 0 && Clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  if (ended == 0) {
    ::kill(x_pid, SIGKILL);
    ::waitpid(x_pid, &status, 0);
  }
  x_pid = -1;
  ::close(x_output);
  return ended != 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

double ServerProcess::memory_mb() const {
  const auto text = file_text("/proc/" + std::to_string(x_pid) + "/status");
  const auto at = text.find("VmRSS:");
  if (at == std::string::npos) return 0;
  return std::strtod(text.c_str() + at + 6, nullptr) * 1024 / 1e6;
}

double ServerProcess::cpu_s() const {
  const auto text = file_text("/proc/" + std::to_string(x_pid) + "/stat");
  std::stringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;  // proc(5): utime is the 14th field
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::map<std::string, double> ServerProcess::metrics() const {
  std::string request;
  write_request(request, "GET /metrics", "", "");
  std::stringstream lines(Caller(x_port).send(request).body);
  std::map<std::string, double> out;
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.find(' ');
    if (line.starts_with('#') || space == std::string::npos || line.find('{') != std::string::npos) continue;
    out[line.substr(0, space)] = std::strtod(line.c_str() + space, nullptr);
  }
  return out;
}

}  // namespace admit::bench

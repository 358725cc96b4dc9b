#include "load.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace admit::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t answer_limit_bytes = 4 * 1024 * 1024;
constexpr std::size_t first_bad_bytes = 600;
constexpr int wait_limit_s = 30;

[[noreturn]] void fail(const char* doing) {
  throw std::system_error(errno, std::generic_category(), doing);
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int reason = errno;
    ::close(socket);
    errno = reason;
    fail("connect");
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

struct Head {
  int status = 0;
  std::size_t size = 0;  // with the empty line
  std::size_t body = 0;
};

/// Status and length of the answer that `text` begins with; empty while its head is not whole.
std::optional<Head> read_head(std::string_view text) {
  const auto end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  Head head{.size = end + 4};
  if (text.size() > 12) std::from_chars(text.data() + 9, text.data() + 12, head.status);
  constexpr std::string_view name = "content-length:";
  for (auto line = text.find("\r\n"); line < end;) {
    line += 2;
    if (end - line > name.size() && strncasecmp(text.data() + line, name.data(), name.size()) == 0) {
      auto at = line + name.size();
      while (at < end && text[at] == ' ') ++at;
      std::from_chars(text.data() + at, text.data() + end, head.body);
      break;
    }
    line = text.find("\r\n", line);
  }
  return head;
}

double thread_cpu_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

struct Connection {
  int socket = -1;
  std::string out;
  std::size_t sent = 0;
  std::string in;  // only where an answer came in pieces
  Clock::time_point begun;
};

class Load {
 public:
  explicit Load(const LoadPlan& plan) : x_plan(plan), x_connections(static_cast<std::size_t>(plan.connections)) {
    x_poll = ::epoll_create1(EPOLL_CLOEXEC);
    if (x_poll < 0) fail("epoll_create");
  }
  ~Load() {
    for (auto& connection : x_connections) close(connection);
    ::close(x_poll);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  LoadResult run() {
    for (auto& connection : x_connections) open(connection);
    if (x_plan.requests != UINT64_MAX) x_result.latencies.reserve(x_plan.requests);
    const double cpu_before = thread_cpu_s();
    const auto begun = Clock::now();
    x_until = begun + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(x_plan.limit_s));
    auto now = begun;
    for (auto& connection : x_connections) next(connection, now);
    std::array<epoll_event, 256> events;
    while (x_waiting > 0) {
      const int n = ::epoll_wait(x_poll, events.data(), static_cast<int>(events.size()), wait_limit_s * 1000);
      if (n < 0 && errno != EINTR) fail("epoll_wait");
      if (n == 0) {  // nobody answers any more
        x_result.lost += x_waiting;
        break;
      }
      now = Clock::now();
      for (int i = 0; i < n; ++i) {
        auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (connection.socket >= 0) ready(connection, events[static_cast<std::size_t>(i)].events, now);
      }
    }
    x_result.seconds = std::chrono::duration<double>(now - begun).count();
    x_result.client_cpu_s = thread_cpu_s() - cpu_before;
    return std::move(x_result);
  }

 private:
  void open(Connection& connection) {
    connection.socket = connect_to(x_plan.port);
    ::fcntl(connection.socket, F_SETFL, ::fcntl(connection.socket, F_GETFL) | O_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
    if (::epoll_ctl(x_poll, EPOLL_CTL_ADD, connection.socket, &event) != 0) fail("epoll_ctl");
  }
  static void close(Connection& connection) {
    if (connection.socket >= 0) ::close(connection.socket);
    connection.socket = -1;
  }

  void next(Connection& connection, Clock::time_point now) {
    if (x_begun >= x_plan.requests || now >= x_until) return close(connection);
    connection.out.clear();
    connection.sent = 0;
    connection.in.clear();
    x_plan.request(x_begun++, connection.out);
    connection.begun = now;
    ++x_waiting;
    send(connection);
  }

  void send(Connection& connection) {
    while (connection.sent < connection.out.size()) {
      const auto n = ::send(connection.socket, connection.out.data() + connection.sent,
                            connection.out.size() - connection.sent, MSG_NOSIGNAL);
      if (n < 0) {
        if (errno == EAGAIN) return watch(connection, EPOLLIN | EPOLLOUT);
        return lose(connection);
      }
      connection.sent += static_cast<std::size_t>(n);
    }
  }
  void watch(Connection& connection, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.ptr = &connection}};
    ::epoll_ctl(x_poll, EPOLL_CTL_MOD, connection.socket, &event);
  }

  void ready(Connection& connection, std::uint32_t events, Clock::time_point now) {
    if ((events & EPOLLOUT) != 0) {
      watch(connection, EPOLLIN);
      send(connection);
      if (connection.socket < 0) return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    const auto n = ::recv(connection.socket, x_buffer.data(), x_buffer.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return lose(connection);
    std::string_view text(x_buffer.data(), static_cast<std::size_t>(n));
    if (!connection.in.empty()) text = connection.in.append(text);
    const auto head = read_head(text);
    if (!head || text.size() < head->size + head->body) {
      if (text.size() > answer_limit_bytes) return lose(connection);
      if (connection.in.empty()) connection.in = text;
      return;
    }
    count(*head, text, connection, now);
    next(connection, now);
  }

  void count(const Head& head, std::string_view text, const Connection& connection, Clock::time_point now) {
    --x_waiting;
    x_result.latencies.add(static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now - connection.begun).count()));
    ++x_result.by_status[head.status];
    const bool good =
        head.status == x_plan.status && (x_plan.contains.empty() || text.substr(head.size).contains(x_plan.contains));
    if (good) {
      ++x_result.good;
      return;
    }
    ++x_result.bad;
    if (x_result.first_bad.empty()) x_result.first_bad = text.substr(0, first_bad_bytes);
  }

  void lose(Connection& connection) {
    --x_waiting;
    ++x_result.lost;
    close(connection);
  }

  const LoadPlan& x_plan;
  int x_poll = -1;
  std::vector<Connection> x_connections;
  std::array<char, read_bytes> x_buffer;
  Clock::time_point x_until;
  std::uint64_t x_begun = 0;
  std::uint64_t x_waiting = 0;
  LoadResult x_result;
};

}  // namespace

double Latencies::quantile_ms(double share) {
  if (x_us.empty()) return 0;
  const auto last = static_cast<double>(x_us.size() - 1);
  const auto place = x_us.begin() + static_cast<std::ptrdiff_t>(std::lround(share * last));
  std::ranges::nth_element(x_us, place);
  return static_cast<double>(*place) / 1000.0;
}

LoadResult run_load(const LoadPlan& plan) {
  return std::make_unique<Load>(plan)->run();
}

Caller::Caller(std::uint16_t port) : x_socket(connect_to(port)) {
  const timeval limit{.tv_sec = wait_limit_s, .tv_usec = 0};
  ::setsockopt(x_socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(x_socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Caller::~Caller() {
  ::close(x_socket);
}

Caller::Answer Caller::send(std::string_view request) {
  while (!request.empty()) {
    const auto n = ::send(x_socket, request.data(), request.size(), MSG_NOSIGNAL);
    if (n <= 0) throw std::runtime_error("the connection broke while a request was sent");
    request.remove_prefix(static_cast<std::size_t>(n));
  }
  std::string text;
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    const auto n = ::recv(x_socket, buffer.data(), buffer.size(), 0);
    if (n <= 0) throw std::runtime_error("the connection broke before the answer was whole");
    text.append(buffer.data(), static_cast<std::size_t>(n));
    const auto head = read_head(text);
    if (head && text.size() >= head->size + head->body) return {head->status, text.substr(head->size, head->body)};
    if (text.size() > answer_limit_bytes) throw std::runtime_error("the answer is too long");
  }
}

void write_request(std::string& out, std::string_view verb_and_target, std::string_view headers,
                   std::string_view body) {
  out.append(verb_and_target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n").append(headers);
  if (!body.empty()) out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  out.append("\r\n").append(body);
}

std::string json_text(std::string_view json, std::string_view name) {
  const auto mark = "\"" + std::string(name) + "\":\"";
  const auto at = json.find(mark);
  if (at == std::string_view::npos) throw std::runtime_error("an answer has no " + std::string(name));
  const auto from = at + mark.size();
  return std::string(json.substr(from, json.find('"', from) - from));
}

}  // namespace admit::bench

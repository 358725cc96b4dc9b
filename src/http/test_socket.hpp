#pragma once
// A blocking socket for tests: sends any bytes, reads replies. Every wait ends after five seconds.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "http/wire.hpp"

namespace admit::http {

struct TestReply {
  int status = 0;  ///< 0: the connection ended before a whole reply
  std::string head;
  std::string body;
  bool keep_alive = false;
  [[nodiscard]] bool says(std::string_view words) const { return (head + body).find(words) != std::string::npos; }
};

class TestSocket {
 public:
  explicit TestSocket(std::uint16_t port) : x_socket(::socket(AF_INET, SOCK_STREAM, 0)) {
    timeval limit{5, 0};
    ::setsockopt(x_socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(x_socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }
  ~TestSocket() { ::close(x_socket); }
  TestSocket(const TestSocket&) = delete;
  TestSocket& operator=(const TestSocket&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto size = ::send(x_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  void finish_sending() { ::shutdown(x_socket, SHUT_WR); }

  TestReply read_reply(bool is_head = false) {
    TestReply out;
    wire::ResponseHead head;
    std::vector<TextPair> headers;
    std::size_t scanned = 0;
    while (wire::parse_response_head(x_unread, {}, scanned, head, headers) != wire::Progress::done) {
      if (!receive()) return out;
    }
    out.head = x_unread.substr(0, head.size_bytes);
    x_unread.erase(0, head.size_bytes);
    const std::size_t size = is_head ? 0 : head.content_length.value_or(0);
    while (x_unread.size() < size) {
      if (!receive()) return out;
    }
    out.body = x_unread.substr(0, size);
    x_unread.erase(0, size);
    out.status = head.status;
    out.keep_alive = head.keep_alive;
    return out;
  }
  /// True when the other side has closed, within the limit.
  bool is_closed() {
    while (receive()) {
    }
    return x_has_ended;
  }

 private:
  bool receive() {
    char bytes[4096];
    const auto size = ::recv(x_socket, bytes, sizeof bytes, 0);
    if (size <= 0) {
      x_has_ended = size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
      return false;
    }
    x_unread.append(bytes, static_cast<std::size_t>(size));
    return true;
  }
  int x_socket;
  std::string x_unread;
  bool x_has_ended = false;
};

}  // namespace admit::http

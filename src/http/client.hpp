#pragma once
// The HTTP/1.1 client for providers and stores: pooled connections, TLS 1.2+, every wait bounded, no redirects.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/address.hpp"
#include "http/message.hpp"

namespace admit::http {

struct ClientRequest {
  std::string method = "GET";
  /// http://HOST[:PORT]/path?query or https://..., already encoded.
  std::string url;
  std::vector<Header> headers;
  std::string body;
  std::chrono::milliseconds connect_limit{5'000};
  /// From the call to the last byte of the reply.
  std::chrono::milliseconds total_limit{30'000};
  std::size_t max_reply_bytes = 4 * 1024 * 1024;
  /// The receiver takes a repeat as the same request (an idempotency key). GET, HEAD, PUT and DELETE always are.
  bool is_repeatable = false;
};

struct ClientReply {
  int status = 0;
  std::vector<Header> headers;
  std::string body;
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

enum class ClientFault : std::uint8_t {
  bad_request,    ///< the URL, the method or a header is malformed
  not_connected,  ///< name not found, refused, connect time-out
  not_public,     ///< ClientOptions::public_only: every address of the host is one that we do not call
  bad_certificate,
  timed_out,
  reset,      ///< closed before the reply was whole
  bad_reply,  ///< not HTTP
  too_big,
  stopped
};
[[nodiscard]] std::string_view word(ClientFault fault);

struct ClientFailure {
  ClientFault fault = ClientFault::reset;
  /// False: the request certainly did not reach the other side. True: it may have been carried out.
  bool maybe_sent = false;
  /// For the log; holds the host, never the path, headers or body.
  std::string detail;
};

using ClientResult = std::expected<ClientReply, ClientFailure>;

struct ClientOptions {
  std::size_t max_connections_per_origin = 32;
  std::chrono::milliseconds keep_idle{30'000};
  std::size_t max_header_bytes = 64 * 1024;
  /// PEM file of certificate authorities; "" for the system's.
  std::string ca_file;
  /// For addresses that somebody else entered (a business's webhook, a document to fetch): the name is resolved once,
  /// what is not is_public() is not connected to, and what was checked is what is connected to, so that a name cannot
  /// point elsewhere a moment later. Redirects are never followed. False for addresses of the operator's own
  /// configuration.
  bool public_only = false;
  /// Stands in for the system's resolver; tests only.
  std::function<std::vector<Address>(const std::string& host)> resolve;
};

/// One thread of its own carries all connections. Callable from any thread and any executor.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  /// Requests under way end with `stopped`.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Suspends the caller; resumes it on its own executor.
  [[nodiscard]] boost::asio::awaitable<ClientResult> send(ClientRequest request);
  /// Never on an I/O thread.
  [[nodiscard]] ClientResult send_blocking(ClientRequest request);

 private:
  struct Impl;
  std::unique_ptr<Impl> x_impl;
};

}  // namespace admit::http

#pragma once
// One request and its reply between the bytes and the handler: routing, checks, rendering. No I/O, so that a server,
// a test and a fuzzer share it.

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/address.hpp"
#include "http/message.hpp"
#include "http/rate_limit.hpp"
#include "http/router.hpp"
#include "http/wire.hpp"
#include "log/seldom.hpp"

namespace admit::http {

struct ExchangeOptions {
  std::vector<std::string> cors_origins;
  std::vector<Network> trusted_proxies;
  bool is_https = false;
  /// Null: no limits. Must outlive the exchanges.
  RateLimiter* limiter = nullptr;
  std::vector<RouteClass> classes;  ///< by Route::index; empty without limits
  std::function<bool(const std::exception&)> means_unavailable;
  /// Full queues are told of through this: every request meets them at once.
  mutable log::Seldom overloads;
};

/// Used again and again for the requests of one connection. Calls in this order: clear, (parse into headers()), open,
/// (body), check, (handler), render.
class Exchange {
 public:
  /// Both must outlive it.
  Exchange(const Router& router, const ExchangeOptions& options) : x_router(router), x_options(options) {}

  Request request;

  [[nodiscard]] std::vector<TextPair>& headers() { return request.x_headers; }
  void clear();
  /// Takes over a parsed head: finds the route, gives the request its id and counts it. A response when no handler is
  /// to be called (404, 405, 415, 429, OPTIONS, ...). `peer` must outlive the request.
  [[nodiscard]] std::optional<Response> open(const wire::RequestHead& head, const Peer& peer);
  [[nodiscard]] std::size_t body_limit_bytes() const;
  /// Checks the documented parameters, and that there is no body where none is taken.
  [[nodiscard]] std::optional<Response> check();
  /// The reply to an exception that escaped a handler; logs it.
  [[nodiscard]] Response failed(const std::exception_ptr& thrown) const;
  /// Appends the whole message. `date` is the value of the header Date.
  void render(Response& response, bool keep_alive, std::string_view date, std::string& out);

 private:
  [[nodiscard]] std::optional<Response> read_queries();
  [[nodiscard]] Response answer_options(unsigned allowed) const;
  void choose_id();
  void choose_peer(const Peer& peer);
  /// Counts the request; the refusal where it is one too many.
  [[nodiscard]] std::optional<Response> limit();
  [[nodiscard]] std::optional<Response> find_route();
  void render_cors(std::string& out) const;

  const Router& x_router;
  const ExchangeOptions& x_options;
  wire::RequestHead x_head;
  Address x_client;
  std::string x_client_text;  // of a client behind a proxy
  Standing x_standing;
};

}  // namespace admit::http

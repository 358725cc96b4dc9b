#pragma once
// What a handler gets and what it gives back.

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/problem.hpp"

namespace admit::http {

/// The verbs routes are written for; `other` is any other well-formed method (answered 404 or 405).
enum class Verb : std::uint8_t { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, other };
[[nodiscard]] std::string_view word(Verb verb);

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};

/// One reply. HEAD, Date, Content-Length, Connection, X-Request-Id, CORS and the security headers are the server's
/// business; a header named here replaces the server's default of the same name (Cache-Control: no-store,
/// Content-Security-Policy, ...).
struct Response {
  int status = 200;
  /// Must outlive the reply: a literal.
  std::string_view content_type = "application/json";
  std::string body;
  std::vector<Header> headers;
  /// Set: body and content type are made from it by the server, with the request's id.
  std::optional<Problem> problem;
  /// Set: the connection is closed without an answer, as a broken network would (for rehearsing faults).
  bool is_withheld = false;

  Response() = default;
  Response(int status_code, std::string_view type, std::string text)
      : status(status_code), content_type(type), body(std::move(text)) {}
  /// Handlers answer `return Problem{404, "not_found", "..."};`
  Response(Problem refused) : status(refused.status), problem(std::move(refused)) {}  // NOLINT: implicit on purpose
};

[[nodiscard]] inline Response json_response(int status, std::string body) {
  return {status, "application/json", std::move(body)};
}
[[nodiscard]] inline Response to_response(Problem problem) {
  return {std::move(problem)};
}

/// Thrown by a handler when something it needs is away (store, provider): 503 `unavailable` with Retry-After.
/// `what()` is logged, never sent.
class ServiceUnavailable : public std::runtime_error {
 public:
  explicit ServiceUnavailable(const std::string& what, int retry_after = 1)
      : std::runtime_error(what), retry_after_s(retry_after) {}
  int retry_after_s;
};

struct Route;

using TextPair = std::pair<std::string_view, std::string_view>;

/// One request. Everything it shows is a view that lives until the handler has finished (a coroutine included):
/// copy what must live longer. Lent by the server; not copied, not moved.
class Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  Verb verb = Verb::GET;
  /// As sent, without the query; not decoded. May hold secrets (a ticket's digits): never log it.
  std::string_view path;
  /// After the `?`, as sent.
  std::string_view query_text;
  /// Whole and within the route's limit; chunks put together.
  std::string_view body;
  /// Of the connection, or of the client behind ServerOptions::trusted_proxies. No port.
  std::string_view peer;
  /// The caller's X-Request-Id where it is 1 to 64 of [A-Za-z0-9._-], else a fresh one.
  std::string_view request_id;
  const Route* route = nullptr;

  /// The decoded path parameter; "" where the template has none of that name.
  [[nodiscard]] std::string_view param(std::string_view name) const;
  /// The first query parameter of that name, decoded. Parameters the route documents occur at most once.
  [[nodiscard]] std::optional<std::string_view> query(std::string_view name) const;
  [[nodiscard]] const std::vector<TextPair>& queries() const { return x_queries; }
  /// Name in any case; the first of several.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  [[nodiscard]] const std::vector<TextPair>& headers() const { return x_headers; }
  /// The token of `Authorization: Bearer TOKEN`; nullopt where there is none or it is malformed.
  [[nodiscard]] std::optional<std::string_view> bearer() const;
  /// A browser asking for a page: Accept names text/html before (or instead of) application/json.
  [[nodiscard]] bool wants_page() const;

 private:
  friend class Exchange;
  std::vector<TextPair> x_params;
  std::vector<TextPair> x_queries;
  std::vector<TextPair> x_headers;
  std::string x_decoded;
  std::array<char, 64> x_id{};
};

}  // namespace admit::http

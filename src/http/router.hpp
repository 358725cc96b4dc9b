#pragma once
// One static table of routes: what is served, by what, within which limits, and how it is documented.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "http/message.hpp"
#include "http/shape.hpp"

namespace admit::http {

using Task = boost::asio::awaitable<Response>;

/// A function of Request& that returns Response (runs on the I/O thread: must not block) or Task.
/// Called by all I/O threads at once. Give a coroutine as a member function behind a plain lambda:
/// `[this](Request& request) { return reserve(request); }`.
class Handler {
 public:
  Handler() = default;
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Handler> && std::is_invocable_v<F&, Request&>)
  Handler(F function) {  // NOLINT: implicit on purpose
    if constexpr (std::is_same_v<std::invoke_result_t<F&, Request&>, Task>) {
      x_async = std::move(function);
    } else {
      x_sync = [function = std::move(function)](Request& request) mutable -> Response {
        return function(request);
      };
    }
  }
  [[nodiscard]] bool is_sync() const { return static_cast<bool>(x_sync); }
  [[nodiscard]] Response call(Request& request) const { return x_sync(request); }
  [[nodiscard]] Task start(Request& request) const { return x_async(request); }

 private:
  std::function<Response(Request&)> x_sync;
  std::function<Task(Request&)> x_async;
};

enum class In : std::uint8_t { path, query, header };

/// A parameter. The server checks it against `shape` (text, integer, number, boolean) before the handler runs:
/// 400 `bad_parameter` with its name as field. Query and header parameters that are not documented are ignored.
struct Parameter {
  In in = In::query;
  std::string name;
  Shape shape;
  bool is_required = false;
};
[[nodiscard]] Parameter path_param(std::string_view name, Shape shape);
[[nodiscard]] Parameter query_param(std::string_view name, Shape shape, bool is_required = false);
[[nodiscard]] Parameter header_param(std::string_view name, Shape shape, bool is_required = false);

/// A body as documented. With a content type set, the server answers 415 to any other.
struct BodyDoc {
  std::string content_type;
  const Shape* shape = nullptr;  ///< null: described by the content type alone
  std::string example;           ///< "" : made from the shape
  bool is_required = true;
};
template <class T>
[[nodiscard]] BodyDoc json_body(std::string example = {}) {
  return {"application/json", &shape_of<T>(), std::move(example), true};
}

struct ReplyDoc {
  int status = 200;
  std::string description;
  std::string content_type;  ///< "" : no body
  const Shape* shape = nullptr;
  std::string example;
};
template <class T>
[[nodiscard]] ReplyDoc json_reply(int status, std::string description, std::string example = {}) {
  return {status, std::move(description), "application/json", &shape_of<T>(), std::move(example)};
}
[[nodiscard]] ReplyDoc plain_reply(int status, std::string description, std::string content_type,
                                   std::string example = {});
[[nodiscard]] ReplyDoc empty_reply(int status, std::string description);

struct ProblemDoc {
  int status = 400;
  std::string code;
  std::string when;
};

struct RouteDoc {
  std::string operation_id;
  std::string summary;
  std::string description;
  std::vector<std::string> tags;
  /// "" for anybody, else the word of a bearer scheme: `user`, `gate`, `operator`; several: any of them will do.
  std::vector<std::string> security;
  /// Who may call it, any of them: a capability, or `anybody`, `user`, `holder`, `operator`, `device`, `provider`.
  std::vector<std::string> capability;
  /// The roles in a business that one of the capabilities belongs to.
  std::vector<std::string> roles;
  std::vector<Parameter> parameters;
  BodyDoc request;
  /// Several of one status: one per content type.
  std::vector<ReplyDoc> replies;
  /// Beyond those every route can give (see common_problems).
  std::vector<ProblemDoc> problems;
  /// Replaces parts of the generated curl: {"showId", "$SHOW_ID"}, {"body", "{...}"}, {"token", "$TOKEN"}, {"url",
  /// "$URL"} for all of it.
  std::vector<std::pair<std::string, std::string>> curl;
  /// Left out of the OpenAPI document and the list of endpoints.
  bool is_hidden = false;
};

struct RouteOptions {
  std::size_t body_limit_bytes = 64 * 1024;
  /// Also takes the path with a `/` behind it.
  bool both_slash_forms = false;
  /// Answers other origins by the server's list.
  bool cors = true;
  /// Takes no body: 400 unexpected_body to any but an empty one or `{}`.
  bool no_body = false;
};

struct Route {
  Verb verb = Verb::GET;
  /// Segments are literal or a whole `{name}`: `/v1/tickets/{ticketId}/pdf`.
  std::string path_template;
  Handler handler;
  RouteDoc doc;
  RouteOptions options;
  /// Position in the table; set by the router.
  std::size_t index = 0;
};

/// Problems any route may answer: 400 bad_target, 408, 413, 414, 415, 429, 431, 500, 503, and 401 with security; 400
/// unexpected_body where none is taken.
[[nodiscard]] std::vector<ProblemDoc> common_problems(const Route& route);

/// Filled before the server starts, then only read.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  /// std::logic_error for a template that is malformed or already there, or a path parameter not in the template.
  void add(Route route);
  [[nodiscard]] const std::vector<std::unique_ptr<Route>>& routes() const { return x_routes; }

  /// Draws what a browser is shown where there is nothing; without it everybody gets the problem as JSON.
  std::function<Response(Request&)> absent_page;

  struct Match {
    const Route* route = nullptr;  ///< null: no such path, or not with this verb (then `allowed` is not 0)
    unsigned allowed = 0;          ///< bit per Verb the path is served with
    bool bad_target = false;       ///< bad percent-encoding
  };
  /// A literal segment wins over a parameter. HEAD finds the GET route. Decoded parameters are appended to `params`,
  /// their bytes to `decoded`, which must have room for the whole path (so that it never moves).
  [[nodiscard]] Match match(Verb verb, std::string_view path, std::vector<TextPair>& params,
                            std::string& decoded) const;

 private:
  struct Node;
  std::vector<std::unique_ptr<Route>> x_routes;
  std::unique_ptr<Node> x_root;
};

/// "GET, HEAD, OPTIONS" for the header Allow.
[[nodiscard]] std::string allow_words(unsigned allowed);

}  // namespace admit::http

#include "http/exchange.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "crypto/random.hpp"
#include "http/target.hpp"
#include "log/log.hpp"

namespace admit::http {

namespace {

constexpr std::size_t max_queries = 64;
constexpr std::size_t default_body_limit_bytes = 64 * 1024;
/// A page of ours needs the camera at the door, nothing else; no other site takes it in.
constexpr std::string_view page_headers =
    "Permissions-Policy: accelerometer=(), autoplay=(), camera=(self), display-capture=(), geolocation=(), "
    "gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), usb=(), serial=()\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// Distinct within a thread, random between threads and starts. Names a request; protects nothing.
struct IdSource {
  std::uint64_t high = 0;
  std::uint64_t next = 0;
  IdSource() {
    const auto bytes = crypto::random_bytes<16>();
    for (std::size_t i = 0; i < 8; ++i) {
      high = high << 8 | bytes[i];
      next = next << 8 | bytes[i + 8];
    }
  }
};

bool is_request_id(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-';
  });
}

bool is_media_type(std::string_view value, std::string_view wanted) {
  const auto semicolon = value.find(';');
  auto type = value.substr(0, semicolon);
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (!wire::same_text(type, wanted)) return false;
  if (semicolon == std::string_view::npos) return true;
  const auto charset = value.find("charset=", semicolon);
  if (charset == std::string_view::npos) return true;
  auto name = value.substr(charset + 8);
  if (name.starts_with('"')) name.remove_prefix(1);
  return wire::same_text(name.substr(0, 5), "utf-8");
}

void append_number(std::string& out, std::size_t value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

Response bad_parameter(std::string_view name, std::string_view why) {
  return Problem{400, "bad_parameter", "`" + std::string{name} + "` " + std::string{why} + ".", std::string{name}};
}

/// An empty body, or an empty object.
bool is_nothing(std::string_view body) {
  std::string_view wanted = "{}";
  for (const char c : body) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (!wanted.starts_with(c)) return false;
    wanted.remove_prefix(1);
  }
  return wanted.size() != 1;
}

bool is_safe_header(const Header& header) {
  return wire::is_token(header.name) && header.value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string::npos;
}

}  // namespace

void Exchange::clear() {
  request.x_params.clear();
  request.x_queries.clear();
  request.x_headers.clear();
  request.x_decoded.clear();
  request.verb = Verb::other;
  request.path = {};
  request.query_text = {};
  request.body = {};
  request.route = nullptr;
  request.request_id = {};
  x_head = {};
  x_standing = {};
}

void Exchange::choose_id() {
  if (const auto given = request.header("x-request-id"); given && is_request_id(*given)) {
    request.request_id = *given;
    return;
  }
  static thread_local IdSource source;
  constexpr std::string_view hex = "0123456789abcdef";
  const std::uint64_t low = mix(source.next++);
  auto* at = request.x_id.data();
  for (const std::uint64_t half : {source.high, low}) {
    for (int shift = 60; shift >= 0; shift -= 4) *at++ = hex[half >> shift & 15];
  }
  request.request_id = {request.x_id.data(), 32};
}

void Exchange::choose_peer(const Peer& peer) {
  x_client = peer.address;
  request.peer = peer.text;
  if (x_options.trusted_proxies.empty()) return;
  x_client = client_of(peer.address, request.headers(), x_options.trusted_proxies);
  if (x_client == peer.address) return;
  x_client_text = x_client.text();
  request.peer = x_client_text;
}

std::optional<Response> Exchange::limit() {
  if (x_options.limiter == nullptr) return std::nullopt;
  const auto kind = request.route != nullptr ? x_options.classes[request.route->index] : RouteClass::read;
  if (kind == RouteClass::exempt) return std::nullopt;
  const auto& caller_of = x_options.limiter->options().caller_of;
  const std::string caller = caller_of ? caller_of(request) : std::string{};
  x_standing = x_options.limiter->take(kind, x_client, caller, std::chrono::steady_clock::now());
  if (!x_standing.is_refused) return std::nullopt;
  Problem problem{429, "too_many_requests", "Too many requests in a minute; see Retry-After."};
  problem.retry_after_s = x_standing.retry_after_s;
  return problem;
}

Response Exchange::answer_options(unsigned allowed) const {
  Response response{204, {}, {}};
  const auto words = allow_words(allowed);
  response.headers.push_back({"Allow", words});
  if (request.header("origin") && request.header("access-control-request-method")) {
    response.headers.push_back({"Access-Control-Allow-Methods", words});
    response.headers.push_back(
        {"Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, X-Request-Id"});
    response.headers.push_back({"Access-Control-Max-Age", "600"});
  }
  return response;
}

std::optional<Response> Exchange::open(const wire::RequestHead& head, const Peer& peer) {
  x_head = head;
  request.verb = head.verb;
  request.path = head.path;
  request.query_text = head.query;
  choose_peer(peer);
  choose_id();
  if (head.path == "*") return answer_options(~0u);
  auto refused = find_route();
  // Who is over the limit learns nothing else.
  if (auto limited = limit()) return limited;
  return refused;
}

std::optional<Response> Exchange::find_route() {
  const auto& head = x_head;
  // Room for everything decoded, so that views into it never move.
  request.x_decoded.reserve(head.path.size() + head.query.size());
  const auto match = x_router.match(head.verb, head.path, request.x_params, request.x_decoded);
  if (match.bad_target) return to_response(wire::problem_of(wire::Fault::bad_target));
  if (match.route == nullptr) {
    if (match.allowed == 0) {
      const bool is_read = head.verb == Verb::GET || head.verb == Verb::HEAD;
      if (!x_router.absent_page || !is_read || !request.wants_page()) {
        return Problem{404, "not_found", "There is nothing at this address."};
      }
      if (auto bad = head.query.empty() ? std::nullopt : read_queries()) return bad;
      return x_router.absent_page(request);
    }
    if (head.verb == Verb::OPTIONS) return answer_options(match.allowed);
    Response response{Problem{405, "method_not_allowed", "This address does not take that method; see Allow."}};
    response.headers.push_back({"Allow", allow_words(match.allowed)});
    return response;
  }
  request.route = match.route;
  const bool has_body = head.is_chunked || head.content_length.value_or(0) > 0;
  const auto& wanted = match.route->doc.request.content_type;
  if (has_body && !wanted.empty()) {
    const auto type = request.header("content-type");
    if (!type || !is_media_type(*type, wanted)) {
      return Problem{415, "unsupported_media_type", "Send the body as " + wanted + " and name it in Content-Type."};
    }
  }
  if (!head.query.empty()) return read_queries();
  return std::nullopt;
}

std::optional<Response> Exchange::read_queries() {
  std::string_view text = request.query_text;
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (part.empty()) continue;
    if (request.x_queries.size() == max_queries) {
      return Problem{400, "bad_target", "The query has too many parameters."};
    }
    const auto equals = part.find('=');
    TextPair pair;
    const auto decode = [this](std::string_view raw, std::string_view& into) {
      if (raw.find_first_of("%+") == std::string_view::npos) {
        into = raw;
        return true;
      }
      const std::size_t start = request.x_decoded.size();
      if (!percent_decode(raw, true, request.x_decoded)) return false;
      into = std::string_view{request.x_decoded}.substr(start);
      return true;
    };
    if (!decode(part.substr(0, equals), pair.first) ||
        (equals != std::string_view::npos && !decode(part.substr(equals + 1), pair.second))) {
      return to_response(wire::problem_of(wire::Fault::bad_target));
    }
    request.x_queries.push_back(pair);
  }
  return std::nullopt;
}

std::size_t Exchange::body_limit_bytes() const {
  return request.route != nullptr ? request.route->options.body_limit_bytes : default_body_limit_bytes;
}

std::optional<Response> Exchange::check() {
  if (request.route == nullptr) return std::nullopt;
  for (const auto& parameter : request.route->doc.parameters) {
    std::size_t count = 0;
    std::string_view value;
    switch (parameter.in) {
      case In::path:
        count = 1;
        value = request.param(parameter.name);
        break;
      case In::query:
        for (const auto& [name, given] : request.x_queries) {
          if (name != parameter.name) continue;
          ++count;
          value = given;
        }
        break;
      case In::header:
        for (const auto& [name, given] : request.x_headers) {
          if (!wire::same_text(name, parameter.name)) continue;
          ++count;
          value = given;
        }
        break;
    }
    if (count == 0) {
      if (parameter.is_required) return bad_parameter(parameter.name, "is missing");
      continue;
    }
    if (count > 1) return bad_parameter(parameter.name, "is given more than once");
    std::string why;
    if (!is_utf8(value)) return bad_parameter(parameter.name, "is not UTF-8");
    if (!fits_parameter(parameter.shape, value, why)) return bad_parameter(parameter.name, why);
  }
  if (request.route->options.no_body && !is_nothing(request.body)) {
    return Problem{400, "unexpected_body", "This takes no body; send an empty one or {}."};
  }
  return std::nullopt;
}

Response Exchange::failed(const std::exception_ptr& thrown) const {
  const std::string_view where = request.route != nullptr ? std::string_view{request.route->path_template} : "";
  const auto report = [&](std::string_view message, std::string_view what) {
    log::error(message, {{"route", where}, {"what", what.substr(0, 300)}, log::request_id(request.request_id)});
  };
  try {
    std::rethrow_exception(thrown);
  } catch (const ServiceUnavailable& fault) {
    if (const auto left_out = x_options.overloads.pass()) {
      log::warning(
          "request met a full queue",
          {{"route", where}, {"what", fault.what()}, {"leftOut", *left_out}, log::request_id(request.request_id)});
    }
    Problem problem{503, "unavailable", "This is not available right now; try again shortly."};
    problem.retry_after_s = fault.retry_after_s;
    return problem;
  } catch (const std::exception& fault) {
    if (x_options.means_unavailable && x_options.means_unavailable(fault)) {
      report("request met an unavailable service", fault.what());
      Problem problem{503, "unavailable", "This is not available right now; try again shortly."};
      problem.retry_after_s = 1;
      return problem;
    }
    report("request failed", fault.what());
  } catch (...) {
    report("request failed", "an exception of an unknown type");
  }
  return Problem{500, "internal", "Something went wrong on our side. It has been noted under the requestId."};
}

void Exchange::render_cors(std::string& out) const {
  if (x_options.cors_origins.empty() || (request.route != nullptr && !request.route->options.cors)) return;
  const auto origin = request.header("origin");
  for (const auto& allowed : x_options.cors_origins) {
    if (allowed == "*") {
      if (!origin) return;
      out += "Access-Control-Allow-Origin: *\r\n";
    } else if (origin && allowed == *origin) {
      out += "Access-Control-Allow-Origin: ";
      out += allowed;
      out += "\r\nVary: Origin\r\n";
    } else {
      continue;
    }
    out += "Access-Control-Expose-Headers: X-Request-Id, Location, Retry-After, RateLimit, RateLimit-Policy\r\n";
    return;
  }
  out += "Vary: Origin\r\n";
}

void Exchange::render(Response& response, bool keep_alive, std::string_view date, std::string& out) {
  if (request.request_id.empty()) choose_id();
  if (response.problem) {
    response.status = response.problem->status;
    response.content_type = "application/problem+json";
    response.body = problem_json(*response.problem, request.request_id);
    if (response.problem->retry_after_s > 0) {
      response.headers.push_back({"Retry-After", std::to_string(response.problem->retry_after_s)});
    }
    if (response.status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
  }
  const bool has_no_body = response.status == 204 || response.status == 304;
  if (response.status == 200) {
    out += "HTTP/1.1 200 OK\r\nDate: ";
  } else {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::size_t>(response.status));
    out += ' ';
    out += status_words(response.status);
    out += "\r\nDate: ";
  }
  out += date;
  if (!has_no_body) {
    out += "\r\nContent-Type: ";
    out += response.content_type;
    out += "\r\nContent-Length: ";
    append_number(out, response.body.size());
  }
  out += "\r\nX-Request-Id: ";
  out += request.request_id;
  out += "\r\n";
  if (!keep_alive) {
    out += "Connection: close\r\n";
  } else if (!x_head.is_http11) {
    out += "Connection: keep-alive\r\n";
  }
  bool has_cache = false;
  bool has_sniff = false;
  bool has_referrer = false;
  bool has_policy = false;
  for (const auto& header : response.headers) {
    if (!is_safe_header(header)) {
      log::error("a reply header was left out: it is malformed", {log::request_id(request.request_id)});
      continue;
    }
    has_cache = has_cache || wire::same_text(header.name, "cache-control");
    has_sniff = has_sniff || wire::same_text(header.name, "x-content-type-options");
    has_referrer = has_referrer || wire::same_text(header.name, "referrer-policy");
    has_policy = has_policy || wire::same_text(header.name, "content-security-policy");
    out += header.name;
    out += ": ";
    out += header.value;
    out += "\r\n";
  }
  if (!has_cache) out += "Cache-Control: no-store\r\n";
  if (!has_sniff) out += "X-Content-Type-Options: nosniff\r\n";
  if (!has_referrer) out += "Referrer-Policy: no-referrer\r\n";
  if (x_options.is_https) out += "Strict-Transport-Security: max-age=31536000\r\n";
  // Browsers show a PDF by a page of their own, which a policy would take apart.
  if (!has_policy && !response.content_type.starts_with("application/pdf")) {
    out += "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";
  }
  if (response.content_type.starts_with("text/html")) out += page_headers;
  if (x_options.limiter != nullptr) x_options.limiter->render(x_standing, out);
  render_cors(out);
  out += "\r\n";
  if (!has_no_body && request.verb != Verb::HEAD) out += response.body;
}

}  // namespace admit::http

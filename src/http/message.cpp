#include "http/message.hpp"

#include "http/json.hpp"
#include "http/wire.hpp"

namespace admit::http {

std::string_view word(Verb verb) {
  switch (verb) {
    case Verb::GET:
      return "GET";
    case Verb::HEAD:
      return "HEAD";
    case Verb::POST:
      return "POST";
    case Verb::PUT:
      return "PUT";
    case Verb::PATCH:
      return "PATCH";
    case Verb::DELETE:
      return "DELETE";
    case Verb::OPTIONS:
      return "OPTIONS";
    case Verb::other:
      break;
  }
  return "other";
}

std::string_view status_words(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

std::string problem_json(const Problem& problem, std::string_view request_id) {
  std::string out = R"({"type":)";
  append_quoted(out, "urn:admit:problem:" + problem.code);
  out += R"(,"title":)";
  append_quoted(out, status_words(problem.status));
  out += R"(,"status":)" + std::to_string(problem.status) + R"(,"code":)";
  append_quoted(out, problem.code);
  out += R"(,"detail":)";
  append_quoted(out, problem.detail);
  if (!problem.field.empty()) {
    out += R"(,"field":)";
    append_quoted(out, problem.field);
  }
  if (!request_id.empty()) {
    out += R"(,"requestId":)";
    append_quoted(out, request_id);
  }
  out += '}';
  return out;
}

std::string_view Request::param(std::string_view name) const {
  for (const auto& [key, value] : x_params) {
    if (key == name) return value;
  }
  return {};
}

std::optional<std::string_view> Request::query(std::string_view name) const {
  for (const auto& [key, value] : x_queries) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& [key, value] : x_headers) {
    if (wire::same_text(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Request::bearer() const {
  auto value = header("authorization");
  if (!value || value->size() < 8 || !wire::same_text(value->substr(0, 7), "bearer ")) return std::nullopt;
  auto token = value->substr(7);
  while (token.starts_with(' ')) token.remove_prefix(1);
  // RFC 6750: b64token.
  for (char c : token) {
    const bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                    c == '.' || c == '_' || c == '~' || c == '+' || c == '/' || c == '=';
    if (!ok) return std::nullopt;
  }
  if (token.empty()) return std::nullopt;
  return token;
}

bool Request::wants_page() const {
  const auto accept = header("accept");
  if (!accept) return false;
  const auto page = accept->find("text/html");
  return page != std::string_view::npos && page < accept->find("application/json");
}

}  // namespace admit::http

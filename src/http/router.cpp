#include "http/router.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "http/target.hpp"

namespace admit::http {

namespace {
constexpr std::size_t verb_count = static_cast<std::size_t>(Verb::other);

constexpr unsigned bit(Verb verb) {
  return 1u << static_cast<unsigned>(verb);
}

[[noreturn]] void bad_route(const Route& route, std::string_view why) {
  throw std::logic_error("route " + std::string{word(route.verb)} + " " + route.path_template + ": " +
                         std::string{why});
}
}  // namespace

struct Router::Node {
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;
  std::unique_ptr<Node> param;
  std::array<const Route*, verb_count> by_verb{};

  struct Search {
    Verb verb;
    Match match;
    std::vector<std::string_view> values;
  };

  [[nodiscard]] const Node* literal(std::string_view segment) const {
    for (const auto& [text, node] : literals) {
      if (text == segment) return node.get();
    }
    return nullptr;
  }

  /// Takes this node as the end of a path; true when it serves the verb.
  bool end(Search& search, bool with_slash) const {
    for (std::size_t i = 0; i < verb_count; ++i) {
      const Route* const route = by_verb[i];
      if (route == nullptr || (with_slash && !route->options.both_slash_forms)) continue;
      search.match.allowed |= 1u << i;
      if (route->verb == Verb::GET) search.match.allowed |= bit(Verb::HEAD);
      if (route->verb == search.verb ||
          (search.verb == Verb::HEAD && route->verb == Verb::GET && !search.match.route)) {
        search.match.route = route;
      }
    }
    return search.match.route != nullptr;
  }

  bool find(const std::vector<std::string_view>& segments, std::size_t at, Search& search) const {
    if (at == segments.size()) return end(search, false);
    if (at + 1 == segments.size() && segments[at].empty()) return end(search, true);
    const Node* const next = literal(segments[at]);
    if (next != nullptr && next->find(segments, at + 1, search)) return true;
    if (search.match.allowed != 0) return false;  // the literal path is there, with other verbs
    if (param == nullptr || segments[at].empty()) return false;
    search.values.push_back(segments[at]);
    if (param->find(segments, at + 1, search)) return true;
    search.values.pop_back();
    return false;
  }
};

Router::Router() : x_root(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

Parameter path_param(std::string_view name, Shape shape) {
  return {In::path, std::string{name}, std::move(shape), true};
}
Parameter query_param(std::string_view name, Shape shape, bool is_required) {
  return {In::query, std::string{name}, std::move(shape), is_required};
}
Parameter header_param(std::string_view name, Shape shape, bool is_required) {
  return {In::header, std::string{name}, std::move(shape), is_required};
}

ReplyDoc plain_reply(int status, std::string description, std::string content_type, std::string example) {
  return {status, std::move(description), std::move(content_type), nullptr, std::move(example)};
}
ReplyDoc empty_reply(int status, std::string description) {
  return {status, std::move(description), {}, nullptr, {}};
}

std::vector<ProblemDoc> common_problems(const Route& route) {
  std::vector<ProblemDoc> out;
  out.push_back({400, "bad_request", "The request is not well-formed HTTP."});
  out.push_back({400, "bad_target", "The path or query is not percent-encoded UTF-8."});
  if (!route.doc.parameters.empty())
    out.push_back({400, "bad_parameter", "A parameter is missing or not as described."});
  if (route.doc.request.shape != nullptr) {
    out.push_back({400, "bad_json", "The body is not JSON."});
    out.push_back({422, "bad_field", "A field is missing, unknown or not as described; `field` names it."});
  }
  if (route.options.no_body) {
    out.push_back({400, "unexpected_body", "This takes no body; an empty one or `{}` passes."});
  }
  if (!route.doc.security.empty())
    out.push_back({401, "unauthenticated", "The access token is missing or no longer good."});
  out.push_back({408, "request_timeout", "The request did not arrive in time."});
  out.push_back({413, "body_too_big", "The body is larger than this address takes."});
  out.push_back({414, "target_too_long", "The path and query are too long."});
  if (!route.doc.request.content_type.empty()) {
    out.push_back({415, "unsupported_media_type", "The body has another content type than described."});
  }
  out.push_back({429, "too_many_requests", "Too many requests in a minute; Retry-After says when to try again."});
  out.push_back({431, "headers_too_big", "Too many headers, or too long ones."});
  out.push_back({500, "internal", "A fault of ours."});
  out.push_back({503, "unavailable", "Busy or under maintenance; Retry-After says when to try again."});
  return out;
}

void Router::add(Route route) {
  const std::string_view path = route.path_template;
  if (!path.starts_with('/') || (path.size() > 1 && path.ends_with('/'))) bad_route(route, "is not an absolute path");
  if (route.verb == Verb::HEAD || route.verb == Verb::OPTIONS || route.verb == Verb::other) {
    bad_route(route, "its verb is answered by the server itself");
  }
  Node* node = x_root.get();
  std::vector<std::string_view> names;
  for (std::size_t at = 1; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto segment = path.substr(at, end - at);
    at = end + 1;
    if (segment.empty()) bad_route(route, "has an empty segment");
    if (segment.starts_with('{') && segment.ends_with('}')) {
      const auto name = segment.substr(1, segment.size() - 2);
      if (name.empty() || std::ranges::find(names, name) != names.end()) bad_route(route, "repeats a parameter");
      names.push_back(name);
      if (!node->param) node->param = std::make_unique<Node>();
      node = node->param.get();
      continue;
    }
    if (segment.find_first_of("{}%") != std::string_view::npos) bad_route(route, "has a malformed segment");
    auto found =
        std::ranges::find(node->literals, segment, [](const auto& entry) { return std::string_view{entry.first}; });
    if (found == node->literals.end()) {
      node->literals.emplace_back(segment, std::make_unique<Node>());
      found = node->literals.end() - 1;
    }
    node = found->second.get();
  }
  for (const auto& parameter : route.doc.parameters) {
    if (parameter.in == In::path && std::ranges::find(names, std::string_view{parameter.name}) == names.end()) {
      bad_route(route, "documents a path parameter it does not have");
    }
  }
  const Route*& slot = node->by_verb[static_cast<std::size_t>(route.verb)];
  if (slot != nullptr) bad_route(route, "is there twice");
  route.index = x_routes.size();
  x_routes.push_back(std::make_unique<Route>(std::move(route)));
  slot = x_routes.back().get();
}

Router::Match Router::match(Verb verb, std::string_view path, std::vector<TextPair>& params,
                            std::string& decoded) const {
  Node::Search search{verb, {}, {}};
  if (!path.starts_with('/')) return search.match;
  const bool is_plain = path.find('%') == std::string_view::npos;
  std::vector<std::string_view> segments;
  segments.reserve(8);
  for (std::size_t at = 1; at <= path.size() && path.size() > 1;) {
    const auto end = std::min(path.find('/', at), path.size());
    auto segment = path.substr(at, end - at);
    at = end + 1;
    if (!is_plain) {
      const std::size_t start = decoded.size();
      if (!percent_decode(segment, false, decoded)) {
        search.match.bad_target = true;
        return search.match;
      }
      segment = std::string_view{decoded}.substr(start);
    }
    if (segments.size() == 32) return search.match;
    segments.push_back(segment);
  }
  if (!x_root->find(segments, 0, search)) return search.match;

  // The values, in order, with the names of this route's template.
  const std::string_view names = search.match.route->path_template;
  std::size_t at = 0;
  for (const auto value : search.values) {
    const auto open = names.find('{', at);
    const auto close = names.find('}', open);
    params.emplace_back(names.substr(open + 1, close - open - 1), value);
    at = close;
  }
  return search.match;
}

std::string allow_words(unsigned allowed) {
  std::string out;
  for (std::size_t i = 0; i < verb_count; ++i) {
    const auto verb = static_cast<Verb>(i);
    if ((allowed & bit(verb)) == 0 && verb != Verb::OPTIONS) continue;
    if (!out.empty()) out += ", ";
    out += word(verb);
  }
  return out;
}

}  // namespace admit::http

#include "http/openapi.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "http/json.hpp"

namespace admit::http {

namespace {

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// `showId` as `SHOW_ID`.
std::string variable_of(std::string_view name) {
  std::string out;
  for (char c : name) {
    const bool is_capital = c >= 'A' && c <= 'Z';
    if (is_capital && !out.empty() && out.back() != '_') out += '_';
    out += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

/// Appends `"key":` with a comma before all but the first of an object or array.
void key(std::string& out, std::string_view name) {
  if (out.back() != '{' && out.back() != '[') out += ',';
  append_quoted(out, name);
  out += ':';
}
void text_member(std::string& out, std::string_view name, std::string_view value) {
  key(out, name);
  append_quoted(out, value);
}

/// The described structs reachable from the routes; those in requests are closed to unknown fields.
class Schemas {
 public:
  explicit Schemas(const Router& router) {
    for (const auto& route : router.routes()) {
      if (route->doc.is_hidden) continue;
      if (route->doc.request.shape != nullptr) add(*route->doc.request.shape, true);
      for (const auto& reply : route->doc.replies) {
        if (reply.shape != nullptr) add(*reply.shape, false);
      }
    }
  }
  [[nodiscard]] std::string json() const {
    std::string out = "{";
    key(out, "Problem");
    out += R"({"type":"object","description":"RFC 9457. `code` is stable; `detail` is for people.",)"
           R"("properties":{"type":{"type":"string","format":"uri"},"title":{"type":"string"},)"
           R"("status":{"type":"integer","minimum":400,"maximum":599},"code":{"type":"string"},)"
           R"("detail":{"type":"string"},"field":{"type":"string","description":"JSON path or parameter at fault."},)"
           R"("requestId":{"type":"string"}},"required":["type","title","status","code","detail","requestId"]})";
    for (const auto& [name, entry] : x_shapes) {
      key(out, name);
      out += schema_json(*entry.first, entry.second);
    }
    return out + "}";
  }

 private:
  void add(const Shape& shape, bool closed) {
    if (shape.kind == Kind::array) {
      add(*shape.item, closed);
      return;
    }
    if (shape.kind != Kind::object) return;
    const Shape& object = shape.object != nullptr ? *shape.object : shape;
    auto [at, is_new] = x_shapes.try_emplace(object.name, &object, closed);
    if (!is_new && (at->second.second || !closed)) return;
    at->second.second = closed;
    for (const auto& field : object.fields) add(field.shape, closed);
  }
  std::map<std::string, std::pair<const Shape*, bool>> x_shapes;
};

std::string reference(const Shape& shape) {
  const Shape& object = shape.object != nullptr ? *shape.object : shape;
  return R"({"$ref":"#/components/schemas/)" + object.name + "\"}";
}

std::string example_of_body(const Shape* shape, const std::string& example) {
  if (!example.empty()) return example;
  return shape != nullptr ? example_of(*shape) : std::string{};
}

bool is_json(std::string_view content_type) {
  return content_type.find("json") != std::string_view::npos;
}

/// `{"schema":...,"example":...}` of one content type.
std::string media(std::string_view content_type, const Shape* shape, const std::string& given_example) {
  std::string out = "{";
  key(out, "schema");
  if (shape != nullptr) {
    out += reference(*shape);
  } else if (is_json(content_type)) {
    out += "{}";
  } else {
    out += R"({"type":"string"})";
  }
  const auto example = example_of_body(shape, given_example);
  if (!example.empty()) {
    key(out, "example");
    out += is_json(content_type) && check_json(example) ? example : quoted(example);
  }
  return out + "}";
}

std::vector<ProblemDoc> problems_of(const Route& route) {
  auto all = common_problems(route);
  for (const auto& problem : route.doc.problems) {
    const auto same = std::ranges::find_if(
        all, [&](const auto& known) { return known.status == problem.status && known.code == problem.code; });
    if (same == all.end()) {
      all.push_back(problem);
    } else {
      same->when = problem.when;
    }
  }
  std::ranges::sort(all, {},
                    [](const auto& problem) { return std::pair{problem.status, std::string_view{problem.code}}; });
  return all;
}

std::string_view place(In in) {
  switch (in) {
    case In::path:
      return "path";
    case In::query:
      return "query";
    case In::header:
      return "header";
  }
  return "";
}

/// The documented parameters, and the path parameters of the template that nobody documented.
std::vector<Parameter> parameters_of(const Route& route) {
  std::vector<Parameter> out;
  const std::string_view path = route.path_template;
  for (std::size_t at = path.find('{'); at != std::string_view::npos; at = path.find('{', at + 1)) {
    const auto name = path.substr(at + 1, path.find('}', at) - at - 1);
    const auto known =
        std::ranges::find_if(route.doc.parameters, [&](const auto& p) { return p.in == In::path && p.name == name; });
    out.push_back(known != route.doc.parameters.end() ? *known : path_param(name, text(1, 1000)));
  }
  for (const auto& parameter : route.doc.parameters) {
    if (parameter.in != In::path) out.push_back(parameter);
  }
  return out;
}

void words_member(std::string& out, std::string_view name, const std::vector<std::string>& words) {
  key(out, name);
  out += '[';
  for (std::size_t i = 0; i < words.size(); ++i) out += (i > 0 ? "," : "") + quoted(words[i]);
  out += ']';
}

/// "Needs: any of `holder`, `see_sales`, `operator`; in a business the roles `owner`, `manager`."
std::string needs_in_words(const RouteDoc& doc) {
  if (doc.capability.empty()) return {};
  std::string out = doc.capability.size() > 1 ? "Needs: any of " : "Needs: ";
  for (std::size_t i = 0; i < doc.capability.size(); ++i) out += (i > 0 ? ", `" : "`") + doc.capability[i] + "`";
  if (!doc.roles.empty()) {
    out += "; in a business the roles ";
    for (std::size_t i = 0; i < doc.roles.size(); ++i) out += (i > 0 ? ", `" : "`") + doc.roles[i] + "`";
  }
  return out + ".";
}

std::string operation_json(const Route& route) {
  const auto& doc = route.doc;
  std::string out = "{";
  if (!doc.operation_id.empty()) text_member(out, "operationId", doc.operation_id);
  if (!doc.summary.empty()) text_member(out, "summary", doc.summary);
  const auto needs = needs_in_words(doc);
  const auto description = doc.description + (doc.description.empty() || needs.empty() ? "" : "\n\n") + needs;
  if (!description.empty()) text_member(out, "description", description);
  if (!doc.tags.empty()) words_member(out, "tags", doc.tags);
  key(out, "security");
  out += '[';
  for (std::size_t i = 0; i < doc.security.size(); ++i) out += (i > 0 ? ",{" : "{") + quoted(doc.security[i]) + ":[]}";
  out += ']';

  if (!doc.capability.empty()) words_member(out, "x-capability", doc.capability);
  if (!doc.roles.empty()) words_member(out, "x-roles", doc.roles);

  const auto parameters = parameters_of(route);
  if (!parameters.empty()) {
    key(out, "parameters");
    out += '[';
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto& parameter = parameters[i];
      out += i > 0 ? ",{" : "{";
      text_member(out, "name", parameter.name);
      text_member(out, "in", place(parameter.in));
      key(out, "required");
      out += parameter.is_required ? "true" : "false";
      if (!parameter.shape.description.empty()) text_member(out, "description", parameter.shape.description);
      key(out, "schema");
      Shape bare = parameter.shape;
      bare.description.clear();
      bare.example_json.clear();
      out += schema_json(bare, true);
      key(out, "example");
      out += example_of(parameter.shape);
      out += '}';
    }
    out += ']';
  }
  if (!doc.request.content_type.empty()) {
    key(out, "requestBody");
    out += '{';
    key(out, "required");
    out += doc.request.is_required ? "true" : "false";
    key(out, "content");
    out += '{';
    key(out, doc.request.content_type);
    out += media(doc.request.content_type, doc.request.shape, doc.request.example) + "}}";
  }

  struct Answer {
    std::string description;
    std::string content = "{";
  };
  std::map<int, Answer> answers;
  for (const auto& reply : doc.replies) {
    auto& answer = answers[reply.status];
    if (answer.description.empty()) answer.description = reply.description;
    if (reply.content_type.empty()) continue;
    key(answer.content, reply.content_type);
    answer.content += media(reply.content_type, reply.shape, reply.example);
  }
  std::map<int, std::string> refusals;
  for (const auto& problem : problems_of(route)) {
    auto& words = refusals[problem.status];
    if (!words.empty()) words += "\n\n";
    words += "`" + problem.code + "`: " + problem.when;
  }
  for (const auto& [status, words] : refusals) {
    auto& answer = answers[status];
    if (!answer.description.empty()) answer.description += "\n\n";
    answer.description += words;
    key(answer.content, "application/problem+json");
    answer.content += R"({"schema":{"$ref":"#/components/schemas/Problem"}})";
  }
  key(out, "responses");
  out += '{';
  for (const auto& [status, answer] : answers) {
    key(out, std::to_string(status));
    out += '{';
    text_member(out, "description", answer.description);
    if (answer.content.size() > 1) {
      key(out, "content");
      out += answer.content + "}";
    }
    out += '}';
  }
  return out + "}}";
}

std::string curl_value(const Route& route, const std::string& name, std::string_view otherwise) {
  for (const auto& [key_name, value] : route.doc.curl) {
    if (key_name == name) return value;
  }
  return std::string{otherwise};
}

/// JSON text without quotes where it is a string.
std::string plain_example(const Shape& shape) {
  const auto json = example_of(shape);
  return json.size() >= 2 && json.front() == '"' ? json.substr(1, json.size() - 2) : json;
}

/// One line of a Markdown table cell.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string rules_in_words(const Shape& shape) {
  switch (shape.kind) {
    case Kind::integer:
    case Kind::number:
      return std::to_string(shape.min) + " to " + std::to_string(shape.max);
    case Kind::boolean:
      return "`true` or `false`";
    default:
      break;
  }
  if (!shape.words.empty()) {
    std::string out;
    for (const auto& word : shape.words) out += (out.empty() ? "`" : ", `") + word + "`";
    return out;
  }
  if (shape.format == Format::uuid) {
    std::string out = "id";
    for (const auto& prefix : shape.prefixes) out += ", or `" + prefix + "` and an id";
    return out;
  }
  return std::to_string(std::max<std::int64_t>(shape.min, 0)) + " to " + std::to_string(shape.max) + " characters";
}

}  // namespace

std::string openapi(const Router& router, std::string_view title, std::string_view version,
                    std::string_view server_url) {
  std::string out = "{";
  text_member(out, "openapi", "3.1.0");
  key(out, "info");
  out += '{';
  text_member(out, "title", title);
  text_member(out, "version", version);
  out += '}';
  if (!server_url.empty()) {
    key(out, "servers");
    out += "[{";
    text_member(out, "url", server_url);
    out += "}]";
  }
  key(out, "paths");
  out += '{';
  std::vector<std::string> order;
  std::map<std::string, std::string> paths;
  std::set<std::string> schemes;
  for (const auto& route : router.routes()) {
    if (route->doc.is_hidden) continue;
    auto [at, is_new] = paths.try_emplace(route->path_template, "{");
    if (is_new) order.push_back(route->path_template);
    key(at->second, lower(word(route->verb)));
    at->second += operation_json(*route);
    schemes.insert(route->doc.security.begin(), route->doc.security.end());
  }
  for (const auto& path : order) {
    key(out, path);
    out += paths[path] + "}";
  }
  out += '}';
  key(out, "components");
  out += '{';
  key(out, "schemas");
  out += Schemas{router}.json();
  if (!schemes.empty()) {
    key(out, "securitySchemes");
    out += '{';
    for (const auto& scheme : schemes) {
      key(out, scheme);
      out += R"({"type":"http","scheme":"bearer"})";
    }
    out += '}';
  }
  return out + "}}";
}

std::string curl_of(const Route& route) {
  std::string path = route.path_template;
  for (auto open = path.find('{'); open != std::string::npos; open = path.find('{', open)) {
    const auto close = path.find('}', open);
    const auto name = path.substr(open + 1, close - open - 1);
    const auto value = curl_value(route, name, "$" + variable_of(name));
    path.replace(open, close - open + 1, value);
    open += value.size();
  }
  char before = '?';
  for (const auto& parameter : route.doc.parameters) {
    if (parameter.in != In::query) continue;
    const auto value = curl_value(route, parameter.name, parameter.is_required ? plain_example(parameter.shape) : "");
    if (value.empty()) continue;
    path += before + parameter.name + "=" + value;
    before = '&';
  }
  std::string out = "curl -sS";
  if (route.verb != Verb::GET) out += " -X " + std::string{word(route.verb)};
  out += " \"" + curl_value(route, "url", "$BASE" + path) + "\"";
  if (!route.doc.security.empty()) {
    const auto token = curl_value(route, "token", "$" + variable_of(route.doc.security.front()) + "_TOKEN");
    out += " -H \"Authorization: Bearer " + token + "\"";
  }
  for (const auto& parameter : route.doc.parameters) {
    if (parameter.in != In::header) continue;
    const auto value = curl_value(route, parameter.name, parameter.is_required ? plain_example(parameter.shape) : "");
    if (!value.empty()) out += " -H \"" + parameter.name + ": " + value + "\"";
  }
  if (!route.doc.request.content_type.empty()) {
    out += " -H \"Content-Type: " + route.doc.request.content_type + "\"";
    const auto body = curl_value(route, "body", example_of_body(route.doc.request.shape, route.doc.request.example));
    // In double quotes, so that $VARIABLES in it work.
    std::string escaped;
    for (char c : body) {
      if (c == '"' || c == '\\' || c == '`') escaped += '\\';
      escaped += c;
    }
    out += " -d \"" + escaped + "\"";
  }
  return out;
}

namespace {

/// Stands for any body, so that the problems of one are listed.
struct AnyBody {
  bool any = false;
  static Shape shape() { return object<AnyBody>("AnyBody", {required("any", &AnyBody::any)}); }
};

}  // namespace

std::string endpoints_markdown(const Router& router) {
  std::string out =
      "# Endpoints\n\nMade from the table of routes; `GET /openapi.json` is the same for programs. In the commands, `$BASE` is the\n"
      "server and names in capitals are yours to fill in.\n\nA refusal is `application/problem+json` (RFC 9457) with a stable `code`. "
      "Any route may answer these,\nbeside its own:\n\n| status | code | when |\n|---|---|---|\n";
  Route any;
  any.doc.security = {"user"};
  any.doc.parameters = {query_param("any", text(0, 1))};
  any.doc.request = json_body<AnyBody>();
  any.options.no_body = true;
  for (const auto& problem : common_problems(any)) {
    out += "| " + std::to_string(problem.status) + " | `" + problem.code + "` | " + cell(problem.when) + " |\n";
  }
  out += '\n';
  for (const auto& entry : router.routes()) {
    const Route& route = *entry;
    const auto& doc = route.doc;
    if (doc.is_hidden) continue;
    out += "## " + std::string{word(route.verb)} + " `" + route.path_template + "`\n\n";
    if (!doc.summary.empty()) out += doc.summary + "\n\n";
    if (!doc.description.empty()) out += doc.description + "\n\n";
    if (!doc.security.empty()) {
      out += "Bearer token: ";
      for (std::size_t i = 0; i < doc.security.size(); ++i) out += (i > 0 ? " or " : "") + ("`" + doc.security[i] + "`");
      out += ". ";
    }
    out += needs_in_words(doc) + "\n\n";
    if (const auto parameters = parameters_of(route); !parameters.empty()) {
      out += "| parameter | in | required | takes | meaning |\n|---|---|---|---|---|\n";
      for (const auto& parameter : parameters) {
        out += "| `" + parameter.name + "` | " + std::string{place(parameter.in)} + " | " +
               (parameter.is_required ? "yes" : "no") + " | " + cell(rules_in_words(parameter.shape)) + " | " +
               cell(parameter.shape.description) + " |\n";
      }
      out += '\n';
    }
    if (!doc.request.content_type.empty()) {
      out += "Request, `" + doc.request.content_type + "`:\n\n```\n" +
             example_of_body(doc.request.shape, doc.request.example) + "\n```\n\n";
    }
    for (const auto& reply : doc.replies) {
      out += "Answer " + std::to_string(reply.status);
      if (!reply.content_type.empty()) out += ", `" + reply.content_type + "`";
      out += ": " + reply.description + "\n\n";
      const auto example = example_of_body(reply.shape, reply.example);
      if (!example.empty()) out += "```\n" + example + "\n```\n\n";
    }
    if (!doc.problems.empty()) {
      out += "| status | code | when |\n|---|---|---|\n";
      for (const auto& problem : doc.problems) {
        out += "| " + std::to_string(problem.status) + " | `" + problem.code + "` | " + cell(problem.when) + " |\n";
      }
      out += '\n';
    }
    out += "```sh\n" + curl_of(route) + "\n```\n\n";
  }
  return out;
}

}  // namespace admit::http

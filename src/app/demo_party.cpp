#include "app/demo_party.hpp"

namespace admit::app {
namespace {

struct ProblemReply {
  std::string code, detail;
  std::optional<std::string> field;
  static http::Shape shape() {
    return http::object<ProblemReply>("ProblemReply", {http::required("code", &ProblemReply::code),
                                                       http::required("detail", &ProblemReply::detail),
                                                       http::optional("field", &ProblemReply::field)});
  }
};

std::string sentence_of(int status, const std::string& body) {
  const auto problem = http::read_json<ProblemReply>(body, {.max_depth = 16, .ignore_unknown_fields = true});
  if (!problem) return std::to_string(status);
  const std::string field = problem->field.value_or("");
  return std::to_string(status) + " " + problem->code + (field.empty() ? "" : " (" + field + ")") + ": " + problem->detail;
}

http::ClientReply answer_of(http::Client& client, http::ClientRequest request, const std::string& shown) {
  auto sent = client.send_blocking(std::move(request));
  if (!sent) throw DemoFault(shown + " got no answer: " + std::string(http::word(sent.error().fault)) + ", " + sent.error().detail);
  if (sent->status < 200 || sent->status > 299) {
    throw DemoFault(shown + " was answered " + sentence_of(sent->status, sent->body));
  }
  return std::move(*sent);
}

}  // namespace

std::string Party::send(std::string_view method, std::string_view path, std::string_view type, std::string body) {
  const bool elsewhere = path.starts_with("http");
  http::ClientRequest request{.method = std::string(method),
                              .url = elsewhere ? std::string(path) : x_base_url + std::string(path),
                              .body = std::move(body)};
  if (!x_token.empty()) request.headers.push_back({"Authorization", "Bearer " + x_token});
  if (!type.empty()) request.headers.push_back({"Content-Type", std::string(type)});
  return answer_of(*x_client, std::move(request), std::string(method) + " " + std::string(path)).body;
}

std::string Party::download(std::string_view url) {
  return answer_of(*x_client, {.url = std::string(url)}, "GET of the download link").body;
}

}  // namespace admit::app

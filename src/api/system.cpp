// Health, metrics, and the documents made from the table of routes.

#include "api/services.hpp"
#include "http/openapi.hpp"

namespace admit::api {
namespace {

using http::Request;
using http::Response;

struct StatusJson {
  std::string status;
  static http::Shape shape() {
    return http::object<StatusJson>("Status", {http::required("status", &StatusJson::status, http::one_of({"ok", "ready"}))});
  }
};

struct AboutJson {
  std::string name = "Admit", version, openapi;
  bool payments = false, test = true;
  std::optional<std::string> publishable_key;
  static http::Shape shape() {
    using namespace http;
    return http::object<AboutJson>("About",
                             {required("name", &AboutJson::name), required("version", &AboutJson::version),
                              required("openapi", &AboutJson::openapi, url()),
                              required("payments", &AboutJson::payments, any().doc("Paid tickets can be sold.")),
                              required("test", &AboutJson::test, any().doc("No money moves.")),
                              required("publishableKey", &AboutJson::publishable_key, text(0, 300).nullable().doc("The payment provider's, for a frontend."))});
  }
};

bool is_loopback(std::string_view peer) { return peer.starts_with("127.") || peer == "::1" || peer.starts_with("::ffff:127."); }

}  // namespace

void add_system(http::Router& router, Services& services) {
  router.add({.verb = http::Verb::GET,
              .path_template = "/",
              .handler = [&services](Request&) {
                AboutJson about{.version = services.settings.version,
                                .openapi = services.settings.public_url + "/openapi.json",
                                .payments = services.payments_ready(),
                                .test = services.is_test()};
                if (!services.settings.publishable_key.empty()) about.publishable_key = services.settings.publishable_key;
                return reply(200, about);
              },
              .doc = {.operation_id = "about",
                      .summary = "What this is",
                      .tags = {"System"},
                      .replies = {http::json_reply<AboutJson>(200, "Name, version, and what a frontend needs.")}}});
  router.add({.verb = http::Verb::GET,
              .path_template = "/healthz",
              .handler = [](Request&) { return http::json_response(200, R"({"status":"ok"})"); },
              .doc = {.operation_id = "health",
                      .summary = "The process answers",
                      .tags = {"System"},
                      .replies = {http::json_reply<StatusJson>(200, "It does.")}}});
  router.add({.verb = http::Verb::GET,
              .path_template = "/readyz",
              .handler = [&services](Request&) -> Response {
                if (services.is_ready()) return http::json_response(200, R"({"status":"ready"})");
                return http::Problem{503, "not_ready", "The database cannot be reached, or the server is stopping.", "", 1};
              },
              .doc = {.operation_id = "readiness",
                      .summary = "Requests can be served: the database answers",
                      .tags = {"System"},
                      .replies = {http::json_reply<StatusJson>(200, "They can.")},
                      .problems = {{503, "not_ready", "They cannot now."}}}});
  router.add({.verb = http::Verb::GET,
              .path_template = "/metrics",
              .handler = [&services](Request& request) -> Response {
                // Behind a proxy everybody comes from this machine; a proxy says so.
                const bool is_proxied = request.header("X-Forwarded-For") || request.header("Forwarded");
                if (!services.metrics_text || is_proxied || !is_loopback(request.peer)) {
                  return http::Problem{404, "not_found", "Metrics are served to this machine only, or on another address.", "", 0};
                }
                return {200, "text/plain; version=0.0.4; charset=utf-8", services.metrics_text()};
              },
              .doc = {.operation_id = "metrics",
                      .summary = "Prometheus metrics, for this machine only",
                      .tags = {"System"},
                      .replies = {http::plain_reply(200, "Prometheus text.", "text/plain; version=0.0.4; charset=utf-8")},
                      .problems = {{404, "not_found", "From another machine."}}}});
  router.add({.verb = http::Verb::GET,
              .path_template = "/openapi.json",
              .handler = [&services, text = std::make_shared<std::string>(), once = std::make_shared<std::once_flag>()](Request&) {
                std::call_once(*once, [&] {
                  *text = http::openapi(*services.router, "Admit", services.settings.version, services.settings.public_url);
                });
                return http::json_response(200, *text);
              },
              .doc = {.operation_id = "openapi",
                      .summary = "This interface as OpenAPI 3.1",
                      .tags = {"System"},
                      .replies = {http::plain_reply(200, "OpenAPI 3.1.", "application/json", "{}")}}});
}

}  // namespace admit::api

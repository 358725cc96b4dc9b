// Health, metrics, and the documents made from the table of routes.

#include <mutex>

#include "api/services.hpp"
#include "http/openapi.hpp"

namespace admit::api {
namespace {

using http::Request;
using http::Response;
using http::Verb;

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

class System {
 public:
  System(Services& services, http::Handler front_page) : x(services), x_front_page(std::move(front_page)) {}

  /// A page for people, the same in short for programs.
  Response about(Request& request) {
    if (request.wants_page()) return x_front_page.call(request);
    AboutJson about{.version = x.settings.version,
                    .openapi = x.settings.public_url + "/openapi.json",
                    .payments = x.payments_ready(),
                    .test = x.is_test()};
    if (!x.settings.publishable_key.empty()) about.publishable_key = x.settings.publishable_key;
    Response out = reply(200, about);
    out.headers.push_back({"Vary", "Accept"});
    return out;
  }

  Response health(Request&) { return reply(200, StatusJson{"ok"}); }

  Response readiness(Request&) {
    if (x.is_ready()) return reply(200, StatusJson{"ready"});
    return http::Problem{503, "not_ready", "The database cannot be reached, or the server is stopping.", "", 1};
  }

  Response metrics(Request& request) {
    // Behind a proxy everybody comes from this machine; a proxy says so.
    const bool is_proxied = request.header("X-Forwarded-For") || request.header("Forwarded");
    if (!x.metrics_text || is_proxied || !is_loopback(request.peer)) {
      return http::Problem{404, "not_found", "Metrics are served to this machine only, or on another address.", "", 0};
    }
    return {200, "text/plain; version=0.0.4; charset=utf-8", x.metrics_text()};
  }

  Response openapi(Request&) {
    std::call_once(x_once, [this] {
      x_openapi = http::openapi(*x.router, "Admit", x.settings.version, x.settings.public_url);
    });
    return http::json_response(200, x_openapi);
  }

 private:
  Services& x;
  http::Handler x_front_page;
  std::once_flag x_once;
  std::string x_openapi;
};

}  // namespace

void add_system(http::Router& router, Services& services, http::Handler front_page) {
  const auto on = methods_of(std::make_shared<System>(services, std::move(front_page)));
  const Shared open{.tags = {"System"}};
  router.add(route(open, Verb::GET, "/", on(&System::about),
                   {.operation_id = "about",
                    .summary = "What this is",
                    .replies = {http::json_reply<AboutJson>(200, "Name, version, and what a frontend needs.")}}));
  router.add(route(open, Verb::GET, "/healthz", on(&System::health),
                   {.operation_id = "health",
                    .summary = "The process answers",
                    .replies = {http::json_reply<StatusJson>(200, "It does.")}}));
  router.add(route(open, Verb::GET, "/readyz", on(&System::readiness),
                   {.operation_id = "readiness",
                    .summary = "Requests can be served: the database answers",
                    .replies = {http::json_reply<StatusJson>(200, "They can.")},
                    .problems = {{503, "not_ready", "They cannot now."}}}));
  router.add(route(open, Verb::GET, "/metrics", on(&System::metrics),
                   {.operation_id = "metrics",
                    .summary = "Prometheus metrics, for this machine only",
                    .replies = {http::plain_reply(200, "Prometheus text.", "text/plain; version=0.0.4; charset=utf-8")},
                    .problems = {{404, "not_found", "From another machine."}}}));
  router.add(route(open, Verb::GET, "/openapi.json", on(&System::openapi),
                   {.operation_id = "openapi",
                    .summary = "This interface as OpenAPI 3.1",
                    .replies = {http::plain_reply(200, "OpenAPI 3.1.", "application/json", "{}")}}));
}

}  // namespace admit::api

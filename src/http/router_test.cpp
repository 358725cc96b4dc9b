#include "http/router.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

#include "http/json.hpp"
#include "http/openapi.hpp"
#include "http/target.hpp"

using namespace admit::http;

namespace {

Response nothing(Request&) {
  return {204, {}, {}};
}

Route route(Verb verb, std::string path, bool both_forms = false) {
  Route out;
  out.verb = verb;
  out.path_template = std::move(path);
  out.handler = nothing;
  out.options.both_slash_forms = both_forms;
  return out;
}

/// "TEMPLATE name=value ...", "405 ALLOW", "404" or "400".
std::string found(const Router& router, Verb verb, std::string_view path) {
  std::vector<TextPair> params;
  std::string decoded;
  decoded.reserve(path.size());
  const auto match = router.match(verb, path, params, decoded);
  if (match.bad_target) return "400";
  if (match.route == nullptr) return match.allowed == 0 ? "404" : "405 " + allow_words(match.allowed);
  std::string out = match.route->path_template;
  for (const auto& [name, value] : params) out += " " + std::string{name} + "=" + std::string{value};
  return out;
}

}  // namespace

TEST_CASE("router: paths find their routes") {
  Router router;
  router.add(route(Verb::GET, "/"));
  router.add(route(Verb::GET, "/v1/shows"));
  router.add(route(Verb::POST, "/v1/shows"));
  router.add(route(Verb::GET, "/v1/shows/{showId}"));
  router.add(route(Verb::GET, "/v1/shows/{showId}/check-ins/{n}"));
  router.add(route(Verb::DELETE, "/v1/shows/special"));
  router.add(route(Verb::GET, "/userTickets", true));
  router.add(route(Verb::GET, "/userTickets/{userId}"));
  struct Row {
    Verb verb;
    std::string_view path;
    std::string_view outcome;
  };
  for (const auto& row : std::initializer_list<Row>{
           {Verb::GET, "/", "/"},
           {Verb::GET, "/v1/shows", "/v1/shows"},
           {Verb::HEAD, "/v1/shows", "/v1/shows"},
           {Verb::PUT, "/v1/shows", "405 GET, HEAD, POST, OPTIONS"},
           {Verb::other, "/v1/shows", "405 GET, HEAD, POST, OPTIONS"},
           {Verb::GET, "/v1/shows/", "404"},
           {Verb::GET, "/v1/shows/a", "/v1/shows/{showId} showId=a"},
           {Verb::GET, "/v1/shows/a%2Fb%20c", "/v1/shows/{showId} showId=a/b c"},
           {Verb::GET, "/v1/shows/EVENT%23x", "/v1/shows/{showId} showId=EVENT#x"},
           {Verb::GET, "/v1/sho%77s/%C5%81", "/v1/shows/{showId} showId=Ł"},
           {Verb::GET, "/v1/shows/a/check-ins/%31", "/v1/shows/{showId}/check-ins/{n} showId=a n=1"},
           {Verb::GET, "/v1/shows/special", "405 DELETE, OPTIONS"},
           {Verb::DELETE, "/v1/shows/special", "/v1/shows/special"},
           {Verb::DELETE, "/v1/shows/other", "405 GET, HEAD, OPTIONS"},
           {Verb::GET, "/userTickets/", "/userTickets"},
           {Verb::GET, "/userTickets/x", "/userTickets/{userId} userId=x"},
           {Verb::GET, "/userTickets/x/", "404"},
           {Verb::GET, "//v1/shows", "404"},
           {Verb::GET, "/v1//shows", "404"},
           {Verb::GET, "/v1/shows/../x", "404"},
           {Verb::GET, "/V1/shows", "404"},
           {Verb::GET, "", "404"},
           {Verb::GET, "x", "404"},
           {Verb::GET, "/v1/shows/%", "400"},
           {Verb::GET, "/v1/shows/%4", "400"},
           {Verb::GET, "/v1/shows/%zz", "400"},
           {Verb::GET, "/v1/shows/%00", "400"},
           {Verb::GET, "/v1/shows/%0a", "400"},
           {Verb::GET, "/v1/shows/%ff", "400"},
           {Verb::GET, "/v1/shows/%c0%af", "400"},
       }) {
    CAPTURE(row.path);
    CHECK(found(router, row.verb, row.path) == row.outcome);
  }
}

TEST_CASE("router: a faulty table is told when it is built") {
  Router router;
  router.add(route(Verb::GET, "/a/{x}"));
  CHECK_THROWS_AS(router.add(route(Verb::GET, "/a/{y}")), std::logic_error);
  CHECK_THROWS_AS(router.add(route(Verb::GET, "a")), std::logic_error);
  CHECK_THROWS_AS(router.add(route(Verb::GET, "/a/")), std::logic_error);
  CHECK_THROWS_AS(router.add(route(Verb::GET, "/a//b")), std::logic_error);
  CHECK_THROWS_AS(router.add(route(Verb::GET, "/a/{x}/{x}")), std::logic_error);
  CHECK_THROWS_AS(router.add(route(Verb::GET, "/a/{x}.pdf")), std::logic_error);
  CHECK_THROWS_AS(router.add(route(Verb::HEAD, "/h")), std::logic_error);
  auto wrong = route(Verb::GET, "/w/{x}");
  wrong.doc.parameters = {path_param("y", text(1, 9))};
  CHECK_THROWS_AS(router.add(std::move(wrong)), std::logic_error);
}

TEST_CASE("target: percent and form encoding go both ways") {
  CHECK(percent_encode("a b/ł~-._") == "a%20b%2F%C5%82~-._");
  std::string out;
  CHECK(percent_decode("a%20b+c", false, out));
  CHECK(out == "a b+c");
  out.clear();
  CHECK(percent_decode("a+b", true, out));
  CHECK(out == "a b");
  const std::vector<FormField> fields{{"amount", "100"}, {"metadata[note]", "a&b=c\n+ł"}, {"empty", ""}};
  const auto text = write_form(fields);
  CHECK(text == "amount=100&metadata%5Bnote%5D=a%26b%3Dc%0A%2B%C5%82&empty=");
  CHECK(parse_form(text) == fields);
  CHECK(parse_form("a&b=") == std::vector<FormField>{{"a", ""}, {"b", ""}});
  CHECK(!parse_form("a=%"));
  CHECK(!parse_form("a=%ff"));
  CHECK(!parse_form("a&b&c", 2));
}

namespace {

struct Ask {
  std::string name;
  static Shape shape() { return object<Ask>("Ask", {required("name", &Ask::name, text(1, 20).example("Anna"))}); }
};
struct Reply {
  std::string id;
  std::optional<Ask> asked;
  static Shape shape() {
    return object<Reply>("Reply", {required("id", &Reply::id, uuid()), optional("asked", &Reply::asked)});
  }
};

Router documented() {
  Router router;
  Route one = route(Verb::POST, "/v1/things/{thingId}");
  one.doc = {.operation_id = "ask",
             .summary = "Asks.",
             .tags = {"things"},
             .security = {"user"},
             .parameters = {path_param("thingId", uuid({"THING#"})), query_param("limit", integer(1, 100)),
                            header_param("Idempotency-Key", text(1, 64), true)},
             .request = json_body<Ask>(),
             .replies = {json_reply<Reply>(201, "Asked."), plain_reply(200, "A page.", "text/html")},
             .problems = {{409, "conflict", "It was asked before."}}};
  router.add(std::move(one));
  auto hidden = route(Verb::GET, "/hidden");
  hidden.doc.is_hidden = true;
  router.add(std::move(hidden));
  return router;
}

}  // namespace

TEST_CASE("openapi: the document holds what the table says") {
  const auto router = documented();
  const auto document = boost::json::parse(openapi(router, "Admit", "1", "http://x"));
  CHECK(document.at("openapi").as_string() == "3.1.0");
  const auto& paths = document.at("paths").as_object();
  CHECK(paths.size() == 1);
  const auto& operation = paths.at("/v1/things/{thingId}").at("post");
  CHECK(operation.at("operationId").as_string() == "ask");
  CHECK(boost::json::serialize(operation.at("security")) == R"([{"user":[]}])");
  CHECK(operation.at("parameters").as_array().size() == 3);
  CHECK(operation.at("parameters").at(1).at("schema").at("maximum").as_int64() == 100);
  const auto& request = operation.at("requestBody").at("content").at("application/json");
  CHECK(boost::json::serialize(request.at("example")) == R"({"name":"Anna"})");
  const auto& responses = operation.at("responses").as_object();
  for (const auto* status : {"200", "201", "400", "401", "409", "413", "415", "422", "431", "503"}) {
    CAPTURE(status);
    CHECK(responses.contains(status));
  }
  CHECK(responses.at("409").at("content").as_object().contains("application/problem+json"));
  const auto& schemas = document.at("components").at("schemas").as_object();
  CHECK(schemas.at("Ask").as_object().contains("additionalProperties"));
  CHECK(!schemas.at("Reply").as_object().contains("additionalProperties"));
  CHECK(schemas.contains("Problem"));
  CHECK(document.at("components").at("securitySchemes").at("user").at("scheme").as_string() == "bearer");
}

TEST_CASE("openapi: a route says who may call it, to programs and to people") {
  Router router;
  Route one = route(Verb::GET, "/things");
  one.doc.description = "All of them.";
  one.doc.security = {"user", "key"};
  one.doc.capability = {"holder", "see_things"};
  one.doc.roles = {"owner", "manager"};
  router.add(std::move(one));
  const auto document = boost::json::parse(openapi(router, "Admit", "1", "http://x"));
  const auto& operation = document.at("paths").at("/things").at("get");
  CHECK(boost::json::serialize(operation.at("x-capability")) == R"(["holder","see_things"])");
  CHECK(boost::json::serialize(operation.at("x-roles")) == R"(["owner","manager"])");
  const std::string words = "Needs: any of `holder`, `see_things`; in a business the roles `owner`, `manager`.";
  CHECK(operation.at("description").as_string() == "All of them.\n\n" + words);
  CHECK(endpoints_markdown(router).contains("Bearer token: `user` or `key`. " + words));
}

TEST_CASE("openapi: the curl of a route runs with its variables set") {
  const auto router = documented();
  CHECK(curl_of(*router.routes()[0]) ==
        "curl -sS -X POST \"$BASE/v1/things/$THING_ID\" -H \"Authorization: Bearer $USER_TOKEN\" "
        "-H \"Idempotency-Key: text\" -H \"Content-Type: application/json\" -d \"{\\\"name\\\":\\\"Anna\\\"}\"");
  const auto page = endpoints_markdown(router);
  CHECK(page.find("## POST `/v1/things/{thingId}`") != std::string::npos);
  CHECK(page.find("| 409 | `conflict` | It was asked before. |") != std::string::npos);
  CHECK(page.find("hidden") == std::string::npos);
}

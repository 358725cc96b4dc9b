#include "http/server.hpp"

#include <doctest/doctest.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <thread>

#include "http/json.hpp"
#include "http/test_socket.hpp"
#include "log/log.hpp"

using namespace admit::http;
using std::chrono::milliseconds;

namespace {

struct Echo {
  std::string text_given;
  static Shape shape() { return object<Echo>("Echo", {required("text", &Echo::text_given, text(0, 100))}); }
};

Task wait_a_little(Request& request) {
  boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, milliseconds{100}};
  co_await timer.async_wait(boost::asio::use_awaitable);
  co_return Response{200, "text/plain", "waited " + std::string{request.query("n").value_or("")}};
}
Task wait_and_throw(Request&) {
  boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, milliseconds{1}};
  co_await timer.async_wait(boost::asio::use_awaitable);
  throw ServiceUnavailable{"the store is away", 7};
}

/// A server with routes of every kind and short limits.
struct TestServer {
  Router router;
  std::unique_ptr<Server> server;

  explicit TestServer(ServerOptions options = {}) {
    const auto add = [this](Verb verb, std::string path, Handler handler, RouteDoc doc = {}, RouteOptions route = {}) {
      router.add({verb, std::move(path), std::move(handler), std::move(doc), route});
    };
    add(Verb::GET, "/page", [](Request&) { return Response{200, "text/html; charset=utf-8", "<!doctype html>"}; });
    add(Verb::GET, "/hello", [](Request&) { return Response{200, "text/plain", "hello"}; });
    add(Verb::POST, "/echo", [](Request& request) { return Response{200, "text/plain", std::string{request.body}}; });
    add(Verb::POST, "/big",
        [](Request& request) { return Response{200, "text/plain", std::to_string(request.body.size())}; }, {},
        {.body_limit_bytes = 1024 * 1024});
    add(Verb::POST, "/json",
        [](Request& request) -> Response {
          auto body = read_json<Echo>(request.body);
          if (!body) return body.error();
          return json_response(201, write_json(*body));
        },
        {.request = json_body<Echo>()});
    add(Verb::POST, "/bare", [](Request&) { return Response{200, "text/plain", "done"}; }, {}, {.no_body = true});
    add(Verb::GET, "/large", [](Request&) { return Response{200, "text/plain", std::string(8 * 1024 * 1024, 'x')}; });
    add(Verb::GET, "/things/{id}",
        [](Request& request) {
          return Response{200, "text/plain",
                          std::string{request.param("id")} + "|" + std::string{request.query("n").value_or("-")} + "|" +
                              std::string{request.query("q").value_or("-")} + "|" +
                              std::string{request.bearer().value_or("-")} + "|" + std::string{request.peer}};
        },
        {.parameters = {path_param("id", text(1, 5)), query_param("n", integer(1, 9))}});
    add(Verb::GET, "/slow", [](Request& request) { return wait_a_little(request); });
    add(Verb::GET, "/away", [](Request& request) { return wait_and_throw(request); });
    add(Verb::GET, "/broken", [](Request&) -> Response { throw std::runtime_error("a secret"); });
    add(Verb::GET, "/split", [](Request&) {
      Response response{200, "text/plain", ""};
      response.headers = {{"X-Bad", "a\r\nSet-Cookie: x"}, {"X-Good", "1"}, {"Cache-Control", "public"}};
      return response;
    });
    options.tick = milliseconds{10};
    server = std::make_unique<Server>(std::move(options), router);
    server->start();
  }
  TestSocket connect() { return TestSocket{server->port()}; }
  /// One request on a connection of its own.
  TestReply ask(std::string_view bytes) {
    auto socket = connect();
    socket.send(bytes);
    return socket.read_reply(bytes.starts_with("HEAD"));
  }
  static std::string get(std::string_view path, std::string_view fields = "") {
    return "GET " + std::string{path} + " HTTP/1.1\r\nHost: x\r\n" + std::string{fields} + "\r\n";
  }
  static std::string post(std::string_view path, std::string_view body, std::string_view fields = "") {
    return "POST " + std::string{path} + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string{fields} + "\r\n" + std::string{body};
  }
};

}  // namespace

TEST_CASE("server: a reply carries its id and the headers that keep it safe") {
  TestServer server;
  const auto reply = server.ask(TestServer::get("/hello", "X-Request-Id: abc-1\r\n"));
  CHECK(reply.status == 200);
  CHECK(reply.body == "hello");
  CHECK(reply.keep_alive);
  for (const auto* words : {"X-Request-Id: abc-1\r\n", "Cache-Control: no-store", "X-Content-Type-Options: nosniff",
                            "Referrer-Policy: no-referrer", "Date: ", " GMT\r\n"}) {
    CHECK(reply.says(words));
  }
  CHECK(!server.ask(TestServer::get("/hello", "X-Request-Id: a b\r\n")).says("a b"));
  const auto split = server.ask(TestServer::get("/split"));
  CHECK(!split.says("Set-Cookie"));
  CHECK(split.says("X-Good: 1"));
  CHECK(split.says("Cache-Control: public"));
  CHECK(!split.says("no-store"));
}

TEST_CASE("server: pipelined requests are answered in order, slow ones too") {
  TestServer server;
  auto socket = server.connect();
  std::string all;
  for (int i = 0; i < 200; ++i) all += TestServer::get("/things/" + std::to_string(i));
  all += TestServer::get("/slow?n=1") + TestServer::post("/echo", "body") + TestServer::get("/hello");
  socket.send(all);
  for (int i = 0; i < 200; ++i) CHECK(socket.read_reply().body.starts_with(std::to_string(i) + "|"));
  CHECK(socket.read_reply().body == "waited 1");
  CHECK(socket.read_reply().body == "body");
  CHECK(socket.read_reply().body == "hello");
}

TEST_CASE("server: HEAD, OPTIONS, unknown paths and wrong verbs") {
  TestServer server;
  auto socket = server.connect();
  socket.send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n" + TestServer::get("/hello"));
  const auto head = socket.read_reply(true);
  CHECK(head.status == 200);
  CHECK(head.says("Content-Length: 5\r\n"));
  CHECK(socket.read_reply().body == "hello");
  const auto options = server.ask("OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(options.status == 204);
  CHECK(options.says("Allow: POST, OPTIONS\r\n"));
  CHECK(server.ask(TestServer::get("/nothing")).says("\"code\":\"not_found\""));
  const auto wrong = server.ask("BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(wrong.status == 405);
  CHECK(wrong.says("Allow: GET, HEAD, OPTIONS\r\n"));
  CHECK(wrong.says("application/problem+json"));
  CHECK(server.ask(TestServer::get("/hello/")).status == 404);
}

TEST_CASE("server: parameters are decoded, and checked before the handler runs") {
  TestServer server;
  const auto reply = server.ask(TestServer::get("/things/a%20b?n=3&q=%C5%81+x", "Authorization: bearer t0ken\r\n"));
  CHECK(reply.body == "a b|3|Ł x|t0ken|127.0.0.1");
  CHECK(server.ask(TestServer::get("/things/abcdef")).says("\"field\":\"id\""));
  CHECK(server.ask(TestServer::get("/things/a?n=10")).says("\"code\":\"bad_parameter\""));
  CHECK(server.ask(TestServer::get("/things/a?n=1&n=2")).says("more than once"));
  CHECK(server.ask(TestServer::get("/things/a?q=%zz")).says("\"code\":\"bad_target\""));
  CHECK(server.ask(TestServer::get("/things/%ff")).says("\"code\":\"bad_target\""));
  CHECK(server.ask(TestServer::get("/things/a", "Authorization: Bearer a b\r\n")).body == "a|-|-|-|127.0.0.1");
}

TEST_CASE("server: JSON bodies want their content type, and faults name the field") {
  TestServer server;
  CHECK(server.ask(TestServer::post("/json", R"({"text":"a"})")).status == 415);
  CHECK(server.ask(TestServer::post("/json", R"({"text":"a"})", "Content-Type: text/plain\r\n")).status == 415);
  const auto good =
      server.ask(TestServer::post("/json", R"({"text":"a"})", "Content-Type: application/JSON; charset=UTF-8\r\n"));
  CHECK(good.status == 201);
  CHECK(good.body == R"({"text":"a"})");
  const auto bad = server.ask(TestServer::post("/json", R"({"text":1})", "Content-Type: application/json\r\n"));
  CHECK(bad.status == 422);
  CHECK(bad.says("\"field\":\"text\""));
  CHECK(bad.says("\"requestId\":"));
}

TEST_CASE("server: oversized headers, targets and bodies get an answer and a close") {
  TestServer server;
  struct Row {
    std::string bytes;
    int status;
  };
  for (const auto& row : std::initializer_list<Row>{
           {TestServer::get("/" + std::string(9'000, 'a')), 414},
           {TestServer::get("/hello", "X: " + std::string(20'000, 'a') + "\r\n"), 431},
           {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + std::string(70'000, 'x'), 413},
           {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n" + std::string(0x20000, 'x'),
            413},
           {TestServer::get("/hello", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
           {TestServer::get("/hello", "X: a\r\n b\r\n"), 400},
           {TestServer::get("/hello", "Transfer-Encoding: gzip\r\n"), 501},
           {"GET /hello HTTP/3.0\r\nHost: x\r\n\r\n", 505},
           {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
           {"\x16\x03\x01 garbage", 400},
       }) {
    CAPTURE(row.bytes.substr(0, 80));
    auto socket = server.connect();
    socket.send(row.bytes);
    const auto reply = socket.read_reply();
    CHECK(reply.status == row.status);
    CHECK(!reply.keep_alive);
    CHECK(reply.says("application/problem+json"));
    CHECK(socket.is_closed());
  }
}

TEST_CASE("server: bodies come whole, in chunks, in pieces and after 100-continue") {
  TestServer server;
  auto socket = server.connect();
  socket.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  std::this_thread::sleep_for(milliseconds{20});
  socket.send("lo\r\n1\r\n!\r\n0\r\n\r\n" + TestServer::get("/hello"));
  CHECK(socket.read_reply().body == "hello!");
  CHECK(socket.read_reply().body == "hello");
  const std::string big(300'000, 'b');
  socket.send("POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\nExpect: 100-continue\r\n\r\n");
  CHECK(socket.read_reply().status == 100);
  socket.send(big + TestServer::get("/hello"));
  CHECK(socket.read_reply().body == "300000");
  CHECK(socket.read_reply().body == "hello");
  socket.send("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(socket.read_reply().status == 404);
  CHECK(socket.is_closed());
  auto chunked = server.connect();
  std::string pieces = "POST /big HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) pieces += "1000\r\n" + std::string(0x1000, 'c') + "\r\n";
  chunked.send(pieces + "0\r\n\r\n" + TestServer::get("/hello"));
  CHECK(chunked.read_reply().body == std::to_string(100 * 0x1000));
  CHECK(chunked.read_reply().body == "hello");
}

TEST_CASE("server: slow and silent clients are let go") {
  ServerOptions options;
  options.idle_limit = milliseconds{150};
  options.header_limit = milliseconds{150};
  options.body_limit = milliseconds{150};
  options.write_limit = milliseconds{150};
  TestServer server{options};
  auto silent = server.connect();
  CHECK(silent.read_reply().status == 0);
  CHECK(silent.is_closed());
  auto slow = server.connect();
  for (const char c : std::string_view{"GET /hello"}) {  // a byte now and then does not prolong it
    slow.send({&c, 1});
    std::this_thread::sleep_for(milliseconds{30});
  }
  CHECK(slow.read_reply().status == 408);
  CHECK(slow.is_closed());
  auto half_body = server.connect();
  half_body.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
  CHECK(half_body.read_reply().status == 408);
  CHECK(half_body.is_closed());
  auto deaf = server.connect();  // does not read the 8 MB it asks for
  deaf.send(TestServer::get("/large"));
  for (int i = 0; i < 300 && server.server->stats().open > 0; ++i) std::this_thread::sleep_for(milliseconds{10});
  CHECK(server.server->stats().open == 0);
}

TEST_CASE("server: a half-open connection gets the answers it asked for") {
  TestServer server;
  auto socket = server.connect();
  socket.send(TestServer::get("/slow") + TestServer::get("/hello"));
  socket.finish_sending();
  CHECK(socket.read_reply().body == "waited ");
  CHECK(socket.read_reply().body == "hello");
  CHECK(socket.is_closed());
}

TEST_CASE("server: HTTP/1.0 closes unless asked not to") {
  TestServer server;
  auto once = server.connect();
  once.send("GET /hello HTTP/1.0\r\n\r\n");
  CHECK(once.read_reply().body == "hello");
  CHECK(once.is_closed());
  auto kept = server.connect();
  kept.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(kept.read_reply().says("Connection: keep-alive"));
  kept.send("GET /hello HTTP/1.0\r\n\r\n");
  CHECK(kept.read_reply().body == "hello");
}

TEST_CASE("server: an exception becomes a problem that tells nothing") {
  std::string lines;
  admit::log::configure({.capture = [&lines](std::string_view line) {
    lines += line;
  }});
  {
    TestServer server;
    const auto broken = server.ask(TestServer::get("/broken"));
    CHECK(broken.status == 500);
    CHECK(broken.says("\"code\":\"internal\""));
    CHECK(!broken.says("secret"));
    const auto away = server.ask(TestServer::get("/away"));
    CHECK(away.status == 503);
    CHECK(away.says("\"code\":\"unavailable\""));
    CHECK(away.says("Retry-After: 7\r\n"));
    CHECK(!away.says("is away"));
    CHECK(server.ask(TestServer::get("/things/a?n=1")).status == 200);
  }
  admit::log::configure({});
  CHECK(lines.find("/broken") != std::string::npos);
  CHECK(lines.find("/things/a") == std::string::npos);
}

TEST_CASE("server: a route that takes no body takes an empty one, or an empty object") {
  TestServer server;
  for (const auto* body : {"", "{}", " {\r\n\t} "}) CHECK(server.ask(TestServer::post("/bare", body)).status == 200);
  for (const auto* body : {"{", "}", "{}{}", "{\"a\":1}", "null", "[]", "x"}) {
    CAPTURE(body);
    const auto reply = server.ask(TestServer::post("/bare", body));
    CHECK(reply.status == 400);
    CHECK(reply.says("\"code\":\"unexpected_body\""));
  }
}

TEST_CASE("server: a flood that meets a full queue is told of once, and without many digits") {
  std::mutex mutex;
  std::vector<std::string> lines;
  admit::log::configure({.capture = [&](std::string_view line) {
    const std::lock_guard lock(mutex);
    lines.emplace_back(line);
  }});
  {
    TestServer server{{.access_log = true}};
    for (int i = 0; i < 20; ++i) CHECK(server.ask(TestServer::get("/away")).status == 503);
  }
  admit::log::configure({});
  std::size_t told = 0;
  std::size_t requests = 0;
  std::uint64_t left_out = 0;
  for (const auto& line : lines) {
    CAPTURE(line);
    if (line.contains("request met a full queue")) {
      ++told;
      CHECK(line.contains("\"level\":\"warning\""));
      left_out += std::stoull(line.substr(line.find("\"leftOut\":") + 10));
    }
    CHECK_FALSE(line.contains("\"level\":\"error\""));
    if (line.contains("\"msg\":\"request\"")) {
      ++requests;
      CHECK(line.contains("\"level\":\"info\""));
      const auto begin = line.find("\"ms\":") + 5;
      const auto number = line.substr(begin, line.find(',', begin) - begin);
      CHECK(number.size() - std::min(number.size(), number.find('.')) <= 4);
    }
  }
  CHECK(requests == 20);
  CHECK(told >= 1);
  CHECK(told + left_out <= 20);
}

TEST_CASE("server: connections beyond the bound get 503") {
  ServerOptions options;
  options.max_connections = 2;
  TestServer server{options};
  auto first = server.connect();
  auto second = server.connect();
  first.send(TestServer::get("/hello"));
  second.send(TestServer::get("/hello"));
  CHECK(first.read_reply().status == 200);
  CHECK(second.read_reply().status == 200);
  auto third = server.connect();
  CHECK(third.read_reply().status == 503);
  CHECK(third.is_closed());
  CHECK(server.server->stats().refused == 1);
}

TEST_CASE("server: other origins are answered by the list alone") {
  ServerOptions options;
  options.cors_origins = {"https://shop.example"};
  TestServer server{options};
  CHECK(server.ask(TestServer::get("/hello", "Origin: https://shop.example\r\n"))
            .says("Access-Control-Allow-Origin: https://shop.example\r\n"));
  for (const auto* other : {"https://evil.example", "http://shop.example", "https://shop.example.evil.example",
                            "https://shop.example:8443", "null", "https://SHOP.example"}) {
    CHECK(!server.ask(TestServer::get("/hello", "Origin: " + std::string{other} + "\r\n")).says("Access-Control"));
  }
  CHECK(!server.ask(TestServer::get("/hello", "Origin: https://shop.example\r\n")).says("Allow-Credentials"));
  const auto preflight = server.ask(
      "OPTIONS /echo HTTP/1.1\r\nHost: x\r\nOrigin: https://shop.example\r\nAccess-Control-Request-Method: "
      "POST\r\n\r\n");
  CHECK(preflight.status == 204);
  CHECK(preflight.says("Access-Control-Allow-Methods: POST, OPTIONS"));
  CHECK(preflight.says("Authorization"));
}

TEST_CASE("server: behind a proxy the peer is the one the proxy names") {
  ServerOptions options;
  options.trusted_proxies = {*Network::parse("127.0.0.0/8")};
  TestServer server{options};
  CHECK(server.ask(TestServer::get("/things/a", "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n")).says("|203.0.113.9"));
  CHECK(server.ask(TestServer::get("/things/a", "X-Forwarded-For: <script>\r\n")).says("|127.0.0.1"));
  TestServer bare;
  CHECK(bare.ask(TestServer::get("/things/a", "X-Forwarded-For: 203.0.113.9\r\n")).says("|127.0.0.1"));
}

TEST_CASE("server: who asks too often is told when to come back, and nothing else") {
  ServerOptions options;
  RateLimitOptions limits;
  limits.address[static_cast<std::size_t>(RouteClass::read)] = 3;
  limits.caller[static_cast<std::size_t>(RouteClass::read)] = 2;
  limits.class_of = [](const Route& route) {
    return route.path_template == "/slow" ? RouteClass::exempt : RouteClass::read;
  };
  limits.caller_of = [](const Request& request) {
    return std::string{request.bearer().value_or("")};
  };
  options.rate_limits = limits;
  options.trusted_proxies = {*Network::parse("127.0.0.1")};
  TestServer server{options};
  const auto ask = [&](std::string_view path, std::string_view from, std::string_view token = "") {
    return server.ask(
        TestServer::get(path, "X-Forwarded-For: " + std::string{from} + "\r\n" +
                                  (token.empty() ? "" : "Authorization: Bearer " + std::string{token} + "\r\n")));
  };
  const auto first = ask("/hello", "192.0.2.1");
  CHECK(first.says("RateLimit-Policy: \"address-read\";q=3;w=60\r\nRateLimit: \"address-read\";r=2;t=20\r\n"));
  CHECK(ask("/no/such/path", "192.0.2.1").status == 404);
  CHECK(ask("/hello", "192.0.2.1").says("r=0;t=60"));
  const auto refused = ask("/hello", "192.0.2.1");
  CHECK(refused.status == 429);
  CHECK(refused.says("Retry-After: 20\r\n"));
  CHECK(refused.says("too_many_requests"));
  CHECK(ask("/no/such/path", "192.0.2.1").status == 429);
  CHECK(ask("/slow", "192.0.2.1").status == 200);
  CHECK(ask("/hello", "192.0.2.2").status == 200);
  // A caller is the same from anywhere.
  CHECK(ask("/hello", "198.51.100.1", "ada").says("RateLimit: \"caller-read\";r=1;t=30"));
  CHECK(ask("/hello", "198.51.100.2", "ada").status == 200);
  CHECK(ask("/hello", "198.51.100.3", "ada").status == 429);
  CHECK(ask("/hello", "198.51.100.3", "bob").status == 200);
  CHECK(server.server->stats().limited == 3);
}

TEST_CASE("server: a browser is shown a page where there is nothing, everybody else the problem") {
  TestServer server;
  server.router.absent_page = [](Request& request) {
    return Response{404, "text/html; charset=utf-8", "nothing, " + std::string{request.query("lang").value_or("-")}};
  };
  const std::string browser = "Accept: text/html,application/xhtml+xml\r\n";
  const auto page = server.ask(TestServer::get("/account/nope?lang=de", browser));
  CHECK(page.status == 404);
  CHECK(page.body == "nothing, de");
  CHECK(server.ask(TestServer::get("/account/nope", browser)).body == "nothing, -");
  const auto plain = server.ask(TestServer::get("/account/nope"));
  CHECK(plain.status == 404);
  CHECK(plain.says("application/problem+json"));
  CHECK(server.ask(TestServer::get("/hello", browser)).body == "hello");
}

TEST_CASE("server: pages carry what keeps other sites out, replies under https what keeps http out") {
  ServerOptions options;
  options.is_https = true;
  TestServer server{options};
  const auto page = server.ask(TestServer::get("/page"));
  CHECK(page.says("Strict-Transport-Security: max-age=31536000"));
  CHECK(page.says("Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"));
  CHECK(page.says("Permissions-Policy: "));
  CHECK(page.says("Cross-Origin-Resource-Policy: same-origin\r\n"));
  CHECK(page.says("X-Content-Type-Options: nosniff\r\n"));
  CHECK(page.says("Referrer-Policy: no-referrer\r\n"));
  const auto reply = server.ask(TestServer::get("/hello"));
  CHECK(reply.says("Strict-Transport-Security"));
  CHECK(!reply.says("Permissions-Policy"));
  CHECK(reply.says("Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"));
  TestServer plain;
  CHECK(!plain.ask(TestServer::get("/page")).says("Strict-Transport-Security"));
}

TEST_CASE("server: stopping answers what has arrived and ends the rest") {
  TestServer server;
  auto idle = server.connect();
  idle.send(TestServer::get("/hello"));
  CHECK(idle.read_reply().status == 200);
  auto busy = server.connect();
  busy.send(TestServer::get("/slow?n=1") + TestServer::get("/slow?n=2"));
  std::this_thread::sleep_for(milliseconds{50});
  bool clean = false;
  std::thread stopper{[&] {
    clean = server.server->stop(milliseconds{5'000});
  }};
  const auto first = busy.read_reply();
  CHECK(first.body == "waited 1");
  const auto second = busy.read_reply();
  CHECK(second.body == "waited 2");
  CHECK(!second.keep_alive);
  CHECK(busy.is_closed());
  CHECK(idle.is_closed());
  stopper.join();
  CHECK(clean);
  CHECK_THROWS(server.connect());
}

TEST_CASE("server: stopping has a limit") {
  TestServer server;
  auto stuck = server.connect();
  stuck.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
  std::this_thread::sleep_for(milliseconds{50});
  CHECK(!server.server->stop(milliseconds{50}));
}

TEST_CASE("server: a taken port is refused, also one taken by another server of ours") {
  TestServer server;
  ServerOptions options;
  options.port = server.server->port();
  CHECK_THROWS_AS((Server{options, server.router}), std::system_error);
}

TEST_CASE("server: the counters tell routes and classes apart") {
  TestServer server;
  CHECK(server.ask(TestServer::get("/hello")).status == 200);
  CHECK(server.ask(TestServer::get("/nothing")).status == 404);
  std::uint64_t hello = 0;
  std::uint64_t nothing = 0;
  for (const auto& route : server.server->stats().routes) {
    if (route.route == nullptr) nothing = route.by_class[4];
    if (route.route != nullptr && route.route->path_template == "/hello") hello = route.by_class[2];
  }
  CHECK(hello == 1);
  CHECK(nothing == 1);
}

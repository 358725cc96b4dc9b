#include "http/client.hpp"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdio>
#include <functional>
#include <thread>

#include "http/server.hpp"
#include "http/test_socket.hpp"

using namespace admit::http;
using std::chrono::milliseconds;

namespace {

Task never_soon(Request&) {
  boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, milliseconds{300}};
  co_await timer.async_wait(boost::asio::use_awaitable);
  co_return Response{200, "text/plain", "late"};
}

struct Origin {
  Router router;
  std::unique_ptr<Server> server;
  std::string base;
  Origin() {
    router.add({Verb::GET, "/hello", [](Request&) { return Response{200, "text/plain", "hello"}; }, {}, {}});
    router.add({Verb::POST,
                "/echo",
                [](Request& request) {
                  Response response{201, "text/plain", std::string{request.body}};
                  response.headers.push_back({"X-Seen", std::string{request.header("x-given").value_or("")}});
                  return response;
                },
                {},
                {.body_limit_bytes = 2'000'000}});
    router.add({Verb::GET, "/late", [](Request& request) { return never_soon(request); }, {}, {}});
    server = std::make_unique<Server>(ServerOptions{.tick = milliseconds{10}}, router);
    server->start();
    base = "http://127.0.0.1:" + std::to_string(server->port());
  }
};

/// A listener whose connections are each handed to `serve`, one after another.
class RawOrigin {
 public:
  explicit RawOrigin(std::function<void(int)> serve) : x_listener(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(x_listener, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(x_listener, 8);
    socklen_t size = sizeof address;
    ::getsockname(x_listener, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    x_thread = std::thread{[this, serve = std::move(serve)] {
      while (true) {
        const int connection = ::accept(x_listener, nullptr, nullptr);
        if (connection < 0) return;
        ++connections;
        serve(connection);
        ::close(connection);
      }
    }};
  }
  ~RawOrigin() {
    ::shutdown(x_listener, SHUT_RDWR);
    x_thread.join();
    ::close(x_listener);
  }
  RawOrigin(const RawOrigin&) = delete;
  RawOrigin& operator=(const RawOrigin&) = delete;
  std::uint16_t port = 0;
  std::atomic<int> connections{0};

 private:
  int x_listener;
  std::thread x_thread;
};

void receive_some(int connection) {
  char bytes[4096];
  [[maybe_unused]] const auto size = ::recv(connection, bytes, sizeof bytes, 0);
}
void answer(int connection, std::string_view bytes) {
  [[maybe_unused]] const auto size = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

/// A key and a certificate for the name localhost that it signed itself.
struct Certificate {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* x509 = X509_new();
  std::string file = "/tmp/admit_http_test_" + std::to_string(::getpid()) + ".pem";
  Certificate() {
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    auto* const name = X509_get_subject_name(x509);
    const unsigned char text[] = "localhost";
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(x509, name);
    auto* const names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x509, key, EVP_sha256());
    auto* const out = std::fopen(file.c_str(), "w");
    PEM_write_X509(out, x509);
    std::fclose(out);
  }
  ~Certificate() {
    std::remove(file.c_str());
    X509_free(x509);
    EVP_PKEY_free(key);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
};

std::vector<Address> this_machine(const std::string&) {
  return {*Address::parse("127.0.0.1")};
}

}  // namespace

TEST_CASE("client: requests go out and replies come back over a kept connection") {
  Origin origin;
  Client client;
  for (int i = 0; i < 5; ++i) {
    const auto reply = client.send_blocking({.url = origin.base + "/hello"});
    REQUIRE(reply);
    CHECK(reply->status == 200);
    CHECK(reply->body == "hello");
  }
  CHECK(origin.server->stats().accepted == 1);
  const std::string big(1'000'000, 'x');
  const auto echoed = client.send_blocking(
      {.method = "POST", .url = origin.base + "/echo", .headers = {{"X-Given", "1"}}, .body = big});
  REQUIRE(echoed);
  CHECK(echoed->status == 201);
  CHECK(echoed->body == big);
  CHECK(echoed->header("x-seen") == "1");
  const auto head = client.send_blocking({.method = "HEAD", .url = origin.base + "/hello"});
  REQUIRE(head);
  CHECK(head->body.empty());
}

TEST_CASE("client: a coroutine waits without blocking its thread") {
  Origin origin;
  Client client;
  boost::asio::io_context context;
  auto one = boost::asio::co_spawn(context, client.send({.url = origin.base + "/late"}), boost::asio::use_future);
  auto two = boost::asio::co_spawn(context, client.send({.url = origin.base + "/hello"}), boost::asio::use_future);
  context.run();
  CHECK(one.get()->body == "late");
  CHECK(two.get()->body == "hello");
}

TEST_CASE("client: the outcome tells whether the request may have been carried out") {
  Client client;
  struct Row {
    const char* what;
    std::function<void(int)> serve;
    ClientFault fault;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"closes unanswered", [](int at) { receive_some(at); }, ClientFault::reset},
           {"breaks off",
            [](int at) {
              receive_some(at);
              answer(at, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
            },
            ClientFault::reset},
           {"says nonsense",
            [](int at) {
              receive_some(at);
              answer(at, "SSH-2.0\r\n\r\n");
            },
            ClientFault::bad_reply},
           {"says too much",
            [](int at) {
              receive_some(at);
              answer(at, "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n");
            },
            ClientFault::too_big},
           {"says too much in chunks",
            [](int at) {
              receive_some(at);
              answer(at, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n");
            },
            ClientFault::too_big},
           {"says nothing",
            [](int at) {
              receive_some(at);
              receive_some(at);
            },
            ClientFault::timed_out},
       }) {
    CAPTURE(row.what);
    RawOrigin origin{row.serve};
    const auto reply = client.send_blocking({.method = "POST",
                                             .url = "http://127.0.0.1:" + std::to_string(origin.port) + "/x",
                                             .body = "x",
                                             .total_limit = milliseconds{300}});
    REQUIRE(!reply);
    CHECK(reply.error().fault == row.fault);
    CHECK(reply.error().maybe_sent);
    CHECK(reply.error().detail.find("/x") == std::string::npos);
    CHECK(origin.connections == 1);
  }
  for (const auto* url : {"http://127.0.0.1:1/", "http://no-such-host.invalid/"}) {
    const auto reply = client.send_blocking({.url = url});
    REQUIRE(!reply);
    CHECK(reply.error().fault == ClientFault::not_connected);
    CHECK(!reply.error().maybe_sent);
  }
}

TEST_CASE("client: what could be read as two requests is not sent") {
  Client client;
  for (const auto& request : std::initializer_list<ClientRequest>{{.url = "ftp://x/"},
                                                                  {.url = "http:///"},
                                                                  {.url = "http://u@h/"},
                                                                  {.url = "http://h:0/"},
                                                                  {.url = "http://h/a b"},
                                                                  {.url = "http://h/", .headers = {{"X", "a\r\nY: b"}}},
                                                                  {.url = "http://h/", .headers = {{"X Y", "a"}}},
                                                                  {.method = "GET /", .url = "http://h/"}}) {
    const auto reply = client.send_blocking(request);
    REQUIRE(!reply);
    CHECK(reply.error().fault == ClientFault::bad_request);
  }
}

TEST_CASE("client: a reply may end with its connection, be chunked, or come after 100") {
  Client client;
  for (const auto* bytes : {"HTTP/1.1 200 OK\r\n\r\nwhole",
                            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nwh\r\n3\r\nole\r\n0\r\n\r\n"}) {
    RawOrigin origin{[bytes](int at) {
      receive_some(at);
      answer(at, bytes);
    }};
    const auto reply = client.send_blocking({.url = "http://127.0.0.1:" + std::to_string(origin.port)});
    REQUIRE(reply);
    CHECK(reply->body == "whole");
  }
  RawOrigin elsewhere{[](int at) {
    receive_some(at);
    answer(at, "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n");
  }};
  const auto reply = client.send_blocking({.url = "http://127.0.0.1:" + std::to_string(elsewhere.port)});
  REQUIRE(reply);
  CHECK(reply->status == 302);
  CHECK(elsewhere.connections == 1);
}

TEST_CASE("client: a kept connection that went away is replaced, a request that may not be repeated is not") {
  // Answers the first request of a connection; at the second it closes without a word.
  RawOrigin origin{[](int at) {
    receive_some(at);
    answer(at, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    receive_some(at);
  }};
  const auto url = "http://127.0.0.1:" + std::to_string(origin.port) + "/";
  Client client;
  REQUIRE(client.send_blocking({.url = url}));
  REQUIRE(client.send_blocking({.url = url}));
  CHECK(origin.connections == 2);
  const auto post = client.send_blocking({.method = "POST", .url = url});
  REQUIRE(!post);
  CHECK(post.error().fault == ClientFault::reset);
  CHECK(post.error().maybe_sent);
  CHECK(origin.connections == 2);
  REQUIRE(client.send_blocking({.method = "POST", .url = url, .is_repeatable = true}));
}

TEST_CASE("client: connections to an origin are bounded, those who wait get their turn") {
  Origin origin;
  Client client{{.max_connections_per_origin = 2}};
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (client.send_blocking({.url = origin.base + "/late"})) ++good;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(good == 8);
  CHECK(origin.server->stats().accepted == 2);
}

TEST_CASE("client: stopping ends what is under way") {
  RawOrigin origin{[](int at) {
    receive_some(at);
    receive_some(at);
  }};
  auto client = std::make_unique<Client>();
  boost::asio::io_context context;
  auto waiting = boost::asio::co_spawn(
      context, client->send({.url = "http://127.0.0.1:" + std::to_string(origin.port)}), boost::asio::use_future);
  std::thread runner{[&] {
    context.run();
  }};
  std::this_thread::sleep_for(milliseconds{100});
  client.reset();
  runner.join();
  const auto reply = waiting.get();
  REQUIRE(!reply);
  CHECK(reply.error().fault == ClientFault::stopped);
}

TEST_CASE("client: addresses that others entered lead to the public only") {
  Origin origin;
  const auto port = origin.base.substr(origin.base.rfind(':'));
  std::vector<std::string> asked;
  std::vector<Address> found;
  Client client{{.public_only = true, .resolve = [&](const std::string& host) {
                   asked.push_back(host);
                   return found;
                 }}};
  const auto fault = [&](const std::string& url) {
    const auto reply = client.send_blocking({.url = url, .connect_limit = milliseconds{50}});
    return reply ? "answered" : std::string{word(reply.error().fault)};
  };
  for (const auto* host : {"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254", "100.64.0.1",
                           "[64:ff9b::7f00:1]", "[fe80::1]", "224.0.0.1", "0.0.0.0"}) {
    CHECK_MESSAGE(fault("http://" + std::string{host} + port + "/hello") == "not_public", std::string{host});
  }
  CHECK(asked.empty());
  found = {*Address::parse("127.0.0.1"), *Address::parse("::1"), *Address::parse("192.168.0.1")};
  CHECK(fault("http://hooks.example" + port + "/hello") == "not_public");
  // Resolved once a connection: what was looked at is what is called.
  CHECK(asked == std::vector<std::string>{"hooks.example"});
  CHECK(origin.server->stats().accepted == 0);
  Client ours{{.resolve = this_machine}};
  CHECK(ours.send_blocking({.url = "http://hooks.example" + port + "/hello"}).has_value());
}

TEST_CASE("client: a redirect is an answer, and is not followed") {
  Origin origin;
  RawOrigin away{[&](int at) {
    char bytes[4096];
    (void)!::read(at, bytes, sizeof bytes);
    const std::string reply = "HTTP/1.1 302 Found\r\nLocation: " + origin.base + "/hello\r\nContent-Length: 0\r\n\r\n";
    (void)!::write(at, reply.data(), reply.size());
  }};
  Client client;
  const auto reply = client.send_blocking({.url = "http://127.0.0.1:" + std::to_string(away.port) + "/"});
  REQUIRE(reply);
  CHECK(reply->status == 302);
  CHECK(origin.server->stats().accepted == 0);
}

TEST_CASE("client: TLS needs a trusted chain and the right name") {
  Certificate certificate;
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(context, certificate.x509);
  SSL_CTX_use_PrivateKey(context, certificate.key);
  {
    RawOrigin origin{[context](int at) {
      SSL* const ssl = SSL_new(context);
      SSL_set_fd(ssl, at);
      if (SSL_accept(ssl) == 1) {
        char bytes[4096];
        const std::string_view reply = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret";
        if (SSL_read(ssl, bytes, sizeof bytes) > 0) SSL_write(ssl, reply.data(), static_cast<int>(reply.size()));
        SSL_shutdown(ssl);
      }
      SSL_free(ssl);
      ERR_clear_error();
    }};
    const auto port = std::to_string(origin.port);
    Client strangers;
    const auto untrusted = strangers.send_blocking({.url = "https://localhost:" + port + "/"});
    REQUIRE(!untrusted);
    CHECK(untrusted.error().fault == ClientFault::bad_certificate);
    CHECK(!untrusted.error().maybe_sent);
    Client trusting{{.ca_file = certificate.file}};
    const auto reply = trusting.send_blocking({.url = "https://localhost:" + port + "/"});
    REQUIRE(reply);
    CHECK(reply->body == "secret");
    const auto wrong_name = trusting.send_blocking({.url = "https://127.0.0.1:" + port + "/"});
    REQUIRE(!wrong_name);
    CHECK(wrong_name.error().fault == ClientFault::bad_certificate);
  }
  SSL_CTX_free(context);
}

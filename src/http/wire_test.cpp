#include "http/wire.hpp"

#include <doctest/doctest.h>

using namespace admit::http;
using wire::Fault;
using wire::Progress;

namespace {

struct Parsed {
  Progress progress;
  wire::RequestHead head;
};

Parsed parse(std::string_view bytes, wire::HeadLimits limits = {}) {
  static std::vector<TextPair> headers;
  std::size_t scanned = 0;
  Parsed out{};
  out.progress = wire::parse_request_head(bytes, limits, scanned, out.head, headers);
  return out;
}

std::string with(std::string_view fields) {
  return "POST /x?a=b HTTP/1.1\r\nHost: h\r\n" + std::string{fields} + "\r\n";
}

}  // namespace

TEST_CASE("wire: a request head is taken apart") {
  const auto bytes = with("Content-Length: 5\r\nX: a b\t\r\nConnection: foo, Close\r\n");
  const auto message = bytes + "hello";
  const auto [progress, head] = parse(message);
  REQUIRE(progress == Progress::done);
  CHECK(head.verb == Verb::POST);
  CHECK(head.path == "/x");
  CHECK(head.query == "a=b");
  CHECK(head.content_length == 5);
  CHECK(!head.keep_alive);
  CHECK(head.size_bytes == bytes.size());
}

TEST_CASE("wire: a head may come in any portions") {
  const auto bytes = with("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n");
  std::vector<TextPair> headers;
  std::size_t scanned = 0;
  wire::RequestHead head;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    REQUIRE(wire::parse_request_head(std::string_view{bytes}.substr(0, size), {}, scanned, head, headers) ==
            Progress::more);
  }
  REQUIRE(wire::parse_request_head(bytes, {}, scanned, head, headers) == Progress::done);
  CHECK(head.is_chunked);
  CHECK(head.expects_continue);
  CHECK(headers.size() == 3);
}

TEST_CASE("wire: what two readers could read differently is refused") {
  struct Row {
    std::string bytes;
    Fault fault;
  };
  const std::string start = "GET / HTTP/1.1\r\n";
  for (const auto& row : std::initializer_list<Row>{
           {with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Fault::malformed},
           {with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), Fault::malformed},
           {with("Content-Length: 5\r\nContent-Length: 5\r\n"), Fault::malformed},
           {with("Content-Length: 5, 5\r\n"), Fault::malformed},
           {with("Content-Length: +5\r\n"), Fault::malformed},
           {with("Content-Length: 0x5\r\n"), Fault::malformed},
           {with("Content-Length: -1\r\n"), Fault::malformed},
           {with("Content-Length:\r\n"), Fault::malformed},
           {with("Content-Length: 99999999999999999999\r\n"), Fault::malformed},
           {with("Transfer-Encoding: chunked, identity\r\n"), Fault::unknown_coding},
           {with("Transfer-Encoding: gzip, chunked\r\n"), Fault::unknown_coding},
           {with("Transfer-Encoding: xchunked\r\n"), Fault::unknown_coding},
           {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Fault::malformed},
           {with("Transfer-Encoding : chunked\r\n"), Fault::malformed},
           {with("X: a\r\n b\r\n"), Fault::malformed},
           {with(" X: a\r\n"), Fault::malformed},
           {with("X: a\nY: b\r\n"), Fault::malformed},
           {with("X: a\rb\r\n"), Fault::malformed},
           {with(std::string("X: a\0b\r\n", 8)), Fault::malformed},
           {with("X\r\n"), Fault::malformed},
           {with(": x\r\n"), Fault::malformed},
           {with("Host: other\r\n"), Fault::malformed},
           {with("Expect: something\r\n"), Fault::expectation_failed},
           {start + "\r\n", Fault::malformed},
           {start + "Host: a/b\r\n\r\n", Fault::malformed},
           {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Fault::malformed},
           {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", Fault::unknown_version},
           {"GET / http/1.1\r\nHost: h\r\n\r\n", Fault::malformed},
           {"GET /\r\n\r\n", Fault::malformed},
           {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", Fault::malformed},
           {"GET / x HTTP/1.1\r\nHost: h\r\n\r\n", Fault::malformed},
           {"G@T / HTTP/1.1\r\nHost: h\r\n\r\n", Fault::malformed},
           {"GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", Fault::bad_target},
           {"GET /\xc5\x81 HTTP/1.1\r\nHost: h\r\n\r\n", Fault::bad_target},
           {"GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", Fault::bad_target},
           {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", Fault::bad_target},
           {"GET a/b HTTP/1.1\r\nHost: h\r\n\r\n", Fault::bad_target},
           {"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", Fault::bad_target},
           {"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", Fault::bad_target},
           {std::string("\x16\x03\x01\x02\x00\x01", 6), Fault::malformed},
           {"GET / HTTP/1.1\nHost: h\n\n", Fault::malformed},
       }) {
    CAPTURE(row.bytes);
    const auto [progress, head] = parse(row.bytes);
    CHECK(progress == Progress::failed);
    CHECK(head.fault == row.fault);
  }
}

TEST_CASE("wire: sizes are bounded before and after the head is whole") {
  const std::string long_target(10'000, 'a');
  CHECK(parse("GET /" + long_target).head.fault == Fault::target_too_long);
  CHECK(parse("GET /" + long_target + " HTTP/1.1\r\nHost: h\r\n\r\n").head.fault == Fault::target_too_long);
  const std::string long_field = "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a');
  CHECK(parse(long_field).head.fault == Fault::head_too_big);
  CHECK(parse(long_field + "\r\n\r\n").head.fault == Fault::head_too_big);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "A: b\r\n";
  CHECK(parse(with(many)).head.fault == Fault::head_too_big);
  CHECK(parse("GET /" + std::string(8'000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n").progress == Progress::done);
}

TEST_CASE("wire: an absolute target is read as its path") {
  const auto [progress, head] = parse("GET http://h:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(progress == Progress::done);
  CHECK(head.path == "/a");
  CHECK(head.query == "b");
  CHECK(parse("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").head.path == "/");
  CHECK(parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").head.path == "*");
}

TEST_CASE("wire: chunks are put together in any portions, and only well-formed ones") {
  const std::string_view whole = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: a\r\n\r\nNEXT";
  for (std::size_t step = 1; step < whole.size(); ++step) {
    wire::ChunkDecoder decoder{100};
    std::string out;
    std::size_t at = 0;
    auto progress = Progress::more;
    while (progress == Progress::more && at < whole.size()) {
      std::size_t used = 0;
      progress = decoder.feed(whole.substr(at, step), used, out);
      at += used;
    }
    CHECK(progress == Progress::done);
    CHECK(out == "hello world");
    CHECK(whole.substr(at) == "NEXT");
  }
  struct Row {
    std::string bytes;
    Fault fault;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"\r\n", Fault::malformed},
           {"g\r\n", Fault::malformed},
           {"-1\r\n", Fault::malformed},
           {"0x5\r\n", Fault::malformed},
           {"5 \r\n", Fault::malformed},
           {"5\n", Fault::malformed},
           {"5\r\nhelloX", Fault::malformed},
           {"5\r\nhello\rX", Fault::malformed},
           {"11\r\n", Fault::body_too_big},
           {"fffffffffffffff\r\n", Fault::body_too_big},
           {"ffffffffffffffff1\r\n", Fault::malformed},
           {"a\r\n0123456789\r\n7\r\n", Fault::body_too_big},
           {"5;" + std::string(300, 'x'), Fault::malformed},
           {"0\r\n" + std::string(9000, 'x'), Fault::head_too_big},
           {"0\r\na\nb", Fault::malformed},
       }) {
    CAPTURE(row.bytes);
    wire::ChunkDecoder decoder{16};
    std::string out;
    std::size_t used = 0;
    CHECK(decoder.feed(row.bytes, used, out) == Progress::failed);
    CHECK(decoder.fault() == row.fault);
  }
}

TEST_CASE("wire: replies are read, ambiguous ones refused") {
  std::vector<TextPair> headers;
  wire::ResponseHead head;
  const auto read = [&](std::string_view bytes) {
    std::size_t scanned = 0;
    return wire::parse_response_head(bytes, {}, scanned, head, headers);
  };
  REQUIRE(read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc") == Progress::done);
  CHECK(head.status == 200);
  CHECK(head.content_length == 3);
  CHECK(head.keep_alive);
  REQUIRE(read("HTTP/1.1 404\r\nConnection: close\r\n\r\n") == Progress::done);
  CHECK(!head.keep_alive);
  CHECK(read("HTTP/1.1 200 OK\r\n") == Progress::more);
  for (const auto* bad : {"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20x OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "nonsense\r\n\r\n"}) {
    CAPTURE(bad);
    CHECK(read(bad) == Progress::failed);
  }
}

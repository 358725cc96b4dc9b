// rooms: http
// Requests and replies from bytes, through the same parser, router and checks the server uses.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/exchange.hpp"
#include "http/target.hpp"

using namespace admit::http;

namespace {

const Router& table() {
  static const Router made = [] {
    Router router;
    const auto answer = [](Request& request) {
      return Response{200, "text/plain", std::string{request.bearer().value_or("")}};
    };
    router.add({Verb::GET, "/V/{digits}", answer, {.parameters = {path_param("digits", digits(1, 500))}}, {}});
    router.add({Verb::GET,
                "/userTickets",
                answer,
                {.parameters = {query_param("userId", uuid({"USER#"})), query_param("limit", integer(1, 100))}},
                {.both_slash_forms = true}});
    router.add({Verb::POST,
                "/v1/{a}/x/{b}",
                answer,
                {.parameters = {header_param("Idempotency-Key", text(1, 64))},
                 .request = {.content_type = "application/json"}},
                {}});
    return router;
  }();
  return made;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  static const ExchangeOptions options{.cors_origins = {"https://shop.example"}, .trusted_proxies = {*Network::parse("127.0.0.0/8")}};
  static const Peer peer{*Address::parse("127.0.0.1")};
  Exchange exchange{table(), options};
  wire::RequestHead head;
  std::size_t scanned = 0;
  const auto whole = wire::parse_request_head(bytes, {}, scanned, head, exchange.headers());

  // In two portions it is the same.
  {
    std::vector<TextPair> headers;
    wire::RequestHead again;
    std::size_t seen = 0;
    const auto first = wire::parse_request_head(bytes.substr(0, size / 2), {}, seen, again, headers);
    if (first == wire::Progress::more) {
      require(wire::parse_request_head(bytes, {}, seen, again, headers) == whole);
      require(again.size_bytes == head.size_bytes);
    }
  }
  if (whole == wire::Progress::done) {
    require(head.size_bytes <= size);
    std::optional<Response> response = exchange.open(head, peer);
    std::string body;
    if (head.is_chunked) {
      wire::ChunkDecoder decoder{exchange.body_limit_bytes()};
      std::size_t used = 0;
      (void)decoder.feed(bytes.substr(head.size_bytes), used, body);
      require(body.size() <= exchange.body_limit_bytes());
    }
    if (!response) response = exchange.check();
    if (!response) response = exchange.request.route->handler.call(exchange.request);
    std::string out;
    exchange.render(*response, head.keep_alive, "now", out);
    // What we send is a message to our own reader, and one only.
    wire::ResponseHead sent;
    std::vector<TextPair> fields;
    std::size_t seen = 0;
    require(wire::parse_response_head(out, {}, seen, sent, fields) == wire::Progress::done);
    require(out.size() == sent.size_bytes + (head.verb == Verb::HEAD ? 0 : sent.content_length.value_or(0)));
  }

  std::string decoded;
  if (percent_decode(bytes, false, decoded)) {
    std::string again;
    require(percent_decode(percent_encode(decoded), false, again) && again == decoded);
  }
  if (const auto fields = parse_form(bytes)) require(parse_form(write_form(*fields)).has_value());

  wire::ResponseHead reply;
  std::vector<TextPair> headers;
  std::size_t seen = 0;
  (void)wire::parse_response_head(bytes, {}, seen, reply, headers);
  return 0;
}

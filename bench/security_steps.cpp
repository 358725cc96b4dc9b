#include "security_steps.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "crypto/random.hpp"
#include "domain/audit_seals.hpp"
#include "http/address.hpp"
#include "http/rate_limit.hpp"
#include "identity/access_token.hpp"
#include "least_us.hpp"

namespace admit::bench {
namespace {

const domain::Instant now = domain::from_unix_ms(1'800'000'000'000);

domain::Uuid some_uuid() {
  return domain::Uuid::from_bytes(crypto::random_bytes<16>().data());
}

}  // namespace

std::vector<Measured> measure_security(bool quick) {
  const int scale = quick ? 1 : 4;
  const int repeats = 250 * scale;
  std::vector<Measured> out;

  identity::AccessTokens tokens("https://tickets.example.com", crypto::SigningKey::generate());
  std::vector<std::string> texts;
  for (int i = 0; i < 8 * repeats; ++i) {
    texts.push_back(tokens.issue(domain::UserId{some_uuid()}, domain::SessionId{some_uuid()}, {}, now));
  }
  const auto good = [&](int i) -> std::size_t {
    if (!tokens.verify(texts[static_cast<std::size_t>(i)], now)) throw std::logic_error("a good token is refused");
    return 1;
  };
  int fresh = 0;
  out.push_back({"access_token_first", least_us(repeats, [&](int) { return good(fresh++); }), "us",
                 "a token seen for the first time: form, signature, claims; thread CPU, least of 7 rounds"});
  out.push_back({"access_token_again", least_us(20 * repeats, [&](int i) { return good(i % 100); }), "us",
                 "a token seen before: its SHA-256 and a look-up; thread CPU, least of 7 rounds"});

  const std::vector<http::Network> trusted{*http::Network::parse("10.0.0.0/8"), *http::Network::parse("127.0.0.1")};
  const auto peer = *http::Address::parse("10.0.0.1");
  const std::vector<http::TextPair> headers{{"Host", "tickets.example.com"},
                                            {"Accept", "application/json"},
                                            {"Authorization", "Bearer x"},
                                            {"X-Forwarded-For", "203.0.113.9, 10.0.0.2"}};
  out.push_back({"client_address",
                 least_us(20 * repeats, [&](int) { return http::client_of(peer, headers, trusted).bytes[15]; }), "us",
                 "the caller behind two trusted proxies; thread CPU, least of 7 rounds"});

  http::RateLimitOptions options;
  options.address.fill(1'000'000);
  options.caller.fill(1'000'000);
  http::RateLimiter limiter(options);
  const auto begun = std::chrono::steady_clock::now();
  out.push_back({"rate_limit",
                 least_us(20 * repeats,
                          [&](int i) {
                            auto address = peer;
                            address.bytes[14] = static_cast<std::uint8_t>(i);
                            const auto standing = limiter.take(http::RouteClass::scan, address, texts[0],
                                                               begun + std::chrono::microseconds{i});
                            return static_cast<std::size_t>(standing.left);
                          }),
                 "us", "an address and a caller counted; thread CPU, least of 7 rounds"});

  const domain::AuditEntry entry{.id = domain::AuditId{some_uuid()},
                                 .at = now,
                                 .actor = "device:0198c0de-0000-7000-8000-000000000001",
                                 .action = "ticket.admitted",
                                 .subject = some_uuid(),
                                 .show_id = domain::ShowId{some_uuid()},
                                 .address = "203.0.113.9"};
  domain::AuditDigest digest{};
  out.push_back({"audit_chain",
                 least_us(20 * repeats,
                          [&](int) {
                            digest = domain::extended(digest, entry);
                            return static_cast<std::size_t>(domain::audit_chain_of(entry)) + digest[0];
                          }),
                 "us", "one entry of the audit chained, later and beside the door; thread CPU, least of 7 rounds"});
  return out;
}

}  // namespace admit::bench

#include "identity/access_token.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "crypto/encoding.hpp"

using namespace admit;
using namespace admit::identity;

namespace {

const std::string issuer = "https://tickets.example";
const domain::UserId user{{0x018f2a3000007000, 0x8000000000000001}};
const domain::SessionId session{{0x018f2a3000007000, 0x8000000000000002}};
const domain::Instant now = domain::from_unix_ms(1'800'000'000'250);

/// The key of RFC 8037 appendix A.
crypto::SigningKey rfc_key() {
  return crypto::SigningKey::from_seed(crypto::from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").value());
}

std::string encoded(std::string_view text) {
  return crypto::base64url(crypto::bytes_of(text));
}

/// A token of any header and payload, truly signed.
std::string signed_token(const crypto::SigningKey& key, std::string_view header, std::string_view payload) {
  const std::string text = encoded(header) + "." + encoded(payload);
  return text + "." + crypto::base64url(key.sign(crypto::bytes_of(text)));
}

constexpr std::string_view good_header =
    R"({"alg":"EdDSA","typ":"JWT","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"})";
std::string payload(std::string_view iat = "1800000000", std::string_view exp = "1800000600",
                    std::string_view iss = "https://tickets.example", std::string_view more = "") {
  return R"({"iss":")" + std::string{iss} + R"(","sub":"018f2a30-0000-7000-8000-000000000001",)" +
         R"("sid":"018f2a30-0000-7000-8000-000000000002","iat":)" + std::string{iat} + R"(,"exp":)" + std::string{exp} +
         R"(,"roles":["operator"])" + std::string{more} + "}";
}

}  // namespace

TEST_CASE("access token: what is issued is verified, with whole seconds and ten minutes") {
  AccessTokens tokens{issuer, rfc_key()};
  const std::string token = tokens.issue(user, session, {"operator"}, now);
  CHECK(token == signed_token(rfc_key(), good_header, payload()));
  const auto claims = tokens.verify(token, now);
  REQUIRE(claims);
  CHECK((*claims)->user == user);
  CHECK((*claims)->session == session);
  CHECK((*claims)->roles == std::vector<std::string>{"operator"});
  CHECK((*claims)->issued_at == domain::from_unix_ms(1'800'000'000'000));
  CHECK((*claims)->expires_at == domain::from_unix_ms(1'800'000'600'000));
  CHECK(tokens.verify(token, now).value() == *claims);  // the copy seen before
}

TEST_CASE("access token: the key set names the key by its thumbprint, as in RFC 8037") {
  const AccessTokens tokens{issuer, rfc_key()};
  CHECK(tokens.jwks() ==
        R"({"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA",)"
        R"("kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
}

TEST_CASE("access token: it ends on time, seen before or not, and does not begin early") {
  AccessTokens tokens{issuer, rfc_key()};
  const std::string token = tokens.issue(user, session, {}, now);
  const auto end = domain::from_unix_ms(1'800'000'600'000);
  CHECK(tokens.verify(token, end).error() == TokenFault::expired);
  CHECK(tokens.verify(token, end - std::chrono::milliseconds{1}));
  CHECK(tokens.verify(token, end).error() == TokenFault::expired);
  CHECK(tokens.verify(token, now - std::chrono::seconds{60}));  // another node's clock
  CHECK(tokens.verify(token, now - std::chrono::seconds{62}).error() == TokenFault::not_yet_valid);
  CHECK(tokens
            .verify(signed_token(rfc_key(), good_header,
                                 payload("1800000000", "1800000600", issuer, R"(,"nbf":1800000300)")),
                    now)
            .error() == TokenFault::not_yet_valid);
}

TEST_CASE("access token: every changed character is refused") {
  AccessTokens tokens{issuer, rfc_key()};
  const std::string token = tokens.issue(user, session, {"operator"}, now);
  REQUIRE(tokens.verify(token, now));
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string bad = token;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    REQUIRE_FALSE(tokens.verify(bad, now));
  }
  for (std::size_t size = 0; size < token.size(); ++size) REQUIRE_FALSE(tokens.verify(token.substr(0, size), now));
  CHECK(tokens.verify(token + "A", now).error() == TokenFault::malformed);
  CHECK(tokens.verify(token + ".", now).error() == TokenFault::malformed);
  CHECK(tokens.verify(std::string(3000, 'A'), now).error() == TokenFault::malformed);
}

TEST_CASE("access token: the header does not choose the algorithm") {
  AccessTokens tokens{issuer, rfc_key()};
  const std::string body = encoded(payload());
  const std::string kid = R"("kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")";
  CHECK(tokens.verify(encoded(R"({"alg":"none"})") + "." + body + ".", now).error() == TokenFault::unknown_key);
  CHECK(tokens.verify(encoded(R"({"alg":"none","typ":"JWT",)" + kid + "}") + "." + body + ".", now).error() ==
        TokenFault::unknown_key);
  // HMAC keyed by the public key.
  const std::string text = encoded(R"({"alg":"HS256","typ":"JWT",)" + kid + "}") + "." + body;
  const std::string forged = text + "." + crypto::base64url(crypto::hmac_sha256(rfc_key().public_key(), text));
  CHECK(tokens.verify(forged, now).error() == TokenFault::unknown_key);
  const auto other = crypto::SigningKey::generate();
  CHECK(tokens.verify(signed_token(other, good_header, payload()), now).error() == TokenFault::wrong_signature);
  CHECK(
      tokens.verify(AccessTokens{issuer, crypto::SigningKey::generate()}.issue(user, session, {}, now), now).error() ==
      TokenFault::unknown_key);
}

TEST_CASE("access token: a signed payload still has to be whole and ours") {
  AccessTokens tokens{issuer, rfc_key()};
  const auto fault = [&](std::string_view text) {
    return tokens.verify(signed_token(rfc_key(), good_header, text), now).error();
  };
  CHECK(fault(payload("1800000000", "1800000600", "https://elsewhere.example")) == TokenFault::wrong_issuer);
  for (const std::string& text :
       {std::string{}, std::string{"[]"}, std::string{"{}"}, std::string{"{"}, payload("\"1800000000\""),
        payload("1.5"), payload("-1"), payload("1800000000", "9223372036854775807"),
        payload("1800000000", "1800000600", issuer, R"(,"nbf":"x")"), std::string(1000, '[')}) {
    CHECK_MESSAGE(fault(text) == TokenFault::malformed, text);
  }
}

TEST_CASE("access token: a signed-out session's tokens are refused, seen before or not, others are not") {
  AccessTokens tokens{issuer, rfc_key()};
  const std::string seen = tokens.issue(user, session, {}, now);
  const std::string unseen = tokens.issue(user, session, {"other"}, now);
  const std::string others = tokens.issue(user, {{1, 1}}, {}, now);
  CHECK(tokens.verify(seen, now));
  tokens.revoke(session, now);
  CHECK(tokens.verify(seen, now).error() == TokenFault::revoked);
  CHECK(tokens.verify(unseen, now).error() == TokenFault::revoked);
  CHECK(tokens.verify(others, now));
  // Still so after so many sign-outs that the list was cleared of old ones.
  for (std::uint64_t i = 0; i < 5000; ++i) tokens.revoke({{i, i + 7}}, now + std::chrono::seconds{i / 10});
  CHECK(tokens.verify(seen, now + std::chrono::seconds{599}).error() == TokenFault::revoked);
}

TEST_CASE("access token: tokens of a retired key hold until they expire") {
  const auto old_key = crypto::SigningKey::generate();
  AccessTokens before{issuer, crypto::SigningKey::from_seed(old_key.seed().bytes())};
  const std::string token = before.issue(user, session, {}, now);
  AccessTokens after{issuer, crypto::SigningKey::generate(), {old_key.public_key()}};
  CHECK(after.verify(token, now));
  CHECK(after.verify(after.issue(user, session, {}, now), now));
  CHECK_FALSE(before.verify(after.issue(user, session, {}, now), now));
}

TEST_CASE("access token: many threads verify and revoke at once") {
  AccessTokens tokens{issuer, rfc_key()};
  std::vector<std::string> issued;
  for (std::uint64_t i = 0; i < 50; ++i) issued.push_back(tokens.issue(user, {{i, 9}}, {}, now));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        for (const auto& token : issued) {
          if (const auto claims = tokens.verify(token, now); !claims || (*claims)->user != user) ++wrong;
        }
        tokens.revoke({{1000, static_cast<std::uint64_t>(round)}}, now);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("access token: roles that do not fit are a bug of the caller") {
  const AccessTokens tokens{issuer, rfc_key()};
  CHECK_THROWS_AS((void)tokens.issue(user, session, {std::string(2000, 'r')}, now), std::logic_error);
}

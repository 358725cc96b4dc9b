#include "identity/external_tokens.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <map>
#include <string>
#include <thread>

#include "crypto/testing/token_signer.hpp"

using namespace admit;
using namespace admit::identity;
using namespace std::chrono_literals;
using crypto::testing::TokenSigner;

namespace {

const domain::Instant now = domain::from_unix_ms(1'800'000'000'000);
constexpr std::string_view discovery_url = "https://op.example/.well-known/openid-configuration";
constexpr std::string_view keys_url = "https://op.example/keys";

std::string payload(std::string_view issuer = "https://op.example", std::string_view more = "") {
  return R"({"iss":")" + std::string(issuer) + R"(","sub":"alice","aud":"tickets","exp":1800000600,"iat":1800000000)" +
         std::string(more) + "}";
}

/// A provider on a web of documents, and a clock that stands until it is moved.
struct Lab {
  std::map<std::string, Fetched, std::less<>> web;
  std::map<std::string, int, std::less<>> asked;
  std::vector<std::string> faults;
  std::chrono::steady_clock::time_point time{1'000h};
  std::unique_ptr<ExternalTokens> tokens;

  explicit Lab(ProviderPolicy policy = ProviderPolicy::generic) {
    Provider provider;
    provider.name = "op";
    provider.policy = policy;
    provider.issuer = "https://op.example";
    provider.audiences = {"tickets"};
    provider.client_id = "tickets";
    put_discovery();
    std::vector<Provider> list;
    list.push_back(std::move(provider));
    tokens = std::make_unique<ExternalTokens>(
        std::move(list),
        [this](const std::string& url) -> std::expected<Fetched, std::string> {
          ++asked[url];
          const auto found = web.find(url);
          if (found == web.end()) return std::unexpected("not there");
          return found->second;
        },
        [this](const Provider&, const std::string& reason) { faults.push_back(reason); }, [this] { return time; });
  }
  void put_discovery(std::string_view issuer = "https://op.example", std::string_view keys = keys_url) {
    web[std::string(discovery_url)].body =
        R"({"issuer":")" + std::string(issuer) + R"(","jwks_uri":")" + std::string(keys) +
        R"(","authorization_endpoint":"https://op.example/auth","token_endpoint":"https://op.example/token"})";
  }
  void put_keys(const std::string& text, std::optional<std::chrono::seconds> age = std::nullopt) {
    web[std::string(keys_url)] = {text, age};
  }
  std::string outcome(std::string_view token) {
    const auto verified = tokens->verify(token, now);
    return verified ? "good" : std::string(word(verified.error()));
  }
  int keys_asked() { return asked[std::string(keys_url)]; }
};

}  // namespace

TEST_CASE("external tokens: keys are found by discovery") {
  Lab lab;
  const TokenSigner key("RS256");
  lab.put_keys(key.jwks());
  CHECK(lab.outcome(key.token(payload())) == "unknown_key");
  CHECK_FALSE(lab.tokens->endpoints(*lab.tokens->find("op")));
  lab.tokens->refresh_due();
  CHECK(lab.outcome(key.token(payload())) == "good");
  CHECK(lab.tokens->verify(key.token(payload()), now).value()->claims.subject == "alice");
  REQUIRE(lab.tokens->endpoints(*lab.tokens->find("op")));
  CHECK(lab.tokens->endpoints(*lab.tokens->find("op"))->token == "https://op.example/token");
  CHECK(lab.tokens->find("other") == nullptr);
  CHECK(lab.outcome(key.token(payload("https://evil.example"))) == "wrong_issuer");
  CHECK(lab.tokens->provider_of(key.token(payload("https://evil.example"))) == nullptr);
}

TEST_CASE("external tokens: Cognito and Supabase keep their keys beside the issuer") {
  for (const auto policy : {ProviderPolicy::cognito, ProviderPolicy::supabase}) {
    Lab lab(policy);
    lab.web.clear();
    lab.web["https://op.example/.well-known/jwks.json"].body = TokenSigner("RS256").jwks();
    lab.tokens->refresh_due();
    CHECK(lab.asked["https://op.example/.well-known/jwks.json"] == 1);
  }
}

TEST_CASE("external tokens: an unknown key has them read anew, at most every 30 s, once for all who wait") {
  Lab lab;
  const TokenSigner old_key("ES256", "old");
  const TokenSigner new_key("ES256", "new");
  lab.put_keys(old_key.jwks());
  lab.tokens->refresh_due();
  REQUIRE(lab.keys_asked() == 1);
  lab.put_keys(new_key.jwks());
  const std::string token = new_key.token(payload());
  int told = 0;
  const auto ask = [&] {
    lab.tokens->when_refreshed(*lab.tokens->find("op"), [&] { ++told; });
  };
  lab.time += 29s;
  ask();
  CHECK(told == 1);  // at once: they were read a moment ago
  lab.tokens->refresh_due();
  CHECK(lab.keys_asked() == 1);
  CHECK(lab.outcome(token) == "unknown_key");
  lab.time += 1s;
  for (int i = 0; i < 50; ++i) ask();
  CHECK(told == 1);
  lab.tokens->refresh_due();
  CHECK(told == 51);
  CHECK(lab.keys_asked() == 2);
  CHECK(lab.outcome(token) == "good");
  CHECK(lab.outcome(old_key.token(payload())) == "unknown_key");
  lab.tokens->refresh_due();
  CHECK(lab.keys_asked() == 2);
}

TEST_CASE("external tokens: a token seen before is not good longer than its key, nor than itself") {
  Lab lab;
  const TokenSigner key("ES256", "old");
  lab.put_keys(key.jwks());
  lab.tokens->refresh_due();
  const std::string token = key.token(payload());
  const auto first = lab.tokens->verify(token, now).value();
  CHECK(lab.tokens->verify(token, now).value() == first);  // the same object: not checked again
  CHECK(lab.tokens->verify(token, now + 659s).has_value());
  CHECK(lab.tokens->verify(token, now + 660s).error() == ExternalFault::expired);
  lab.put_keys(TokenSigner("ES256", "new").jwks());
  lab.time += 1h;
  lab.tokens->refresh_due();
  CHECK(lab.outcome(token) == "unknown_key");
}

TEST_CASE("external tokens: the last good keys stay while new ones cannot be had") {
  Lab lab;
  const TokenSigner key("ES256");
  lab.put_keys(key.jwks());
  lab.tokens->refresh_due();
  const std::string token = key.token(payload());
  for (const std::string bad : {"", "{}", "not json", "{\"keys\":[],\"keys\":[]}"}) {
    lab.put_keys(bad);
    lab.time += 1h;
    lab.tokens->refresh_due();
    CHECK(lab.outcome(token) == "good");
  }
  lab.put_keys(std::string(jwks_limit_bytes + 1, ' '));
  lab.time += 1h;
  lab.tokens->refresh_due();
  CHECK(lab.outcome(token) == "good");
  CHECK(lab.faults.size() == 5);
  lab.web.clear();
  lab.time += 1h;
  lab.tokens->refresh_due();
  CHECK(lab.outcome(token) == "good");
}

TEST_CASE("external tokens: keys are read anew as the provider says, within bounds") {
  using Age = std::optional<std::chrono::seconds>;
  for (const auto& [age, after] : {std::pair{Age{}, keys_age_default}, std::pair{Age{0s}, keys_age_least},
                                   std::pair{Age{1200s}, 1200s}, std::pair{Age{999h}, keys_age_most}}) {
    Lab lab;
    lab.put_keys(TokenSigner("ES256").jwks(), age);
    CHECK(lab.tokens->refresh_due() == lab.time + after);
    lab.time += after - 1s;
    lab.tokens->refresh_due();
    CHECK(lab.keys_asked() == 1);
    lab.time += 1s;
    lab.tokens->refresh_due();
    CHECK(lab.keys_asked() == 2);
  }
  Lab away;
  CHECK(away.tokens->refresh_due() == away.time + refresh_least);
}

TEST_CASE("external tokens: discovery of another issuer, or that leads away from https, is not followed") {
  Lab lab;
  lab.put_keys(TokenSigner("ES256").jwks());
  lab.put_discovery("https://evil.example");
  lab.tokens->refresh_due();
  CHECK(lab.keys_asked() == 0);
  CHECK_FALSE(lab.tokens->endpoints(*lab.tokens->find("op")));
  lab.put_discovery("https://op.example", "http://op.example/keys");
  lab.time += 1h;
  lab.tokens->refresh_due();
  lab.put_discovery("https://op.example", "file:///etc/passwd");
  lab.time += 1h;
  lab.tokens->refresh_due();
  CHECK(lab.asked.size() == 2);  // the discovery, and the place of keys that was never asked
  CHECK(lab.faults.size() == 3);
}

TEST_CASE("external tokens: the answer to a sign-in is good for its own nonce only") {
  Lab lab;
  const TokenSigner key("ES256");
  lab.put_keys(key.jwks());
  lab.tokens->refresh_due();
  const Provider& provider = *lab.tokens->find("op");
  const std::string token = key.token(payload("https://op.example", R"(,"nonce":"abc")"));
  CHECK(lab.tokens->verify_sign_in(provider, token, "abc", now).has_value());
  CHECK(lab.tokens->verify_sign_in(provider, token, "abd", now).error() == ExternalFault::wrong_use);
  CHECK(lab.tokens->verify_sign_in(provider, key.token(payload()), "abc", now).error() == ExternalFault::wrong_use);
}

TEST_CASE("external tokens: many threads ask while the keys are read") {
  const TokenSigner key("ES256");
  std::atomic<int> fetches{0};
  Provider provider;
  provider.name = "op";
  provider.issuer = "https://op.example";
  provider.audiences = {"tickets"};
  provider.jwks_url = std::string(keys_url);
  std::vector<Provider> list;
  list.push_back(std::move(provider));
  ExternalTokens tokens(std::move(list), [&](const std::string&) -> std::expected<Fetched, std::string> {
    ++fetches;
    return Fetched{key.jwks(), std::nullopt};
  });
  tokens.start();
  const std::string token = key.token(payload());
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        if (!tokens.verify(token, now)) {
          std::promise<void> refreshed;
          tokens.when_refreshed(*tokens.find("op"), [&] { refreshed.set_value(); });
          refreshed.get_future().wait();
        }
        if (tokens.verify(token, now)) ++good;
      });
    }
  }
  CHECK(good == 8);
  CHECK(fetches == 1);
  tokens.stop();
  bool told = false;
  tokens.when_refreshed(*tokens.find("op"), [&] { told = true; });
  CHECK(told);
}

#include "identity/external_token.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "crypto/testing/token_signer.hpp"

using namespace admit;
using namespace admit::identity;
using crypto::testing::encoded;
using crypto::testing::hs256_token;
using crypto::testing::TokenSigner;

namespace {

const domain::Instant now = domain::from_unix_ms(1'800'000'000'000);
const std::string secret = "a shared secret of 32 bytes and more";

Provider generic() {
  Provider out;
  out.name = "op";
  out.issuer = "https://op.example";
  out.audiences = {"tickets"};
  out.client_id = "tickets";
  return out;
}

/// Claims of a good token; `more` goes before them, so a claim given there replaces one of the same name.
struct Claims {
  std::string iss = R"("https://op.example")", sub = R"("alice")", aud = R"("tickets")", exp = "1800000600",
              iat = "1800000000", more;
  [[nodiscard]] std::string text() const {
    std::string out = "{" + more;
    const auto add = [&](std::string_view name, const std::string& value) {
      if (value.empty()) return;
      if (out.size() > 1 && !out.ends_with(',')) out += ',';
      out += "\"" + std::string(name) + "\":" + value;
    };
    add("iss", iss);
    add("sub", sub);
    add("aud", aud);
    add("exp", exp);
    add("iat", iat);
    return out + "}";
  }
};

KeySet keys_of(const TokenSigner& signer) {
  return parse_jwks(signer.jwks()).value();
}

std::string outcome(const Provider& provider, const KeySet& keys, std::string_view token,
                    TokenUse use = TokenUse::bearer, domain::Instant at = now) {
  const auto checked = check_token(provider, keys, token, use, at);
  return checked ? "good" : std::string(word(checked.error()));
}

const TokenSigner& ec() {
  static const TokenSigner signer("ES256");
  return signer;
}
std::string outcome(const Claims& claims) {
  return outcome(generic(), keys_of(ec()), ec().token(claims.text()));
}

Provider cognito() {
  Provider out;
  out.policy = ProviderPolicy::cognito;
  out.issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI";
  out.audiences = {"1example23456789"};
  out.client_id = "1example23456789";
  out.operator_groups = {"ticket-operators"};
  return out;
}
/// As Cognito gives them.
std::string cognito_access(std::string_view groups = R"(["us-west-2_AbC_Google","ticket-operators"])") {
  return R"({"sub":"aaaaaaaa-bbbb-cccc-dddd-example","cognito:groups":)" + std::string(groups) +
         R"(,"iss":"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI","version":2,)"
         R"("client_id":"1example23456789","origin_jti":"aaaaaaaa-bbbb-cccc-dddd-example","token_use":"access",)"
         R"("scope":"openid aws.cognito.signin.user.admin","auth_time":1799999990,"exp":1800003600,"iat":1800000000,)"
         R"("jti":"aaaaaaaa-bbbb-cccc-dddd-example","username":"janedoe"})";
}
std::string cognito_id(std::string_view audience = "1example23456789", std::string_view use = "id") {
  return R"({"sub":"aaaaaaaa-bbbb-cccc-dddd-example","email_verified":true,)"
         R"("iss":"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",)"
         R"("cognito:username":"janedoe","given_name":"Jane","family_name":"Doe","aud":")" +
         std::string(audience) + R"(","event_id":"64f513be-32db-42b0-b78e-b02127b4f463","token_use":")" +
         std::string(use) +
         R"(","auth_time":1799999990,"exp":1800003600,"iat":1800000000,"email":"Jane.Doe@Example.org"})";
}

Provider supabase() {
  Provider out;
  out.policy = ProviderPolicy::supabase;
  out.issuer = "https://abcdefgh.supabase.co/auth/v1";
  out.audiences = {"authenticated"};
  out.hs256_secret = crypto::Secret(std::string_view(secret));
  return out;
}
/// As Supabase's auth server gives them.
std::string supabase_access(std::string_view role = "authenticated", std::string_view anonymous = "false",
                            std::string_view metadata = "") {
  return R"({"iss":"https://abcdefgh.supabase.co/auth/v1","sub":"4be06b74-4f36-4a4b-8d6e-2a2f6d3c8a11",)"
         R"("aud":"authenticated","exp":1800003600,"iat":1800000000,"email":"ada@example.com","phone":"",)"
         R"("app_metadata":{"provider":"email","providers":["email"]},"user_metadata":{"email":"ada@example.com",)" +
         std::string(metadata) +
         R"("email_verified":true,"phone_verified":false,"sub":"4be06b74-4f36-4a4b-8d6e-2a2f6d3c8a11"},"role":")" +
         std::string(role) +
         R"(","aal":"aal1","amr":[{"method":"password","timestamp":1800000000}],)"
         R"("session_id":"0d6c28b0-9d2b-4ea0-9a0b-0b9d5be6c0de","is_anonymous":)" +
         std::string(anonymous) + "}";
}
constexpr std::string_view supabase_header = R"({"alg":"HS256","typ":"JWT"})";

}  // namespace

TEST_CASE("external token: one of each algorithm is good under its key") {
  for (const std::string algorithm : {"RS256", "ES256", "EdDSA"}) {
    CAPTURE(algorithm);
    const TokenSigner signer(algorithm);
    Claims claims;
    claims.more = R"("email":"Alice@Example.org","email_verified":true,"name":"Alice A","locale":"de","nonce":"n")";
    const auto checked = check_token(generic(), keys_of(signer), signer.token(claims.text()), TokenUse::bearer, now);
    REQUIRE(checked);
    CHECK(checked->subject == "alice");
    CHECK(checked->email == "alice@example.org");
    CHECK(checked->email_verified);
    CHECK(checked->name == "Alice A");
    CHECK(checked->locale == "de");
    CHECK(checked->nonce == "n");
    CHECK_FALSE(checked->is_operator);
    CHECK(checked->expires_at == now + std::chrono::seconds{600});
    CHECK(outcome(generic(), keys_of(TokenSigner(algorithm)), signer.token(claims.text())) == "wrong_signature");
    CHECK(outcome(generic(), {}, signer.token(claims.text())) == "unknown_key");
  }
}

TEST_CASE("external token: the algorithm is the key's, whatever the token says") {
  const std::string payload = Claims{}.text();
  const std::string head_none = R"({"alg":"none"})";
  const std::string head_none_kid = R"({"alg":"none","kid":"key-1"})";
  const KeySet keys = keys_of(ec());
  for (const std::string& head : {head_none, head_none_kid}) {
    CHECK(outcome(generic(), keys, encoded(head) + "." + encoded(payload) + ".") == "wrong_algorithm");
    CHECK(outcome(generic(), keys, ec().token(head, payload)) == "wrong_algorithm");
    CHECK(outcome(supabase(), keys, encoded(head) + "." + encoded(payload) + ".") != "good");
  }
  for (const std::string name : {"None", "NONE", "nOnE", "", "HS256", "RS256", "ES384", "es256"}) {
    CAPTURE(name);
    CHECK(outcome(generic(), keys, ec().token(R"({"alg":")" + name + R"(","kid":"key-1"})", payload)) ==
          "wrong_algorithm");
  }
  CHECK(outcome(generic(), keys, ec().token(R"({"kid":"key-1"})", payload)) == "malformed");
  CHECK(outcome(generic(), keys, ec().token(R"({"alg":["ES256"],"kid":"key-1"})", payload)) == "malformed");
}

TEST_CASE("external token: a public key is no shared secret") {
  const TokenSigner rsa("RS256");
  const std::string payload = Claims{}.text();
  Provider both = generic();
  both.hs256_secret = crypto::Secret(std::string_view(secret));
  for (const std::string& known : {rsa.jwk(), rsa.jwks()}) {
    for (const std::string head : {R"({"alg":"HS256","kid":"key-1"})", R"({"alg":"HS256"})"}) {
      CHECK(outcome(generic(), keys_of(rsa), hs256_token(known, head, payload)) == "wrong_algorithm");
      CHECK(outcome(both, keys_of(rsa), hs256_token(known, head, payload)) != "good");
    }
    CHECK(outcome(generic(), {}, hs256_token(known, R"({"alg":"HS256","kid":"other"})", payload)) == "unknown_key");
    CHECK(outcome(both, {}, hs256_token(known, R"({"alg":"HS256"})", payload)) == "wrong_signature");
  }
  CHECK(outcome(generic(), {}, hs256_token("", R"({"alg":"HS256"})", payload)) == "unknown_key");
  CHECK(outcome(both, {}, hs256_token(secret, R"({"alg":"HS256"})", payload)) == "good");
  CHECK(outcome(both, {}, hs256_token(secret, R"({"alg":"HS384"})", payload)) == "unknown_key");
}

TEST_CASE("external token: without a key's id only the one key there is counts") {
  const TokenSigner one("ES256", "");
  const TokenSigner named("ES256", "named");
  const std::string head = R"({"alg":"ES256"})";
  CHECK(outcome(generic(), parse_jwks(named.jwks()).value(), named.token(head, Claims{}.text())) == "good");
  const auto two = parse_jwks(R"({"keys":[)" + named.jwk() + "," + TokenSigner("ES256", "other").jwk() + "]}").value();
  CHECK(outcome(generic(), two, named.token(head, Claims{}.text())) == "unknown_key");
  CHECK(outcome(generic(), two, named.token(R"({"alg":"ES256","kid":"other"})", Claims{}.text())) == "wrong_signature");
}

TEST_CASE("external token: headers that change how the rest is read are refused") {
  const std::string payload = Claims{}.text();
  const auto with = [&](std::string_view more) {
    return outcome(generic(), keys_of(ec()),
                   ec().token(R"({"alg":"ES256","kid":"key-1",)" + std::string(more) + "}", payload));
  };
  CHECK(with(R"("typ":"JWT")") == "good");
  CHECK(with(R"("typ":"at+JWT")") == "good");
  CHECK(with(R"("jku":"https://evil.example/keys","x5u":"https://evil.example")") == "good");  // never followed
  CHECK(with(R"("crit":["exp"])") == "malformed");
  CHECK(with(R"("crit":[])") == "malformed");
  CHECK(with(R"("b64":false)") == "malformed");
  CHECK(with(R"("zip":"DEF")") == "malformed");
  CHECK(with(R"("enc":"A128GCM")") == "malformed");
  CHECK(with(R"("cty":"JWT")") == "malformed");
  CHECK(with(R"("typ":"logout+jwt")") == "malformed");
  CHECK(with(R"("alg":"ES256")") == "malformed");  // twice
  CHECK(with(R"("kid2":1,"kid":5)") == "malformed");
  const TokenSigner other("ES256", "key-1");
  CHECK(outcome(generic(), keys_of(ec()),
                other.token(R"({"alg":"ES256","kid":"key-1","jwk":)" + other.jwk() + "}", payload)) ==
        "wrong_signature");
}

TEST_CASE("external token: what is no signed token in compact form is refused") {
  const std::string good = ec().token(Claims{}.text());
  REQUIRE(outcome(generic(), keys_of(ec()), good) == "good");
  const auto refused = [&](std::string_view text) {
    return outcome(generic(), keys_of(ec()), text);
  };
  for (const std::string text : {"", ".", "..", "...", "a.b.c", "a.b", "....", "eyJhbGciOiJub25lIn0.e30."}) {
    CAPTURE(text);
    CHECK(refused(text) != "good");
  }
  CHECK(refused(good + ".") == "malformed");
  CHECK(refused(good + ".AAAA.AAAA") == "malformed");  // an encrypted token has five parts
  CHECK(refused(good + "=") == "malformed");
  CHECK(refused(" " + good) == "malformed");
  CHECK(refused(good + std::string(external_token_limit_bytes, 'A')) == "malformed");
  CHECK(refused(good.substr(0, good.rfind('.') + 1)) == "wrong_signature");
  CHECK(refused(ec().token("[]")) == "malformed");
  CHECK(refused(ec().token("{")) == "malformed");
  CHECK(refused(ec().token(good)) == "malformed");
  CHECK(refused(ec().token(std::string(20, '[') + std::string(20, ']'))) == "malformed");
  Claims big;
  big.more = R"("more":")" + std::string(external_token_limit_bytes, 'x') + "\"";
  CHECK(outcome(big) == "malformed");
}

TEST_CASE("external token: a token with any one character changed is refused") {
  const std::string good = ec().token(Claims{}.text());
  const KeySet keys = keys_of(ec());
  int accepted = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (outcome(generic(), keys, changed) == "good") ++accepted;
  }
  CHECK(accepted == 0);
}

TEST_CASE("external token: issuer and audience must be exactly ours") {
  CHECK(outcome(Claims{}) == "good");
  CHECK(outcome(Claims{.iss = R"("https://op.example/")"}) == "wrong_issuer");
  CHECK(outcome(Claims{.iss = R"("https://OP.example")"}) == "wrong_issuer");
  CHECK(outcome(Claims{.iss = R"(["https://op.example"])"}) == "wrong_issuer");
  CHECK(outcome(Claims{.iss = ""}) == "wrong_issuer");
  CHECK(outcome(Claims{.aud = R"("others")"}) == "wrong_audience");
  CHECK(outcome(Claims{.aud = R"("tickets2")"}) == "wrong_audience");
  CHECK(outcome(Claims{.aud = ""}) == "wrong_audience");
  CHECK(outcome(Claims{.aud = "[]"}) == "wrong_audience");
  CHECK(outcome(Claims{.aud = R"(["others","tickets"])"}) == "good");
  CHECK(outcome(Claims{.aud = R"([["tickets"]])"}) == "malformed");
  CHECK(outcome(Claims{.aud = "7"}) == "malformed");
}

TEST_CASE("external token: a subject is needed, and times that hold, give or take 60 s") {
  CHECK(outcome(Claims{.sub = ""}) == "malformed");
  CHECK(outcome(Claims{.sub = R"("")"}) == "malformed");
  CHECK(outcome(Claims{.sub = "5"}) == "malformed");
  CHECK(outcome(Claims{.sub = R"("a\u0000b")"}) == "malformed");
  CHECK(outcome(Claims{.sub = '"' + std::string(255, 'a') + '"'}) == "good");
  CHECK(outcome(Claims{.sub = '"' + std::string(256, 'a') + '"'}) == "malformed");
  CHECK(outcome(Claims{.exp = ""}) == "malformed");
  CHECK(outcome(Claims{.exp = R"("1800000600")"}) == "malformed");
  CHECK(outcome(Claims{.exp = "-1"}) == "malformed");
  CHECK(outcome(Claims{.exp = "1e300"}) == "malformed");
  CHECK(outcome(Claims{.exp = "1799999941", .iat = "1799999000"}) == "good");
  CHECK(outcome(Claims{.exp = "1799999940", .iat = "1799999000"}) == "expired");
  CHECK(outcome(Claims{.iat = ""}) == "good");
  CHECK(outcome(Claims{.iat = "1800000060"}) == "good");
  CHECK(outcome(Claims{.iat = "1800000061"}) == "not_yet_valid");
  CHECK(outcome(Claims{.iat = "null"}) == "malformed");
  CHECK(outcome(Claims{.more = R"("nbf":1800000060)"}) == "good");
  CHECK(outcome(Claims{.more = R"("nbf":1800000061)"}) == "not_yet_valid");
  CHECK(outcome(Claims{.more = R"("nbf":"x")"}) == "malformed");
  CHECK(outcome(Claims{.exp = "1800000600.75", .iat = "1799999999.5"}) == "good");
  CHECK(outcome(Claims{.more = R"("sub":"mallory")"}) == "malformed");       // twice
  CHECK(outcome(Claims{.more = R"("s\u0075b":"mallory")"}) == "malformed");  // twice, in disguise
}

TEST_CASE("external token: a client's own token stands for no person") {
  CHECK(outcome(Claims{.sub = R"("tickets")", .more = R"("client_id":"tickets")"}) == "wrong_use");
  CHECK(outcome(Claims{.more = R"("client_id":"tickets")"}) == "good");
}

TEST_CASE("external token: what ends a sign-in is meant for our client and nobody else") {
  const auto sign_in = [](const Claims& claims) {
    return outcome(generic(), keys_of(ec()), ec().token(claims.text()), TokenUse::sign_in);
  };
  CHECK(sign_in(Claims{}) == "good");
  CHECK(sign_in(Claims{.aud = R"(["tickets"])"}) == "good");
  CHECK(sign_in(Claims{.aud = R"(["tickets","others"])"}) == "wrong_audience");
  CHECK(sign_in(Claims{.aud = R"(["tickets","others"])", .more = R"("azp":"tickets")"}) == "good");
  CHECK(sign_in(Claims{.more = R"("azp":"others")"}) == "wrong_audience");
  CHECK(sign_in(Claims{.aud = R"("urn:api")"}) == "wrong_audience");
}

TEST_CASE("external token: an address counts as proven only where the provider says so") {
  const auto claims = [](std::string_view more) {
    Claims out;
    out.more = more;
    return check_token(generic(), keys_of(ec()), ec().token(out.text()), TokenUse::bearer, now).value();
  };
  CHECK_FALSE(claims(R"("email":"a@example.org")").email_verified);
  CHECK_FALSE(claims(R"("email":"a@example.org","email_verified":false)").email_verified);
  CHECK_FALSE(claims(R"("email":"a@example.org","email_verified":1)").email_verified);
  CHECK_FALSE(claims(R"("email":"no address","email_verified":true)").email_verified);
  CHECK_FALSE(claims(R"("email_verified":true)").email_verified);
  CHECK(claims(R"("email":"a@example.org","email_verified":"true")").email_verified);
  CHECK(claims(R"("name":"a\nb")").name.empty());
  CHECK(claims(R"("locale":"<script>")").locale.empty());
}

TEST_CASE("external token: a second factor was used where the provider says so in its own way") {
  const auto used = [](std::string_view more) {
    Claims out;
    out.more = more;
    return check_token(generic(), keys_of(ec()), ec().token(out.text()), TokenUse::bearer, now).value().second_factor;
  };
  CHECK(used(R"("amr":["pwd","mfa"])"));
  CHECK(used(R"("amr":["hwk"])"));
  CHECK_FALSE(used(R"("amr":["pwd"])"));
  CHECK_FALSE(used(R"("amr":[{"method":"otp"}])"));
  CHECK_FALSE(used(R"("aal":"aal2")"));
  CHECK_FALSE(used(R"("name":"mfa")"));
  const auto at_supabase = [](std::string level) {
    std::string claims = supabase_access();
    claims.replace(claims.find("aal1"), 4, level);
    return check_token(supabase(), {}, hs256_token(secret, supabase_header, claims), TokenUse::bearer, now)
        .value()
        .second_factor;
  };
  CHECK(at_supabase("aal2"));
  CHECK_FALSE(at_supabase("aal1"));
}

TEST_CASE("external token: Cognito's access and id tokens are good for their own client") {
  const TokenSigner rsa("RS256", "abcdefgh/ijklmnop=");
  const KeySet keys = keys_of(rsa);
  const auto access = check_token(cognito(), keys, rsa.token(cognito_access()), TokenUse::bearer, now);
  REQUIRE(access);
  CHECK(access->subject == "aaaaaaaa-bbbb-cccc-dddd-example");
  CHECK(access->email.empty());
  CHECK(access->is_operator);
  const auto id = check_token(cognito(), keys, rsa.token(cognito_id()), TokenUse::bearer, now);
  REQUIRE(id);
  CHECK(id->email == "jane.doe@example.org");
  CHECK(id->email_verified);
  CHECK(id->name == "Jane Doe");
  CHECK_FALSE(id->is_operator);
  CHECK(outcome(cognito(), keys, rsa.token(cognito_id()), TokenUse::sign_in) == "good");
  CHECK(outcome(cognito(), keys, rsa.token(cognito_access()), TokenUse::sign_in) == "wrong_use");
  CHECK(outcome(cognito(), keys, rsa.token(cognito_id("another"))) == "wrong_audience");
  CHECK(outcome(cognito(), keys, rsa.token(cognito_id("1example23456789", "refresh"))) == "wrong_use");
  Provider other = cognito();
  other.audiences = {"another"};
  CHECK(outcome(other, keys, rsa.token(cognito_access())) == "wrong_audience");
  other = cognito();
  other.issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Another";
  CHECK(outcome(other, keys, rsa.token(cognito_access())) == "wrong_issuer");
}

TEST_CASE("external token: only a group that was named makes an operator") {
  const TokenSigner rsa("RS256");
  const auto is_operator = [&](const Provider& provider, std::string_view groups) {
    return check_token(provider, keys_of(rsa), rsa.token(cognito_access(groups)), TokenUse::bearer, now)
        .value()
        .is_operator;
  };
  CHECK(is_operator(cognito(), R"(["ticket-operators"])"));
  CHECK_FALSE(is_operator(cognito(), R"(["operators","admin","operator"])"));
  CHECK_FALSE(is_operator(cognito(), R"({"ticket-operators":true})"));
  CHECK_FALSE(is_operator(cognito(), "[]"));
  Provider none = cognito();
  none.operator_groups.clear();
  CHECK_FALSE(is_operator(none, R"(["ticket-operators","operator",""])"));
  Claims claims;
  claims.more = R"("cognito:groups":["ticket-operators"],"roles":["operator"])";
  CHECK_FALSE(
      check_token(generic(), keys_of(ec()), ec().token(claims.text()), TokenUse::bearer, now).value().is_operator);
}

TEST_CASE("external token: Supabase's tokens are good by the shared secret and by its keys") {
  const TokenSigner key("ES256", "b0a4b4a5-1111-4222-8333-abcdefabcdef");
  const KeySet none = parse_jwks(R"({"keys":[]})").value();
  const std::string legacy = hs256_token(secret, supabase_header, supabase_access());
  CHECK(outcome(supabase(), none, legacy) == "good");
  CHECK(outcome(supabase(), keys_of(key), legacy) == "good");
  CHECK(outcome(supabase(), keys_of(key), key.token(supabase_access())) == "good");
  CHECK(outcome(supabase(), none,
                hs256_token("another secret of 32 bytes and more", supabase_header, supabase_access())) ==
        "wrong_signature");
  Provider without = supabase();
  without.hs256_secret = {};
  CHECK(outcome(without, none, legacy) == "unknown_key");
  CHECK(outcome(without, keys_of(key), legacy) == "wrong_algorithm");
}

TEST_CASE("external token: Supabase's keys of programs and its anonymous users are no users") {
  const auto signed_by_secret = [](const std::string& payload) {
    return outcome(supabase(), {}, hs256_token(secret, supabase_header, payload));
  };
  CHECK(signed_by_secret(supabase_access("service_role")) == "wrong_use");
  CHECK(signed_by_secret(supabase_access("anon")) == "wrong_use");
  CHECK(signed_by_secret(supabase_access("supabase_admin")) == "wrong_use");
  CHECK(signed_by_secret(supabase_access("authenticated", "true")) == "wrong_use");
  for (const std::string role : {"anon", "service_role"}) {
    CHECK(signed_by_secret(R"({"iss":"supabase","ref":"abcdefgh","role":")" + role +
                           R"(","iat":1700000000,"exp":2015400000})") == "wrong_issuer");
    CHECK(signed_by_secret(R"({"iss":"https://abcdefgh.supabase.co/auth/v1","ref":"abcdefgh","role":")" + role +
                           R"(","iat":1700000000,"exp":2015400000})") == "wrong_use");
  }
}

TEST_CASE("external token: what a Supabase user may write about himself gives him nothing") {
  const auto claims = [](const Provider& provider, std::string_view metadata) {
    return check_token(provider, {},
                       hs256_token(secret, supabase_header, supabase_access("authenticated", "false", metadata)),
                       TokenUse::bearer, now)
        .value();
  };
  const auto read = claims(supabase(), R"("role":"service_role","roles":["operator"],"full_name":"Ada L",)");
  CHECK_FALSE(read.is_operator);
  CHECK_FALSE(read.email_verified);  // user_metadata says it is
  CHECK(read.email == "ada@example.com");
  CHECK(read.name == "Ada L");
  Provider trusted = supabase();
  trusted.email_verified = true;
  CHECK(claims(trusted, "").email_verified);
}

TEST_CASE("external token: the issuer it claims is read without believing it") {
  CHECK(claimed_issuer(ec().token(Claims{}.text())) == "https://op.example");
  CHECK_FALSE(claimed_issuer("a.b.c"));
  CHECK_FALSE(claimed_issuer(ec().token(R"({"iss":5})")));
  CHECK_FALSE(claimed_issuer(ec().token(R"({"iss":"a","iss":"b"})")));
}

// rooms: identity
// What somebody sends as a provider's token, as its key set, and as its JSON: read without a fault, and never accepted
// unless it is one of the tokens that were made here.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"
#include "identity/external_token.hpp"
#include "identity/strict_json.hpp"

using namespace admit;
using namespace admit::identity;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const domain::Instant now = domain::from_unix_ms(1'800'000'000'000);
constexpr std::string_view secret = "a shared secret that has 32 bytes, and more";

std::string encoded(std::string_view text) {
  return crypto::base64url(crypto::bytes_of(text));
}

std::string signed_by_secret(std::string_view header, std::string_view payload) {
  const std::string text = encoded(header) + "." + encoded(payload);
  return text + "." + crypto::base64url(crypto::hmac_sha256(crypto::bytes_of(secret), text));
}

Provider provider() {
  Provider out;
  out.name = "op";
  out.issuer = "https://op.example";
  out.audiences = {"tickets"};
  out.hs256_secret = crypto::Secret(secret);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Provider known = provider();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // As the whole token: nobody here signs by chance.
  require(!check_token(known, {}, text, TokenUse::bearer, now).has_value());
  (void)claimed_issuer(text);
  // As the payload, and as the header, of a token that is truly signed.
  const auto checked = check_token(known, {}, signed_by_secret(R"({"alg":"HS256"})", text), TokenUse::bearer, now);
  if (checked) {
    require(!checked->subject.empty() && checked->expires_at + external_leeway > now);
    require(strict_object(text).has_value());
  }
  (void)check_token(
      known, {}, signed_by_secret(text, R"({"iss":"https://op.example","sub":"a","aud":"tickets","exp":1900000000})"),
      TokenUse::bearer, now);
  // As a key set.
  if (const auto keys = parse_jwks(text)) {
    require(keys->size() <= jwks_limit_keys);
    for (const auto& key : *keys) require(!key.key.verify(crypto::bytes_of("text"), crypto::bytes_of("no signature")));
  }
  return 0;
}

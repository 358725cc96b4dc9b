#include "identity/jwks.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "crypto/encoding.hpp"
#include "identity/strict_json.hpp"

namespace admit::identity {

namespace json = boost::json;

namespace {

constexpr std::size_t max_kid_bytes = 200;

std::optional<std::vector<std::uint8_t>> bytes_in(const json::object& jwk, std::string_view name) {
  const json::string* text = text_in(jwk, name);
  return text != nullptr ? crypto::from_base64url(*text) : std::nullopt;
}

/// True where the member is missing, or one of the texts.
bool is_one_of(const json::object& jwk, std::string_view name, std::initializer_list<std::string_view> texts) {
  if (!jwk.contains(name)) return true;
  const json::string* text = text_in(jwk, name);
  return text != nullptr && std::ranges::find(texts, std::string_view(*text)) != texts.end();
}

bool may_sign(const json::object& jwk) {
  const auto operations = texts_in(jwk, "key_ops");
  return is_one_of(jwk, "use", {"sig"}) && operations &&
         (operations->empty() || std::ranges::find(*operations, "verify") != operations->end());
}

std::optional<crypto::VerifyKey> key_of(const json::object& jwk) {
  const json::string* type = text_in(jwk, "kty");
  if (type == nullptr || jwk.contains("d") || !may_sign(jwk)) return std::nullopt;
  if (*type == "RSA" && is_one_of(jwk, "alg", {"RS256"})) {
    const auto modulus = bytes_in(jwk, "n");
    const auto exponent = bytes_in(jwk, "e");
    if (modulus && exponent) return crypto::VerifyKey::rs256(*modulus, *exponent);
  }
  const json::string* curve = text_in(jwk, "crv");
  if (curve == nullptr) return std::nullopt;
  if (*type == "EC" && *curve == "P-256" && is_one_of(jwk, "alg", {"ES256"})) {
    const auto x = bytes_in(jwk, "x");
    const auto y = bytes_in(jwk, "y");
    if (x && y) return crypto::VerifyKey::es256(*x, *y);
  }
  if (*type == "OKP" && *curve == "Ed25519" && is_one_of(jwk, "alg", {"EdDSA", "Ed25519"})) {
    if (const auto x = bytes_in(jwk, "x")) return crypto::VerifyKey::eddsa(*x);
  }
  return std::nullopt;
}

}  // namespace

std::optional<KeySet> parse_jwks(std::string_view text) {
  if (text.size() > jwks_limit_bytes) return std::nullopt;
  const auto object = strict_object(text);
  const json::value* keys = object ? object->if_contains("keys") : nullptr;
  if (keys == nullptr || !keys->is_array() || keys->get_array().size() > jwks_limit_keys) return std::nullopt;
  KeySet set;
  for (const json::value& value : keys->get_array()) {
    const json::object* jwk = value.if_object();
    auto key = jwk != nullptr ? key_of(*jwk) : std::nullopt;
    if (!key) continue;
    const json::string* kid = text_in(*jwk, "kid");
    if (jwk->contains("kid") && (kid == nullptr || kid->empty() || kid->size() > max_kid_bytes)) continue;
    std::string name = kid != nullptr ? std::string(*kid) : "";
    if (!name.empty() && std::ranges::find(set, name, &NamedKey::kid) != set.end()) continue;
    set.push_back({std::move(name), *std::move(key)});
  }
  return set;
}

}  // namespace admit::identity

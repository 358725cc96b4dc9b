#include "identity/external_token.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <utility>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"
#include "domain/names.hpp"
#include "domain/users.hpp"
#include "identity/strict_json.hpp"

namespace admit::identity {

namespace json = boost::json;
using domain::Instant;
using enum ExternalFault;

namespace {

constexpr std::size_t header_limit_bytes = 2048;
constexpr std::size_t max_subject_bytes = 255;  // OpenID Connect Core, 2
constexpr std::size_t max_shown_name_bytes = 60;

struct Parts {
  std::string_view header, payload, signature, signed_text;
};

std::optional<Parts> split(std::string_view token) {
  if (token.size() > external_token_limit_bytes) return std::nullopt;
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == last || token.find('.', first + 1) != last) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, last - first - 1), token.substr(last + 1),
               token.substr(0, last)};
}

std::optional<json::object> object_in(std::string_view part) {
  const auto bytes = crypto::from_base64url(part);
  return bytes ? strict_object(crypto::text_of(*bytes)) : std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string copy_of(const json::object& claims, std::string_view name) {
  const json::string* text = text_in(claims, name);
  return text != nullptr ? std::string(*text) : "";
}

struct Header {
  std::string algorithm, kid;
};

std::expected<Header, ExternalFault> header_of(std::string_view part) {
  if (part.size() > header_limit_bytes) return std::unexpected(malformed);
  const auto header = object_in(part);
  if (!header) return std::unexpected(malformed);
  // What would change how the rest is to be read: we know no extension, and take no token within a token.
  for (const std::string_view name : {"crit", "b64", "zip", "enc", "cty"}) {
    if (header->contains(name)) return std::unexpected(malformed);
  }
  const json::string* algorithm = text_in(*header, "alg");
  const json::string* kid = text_in(*header, "kid");
  if (algorithm == nullptr || (header->contains("kid") && kid == nullptr)) return std::unexpected(malformed);
  if (header->contains("typ")) {
    const std::string type = lower(copy_of(*header, "typ"));
    if (type != "jwt" && type != "at+jwt" && type != "application/at+jwt") return std::unexpected(malformed);
  }
  return Header{std::string(*algorithm), kid != nullptr ? std::string(*kid) : ""};
}

/// The key is chosen by its id, or as the only one there is; the token's algorithm must then be the key's.
std::optional<ExternalFault> fault_of_signature(const Provider& provider, const KeySet& keys, const Header& header,
                                                const Parts& parts) {
  const auto signature = crypto::from_base64url(parts.signature);
  if (!signature) return malformed;
  const NamedKey* key = nullptr;
  if (!header.kid.empty()) {
    const auto found = std::ranges::find(keys, header.kid, &NamedKey::kid);
    if (found != keys.end()) key = &*found;
  } else if (keys.size() == 1 && provider.hs256_secret.empty()) {
    key = &keys.front();
  }
  if (key != nullptr) {
    if (header.algorithm != crypto::word(key->key.algorithm())) return wrong_algorithm;
    return key->key.verify(crypto::bytes_of(parts.signed_text), *signature) ? std::nullopt
                                                                            : std::optional(wrong_signature);
  }
  // The shared secret has no id of ours; no public key can ever stand here.
  if (provider.hs256_secret.empty() || header.algorithm != "HS256") return unknown_key;
  const auto mac = crypto::hmac_sha256(provider.hs256_secret.bytes(), parts.signed_text);
  return crypto::constant_time_equal(mac, *signature) ? std::nullopt : std::optional(wrong_signature);
}

/// Seconds since 1970, maybe with a fraction (RFC 7519, 2).
std::optional<Instant> instant_in(const json::object& claims, std::string_view name) {
  constexpr double year_10000 = 253'402'300'800;
  const json::value* value = claims.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double seconds = value->to_number<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds >= year_10000) return std::nullopt;
  return domain::from_unix_ms(static_cast<std::int64_t>(seconds) * 1000);
}

/// Providers write it as a boolean or, some of them, as a text.
bool is_true(const json::object& claims, std::string_view name) {
  const json::value* value = claims.if_contains(name);
  return value != nullptr && (value->is_bool() ? value->get_bool() : copy_of(claims, name) == "true");
}

bool any_of(const std::vector<std::string>& wanted, const std::vector<std::string>& there) {
  return std::ranges::any_of(wanted,
                             [&](const std::string& one) { return std::ranges::find(there, one) != there.end(); });
}

std::optional<ExternalFault> fault_of_audience(const Provider& provider, const json::object& claims, TokenUse use) {
  const auto audiences = texts_in(claims, "aud");
  if (!audiences) return malformed;
  if (use == TokenUse::sign_in) {
    if (provider.client_id.empty() || !any_of({provider.client_id}, *audiences)) return wrong_audience;
    const bool for_others = audiences->size() > 1 || claims.contains("azp");
    if (for_others && copy_of(claims, "azp") != provider.client_id) return wrong_audience;
    return std::nullopt;
  }
  const bool is_cognito_access = provider.policy == ProviderPolicy::cognito && copy_of(claims, "token_use") == "access";
  const bool fits = is_cognito_access ? any_of(provider.audiences, {copy_of(claims, "client_id")})
                                      : any_of(provider.audiences, *audiences);
  return fits ? std::nullopt : std::optional(wrong_audience);
}

/// Whether it stands for a person at all, in the provider's own way.
std::optional<ExternalFault> fault_of_use(const Provider& provider, const json::object& claims, TokenUse use) {
  // A client's own token (RFC 9068, 2.2).
  if (copy_of(claims, "sub") == copy_of(claims, "client_id")) return wrong_use;
  switch (provider.policy) {
    case ProviderPolicy::generic:
      return std::nullopt;
    case ProviderPolicy::cognito: {
      const std::string kind = copy_of(claims, "token_use");
      const bool fits = kind == "id" || (kind == "access" && use == TokenUse::bearer);
      return fits ? std::nullopt : std::optional(wrong_use);
    }
    case ProviderPolicy::supabase:
      // `anon` and `service_role` are keys of programs.
      if (copy_of(claims, "role") != "authenticated" || is_true(claims, "is_anonymous")) return wrong_use;
      return std::nullopt;
  }
  std::unreachable();
}

/// The first that may be shown, for a profile that is made from it.
std::string name_in(const json::object& claims) {
  std::vector<std::string> candidates{copy_of(claims, "name")};
  if (!copy_of(claims, "given_name").empty()) {
    candidates.push_back(copy_of(claims, "given_name") + " " + copy_of(claims, "family_name"));
  }
  const json::value* metadata =
      claims.if_contains("user_metadata");  // its owner's words: good for a name, for no right
  if (metadata != nullptr && metadata->is_object()) {
    candidates.push_back(copy_of(metadata->get_object(), "full_name"));
    candidates.push_back(copy_of(metadata->get_object(), "name"));
  }
  for (std::string& name : candidates) {
    while (name.ends_with(' ')) name.pop_back();
    if (!name.empty() && name.size() <= max_shown_name_bytes && domain::fault_of_mailed_name(name).empty()) return name;
  }
  return "";
}

/// Supabase's `amr` is a list of objects, and names a link in a mail `otp`: its level says what counts.
bool says_second_factor(const Provider& provider, const json::object& claims) {
  if (provider.policy == ProviderPolicy::supabase) return copy_of(claims, "aal") == "aal2";
  return any_of({"mfa", "otp", "hwk", "swk", "sc", "sms", "tel"},
                texts_in(claims, "amr").value_or(std::vector<std::string>{}));
}

ExternalClaims read(const Provider& provider, const json::object& claims) {
  ExternalClaims out{.subject = copy_of(claims, "sub"), .name = name_in(claims), .nonce = copy_of(claims, "nonce")};
  out.email = domain::normal_email(copy_of(claims, "email")).value_or("");
  // Supabase writes its own `email_verified` into what the user may change: that one says nothing.
  const bool says_so = provider.policy != ProviderPolicy::supabase && is_true(claims, "email_verified");
  out.email_verified = !out.email.empty() && (says_so || provider.email_verified);
  const std::string locale = copy_of(claims, "locale");
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  };
  if (locale.size() >= 2 && locale.size() <= 11 && std::ranges::all_of(locale, is_word)) out.locale = locale;
  if (provider.policy == ProviderPolicy::cognito) {
    out.is_operator =
        any_of(provider.operator_groups, texts_in(claims, "cognito:groups").value_or(std::vector<std::string>{}));
  }
  out.second_factor = says_second_factor(provider, claims);
  return out;
}

}  // namespace

std::string_view word(ExternalFault fault) {
  switch (fault) {
    case malformed:
      return "malformed";
    case unknown_key:
      return "unknown_key";
    case wrong_algorithm:
      return "wrong_algorithm";
    case wrong_signature:
      return "wrong_signature";
    case wrong_issuer:
      return "wrong_issuer";
    case wrong_audience:
      return "wrong_audience";
    case wrong_use:
      return "wrong_use";
    case not_yet_valid:
      return "not_yet_valid";
    case expired:
      return "expired";
  }
  std::unreachable();
}

std::optional<std::string> claimed_issuer(std::string_view token) {
  const auto parts = split(token);
  const auto claims = parts ? object_in(parts->payload) : std::nullopt;
  const json::string* issuer = claims ? text_in(*claims, "iss") : nullptr;
  if (issuer == nullptr) return std::nullopt;
  return std::string(*issuer);
}

std::optional<ExternalFault> fault_of_time(const ExternalClaims& claims, Instant now) {
  if (std::max(claims.issued_at, claims.not_before) > now + external_leeway) return not_yet_valid;
  if (claims.expires_at + external_leeway <= now) return expired;
  return std::nullopt;
}

std::expected<ExternalClaims, ExternalFault> check_token(const Provider& provider, const KeySet& keys,
                                                         std::string_view token, TokenUse use, Instant now) {
  const auto parts = split(token);
  if (!parts) return std::unexpected(malformed);
  const auto header = header_of(parts->header);
  if (!header) return std::unexpected(header.error());
  if (const auto fault = fault_of_signature(provider, keys, *header, *parts)) return std::unexpected(*fault);

  const auto claims = object_in(parts->payload);
  if (!claims) return std::unexpected(malformed);
  if (copy_of(*claims, "iss") != provider.issuer) return std::unexpected(wrong_issuer);
  const std::string subject = copy_of(*claims, "sub");
  // Supabase's older keys of programs have no subject at all; of everybody else's tokens that is a fault of form.
  const bool is_program = provider.policy == ProviderPolicy::supabase && !claims->contains("sub");
  if (is_program) return std::unexpected(wrong_use);
  const bool is_printable = std::ranges::all_of(subject, [](char c) { return c >= ' ' && c <= '~'; });
  if (subject.empty() || subject.size() > max_subject_bytes || !is_printable) return std::unexpected(malformed);
  if (const auto fault = fault_of_use(provider, *claims, use)) return std::unexpected(*fault);
  if (const auto fault = fault_of_audience(provider, *claims, use)) return std::unexpected(*fault);

  const auto expires_at = instant_in(*claims, "exp");
  const auto issued_at = instant_in(*claims, "iat");
  const auto not_before = instant_in(*claims, "nbf");
  if (!expires_at || (claims->contains("iat") && !issued_at) || (claims->contains("nbf") && !not_before)) {
    return std::unexpected(malformed);
  }
  ExternalClaims out = read(provider, *claims);
  out.expires_at = *expires_at;
  out.issued_at = issued_at.value_or(Instant{});
  out.not_before = not_before.value_or(out.issued_at);
  if (const auto fault = fault_of_time(out, now)) return std::unexpected(*fault);
  return out;
}

}  // namespace admit::identity

#pragma once
// Tokens that a provider of identities gave: JWTs in compact form (RFC 7515, 7519), checked as RFC 8725 has it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/secret.hpp"
#include "domain/instant.hpp"
#include "domain/words.hpp"
#include "identity/jwks.hpp"

namespace admit::identity {

inline constexpr std::size_t external_token_limit_bytes = 8192;
/// How far a provider's clock may be from ours, either way.
inline constexpr std::chrono::seconds external_leeway{60};
inline constexpr std::size_t hs256_least_bytes = 32;

/// What a provider's tokens look like beyond the standards.
ADMIT_WORDS(ProviderPolicy, generic, cognito, supabase)

/// Somebody who says who people are.
struct Provider {
  std::string name;   // in paths: a-z 0-9 -
  std::string label;  // for people
  ProviderPolicy policy = ProviderPolicy::generic;
  std::string issuer;  // exactly as tokens have it
  /// One of them must be meant by a token: in `aud`; of a Cognito access token, as `client_id`.
  std::vector<std::string> audiences;
  std::string client_id;  // ours, for sign-in in the browser; "" none there
  crypto::Secret client_secret;
  std::string jwks_url;  // "" : told by discovery
  crypto::Secret hs256_secret;
  bool link_by_email = false;   // what it says of a verified address may tie its name to an account that has it
  bool email_verified = false;  // it gives tokens only to who has proven their address
  std::vector<std::string> operator_groups;
  crypto::Secret service_key;  // of Supabase's admin interface: sign-up makes a user there too
};

/// What a token says, once it is known to be genuine and meant for us.
struct ExternalClaims {
  std::string subject;
  std::string email;  // normal, as domain::normal_email has it; "" none
  bool email_verified = false;
  std::string name;    // "" none, or none that may be shown
  std::string locale;  // "" none
  bool is_operator = false;
  bool second_factor = false;  // it says that one was used: Supabase's `aal`, others' `amr` (RFC 8176)
  std::string nonce;
  domain::Instant issued_at{};
  domain::Instant not_before{};
  domain::Instant expires_at{};
};

enum class ExternalFault : std::uint8_t {
  malformed,  // no token, or one of a kind that we do not take: `crit`, encrypted, nested
  unknown_key,
  wrong_algorithm,  // not the one that its key is for
  wrong_signature,
  wrong_issuer,
  wrong_audience,
  wrong_use,  // genuine, but stands for no person, or is no sign-in's answer
  not_yet_valid,
  expired
};
[[nodiscard]] std::string_view word(ExternalFault fault);

enum class TokenUse : std::uint8_t {
  bearer,
  sign_in  // the id token that a sign-in in the browser ends with
};

/// The issuer that a text that looks like a token claims; nothing about it is known to be true.
[[nodiscard]] std::optional<std::string> claimed_issuer(std::string_view token);

/// The claims of a genuine token. Which algorithm it must be signed with is for the key to say.
[[nodiscard]] std::expected<ExternalClaims, ExternalFault> check_token(const Provider& provider, const KeySet& keys,
                                                                       std::string_view token, TokenUse use,
                                                                       domain::Instant now);
/// Of claims that were checked before.
[[nodiscard]] std::optional<ExternalFault> fault_of_time(const ExternalClaims& claims, domain::Instant now);

}  // namespace admit::identity

#pragma once
// Passkeys: what a browser sends when one is made or used (Web Authentication, level 2), checked with libfido2.
// Pure: that a challenge is ours and was not used before is for the caller, who finds it in the client data.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "crypto/secret.hpp"

namespace admit::identity {

inline constexpr std::size_t client_data_limit_bytes = 2048;
inline constexpr std::size_t attestation_limit_bytes = 8192;
inline constexpr std::size_t authenticator_data_limit_bytes = 1024;
inline constexpr std::size_t signature_limit_bytes = 512;
inline constexpr std::size_t credential_id_limit_bytes = 1023;  // level 2, 4

/// What ties a passkey to us: a domain, and the one origin whose pages may ask for it.
struct RelyingParty {
  std::string id;
  std::string origin;
};
/// Of a URL of scheme, host and maybe port.
[[nodiscard]] RelyingParty relying_party(std::string_view public_url);

enum class PasskeyFault : std::uint8_t {
  malformed,
  wrong_type,               // made for the other ceremony
  wrong_origin,             // another page's, or from within another page's frame
  wrong_party,              // another domain's
  unsupported_attestation,  // neither none nor a good statement of the key about itself
  unsupported_algorithm,    // none of ES256, EdDSA and RS256
  user_not_verified,        // no PIN, finger or face
  wrong_signature
};
[[nodiscard]] std::string_view word(PasskeyFault fault);

enum class Ceremony : std::uint8_t { create, get };

/// The challenge, as the text that was given out, of client data for this ceremony from a page of our origin.
[[nodiscard]] std::expected<std::string, PasskeyFault> read_client_data(const RelyingParty& party, Ceremony ceremony,
                                                                        std::string_view client_data);

struct PasskeyKey {
  std::int64_t algorithm = 0;  // COSE: -7 ES256, -8 EdDSA, -257 RS256
  std::string public_key;      // ES256: x, y; EdDSA: the 32 bytes; RS256: modulus of 2048 bits, exponent
  bool operator==(const PasskeyKey&) const = default;
};

struct NewCredential {
  std::string id;
  PasskeyKey key;
  std::uint32_t sign_count = 0;
};
/// A new passkey, whose user was verified. Client data is only hashed here: read it first.
[[nodiscard]] std::expected<NewCredential, PasskeyFault> check_registration(const RelyingParty& party,
                                                                            std::string_view client_data,
                                                                            std::string_view attestation_object);

/// The use of a passkey, whose user was verified: its sign count. Client data is only hashed here: read it first.
[[nodiscard]] std::expected<std::uint32_t, PasskeyFault> check_assertion(const RelyingParty& party,
                                                                         const PasskeyKey& key,
                                                                         std::string_view client_data,
                                                                         std::string_view authenticator_data,
                                                                         std::string_view signature);

}  // namespace admit::identity

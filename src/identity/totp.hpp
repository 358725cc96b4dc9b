#pragma once
// One-time codes of an authenticator app (RFC 6238: SHA-1, 30 seconds, 6 digits), and recovery codes for whoever lost
// it.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/secret.hpp"
#include "domain/instant.hpp"

namespace admit::identity {

inline constexpr std::size_t totp_secret_bytes = 20;
inline constexpr std::int64_t totp_step_s = 30;
inline constexpr std::size_t recovery_code_count = 10;

[[nodiscard]] std::array<std::uint8_t, totp_secret_bytes> make_totp_secret();
/// RFC 4648 without padding: as apps want it typed.
[[nodiscard]] std::string base32(crypto::Bytes bytes);
/// `otpauth://totp/…`, what the QR symbol says. `issuer` and `account` may be any text.
[[nodiscard]] std::string totp_uri(crypto::Bytes secret, std::string_view issuer, std::string_view account);

/// RFC 4226, so many digits (6 to 8).
[[nodiscard]] std::string hotp(crypto::Bytes secret, std::uint64_t counter, int digits = 6);
[[nodiscard]] std::int64_t totp_step(domain::Instant now);
/// The step that a code belongs to: that of `now`, the one before or the one after. The time does not tell which digits
/// are right. Whether it was used before is the account's to say.
[[nodiscard]] std::optional<std::int64_t> totp_match(crypto::Bytes secret, std::string_view code, domain::Instant now);

struct RecoveryCodes {
  std::vector<std::string> codes;   // `ABCDE-FGHJK`, shown once: 50 bits each
  std::vector<std::string> hashes;  // what the account keeps
};
[[nodiscard]] RecoveryCodes make_recovery_codes();
/// nullopt for what is no such code; case, spaces and hyphens do not matter.
[[nodiscard]] std::optional<std::string> recovery_hash(std::string_view code);

}  // namespace admit::identity

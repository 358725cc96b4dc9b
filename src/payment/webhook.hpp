#pragma once
// Who sent this webhook: Stripe's `Stripe-Signature: t=UNIX,v1=HEX[,v1=HEX...]` over the raw body.

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/secret.hpp"
#include "domain/instant.hpp"

namespace admit::payment {

/// In order of precedence: a message with two faults is always refused with the first.
enum class WebhookFault : std::uint8_t {
  no_secret,  ///< none configured, or blank: nothing can be accepted
  empty_body,
  bad_header,    ///< absent, too long or not `key=value` pairs
  no_timestamp,  ///< `t` missing, twice or not a number
  no_signature,  ///< no `v1`; other schemes are ignored
  wrong_signature,
  too_old  ///< right signature, but older than the tolerance
};
[[nodiscard]] std::string_view word(WebhookFault fault);

class WebhookVerifier {
 public:
  /// Several secrets are live while one is rolled. The key is the whole `whsec_…` text; blank ones count for nothing,
  /// and with none left every message is refused. std::invalid_argument for a tolerance below 1 s.
  explicit WebhookVerifier(std::vector<crypto::Secret> secrets,
                           std::chrono::seconds tolerance = std::chrono::seconds{300});

  /// Give the bytes as they came, before any parsing. A timestamp ahead of `now` is accepted, as Stripe's libraries do.
  [[nodiscard]] std::expected<void, WebhookFault> verify(std::string_view raw_body, std::string_view signature_header,
                                                         domain::Instant now) const;

 private:
  std::vector<crypto::Secret> x_secrets;
  std::chrono::seconds x_tolerance;
};

/// The header value that verify() accepts: `t=UNIX,v1=HEX`.
[[nodiscard]] std::string signature_header(crypto::Bytes secret, std::string_view raw_body, std::int64_t unix_s);

}  // namespace admit::payment

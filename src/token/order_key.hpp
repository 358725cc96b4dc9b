#pragma once
// The key in the link to a guest's order. It stands behind the `#`, so that no server's log and no referrer sees it.

#include <optional>
#include <string>
#include <string_view>

#include "crypto/hash.hpp"
#include "domain/id.hpp"
#include "domain/instant.hpp"
#include "token/key_ring.hpp"

namespace admit::token {

/// Thread-safe.
class OrderKeys {
 public:
  /// Throws std::runtime_error without a fitting master key.
  explicit OrderKeys(const KeyRing& ring) : x_key(ring.derive("admit/order-link/1").bytes()) {}

  /// 43 characters of base64url, always the same for a registration.
  [[nodiscard]] std::string key_of(domain::RegistrationId registration) const;
  /// In a time that does not tell how much of the key is right.
  [[nodiscard]] bool opens(domain::RegistrationId registration, std::string_view key) const;

 private:
  crypto::HmacKey x_key;
};

/// What a payment link lets somebody do: pay for one registration, until a moment.
struct PayLink {
  domain::RegistrationId registration;
  domain::Instant until{};  // whole seconds
  bool operator==(const PayLink&) const = default;
};

/// The secret in a link that a seller shows: it pays for an order and opens nothing. It stands behind the `#` and is
/// sent as a bearer token. Thread-safe.
class PayKeys {
 public:
  /// Throws std::runtime_error without a fitting master key.
  explicit PayKeys(const KeyRing& ring) : x_key(ring.derive("admit/pay-link/1").bytes()) {}

  /// `pay_` and 75 characters of base64url: registration, end, HMAC.
  [[nodiscard]] std::string text_of(const PayLink& link) const;
  /// Nothing where we did not make it. Whether it is too late is for the caller to see.
  [[nodiscard]] std::optional<PayLink> parse(std::string_view text) const;

 private:
  crypto::HmacKey x_key;
};

}  // namespace admit::token

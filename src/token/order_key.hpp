#pragma once
// The key in the link to a guest's order. It stands behind the `#`, so that no server's log and no referrer sees it.

#include <string>
#include <string_view>

#include "crypto/hash.hpp"
#include "domain/id.hpp"
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

}  // namespace admit::token

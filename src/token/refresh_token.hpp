#pragma once
// Refresh tokens: the sign-in's id and 32 bytes, of which half proves that we made it. What follows a token is derived
// from it: whoever presents the same one twice is told the same, and two tabs stay signed in together.

#include <optional>
#include <string>
#include <string_view>

#include "crypto/hash.hpp"
#include "domain/id.hpp"
#include "token/key_ring.hpp"

namespace admit::token {

struct RefreshToken {
  domain::SessionId session;
  std::string text;         // `refresh_` and 64 characters of base64url
  crypto::Digest hash{};    // SHA-256 of the 32 bytes: what the row keeps
  bool is_genuine = false;  // we made it
};

/// Thread-safe.
class RefreshTokens {
 public:
  /// Throws std::runtime_error without a fitting master key.
  explicit RefreshTokens(const KeyRing& ring) : x_key(ring.derive("admit/refresh/1").bytes()) {}

  /// The first of a sign-in, random.
  [[nodiscard]] RefreshToken first(domain::SessionId session) const;
  /// The one after another; always the same.
  [[nodiscard]] RefreshToken next(const RefreshToken& before) const;
  /// nullopt for what is no such text.
  [[nodiscard]] std::optional<RefreshToken> parse(std::string_view text) const;

 private:
  [[nodiscard]] RefreshToken make(domain::SessionId session, crypto::Bytes half) const;

  crypto::HmacKey x_key;
};

}  // namespace admit::token

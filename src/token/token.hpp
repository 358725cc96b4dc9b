#pragma once
// The ticket token, version 1 profile 1: what a ticket's QR symbol says. Layout and text form: docs/token.md.
//
//   std::string digits = issue(claims, show_key, *ring.epoch(claims.epoch));
//   auto token = parse(scanned);                 // text and shape only, no key
//   auto claims = open(*token, ring);            // server: opens the seal, which authenticates
//   auto genuine = verify(*token, public_key);   // a gate without any secret

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "crypto/ed25519.hpp"
#include "domain/id.hpp"
#include "domain/instant.hpp"
#include "token/key_ring.hpp"
#include "token/reason.hpp"

namespace admit::token {

template <class T>
using Outcome = std::expected<T, Reason>;

/// What anybody who reads the code can see.
struct Header {
  std::uint8_t key_number = 0;
  std::uint8_t epoch = 0;
  std::uint16_t sequence = 0;
  std::uint16_t tier_index = 0;
  /// Whole seconds, from 2020-01-01T00:00:00Z to 2156-02-07T06:28:15Z.
  domain::Instant expires_at{};
  domain::TicketId ticket_id;
  domain::ShowId show_id;
  bool operator==(const Header&) const = default;
};

/// All a token says. The flags follow from it.
struct Claims : Header {
  domain::BusinessId ticket_business;
  domain::UserId customer;
  domain::TransactionId transaction;
  domain::BusinessId show_business;
  domain::UserId payer;
  domain::BusinessId payee;
  bool operator==(const Claims&) const = default;
};

/// When a ticket of a show whose last window ends then expires: 400 days later, in whole seconds and within range.
[[nodiscard]] domain::Instant expiry_for(domain::Instant last_window_until);

inline constexpr std::size_t size_limit_bytes = 232;
inline constexpr std::size_t text_limit_bytes = 2048;

/// A code that has the shape of a token; nothing in it is proven yet.
class Token {
 public:
  [[nodiscard]] const Header& header() const [[clang::lifetimebound]] { return x_header; }
  [[nodiscard]] crypto::Bytes bytes() const [[clang::lifetimebound]] { return {x_bytes.data(), x_size}; }
  /// The one text of this token.
  [[nodiscard]] std::string digits() const;

 private:
  friend Outcome<Token> parse(std::string_view text);
  friend Outcome<Token> parse_bytes(crypto::Bytes bytes);
  Token() = default;
  Header x_header;
  std::array<std::uint8_t, size_limit_bytes> x_bytes;
  std::size_t x_size = 0;
};

/// The token of these claims, in digits: 447 in the usual case. The same claims give the same digits.
/// `keys` must be of `claims.epoch` and usable, and the expiry within range: std::logic_error otherwise.
[[nodiscard]] std::string issue(const Claims& claims, const crypto::SigningKey& show_key, const EpochKeys& keys);

/// Reads bare digits, `HTTPS://HOST[:PORT]/V/<digits>` and
/// `https://host[:port]/validateQRcode?encrypted_token=<digits>`, scheme and host in any case, `http` or `https`. White
/// space around it is ignored.
[[nodiscard]] Outcome<Token> parse(std::string_view text);
/// The same from the bytes behind the digits.
[[nodiscard]] Outcome<Token> parse_bytes(crypto::Bytes bytes);

/// Opens the seal with the ring's key of the token's epoch. What comes back is authentic; the signature is not looked
/// at.
[[nodiscard]] Outcome<Claims> open(const Token& token, const KeyRing& ring);

/// Checks the signature. `key` must be the key of the token's show and key number.
[[nodiscard]] Outcome<void> verify(const Token& token, const crypto::PublicKey& key);

/// A public key as a gate's manifest lists it.
struct ShowPublicKey {
  domain::ShowId show_id;
  std::uint8_t number = 0;
  crypto::PublicKey key{};
};
/// Finds the key of the token's show and number, then checks the signature.
[[nodiscard]] Outcome<void> verify(const Token& token, std::span<const ShowPublicKey> keys);

/// What the QR symbol says: scheme and host of `public_url` in capitals, `/V/`, digits.
[[nodiscard]] std::string qr_text(std::string_view public_url, std::string_view digits);
/// The same as the compatibility interface writes it: `https://host/validateQRcode?encrypted_token=<digits>`.
[[nodiscard]] std::string compat_url(std::string_view public_url, std::string_view digits);

}  // namespace admit::token

#include "identity/opaque_token.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

namespace admit::identity {

namespace {
constexpr std::size_t id_size = 16;
constexpr std::size_t secret_size = 32;
}  // namespace

OpaqueToken make_opaque_token(std::string_view prefix, domain::Uuid id) {
  std::array<std::uint8_t, id_size + secret_size> bytes;
  const auto secret = std::span{bytes}.subspan(id_size);
  std::ranges::copy(id.bytes(), bytes.begin());
  crypto::fill_random(secret);
  OpaqueToken token{std::string{prefix} + crypto::base64url(bytes), crypto::sha256(secret)};
  crypto::wipe(bytes.data(), bytes.size());
  return token;
}

std::optional<OpaqueName> parse_opaque_token(std::string_view prefix, std::string_view text) {
  constexpr std::size_t text_size = (id_size + secret_size) * 4 / 3;
  if (!text.starts_with(prefix) || text.size() != prefix.size() + text_size) return std::nullopt;
  const auto bytes = crypto::from_base64url(text.substr(prefix.size()));
  if (!bytes) return std::nullopt;
  return OpaqueName{domain::Uuid::from_bytes(bytes->data()), crypto::sha256(crypto::Bytes{*bytes}.subspan(id_size))};
}

}  // namespace admit::identity

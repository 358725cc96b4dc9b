#include "token/refresh_token.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

namespace admit::token {
namespace {

constexpr std::string_view prefix = "refresh_";
constexpr std::size_t id_size = 16;
constexpr std::size_t half_size = 16;
constexpr std::size_t token_size = id_size + 2 * half_size;

crypto::Bytes half_of(const crypto::Digest& digest) {
  return crypto::Bytes{digest}.first(half_size);
}

}  // namespace

RefreshToken RefreshTokens::make(domain::SessionId session, crypto::Bytes half) const {
  const auto id = session.value.bytes();
  std::array<std::uint8_t, token_size> bytes{};
  std::ranges::copy(id, bytes.begin());
  std::ranges::copy(half, bytes.begin() + id_size);
  const auto proof = x_key.sign({crypto::bytes_of("made"), id, half});
  std::ranges::copy(half_of(proof), bytes.begin() + id_size + half_size);
  return {session, std::string(prefix) + crypto::base64url(bytes),
          crypto::sha256(crypto::Bytes{bytes}.subspan(id_size)), true};
}

RefreshToken RefreshTokens::first(domain::SessionId session) const {
  return make(session, crypto::random_bytes<half_size>());
}

RefreshToken RefreshTokens::next(const RefreshToken& before) const {
  const auto id = before.session.value.bytes();
  const auto digest = x_key.sign({crypto::bytes_of("next"), id, before.hash});
  return make(before.session, half_of(digest));
}

std::optional<RefreshToken> RefreshTokens::parse(std::string_view text) const {
  if (!text.starts_with(prefix) || text.size() != prefix.size() + token_size * 4 / 3) return std::nullopt;
  const auto bytes = crypto::from_base64url(text.substr(prefix.size()));
  if (!bytes) return std::nullopt;
  const crypto::Bytes secret = crypto::Bytes{*bytes}.subspan(id_size);
  const domain::SessionId session{domain::Uuid::from_bytes(bytes->data())};
  const auto genuine = make(session, secret.first(half_size));
  return RefreshToken{session, std::string(text), crypto::sha256(secret),
                      crypto::constant_time_equal(genuine.text, text)};
}

}  // namespace admit::token

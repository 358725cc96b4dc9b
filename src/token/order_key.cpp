#include "token/order_key.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "crypto/encoding.hpp"

namespace admit::token {

std::string OrderKeys::key_of(domain::RegistrationId registration) const {
  const auto id = registration.value.bytes();
  return crypto::base64url(x_key.sign({id}));
}

bool OrderKeys::opens(domain::RegistrationId registration, std::string_view key) const {
  return crypto::constant_time_equal(key_of(registration), key);
}

namespace {

constexpr std::string_view pay_prefix = "pay_";
constexpr std::size_t pay_named_bytes = 16 + 8;  // what the HMAC is over

}  // namespace

std::string PayKeys::text_of(const PayLink& link) const {
  std::array<std::uint8_t, pay_named_bytes + 32> bytes{};
  std::ranges::copy(link.registration.value.bytes(), bytes.begin());
  const auto until_s = static_cast<std::uint64_t>(domain::to_unix_ms(link.until) / 1000);
  for (std::size_t i = 0; i < 8; ++i) bytes[16 + i] = static_cast<std::uint8_t>(until_s >> (56 - 8 * i));
  const auto mac = x_key.sign({std::span(bytes).first(pay_named_bytes)});
  std::ranges::copy(mac, bytes.begin() + pay_named_bytes);
  return std::string(pay_prefix) + crypto::base64url(bytes);
}

std::optional<PayLink> PayKeys::parse(std::string_view text) const {
  if (!text.starts_with(pay_prefix)) return std::nullopt;
  const auto bytes = crypto::from_base64url(text.substr(pay_prefix.size()));
  if (!bytes || bytes->size() != pay_named_bytes + 32) return std::nullopt;
  PayLink link;
  std::uint64_t words[3] = {};
  for (std::size_t i = 0; i < pay_named_bytes; ++i)
    words[i / 8] = words[i / 8] << 8 | static_cast<std::uint8_t>((*bytes)[i]);
  link.registration = domain::RegistrationId{{words[0], words[1]}};
  if (words[2] > 1ULL << 40) return std::nullopt;
  link.until = domain::from_unix_ms(static_cast<std::int64_t>(words[2]) * 1000);
  if (!crypto::constant_time_equal(text_of(link), text)) return std::nullopt;
  return link;
}

}  // namespace admit::token

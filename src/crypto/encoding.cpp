#include "crypto/encoding.hpp"

#include <array>

namespace admit::crypto {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::uint8_t none = 0xFF;

constexpr std::array<std::uint8_t, 256> values_of(std::string_view digits) {
  std::array<std::uint8_t, 256> values{};
  values.fill(none);
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<std::uint8_t>(digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}

constexpr auto base64_values = values_of(base64_digits);
constexpr auto hex_values = [] {
  auto values = values_of(hex_digits);
  for (std::size_t i = 0; i < 6; ++i) values['A' + i] = static_cast<std::uint8_t>(10 + i);
  return values;
}();

}  // namespace

std::string hex(Bytes bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (std::uint8_t byte : bytes) {
    text += hex_digits[byte >> 4];
    text += hex_digits[byte & 15];
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint8_t high = hex_values[static_cast<std::uint8_t>(text[2 * i])];
    const std::uint8_t low = hex_values[static_cast<std::uint8_t>(text[2 * i + 1])];
    if (high == none || low == none) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return bytes;
}

std::string base64url(Bytes bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t pool = 0;
  unsigned bits = 0;
  for (std::uint8_t byte : bytes) {
    pool = pool << 8 | byte;
    for (bits += 8; bits >= 6;) text += base64_digits[pool >> (bits -= 6) & 63];
  }
  if (bits > 0) text += base64_digits[pool << (6 - bits) & 63];
  return text;
}

std::optional<std::vector<std::uint8_t>> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t pool = 0;
  unsigned bits = 0;
  for (char c : text) {
    const std::uint8_t value = base64_values[static_cast<std::uint8_t>(c)];
    if (value == none) return std::nullopt;
    pool = pool << 6 | value;
    bits += 6;
    if (bits >= 8) bytes.push_back(static_cast<std::uint8_t>(pool >> (bits -= 8)));
  }
  if ((pool & ((1u << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace admit::crypto

#include "token/digits.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace admit::token::detail {

namespace {

constexpr std::size_t block_bytes = 7;
/// Digits of a block of 0 to 7 bytes.
constexpr std::array<std::size_t, 8> digits_of{0, 3, 5, 8, 10, 13, 15, 17};
constexpr std::size_t block_digits = digits_of[block_bytes];

/// Eight digits at once: sums pairs, then fours, then all, in the lanes of one word.
std::uint64_t eight_digits(const char* text) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t lanes;
  std::memcpy(&lanes, text, sizeof lanes);
  lanes -= 0x3030303030303030u;
  lanes = lanes * 10 + (lanes >> 8);
  return ((lanes & 0x000000FF000000FFu) * 0x000F424000000064u +
          ((lanes >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u) >>
         32;
}

std::uint64_t number(std::string_view digits) {
  std::uint64_t value = 0;
  for (; digits.size() >= 8; digits.remove_prefix(8)) value = value * 100'000'000 + eight_digits(digits.data());
  for (const char c : digits) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value;
}

}  // namespace

bool all_digits(std::string_view text) {
  bool other = false;
  for (const char c : text) other |= static_cast<unsigned char>(c - '0') > 9;
  return !other;
}

void append_digits(std::string& out, crypto::Bytes bytes) {
  while (!bytes.empty()) {
    const crypto::Bytes block = bytes.first(std::min(block_bytes, bytes.size()));
    std::uint64_t value = 0;
    for (const std::uint8_t byte : block) value = value << 8 | byte;
    std::array<char, block_digits> digits;
    const std::size_t count = digits_of[block.size()];
    for (std::size_t i = count; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
    out.append(digits.data(), count);
    bytes = bytes.subspan(block.size());
  }
}

std::expected<std::size_t, Reason> read_digits(std::string_view digits, std::span<std::uint8_t> out) {
  const auto tail = std::ranges::find(digits_of, digits.size() % block_digits);
  const std::size_t size =
      digits.size() / block_digits * block_bytes + static_cast<std::size_t>(tail - digits_of.begin());
  if (tail == digits_of.end() || size > out.size()) return std::unexpected(Reason::wrong_length);
  for (std::size_t at = 0; at < size; at += block_bytes) {
    const std::size_t count = std::min(block_bytes, size - at);
    const std::uint64_t value = number(digits.substr(0, digits_of[count]));
    if (value >> (8 * count) != 0) return std::unexpected(Reason::not_canonical);
    for (std::size_t i = 0; i < count; ++i) out[at + i] = static_cast<std::uint8_t>(value >> (8 * (count - 1 - i)));
    digits.remove_prefix(digits_of[count]);
  }
  return size;
}

}  // namespace admit::token::detail

#include "domain/id.hpp"

#include <algorithm>

#include "domain/sha256.hpp"

namespace admit::domain {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::uint64_t mix(std::uint64_t x) {  // splitmix64's finaliser
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

Uuid with_version(Uuid uuid, std::uint64_t version) {
  uuid.high = (uuid.high & ~0xF000ull) | (version << 12);
  uuid.low = (uuid.low & 0x3FFFFFFFFFFFFFFFull) | 0x8000000000000000ull;
  return uuid;
}

}  // namespace

std::string Uuid::text() const {
  std::string out(36, '-');
  std::size_t at = 0;
  for (int i = 0; i < 16; ++i) {
    const auto byte = static_cast<unsigned>((i < 8 ? high >> (56 - 8 * i) : low >> (120 - 8 * i)) & 0xFF);
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;
    out[at++] = hex_digits[byte >> 4];
    out[at++] = hex_digits[byte & 15];
  }
  return out;
}

std::array<std::uint8_t, 16> Uuid::bytes() const {
  std::array<std::uint8_t, 16> out;
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    out[i + 8] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return out;
}

std::string Uuid::raw() const {
  const auto all = bytes();
  return {all.begin(), all.end()};
}

Uuid Uuid::from_bytes(const std::uint8_t* sixteen_bytes) {
  Uuid out;
  for (int i = 0; i < 8; ++i) {
    out.high = out.high << 8 | sixteen_bytes[i];
    out.low = out.low << 8 | sixteen_bytes[i + 8];
  }
  return out;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid out;
  int nibbles = 0;
  for (std::size_t i = 0; i < 36; ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return std::nullopt;
    auto& half = nibbles++ < 16 ? out.high : out.low;
    half = half << 4 | static_cast<std::uint64_t>(value);
  }
  return out;
}

Uuid fresh_uuid(Instant now, Seed seed, std::uint32_t k) {
  const auto ms = static_cast<std::uint64_t>(to_unix_ms(now)) & 0xFFFFFFFFFFFFull;
  const std::uint64_t first = mix(seed.a ^ mix(seed.b + k));
  const std::uint64_t second = mix(seed.b ^ mix(first + seed.a));
  return with_version(Uuid{ms << 16 | (first & 0xFFFF), second}, 7);
}

Uuid derived_uuid(std::string_view kind, std::string_view text) {
  std::array<char, 128> few;
  std::string many;
  const std::size_t size = kind.size() + 1 + text.size();
  char* input = few.data();
  if (size > few.size()) {
    many.resize(size);
    input = many.data();
  }
  *std::ranges::copy(kind, input).out = '\0';
  std::ranges::copy(text, input + kind.size() + 1);
  const auto digest = sha256({input, size});
  return with_version(Uuid::from_bytes(digest.data()), 8);
}

}  // namespace admit::domain

#pragma once
// Randomness from the operating system.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace admit::crypto {

void fill_random(std::span<std::uint8_t> out);

template <std::size_t Size>
[[nodiscard]] std::array<std::uint8_t, Size> random_bytes() {
  std::array<std::uint8_t, Size> out;
  fill_random(out);
  return out;
}

}  // namespace admit::crypto

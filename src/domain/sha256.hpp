#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace admit::domain {

/// FIPS 180-4 SHA-256. For ids and audit chains, where the domain may link nothing; never for passwords or tokens.
[[nodiscard]] std::array<std::uint8_t, 32> sha256(std::string_view bytes);
/// The same without the processor's instructions for it, as where there are none.
[[nodiscard]] std::array<std::uint8_t, 32> sha256_portable(std::string_view bytes);

}  // namespace admit::domain

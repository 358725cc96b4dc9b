#pragma once
// Bytes as text: hexadecimal and base64url (RFC 4648 section 5, without padding).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/secret.hpp"

namespace admit::crypto {

/// Lower case.
[[nodiscard]] std::string hex(Bytes bytes);
/// Either case; nullopt for an odd length or any other character.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);

[[nodiscard]] std::string base64url(Bytes bytes);
/// Strict: no padding, no white space, no foreign character, unused bits zero, so that every value has one text.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> from_base64url(std::string_view text);

}  // namespace admit::crypto

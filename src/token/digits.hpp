#pragma once
// Inside the room: bytes as decimal digits. Seven bytes are 17 digits; a tail of 1 to 6 bytes is 3, 5, 8, 10, 13 or 15.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "crypto/secret.hpp"
#include "token/reason.hpp"

namespace admit::token::detail {

[[nodiscard]] bool all_digits(std::string_view text);

void append_digits(std::string& out, crypto::Bytes bytes);

/// Reads digits (and nothing but digits: see all_digits) into `out`; gives the number of bytes. Refuses a number of
/// digits that no bytes have or that does not fit into `out` (wrong_length), and a block whose value no bytes have
/// (not_canonical).
[[nodiscard]] std::expected<std::size_t, Reason> read_digits(std::string_view digits, std::span<std::uint8_t> out);

}  // namespace admit::token::detail

#pragma once
// HMAC-SHA-1, for one-time codes (RFC 4226) only: every authenticator app speaks it.

#include <array>
#include <cstdint>

#include "crypto/secret.hpp"

namespace admit::crypto {

[[nodiscard]] std::array<std::uint8_t, 20> hmac_sha1(Bytes key, Bytes data);

}  // namespace admit::crypto

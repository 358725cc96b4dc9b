#pragma once
// SHA-256, HMAC-SHA-256 and HKDF-SHA-256. Every function may be called from any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "crypto/secret.hpp"

namespace admit::crypto {

using Digest = std::array<std::uint8_t, 32>;

[[nodiscard]] Digest sha256(Bytes data);
[[nodiscard]] inline Digest sha256(std::string_view text) {
  return sha256(bytes_of(text));
}

/// HMAC over the parts one after another, as if they were one text.
[[nodiscard]] Digest hmac_sha256(Bytes key, std::initializer_list<Bytes> parts);
[[nodiscard]] inline Digest hmac_sha256(Bytes key, Bytes data) {
  return hmac_sha256(key, {data});
}
[[nodiscard]] inline Digest hmac_sha256(Bytes key, std::string_view text) {
  return hmac_sha256(key, bytes_of(text));
}

/// An HMAC key whose two inner states are computed once; for keys used many times.
class HmacKey {
 public:
  explicit HmacKey(Bytes key);
  ~HmacKey();
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;
  [[nodiscard]] Digest sign(std::initializer_list<Bytes> parts) const;

 private:
  struct alignas(16) State {
    std::array<std::uint8_t, 256> memory;
  };
  State x_state;
};

/// RFC 5869 extract and expand. `size` at most 255 * 32. An empty salt is a salt of 32 zero bytes, as the RFC has it.
[[nodiscard]] Secret hkdf_sha256(Bytes key, Bytes salt, Bytes info, std::size_t size);

/// True if both are equal; the time depends on the sizes only.
[[nodiscard]] bool constant_time_equal(Bytes a, Bytes b);
[[nodiscard]] inline bool constant_time_equal(std::string_view a, std::string_view b) {
  return constant_time_equal(bytes_of(a), bytes_of(b));
}

}  // namespace admit::crypto

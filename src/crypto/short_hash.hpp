#pragma once
// SipHash-2-4: for tables whose keys come from outside.

#include <cstdint>
#include <string_view>

namespace admit::crypto {

/// A key of the process: nobody outside can tell which texts fall together.
class ShortHash {
 public:
  ShortHash();
  [[nodiscard]] std::uint64_t operator()(std::string_view text) const;

 private:
  std::uint8_t x_key[16];
};

}  // namespace admit::crypto

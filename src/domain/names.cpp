#include "domain/names.hpp"

#include <cstdint>

namespace admit::domain {
namespace {

/// The first bytes of a UTF-8 text that decide whether its first character is one that a name may not have.
bool is_unwanted(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0;
  };
  switch (byte(0)) {
    case 0xC2:  // U+0080 to U+009F
      return byte(1) >= 0x80 && byte(1) <= 0x9F;
    case 0xD8:  // U+061C
      return byte(1) == 0x9C;
    case 0xE2:
      if (byte(1) == 0x80) {  // U+200E, U+200F, U+2028 to U+202E
        return byte(2) == 0x8E || byte(2) == 0x8F || (byte(2) >= 0xA8 && byte(2) <= 0xAE);
      }
      return byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9;  // U+2066 to U+2069
    default:
      return byte(0) < 0x20 || byte(0) == 0x7F;
  }
}

}  // namespace

std::string_view fault_of_name(std::string_view name) {
  if (name.size() > max_name_bytes) return "A name has at most 200 bytes.";
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (is_unwanted(name.substr(i))) {
      return "A name holds no control characters and none that turn the direction of writing.";
    }
  }
  return "";
}

}  // namespace admit::domain

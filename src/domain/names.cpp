#include "domain/names.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

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

/// Characters that leave no trace: spaces, joiners, fillers.
constexpr std::array<std::string_view, 36> unseen{
    " ",      "\u00a0", "\u00ad", "\u034f", "\u115f", "\u1160", "\u180e", "\u2000", "\u2001",
    "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
    "\u200b", "\u200c", "\u200d", "\u202f", "\u205f", "\u2060", "\u2061", "\u2062", "\u2063",
    "\u2064", "\u2800", "\u3000", "\u3164", "\ufe0e", "\ufe0f", "\ufeff", "\uffa0", "\u1680"};

bool is_unseen(std::string_view name) {
  while (!name.empty()) {
    const auto mark = std::ranges::find_if(unseen, [&](std::string_view one) { return name.starts_with(one); });
    if (mark == unseen.end()) return false;
    name.remove_prefix(mark->size());
  }
  return true;
}

}  // namespace

std::string_view fault_of_name(std::string_view name) {
  if (name.size() > max_name_bytes) return "A name has at most 200 bytes.";
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (is_unwanted(name.substr(i))) {
      return "A name holds no control characters and none that turn the direction of writing.";
    }
  }
  if (!name.empty() && is_unseen(name)) return "Give a name that can be seen.";
  return "";
}

std::string_view fault_of_mailed_name(std::string_view name) {
  if (const auto fault = fault_of_name(name); !fault.empty()) return fault;
  std::string low(name);
  for (char& c : low) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const std::string_view part : {"://", "www.", "@"}) {
    if (low.find(part) != std::string::npos) return "A name holds no address of a page or a mailbox.";
  }
  return "";
}

}  // namespace admit::domain

#include "mail/address.hpp"

#include <algorithm>

#include "mail/text.hpp"

namespace admit::mail {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_outside_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

/// Calls `judge` with each part between the dots; false as soon as one is empty or refused.
bool all_parts(std::string_view text, auto judge) {
  for (;;) {
    const auto dot = text.find('.');
    const auto part = text.substr(0, dot);
    if (part.empty() || !judge(part)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_atom(std::string_view part) {
  static constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~";
  return std::ranges::all_of(part,
                             [](char c) { return is_letter_or_digit(c) || is_outside_ascii(c) || others.contains(c); });
}
bool is_label(std::string_view part) {
  return part.size() <= 63 && part.front() != '-' && part.back() != '-' &&
         std::ranges::all_of(part, [](char c) { return is_letter_or_digit(c) || is_outside_ascii(c) || c == '-'; });
}

}  // namespace

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_address(std::string_view text) {
  const auto at = text.find('@');
  if (text.size() > 254 || at == std::string_view::npos || at > 64) return false;
  // What would be changed on one line hides something: a space, a direction mark, a broken byte.
  if (one_line(text, 254) != text || text.contains("\uFFFD")) return false;
  return all_parts(text.substr(0, at), is_atom) && all_parts(text.substr(at + 1), is_label);
}

}  // namespace admit::mail

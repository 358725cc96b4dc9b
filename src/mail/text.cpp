#include "mail/text.hpp"

#include <cstdint>
#include <optional>

namespace admit::mail {
namespace {

struct Character {
  char32_t code;
  std::size_t size;
};

/// The character at the start of `text`, which is not empty; nullopt where the bytes are no UTF-8.
std::optional<Character> first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint8_t>(text[i]);
  };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return Character{lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return std::nullopt;
  char32_t code = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return std::nullopt;
    code = (code << 6) | (byte(i) & 0x3FU);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return std::nullopt;
  return Character{code, size};
}

bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029;
}
bool is_space(char32_t code) {
  return code == 0x20 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x202F ||
         code == 0x205F || code == 0x3000;
}
/// Direction marks, embeddings, overrides and isolates, and the byte order mark.
bool is_unseen(char32_t code) {
  return code == 0x200E || code == 0x200F || code == 0x061C || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

}  // namespace

std::size_t character_size(std::string_view text) {
  if (text.empty()) return 0;
  const auto character = first_character(text);
  return character ? character->size : 1;
}

bool is_clean(std::string_view text, bool is_body) {
  while (!text.empty()) {
    const auto character = first_character(text);
    if (!character) return false;
    const bool is_layout = character->code == '\n' || character->code == '\t';
    if (is_control(character->code) && !(is_body && is_layout)) return false;
    text.remove_prefix(character->size);
  }
  return true;
}

std::string one_line(std::string_view text, std::size_t limit_characters) {
  std::string out;
  std::size_t count = 0;
  std::size_t last_start = 0;  // of the last character put
  bool is_space_due = false;
  const auto put = [&](std::string_view bytes) {
    if (count == limit_characters) return false;
    last_start = out.size();
    out += bytes;
    ++count;
    return true;
  };
  while (!text.empty()) {
    const auto character = first_character(text);
    const std::string_view bytes = text.substr(0, character ? character->size : 1);
    text.remove_prefix(bytes.size());
    if (character && is_unseen(character->code)) continue;
    if (character && (is_control(character->code) || is_space(character->code))) {
      is_space_due = !out.empty();
      continue;
    }
    const bool is_put = (!is_space_due || put(" ")) && put(character ? bytes : "\uFFFD");
    is_space_due = false;
    if (is_put) continue;
    out.resize(last_start);
    while (out.ends_with(' ')) out.pop_back();
    return out += "…";
  }
  return out;
}

}  // namespace admit::mail

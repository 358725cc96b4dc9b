#include "document/clean_text.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

namespace admit::document {
namespace {

constexpr int limit_marks = 5;
constexpr UChar32 replacement = 0xFFFD;
constexpr UChar32 non_joiner = 0x200C;
constexpr UChar32 joiner = 0x200D;
constexpr std::string_view ellipsis = "…";

bool is_printable(UChar32 c) {
  if (c == non_joiner || c == joiner || u_hasBinaryProperty(c, UCHAR_VARIATION_SELECTOR)) return true;
  if (U_IS_UNICODE_NONCHAR(c) || u_hasBinaryProperty(c, UCHAR_BIDI_CONTROL) ||
      u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT)) {
    return false;
  }
  const int category = u_charType(c);
  const bool is_annotation = c >= 0xFFF9 && c <= 0xFFFB;
  return category != U_CONTROL_CHAR && category != U_PRIVATE_USE_CHAR && category != U_SURROGATE && !is_annotation;
}

bool is_mark(UChar32 c) {
  const int category = u_charType(c);
  return category == U_NON_SPACING_MARK || category == U_ENCLOSING_MARK;
}

void append(std::string& out, UChar32 c) {
  char bytes[U8_MAX_LENGTH];
  int length = 0;
  U8_APPEND_UNSAFE(bytes, length, c);
  out.append(bytes, static_cast<std::size_t>(length));
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t limit_characters) {
  std::string out;
  if (limit_characters == 0) return out;
  std::size_t characters = 0;
  std::size_t cut_at = 0;  // end of the first limit - 1 characters, where an ellipsis would stand
  int marks = 0;
  bool space_pending = false;

  const auto put = [&](UChar32 c) {
    append(out, c);
    if (++characters == limit_characters - 1) cut_at = out.size();
  };

  const char* bytes = text.data();
  const std::size_t length = text.size();
  for (std::size_t i = 0; i < length && characters <= limit_characters;) {
    UChar32 c;
    U8_NEXT(bytes, i, length, c);
    if (c < 0) c = replacement;
    if (u_isUWhiteSpace(c)) {
      space_pending = characters > 0;
      marks = 0;
      continue;
    }
    if (!is_printable(c)) continue;
    if (is_mark(c)) {
      if (++marks > limit_marks) continue;
    } else if (c != joiner && c != non_joiner) {
      marks = 0;
    }
    if (space_pending) put(' ');
    space_pending = false;
    put(c);
  }
  if (characters <= limit_characters) return out;
  out.resize(cut_at);
  while (out.ends_with(' ')) out.pop_back();
  out += ellipsis;
  return out;
}

}  // namespace admit::document

#pragma once
// Text from people, made fit for a mail.

#include <cstddef>
#include <string>
#include <string_view>

namespace admit::mail {

/// True for valid UTF-8 (no overlong form, no surrogate) without a control character (C0, C1, DEL, U+2028, U+2029);
/// with `is_body` line feeds and tabs are allowed.
[[nodiscard]] bool is_clean(std::string_view text, bool is_body);

/// `text` as one line: broken bytes become U+FFFD; controls, line separators and white space of any length become one
/// space, none at the ends; marks that reorder the line go; at most `limit_characters`, cut with an ellipsis.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t limit_characters);

/// The bytes of the UTF-8 character at the start of `text`, 1 where it is broken; 0 for an empty text.
[[nodiscard]] std::size_t character_size(std::string_view text);

}  // namespace admit::mail

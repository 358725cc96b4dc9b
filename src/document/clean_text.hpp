#pragma once
// What people type, made fit for a page: still their words, but nothing that hides, reorders or overflows.

#include <cstddef>
#include <string>
#include <string_view>

namespace admit::document {

/// `text` as it may be printed: valid UTF-8 (a broken byte becomes U+FFFD), no control, private-use or non-character,
/// no direction mark, embedding, isolate or override, nothing invisible but the joiners and variation selectors that
/// scripts need, white space of any kind and length as one space (none at the ends), at most 5 marks on one letter, and
/// at most `limit_characters` code points (cut with an ellipsis). Idempotent.
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t limit_characters);

}  // namespace admit::document

#pragma once
// Text inside HTML.

#include <string>
#include <string_view>

namespace admit::crypto {

/// `text` for HTML's text and for attributes in quotes of either kind.
[[nodiscard]] std::string html_text(std::string_view text);

}  // namespace admit::crypto

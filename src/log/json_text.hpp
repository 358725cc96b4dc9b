#pragma once
// Inside the room: the body of a log line.

#include <cstddef>
#include <string>
#include <string_view>

#include "log/log.hpp"

namespace admit::log::detail {

/// Texts are cut here, so that no line grows without bound.
inline constexpr std::size_t text_limit_bytes = 8192;

/// Appends a JSON string. Broken UTF-8 becomes U+FFFD; what is cut ends with `…`.
void append_text(std::string& out, std::string_view text);

/// `"msg":"…","key":value,…` without braces.
[[nodiscard]] std::string line_body(std::string_view message, Fields fields);

}  // namespace admit::log::detail

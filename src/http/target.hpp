#pragma once
// Percent-encoding and form-encoding, strict in both directions.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace admit::http {

using FormField = std::pair<std::string, std::string>;

/// Appends `text` decoded to `out`. False (out is then unspecified) for a bad escape, for bytes that are not UTF-8
/// and for control characters. `plus_is_space` is the rule of queries and forms.
[[nodiscard]] bool percent_decode(std::string_view text, bool plus_is_space, std::string& out);

/// Everything but A-Z a-z 0-9 - . _ ~ becomes %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// `a=1&b=2` of a query or an application/x-www-form-urlencoded body, in order. nullopt for a bad escape, bad UTF-8
/// or more than `max_fields`.
[[nodiscard]] std::optional<std::vector<FormField>> parse_form(std::string_view text, std::size_t max_fields = 256);
[[nodiscard]] std::string write_form(const std::vector<FormField>& fields);

/// No stray continuation, no overlong form, no surrogate, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace admit::http

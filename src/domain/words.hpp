#pragma once
// Enums whose enumerators are the words on the wire and in the database.

#include <cstddef>
#include <optional>
#include <string_view>

namespace admit::domain {

/// The index-th word of a comma-separated list as the preprocessor writes it ("a, b, c"); empty past the end.
constexpr std::string_view nth_word(std::string_view list, std::size_t index) {
  while (index-- > 0) {
    const auto comma = list.find(',');
    if (comma == std::string_view::npos) return {};
    list.remove_prefix(comma + 1);
  }
  while (!list.empty() && list.front() == ' ') list.remove_prefix(1);
  std::string_view word = list.substr(0, list.find(','));
  while (!word.empty() && (word.back() == ' ' || word.back() == '_')) word.remove_suffix(1);
  return word;
}

/// Declares `enum class Name` and the list of its words. A trailing underscore keeps clear of a keyword
/// (`none_` is the word `none`).
#define ADMIT_WORDS(Name, ...)                        \
  enum class Name : unsigned char { __VA_ARGS__ };    \
  constexpr std::string_view words_of(Name) { return #__VA_ARGS__; }

template <class Enum>
concept WordEnum = requires(Enum e) {
  { words_of(e) } -> std::convertible_to<std::string_view>;
};

template <WordEnum Enum>
constexpr std::string_view word(Enum value) {
  return nth_word(words_of(value), static_cast<std::size_t>(value));
}

template <WordEnum Enum>
constexpr std::optional<Enum> parse_word(std::string_view text) {
  for (std::size_t i = 0;; ++i) {
    const auto candidate = nth_word(words_of(Enum{}), i);
    if (candidate.empty()) return std::nullopt;
    if (candidate == text) return static_cast<Enum>(i);
  }
}

template <WordEnum Enum>
constexpr std::size_t word_count() {
  std::size_t n = 0;
  while (!nth_word(words_of(Enum{}), n).empty()) ++n;
  return n;
}

}  // namespace admit::domain

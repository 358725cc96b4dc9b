#pragma once
// The pages' languages: which one a visitor reads, and the words of each.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace admit::api {

/// The words of one language.
struct PageWords {
  std::string code;                         // BCP 47, primary subtag
  std::string name;                         // in itself
  std::map<std::string, std::string> page;  // what the templates say
  std::string script;                       // what the scripts say, as a JSON object
  std::string account_script;               // the same of the pages about accounts
};
/// English first. Made from words.json and account-words.json.
[[nodiscard]] const std::vector<PageWords>& page_languages();
/// The words of a language; nullptr for one that the pages do not speak. Only
/// the primary subtag counts.
[[nodiscard]] const PageWords* find_words(std::string_view tag);

/// The visitor's language: the one asked for (`?lang=`), else the best of
/// `accept` (RFC 9110, 12.5.4; the first 20 entries count), else `fallback`,
/// else English.
[[nodiscard]] const PageWords& choose_words(std::string_view asked, std::string_view accept, std::string_view fallback);

/// `text` with `{name}` replaced by `value`.
[[nodiscard]] std::string put_in(std::string text, std::string_view name, std::string_view value);

}  // namespace admit::api

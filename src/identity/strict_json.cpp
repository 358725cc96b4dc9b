#include "identity/strict_json.hpp"

#include <boost/json.hpp>
#include <set>

namespace admit::identity {

namespace json = boost::json;

namespace {

constexpr std::size_t max_depth = 16;

/// Of a text that is known to be JSON: there, a string with a colon behind it is a key.
bool has_key_twice(std::string_view text) {
  std::vector<std::set<std::string, std::less<>>> levels;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') levels.emplace_back();
    if (text[i] == '}') levels.pop_back();
    if (text[i] != '"') continue;
    const std::size_t begin = i++;
    while (text[i] != '"') i += text[i] == '\\' ? 2 : 1;
    const std::size_t next = text.find_first_not_of(" \t\r\n", i + 1);
    if (next == std::string_view::npos || text[next] != ':') continue;
    std::string key(json::parse(text.substr(begin, i + 1 - begin)).as_string());
    if (!levels.back().insert(std::move(key)).second) return true;
  }
  return false;
}

}  // namespace

std::optional<json::object> strict_object(std::string_view text) {
  boost::system::error_code fault;
  json::value value = json::parse(text, fault, {}, {.max_depth = max_depth});
  if (fault || !value.is_object() || has_key_twice(text)) return std::nullopt;
  return std::move(value.get_object());
}

const json::string* text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr ? value->if_string() : nullptr;
}

std::optional<std::vector<std::string>> texts_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  if (value->is_string()) {
    out.emplace_back(value->get_string());
    return out;
  }
  if (!value->is_array()) return std::nullopt;
  for (const json::value& item : value->get_array()) {
    if (!item.is_string()) return std::nullopt;
    out.emplace_back(item.get_string());
  }
  return out;
}

}  // namespace admit::identity

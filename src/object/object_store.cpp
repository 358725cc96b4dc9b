#include "object/object_store.hpp"

#include <algorithm>

namespace admit::object {

namespace {

constexpr std::size_t filename_limit_bytes = 100;

bool plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

}  // namespace

bool valid_key(std::string_view key) {
  if (key.empty() || key.size() > key_limit_bytes) return false;
  char before = '/';
  for (const char c : key) {
    if (c != '/' && !plain(c)) return false;
    if (before == '/' && (c == '/' || c == '.')) return false;
    before = c;
  }
  return before != '/';
}

std::string safe_filename(std::string_view name) {
  std::string safe;
  for (const char c : name.substr(0, filename_limit_bytes)) {
    if (plain(c)) {
      safe += c;
    } else if (!safe.ends_with('-')) {
      safe += '-';
    }
  }
  safe.erase(0, std::min(safe.find_first_not_of(".-"), safe.size()));
  return safe.empty() ? "file" : safe;
}

}  // namespace admit::object

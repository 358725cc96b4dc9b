#include "payment/form.hpp"

#include <boost/json.hpp>
#include <string_view>

namespace admit::payment::form {

namespace json = boost::json;

namespace {

/// As percent_encode, but square brackets stay.
void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~[]";
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (plain.contains(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
}

void append_value(std::string& out, const std::string& name, const json::value& value) {
  if (const auto* object = value.if_object()) {
    for (const auto& [key, member] : *object) append_value(out, name + '[' + std::string{key} + ']', member);
    return;
  }
  if (const auto* array = value.if_array()) {
    for (std::size_t i = 0; i < array->size(); ++i)
      append_value(out, name + '[' + std::to_string(i) + ']', (*array)[i]);
    return;
  }
  if (!out.empty()) out += '&';
  append_encoded(out, name);
  out += '=';
  if (const auto* text = value.if_string()) {
    append_encoded(out, *text);
  } else if (!value.is_null()) {
    out += json::serialize(value);
  }
}

}  // namespace

std::string encode(const json::object& parameters) {
  std::string out;
  for (const auto& [key, value] : parameters) append_value(out, std::string{key}, value);
  return out;
}

}  // namespace admit::payment::form

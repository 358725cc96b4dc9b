#include "store/codec.hpp"

#include <boost/json.hpp>

namespace admit::store::codec {

void append_text(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
}

boost::json::value parse(std::string_view text) {
  boost::system::error_code error;
  auto value = boost::json::parse({text.data(), text.size()}, error);
  if (error) throw_unreadable("malformed JSON");
  return value;
}

void throw_unreadable(std::string_view what) {
  throw StoreUnavailable("a stored value cannot be read: " + std::string(what));
}

std::int64_t as_number(const boost::json::value& value) {
  if (const auto* number = value.if_int64()) return *number;
  throw_unreadable("a number was expected");
}

bool as_bool(const boost::json::value& value) {
  if (const auto* truth = value.if_bool()) return *truth;
  throw_unreadable("true or false was expected");
}

std::string_view as_text(const boost::json::value& value) {
  if (const auto* text = value.if_string()) return {text->data(), text->size()};
  throw_unreadable("a text was expected");
}

const boost::json::array& as_array(const boost::json::value& value) {
  if (const auto* array = value.if_array()) return *array;
  throw_unreadable("a list was expected");
}

const boost::json::object& as_object(const boost::json::value& value) {
  if (const auto* object = value.if_object()) return *object;
  throw_unreadable("an object was expected");
}

}  // namespace admit::store::codec

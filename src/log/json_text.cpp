#include "log/json_text.hpp"

#include <charconv>
#include <cmath>

namespace admit::log::detail {

namespace {

/// Bytes of the well-formed UTF-8 character at the front of `text`, 0 if there is none (Unicode 15, table 3-7).
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto follows = [&](std::size_t i) {
    return (byte(i) & 0xC0) == 0x80;
  };
  const unsigned first = byte(0);
  const unsigned second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

template <class Number>
void append_number(std::string& out, Number number) {
  char digits[32];
  const auto [end, fault] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

struct Append {
  std::string& out;
  void operator()(std::nullptr_t) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) const { append_number(out, value); }
  void operator()(std::uint64_t value) const { append_number(out, value); }
  void operator()(double value) const {
    if (std::isfinite(value)) {
      append_number(out, value);
    } else {
      out += "null";
    }
  }
  void operator()(std::string_view value) const { append_text(out, value); }
};

}  // namespace

void append_text(std::string& out, std::string_view text) {
  constexpr std::string_view hex_digits = "0123456789abcdef";
  const bool cut = text.size() > text_limit_bytes;
  if (cut) {
    std::size_t size = text_limit_bytes;
    while (size > text_limit_bytes - 3 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
    text = text.substr(0, size);
  }
  out += '"';
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    const char c = text.front();
    const auto code = static_cast<unsigned char>(c);
    if (size == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (code < 0x20 || code == 0x7F) {
      out += "\\u00";
      out += hex_digits[code >> 4];
      out += hex_digits[code & 15];
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  if (cut) out += "…";
  out += '"';
}

std::string line_body(std::string_view message, Fields fields) {
  std::string out = "\"msg\":";
  append_text(out, message);
  for (const Field& field : fields) {
    out += ',';
    append_text(out, field.key);
    out += ':';
    std::visit(Append{out}, field.value);
  }
  return out;
}

}  // namespace admit::log::detail

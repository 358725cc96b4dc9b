#include "http/json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include "http/target.hpp"

namespace admit::http {

namespace {

constexpr std::size_t max_fields = 64;
constexpr std::size_t max_shown_name_bytes = 64;

/// One walk over a body, driven by a shape. Every function returns false once `x_problem` is set.
class Reader {
 public:
  Reader(std::string_view body, const JsonLimits& limits)
      : x_at(body.data()), x_end(body.data() + body.size()), x_limits(limits) {}

  bool whole(const Shape& shape, void* into) {
    if (!value(shape, into)) return false;
    return at_end();
  }
  bool whole_unknown() {
    skip_space();
    return skip_value(true) && at_end();
  }
  [[nodiscard]] Problem take_problem() { return std::move(x_problem); }

 private:
  /// One step of the path to the value being read.
  struct Step {
    std::string_view name;
    std::size_t index = 0;
    bool is_index = false;
  };

  std::string path_text() const {
    std::string out;
    for (std::size_t i = 0; i < x_depth && i < x_path.size(); ++i) {
      const auto& step = x_path[i];
      if (step.is_index) {
        out += '[' + std::to_string(step.index) + ']';
      } else if (!step.name.empty()) {
        if (!out.empty()) out += '.';
        out += step.name.substr(0, max_shown_name_bytes);
      }
    }
    return out;
  }

  bool bad_json(std::string_view why) {
    x_problem = {400, "bad_json", "The body is not the JSON expected: " + std::string{why} + ".", path_text()};
    return false;
  }
  bool bad_field(std::string_view why) {
    auto path = path_text();
    const std::string subject = path.empty() ? "The body" : "`" + path + "`";
    x_problem = {422, "bad_field", subject + " " + std::string{why} + ".", std::move(path)};
    return false;
  }
  /// A fault of the member `name` of the object being read.
  bool bad_member(std::string_view name, std::string_view why) {
    Step& step = x_path[x_depth - 1];
    step = {name, 0, false};
    return bad_field(why);
  }

  bool at_end() {
    skip_space();
    return x_at == x_end || bad_json("something follows its end");
  }

  void skip_space() {
    while (x_at != x_end && (*x_at == ' ' || *x_at == '\n' || *x_at == '\r' || *x_at == '\t')) ++x_at;
  }
  bool take(char c) {
    if (x_at == x_end || *x_at != c) return false;
    ++x_at;
    return true;
  }
  bool take_word(std::string_view word) {
    if (static_cast<std::size_t>(x_end - x_at) < word.size() || std::memcmp(x_at, word.data(), word.size()) != 0) {
      return false;
    }
    x_at += word.size();
    return true;
  }

  bool enter() {
    if (x_depth == x_limits.max_depth || x_depth == x_path.size()) return bad_json("it is nested too deeply");
    x_path[x_depth++] = {};
    return true;
  }
  void leave() { --x_depth; }

  bool value(const Shape& shape, void* into) {
    skip_space();
    if (x_at == x_end) return bad_json("it ends too early");
    if (*x_at == 'n' && shape.kind != Kind::raw) {
      if (!take_word("null")) return bad_json("a value starts with an unexpected character");
      return shape.is_nullable || bad_field("must not be null");
    }
    if (shape.if_present.emplace != nullptr) into = shape.if_present.emplace(into);
    switch (shape.kind) {
      case Kind::text:
        return text_value(shape, *static_cast<std::string*>(into));
      case Kind::integer:
        return integer_value(shape, *static_cast<std::int64_t*>(into));
      case Kind::number:
        return number_value(shape, *static_cast<double*>(into));
      case Kind::boolean:
        return boolean_value(*static_cast<bool*>(into));
      case Kind::array:
        return array_value(shape, into);
      case Kind::object:
        return object_value(shape.object != nullptr ? *shape.object : shape, into);
      case Kind::any:
      case Kind::raw:
        break;
    }
    const char* const start = x_at;
    if (!skip_value(true)) return false;
    static_cast<RawJson*>(into)->text.assign(start, x_at);
    return true;
  }

  /// A value of another type: told as such when it is JSON at all.
  bool wrong_type(std::string_view expected) {
    const char c = *x_at;
    const bool starts_value =
        c == '"' || c == '{' || c == '[' || c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f';
    if (!starts_value) return bad_json("a value starts with an unexpected character");
    return bad_field("must be " + std::string{expected});
  }

  bool text_value(const Shape& shape, std::string& into) {
    if (*x_at != '"') return wrong_type("a string");
    if (!string(into)) return false;
    std::string why;
    return fits_text(shape, into, why) || bad_field(why);
  }

  bool boolean_value(bool& into) {
    if (*x_at == 't' || *x_at == 'f') {
      into = *x_at == 't';
      return take_word(into ? "true" : "false") || bad_json("a value starts with an unexpected character");
    }
    return wrong_type("true or false");
  }

  /// Checks the grammar of a number; `integral` tells whether it is digits only.
  bool number_text(std::string_view& text, bool& integral) {
    const char* const start = x_at;
    integral = true;
    take('-');
    const bool is_zero = take('0');
    if (digits() == is_zero) return bad_json("a number is malformed");  // none at all, or some behind a zero
    if (take('.')) {
      integral = false;
      if (!digits()) return bad_json("a number is malformed");
    }
    if (x_at != x_end && (*x_at == 'e' || *x_at == 'E')) {
      integral = false;
      ++x_at;
      if (!take('+')) take('-');
      if (!digits()) return bad_json("a number is malformed");
    }
    text = {start, static_cast<std::size_t>(x_at - start)};
    return true;
  }
  bool digits() {
    const char* const start = x_at;
    while (x_at != x_end && *x_at >= '0' && *x_at <= '9') ++x_at;
    return x_at != start;
  }
  static bool starts_number(char c) { return c == '-' || (c >= '0' && c <= '9'); }

  bool integer_value(const Shape& shape, std::int64_t& into) {
    if (!starts_number(*x_at)) return wrong_type("a whole number");
    std::string_view text;
    bool integral = false;
    if (!number_text(text, integral)) return false;
    if (integral) {
      if (std::from_chars(text.data(), text.data() + text.size(), into).ec != std::errc{}) {
        return bad_field("is a number too large");
      }
    } else {  // 1.0 and 1e3 are whole numbers too, in JSON as in JSON Schema
      double number = 0;
      const bool read = std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
      if (!read || std::abs(number) > 9007199254740992.0 || std::trunc(number) != number) {
        return bad_field("must be a whole number");
      }
      into = static_cast<std::int64_t>(number);
    }
    if (into < shape.min) return bad_field("must be at least " + std::to_string(shape.min));
    if (into > shape.max) return bad_field("must be at most " + std::to_string(shape.max));
    return true;
  }

  bool number_value(const Shape& shape, double& into) {
    if (!starts_number(*x_at)) return wrong_type("a number");
    std::string_view text;
    bool integral = false;
    if (!number_text(text, integral)) return false;
    if (std::from_chars(text.data(), text.data() + text.size(), into).ec != std::errc{}) {
      return bad_field("is a number too large");
    }
    if (shape.min != INT64_MIN && into < static_cast<double>(shape.min)) {
      return bad_field("must be at least " + std::to_string(shape.min));
    }
    if (shape.max != INT64_MAX && into > static_cast<double>(shape.max)) {
      return bad_field("must be at most " + std::to_string(shape.max));
    }
    return true;
  }

  bool array_value(const Shape& shape, void* into) {
    if (*x_at != '[') return wrong_type("an array");
    ++x_at;
    if (!enter()) return false;
    std::int64_t count = 0;
    skip_space();
    if (!take(']')) {
      do {
        if (count == shape.max) {
          leave();
          return bad_field("must have at most " + std::to_string(shape.max) + " entries");
        }
        x_path[x_depth - 1] = {{}, static_cast<std::size_t>(count), true};
        if (!value(*shape.item, shape.elements.append(into))) return false;
        ++count;
        skip_space();
      } while (take(','));
      if (!take(']')) return bad_json("an array lacks a comma or its end");
    }
    leave();
    if (count < shape.min) return bad_field("must have at least " + std::to_string(shape.min) + " entries");
    return true;
  }

  bool object_value(const Shape& shape, void* into) {
    if (*x_at != '{') return wrong_type("an object");
    ++x_at;
    if (!enter()) return false;
    std::uint64_t seen = 0;
    std::unordered_set<std::string> unknown;
    skip_space();
    if (!take('}')) {
      do {
        x_path[x_depth - 1] = {};
        skip_space();
        std::string buffer;
        std::string_view name;
        if (!key(buffer, name)) return false;
        const std::size_t index = find_field(shape, name);
        if (index == max_fields) {
          if (!x_limits.ignore_unknown_fields) return bad_member(name, "is not a known field; remove it");
          if (!unknown.emplace(name).second) return bad_member(name, "is given twice");
          if (!skip_value(false)) return false;
        } else {
          const auto& field = shape.fields[index];
          if ((seen >> index & 1) != 0) return bad_member(field.name, "is given twice");
          seen |= std::uint64_t{1} << index;
          x_path[x_depth - 1] = {field.name, 0, false};
          if (!value(field.shape, static_cast<char*>(into) + field.offset)) return false;
        }
        skip_space();
      } while (take(','));
      if (!take('}')) return bad_json("an object lacks a comma or its end");
    }
    for (std::size_t i = 0; i < shape.fields.size(); ++i) {
      const auto& field = shape.fields[i];
      if (field.is_required && (seen >> i & 1) == 0) return bad_member(field.name, "is missing");
    }
    leave();
    return true;
  }

  static std::size_t find_field(const Shape& shape, std::string_view name) {
    for (std::size_t i = 0; i < shape.fields.size(); ++i) {
      if (shape.fields[i].name == name) return i;
    }
    return max_fields;
  }

  /// A key, its colon and the space behind it. `name` lies in the body, or in `buffer` when it is escaped.
  bool key(std::string& buffer, std::string_view& name) {
    if (x_at == x_end || *x_at != '"') return bad_json("an object lacks a key in double quotes");
    const char* end = x_at + 1;
    while (end != x_end && *end != '"' && *end != '\\' && static_cast<unsigned char>(*end) >= 0x20 &&
           static_cast<unsigned char>(*end) < 0x80) {
      ++end;
    }
    if (end != x_end && *end == '"') {
      name = {x_at + 1, static_cast<std::size_t>(end - x_at - 1)};
      x_at = end + 1;
    } else {
      if (!string(buffer)) return false;
      name = buffer;
    }
    skip_space();
    if (!take(':')) return bad_json("a key lacks its colon");
    skip_space();
    return x_at != x_end || bad_json("it ends too early");
  }

  /// A string in quotes, at the opening one.
  bool string(std::string& into) {
    into.clear();
    ++x_at;
    while (true) {
      const char* const start = x_at;
      bool ascii = true;
      while (x_at != x_end && *x_at != '"' && *x_at != '\\' && static_cast<unsigned char>(*x_at) >= 0x20) {
        ascii = ascii && static_cast<unsigned char>(*x_at) < 0x80;
        ++x_at;
      }
      if (x_at == x_end) return bad_json("a string does not end");
      const std::string_view run{start, static_cast<std::size_t>(x_at - start)};
      if (!ascii && !is_utf8(run)) return bad_json("a string is not UTF-8");
      into.append(run);
      if (*x_at == '"') {
        ++x_at;
        return true;
      }
      if (*x_at != '\\') return bad_json("a string holds a control character; escape it");
      ++x_at;
      if (!escape(into)) return false;
    }
  }

  bool escape(std::string& into) {
    if (x_at == x_end) return bad_json("a string does not end");
    switch (*x_at++) {
      case '"':
        into += '"';
        return true;
      case '\\':
        into += '\\';
        return true;
      case '/':
        into += '/';
        return true;
      case 'b':
        into += '\b';
        return true;
      case 'f':
        into += '\f';
        return true;
      case 'n':
        into += '\n';
        return true;
      case 'r':
        into += '\r';
        return true;
      case 't':
        into += '\t';
        return true;
      case 'u':
        break;
      default:
        return bad_json("a string holds an unknown escape");
    }
    std::uint32_t code = 0;
    if (!four_hex(code)) return bad_json("a string holds a malformed \\u escape");
    if (code >= 0xd800 && code <= 0xdbff) {
      std::uint32_t low = 0;
      if (!take('\\') || !take('u') || !four_hex(low) || low < 0xdc00 || low > 0xdfff) {
        return bad_json("a string holds half a surrogate pair");
      }
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code <= 0xdfff) {
      return bad_json("a string holds half a surrogate pair");
    }
    append_utf8(into, code);
    return true;
  }

  bool four_hex(std::uint32_t& code) {
    if (x_end - x_at < 4) return false;
    const auto [end, fault] = std::from_chars(x_at, x_at + 4, code, 16);
    if (fault != std::errc{} || end != x_at + 4) return false;
    x_at += 4;
    return true;
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      out += static_cast<char>(0xe0 | code >> 12);
      out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
      out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
      out += static_cast<char>(0xf0 | code >> 18);
      out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
      out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
      out += static_cast<char>(0x80 | (code & 0x3f));
    }
  }

  /// Any value, for its syntax. `strict_keys` refuses duplicate keys inside it.
  bool skip_value(bool strict_keys) {
    if (x_at == x_end) return bad_json("it ends too early");
    switch (*x_at) {
      case '"': {
        std::string ignored;
        return string(ignored);
      }
      case '{':
        return skip_object(strict_keys);
      case '[':
        return skip_array(strict_keys);
      case 't':
        return take_word("true") || bad_json("a value starts with an unexpected character");
      case 'f':
        return take_word("false") || bad_json("a value starts with an unexpected character");
      case 'n':
        return take_word("null") || bad_json("a value starts with an unexpected character");
      default:
        break;
    }
    if (!starts_number(*x_at)) return bad_json("a value starts with an unexpected character");
    std::string_view text;
    bool integral = false;
    return number_text(text, integral);
  }

  bool skip_array(bool strict_keys) {
    ++x_at;
    if (!enter()) return false;
    skip_space();
    if (!take(']')) {
      do {
        skip_space();
        if (!skip_value(strict_keys)) return false;
        skip_space();
      } while (take(','));
      if (!take(']')) return bad_json("an array lacks a comma or its end");
    }
    leave();
    return true;
  }

  bool skip_object(bool strict_keys) {
    ++x_at;
    if (!enter()) return false;
    std::unordered_set<std::string> names;
    skip_space();
    if (!take('}')) {
      do {
        skip_space();
        std::string buffer;
        std::string_view name;
        if (!key(buffer, name)) return false;
        if (strict_keys && !names.emplace(name).second) return bad_member(name, "is given twice");
        if (!skip_value(strict_keys)) return false;
        skip_space();
      } while (take(','));
      if (!take('}')) return bad_json("an object lacks a comma or its end");
    }
    leave();
    return true;
  }

  const char* x_at;
  const char* x_end;
  JsonLimits x_limits;
  std::array<Step, 64> x_path{};
  std::size_t x_depth = 0;
  Problem x_problem;
};

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 40> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

constexpr std::array<bool, 256> make_escape_table() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
  for (std::size_t c = 0x80; c < 256; ++c) table[c] = true;
  table['"'] = true;
  table['\\'] = true;
  table[0x7f] = true;
  return table;
}
constexpr auto escape_table = make_escape_table();

/// Bytes of the well-formed UTF-8 character at the front, 0 where it is none.
std::size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  return text.size() >= size && is_utf8(text.substr(0, size)) ? size : 0;
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[static_cast<unsigned char>(c) & 15];
  }
}

/// The keywords of a schema that are not its type.
void append_text_rules(std::string& out, const Shape& shape) {
  if (!shape.words.empty()) {
    out += ",\"enum\":[";
    for (std::size_t i = 0; i < shape.words.size(); ++i) {
      if (i > 0) out += ',';
      append_quoted(out, shape.words[i]);
    }
    if (shape.is_nullable) out += ",null";
    out += ']';
    return;
  }
  if (shape.min > 0) out += ",\"minLength\":" + std::to_string(shape.min);
  out += ",\"maxLength\":" + std::to_string(shape.max);
  if (shape.format == Format::date_time) out += ",\"format\":\"date-time\"";
  if (shape.format == Format::uuid && shape.prefixes.empty()) out += ",\"format\":\"uuid\"";
  if (const auto pattern = pattern_of(shape); !pattern.empty()) {
    out += ",\"pattern\":";
    append_quoted(out, pattern);
  }
}

void append_schema(std::string& out, const Shape& shape, bool closed);

void append_type(std::string& out, std::string_view type, bool is_nullable) {
  if (is_nullable) {
    out += "\"type\":[\"";
    out += type;
    out += "\",\"null\"]";
  } else {
    out += "\"type\":\"";
    out += type;
    out += '"';
  }
}

void append_fields(std::string& out, const Shape& shape, bool closed) {
  append_type(out, "object", shape.is_nullable);
  out += ",\"properties\":{";
  std::string required_names;
  for (std::size_t i = 0; i < shape.fields.size(); ++i) {
    const auto& field = shape.fields[i];
    if (i > 0) out += ',';
    out += field.quoted;
    append_schema(out, field.shape, closed);
    if (field.is_required) {
      if (!required_names.empty()) required_names += ',';
      append_quoted(required_names, field.name);
    }
  }
  out += '}';
  if (!required_names.empty()) out += ",\"required\":[" + required_names + "]";
  if (closed) out += ",\"additionalProperties\":false";
}

void append_schema(std::string& out, const Shape& shape, bool closed) {
  out += '{';
  switch (shape.kind) {
    case Kind::text:
      append_type(out, "string", shape.is_nullable);
      append_text_rules(out, shape);
      break;
    case Kind::integer:
    case Kind::number:
      append_type(out, shape.kind == Kind::integer ? "integer" : "number", shape.is_nullable);
      if (shape.min != INT64_MIN) out += ",\"minimum\":" + std::to_string(shape.min);
      if (shape.max != INT64_MAX) out += ",\"maximum\":" + std::to_string(shape.max);
      if (shape.kind == Kind::integer) out += ",\"format\":\"int64\"";
      break;
    case Kind::boolean:
      append_type(out, "boolean", shape.is_nullable);
      break;
    case Kind::array:
      append_type(out, "array", shape.is_nullable);
      if (shape.min > 0) out += ",\"minItems\":" + std::to_string(shape.min);
      out += ",\"maxItems\":" + std::to_string(shape.max) + ",\"items\":";
      append_schema(out, *shape.item, closed);
      break;
    case Kind::object:
      if (shape.object == nullptr) {
        append_fields(out, shape, closed);
      } else {
        const std::string reference = "\"$ref\":\"#/components/schemas/" + shape.object->name + "\"";
        out += shape.is_nullable ? "\"anyOf\":[{" + reference + "},{\"type\":\"null\"}]" : reference;
      }
      break;
    case Kind::any:
    case Kind::raw:
      break;  // anything: the empty schema
  }
  const auto add = [&out](std::string_view key, std::string_view json) {
    if (out.back() != '{') out += ',';
    out += key;
    out += json;
  };
  if (!shape.description.empty()) add("\"description\":", quoted(shape.description));
  if (!shape.example_json.empty()) add("\"examples\":", "[" + shape.example_json + "]");
  out += '}';
}

}  // namespace

namespace detail {

std::expected<void, Problem> read_json_into(std::string_view body, const Shape& shape, void* into,
                                            const JsonLimits& limits) {
  Reader reader{body, limits};
  if (!reader.whole(shape, into)) return std::unexpected(reader.take_problem());
  return {};
}

void write_json_from(const Shape& shape, const void* from, std::string& out) {
  if (shape.if_present.get != nullptr) {
    from = shape.if_present.get(from);
    if (from == nullptr) {
      out += "null";
      return;
    }
  }
  switch (shape.kind) {
    case Kind::text:
      append_quoted(out, *static_cast<const std::string*>(from));
      return;
    case Kind::integer:
      append_integer(out, *static_cast<const std::int64_t*>(from));
      return;
    case Kind::number:
      append_number(out, *static_cast<const double*>(from));
      return;
    case Kind::boolean:
      out += *static_cast<const bool*>(from) ? "true" : "false";
      return;
    case Kind::array: {
      out += '[';
      const std::size_t count = shape.elements.size(from);
      for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) out += ',';
        write_json_from(*shape.item, shape.elements.at(from, i), out);
      }
      out += ']';
      return;
    }
    case Kind::object: {
      const Shape& object = shape.object != nullptr ? *shape.object : shape;
      char before = '{';
      for (const auto& field : object.fields) {
        const void* const member = static_cast<const char*>(from) + field.offset;
        const auto get = field.shape.if_present.get;
        if (!field.is_required && !field.shape.is_nullable && get != nullptr && get(member) == nullptr) continue;
        out += before;
        before = ',';
        out += field.quoted;
        write_json_from(field.shape, member, out);
      }
      if (before == '{') out += '{';
      out += '}';
      return;
    }
    case Kind::any:
    case Kind::raw:
      out += static_cast<const RawJson*>(from)->text;
      return;
  }
}

}  // namespace detail

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (!escape_table[static_cast<unsigned char>(c)]) {
      ++at;
      continue;
    }
    if (static_cast<unsigned char>(c) >= 0x80) {
      const auto size = character_bytes(text.substr(at));
      if (size > 0) {
        at += size;
        continue;
      }
      out.append(text, plain, at - plain);
      out += "\xef\xbf\xbd";
    } else {
      out.append(text, plain, at - plain);
      append_escape(out, c);
    }
    plain = ++at;
  }
  out.append(text, plain, at - plain);
  out += '"';
}

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::string schema_json(const Shape& shape, bool closed) {
  std::string out;
  append_schema(out, shape, closed);
  return out;
}

std::expected<void, Problem> check_json(std::string_view text, const JsonLimits& limits) {
  Reader reader{text, limits};
  if (!reader.whole_unknown()) return std::unexpected(reader.take_problem());
  return {};
}

}  // namespace admit::http

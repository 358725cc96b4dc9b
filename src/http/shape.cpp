#include "http/shape.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "http/json.hpp"
#include "http/target.hpp"

namespace admit::http {

namespace {

Shape make(Kind kind, Format format, std::int64_t min, std::int64_t max) {
  Shape shape;
  shape.kind = kind;
  shape.format = format;
  shape.min = min;
  shape.max = max;
  return shape;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_alnum(char c) {
  return is_digit(c) || is_upper(c) || is_lower(c);
}

template <class F>
bool all(std::string_view text, F fits) {
  for (char c : text) {
    if (!fits(c)) return false;
  }
  return true;
}

bool one_among(char c, std::string_view chars) {
  return chars.find(c) != std::string_view::npos;
}

/// Takes exactly `count` digits from the front; -1 where they are not there.
int take_number(std::string_view& text, std::size_t count) {
  if (text.size() < count) return -1;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_date(std::string_view& text) {
  const int year = take_number(text, 4);
  if (year < 1970 || !take(text, '-')) return false;
  const int month = take_number(text, 2);
  if (month < 1 || month > 12 || !take(text, '-')) return false;
  const int day = take_number(text, 2);
  constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  const int last = month == 2 && leap ? 29 : days[static_cast<std::size_t>(month - 1)];
  return day >= 1 && day <= last;
}

bool take_hour_minute(std::string_view& text) {
  const int hour = take_number(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ':')) return false;
  const int minute = take_number(text, 2);
  return minute >= 0 && minute <= 59;
}

bool take_second(std::string_view& text) {
  const int second = take_number(text, 2);
  return second >= 0 && second <= 59;
}

bool is_date_time(std::string_view text) {
  if (!take_date(text) || !take(text, 'T') || !take_hour_minute(text) || !take(text, ':') || !take_second(text)) {
    return false;
  }
  if (take(text, '.')) {
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) ++count;
    if (count == 0 || count > 9) return false;
    text.remove_prefix(count);
  }
  if (text == "Z") return true;
  if (!take(text, '+') && !take(text, '-')) return false;
  return take_hour_minute(text) && text.empty();
}

bool is_local_time(std::string_view text) {
  if (!take_date(text) || !take(text, 'T') || !take_hour_minute(text)) return false;
  return text.empty() || (take(text, ':') && take_second(text) && text.empty());
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < 36; ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return false;
    } else if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) {
      return false;
    }
  }
  return true;
}

bool is_email(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at > 64) return false;
  if (!all(text.substr(0, at), [](char c) { return is_alnum(c) || one_among(c, "!#$%&'*+/=?^_`{|}~.-"); })) {
    return false;
  }
  auto domain = text.substr(at + 1);
  int labels = 0;
  while (true) {
    const auto dot = domain.find('.');
    const auto label = domain.substr(0, dot);
    if (label.empty() || label.size() > 63) return false;
    if (!all(label, [](char c) { return is_alnum(c) || c == '-'; })) return false;
    ++labels;
    if (dot == std::string_view::npos) return labels >= 2;
    domain.remove_prefix(dot + 1);
  }
}

bool is_language(std::string_view text) {
  std::size_t first = 0;
  while (first < text.size() && is_lower(text[first])) ++first;
  if (first < 2 || first > 3) return false;
  text.remove_prefix(first);
  while (take(text, '-')) {
    std::size_t count = 0;
    while (count < text.size() && is_alnum(text[count])) ++count;
    if (count < 2 || count > 8) return false;
    text.remove_prefix(count);
  }
  return text.empty();
}

bool is_zone(std::string_view text) {
  if (text.empty() || (!is_upper(text.front()) && !is_lower(text.front()))) return false;
  bool after_slash = false;
  for (char c : text) {
    if (c == '/') {
      if (after_slash) return false;
      after_slash = true;
    } else if (is_alnum(c) || one_among(c, "_+-")) {
      after_slash = false;
    } else {
      return false;
    }
  }
  return !after_slash;
}

bool is_url(std::string_view text) {
  if (text.starts_with("https://")) {
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return false;
  }
  const auto slash = text.find('/');
  const auto host = text.substr(0, slash);
  if (host.empty() || !all(host, [](char c) { return is_alnum(c) || one_among(c, ".:[]-"); })) return false;
  return slash == std::string_view::npos || all(text.substr(slash), [](char c) { return c >= '!' && c <= '~'; });
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

bool fits_format(const Shape& shape, std::string_view text) {
  switch (shape.format) {
    case Format::plain:
      return all(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
    case Format::multiline:
      return all(text,
                 [](char c) { return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || one_among(c, "\t\n"); });
    case Format::uuid:
      for (const auto& prefix : shape.prefixes) {
        if (text.starts_with(prefix) && is_uuid(text.substr(prefix.size()))) return true;
      }
      return is_uuid(text);
    case Format::date_time:
      return is_date_time(text);
    case Format::local_time:
      return is_local_time(text);
    case Format::email:
      return is_email(text);
    case Format::currency:
      return text.size() == 3 && all(text, is_upper);
    case Format::country:
      return text.size() == 2 && all(text, is_upper);
    case Format::language:
      return is_language(text);
    case Format::zone:
      return is_zone(text);
    case Format::digits:
      return all(text, is_digit);
    case Format::word:
      return all(text, [](char c) { return is_alnum(c) || one_among(c, "._-"); });
    case Format::url:
      return is_url(text);
  }
  return false;
}

std::string_view format_words(Format format) {
  switch (format) {
    case Format::plain:
      return "a text without control characters";
    case Format::multiline:
      return "a text without control characters other than tab and line feed";
    case Format::uuid:
      return "an id such as 0190f1c2-7b00-7000-8000-000000000000";
    case Format::date_time:
      return "an instant such as 2027-08-14T17:30:00Z";
    case Format::local_time:
      return "a local time such as 2027-08-14T19:30";
    case Format::email:
      return "an e-mail address";
    case Format::currency:
      return "a currency of three capital letters";
    case Format::country:
      return "a country of two capital letters";
    case Format::language:
      return "a language such as en or pt-BR";
    case Format::zone:
      return "a time zone such as Europe/Warsaw";
    case Format::digits:
      return "digits only";
    case Format::word:
      return "made of letters, digits, '.', '_' and '-' only";
    case Format::url:
      return "an http or https URL";
  }
  return "";
}

std::string_view kind_words(Kind kind) {
  switch (kind) {
    case Kind::any:
      return "any";
    case Kind::text:
      return "text";
    case Kind::integer:
      return "integer";
    case Kind::number:
      return "number";
    case Kind::boolean:
      return "boolean";
    case Kind::object:
      return "object";
    case Kind::array:
      return "array";
    case Kind::raw:
      return "raw";
  }
  return "";
}

std::string escape_for_pattern(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (one_among(c, "\\^$.|?*+()[]{}/")) out += '\\';
    out += c;
  }
  return out;
}

constexpr std::string_view date_pattern =
    "(19[7-9][0-9]|[2-9][0-9]{3})-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|"
    "02-(0[1-9]|[12][0-9]))T([01][0-9]|2[0-3]):[0-5][0-9]";

std::string_view example_of_format(Format format) {
  switch (format) {
    case Format::plain:
    case Format::multiline:
      return "text";
    case Format::uuid:
      return "0190f1c2-7b00-7000-8000-000000000000";
    case Format::date_time:
      return "2027-08-14T17:30:00Z";
    case Format::local_time:
      return "2027-08-14T19:30";
    case Format::email:
      return "anna@example.com";
    case Format::currency:
      return "EUR";
    case Format::country:
      return "PL";
    case Format::language:
      return "en";
    case Format::zone:
      return "Europe/Warsaw";
    case Format::digits:
      return "1234567890";
    case Format::word:
      return "word";
    case Format::url:
      return "https://example.com/";
  }
  return "";
}

std::string example_text(const Shape& shape) {
  if (!shape.words.empty()) return shape.words.front();
  std::string made{example_of_format(shape.format)};
  const bool sizable = shape.format == Format::plain || shape.format == Format::multiline ||
                       shape.format == Format::digits || shape.format == Format::word;
  if (sizable) {
    while (std::cmp_less(made.size(), shape.min)) made += shape.format == Format::digits ? '1' : 'a';
    if (std::cmp_greater(made.size(), shape.max)) made.resize(static_cast<std::size_t>(shape.max));
  }
  return made;
}

}  // namespace

Shape Shape::doc(std::string_view sentence) && {
  description = sentence;
  return std::move(*this);
}
Shape Shape::example(std::string_view text) && {
  example_json = quoted(text);
  return std::move(*this);
}
Shape Shape::example_raw(std::string_view json) && {
  example_json = json;
  return std::move(*this);
}
Shape Shape::nullable() && {
  is_nullable = true;
  return std::move(*this);
}

Shape text(std::int64_t min_characters, std::int64_t max_characters) {
  return make(Kind::text, Format::plain, min_characters, max_characters);
}
Shape multiline(std::int64_t min_characters, std::int64_t max_characters) {
  return make(Kind::text, Format::multiline, min_characters, max_characters);
}
Shape one_of(std::vector<std::string> words) {
  Shape shape = make(Kind::text, Format::plain, 0, 200);
  shape.words = std::move(words);
  return shape;
}
Shape one_of(std::initializer_list<std::string_view> words) {
  return one_of(std::vector<std::string>(words.begin(), words.end()));
}
Shape uuid(std::initializer_list<std::string_view> prefixes) {
  Shape shape = make(Kind::text, Format::uuid, 36, 36);
  for (auto prefix : prefixes) {
    shape.prefixes.emplace_back(prefix);
    shape.max = std::max(shape.max, static_cast<std::int64_t>(36 + prefix.size()));
  }
  return shape;
}
Shape date_time() {
  return make(Kind::text, Format::date_time, 20, 40);
}
Shape local_time() {
  return make(Kind::text, Format::local_time, 16, 19);
}
Shape email() {
  return make(Kind::text, Format::email, 5, 254);
}
Shape currency() {
  return make(Kind::text, Format::currency, 3, 3);
}
Shape country() {
  return make(Kind::text, Format::country, 2, 2);
}
Shape language() {
  return make(Kind::text, Format::language, 2, 35);
}
Shape zone() {
  return make(Kind::text, Format::zone, 1, 64);
}
Shape digits(std::int64_t min_characters, std::int64_t max_characters) {
  return make(Kind::text, Format::digits, min_characters, max_characters);
}
Shape word_text(std::int64_t min_characters, std::int64_t max_characters) {
  return make(Kind::text, Format::word, min_characters, max_characters);
}
Shape url(std::int64_t max_characters) {
  return make(Kind::text, Format::url, 8, max_characters);
}
Shape integer(std::int64_t min, std::int64_t max) {
  return make(Kind::integer, Format::plain, min, max);
}
Shape number(std::int64_t min, std::int64_t max) {
  return make(Kind::number, Format::plain, min, max);
}
Shape boolean() {
  return make(Kind::boolean, Format::plain, INT64_MIN, INT64_MAX);
}
Shape items(std::int64_t min, std::int64_t max, Shape of) {
  Shape shape = make(Kind::array, Format::plain, min, max);
  shape.item = std::make_shared<const Shape>(std::move(of));
  return shape;
}
Shape any() {
  return {};
}

namespace detail {

Shape of_kind(Shape given, Kind kind) {
  if (given.kind == Kind::any) {
    given.kind = kind;
    if (kind == Kind::text) given.min = 0, given.max = 1'000'000;
  }
  if (given.kind != kind) {
    throw std::logic_error("a field of kind " + std::string{kind_words(kind)} + " is described as " +
                           std::string{kind_words(given.kind)});
  }
  return given;
}

Shape of_object(Shape given, const Shape& object) {
  given = of_kind(std::move(given), Kind::object);
  given.object = &object;
  return given;
}

Shape of_array(Shape given, Shape item, Shape::ArrayOps ops) {
  if (given.kind == Kind::any) given.min = 0, given.max = 10'000;
  given = of_kind(std::move(given), Kind::array);
  given.item = std::make_shared<const Shape>(std::move(item));
  given.elements = ops;
  return given;
}

Shape make_object(std::string_view name, std::vector<Field> fields) {
  if (fields.size() > 64) throw std::logic_error("more than 64 fields in " + std::string{name});
  Shape shape = make(Kind::object, Format::plain, INT64_MIN, INT64_MAX);
  shape.name = name;
  shape.fields = std::move(fields);
  return shape;
}

Field make_field(std::string_view name, std::size_t offset, bool is_required, Shape shape) {
  if (shape.is_nullable && shape.if_present.emplace == nullptr) {
    throw std::logic_error("the field " + std::string{name} + " may be null but its member is no std::optional");
  }
  if (is_required && !shape.is_nullable && shape.if_present.emplace != nullptr) {
    throw std::logic_error("the required field " + std::string{name} + " is a std::optional and not nullable()");
  }
  return {std::string{name}, quoted(name) + ":", offset, is_required, std::move(shape)};
}

}  // namespace detail

bool fits_text(const Shape& shape, std::string_view value, std::string& why) {
  if (!shape.words.empty()) {
    for (const auto& word : shape.words) {
      if (word == value) return true;
    }
    why = "must be one of: ";
    for (std::size_t i = 0; i < shape.words.size(); ++i) {
      if (i > 0) why += ", ";
      why += shape.words[i];
    }
    return false;
  }
  const auto count = static_cast<std::int64_t>(count_characters(value));
  if (count < shape.min || count > shape.max) {
    // For fixed formats the length says less than the format does.
    if (shape.format != Format::plain && shape.format != Format::multiline && shape.format != Format::digits &&
        shape.format != Format::word) {
      why = "must be " + std::string{format_words(shape.format)};
    } else if (count < shape.min && shape.min == 1) {
      why = "must not be empty";
    } else if (count < shape.min) {
      why = "must have at least " + std::to_string(shape.min) + " characters";
    } else {
      why = "must have at most " + std::to_string(shape.max) + " characters";
    }
    return false;
  }
  if (fits_format(shape, value)) return true;
  why = "must be " + std::string{format_words(shape.format)};
  return false;
}

bool fits_parameter(const Shape& shape, std::string_view value, std::string& why) {
  switch (shape.kind) {
    case Kind::integer: {
      std::int64_t number = 0;
      const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (fault != std::errc{} || end != value.data() + value.size() || number < shape.min || number > shape.max) {
        why = "must be a whole number from " + std::to_string(shape.min) + " to " + std::to_string(shape.max);
        return false;
      }
      return true;
    }
    case Kind::number: {
      double number = 0;
      const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (fault != std::errc{} || end != value.data() + value.size() || !std::isfinite(number) ||
          number < static_cast<double>(shape.min) || number > static_cast<double>(shape.max)) {
        why = "must be a number within its limits";
        return false;
      }
      return true;
    }
    case Kind::boolean:
      why = "must be true or false";
      return value == "true" || value == "false";
    case Kind::any:
    case Kind::text:
    case Kind::object:
    case Kind::array:
    case Kind::raw:
      break;
  }
  return fits_text(shape, value, why);
}

std::string pattern_of(const Shape& shape) {
  if (!shape.words.empty()) return "";
  switch (shape.format) {
    case Format::plain:
      return "^[^\\u0000-\\u001f\\u007f]*$";
    case Format::multiline:
      return "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f]*$";
    case Format::uuid: {
      std::string out = "^";
      if (!shape.prefixes.empty()) {
        out += '(';
        for (std::size_t i = 0; i < shape.prefixes.size(); ++i) {
          if (i > 0) out += '|';
          out += escape_for_pattern(shape.prefixes[i]);
        }
        out += ")?";
      }
      return out + "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";
    }
    case Format::date_time:
      return "^" + std::string{date_pattern} + ":[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";
    case Format::local_time:
      return "^" + std::string{date_pattern} + "(:[0-5][0-9])?$";
    case Format::email:
      return "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(\\.[A-Za-z0-9-]{1,63})+$";
    case Format::currency:
      return "^[A-Z]{3}$";
    case Format::country:
      return "^[A-Z]{2}$";
    case Format::language:
      return "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$";
    case Format::zone:
      return "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$";
    case Format::digits:
      return "^[0-9]*$";
    case Format::word:
      return "^[A-Za-z0-9._-]*$";
    case Format::url:
      return "^https?://[A-Za-z0-9.:\\[\\]-]+(/[!-~]*)?$";
  }
  return "";
}

std::string example_of(const Shape& shape) {
  if (!shape.example_json.empty()) return shape.example_json;
  switch (shape.kind) {
    case Kind::text:
      return quoted(example_text(shape));
    case Kind::integer:
    case Kind::number:
      return std::to_string(shape.min > 1 ? shape.min : std::min<std::int64_t>(shape.max, 1));
    case Kind::boolean:
      return "true";
    case Kind::array: {
      std::string out = "[";
      const auto count = std::min<std::int64_t>(std::max<std::int64_t>(shape.min, 1), shape.max);
      for (std::int64_t i = 0; i < count; ++i) {
        if (i > 0) out += ',';
        out += example_of(*shape.item);
      }
      return out + "]";
    }
    case Kind::object: {
      const Shape& object = shape.object != nullptr ? *shape.object : shape;
      if (!object.example_json.empty()) return object.example_json;
      std::string out = "{";
      for (const auto& field : object.fields) {
        if (out.size() > 1) out += ',';
        out += field.quoted + example_of(field.shape);
      }
      return out + "}";
    }
    case Kind::any:
    case Kind::raw:
      break;
  }
  return "{}";
}

}  // namespace admit::http

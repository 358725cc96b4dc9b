#pragma once
// JSON in and out of described structs (shape.hpp), and their JSON Schema.

#include <expected>
#include <string>
#include <string_view>

#include "http/problem.hpp"
#include "http/shape.hpp"

namespace admit::http {

struct JsonLimits {
  std::size_t max_depth = 16;
  /// A provider's messages only: fields we do not know are checked for syntax and left out.
  bool ignore_unknown_fields = false;
};

namespace detail {
std::expected<void, Problem> read_json_into(std::string_view body, const Shape& shape, void* into,
                                            const JsonLimits& limits);
void write_json_from(const Shape& shape, const void* from, std::string& out);
}  // namespace detail

/// Reads a body strictly: RFC 8259 text in UTF-8, no duplicate keys, no unknown fields, every rule of the shape.
/// Refuses with 400 `bad_json` (not JSON) or 422 `bad_field` (JSON that does not fit; `field` is the path, such as
/// `lines[0].quantity`), at the first fault in reading order; missing fields are told after wrong ones.
template <class T>
[[nodiscard]] std::expected<T, Problem> read_json(std::string_view body, const JsonLimits& limits = {}) {
  std::expected<T, Problem> value{std::in_place};
  if (auto read = detail::read_json_into(body, shape_of<T>(), &*value, limits); !read) {
    return std::unexpected(std::move(read.error()));
  }
  return value;
}

/// Appends; the rules of the shape are not checked.
template <class T>
void append_json(std::string& out, const T& value) {
  detail::write_json_from(shape_of<T>(), &value, out);
}
template <class T>
[[nodiscard]] std::string write_json(const T& value) {
  std::string out;
  append_json(out, value);
  return out;
}

/// Appends `text` in quotes, escaped; bytes that are not UTF-8 become U+FFFD.
void append_quoted(std::string& out, std::string_view text);
[[nodiscard]] std::string quoted(std::string_view text);

/// JSON Schema (2020-12) as JSON text. Nested structs are `$ref: #/components/schemas/NAME`; `closed` adds
/// `additionalProperties: false`.
[[nodiscard]] std::string schema_json(const Shape& shape, bool closed);
template <class T>
[[nodiscard]] std::string schema_of(bool closed = true) {
  return schema_json(shape_of<T>(), closed);
}

/// Checks that `text` is one JSON value by the reader's own rules (no struct). Used for passed-through JSON.
[[nodiscard]] std::expected<void, Problem> check_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace admit::http

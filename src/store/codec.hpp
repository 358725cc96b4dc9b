#pragma once
// Column values as JSON text, for the lists inside a row. Objects are written and read by the names of the row
// descriptions; a field that a stored object does not have keeps its default, so that one can be added later.

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "domain/describe.hpp"
#include "domain/id.hpp"
#include "domain/instant.hpp"
#include "domain/words.hpp"
#include "store/store.hpp"

namespace admit::store::codec {

/// `domain::Id` of any kind.
template <class T>
concept AnyId = requires(T id) {
  { id.value } -> std::same_as<Uuid&>;
  T::parse(std::string_view{});
};
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// Appends a JSON string literal.
void append_text(std::string& out, std::string_view text);
/// Parses text that a store wrote: at most 32 levels deep. Throws StoreUnavailable for anything malformed.
[[nodiscard]] boost::json::value parse(std::string_view text);
/// Throws StoreUnavailable: a stored value cannot be read by this binary.
[[noreturn]] void throw_unreadable(std::string_view what);
[[nodiscard]] std::int64_t as_number(const boost::json::value& value);
[[nodiscard]] bool as_bool(const boost::json::value& value);
[[nodiscard]] std::string_view as_text(const boost::json::value& value);
[[nodiscard]] const boost::json::array& as_array(const boost::json::value& value);
[[nodiscard]] const boost::json::object& as_object(const boost::json::value& value);

/// The enumerator of a stored word.
template <domain::WordEnum E>
[[nodiscard]] E read_word(std::string_view text) {
  const auto value = domain::parse_word<E>(text);
  if (!value) throw_unreadable("an unknown word");
  return *value;
}

template <class T>
void write_json(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    out += std::to_string(value);
  } else if constexpr (std::is_same_v<T, Instant>) {
    out += std::to_string(domain::to_unix_ms(value));
  } else if constexpr (std::is_same_v<T, std::string>) {
    append_text(out, value);
  } else if constexpr (std::is_same_v<T, Uuid> || AnyId<T>) {
    append_text(out, value.text());
  } else if constexpr (domain::WordEnum<T>) {
    append_text(out, domain::word(value));
  } else if constexpr (is_optional<T>) {
    if (value) {
      write_json(out, *value);
    } else {
      out += "null";
    }
  } else if constexpr (is_vector<T>) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i != 0) out += ',';
      write_json(out, value[i]);
    }
    out += ']';
  } else {
    static_assert(domain::Nested<T>);
    out += '{';
    bool first = true;
    std::apply(
        [&](const auto&... columns) {
          ((out += first ? "" : ",", first = false, append_text(out, columns.name), out += ':',
            write_json(out, value.*columns.member)),
           ...);
        },
        T::columns());
    out += '}';
  }
}

template <class T>
void read_json(const boost::json::value& json, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = as_bool(json);
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    value = as_number(json);
  } else if constexpr (std::is_same_v<T, Instant>) {
    value = domain::from_unix_ms(as_number(json));
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = as_text(json);
  } else if constexpr (std::is_same_v<T, Uuid> || AnyId<T>) {
    const auto id = T::parse(as_text(json));
    if (!id) throw_unreadable("a malformed id");
    value = *id;
  } else if constexpr (domain::WordEnum<T>) {
    value = read_word<T>(as_text(json));
  } else if constexpr (is_optional<T>) {
    value.reset();
    if (!json.is_null()) read_json(json, value.emplace());
  } else if constexpr (is_vector<T>) {
    value.clear();
    for (const auto& item : as_array(json)) read_json(item, value.emplace_back());
  } else {
    static_assert(domain::Nested<T>);
    const auto& object = as_object(json);
    const auto read_field = [&](const auto& column) {
      if (const auto* field = object.if_contains({column.name.data(), column.name.size()})) {
        read_json(*field, value.*column.member);
      }
    };
    std::apply([&](const auto&... columns) { (read_field(columns), ...); }, T::columns());
  }
}

}  // namespace admit::store::codec

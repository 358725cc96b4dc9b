#pragma once
// The description of a JSON value, once: what the reader refuses, what the writer writes and what OpenAPI shows.
//
//   struct ReserveLine {
//     std::string tier_id;
//     std::int64_t quantity = 0;
//     std::optional<std::vector<std::string>> holders;
//
//     static http::Shape shape() {
//       using namespace http;
//       return object<ReserveLine>("ReserveLine", {
//           required("tierId", &ReserveLine::tier_id, uuid().doc("Tier to buy from.")),
//           required("quantity", &ReserveLine::quantity, integer(1, 40)),
//           optional("holders", &ReserveLine::holders, items(0, 40, text(1, 200)).doc("One name per ticket.")),
//       });
//     }
//   };
//
// Members may be std::string, bool, std::int64_t, double, RawJson, a struct with shape(), and std::optional and
// std::vector of these. A description that does not fit its member throws std::logic_error when first used.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace admit::http {

/// Any JSON value, kept as its own (checked) text.
struct RawJson {
  std::string text = "null";
  bool operator==(const RawJson&) const = default;
};

enum class Kind : std::uint8_t { any, text, integer, number, boolean, object, array, raw };

/// What a text must look like, beyond its length. Each has one regular expression, shown in the schema.
enum class Format : std::uint8_t {
  plain,       ///< no control characters
  multiline,   ///< no control characters but tab and line feed
  uuid,        ///< 36 characters, either case, behind one of the allowed prefixes or none
  date_time,   ///< RFC 3339, years 1970 to 9999, `Z` or an offset
  local_time,  ///< `2027-08-14T19:30` or with seconds: wall time without a zone
  email,
  currency,  ///< three capital letters
  country,   ///< two capital letters
  language,  ///< `en`, `pt-BR`
  zone,      ///< an IANA zone's characters: `Europe/Warsaw`
  digits,
  word,  ///< A-Z a-z 0-9 . _ -
  url    ///< http or https
};

struct Field;

struct Shape {
  Kind kind = Kind::any;
  Format format = Format::plain;
  bool is_nullable = false;
  /// Text: characters (code points). Integer and number: value. Array: count.
  std::int64_t min = INT64_MIN;
  std::int64_t max = INT64_MAX;
  std::vector<std::string> words;
  std::vector<std::string> prefixes;
  std::string description;
  std::string example_json;

  /// One sentence for the reader of the API document.
  [[nodiscard]] Shape doc(std::string_view sentence) &&;
  /// A text or word, as it is (quoted by us).
  [[nodiscard]] Shape example(std::string_view text) &&;
  /// Any JSON text.
  [[nodiscard]] Shape example_raw(std::string_view json) &&;
  /// `null` is read as an empty std::optional and an empty one is written as `null` (else it is left out).
  [[nodiscard]] Shape nullable() &&;

  // Below: filled by object(), required(), optional().
  struct OptionalOps {
    void* (*emplace)(void*) = nullptr;
    const void* (*get)(const void*) = nullptr;  ///< null pointer when empty
  };
  struct ArrayOps {
    void* (*append)(void*) = nullptr;
    std::size_t (*size)(const void*) = nullptr;
    const void* (*at)(const void*, std::size_t) = nullptr;
  };
  std::string name;
  std::vector<Field> fields;
  std::shared_ptr<const Shape> item;
  const Shape* object = nullptr;  ///< nested struct: its own shape
  OptionalOps if_present;
  ArrayOps elements;
};

struct Field {
  std::string name;
  std::string quoted;  ///< `"name":`
  std::size_t offset = 0;
  bool is_required = false;
  Shape shape;
};

[[nodiscard]] Shape text(std::int64_t min_characters, std::int64_t max_characters);
[[nodiscard]] Shape multiline(std::int64_t min_characters, std::int64_t max_characters);
[[nodiscard]] Shape one_of(std::initializer_list<std::string_view> words);
[[nodiscard]] Shape one_of(std::vector<std::string> words);
[[nodiscard]] Shape uuid(std::initializer_list<std::string_view> prefixes = {});
[[nodiscard]] Shape date_time();
[[nodiscard]] Shape local_time();
[[nodiscard]] Shape email();
[[nodiscard]] Shape currency();
[[nodiscard]] Shape country();
[[nodiscard]] Shape language();
[[nodiscard]] Shape zone();
[[nodiscard]] Shape digits(std::int64_t min_characters, std::int64_t max_characters);
[[nodiscard]] Shape word_text(std::int64_t min_characters, std::int64_t max_characters);
[[nodiscard]] Shape url(std::int64_t max_characters = 2048);
[[nodiscard]] Shape integer(std::int64_t min, std::int64_t max);
[[nodiscard]] Shape number(std::int64_t min, std::int64_t max);
[[nodiscard]] Shape boolean();
[[nodiscard]] Shape items(std::int64_t min, std::int64_t max, Shape of = {});
/// Whatever the member's type says, with nothing more to check: nested structs, passed-through JSON.
[[nodiscard]] Shape any();

namespace detail {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

/// Gives `given` the kind its member has; std::logic_error where they contradict each other.
[[nodiscard]] Shape of_kind(Shape given, Kind kind);
[[nodiscard]] Shape of_object(Shape given, const Shape& object);
[[nodiscard]] Shape of_array(Shape given, Shape item, Shape::ArrayOps ops);
[[nodiscard]] Shape make_object(std::string_view name, std::vector<Field> fields);
[[nodiscard]] Field make_field(std::string_view name, std::size_t offset, bool is_required, Shape shape);

}  // namespace detail

/// The shape of a described struct; made once, thread-safe, lives as long as the program.
template <class T>
[[nodiscard]] const Shape& shape_of() {
  static const Shape made = T::shape();
  return made;
}

namespace detail {

template <class M>
[[nodiscard]] Shape bind(Shape given) {
  if constexpr (std::is_same_v<M, std::string>) {
    return of_kind(std::move(given), Kind::text);
  } else if constexpr (std::is_same_v<M, bool>) {
    return of_kind(std::move(given), Kind::boolean);
  } else if constexpr (std::is_same_v<M, std::int64_t>) {
    return of_kind(std::move(given), Kind::integer);
  } else if constexpr (std::is_same_v<M, double>) {
    return of_kind(std::move(given), Kind::number);
  } else if constexpr (std::is_same_v<M, RawJson>) {
    return of_kind(std::move(given), Kind::raw);
  } else if constexpr (IsOptional<M>::value) {
    Shape shape = bind<typename M::value_type>(std::move(given));
    shape.if_present.emplace = [](void* at) -> void* {
      return &static_cast<M*>(at)->emplace();
    };
    shape.if_present.get = [](const void* at) -> const void* {
      const auto& held = *static_cast<const M*>(at);
      return held ? &*held : nullptr;
    };
    return shape;
  } else if constexpr (IsVector<M>::value) {
    using Element = typename M::value_type;
    static_assert(!std::is_same_v<Element, bool>, "a vector of bool has no addressable elements");
    Shape item = bind<Element>(given.item ? *given.item : Shape{});
    Shape::ArrayOps ops;
    ops.append = [](void* at) -> void* {
      return &static_cast<M*>(at)->emplace_back();
    };
    ops.size = [](const void* at) {
      return static_cast<const M*>(at)->size();
    };
    ops.at = [](const void* at, std::size_t i) -> const void* {
      return &(*static_cast<const M*>(at))[i];
    };
    return of_array(std::move(given), std::move(item), ops);
  } else {
    return of_object(std::move(given), shape_of<M>());
  }
}

template <class T, class M>
[[nodiscard]] std::size_t offset_of(M T::* member) {
  static const T probe{};
  return static_cast<std::size_t>(reinterpret_cast<const char*>(&(probe.*member)) -
                                  reinterpret_cast<const char*>(&probe));
}

}  // namespace detail

/// Must be there when read, is always written.
template <class T, class M>
[[nodiscard]] Field required(std::string_view name, M T::* member, Shape rule = {}) {
  return detail::make_field(name, detail::offset_of(member), true, detail::bind<M>(std::move(rule)));
}
/// May be absent when read (the member keeps its default); an empty std::optional is left out when written.
template <class T, class M>
[[nodiscard]] Field optional(std::string_view name, M T::* member, Shape rule = {}) {
  return detail::make_field(name, detail::offset_of(member), false, detail::bind<M>(std::move(rule)));
}

/// `name` is the schema's name in the OpenAPI document: unique in the program. At most 64 fields.
template <class T>
[[nodiscard]] Shape object(std::string_view name, std::vector<Field> fields) {
  return detail::make_object(name, std::move(fields));
}

/// True when `value` keeps the length, words and format of a text shape. Else `why` says what to do.
[[nodiscard]] bool fits_text(const Shape& shape, std::string_view value, std::string& why);

/// Checks a parameter's text against a shape of kind text, integer, number or boolean.
[[nodiscard]] bool fits_parameter(const Shape& shape, std::string_view value, std::string& why);

/// The regular expression of a text shape, "" where it has none (plain words, multi-line).
[[nodiscard]] std::string pattern_of(const Shape& shape);

/// An example as JSON: the shape's own, else one made from its rules.
[[nodiscard]] std::string example_of(const Shape& shape);

}  // namespace admit::http

#pragma once
// How much a row weighs in a save, for those who must keep a save within Limits::max_bytes.

#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "domain/world.hpp"

namespace admit::store {

namespace detail {
inline constexpr std::size_t scalar_bytes = 40;  // the longest: a UUID in quotes
inline constexpr std::size_t column_bytes = 4;   // what surrounds a name and its value

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
}  // namespace detail

/// An upper estimate of the bytes of a row or value with its column names, as text; the same for every store.
template <class T>
[[nodiscard]] std::size_t size_bytes(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return value.size();
  } else if constexpr (std::is_same_v<T, domain::Bytes>) {
    return value.data.size();
  } else if constexpr (detail::IsVector<T>::value) {
    std::size_t sum = 0;
    for (const auto& element : value) sum += size_bytes(element) + detail::column_bytes;
    return sum;
  } else if constexpr (domain::Described<T> || domain::Nested<T>) {
    std::size_t sum = 0;
    std::apply(
        [&](const auto&... column) {
          ((sum += column.name.size() + detail::column_bytes + size_bytes(value.*column.member)), ...);
        },
        T::columns());
    return sum;
  } else {
    return detail::scalar_bytes;
  }
}

/// What a save of `changes` weighs.
[[nodiscard]] inline std::size_t size_bytes(const domain::Changes& changes) {
  std::size_t sum = changes.deltas.size() * 2 * detail::scalar_bytes;
  domain::for_each_table([&]<class Row>() {
    for (const auto& put : changes.of<Row>()) sum += size_bytes(*put.row);
  });
  return sum;
}

}  // namespace admit::store

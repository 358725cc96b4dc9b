#pragma once
// An expected failure is a value: Result<T>. The codes are closed, stable words on the wire, in order of precedence.

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "domain/refusal.hpp"

namespace admit::domain {

/// Why a command was refused. `field` is the JSON name at fault, empty where no single field is.
/// `detail` is one sentence for the person who sent it: what is wrong and what to do. `retry_after`: when it may go well,
/// where that is known.
struct Error {
  Refusal code;
  std::string field;
  std::string detail;
  std::chrono::seconds retry_after{};
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> refuse(Refusal code, std::string field, std::string detail) {
  return std::unexpected(Error{code, std::move(field), std::move(detail), {}});
}

}  // namespace admit::domain

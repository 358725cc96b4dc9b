#pragma once
// Inside the sandbox: the form parameters of one call, and refusals in Stripe's words.

#include <boost/json/object.hpp>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/target.hpp"

namespace admit::payment::sandbox {

struct ApiError {
  int status = 400;
  boost::json::object error;  ///< what stands under `error`
};
template <class T>
using Outcome = std::expected<T, ApiError>;

/// `param` and `code` are left out where "".
[[nodiscard]] std::unexpected<ApiError> refuse(int status, std::string_view type, std::string_view code,
                                               std::string_view param, std::string message);
[[nodiscard]] std::unexpected<ApiError> invalid(std::string_view code, std::string_view param, std::string message);

class Params {
 public:
  explicit Params(std::vector<http::FormField> fields) : x_fields(std::move(fields)) {}

  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// "" where absent.
  [[nodiscard]] std::string_view text(std::string_view name) const { return find(name).value_or(""); }
  /// Refuses the first parameter that is not named here; `metadata[*]` stands for every `metadata[...]`.
  [[nodiscard]] Outcome<void> only(std::initializer_list<std::string_view> names) const;
  [[nodiscard]] Outcome<std::int64_t> integer(std::string_view name) const;
  [[nodiscard]] Outcome<std::int64_t> integer(std::string_view name, std::int64_t otherwise) const;
  /// `metadata[a]=1` as {"a": "1"}; refuses what Stripe does not keep.
  [[nodiscard]] Outcome<boost::json::object> metadata() const;
  /// Equal for equal parameters in any order.
  [[nodiscard]] std::string canonical() const;
  [[nodiscard]] const std::vector<http::FormField>& fields() const { return x_fields; }

 private:
  std::vector<http::FormField> x_fields;
};

}  // namespace admit::payment::sandbox

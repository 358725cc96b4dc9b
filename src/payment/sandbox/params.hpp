#pragma once
// Inside the sandbox: the form parameters of one call, and refusals in Stripe's words.

#include <boost/json/object.hpp>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <span>
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

/// What a parameter may be. `nested` stands for everything below a name: `capabilities[card_payments][requested]`.
enum class Kind : std::uint8_t { text, integer, boolean, word, metadata, nested };

/// One parameter of an operation, as the provider's API has it.
struct Field {
  std::string_view name;
  Kind kind = Kind::text;
  bool is_required = false;
  /// Of Kind::word: what it may be, with spaces between.
  std::string_view words = {};
};

class Params {
 public:
  explicit Params(std::vector<http::FormField> fields) : x_fields(std::move(fields)) {}

  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// "" where absent.
  [[nodiscard]] std::string_view text(std::string_view name) const { return find(name).value_or(""); }
  /// Refuses, in this order: a parameter that is not among `fields` (`expand[...]` is known everywhere), one whose
  /// value is not of its kind, a required one that is missing.
  [[nodiscard]] Outcome<void> check(std::span<const Field> fields) const;
  [[nodiscard]] Outcome<void> check(std::initializer_list<Field> fields) const {
    return check(std::span{fields.begin(), fields.size()});
  }
  [[nodiscard]] bool flag(std::string_view name, bool otherwise = false) const;
  /// The values of `name[]`, `name[0]`, ...
  [[nodiscard]] std::vector<std::string_view> list(std::string_view name) const;
  [[nodiscard]] Outcome<std::int64_t> integer(std::string_view name) const;
  [[nodiscard]] Outcome<std::int64_t> integer(std::string_view name, std::int64_t otherwise) const;
  /// `metadata[a]=1` as {"a": "1"}; refuses what Stripe does not keep.
  [[nodiscard]] Outcome<boost::json::object> metadata() const;
  /// What `metadata` becomes by these parameters: keys replaced, an empty value removes one, an empty `metadata` all.
  [[nodiscard]] Outcome<boost::json::object> metadata_over(boost::json::object old) const;
  /// Equal for equal parameters in any order.
  [[nodiscard]] std::string canonical() const;
  [[nodiscard]] const std::vector<http::FormField>& fields() const { return x_fields; }

 private:
  std::vector<http::FormField> x_fields;
};

}  // namespace admit::payment::sandbox

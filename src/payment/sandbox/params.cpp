#include "payment/sandbox/params.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::size_t max_metadata_keys = 50;
constexpr std::size_t max_metadata_key = 40;
constexpr std::size_t max_metadata_value = 500;

constexpr std::size_t max_text = 5000;

/// `metadata[a]` and `metadata[a][b]` are below `metadata`.
bool is_below(std::string_view field, std::string_view name) {
  return field.size() > name.size() + 1 && field.starts_with(name) && field[name.size()] == '[' && field.ends_with(']');
}

bool is_named(std::string_view field, const Field& known) {
  switch (known.kind) {
    case Kind::metadata:
      return field == known.name || is_below(field, known.name);
    case Kind::nested:
      return is_below(field, known.name);
    case Kind::text:
    case Kind::integer:
    case Kind::boolean:
    case Kind::word:
      return field == known.name;
  }
  return false;
}

bool is_word(std::string_view value, std::string_view words) {
  while (!words.empty()) {
    const auto end = words.find(' ');
    if (words.substr(0, end) == value) return true;
    if (end == std::string_view::npos) return false;
    words.remove_prefix(end + 1);
  }
  return false;
}

Outcome<std::int64_t> read_integer(std::string_view name, std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return invalid("parameter_invalid_integer", name, "Invalid integer: " + std::string{text});
  }
  return value;
}

Outcome<void> check_value(const Field& known, std::string_view name, std::string_view value) {
  if (value.size() > max_text && known.kind != Kind::nested) {
    return invalid("", name, "Invalid string: must be at most 5000 characters.");
  }
  switch (known.kind) {
    case Kind::integer:
      if (auto number = read_integer(name, value); !number) return std::unexpected(std::move(number.error()));
      return {};
    case Kind::boolean:
      if (value == "true" || value == "false") return {};
      return invalid("", name, "Invalid boolean: " + std::string{value});
    case Kind::word:
      if (is_word(value, known.words)) return {};
      return invalid("", name, "Invalid " + std::string{name} + ": must be one of " + std::string{known.words});
    case Kind::text:
      if (!value.empty() || !known.is_required) return {};
      return invalid("parameter_invalid_empty", name,
                     "You passed an empty string for '" + std::string{name} + "', which cannot be unset.");
    case Kind::metadata:
    case Kind::nested:
      return {};
  }
  return {};
}

}  // namespace

std::unexpected<ApiError> refuse(int status, std::string_view type, std::string_view code, std::string_view param,
                                 std::string message) {
  ApiError refused{status, {{"type", type}, {"message", std::move(message)}}};
  if (!code.empty()) {
    refused.error["code"] = code;
    refused.error["doc_url"] = "https://stripe.com/docs/error-codes/" + std::string{code};
  }
  if (!param.empty()) refused.error["param"] = param;
  return std::unexpected(std::move(refused));
}

std::unexpected<ApiError> invalid(std::string_view code, std::string_view param, std::string message) {
  return refuse(400, "invalid_request_error", code, param, std::move(message));
}

std::optional<std::string_view> Params::find(std::string_view name) const {
  const auto found = std::ranges::find(x_fields, name, &http::FormField::first);
  if (found == x_fields.end()) return std::nullopt;
  return found->second;
}

Outcome<void> Params::check(std::span<const Field> fields) const {
  for (const auto& [name, value] : x_fields) {
    if (is_below(name, "expand")) continue;
    const auto known = std::ranges::find_if(fields, [&](const Field& field) { return is_named(name, field); });
    if (known == fields.end()) {
      return invalid("parameter_unknown", name, "Received unknown parameter: " + name);
    }
    if (auto fits = check_value(*known, name, value); !fits) return fits;
  }
  for (const auto& field : fields) {
    if (field.is_required && !find(field.name)) {
      return invalid("parameter_missing", field.name, "Missing required param: " + std::string{field.name} + ".");
    }
  }
  return {};
}

bool Params::flag(std::string_view name, bool otherwise) const {
  const auto value = find(name);
  return value ? *value == "true" : otherwise;
}

std::vector<std::string_view> Params::list(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [field, value] : x_fields) {
    if (is_below(field, name) && std::ranges::count(field, '[') == 1) values.emplace_back(value);
  }
  return values;
}

Outcome<std::int64_t> Params::integer(std::string_view name) const {
  const auto text = find(name);
  if (!text) return invalid("parameter_missing", name, "Missing required param: " + std::string{name} + ".");
  return read_integer(name, *text);
}

Outcome<std::int64_t> Params::integer(std::string_view name, std::int64_t otherwise) const {
  if (!find(name)) return otherwise;
  return integer(name);
}

Outcome<json::object> Params::metadata() const {
  return metadata_over({});
}

Outcome<json::object> Params::metadata_over(json::object out) const {
  if (find("metadata") == "") out.clear();
  for (const auto& [field, value] : x_fields) {
    if (!is_below(field, "metadata")) continue;
    const auto key = std::string_view{field}.substr(9, field.size() - 10);
    if (key.size() > max_metadata_key || key.find_first_of("[]") != std::string_view::npos) {
      return invalid("", "metadata", "Metadata keys have at most 40 characters and no square brackets.");
    }
    if (value.size() > max_metadata_value) {
      return invalid("", field, "Metadata values have at most 500 characters.");
    }
    if (value.empty()) {
      out.erase(key);
    } else {
      out[key] = value;
    }
  }
  if (out.size() > max_metadata_keys) return invalid("", "metadata", "Metadata has at most 50 keys.");
  return out;
}

std::string Params::canonical() const {
  auto sorted = x_fields;
  std::ranges::sort(sorted);
  return http::write_form(sorted);
}

}  // namespace admit::payment::sandbox

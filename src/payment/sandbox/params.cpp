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

bool is_named(std::string_view field, std::string_view name) {
  if (!name.ends_with("[*]")) return field == name;
  name.remove_suffix(2);
  return field.starts_with(name) && field.size() > name.size() && field.ends_with(']');
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

Outcome<void> Params::only(std::initializer_list<std::string_view> names) const {
  for (const auto& [field, value] : x_fields) {
    if (std::ranges::none_of(names, [&field](std::string_view name) { return is_named(field, name); })) {
      return invalid("parameter_unknown", field, "Received unknown parameter: " + field);
    }
  }
  return {};
}

Outcome<std::int64_t> Params::integer(std::string_view name) const {
  const auto text = find(name);
  if (!text) return invalid("parameter_missing", name, "Missing required param: " + std::string{name} + ".");
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (text->empty() || error != std::errc{} || end != text->data() + text->size()) {
    return invalid("parameter_invalid_integer", name, "Invalid integer: " + std::string{*text});
  }
  return value;
}

Outcome<std::int64_t> Params::integer(std::string_view name, std::int64_t otherwise) const {
  if (!find(name)) return otherwise;
  return integer(name);
}

Outcome<json::object> Params::metadata() const {
  json::object out;
  for (const auto& [field, value] : x_fields) {
    if (!is_named(field, "metadata[*]")) continue;
    const auto key = std::string_view{field}.substr(9, field.size() - 10);
    if (key.size() > max_metadata_key || key.find_first_of("[]") != std::string_view::npos) {
      return invalid("", "metadata", "Metadata keys have at most 40 characters and no square brackets.");
    }
    if (value.size() > max_metadata_value) {
      return invalid("", field, "Metadata values have at most 500 characters.");
    }
    if (!value.empty()) out[key] = value;
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

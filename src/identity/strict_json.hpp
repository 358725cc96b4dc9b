#pragma once
// JSON that somebody else wrote and that decides who is let in: one meaning only.

#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace admit::identity {

/// An object at most 16 deep. nullopt where it is no JSON, no object, or any object in it has a key twice (readers
/// differ in which of both they take).
[[nodiscard]] std::optional<boost::json::object> strict_object(std::string_view text);

/// The text under a name; null where there is none, or something else.
[[nodiscard]] const boost::json::string* text_in(const boost::json::object& object, std::string_view name);
/// The texts of a list, or of one text; nullopt where it is anything else. Empty where the name is missing.
[[nodiscard]] std::optional<std::vector<std::string>> texts_in(const boost::json::object& object,
                                                               std::string_view name);

}  // namespace admit::identity

#pragma once
// Whether the machine has the fonts that tickets want.

#include <string_view>
#include <vector>

namespace admit::document {

/// The scripts we promise to print for which no installed font has all of a sample's letters; emoji count as one. For
/// `doctor`: chooses fonts as a ticket does.
[[nodiscard]] std::vector<std::string_view> scripts_without_font();

}  // namespace admit::document

#pragma once
// Passwords among the first that anybody would try. Not a list of them but what such lists consist of: a few hundred
// words, alone or two together, with digits and signs around them and some letters written as digits; walks over the
// keyboard; rows of numbers and repetitions. Together that is many millions of texts.

#include <string_view>

namespace admit::identity {

/// `email`: the account's, whose name before the @ is as easy to guess. Case does not matter.
[[nodiscard]] bool is_common_password(std::string_view password, std::string_view email = {});

}  // namespace admit::identity

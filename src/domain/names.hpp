#pragma once
// Names of people and organisers, as they stand on tickets, in mails and in lists.

#include <cstddef>
#include <string_view>

namespace admit::domain {

inline constexpr std::size_t max_name_bytes = 200;

/// What is wrong with `name`, as a sentence for whoever gave it; "" where nothing is. Wanted: at most max_name_bytes,
/// no control character (C0, DEL, C1, U+2028, U+2029), and none of those that turn the direction of what follows
/// (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069): with them a name could make a line read as another.
/// Letters that run from right to left need none of them, and joiners (U+200C, U+200D) are letters' business. An empty
/// name is fine; one that nobody can see is not.
[[nodiscard]] std::string_view fault_of_name(std::string_view name);

/// As fault_of_name, for a name that stands in mails to strangers, as those of accounts and businesses do: it holds no
/// address of a page or a mailbox either
/// (`://`, `www.`, `@`).
[[nodiscard]] std::string_view fault_of_mailed_name(std::string_view name);

}  // namespace admit::domain

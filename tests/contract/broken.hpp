#pragma once
// Stores broken on purpose, one fault each: a case that none of them fails would show nothing.

#include <string>
#include <string_view>
#include <vector>

namespace admit::contract {

struct KillMatrix {
  std::vector<std::string_view> cases;
  std::vector<std::string_view> mutants;
  std::vector<std::vector<bool>> killed;  // [mutant][case]

  [[nodiscard]] std::vector<std::string_view> surviving_cases() const;    // failed by no mutant
  [[nodiscard]] std::vector<std::string_view> surviving_mutants() const;  // failing no case
  /// One line a mutant: how many cases it fails, and the first of them.
  [[nodiscard]] std::string text() const;
};
/// Runs every case on every mutant of the memory store; if not `whole`, only until each case was failed by a mutant and
/// each mutant has failed a case.
[[nodiscard]] KillMatrix run_kill_matrix(bool whole);

}  // namespace admit::contract

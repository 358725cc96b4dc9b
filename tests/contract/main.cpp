// doctest's own options, and `--kill-matrix`: which store broken on purpose fails which case.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <iostream>
#include <string_view>

#include "broken.hpp"

int main(int count, char** arguments) {
  if (count == 2 && std::string_view(arguments[1]) == "--kill-matrix") {
    const auto matrix = admit::contract::run_kill_matrix(true);
    std::cout << matrix.text();
    return matrix.surviving_cases().empty() && matrix.surviving_mutants().empty() ? 0 : 1;
  }
  doctest::Context context(count, arguments);
  return context.run();
}

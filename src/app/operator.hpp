#pragma once

#include <istream>
#include <ostream>
#include <string>

#include "app/config.hpp"

namespace admit::app {

struct OperatorOptions {
  std::string email;
  std::string name = "Operator";
};

/// Creates an operator's account in a folder that no server holds; the password is the first line of `in`.
int create_operator(const Config& config, const OperatorOptions& options, std::istream& in, std::ostream& out);

}  // namespace admit::app

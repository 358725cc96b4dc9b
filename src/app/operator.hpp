#pragma once

#include <istream>
#include <ostream>
#include <string>

#include "app/config.hpp"

namespace admit::app {

struct OperatorOptions {
  std::string email;
  std::string name = "Operator";
  bool remove = false;  // the role, of the account
};

/// Creates an operator's account in a folder that no server holds, the password the first line of `in`; or takes the role
/// back from one.
int create_operator(const Config& config, const OperatorOptions& options, std::istream& in, std::ostream& out);

}  // namespace admit::app

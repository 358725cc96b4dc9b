#pragma once
// `admit demo`: the whole story through the public HTTP API, as a frontend and a gate would go through it.

#include <optional>
#include <string>

#include "app/config.hpp"

namespace admit::app {

struct DemoOptions {
  bool once = false;                 // end after the sale
  std::optional<std::string> input;  // a show to sell instead of the example: docs/input.md
};

/// 0 when every step was right. `listen_given`: take that address or fail; else the next free port.
int demo(const Config& config, const DemoOptions& options, bool listen_given);

}  // namespace admit::app

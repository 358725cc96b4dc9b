#pragma once
// `admit demo --input FILE`: sells a whole show and lets everybody in.

#include <string>

#include "app/config.hpp"

namespace admit::app {

/// Sells everything the file lists, prints every ticket to `tickets/` in the data folder and scans every page twice,
/// with server and sandbox on one clock that begins at the doors' opening; then verifies the store. Ends with the line
/// `sold=… admitted=… refused=… verify=ok`. 0 when all of it is right. Throws ConfigError for a file that does not fit.
int demo_input(const Config& config, const std::string& path, bool any_port);

}  // namespace admit::app

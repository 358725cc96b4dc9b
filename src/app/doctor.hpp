#pragma once
// `admit doctor`: is this installation set up so that money becomes tickets?

#include <ostream>

#include "app/config.hpp"

namespace admit::app {

/// Looks beside the running server and changes nothing but the inbox, where its signed test events end as ignored.
/// `config.public_url` is what the provider posts to. Writes a line for each check, `ok`, `skip` or `FAULT`, with what
/// to do below a fault. 1 if there is a fault.
[[nodiscard]] int doctor(const Config& config, std::ostream& out);

}  // namespace admit::app

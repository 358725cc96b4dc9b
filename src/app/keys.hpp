#pragma once
// `admit keys`: on a folder that no server holds.

#include <optional>
#include <ostream>
#include <string>

#include "app/config.hpp"

namespace admit::app {

struct KeysOptions {
  std::optional<std::string> show;
};

/// Sealing epochs, and per show its signing keys; no secret. Works beside a running server.
int list_keys(const Config& config, std::ostream& out);
/// Begins the next sealing epoch, or with `show` the show's next signing key. Tickets issued before keep theirs.
/// The server must be stopped: it would not see the new key.
int rotate_keys(const Config& config, const KeysOptions& options, std::ostream& out);

}  // namespace admit::app

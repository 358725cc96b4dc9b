#pragma once

#include <memory>

#include "app/config.hpp"
#include "store/store.hpp"
#include "token/key_ring.hpp"

namespace admit::app {

/// The master key from the configuration or the data folder, and the ring of the epochs in the database. Makes a master
/// key only where no key was ever made. Throws ConfigError when the key is missing or another one.
[[nodiscard]] std::unique_ptr<token::KeyRing> open_ring(const Config& config, store::Store& store);

}  // namespace admit::app

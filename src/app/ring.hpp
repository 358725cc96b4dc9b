#pragma once

#include <memory>

#include "app/config.hpp"
#include "domain/audit_seals.hpp"
#include "store/store.hpp"
#include "token/key_ring.hpp"

namespace admit::app {

/// The master key from the configuration or the data folder, and the ring of the epochs in the database. Makes a master
/// key only where no key was ever made. Throws ConfigError when the key is missing or another one.
[[nodiscard]] std::unique_ptr<token::KeyRing> open_ring(const Config& config, store::Store& store);

/// What the audit's anchors are made with. Throws std::runtime_error without a fitting master key.
[[nodiscard]] domain::AuditKey audit_key_of(const token::KeyRing& ring);

}  // namespace admit::app

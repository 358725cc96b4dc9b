#pragma once
// Years of a ticket office in seconds: buyers, a payment provider, gates and crashes against the real engine, one
// thread, a clock of its own. The same seed gives the same run, to the byte.

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>

#include "store/store.hpp"

namespace admit::app {

enum class SimulatedStore { memory, sqlite };

struct SimulateOptions {
  std::uint64_t seed = 1;
  std::uint64_t commands = 100'000;
  SimulatedStore store = SimulatedStore::memory;
  /// For sqlite: an empty folder to keep the database in; left there, to be looked at.
  std::filesystem::path folder;
};

/// Thrown out of a store in the middle of whatever it was asked: the process dies here. No std::exception, so that
/// nothing between here and the simulation survives it.
struct SimulatedCrash {};

/// Where a simulation runs.
class SimulatedSite {
 public:
  virtual ~SimulatedSite() = default;
  /// The store as it is now; another one after a crash.
  [[nodiscard]] virtual store::Store& store() = 0;
  /// The process died: what was saved stays, all else is gone. The lane on the store was dropped before.
  virtual void restart() = 0;
  /// Faults on or off; they begin off.
  virtual void allow_faults(bool allowed) = 0;
};

/// Runs and prints a summary; false where an invariant broke: then the last line names seed and command.
bool simulate(const SimulateOptions& options, std::ostream& out);
/// The same on a site of the caller's.
bool simulate(const SimulateOptions& options, SimulatedSite& site, std::ostream& out);

/// The site that `options.store` names.
[[nodiscard]] std::unique_ptr<SimulatedSite> make_site(const SimulateOptions& options);

}  // namespace admit::app

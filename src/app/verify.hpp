#pragma once
// Checks the invariants of a whole store: what is sold, paid, issued and let in adds up.

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "app/audit_chains.hpp"
#include "store/store.hpp"

namespace admit::app {

/// One invariant. Of its faults the first `max_faults_kept` are kept as sentences that name the row.
struct Check {
  std::string name;
  std::size_t examined = 0;
  std::size_t fault_count = 0;
  std::vector<std::string> faults;
};
inline constexpr std::size_t max_faults_kept = 20;

struct VerifyReport {
  std::vector<Check> checks;
  /// A batch was saved while the tables were read one after the other: a fault may be of the moment only.
  bool changed_meanwhile = false;

  [[nodiscard]] bool ok() const;
  [[nodiscard]] const Check* find(std::string_view name) const;
};

/// Reads every table in pages and changes nothing. However many rows there are, it keeps `facts_kept` facts of 40 bytes
/// in memory, the rest in a temporary file, and some 100 bytes for each tier, quota and hold that lives now.
/// Throws StoreUnavailable; std::runtime_error where there is no room for the temporary file.
[[nodiscard]] VerifyReport verify(store::Store& store, std::size_t facts_kept = std::size_t{512} << 10,
                                  const AuditProof& audit = {});

/// Verifies and prints what was checked, a line per invariant, then the faults; false where there is one. Data that
/// changes under its eyes is read again, at most three times.
bool verify(store::Store& store, std::ostream& out, const AuditProof& audit = {});

}  // namespace admit::app

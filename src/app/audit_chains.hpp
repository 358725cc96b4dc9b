#pragma once
// Recomputes the audit's chains from its entries.

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "domain/audit_seals.hpp"
#include "store/store.hpp"

namespace admit::app {

/// Given every entry in the order of ids, tells which seal does not hold. Keeps one seal a chain in memory.
class AuditChains {
 public:
  using Tell = std::function<void(std::string_view table, domain::Uuid id, std::string what)>;
  /// Reads the heads: what is sealed afterwards is not looked at.
  AuditChains(store::Store& store, Tell tell);
  void take(const domain::AuditEntry& entry);
  /// After the last entry: what is missing, and the anchors.
  void finish();
  /// Entries that are sealed.
  [[nodiscard]] std::size_t examined() const { return x_examined; }

 private:
  struct Chain {
    std::optional<domain::AuditHead> head;
    std::optional<domain::AuditSeal> seal;  // the stretch the next entry belongs to
    std::int64_t number = 0;
    domain::AuditDigest digest{};  // of what was taken
    domain::AuditDigest sealed{};  // of the last stretch as it is stored
    std::int64_t count = 0;
  };
  void next(Chain& chain, std::int64_t number_of_chain);
  void close(Chain& chain);
  void check_anchors();

  store::Store& x_store;
  Tell x_tell;
  std::array<Chain, domain::audit_chains> x_chains;
  std::optional<domain::AuditHead> x_anchor;
  std::size_t x_examined = 0;
};

}  // namespace admit::app

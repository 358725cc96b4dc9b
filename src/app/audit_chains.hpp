#pragma once
// Recomputes the audit's chains from its entries.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "domain/audit_seals.hpp"
#include "store/store.hpp"

namespace admit::app {

/// What the chains are compared with, beside themselves.
struct AuditProof {
  /// Without it nobody can tell who made the anchors.
  std::optional<domain::AuditKey> key;
  /// Entries this much older than the newest must be sealed.
  std::optional<std::chrono::seconds> sealed_after;
  /// An anchor that was written down elsewhere, as the log told it.
  struct Kept {
    std::int64_t number = 0;
    domain::AuditDigest digest{};
  };
  std::optional<Kept> kept;
};

/// The age that `sealed_after` may have where a round seals what is older than `lag`, once every `lag`.
[[nodiscard]] constexpr std::chrono::seconds sealed_for_sure(std::chrono::seconds lag) {
  return 2 * lag + std::chrono::seconds{60};
}

/// Given every entry in the order of ids, tells which seal does not hold. Keeps one seal a chain in memory.
class AuditChains {
 public:
  using Tell = std::function<void(std::string_view table, domain::Uuid id, std::string what)>;
  /// Reads the heads: what is sealed afterwards is not looked at.
  AuditChains(store::Store& store, Tell tell, AuditProof proof = {});
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
  AuditProof x_proof;
  std::optional<domain::AuditEntry> x_open;  // the first that is not sealed
  domain::Instant x_newest{};
  std::array<Chain, domain::audit_chains> x_chains;
  std::optional<domain::AuditHead> x_anchor;
  std::size_t x_examined = 0;
};

}  // namespace admit::app

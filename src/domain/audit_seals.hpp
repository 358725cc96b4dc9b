#pragma once
// The audit's chains: entries that are old enough are bound to those before them by hash, so that none can be changed,
// taken out or put in later without being found.
//
// An entry belongs to one of sixteen chains by its show, and stands in it in the order of ids. A round seals a stretch
// of each chain that has entries, and an anchor over the heads of all: whoever has kept one anchor's digest (it stands
// in the log) can prove everything before it.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/command.hpp"

namespace admit::domain {

inline constexpr std::int64_t audit_chains = 16;
inline constexpr std::int64_t anchor_chain = audit_chains;  // AuditSeal::chain of an anchor

using AuditDigest = std::array<std::uint8_t, 32>;
/// Derived from the master key: whoever may write to the database only can make no anchor.
using AuditKey = std::array<std::uint8_t, 32>;

[[nodiscard]] std::int64_t audit_chain_of(const AuditEntry& entry);
/// SHA-256 over the digest before and all of the entry.
[[nodiscard]] AuditDigest extended(const AuditDigest& before, const AuditEntry& entry);
/// The head of a chain: its digest and how many stretches it has.
struct ChainHead {
  std::int64_t number = 0;
  AuditDigest digest{};
};
using ChainHeads = std::array<ChainHead, audit_chains>;
/// HMAC-SHA-256 over the anchor before and the heads of all chains.
[[nodiscard]] AuditDigest anchored(const AuditKey& key, const AuditDigest& before, const ChainHeads& heads);
/// A digest as it is stored; one of another size is all zero, which none is.
[[nodiscard]] AuditDigest digest_of(const Bytes& bytes);
[[nodiscard]] Bytes bytes_of(const AuditDigest& digest);

/// The moment in a fresh id.
[[nodiscard]] Instant moment_of(Uuid fresh);
/// The smallest fresh id of a moment.
[[nodiscard]] Uuid first_of(Instant moment);

/// Entries of one chain, computed outside.
struct AuditStretch {
  std::int64_t chain = 0;
  AuditDigest previous{};
  AuditDigest digest{};
  AuditId last;
  std::int64_t count = 0;
};

/// Adds a stretch to each chain named and an anchor over all. `last` is the newest entry of all stretches.
/// conflict: a chain went on meanwhile; compute again. The outcome is the anchor.
struct SealAudit {
  using Outcome = AuditSeal;
  Meta meta;
  AuditId last;
  std::vector<AuditStretch> stretches;
  AuditKey key{};
};
void needs(const SealAudit& command, Needs& needs);
Result<AuditSeal> decide(const SealAudit& command, World& world);

/// Changes nothing: what was decided before it is saved when it is answered.
struct PassLane {
  using Outcome = bool;
  Meta meta;
};
void needs(const PassLane& command, Needs& needs);
Result<bool> decide(const PassLane& command, World& world);

}  // namespace admit::domain

#pragma once
// Disputes: what we did about them. What the provider tells of them is in events.hpp.

#include "domain/command.hpp"

namespace admit::domain {

/// The business's share of a lost dispute was got back. Idempotent. Refuses: unknown_dispute, conflict (not lost).
struct RecordDisputeReversal {
  using Outcome = Dispute;
  Meta meta;
  DisputeId dispute_id;
  std::int64_t amount_minor = 0;  // 0: nothing could be got back; a person is told
};
void needs(const RecordDisputeReversal& command, Needs& needs);
[[nodiscard]] Result<Dispute> decide(const RecordDisputeReversal& command, World& world);

/// The evidence was sent. Idempotent. Refuses: unknown_dispute.
struct RecordEvidence {
  using Outcome = Dispute;
  Meta meta;
  DisputeId dispute_id;
};
void needs(const RecordEvidence& command, Needs& needs);
[[nodiscard]] Result<Dispute> decide(const RecordEvidence& command, World& world);

}  // namespace admit::domain

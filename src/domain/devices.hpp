#pragma once
// The scanners of gates: made for a show, enrolled by a code that is good once, revoked.

#include <chrono>
#include <vector>

#include "domain/command.hpp"

namespace admit::domain {

inline constexpr std::chrono::minutes enrolment_ttl{15};

/// A code by which a device gets its token; only the hash of its secret is kept. `id` is made by the caller: the code
/// names it.
struct Enrolment {
  ProofId id;
  Bytes secret_hash;
};

/// A scanner for one show. `device_id` is made by the caller: its token will name it. With an enrolment it has no token
/// yet and decides nothing. Refuses: invalid_field, unknown_show, forbidden, show_cancelled, unknown_tier, conflict
/// (the id is taken).
struct CreateDevice {
  using Outcome = Device;
  Meta meta;
  DeviceId device_id;
  ShowId show_id;
  std::string gate;
  std::vector<TierId> tier_ids;  // whom it may let in; empty: every tier
  Bytes token_hash;              // empty with an enrolment
  std::optional<Enrolment> enrolment;
};
void needs(const CreateDevice& command, Needs& needs);
[[nodiscard]] Result<Device> decide(const CreateDevice& command, World& world);

/// Another code for a device that is there: the first was not used in time, or the scanner was replaced. The token it
/// has holds until the code is used. Refuses: unknown_device (also: revoked), forbidden.
struct AskEnrolment {
  using Outcome = Device;
  Meta meta;
  DeviceId device_id;
  Enrolment enrolment;
};
void needs(const AskEnrolment& command, Needs& needs);
[[nodiscard]] Result<Device> decide(const AskEnrolment& command, World& world);

/// Uses a code up: the device has this token from now on, and no other. One code of several that were asked for ends
/// the others. Refuses: unknown_proof.
struct EnrolDevice {
  using Outcome = Device;
  Meta meta;
  Enrolment enrolment;
  Bytes token_hash;
};
void needs(const EnrolDevice& command, Needs& needs);
[[nodiscard]] Result<Device> decide(const EnrolDevice& command, World& world);

/// Idempotent. Refuses: unknown_device, forbidden.
struct RevokeDevice {
  using Outcome = Device;
  Meta meta;
  DeviceId device_id;
};
void needs(const RevokeDevice& command, Needs& needs);
[[nodiscard]] Result<Device> decide(const RevokeDevice& command, World& world);

}  // namespace admit::domain

#pragma once
// The life of a job: taken under a lease, done, tried again later, or given up for a person to look at.

#include "domain/command.hpp"

namespace admit::domain {

inline constexpr std::int64_t max_job_attempts = 12;

/// Takes a due job until `until`. Refuses: unknown_job, conflict (not due, or taken by somebody else).
struct LeaseJob {
  using Outcome = Job;
  Meta meta;
  JobId job_id;
  Uuid lease;
  Instant until{};
};
void needs(const LeaseJob& command, Needs& needs);
[[nodiscard]] Result<Job> decide(const LeaseJob& command, World& world);

/// The result of one try. With `error` it is due again at `retry_at`, or dead after max_job_attempts.
/// Refuses: unknown_job, conflict (the lease went to somebody else).
struct FinishJob {
  using Outcome = Job;
  Meta meta;
  JobId job_id;
  Uuid lease;
  std::string error;  // "" for done
  Instant retry_at{};
  bool counts = true;  // false: what it needs was away; it is tried again however often that happens
};
void needs(const FinishJob& command, Needs& needs);
[[nodiscard]] Result<Job> decide(const FinishJob& command, World& world);

/// By an operator: a job that was given up is due again, with all its tries; its alert is settled.
/// Refuses: unknown_job, forbidden, job_not_dead.
struct ReviveJob {
  using Outcome = Job;
  Meta meta;
  JobId job_id;
};
void needs(const ReviveJob& command, Needs& needs);
[[nodiscard]] Result<Job> decide(const ReviveJob& command, World& world);

}  // namespace admit::domain

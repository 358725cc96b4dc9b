#include "domain/jobs.hpp"

#include <algorithm>

#include "domain/alerts.hpp"

namespace admit::domain {

void needs(const LeaseJob& command, Needs& needs) { needs.change<Job>(command.job_id); }

Result<Job> decide(const LeaseJob& command, World& world) {
  const Job* found = world.find<Job>(command.job_id);
  if (found == nullptr) return refuse(Refusal::unknown_job, "", "There is no such job.");
  if (!found->due_at || command.meta.now < *found->due_at) return refuse(Refusal::conflict, "", "The job is not due.");
  Job job = *found;
  job.lease = command.lease;
  job.due_at = command.until;
  if (job.attempts < max_job_attempts) ++job.attempts;  // a worker that died with the last try leaves it one more
  world.put(job);
  return job;
}

void needs(const FinishJob& command, Needs& needs) {
  needs.change<Job>(command.job_id);
  if (!command.error.empty()) need_alert(needs, AlertKind::dead_job, command.job_id.value);
}

Result<Job> decide(const FinishJob& command, World& world) {
  const Job* found = world.find<Job>(command.job_id);
  if (found == nullptr) return refuse(Refusal::unknown_job, "", "There is no such job.");
  if (found->lease != command.lease || found->status != JobStatus::due) {
    return refuse(Refusal::conflict, "", "The job was taken by another worker.");
  }
  Job job = *found;
  job.last_error = command.error.substr(0, 500);
  if (command.error.empty()) {
    job.status = JobStatus::done;
    job.due_at.reset();
  } else if (!command.counts) {
    job.attempts = std::max<std::int64_t>(0, job.attempts - 1);
    job.due_at = command.retry_at;
  } else if (job.attempts >= max_job_attempts) {
    job.status = JobStatus::dead;
    job.due_at.reset();
    raise_alert(world, command.meta, AlertKind::dead_job, job.id.value, {}, {},
                std::string(word(job.kind)) + ": " + job.last_error);
  } else {
    job.due_at = command.retry_at;
  }
  world.put(job);
  return job;
}

void needs(const ReviveJob& command, Needs& needs) {
  needs.change<Job>(command.job_id);
  need_alert(needs, AlertKind::dead_job, command.job_id.value);
}

Result<Job> decide(const ReviveJob& command, World& world) {
  const Job* found = world.find<Job>(command.job_id);
  if (found == nullptr) return refuse(Refusal::unknown_job, "jobId", "There is no such job.");
  if (!command.meta.is_operator) return refuse(Refusal::forbidden, "", "Only an operator may revive a job.");
  if (found->status != JobStatus::dead) {
    return refuse(Refusal::job_not_dead, "jobId", "The job is " + std::string(word(found->status)) + ".");
  }
  Job job = *found;
  job.status = JobStatus::due;
  job.due_at = command.meta.now;
  job.attempts = 0;
  world.put(job);
  settle_alert(world, command.meta, AlertKind::dead_job, job.id.value);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "job.revived", job.id.value);
  return job;
}

}  // namespace admit::domain

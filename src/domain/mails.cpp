#include "domain/mails.hpp"

#include "domain/access.hpp"

namespace admit::domain {
namespace {

/// The same for all requests of one minute.
JobId resend_job(const ResendMail& command) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(command.meta.now).time_since_epoch().count();
  return derived_id<JobId>("resend_mail", command.registration_id.text() + "/" + std::to_string(minute));
}

}  // namespace

void needs(const ResendMail& command, Needs& needs) {
  if (const auto* registration = needs.read<Registration>(command.registration_id)) {
    need_access(needs, command.meta, registration->business_id);
    needs.change<Job>(resend_job(command));
  }
}

Result<Registration> decide(const ResendMail& command, World& world) {
  const Registration* registration = world.find<Registration>(command.registration_id);
  if (registration == nullptr) {
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  }
  if (registration->user_id != command.meta.user &&
      !may(world, command.meta, registration->business_id, Capability::sell)) {
    return refuse(Refusal::forbidden, "registrationId", "The registration belongs to another account.");
  }
  if (registration->status != RegistrationStatus::confirmed) {
    return refuse(
        Refusal::registration_not_held, "registrationId",
        "Only a confirmed registration has tickets to send; this one is " + std::string(word(registration->status)) + ".");
  }
  const JobId id = resend_job(command);
  if (world.find<Job>(id) == nullptr) {
    FreshIds ids(command.meta);
    world.put(Job{.id = id,
                  .kind = JobKind::mail,
                  .subject = registration->id.value,
                  .detail = "order_confirmed",
                  .due_at = command.meta.now,
                  .created_at = command.meta.now});
    audit(world, command.meta, ids, "mail.resent", registration->id.value, registration->show_id);
  }
  return *registration;
}

}  // namespace admit::domain

#include "domain/cancellations.hpp"

#include "domain/access.hpp"
#include "domain/sale.hpp"

namespace admit::domain {

void needs(const CancelShow& command, Needs& needs) {
  if (const auto* show = needs.change<Show>(command.show_id)) need_access(needs, command.meta, show->business_id);
  needs.change<Cancellation>(cancellation_id(command.show_id));
}

Result<Cancellation> decide(const CancelShow& command, World& world) {
  const Show* found = world.find<Show>(command.show_id);
  if (found == nullptr) return refuse(Refusal::unknown_show, "showId", "There is no such show.");
  if (!may(world, command.meta, found->business_id, Capability::cancel_shows)) {
    return refuse(Refusal::forbidden, "showId", "The show belongs to another business, or your role may not do this.");
  }
  const CancellationId id = cancellation_id(command.show_id);
  if (const Cancellation* known = world.find<Cancellation>(id)) return *known;
  Show show = *found;
  show.status = ShowStatus::cancelled;
  Cancellation cancellation{
      .id = id, .show_id = show.id, .started_by = command.meta.actor, .started_at = command.meta.now};
  FreshIds ids(command.meta);
  put_job(world, command.meta, ids, JobKind::cancel_show, show.id.value);
  audit(world, command.meta, ids, "show.cancelled", show.id.value, show.id);
  world.put(std::move(show));
  world.put(cancellation);
  return cancellation;
}

void needs(const CancelForShow& command, Needs& needs) {
  const auto* registration = need_order(needs, command.registration_id);
  if (registration == nullptr) return;
  need_tickets(needs, *registration);
  if (!registration->transaction_id) return;
  if (const auto* transaction = needs.change<Transaction>(registration->transaction_id)) {
    need_refunds(needs, *transaction);
  }
}

Result<Registration> decide(const CancelForShow& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr) return refuse(Refusal::unknown_registration, "", "There is no such registration.");
  if (world.get<Show>(found->show_id).status != ShowStatus::cancelled) {
    return refuse(Refusal::conflict, "", "The show is not cancelled.");
  }
  const Meta& meta = command.meta;
  FreshIds ids(meta);
  Registration registration = *found;
  std::optional<Transaction> transaction;
  if (registration.transaction_id) transaction = world.get<Transaction>(registration.transaction_id);
  if (registration.status == RegistrationStatus::held) {
    if (transaction && transaction->review_until) {
      end_review(world, meta, ids, registration, *transaction, RegistrationStatus::cancelled);
    } else {
      let_go(world, meta, ids, registration, RegistrationStatus::cancelled);
    }
    put_mail(world, meta, ids, "show_cancelled", registration.id.value);
    return registration;
  }
  if (registration.status != RegistrationStatus::confirmed) return registration;
  const auto numbers = uncovered_tickets(world, registration, *transaction);
  const std::int64_t left = left_minor(*transaction);
  bool any = left > 0 && transaction->open_disputes == 0;  // a disputed payment is decided by the buyer's bank
  for (const std::int64_t number : numbers) {
    any |= world.get<Ticket>(ticket_id(registration.id, *registration.confirmed_at, number)).status !=
           TicketStatus::revoked;
  }
  if (!any) return registration;
  revoke_tickets(world, meta, ids, registration, numbers);
  if (transaction->open_disputes == 0 && (left > 0 || transaction->amount_minor == 0)) {
    (void)make_refund(world, meta, ids, registration, *transaction, RefundReason::show_cancelled, left, numbers);
    world.put(*transaction);
  }
  put_mail(world, meta, ids, "show_cancelled", registration.id.value);
  return registration;
}

void needs(const RecordCancellation& command, Needs& needs) {
  needs.change<Cancellation>(cancellation_id(command.show_id));
}

Result<Cancellation> decide(const RecordCancellation& command, World& world) {
  const Cancellation* found = world.find<Cancellation>(cancellation_id(command.show_id));
  if (found == nullptr) return refuse(Refusal::unknown_show, "showId", "The show is not being cancelled.");
  Cancellation cancellation = *found;
  cancellation.total = command.total;
  cancellation.done = command.done;
  cancellation.after_order = command.after_order;
  cancellation.after_id = command.after_id;
  if (command.finished && !cancellation.finished_at) cancellation.finished_at = command.meta.now;
  world.put(cancellation);
  return cancellation;
}

}  // namespace admit::domain

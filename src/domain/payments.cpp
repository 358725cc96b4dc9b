#include "domain/payments.hpp"

#include "domain/access.hpp"
#include "domain/accounts.hpp"
#include "domain/alerts.hpp"
#include "domain/ledger.hpp"
#include "domain/sale.hpp"

namespace admit::domain {
namespace {

std::int64_t tax_of(const Registration& registration) {
  std::int64_t sum = 0;
  for (const auto& line : registration.lines) sum += line.tax_minor;
  return sum;
}

bool may_be_charged(TransactionStatus status) {
  return status == TransactionStatus::processing || status == TransactionStatus::requires_capture ||
         status == TransactionStatus::succeeded;
}

}  // namespace

JobId create_intent_job(TransactionId transaction) {
  return derived_id<JobId>("create_intent", transaction.value.raw());
}

void needs(const BeginPayment& command, Needs& needs) {
  const auto* registration = needs.change<Registration>(command.registration_id);
  if (registration == nullptr) return;
  needs.read<Business>(registration->business_id);
  needs.read<Show>(registration->show_id);
  if (registration->transaction_id) needs.change<Transaction>(registration->transaction_id);
}

Result<Transaction> decide(const BeginPayment& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr)
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  if (found->user_id != command.meta.user && !command.meta.is_operator) {
    return refuse(Refusal::forbidden, "registrationId", "The registration belongs to another account.");
  }
  if (found->status == RegistrationStatus::confirmed) {
    return refuse(Refusal::already_paid, "registrationId", "The registration is paid already.");
  }
  if (found->status != RegistrationStatus::held) {
    return refuse(Refusal::registration_not_held, "registrationId",
                  "The registration is " + std::string(word(found->status)) + "; reserve again.");
  }
  if (command.meta.now >= found->expires_at) {
    return refuse(Refusal::registration_expired, "registrationId", "The time to pay is over; reserve again.");
  }
  if (command.amount_minor && *command.amount_minor != found->amount_minor) {
    return refuse(Refusal::amount_differs, "amount",
                  "The registration costs " + std::to_string(found->amount_minor) + " minor units.");
  }
  if (found->transaction_id) {
    const Transaction& open = world.get<Transaction>(found->transaction_id);
    if (open.status == TransactionStatus::succeeded) {
      return refuse(Refusal::payment_in_progress, "registrationId",
                    "Another amount was paid than was asked for; the ticket office is looking at it.");
    }
    if (open.status != TransactionStatus::cancelled) return open;
  }
  const Show& show = world.get<Show>(found->show_id);
  if (show.status == ShowStatus::cancelled) {
    return refuse(Refusal::show_cancelled, "registrationId", "The show is cancelled.");
  }
  if (!command.payments_ready) {
    return refuse(Refusal::payments_unavailable, "registrationId", "No payment provider is configured.");
  }
  const Business& business = world.get<Business>(found->business_id);
  if (auto missing = sales_gate(business)) return refuse(Refusal::payments_unavailable, "registrationId", *missing);
  Registration registration = *found;
  FreshIds ids(command.meta);
  Transaction transaction{.id = ids.next<TransactionId>(),
                          .registration_id = registration.id,
                          .show_id = registration.show_id,
                          .payee_id = registration.business_id,
                          .payer_id = registration.user_id,
                          .attempt = ++registration.attempts,
                          .amount_minor = registration.amount_minor,
                          .currency = registration.currency,
                          .application_fee_minor = application_fee_minor(business, registration.amount_minor, registration.currency),
                          .tax_minor = tax_of(registration),
                          .charge_model = business.charge_model,
                          .on_behalf_of = business.on_behalf_of,
                          .manual_capture = show.manual_capture,
                          .livemode = command.livemode,
                          .stripe_account = business.stripe_account,
                          .created_at = command.meta.now};
  registration.transaction_id = transaction.id;
  world.put(registration);
  world.put(transaction);
  if (command.lease) {
    world.put(Job{.id = create_intent_job(transaction.id),
                  .kind = JobKind::create_intent,
                  .subject = transaction.id.value,
                  .due_at = command.lease_until,
                  .attempts = 1,
                  .lease = command.lease,
                  .created_at = command.meta.now});
  }
  audit(world, command.meta, ids, "payment.begun", transaction.id.value, registration.show_id);
  return transaction;
}

void needs(const RecordIntent& command, Needs& needs) {
  needs.change<Transaction>(command.transaction_id);
  needs.change<Claim>(intent_claim(command.intent_id));
  needs.change<Job>(create_intent_job(command.transaction_id));
}

Result<Transaction> decide(const RecordIntent& command, World& world) {
  const Transaction* found = world.find<Transaction>(command.transaction_id);
  if (found == nullptr) return refuse(Refusal::unknown_transaction, "", "There is no such payment.");
  Transaction transaction = *found;
  if (transaction.intent_id != command.intent_id) {
    if (!tie_intent(world, transaction, command.intent_id)) {
      return refuse(Refusal::conflict, "", "The payment is tied to another intent of the provider.");
    }
    if (transaction.status == TransactionStatus::cancelled) {
      // It was given up while the provider was being asked: nobody may pay what holds no places.
      FreshIds ids(command.meta);
      put_job(world, command.meta, ids, JobKind::cancel_intent, transaction.id.value);
    }
    world.put(transaction);
  }
  const Job* found_job = world.find<Job>(create_intent_job(command.transaction_id));
  if (found_job != nullptr && found_job->status != JobStatus::done) {
    Job job = *found_job;
    job.status = JobStatus::done;
    job.due_at.reset();
    job.last_error.clear();
    world.put(std::move(job));
  }
  return transaction;
}

void needs(const AskIntentAnew& command, Needs& needs) {
  needs.change<Transaction>(command.transaction_id);
}

Result<Transaction> decide(const AskIntentAnew& command, World& world) {
  const Transaction* found = world.find<Transaction>(command.transaction_id);
  if (found == nullptr) return refuse(Refusal::unknown_transaction, "", "There is no such payment.");
  Transaction transaction = *found;
  if (command.round <= transaction.round) return transaction;
  transaction.round = command.round;
  world.put(transaction);
  return transaction;
}

void needs(const CancelPayment& command, Needs& needs) {
  need_payment(needs, command.transaction_id);
}

Result<Transaction> decide(const CancelPayment& command, World& world) {
  const Transaction* found = world.find<Transaction>(command.transaction_id);
  if (found == nullptr) return refuse(Refusal::unknown_transaction, "", "There is no such payment.");
  if (found->status == TransactionStatus::succeeded)
    return refuse(Refusal::already_paid, "", "The payment has succeeded.");
  if (found->status == TransactionStatus::cancelled) return *found;
  Transaction transaction = *found;
  Registration registration = world.get<Registration>(transaction.registration_id);
  FreshIds ids(command.meta);
  end_payment(world, command.meta, ids, registration, transaction);
  return transaction;
}

void needs(const PayCash& command, Needs& needs) {
  if (const auto* registration = need_order(needs, command.registration_id)) {
    need_access(needs, command.meta, registration->business_id);
  }
}

Result<Registration> decide(const PayCash& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr)
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  if (!may(world, command.meta, found->business_id, Capability::sell)) {
    return refuse(Refusal::forbidden, "registrationId", "Only the box office of its business may take cash.");
  }
  if (found->status == RegistrationStatus::confirmed) {
    return refuse(Refusal::already_paid, "registrationId", "The registration is paid already.");
  }
  if (found->status != RegistrationStatus::held) {
    return refuse(Refusal::registration_not_held, "registrationId",
                  "The registration is " + std::string(word(found->status)) + "; reserve again.");
  }
  if (found->transaction_id && may_be_charged(world.get<Transaction>(found->transaction_id).status)) {
    return refuse(Refusal::payment_in_progress, "registrationId",
                  "A payment by card is under way; wait for it, or cancel the registration.");
  }
  Registration registration = *found;
  FreshIds ids(command.meta);
  Transaction transaction{.id = ids.next<TransactionId>(),
                          .registration_id = registration.id,
                          .show_id = registration.show_id,
                          .payee_id = registration.business_id,
                          .payer_id = registration.user_id,
                          .provider = Provider::cash,
                          .status = TransactionStatus::succeeded,
                          .attempt = ++registration.attempts,
                          .amount_minor = registration.amount_minor,
                          .received_minor = registration.amount_minor,
                          .currency = registration.currency,
                          .received_currency = registration.currency,
                          .tax_minor = tax_of(registration),
                          .sold_by = command.meta.actor,
                          .created_at = command.meta.now,
                          .processed_at = command.meta.now};
  end_hold(world, registration);
  book_payment(world, command.meta.now, transaction);
  confirm(world, command.meta, ids, registration, transaction, command.epoch);
  audit(world, command.meta, ids, "payment.cash", transaction.id.value, registration.show_id);
  world.put(std::move(transaction));
  world.put(registration);
  return registration;
}

void needs(const PrintTickets& command, Needs& needs) {
  if (const auto* registration = needs.read<Registration>(command.registration_id)) {
    need_access(needs, command.meta, registration->business_id);
    if (registration->transaction_id) needs.change<Transaction>(registration->transaction_id);
  }
}

Result<Registration> decide(const PrintTickets& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr) {
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  }
  const Transaction* paid = found->transaction_id ? world.find<Transaction>(found->transaction_id) : nullptr;
  const bool is_seller = paid != nullptr && !paid->sold_by.empty() && paid->sold_by == command.meta.actor;
  if (!is_seller || !may(world, command.meta, found->business_id, Capability::sell)) {
    return refuse(Refusal::forbidden, "registrationId", "Only who took the cash for tickets may print them.");
  }
  if (found->status != RegistrationStatus::confirmed) {
    return refuse(Refusal::not_paid, "registrationId", "The registration was cancelled.");
  }
  if (paid->printed_at) {
    return refuse(Refusal::ticket_not_valid, "registrationId", "These tickets were printed already; mail them instead.");
  }
  Transaction transaction = *paid;
  transaction.printed_at = command.meta.now;
  world.put(transaction);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "tickets.printed", found->id.value, found->show_id);
  return *found;
}

void needs(const AcceptPayment& command, Needs& needs) {
  if (need_payment(needs, command.transaction_id) != nullptr) {
    need_alert(needs, AlertKind::amount_differs, command.transaction_id.value);
  }
}

Result<Registration> decide(const AcceptPayment& command, World& world) {
  const Transaction* found = world.find<Transaction>(command.transaction_id);
  if (found == nullptr) return refuse(Refusal::unknown_transaction, "transactionId", "There is no such payment.");
  if (!command.meta.is_operator) return refuse(Refusal::forbidden, "", "Only an operator may accept another amount.");
  if (!found->review_until) {
    return refuse(Refusal::not_in_review, "transactionId", "The payment waits for nobody's decision.");
  }
  Transaction transaction = *found;
  Registration registration = world.get<Registration>(transaction.registration_id);
  if (world.get<Show>(registration.show_id).status == ShowStatus::cancelled) {
    return refuse(Refusal::show_cancelled, "", "The show is cancelled.");
  }
  if (registration.status == RegistrationStatus::held) {
    end_hold(world, registration);
  } else if (registration.status != RegistrationStatus::expiring && !take_places(world, registration)) {
    return refuse(Refusal::sold_out, "", "The places were given up meanwhile, and there are not enough left.");
  }
  FreshIds ids(command.meta);
  transaction.review_until.reset();
  transaction.flag = "amount_accepted";
  confirm(world, command.meta, ids, registration, transaction, command.epoch);
  settle_alert(world, command.meta, AlertKind::amount_differs, transaction.id.value);
  audit(world, command.meta, ids, "payment.accepted", transaction.id.value, registration.show_id);
  world.put(std::move(transaction));
  world.put(registration);
  return registration;
}

}  // namespace admit::domain

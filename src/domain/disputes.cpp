#include "domain/disputes.hpp"

#include <algorithm>
#include <span>

#include "domain/alerts.hpp"
#include "domain/ledger.hpp"
#include "domain/sale.hpp"
#include "domain/telling.hpp"

namespace admit::domain {
namespace {

constexpr std::size_t max_movements = 4;

bool is_inquiry(std::string_view status) {
  return status.starts_with("warning_");
}

/// What a status of the provider means; one that we do not know is open. Only `lost` is lost.
DisputeOutcome outcome_of(std::string_view status) {
  if (status == "won") return DisputeOutcome::won;
  if (status == "lost") return DisputeOutcome::lost;
  if (status == "warning_closed" || status == "prevented" || status == "charge_refunded") return DisputeOutcome::closed;
  return DisputeOutcome::open_;
}

/// Events come in any order: a status gives way only to a later one.
int rank(std::string_view status) {
  if (outcome_of(status) != DisputeOutcome::open_) return 4;
  if (status == "warning_needs_response") return 0;
  if (is_inquiry(status)) return 1;
  return status == "needs_response" ? 2 : 3;
}

bool takes_money(const Dispute& dispute) {
  return !dispute.is_inquiry && dispute.outcome == DisputeOutcome::open_;
}

std::span<const DisputeNews::Movement> counted(const DisputeNews& news) {
  return {news.movements.data(), std::min(news.movements.size(), max_movements)};
}

LedgerKind kind_of(const DisputeNews::Movement& movement) {
  return movement.amount_minor < 0 ? LedgerKind::dispute : LedgerKind::dispute_reversal;
}

void book_movements(World& world, Instant at, const Transaction& transaction, Dispute& dispute,
                    const DisputeNews& news) {
  const auto once = [&](LedgerKind kind, LedgerAccount credit, LedgerAccount debit, std::int64_t minor,
                        std::string_view currency, std::string_view source) {
    if (minor < 0) {
      std::swap(credit, debit);
      minor = -minor;
    }
    const LedgerId id = ledger_id(transaction.id, kind, source);
    if (world.find<LedgerEntry>(id) != nullptr) return;
    book(world, at, transaction, kind, credit, debit, minor, currency.empty() ? news.currency : currency,
         dispute.id.value, id);
  };
  std::int64_t fees = 0;
  std::int64_t taken = 0;
  for (const auto& movement : counted(news)) {
    once(kind_of(movement), LedgerAccount::disputed, holder(transaction), movement.amount_minor, movement.currency,
         movement.provider_id);
    once(LedgerKind::dispute_fee, holder(transaction), LedgerAccount::provider_fee, movement.fee_minor,
         movement.currency, movement.provider_id);
    fees += movement.fee_minor;
    taken -= movement.amount_minor;
  }
  if (!news.movements.empty()) dispute.fee_minor = fees;
  if (dispute.outcome == DisputeOutcome::lost && taken > 0) {
    once(LedgerKind::dispute_settled, LedgerAccount::disputed, LedgerAccount::buyer, taken,
         news.movements.front().currency, news.provider_id);
  }
}

/// Freezes what has not been used, or lets it be valid again.
void set_tickets(World& world, const Registration& registration, TicketStatus from, TicketStatus to) {
  for (std::int64_t number = 1; number <= registration.ticket_count; ++number) {
    Ticket ticket = world.get<Ticket>(ticket_id(registration.id, *registration.confirmed_at, number));
    if (ticket.status != from) continue;
    ticket.status = to;
    world.put(std::move(ticket));
  }
}

/// The money is the buyer's: nothing of it can be refunded any more, and unused tickets end.
void lose(World& world, const Meta& meta, FreshIds& ids, const Registration& registration, Transaction& transaction,
          const Dispute& dispute, bool issued) {
  Refund refund{.id = refund_id(transaction.id, transaction.refund_count + 1),
                .transaction_id = transaction.id,
                .registration_id = registration.id,
                .show_id = registration.show_id,
                .business_id = registration.business_id,
                .number = transaction.refund_count + 1,
                .amount_minor = std::min(dispute.amount_minor,
                                         (transaction.booked ? transaction.received_minor : transaction.amount_minor) -
                                             transaction.refund_minor),
                .currency = dispute.currency,
                .reason = RefundReason::dispute,
                .status = RefundStatus::succeeded,
                .created_by = meta.actor,
                .created_at = meta.now,
                .processed_at = meta.now};
  if (issued) {
    for (const std::int64_t number : uncovered_tickets(world, registration, transaction)) {
      const Ticket& ticket = world.get<Ticket>(ticket_id(registration.id, *registration.confirmed_at, number));
      if (ticket.status != TicketStatus::used) refund.ticket_numbers.push_back(number);
    }
    revoke_tickets(world, meta, ids, registration, refund.ticket_numbers);
    free_places(world, registration, transaction, refund);
  }
  if (refund.amount_minor > 0 || refund.places_freed) {
    ++transaction.refund_count;
    transaction.refund_minor += std::max<std::int64_t>(0, refund.amount_minor);
    transaction.refunded_minor += std::max<std::int64_t>(0, refund.amount_minor);
    refund.amount_minor = std::max<std::int64_t>(0, refund.amount_minor);
    world.put(std::move(refund));
  }
  if (transaction.charge_model == ChargeModel::destination) {
    put_job(world, meta, ids, JobKind::reverse_transfer, dispute.id.value);
  }
}

}  // namespace

void need(Needs& needs, const DisputeNews& news) {
  needs.change<Dispute>(dispute_id(news.provider_id));
  const auto* transaction = need_payment_of(needs, news.intent_id);
  if (transaction == nullptr) return;
  need_refunds(needs, *transaction);
  if (const auto* registration = needs.change<Registration>(transaction->registration_id)) {
    need_tickets(needs, *registration);
  }
  for (const auto& movement : counted(news)) {
    needs.change<LedgerEntry>(ledger_id(transaction->id, kind_of(movement), movement.provider_id));
    needs.change<LedgerEntry>(ledger_id(transaction->id, LedgerKind::dispute_fee, movement.provider_id));
  }
  needs.change<LedgerEntry>(ledger_id(transaction->id, LedgerKind::dispute_settled, news.provider_id));
  need_alert(needs, AlertKind::dispute, dispute_id(news.provider_id).value);
}

Applied apply(const Telling& telling, const DisputeNews& news, World& world, FreshIds& ids) {
  if (news.provider_id.empty()) return {InboxStatus::flagged, "no_dispute_id"};
  const Transaction* payment = payment_of(world, news.intent_id);
  if (payment == nullptr) return {InboxStatus::waiting, "unknown_intent"};
  if (!is_told_by_its_account(telling, *payment)) return {InboxStatus::flagged, "dispute_of_another_account"};
  const Meta& meta = telling.meta;
  Transaction transaction = *payment;
  const Registration registration = world.get<Registration>(transaction.registration_id);
  const Dispute* found = world.find<Dispute>(dispute_id(news.provider_id));
  if (found != nullptr && found->transaction_id != transaction.id) {
    return {InboxStatus::flagged, "dispute_of_another_payment"};
  }
  Dispute dispute = found != nullptr ? *found
                                     : Dispute{.id = dispute_id(news.provider_id),
                                               .provider_id = news.provider_id,
                                               .transaction_id = transaction.id,
                                               .registration_id = registration.id,
                                               .show_id = registration.show_id,
                                               .business_id = registration.business_id,
                                               .opened_at = meta.now};
  const bool issued =
      registration.status == RegistrationStatus::confirmed && registration.transaction_id == transaction.id;
  const bool took_money = found != nullptr && takes_money(dispute);
  if (dispute.outcome == DisputeOutcome::open_ && (found == nullptr || rank(news.status) >= rank(dispute.status))) {
    dispute.status = first_bytes(news.status, 100);
    dispute.reason = first_bytes(news.reason, 100);
    dispute.amount_minor = news.amount_minor;
    dispute.currency = news.currency;
    dispute.evidence_due_at = news.evidence_due_at;
    dispute.is_inquiry = is_inquiry(news.status);
    dispute.outcome = outcome_of(news.status);
    if (dispute.outcome != DisputeOutcome::open_) dispute.closed_at = meta.now;
    if (found == nullptr || (!took_money && takes_money(dispute))) {
      raise_alert(world, meta, AlertKind::dispute, dispute.id.value, dispute.business_id, dispute.show_id,
                  dispute.status + ": " + dispute.reason);
      audit(world, meta, ids, "dispute.opened", dispute.id.value, dispute.show_id);
    }
    if (found == nullptr && dispute.outcome == DisputeOutcome::open_) {
      put_job(world, meta, ids, JobKind::collect_evidence, dispute.id.value);
      put_mail(world, meta, ids, "dispute_opened", dispute.id.value);
    }
    transaction.open_disputes += (takes_money(dispute) ? 1 : 0) - (took_money ? 1 : 0);
    if (dispute.outcome == DisputeOutcome::lost) {
      lose(world, meta, ids, registration, transaction, dispute, issued);
    } else if (issued && takes_money(dispute)) {
      set_tickets(world, registration, TicketStatus::valid, TicketStatus::frozen);
    } else if (issued && transaction.open_disputes == 0) {
      set_tickets(world, registration, TicketStatus::frozen, TicketStatus::valid);
      // What a cancelled show owes was left to the bank.
      const std::int64_t left = left_minor(transaction);
      if (left > 0 && world.get<Show>(registration.show_id).status == ShowStatus::cancelled) {
        const auto numbers = uncovered_tickets(world, registration, transaction);
        revoke_tickets(world, meta, ids, registration, numbers);
        (void)make_refund(world, meta, ids, registration, transaction, RefundReason::show_cancelled, left, numbers);
      }
    }
    if (dispute.outcome != DisputeOutcome::open_) {
      audit(world, meta, ids, "dispute." + std::string(word(dispute.outcome)), dispute.id.value, dispute.show_id);
      if (dispute.outcome != DisputeOutcome::lost) settle_alert(world, meta, AlertKind::dispute, dispute.id.value);
    }
  }
  book_movements(world, meta.now, transaction, dispute, news);
  const std::string detail = "dispute_" + std::string(word(dispute.outcome));
  world.put(std::move(dispute));
  world.put(std::move(transaction));
  return {InboxStatus::applied, detail};
}

void needs(const RecordDisputeReversal& command, Needs& needs) {
  const auto* dispute = needs.change<Dispute>(command.dispute_id);
  if (dispute == nullptr) return;
  needs.read<Transaction>(dispute->transaction_id);
  need_alert(needs, AlertKind::receivable, command.dispute_id.value);
}

Result<Dispute> decide(const RecordDisputeReversal& command, World& world) {
  const Dispute* found = world.find<Dispute>(command.dispute_id);
  if (found == nullptr) return refuse(Refusal::unknown_dispute, "", "There is no such dispute.");
  if (found->outcome != DisputeOutcome::lost) return refuse(Refusal::conflict, "", "The dispute is not lost.");
  if (found->reversed_minor > 0) return *found;
  Dispute dispute = *found;
  const Transaction& transaction = world.get<Transaction>(dispute.transaction_id);
  if (command.amount_minor > 0) {
    dispute.reversed_minor = command.amount_minor;
    book(world, command.meta.now, transaction, LedgerKind::transfer_reversal, LedgerAccount::business,
         LedgerAccount::platform, command.amount_minor, transaction.received_currency, dispute.id.value,
         ledger_id(transaction.id, LedgerKind::transfer_reversal, dispute.provider_id));
    FreshIds ids(command.meta);
    audit(world, command.meta, ids, "dispute.reversed", dispute.id.value, dispute.show_id);
    world.put(dispute);
  } else {
    raise_alert(world, command.meta, AlertKind::receivable, dispute.id.value, dispute.business_id, dispute.show_id,
                "The business owes " + std::to_string(dispute.amount_minor) + " minor units " + dispute.currency + ".");
  }
  return dispute;
}

void needs(const RecordEvidence& command, Needs& needs) {
  needs.change<Dispute>(command.dispute_id);
}

Result<Dispute> decide(const RecordEvidence& command, World& world) {
  const Dispute* found = world.find<Dispute>(command.dispute_id);
  if (found == nullptr) return refuse(Refusal::unknown_dispute, "", "There is no such dispute.");
  if (found->evidence_sent) return *found;
  Dispute dispute = *found;
  dispute.evidence_sent = true;
  world.put(dispute);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "dispute.evidence_sent", dispute.id.value, dispute.show_id);
  return dispute;
}

}  // namespace admit::domain

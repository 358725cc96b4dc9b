#include "domain/refunds.hpp"

#include <algorithm>

#include "domain/access.hpp"
#include "domain/alerts.hpp"
#include "domain/ledger.hpp"
#include "domain/money.hpp"
#include "domain/sale.hpp"
#include "domain/shows.hpp"
#include "domain/telling.hpp"

namespace admit::domain {
namespace {

/// How far a refund has come; it never goes back.
int rank(RefundStatus status) {
  switch (status) {
    case RefundStatus::due:
      return 0;
    case RefundStatus::pending:
    case RefundStatus::requires_action:
      return 1;
    case RefundStatus::succeeded:
      return 2;
    case RefundStatus::failed:
    case RefundStatus::cancelled:
      return 3;
  }
  return 0;
}

bool is_failure(RefundStatus status) {
  return rank(status) == 3;
}

/// The provider did not take it.
bool was_refused(const Refund& refund) {
  return is_failure(refund.status) && refund.provider_id.empty();
}

void count(Transaction& transaction, const Refund& refund, int sign) {
  transaction.refund_minor += sign * refund.amount_minor;
  transaction.fee_back_minor += sign * refund.fee_back_minor;
  transaction.tax_back_minor += sign * refund.tax_back_minor;
}

void put_failure(World& world, const Meta& meta, FreshIds& ids, const Refund& refund) {
  raise_alert(world, meta, AlertKind::refund_failed, refund.id.value, refund.business_id, refund.show_id,
              refund.last_error);
  put_mail(world, meta, ids, "refund_failed", refund.id.value);
  audit(world, meta, ids, "refund.failed", refund.id.value, refund.show_id);
}

/// One more word of the provider about a refund that it took. `revived`: it was noted as refused, and was made after
/// all.
void advance(World& world, const Meta& meta, FreshIds& ids, const Registration& registration, Transaction& transaction,
             Refund& refund, bool revived, RefundStatus status, std::string_view error) {
  const RefundStatus before = revived ? RefundStatus::due : refund.status;
  if (rank(status) <= rank(before)) return;
  if (revived) count(transaction, refund, 1);
  if (before == RefundStatus::due) book_refund(world, meta.now, transaction, refund);
  refund.status = status;
  refund.last_error = first_bytes(error, 200);
  if (status == RefundStatus::succeeded) {
    refund.processed_at = meta.now;
    transaction.refunded_minor += refund.amount_minor;
    free_places(world, registration, transaction, refund);
    put_mail(world, meta, ids, "refund_done", refund.id.value);
    audit(world, meta, ids, "refund.succeeded", refund.id.value, refund.show_id);
  } else if (is_failure(status)) {
    // The business has given its part back and the buyer has nothing: the money lies with us until a person acts.
    if (before == RefundStatus::succeeded) transaction.refunded_minor -= refund.amount_minor;
    book_returned(world, meta.now, transaction, refund);
    put_failure(world, meta, ids, refund);
  }
}

/// The business kept its share: it owes it.
void forgo_reversal(World& world, const Meta& meta, Refund& refund) {
  if (!refund.reverse_transfer || refund.status != RefundStatus::due) return;
  refund.reverse_transfer = false;
  raise_alert(world, meta, AlertKind::receivable, refund.id.value, refund.business_id, refund.show_id,
              "The business owes " + std::to_string(refund.amount_minor) + " minor units " + refund.currency + ".");
}

[[nodiscard]] bool tie_refund(World& world, Refund& refund, const std::string& provider_id) {
  const ClaimId id = refund_claim(provider_id);
  if (const Claim* claim = world.find<Claim>(id)) return claim->target == refund.id.value;
  if (!refund.provider_id.empty()) return false;
  refund.provider_id = provider_id;
  world.put(Claim{.id = id, .kind = "refund", .target = refund.id.value});
  return true;
}

std::int64_t price_of(const Registration& registration, const std::vector<std::int64_t>& numbers, bool keep_fee) {
  std::int64_t sum = 0;
  for (const std::int64_t number : numbers) {
    const Line& line = line_of(registration, number);
    sum += line.price_minor + (keep_fee ? 0 : line.fee_minor / line.quantity);
  }
  return sum;
}

std::int64_t fees_of(const Registration& registration, const std::vector<std::int64_t>& numbers) {
  return price_of(registration, numbers, false) - price_of(registration, numbers, true);
}

Result<void> check_shape(const RequestRefund& command) {
  if (command.amount_minor && (*command.amount_minor < 1 || *command.amount_minor > max_amount_minor)) {
    return refuse(Refusal::invalid_field, "amount", "Give 1 to 99999999 minor units.");
  }
  if (command.ticket_numbers.size() > static_cast<std::size_t>(max_tickets_hard)) {
    return refuse(Refusal::invalid_field, "tickets", "A registration has at most 40 tickets.");
  }
  auto numbers = command.ticket_numbers;
  std::ranges::sort(numbers);
  if (std::ranges::adjacent_find(numbers) != numbers.end()) {
    return refuse(Refusal::invalid_field, "tickets", "Name each ticket once.");
  }
  return {};
}

/// Once all money is back, every ticket that cost something ends.
void add_paid(std::vector<std::int64_t>& numbers, const Registration& registration,
              const std::vector<std::int64_t>& uncovered) {
  for (const std::int64_t number : uncovered) {
    const Line& line = line_of(registration, number);
    if (line.price_minor + line.fee_minor > 0 && std::ranges::find(numbers, number) == numbers.end()) {
      numbers.push_back(number);
    }
  }
  std::ranges::sort(numbers);
}

/// The tickets to end: those named, or all that are left.
Result<std::vector<std::int64_t>> tickets_of(const RequestRefund& command, const World& world,
                                             const Registration& registration, const Transaction& transaction,
                                             bool by_staff) {
  const auto uncovered = uncovered_tickets(world, registration, transaction);
  std::vector<std::int64_t> numbers = command.ticket_numbers;
  if (numbers.empty() && !command.amount_minor) numbers = uncovered;
  for (const std::int64_t number : numbers) {
    if (number < 1 || number > registration.ticket_count) {
      return refuse(Refusal::invalid_field, "tickets",
                    "The registration has the tickets 1 to " + std::to_string(registration.ticket_count) + ".");
    }
    if (std::ranges::find(uncovered, number) == uncovered.end()) {
      return refuse(Refusal::ticket_not_valid, "tickets",
                    "Ticket " + std::to_string(number) + " was given back already.");
    }
    const Ticket& ticket = world.get<Ticket>(ticket_id(registration.id, *registration.confirmed_at, number));
    if (!by_staff && ticket.status != TicketStatus::valid) {
      return refuse(Refusal::ticket_not_valid, "tickets",
                    "Ticket " + std::to_string(number) + " is " + std::string(word(ticket.status)) + ".");
    }
  }
  std::ranges::sort(numbers);
  return numbers;
}

}  // namespace

void needs(const RequestRefund& command, Needs& needs) {
  const auto* registration = need_order(needs, command.registration_id);
  if (registration == nullptr) return;
  need_access(needs, command.meta, registration->business_id);
  need_tickets(needs, *registration);
  if (!registration->transaction_id) return;
  if (const auto* transaction = needs.change<Transaction>(registration->transaction_id)) {
    need_refunds(needs, *transaction);
  }
}

Result<Refund> decide(const RequestRefund& command, World& world) {
  if (auto ok = check_shape(command); !ok) return std::unexpected(ok.error());
  const Registration* registration = world.find<Registration>(command.registration_id);
  if (registration == nullptr) {
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  }
  const Meta& meta = command.meta;
  const bool by_staff = may(world, meta, registration->business_id, Capability::refund);
  if (!by_staff && registration->user_id != meta.user) {
    return refuse(Refusal::forbidden, "registrationId", "The registration belongs to another account.");
  }
  if (!by_staff && command.amount_minor) {
    return refuse(Refusal::forbidden, "amount", "Only the organiser may give back an amount; name tickets.");
  }
  if (registration->status != RegistrationStatus::confirmed) {
    return refuse(Refusal::not_paid, "registrationId", "The registration is not paid.");
  }
  Transaction transaction = world.get<Transaction>(registration->transaction_id);
  if (transaction.open_disputes > 0) {
    return refuse(Refusal::disputed, "registrationId", "The buyer's bank is deciding about this payment.");
  }
  const Show& show = world.get<Show>(registration->show_id);
  if (!by_staff && (show.customer_refund_until_s == 0 ||
                    meta.now >= show.doors_at - std::chrono::seconds{show.customer_refund_until_s})) {
    return refuse(Refusal::refund_closed, "registrationId",
                  show.customer_refund_until_s == 0 ? "Tickets of this show cannot be given back; ask the organiser."
                                                    : "The time to give tickets back is over; ask the organiser.");
  }
  if (transaction.refund_count >= max_refunds_asked) {
    return refuse(Refusal::refund_too_much, "registrationId", "This payment was refunded in too many parts already.");
  }
  auto numbers = tickets_of(command, world, *registration, transaction, by_staff);
  if (!numbers) return std::unexpected(numbers.error());
  const std::int64_t left = left_minor(transaction);
  const bool keep_fee = by_staff ? command.keep_fee.value_or(false) : show.refund_keeps_fee;
  std::int64_t amount = command.amount_minor.value_or(0);
  if (!command.amount_minor) {
    amount = command.ticket_numbers.empty() ? left - (keep_fee ? fees_of(*registration, *numbers) : 0)
                                            : price_of(*registration, *numbers, keep_fee);
    amount = std::clamp<std::int64_t>(amount, 0, left);
    amount -= amount % charge_step_minor(transaction.currency);
  }
  if (amount == 0) {  // only what ends no ticket is nothing
    std::erase_if(*numbers, [&](std::int64_t number) {
      const TicketId id = ticket_id(registration->id, *registration->confirmed_at, number);
      return world.get<Ticket>(id).status == TicketStatus::revoked;
    });
  }
  if (amount > left || (amount == 0 && numbers->empty())) {
    return refuse(Refusal::refund_too_much, "amount",
                  "There are " + std::to_string(left) + " minor units left to give back.");
  }
  if (transaction.provider == Provider::stripe && !is_chargeable(amount, transaction.currency)) {
    return refuse(Refusal::invalid_field, "amount",
                  "In this currency the last digits of an amount are zero: give a multiple of " +
                      std::to_string(charge_step_minor(transaction.currency)) + ".");
  }
  if (amount > 0 && amount == left) {
    add_paid(*numbers, *registration, uncovered_tickets(world, *registration, transaction));
  }
  FreshIds ids(meta);
  const Registration owner = *registration;
  const Refund refund = make_refund(
      world, meta, ids, owner, transaction,
      by_staff && owner.user_id != meta.user ? RefundReason::organiser : RefundReason::customer, amount, *numbers);
  revoke_tickets(world, meta, ids, owner, refund.ticket_numbers);
  // A card's refund is told of when the provider has made it.
  if (refund.status == RefundStatus::succeeded) put_mail(world, meta, ids, "given_back", refund.id.value);
  world.put(std::move(transaction));
  return refund;
}

void needs(const RecordRefund& command, Needs& needs) {
  const auto* refund = needs.change<Refund>(command.refund_id);
  if (refund == nullptr) return;
  need_payment(needs, refund->transaction_id);
  if (const auto* transaction = needs.change<Transaction>(refund->transaction_id)) need_refunds(needs, *transaction);
  if (!command.provider_id.empty()) needs.change<Claim>(refund_claim(command.provider_id));
  need_alert(needs, AlertKind::refund_failed, command.refund_id.value);
  if (command.without_reversal) need_alert(needs, AlertKind::receivable, command.refund_id.value);
}

Result<Refund> decide(const RecordRefund& command, World& world) {
  const Refund* found = world.find<Refund>(command.refund_id);
  if (found == nullptr) return refuse(Refusal::unknown_refund, "", "There is no such refund.");
  Refund refund = *found;
  Transaction transaction = world.get<Transaction>(refund.transaction_id);
  const Registration registration = world.get<Registration>(refund.registration_id);
  FreshIds ids(command.meta);
  if (command.provider_id.empty()) {
    if (refund.status != RefundStatus::due) return refund;
    refund.status = RefundStatus::failed;
    refund.last_error = first_bytes(command.error, 200);
    count(transaction, refund, -1);
    put_failure(world, command.meta, ids, refund);
  } else {
    const bool revived = was_refused(refund);
    if (!tie_refund(world, refund, command.provider_id)) {
      return refuse(Refusal::conflict, "", "The refund is tied to another of the provider.");
    }
    if (command.without_reversal) forgo_reversal(world, command.meta, refund);
    advance(world, command.meta, ids, registration, transaction, refund, revived, command.status, command.error);
  }
  world.put(transaction);
  world.put(refund);
  return refund;
}

void needs(const AskRefundAnew& command, Needs& needs) {
  needs.change<Refund>(command.refund_id);
}

Result<Refund> decide(const AskRefundAnew& command, World& world) {
  const Refund* found = world.find<Refund>(command.refund_id);
  if (found == nullptr) return refuse(Refusal::unknown_refund, "", "There is no such refund.");
  Refund refund = *found;
  if (command.round <= refund.round) return refund;
  refund.round = command.round;
  world.put(refund);
  return refund;
}

void need(Needs& needs, const RefundNews& news) {
  RefundId id = news.refund_id;
  if (const auto* claim = needs.change<Claim>(refund_claim(news.provider_id))) id = RefundId{claim->target};
  const auto* refund = id ? needs.change<Refund>(id) : nullptr;
  if (refund != nullptr) {
    need_payment(needs, refund->transaction_id);
    if (const auto* transaction = needs.change<Transaction>(refund->transaction_id)) need_refunds(needs, *transaction);
    need_alert(needs, AlertKind::refund_failed, id.value);
    need_alert(needs, AlertKind::receivable, id.value);
    return;
  }
  const auto* transaction = need_payment_of(needs, news.intent_id);
  if (transaction == nullptr) return;
  need_refunds(needs, *transaction);
  need_alert(needs, AlertKind::refund_failed, refund_id(transaction->id, transaction->refund_count + 1).value);
  if (const auto* registration = needs.change<Registration>(transaction->registration_id)) {
    need_tickets(needs, *registration);
  }
}

namespace {

/// Metadata can be written by others, and copied: what names a refund of ours must be that refund.
bool is_same(const RefundNews& news, const Transaction& transaction, const Refund* refund) {
  const bool is_ours = transaction.intent_id.empty() || news.intent_id == transaction.intent_id;
  if (!is_ours || news.amount_minor <= 0) return false;
  if (refund != nullptr) return news.amount_minor == refund->amount_minor && news.currency == refund->currency;
  const auto& currency = transaction.received_currency.empty() ? transaction.currency : transaction.received_currency;
  return news.currency == currency;
}

/// What went back of our share with a refund that is not ours: what the provider's refunds do not tell yet.
std::int64_t fee_back_of(const World& world, const RefundNews& news, const Transaction& transaction) {
  std::int64_t known = 0;
  for (std::int64_t number = 1; number <= transaction.refund_count; ++number) {
    const Refund& other = world.get<Refund>(refund_id(transaction.id, number));
    if (!other.provider_id.empty()) known += other.fee_back_minor;
  }
  const std::int64_t left = std::max<std::int64_t>(0, transaction.application_fee_minor - transaction.fee_back_minor);
  return std::clamp<std::int64_t>(news.fee_refunded_minor.value_or(0) - known, 0, left);
}

/// A refund that somebody made at the provider. Once all is given back, the tickets end.
Refund make_foreign(World& world, const Telling& telling, const RefundNews& news, FreshIds& ids,
                    const Registration& registration, Transaction& transaction) {
  Refund refund{
      .id = refund_id(transaction.id, transaction.refund_count + 1),
      .transaction_id = transaction.id,
      .registration_id = registration.id,
      .show_id = registration.show_id,
      .business_id = registration.business_id,
      .number = transaction.refund_count + 1,
      .amount_minor = news.amount_minor,
      .currency = news.currency,
      .reason = RefundReason::provider,
      .reverse_transfer = news.reversed.value_or(false) && transaction.charge_model == ChargeModel::destination,
      .fee_back_minor = fee_back_of(world, news, transaction),
      .created_by = telling.meta.actor,
      .created_at = telling.meta.now};
  const bool issued =
      registration.status == RegistrationStatus::confirmed && registration.transaction_id == transaction.id;
  if (issued && transaction.refund_minor + refund.amount_minor >= transaction.received_minor) {
    refund.ticket_numbers = uncovered_tickets(world, registration, transaction);
    revoke_tickets(world, telling.meta, ids, registration, refund.ticket_numbers);
  }
  ++transaction.refund_count;
  count(transaction, refund, 1);
  return refund;
}

}  // namespace

Applied apply(const Telling& telling, const RefundNews& news, World& world, FreshIds& ids) {
  if (news.provider_id.empty()) return {InboxStatus::flagged, "no_refund_id"};
  RefundId id = news.refund_id;
  if (const Claim* claim = world.find<Claim>(refund_claim(news.provider_id))) id = RefundId{claim->target};
  const Refund* found = id ? world.find<Refund>(id) : nullptr;
  const Transaction* payment =
      found != nullptr ? &world.get<Transaction>(found->transaction_id) : payment_of(world, news.intent_id);
  if (payment == nullptr) return {InboxStatus::waiting, "unknown_intent"};
  if (!is_told_by_its_account(telling, *payment)) return {InboxStatus::flagged, "refund_of_another_account"};
  Transaction transaction = *payment;
  const Registration registration = world.get<Registration>(transaction.registration_id);
  if (found == nullptr && transaction.refund_count >= max_refunds) return {InboxStatus::flagged, "too_many_refunds"};
  if (!is_same(news, transaction, found)) return {InboxStatus::flagged, "refund_differs"};
  if (found == nullptr && news.reversed.value_or(false) && !news.fee_refunded_minor &&
      transaction.application_fee_minor > 0 && !telling.fresh && !telling.last_try) {
    return {InboxStatus::waiting, "fee_unknown", {}, std::chrono::seconds{0}};  // the provider is asked for it
  }
  Refund refund = found != nullptr ? *found : make_foreign(world, telling, news, ids, registration, transaction);
  const bool revived = was_refused(refund);
  if (!tie_refund(world, refund, news.provider_id)) return {InboxStatus::flagged, "refund_of_another"};
  if (found != nullptr && news.reversed == false) forgo_reversal(world, telling.meta, refund);
  advance(world, telling.meta, ids, registration, transaction, refund, revived, news.status, news.failure_reason);
  const std::string detail = "refund_" + std::string(word(refund.status));
  world.put(std::move(refund));
  world.put(std::move(transaction));
  return {InboxStatus::applied, detail};
}

}  // namespace admit::domain

#pragma once
// What the decisions about registrations, payments, refunds and disputes share. For src/domain only.

#include <span>

#include "domain/command.hpp"

namespace admit::domain {

// Places.

/// The quotas that these lines draw from, to be changed, and their tiers.
void need_places(Needs& needs, const std::vector<Line>& lines);
/// How many places each quota gives for these lines.
[[nodiscard]] std::vector<std::pair<QuotaId, std::int64_t>> places(const std::vector<Line>& lines, const World& world);
/// All of them, or none and false.
[[nodiscard]] bool take_places(World& world, const Registration& registration);
void free_places(World& world, const Registration& registration);
/// Those of a refund's tickets. A place that another refund of the payment has given back, though it may have failed
/// since, is not given back again: its ticket is no longer this refund's.
void free_places(World& world, const Registration& registration, const Transaction& transaction, Refund& refund);
/// The line that a ticket is of; numbers run from 1.
[[nodiscard]] const Line& line_of(const Registration& registration, std::int64_t ticket_number);
/// Nobody is let in any more.
[[nodiscard]] bool is_over(const Show& show, Instant now);

// Holds.

[[nodiscard]] CounterId holds_of_user(ShowId show, UserId user);
[[nodiscard]] CounterId holds_of_address(ShowId show, std::string_view address);
[[nodiscard]] CounterId free_tickets_of_user(ShowId show, UserId user);
/// Of everybody who gave this address: guests are new each time.
[[nodiscard]] CounterId free_tickets_of_email(ShowId show, std::string_view normal_email);
/// The part of a client's address that one household has: of an IPv6 address the first 64 bits, else all of it.
[[nodiscard]] std::string client_network(std::string_view address);
void need_counters(Needs& needs, const Registration& registration);
/// Counts `n` more, up to `limit`.
[[nodiscard]] bool count(World& world, ShowId show, CounterId id, std::int64_t n, std::int64_t limit);
void count_back(World& world, CounterId id, std::int64_t n);
/// The hold is over, one way or the other: its counters go down and no clock runs for it any more.
void end_hold(World& world, Registration& registration);
/// Lets go of a hold: at once if nobody can pay for it, else by asking the provider first.
void let_go(World& world, const Meta& meta, FreshIds& ids, Registration& registration, RegistrationStatus end);

// Payments.

/// How long places are kept for a provider that does not say whether a payment can still be made.
inline constexpr std::chrono::minutes unknown_for{10};
/// How long they are kept for one that is being processed or captured, before the provider is asked again.
inline constexpr std::chrono::hours ask_again_after{1};
inline constexpr std::chrono::hours review_for{24};

/// A transaction and all that its fate touches: to be changed. nullptr while it is not loaded or where it is not there.
const Transaction* need_payment(Needs& needs, TransactionId id);
/// As need_payment, from the registration: with its current transaction.
const Registration* need_order(Needs& needs, RegistrationId id);
/// The tickets of a confirmed registration, to be changed.
void need_tickets(Needs& needs, const Registration& registration);
/// All refunds of a payment.
void need_refunds(Needs& needs, const Transaction& transaction);

/// Confirms and issues: the only place where tickets come from. Another payment that was open ends.
void confirm(World& world, const Meta& meta, FreshIds& ids, Registration& registration, Transaction& transaction,
             std::int64_t epoch);
/// Nobody can pay this any more: the registration may begin another payment, or, when its time is over, ends.
void end_payment(World& world, const Meta& meta, FreshIds& ids, Registration& registration, Transaction& transaction);
/// Another amount was paid and nobody accepted it: it goes back, and the places with it.
void end_review(World& world, const Meta& meta, FreshIds& ids, Registration& registration, Transaction& transaction,
                RegistrationStatus end);
/// Ties the provider's id to the transaction; false if either is tied to something else.
[[nodiscard]] bool tie_intent(World& world, Transaction& transaction, const std::string& intent_id);

// Refunds.

/// What is left to give back.
[[nodiscard]] std::int64_t left_minor(const Transaction& transaction);
/// The tickets that no refund covers, in order.
[[nodiscard]] std::vector<std::int64_t> uncovered_tickets(const World& world, const Registration& registration,
                                                          const Transaction& transaction);
/// Wants money to go back, or gives back what cost nothing. The caller puts the transaction.
Refund make_refund(World& world, const Meta& meta, FreshIds& ids, const Registration& registration,
                   Transaction& transaction, RefundReason reason, std::int64_t amount_minor,
                   std::vector<std::int64_t> ticket_numbers);
/// Ends tickets: the valid, the frozen and the used.
void revoke_tickets(World& world, const Meta& meta, FreshIds& ids, const Registration& registration,
                    std::span<const std::int64_t> ticket_numbers);

/// Tells people by mail; `kind` is the word of the mail.
void put_mail(World& world, const Meta& meta, FreshIds& ids, std::string_view kind, Uuid subject);

}  // namespace admit::domain

#pragma once
// Where money moved. Every movement takes from one account what it gives to another.

#include <span>

#include "domain/command.hpp"

namespace admit::domain {

/// `source`: the refund, or the provider's id of a dispute's movement; "" for the payment itself.
[[nodiscard]] LedgerId ledger_id(TransactionId transaction, LedgerKind kind, std::string_view source);

/// Writes a movement of `amount_minor` from `credit` to `debit`; nothing where it is not above 0.
void book(World& world, Instant at, const Transaction& transaction, LedgerKind kind, LedgerAccount credit,
          LedgerAccount debit, std::int64_t amount_minor, std::string_view currency, Uuid source, LedgerId id);

/// Who holds what a buyer paid: we, or the business where it is charged directly or in cash.
[[nodiscard]] LedgerAccount holder(const Transaction& transaction);

/// A payment that was received: charge, transfer, our fee, tax. Once.
void book_payment(World& world, Instant at, Transaction& transaction);
/// A refund that the provider took: the reverse, in part.
void book_refund(World& world, Instant at, const Transaction& transaction, const Refund& refund);
/// A refund that did not reach the buyer after all: the money lies with us.
void book_returned(World& world, Instant at, const Transaction& transaction, const Refund& refund);

/// The part of `total` that belongs to `part` of `whole`, half up; all of it for all.
[[nodiscard]] std::int64_t share_of(std::int64_t total, std::int64_t part, std::int64_t whole);

}  // namespace admit::domain

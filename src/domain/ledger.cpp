#include "domain/ledger.hpp"

#include <algorithm>

namespace admit::domain {

LedgerId ledger_id(TransactionId transaction, LedgerKind kind, std::string_view source) {
  return derived_id<LedgerId>("ledger", transaction.value.raw() + std::string(word(kind)) + "/" + std::string(source));
}

void book(World& world, Instant at, const Transaction& transaction, LedgerKind kind, LedgerAccount credit,
          LedgerAccount debit, std::int64_t amount_minor, std::string_view currency, Uuid source, LedgerId id) {
  if (amount_minor <= 0) return;
  world.put(LedgerEntry{.id = id,
                        .at = at,
                        .kind = kind,
                        .debit = debit,
                        .credit = credit,
                        .amount_minor = amount_minor,
                        .currency = std::string(currency),
                        .business_id = transaction.payee_id,
                        .transaction_id = transaction.id,
                        .source = source});
}

LedgerAccount holder(const Transaction& transaction) {
  const bool ours = transaction.provider == Provider::stripe && transaction.charge_model == ChargeModel::destination;
  return ours ? LedgerAccount::platform : LedgerAccount::business;
}

std::int64_t share_of(std::int64_t total, std::int64_t part, std::int64_t whole) {
  if (part >= whole) return total;
  return (2 * total * part + whole) / (2 * whole);
}

void book_payment(World& world, Instant at, Transaction& transaction) {
  if (transaction.booked) return;
  transaction.booked = true;
  const std::int64_t amount = transaction.received_minor;
  transaction.application_fee_minor = std::min(transaction.application_fee_minor, amount);
  if (amount != transaction.amount_minor) {
    transaction.tax_minor = std::min(amount, share_of(transaction.tax_minor, amount, transaction.amount_minor));
  }
  const auto move = [&](LedgerKind kind, LedgerAccount credit, LedgerAccount debit, std::int64_t minor) {
    book(world, at, transaction, kind, credit, debit, minor, transaction.received_currency, {},
         ledger_id(transaction.id, kind, ""));
  };
  move(LedgerKind::charge, LedgerAccount::buyer, holder(transaction), amount);
  if (holder(transaction) == LedgerAccount::platform) {
    move(LedgerKind::transfer, LedgerAccount::platform, LedgerAccount::business, amount);
  }
  move(LedgerKind::application_fee, LedgerAccount::business, LedgerAccount::platform_fee,
       transaction.application_fee_minor);
  move(LedgerKind::tax, LedgerAccount::business, LedgerAccount::tax, transaction.tax_minor);
}

void book_refund(World& world, Instant at, const Transaction& transaction, const Refund& refund) {
  const auto move = [&](LedgerKind kind, LedgerAccount credit, LedgerAccount debit, std::int64_t minor) {
    book(world, at, transaction, kind, credit, debit, minor, refund.currency, refund.id.value,
         ledger_id(transaction.id, kind, refund.id.text()));
  };
  move(LedgerKind::refund, holder(transaction), LedgerAccount::buyer, refund.amount_minor);
  if (refund.reverse_transfer) {
    move(LedgerKind::transfer_reversal, LedgerAccount::business, LedgerAccount::platform, refund.amount_minor);
  }
  move(LedgerKind::fee_refund, LedgerAccount::platform_fee, LedgerAccount::business, refund.fee_back_minor);
  move(LedgerKind::tax_reversal, LedgerAccount::tax, LedgerAccount::business, refund.tax_back_minor);
}

void book_returned(World& world, Instant at, const Transaction& transaction, const Refund& refund) {
  book(world, at, transaction, LedgerKind::refund_returned, LedgerAccount::buyer, holder(transaction),
       refund.amount_minor, refund.currency, refund.id.value,
       ledger_id(transaction.id, LedgerKind::refund_returned, refund.id.text()));
}

}  // namespace admit::domain

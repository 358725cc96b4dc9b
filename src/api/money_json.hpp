#pragma once
// Refunds, disputes, ledger entries and alerts as JSON.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/rows.hpp"
#include "http/shape.hpp"

namespace admit::api {

struct RefundJson {
  std::string refund_id, registration_id, transaction_id, show_id, currency, reason, status, created_at;
  std::int64_t amount = 0;
  std::vector<std::int64_t> tickets;
  std::optional<std::string> processed_at, error;
  static http::Shape shape();
};
[[nodiscard]] RefundJson to_json(const domain::Refund& refund);

struct DisputeJson {
  std::string dispute_id, provider_id, registration_id, transaction_id, show_id, currency, reason, status, outcome,
      opened_at;
  std::int64_t amount = 0, fee = 0;
  bool is_inquiry = false, evidence_sent = false;
  std::optional<std::string> evidence_due_at, closed_at;
  static http::Shape shape();
};
[[nodiscard]] DisputeJson to_json(const domain::Dispute& dispute);

struct LedgerEntryJson {
  std::string entry_id, at, kind, debit, credit, currency, transaction_id;
  std::int64_t amount = 0;
  std::optional<std::string> source_id;
  static http::Shape shape();
};
[[nodiscard]] LedgerEntryJson to_json(const domain::LedgerEntry& entry);

struct CancellationJson {
  std::string show_id, status, started_at;
  std::int64_t total = 0, done = 0;
  std::optional<std::string> finished_at;
  static http::Shape shape();
};
[[nodiscard]] CancellationJson to_json(const domain::Cancellation& cancellation);

struct AlertJson {
  std::string alert_id, kind, subject_id, detail, at;
  std::optional<std::string> business_id, show_id, resolved_at;
  static http::Shape shape();
};
[[nodiscard]] AlertJson to_json(const domain::Alert& alert);

}  // namespace admit::api

#include "api/money_json.hpp"

namespace admit::api {

using http::required;

namespace {

template <class Word>
http::Shape one_word() {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < domain::word_count<Word>(); ++i) words.emplace_back(domain::word(static_cast<Word>(i)));
  return http::one_of(std::move(words));
}

template <class AnyId>
std::optional<std::string> text_of(AnyId id) {
  return id ? std::optional(id.text()) : std::nullopt;
}

std::optional<std::string> text_of(std::optional<domain::Instant> at) {
  return at ? std::optional(domain::text(*at)) : std::nullopt;
}

}  // namespace

http::Shape RefundJson::shape() {
  return http::object<RefundJson>(
      "Refund",
      {required("refundId", &RefundJson::refund_id, http::uuid()),
       required("registrationId", &RefundJson::registration_id, http::uuid()),
       required("transactionId", &RefundJson::transaction_id, http::uuid()),
       required("showId", &RefundJson::show_id, http::uuid()),
       required("amount", &RefundJson::amount, http::integer(0, 99'999'999).doc("In minor units.")),
       required("currency", &RefundJson::currency, http::currency()),
       required("reason", &RefundJson::reason, one_word<domain::RefundReason>()),
       required("status", &RefundJson::status,
                one_word<domain::RefundStatus>().doc("`due`: the payment provider has not taken it yet.")),
       required("tickets", &RefundJson::tickets, http::items(0, 40).doc("Numbers of the tickets that ended with it.")),
       required("createdAt", &RefundJson::created_at, http::date_time()),
       required("processedAt", &RefundJson::processed_at, http::date_time().nullable()),
       required("error", &RefundJson::error, http::text(0, 500).nullable().doc("The provider's word for what failed."))});
}

RefundJson to_json(const domain::Refund& refund) {
  RefundJson out{.refund_id = refund.id.text(),
                 .registration_id = refund.registration_id.text(),
                 .transaction_id = refund.transaction_id.text(),
                 .show_id = refund.show_id.text(),
                 .currency = refund.currency,
                 .reason = std::string(domain::word(refund.reason)),
                 .status = std::string(domain::word(refund.status)),
                 .created_at = domain::text(refund.created_at),
                 .amount = refund.amount_minor,
                 .tickets = refund.ticket_numbers,
                 .processed_at = text_of(refund.processed_at)};
  if (!refund.last_error.empty()) out.error = refund.last_error;
  return out;
}

http::Shape DisputeJson::shape() {
  return http::object<DisputeJson>(
      "Dispute",
      {required("disputeId", &DisputeJson::dispute_id, http::uuid()),
       required("providerId", &DisputeJson::provider_id, http::text(1, 255)),
       required("registrationId", &DisputeJson::registration_id, http::uuid()),
       required("transactionId", &DisputeJson::transaction_id, http::uuid()),
       required("showId", &DisputeJson::show_id, http::uuid()),
       required("amount", &DisputeJson::amount, http::any().doc("In minor units.")),
       required("fee", &DisputeJson::fee, http::any().doc("What the provider charged for it, in minor units.")),
       required("currency", &DisputeJson::currency, http::currency()),
       required("reason", &DisputeJson::reason, http::any().doc("As the provider says.")),
       required("status", &DisputeJson::status, http::any().doc("As the provider says.")),
       required("isInquiry", &DisputeJson::is_inquiry, http::boolean().doc("The bank only asks; no money has moved.")),
       required("outcome", &DisputeJson::outcome, one_word<domain::DisputeOutcome>()),
       required("evidenceSent", &DisputeJson::evidence_sent,
                http::boolean().doc("Scans and times are at the provider, for a person to look at and submit.")),
       required("evidenceDueAt", &DisputeJson::evidence_due_at, http::date_time().nullable()),
       required("openedAt", &DisputeJson::opened_at, http::date_time()),
       required("closedAt", &DisputeJson::closed_at, http::date_time().nullable())});
}

DisputeJson to_json(const domain::Dispute& dispute) {
  return {.dispute_id = dispute.id.text(),
          .provider_id = dispute.provider_id,
          .registration_id = dispute.registration_id.text(),
          .transaction_id = dispute.transaction_id.text(),
          .show_id = dispute.show_id.text(),
          .currency = dispute.currency,
          .reason = dispute.reason,
          .status = dispute.status,
          .outcome = std::string(domain::word(dispute.outcome)),
          .opened_at = domain::text(dispute.opened_at),
          .amount = dispute.amount_minor,
          .fee = dispute.fee_minor,
          .is_inquiry = dispute.is_inquiry,
          .evidence_sent = dispute.evidence_sent,
          .evidence_due_at = text_of(dispute.evidence_due_at),
          .closed_at = text_of(dispute.closed_at)};
}

http::Shape LedgerEntryJson::shape() {
  return http::object<LedgerEntryJson>(
      "LedgerEntry",
      {required("entryId", &LedgerEntryJson::entry_id, http::uuid()), required("at", &LedgerEntryJson::at, http::date_time()),
       required("kind", &LedgerEntryJson::kind, one_word<domain::LedgerKind>()),
       required("debit", &LedgerEntryJson::debit, one_word<domain::LedgerAccount>().doc("The account that gets it.")),
       required("credit", &LedgerEntryJson::credit, one_word<domain::LedgerAccount>().doc("The account that gives it.")),
       required("amount", &LedgerEntryJson::amount, http::any().doc("In minor units, above 0.")),
       required("currency", &LedgerEntryJson::currency, http::currency()),
       required("transactionId", &LedgerEntryJson::transaction_id, http::uuid()),
       required("sourceId", &LedgerEntryJson::source_id,
                http::uuid().nullable().doc("The refund or dispute that moved it; null for the payment itself."))});
}

LedgerEntryJson to_json(const domain::LedgerEntry& entry) {
  return {.entry_id = entry.id.text(),
          .at = domain::text(entry.at),
          .kind = std::string(domain::word(entry.kind)),
          .debit = std::string(domain::word(entry.debit)),
          .credit = std::string(domain::word(entry.credit)),
          .currency = entry.currency,
          .transaction_id = entry.transaction_id.text(),
          .amount = entry.amount_minor,
          .source_id = entry.source == domain::Uuid{} ? std::nullopt : std::optional(entry.source.text())};
}

http::Shape CancellationJson::shape() {
  return http::object<CancellationJson>(
      "Cancellation",
      {required("showId", &CancellationJson::show_id, http::uuid()),
       required("status", &CancellationJson::status, http::one_of({"running", "finished"})),
       required("total", &CancellationJson::total, http::any().doc("Registrations of the show; 0 until they are counted.")),
       required("done", &CancellationJson::done, http::any().doc("Of these, ended; their refunds are under way.")),
       required("startedAt", &CancellationJson::started_at, http::date_time()),
       required("finishedAt", &CancellationJson::finished_at, http::date_time().nullable())});
}

CancellationJson to_json(const domain::Cancellation& cancellation) {
  return {.show_id = cancellation.show_id.text(),
          .status = cancellation.finished_at ? "finished" : "running",
          .started_at = domain::text(cancellation.started_at),
          .total = cancellation.total,
          .done = cancellation.done,
          .finished_at = text_of(cancellation.finished_at)};
}

http::Shape AlertJson::shape() {
  return http::object<AlertJson>(
      "Alert", {required("alertId", &AlertJson::alert_id, http::uuid()),
                required("kind", &AlertJson::kind, one_word<domain::AlertKind>()),
                required("subjectId", &AlertJson::subject_id,
                         http::uuid().doc("The job, registration, payment, refund, dispute or business it is about.")),
                required("businessId", &AlertJson::business_id, http::uuid().nullable()),
                required("showId", &AlertJson::show_id, http::uuid().nullable()),
                required("detail", &AlertJson::detail), required("at", &AlertJson::at, http::date_time()),
                required("resolvedAt", &AlertJson::resolved_at, http::date_time().nullable())});
}

AlertJson to_json(const domain::Alert& alert) {
  return {.alert_id = alert.id.text(),
          .kind = std::string(domain::word(alert.kind)),
          .subject_id = alert.subject.text(),
          .detail = alert.detail,
          .at = domain::text(alert.at),
          .business_id = text_of(alert.business_id),
          .show_id = text_of(alert.show_id),
          .resolved_at = text_of(alert.resolved_at)};
}

}  // namespace admit::api

#include "job/mails.hpp"

#include <algorithm>
#include <utility>

#include "document/words.hpp"
#include "mail/calendar.hpp"
#include "mail/letter.hpp"

namespace admit::job {

/// A mail in the making and the rows it speaks of.
struct Mails::Draft {
  domain::Registration registration;
  domain::Show show;
  domain::Business business;
  domain::User buyer;
  domain::User reader;
  std::string language;
  mail::OrderFacts facts;
  mail::Letter letter;
  mail::Message message;

  [[nodiscard]] std::string money(std::int64_t minor) const {
    return document::format_money(minor, registration.currency, language);
  }
};

namespace {

std::string joined(std::string_view a, std::string_view b) {
  std::string out(a);
  if (!a.empty() && !b.empty()) out += ", ";
  return out.append(b);
}

std::string when(domain::Instant at, const domain::Show& show, std::string_view language) {
  const auto local = document::local_time(at, show.zone, language);
  return local.date + ", " + local.time + " (" + local.zone + ")";
}

}  // namespace

Mails::Mails(store::Store& store, TicketDocuments& documents, mail::Mailer& mailer, MailOptions options)
    : x_store(store), x_documents(documents), x_mailer(mailer), x_options(std::move(options)) {}

bool Mails::about_registration(domain::RegistrationId id, Draft& draft) {
  const auto registration = store::get<domain::Registration>(x_store, id);
  if (!registration) return false;
  const auto show = store::get<domain::Show>(x_store, registration->show_id);
  const auto business = store::get<domain::Business>(x_store, registration->business_id);
  const auto buyer = store::get<domain::User>(x_store, registration->user_id);
  if (!show || !business || !buyer) return false;
  draft.registration = *registration;
  draft.show = *show;
  draft.business = *business;
  draft.buyer = *buyer;
  return true;
}

void Mails::to_buyer(Draft& draft) {
  draft.reader = draft.buyer;
  draft.language = draft.buyer.locale.empty() ? draft.show.language : draft.buyer.locale;
  // An account signs in; only who has no other way is sent the key of the order.
  draft.facts.link = draft.buyer.guest ? x_options.order_link(draft.registration.id)
                                       : x_options.public_url + "/orders/" + draft.registration.id.text();
}

void Mails::to_organiser(domain::BusinessId id, Draft& draft) {
  if (const auto business = store::get<domain::Business>(x_store, id)) {
    draft.business = *business;
    if (const auto owner = store::get<domain::User>(x_store, business->owner_id)) draft.reader = *owner;
  }
  draft.language = draft.reader.locale;
  draft.facts.link = x_options.public_url;
}

void Mails::attach_tickets(Draft& draft) {
  const auto& registration = draft.registration;
  for (std::int64_t number = 1; number <= registration.ticket_count; ++number) {
    const auto ticket =
        store::get<domain::Ticket>(x_store, domain::ticket_id(registration.id, *registration.confirmed_at, number));
    if (!ticket || ticket->status != domain::TicketStatus::valid) continue;
    draft.message.attachments.push_back({.file_name = "ticket-" + std::to_string(number) + ".pdf",
                                         .media_type = "application/pdf",
                                         .content = x_documents.render(*ticket)});
  }
  domain::Instant end = draft.show.starts_at;
  for (const auto& window : draft.show.windows) end = std::max(end, window.until);
  const mail::CalendarEvent event{.uid = "registration-" + registration.id.text() + "@admit",
                                  .written_at = *registration.confirmed_at,
                                  .starts_at = draft.show.starts_at,
                                  .ends_at = end,
                                  .title = draft.show.title,
                                  .place = joined(draft.show.venue, draft.show.address)};
  draft.message.attachments.push_back(
      {.file_name = "show.ics", .media_type = mail::calendar_media_type(event), .content = mail::calendar_file(event)});
}

bool Mails::write(const domain::Job& job, Draft& draft) {
  const auto fill = [&draft] {
    auto& facts = draft.facts;
    facts.show = draft.show.title;
    facts.starts = when(draft.show.starts_at, draft.show, draft.language);
    facts.venue = joined(draft.show.venue, draft.show.address);
    facts.organiser = draft.business.name;
    facts.buyer = draft.buyer.name;
    facts.number = draft.registration.id.text();
  };
  const auto& what = job.detail;

  if (what == "payout_failed") {
    to_organiser(domain::BusinessId{job.subject}, draft);
    const auto alert =
        store::get<domain::Alert>(x_store, domain::alert_id(domain::AlertKind::payout_failed, job.subject));
    draft.letter = mail::write_letter(mail::PayoutFailed{.business = draft.business.name,
                                                         .reason = alert ? alert->detail : std::string(),
                                                         .link = x_options.public_url},
                                      draft.language);
    return true;
  }
  if (what == "dispute_opened") {
    const auto dispute = store::get<domain::Dispute>(x_store, domain::DisputeId{job.subject});
    if (!dispute || !about_registration(dispute->registration_id, draft)) return false;
    to_organiser(dispute->business_id, draft);
    fill();
    draft.letter = mail::write_letter(
        mail::DisputeOpened{.order = draft.facts,
                            .amount = draft.money(dispute->amount_minor),
                            .reason = dispute->reason,
                            .answer_until = dispute->evidence_due_at
                                                ? when(*dispute->evidence_due_at, draft.show, draft.language)
                                                : std::string(),
                            .is_inquiry = dispute->is_inquiry},
        draft.language);
    return true;
  }
  if (what == "refund_done" || what == "refund_failed" || what == "late_refund") {
    const auto refund = store::get<domain::Refund>(x_store, domain::RefundId{job.subject});
    if (!refund || !about_registration(refund->registration_id, draft)) return false;
    if (what == "refund_failed") {
      to_organiser(refund->business_id, draft);
      fill();
      draft.letter = mail::write_letter(
          mail::RefundFailed{
              .order = draft.facts, .amount = draft.money(refund->amount_minor), .reason = refund->last_error},
          draft.language);
      return true;
    }
    to_buyer(draft);
    fill();
    const auto amount = draft.money(refund->amount_minor);
    draft.letter = what == "refund_done"
                       ? mail::write_letter(mail::RefundDone{.order = draft.facts, .amount = amount}, draft.language)
                       : mail::write_letter(mail::LateRefund{.order = draft.facts, .amount = amount}, draft.language);
    return true;
  }

  if (!about_registration(domain::RegistrationId{job.subject}, draft)) return false;
  to_buyer(draft);
  fill();
  const auto& registration = draft.registration;
  const bool is_confirmed = registration.confirmed_at.has_value();
  const std::string paid = is_confirmed && registration.amount_minor > 0 ? draft.money(registration.amount_minor) : "";
  if (what == "order_confirmed") {
    if (!is_confirmed) return false;
    mail::OrderConfirmed letter{.order = draft.facts};
    for (const auto& line : registration.lines) {
      const auto tier = store::get<domain::Tier>(x_store, line.tier_id);
      letter.lines.push_back(
          {std::to_string(line.quantity) + " × " + (tier ? tier->name : std::string()), draft.money(line.gross_minor)});
    }
    letter.total = draft.money(registration.amount_minor);
    draft.letter = mail::write_letter(letter, draft.language);
    attach_tickets(draft);
  } else if (what == "payment_failed") {
    const bool is_held = registration.status == domain::RegistrationStatus::held;
    const auto transaction = store::get<domain::Transaction>(x_store, registration.transaction_id);
    draft.letter = mail::write_letter(
        mail::PaymentFailed{
            .order = draft.facts,
            .reason = transaction ? transaction->last_error : std::string(),
            .places_until = is_held ? when(registration.expires_at, draft.show, draft.language) : std::string()},
        draft.language);
  } else if (what == "show_cancelled") {
    draft.letter = mail::write_letter(mail::ShowCancelled{.order = draft.facts, .amount = paid}, draft.language);
  } else if (what == "registration_cancelled") {
    draft.letter =
        mail::write_letter(mail::RegistrationCancelled{.order = draft.facts, .amount = paid}, draft.language);
  } else {
    return false;
  }
  return true;
}

Tried Mails::send(const domain::Job& job) {
  Draft draft;
  if (!write(job, draft)) return "there is nothing to write about";
  if (!mail::is_address(draft.reader.email)) return "the reader has no address that mail can go to";
  auto& message = draft.message;
  message.id = job.id.text();
  message.date = job.created_at;
  message.from = x_options.from;
  message.reply_to = x_options.reply_to;
  message.to = {draft.reader.name, draft.reader.email};
  message.subject = std::move(draft.letter.subject);
  message.language = std::move(draft.letter.language);
  message.text = std::move(draft.letter.text);
  message.html = std::move(draft.letter.html);
  const auto sent = x_mailer.send(message);
  if (sent) return "";
  Tried tried(std::string(domain::word(sent.error().fault)) + " " + std::to_string(sent.error().reply_code));
  tried.is_away = sent.error().fault == mail::Fault::settings;
  return tried;
}

}  // namespace admit::job

#include "job/mails.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "document/words.hpp"
#include "log/log.hpp"
#include "mail/account_letter.hpp"
#include "mail/calendar.hpp"
#include "mail/letter.hpp"
#include "mail/text.hpp"

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

  [[nodiscard]] std::string money(std::int64_t minor, const std::string& currency) const {
    return document::format_money(minor, currency, language);
  }
  /// As of the order.
  [[nodiscard]] std::string money(std::int64_t minor) const { return money(minor, registration.currency); }
  /// "" for what cost nothing.
  [[nodiscard]] std::string money_of(const domain::Refund& refund) const {
    return refund.amount_minor > 0 ? money(refund.amount_minor, refund.currency) : std::string();
  }
};

namespace {

constexpr std::chrono::hours an_hour{1};
constexpr std::chrono::seconds rest_while_away{15};
constexpr std::size_t max_name_characters = 80;
constexpr std::size_t max_ways = 20;

/// A server that says "later" may mean days: the tries after the first reach over 28 hours, and up to a quarter more.
std::chrono::seconds pause_after(const domain::Job& job) {
  static constexpr std::array<std::int64_t, 11> minutes{1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 720};
  const auto at = std::clamp<std::int64_t>(job.attempts - 1, 0, std::ssize(minutes) - 1);
  const std::int64_t seconds = minutes[static_cast<std::size_t>(at)] * 60;
  return std::chrono::seconds{seconds + static_cast<std::int64_t>(job.id.value.low % 1000) * seconds / 4000};
}

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

/// The link was used already, is too old to be of use, or void.
bool Mails::is_moot(const domain::Job& job) {
  if (!domain::parse_word<domain::ProofPurpose>(job.detail)) return false;
  const auto proof = store::get<domain::Proof>(x_store, domain::ProofId{job.subject});
  if (!proof || proof->used) return true;
  if (proof->purpose == domain::ProofPurpose::join_business) return false;  // its account is who invited
  const auto user = store::get<domain::User>(x_store, proof->user_id);
  return !user || user->generation != proof->generation;
}

/// What changed about signing in: to the account, whose id is the subject.
bool Mails::about_sign_in(const domain::Job& job, Draft& draft) {
  using enum mail::AccountNews;
  static constexpr std::array<std::pair<std::string_view, mail::AccountNews>, 6> news{
      {{"password_changed", password_changed},
       {"password_reset", password_reset},
       {"second_factor_on", second_factor_on},
       {"second_factor_off", second_factor_off},
       {"passkey_added", passkey_added},
       {"identity_linked", identity_linked}}};
  const auto* found = std::ranges::find(news, job.detail, &std::pair<std::string_view, mail::AccountNews>::first);
  if (found == news.end()) return false;
  const auto user = store::get<domain::User>(x_store, domain::UserId{job.subject});
  if (!user) return false;
  mail::AccountMail mail{.news = found->second, .name = user->name};
  if (found->second == password_reset) {
    for (const auto& row : store::list<domain::Passkey>(x_store, "by_user", user->id.value, max_ways).rows) {
      if (!row.removed_at) mail.ways.push_back(row.name);
    }
    for (const auto& row : store::list<domain::ExternalIdentity>(x_store, "by_user", user->id.value, max_ways).rows) {
      mail.ways.push_back(row.email.empty() ? row.issuer : row.email + " (" + row.issuer + ")");
    }
  }
  draft.reader = *user;
  draft.language = user->locale;
  draft.letter = mail::write_letter(mail, draft.language);
  return true;
}

bool Mails::about_account(const domain::Job& job, Draft& draft) {
  using enum domain::ProofPurpose;
  const bool is_changed = job.detail == "email_changed";
  const auto purpose = is_changed ? std::optional(change_email) : domain::parse_word<domain::ProofPurpose>(job.detail);
  if (!purpose) return false;
  const auto proof = store::get<domain::Proof>(x_store, domain::ProofId{job.subject});
  if (!proof || proof->purpose != *purpose) return false;
  mail::AccountMail mail;
  switch (*purpose) {
    case verify_email:
      mail.news = mail::AccountNews::verify_email;
      break;
    case reset_password:
      mail.news = mail::AccountNews::reset_password;
      break;
    case change_email:
      mail.news = is_changed ? mail::AccountNews::email_changed : mail::AccountNews::change_email;
      break;
    case join_business:
      mail.news = mail::AccountNews::join_business;
      break;
    default:
      return false;
  }
  if (const auto user = store::get<domain::User>(x_store, proof->user_id)) draft.reader = *user;
  if (*purpose == join_business) {
    draft.reader = {};  // the proof's account is who invited
    if (const auto business = store::get<domain::Business>(x_store, domain::BusinessId{proof->subject})) {
      mail.business = business->name;
    }
  }
  draft.language = draft.reader.locale;
  draft.reader.email = is_changed ? proof->detail : proof->email;
  mail.name = draft.reader.name;
  mail.email = proof->email;
  if (!is_changed) {
    mail.link = x_options.proof_link(*purpose, proof->id);
    if (x_options.log_links) log::warning("a link that nobody is mailed", {{"mail", job.detail}, {"link", mail.link}});
  }
  draft.letter = mail::write_letter(mail, draft.language);
  return true;
}

bool Mails::write(const domain::Job& job, Draft& draft) {
  if (about_sign_in(job, draft) || about_account(job, draft)) return true;
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
                            .amount = draft.money(dispute->amount_minor, dispute->currency),
                            .reason = dispute->reason,
                            .answer_until = dispute->evidence_due_at
                                                ? when(*dispute->evidence_due_at, draft.show, draft.language)
                                                : std::string(),
                            .is_inquiry = dispute->is_inquiry},
        draft.language);
    return true;
  }
  if (what == "refund_done" || what == "refund_failed" || what == "late_refund" || what == "given_back") {
    const auto refund = store::get<domain::Refund>(x_store, domain::RefundId{job.subject});
    if (!refund || !about_registration(refund->registration_id, draft)) return false;
    if (what == "refund_failed") {
      to_organiser(refund->business_id, draft);
      fill();
      draft.letter = mail::write_letter(
          mail::RefundFailed{.order = draft.facts, .amount = draft.money_of(*refund), .reason = refund->last_error},
          draft.language);
      return true;
    }
    to_buyer(draft);
    fill();
    if (what == "given_back") {
      write_given_back(draft, *refund);
    } else if (what == "late_refund") {
      write_money_letter(draft, *refund);
    } else {
      draft.letter =
          mail::write_letter(mail::RefundDone{.order = draft.facts, .amount = draft.money_of(*refund)}, draft.language);
    }
    return true;
  }

  if (!about_registration(domain::RegistrationId{job.subject}, draft)) return false;
  to_buyer(draft);
  fill();
  const auto& registration = draft.registration;
  const bool is_confirmed = registration.confirmed_at.has_value();
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
            .decline_code = transaction ? transaction->last_error : std::string(),
            .places_until = is_held ? when(registration.expires_at, draft.show, draft.language) : std::string()},
        draft.language);
  } else if (what == "show_cancelled") {
    mail::ShowCancelled letter{.order = draft.facts};
    if (const auto transaction = store::get<domain::Transaction>(x_store, registration.transaction_id)) {
      // What goes back because of it: not what went back before, and nothing where the buyer's bank decides.
      for (std::int64_t number = 1; number <= transaction->refund_count; ++number) {
        const auto refund = store::get<domain::Refund>(x_store, domain::refund_id(transaction->id, number));
        if (!refund || refund->reason != domain::RefundReason::show_cancelled) continue;
        letter.amount = draft.money_of(*refund);
        letter.is_cash = transaction->provider == domain::Provider::cash;
      }
    }
    draft.letter = mail::write_letter(letter, draft.language);
  } else {
    return false;
  }
  return true;
}

/// Money that came and could not be kept, by the reason why.
void Mails::write_money_letter(Draft& draft, const domain::Refund& refund) {
  const auto write = [&](auto letter) {
    letter.order = draft.facts;
    letter.amount = draft.money_of(refund);
    draft.letter = mail::write_letter(letter, draft.language);
  };
  switch (refund.reason) {
    case domain::RefundReason::second_payment:
      return write(mail::SecondPayment{});
    case domain::RefundReason::amount_differs:
      return write(mail::AmountDiffers{});
    case domain::RefundReason::show_cancelled:
      return write(mail::ShowCancelled{});
    default:
      return write(mail::LateRefund{});
  }
}

/// Tickets that cost nothing, or were paid in cash, are given back at once.
void Mails::write_given_back(Draft& draft, const domain::Refund& refund) {
  const auto& registration = draft.registration;
  bool any_left = false;
  for (std::int64_t number = 1; registration.confirmed_at && number <= registration.ticket_count; ++number) {
    const auto ticket =
        store::get<domain::Ticket>(x_store, domain::ticket_id(registration.id, *registration.confirmed_at, number));
    any_left = any_left || (ticket && ticket->status != domain::TicketStatus::revoked);
  }
  const auto write = [&](auto letter) {
    letter.order = draft.facts;
    letter.amount = draft.money_of(refund);
    letter.is_cash = refund.amount_minor > 0;
    draft.letter = mail::write_letter(letter, draft.language);
  };
  if (refund.ticket_numbers.empty()) return write(mail::RefundDone{});
  if (any_left) return write(mail::TicketsReturned{});
  write(mail::RegistrationCancelled{});
}

bool Mails::is_away() {
  const std::scoped_lock lock{x_guard};
  return std::chrono::steady_clock::now() < x_away_until;
}

std::optional<std::chrono::seconds> Mails::take_turn(const std::string& address) {
  const auto now = std::chrono::steady_clock::now();
  const std::scoped_lock lock{x_guard};
  if (x_hours.size() >= max_counted_addresses) {
    std::erase_if(x_hours, [now](const auto& entry) { return now - entry.second.since >= an_hour; });
  }
  const auto known = x_hours.find(address);
  if (known == x_hours.end() && x_hours.size() >= max_counted_addresses) return std::nullopt;
  Hour& hour = x_hours.try_emplace(address, Hour{now}).first->second;
  if (now - hour.since >= an_hour) hour = Hour{now};
  if (hour.count >= max_mails_an_hour) {
    return std::chrono::ceil<std::chrono::seconds>(hour.since + an_hour - now);
  }
  ++hour.count;
  return std::nullopt;
}

void Mails::give_turn_back(const std::string& address) {
  const std::scoped_lock lock{x_guard};
  const auto known = x_hours.find(address);
  if (known != x_hours.end() && known->second.count > 0) --known->second.count;
}

Tried Mails::send(const domain::Job& job) {
  const auto put_off = [](const char* why) {
    Tried tried(why);
    tried.is_away = true;
    return tried;
  };
  if (is_away()) return put_off("the mail server could not be reached a moment ago");
  if (is_moot(job)) return "";
  Draft draft;
  if (!write(job, draft)) return "there is nothing to write about";
  if (draft.reader.email.empty()) return "";  // nobody ever told us an address
  if (!mail::is_address(draft.reader.email)) return "the reader has no address that mail can go to";
  // What strangers can have sent, links somebody asked for themselves, and news of orders have turns of their own: none
  // takes another's away.
  using enum domain::ProofPurpose;
  const auto purpose = domain::parse_word<domain::ProofPurpose>(job.detail);
  const bool is_strangers = purpose == join_business || purpose == change_email;
  const std::string_view kind = !purpose ? "" : is_strangers ? "strangers' " : "link ";
  const std::string turn = std::string(kind) + draft.reader.email;
  if (const auto wait = take_turn(turn)) {
    Tried tried = put_off("its address got as many mails as it may in an hour");
    tried.retry_in = wait;
    return tried;
  }
  auto& message = draft.message;
  message.id = job.id.text();
  message.date = job.created_at;
  message.from = x_options.from;
  message.reply_to = x_options.reply_to;
  message.to = {mail::one_line(draft.reader.name, max_name_characters), draft.reader.email};
  message.subject = std::move(draft.letter.subject);
  message.language = std::move(draft.letter.language);
  message.text = std::move(draft.letter.text);
  message.html = std::move(draft.letter.html);
  const auto sent = x_mailer.send(message);
  if (sent) return "";
  give_turn_back(turn);
  const auto fault = sent.error().fault;
  Tried tried(std::string(domain::word(fault)) + " " + std::to_string(sent.error().reply_code));
  tried.is_away = fault == mail::Fault::settings || fault == mail::Fault::away;
  if (fault == mail::Fault::temporary) tried.retry_in = pause_after(job);
  if (fault == mail::Fault::away) {
    const std::scoped_lock lock{x_guard};
    x_away_until = std::chrono::steady_clock::now() + rest_while_away;
  }
  return tried;
}

}  // namespace admit::job

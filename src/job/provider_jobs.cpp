#include "job/provider_jobs.hpp"

#include <algorithm>
#include <array>
#include <ranges>
#include <stdexcept>
#include <utility>

#include "domain/accounts.hpp"
#include "domain/disputes.hpp"
#include "domain/events.hpp"
#include "domain/jobs.hpp"
#include "domain/payments.hpp"
#include "domain/refunds.hpp"
#include "log/log.hpp"
#include "payment/event.hpp"
#include "payment/orders.hpp"

namespace admit::job {
namespace {

constexpr std::chrono::days events_kept{30};  // by the provider
constexpr std::int64_t rest_ms = 3'000;       // after the provider could not be reached
constexpr std::chrono::minutes fresh_for{5};  // a refund that nobody can have asked for before
constexpr std::size_t max_event_pages = 1'000;
constexpr std::size_t businesses_per_read = 500;
constexpr std::int64_t max_accounts_per_walk = 2'000;
/// Faults that the provider may keep for keys of one thing before it is given up for this try.
constexpr std::int64_t max_rounds_per_try = 3;
constexpr std::size_t scans_per_read = 500;
constexpr std::size_t max_scans_in_evidence = 200;
constexpr std::size_t entries_read = 500;
constexpr std::size_t max_scans_read = 1'000'000;

/// The table of docs/payments.md.
constexpr std::array<std::string_view, 19> all_followed_types{"payment_intent.requires_action",
                                                              "payment_intent.processing",
                                                              "payment_intent.amount_capturable_updated",
                                                              "payment_intent.succeeded",
                                                              "payment_intent.payment_failed",
                                                              "payment_intent.canceled",
                                                              "charge.refunded",
                                                              "refund.created",
                                                              "refund.updated",
                                                              "refund.failed",
                                                              "charge.dispute.created",
                                                              "charge.dispute.updated",
                                                              "charge.dispute.closed",
                                                              "charge.dispute.funds_withdrawn",
                                                              "charge.dispute.funds_reinstated",
                                                              "radar.early_fraud_warning.created",
                                                              "account.updated",
                                                              "account.application.deauthorized",
                                                              "payout.failed"};

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string words_of(const payment::Failure& failure) {
  std::string text(payment::word(failure.kind));
  if (!failure.code.empty()) text += " " + failure.code;
  if (failure.http_status != 0) text += " (HTTP " + std::to_string(failure.http_status) + ")";
  return text;
}

/// Where the registration was made from, as its audit entry says; "" where it is not found. Ids begin with their
/// millisecond, so that the entries of one are together.
std::string address_of(store::Store& store, const domain::Registration& registration) {
  const auto moment = [](domain::Uuid id) {
    return id.high >> 16;
  };
  const domain::Uuid before{moment(registration.id.value) << 16, 0};
  for (const auto& entry : store::scan<domain::AuditEntry>(store, before, entries_read)) {
    if (moment(entry.id.value) != moment(registration.id.value)) break;
    if (entry.subject == registration.id.value && !entry.address.empty()) return entry.address;
  }
  return {};
}

}  // namespace

std::span<const std::string_view> followed_types() {
  return all_followed_types;
}

ProviderJobs::ProviderJobs(engine::Lane& lane, store::Store& store, payment::Payments& payments, Clock clock,
                           std::function<domain::Seed()> seed, std::function<std::int64_t()> epoch,
                           std::string installation_id)
    : x_lane(lane),
      x_store(store),
      x_payments(payments),
      x_clock(std::move(clock)),
      x_seed(std::move(seed)),
      x_epoch(std::move(epoch)),
      x_installation_id(std::move(installation_id)) {}

Tried ProviderJobs::said(const payment::Failure& failure) {
  Tried tried{words_of(failure)};
  // A fault that it keeps for a key says nothing of the next try, which asks by another.
  tried.is_away = failure.kind != payment::FailureKind::refused && !failure.is_kept;
  if (tried.is_away) x_away_until_ms = steady_ms() + std::max<std::int64_t>(1000 * failure.retry_after_s, rest_ms);
  return tried;
}

bool ProviderJobs::is_away() const {
  return steady_ms() < x_away_until_ms;
}

domain::Meta ProviderJobs::meta() {
  return {.now = x_clock(), .seed = x_seed(), .actor = "system"};
}

Tried ProviderJobs::apply_news(const domain::Transaction& transaction, domain::News news) {
  const auto applied = x_lane.call(domain::ApplyNews{.meta = meta(),
                                                     .account = payment::on_account(transaction),
                                                     .livemode = x_payments.livemode(),
                                                     .news = std::move(news),
                                                     .epoch = x_epoch()});
  return applied ? Tried("") : Tried(applied.error().detail);
}

Tried ProviderJobs::create_intent(domain::TransactionId id) {
  const auto transaction = store::get<domain::Transaction>(x_store, id);
  if (!transaction) return "the payment is missing";
  if (!transaction->intent_id.empty() || transaction->status == domain::TransactionStatus::cancelled) return "";
  auto made = payment::blocking(x_payments.create_intent(payment::intent_order(*transaction, x_installation_id)));
  if (!made && made.error().is_kept) {
    // Nobody can pay an intent whose secret nobody was told: asking anew cannot charge twice.
    const auto anew =
        x_lane.call(domain::AskIntentAnew{.meta = meta(), .transaction_id = id, .round = transaction->round + 1});
    if (!anew) return anew.error().detail;
    made = payment::blocking(x_payments.create_intent(payment::intent_order(*anew, x_installation_id)));
  }
  if (!made) return said(made.error());
  const auto noted =
      x_lane.call(domain::RecordIntent{.meta = meta(), .transaction_id = id, .intent_id = made->intent.id});
  return noted ? Tried("") : Tried(noted.error().detail);
}

Tried ProviderJobs::cancel_intent(domain::TransactionId id) {
  const auto transaction = store::get<domain::Transaction>(x_store, id);
  if (!transaction) return "the payment is missing";
  if (transaction->status == domain::TransactionStatus::succeeded) return "";
  const std::string account = payment::on_account(*transaction);
  std::string intent_id = transaction->intent_id;
  if (intent_id.empty() && transaction->status == domain::TransactionStatus::cancelled) return "";
  if (intent_id.empty()) {
    const auto found = payment::blocking(x_payments.find_intent(id.text(), transaction->created_at, account));
    if (!found) return said(found.error());
    if (*found) intent_id = (*found)->intent.id;
  }
  if (!intent_id.empty()) {
    const auto answer = payment::blocking(
        x_payments.cancel_intent(intent_id, payment::cancel_key(id, domain::to_unix_ms(x_clock())), account));
    if (!answer) {
      const auto status = answer.error().intent_status;
      if (status == payment::IntentStatus::succeeded) {
        // Paid after all: what is true is read and applied as its event will be.
        const auto paid = payment::blocking(x_payments.retrieve_intent(intent_id, account));
        return paid ? apply_news(*transaction, payment::to_news(paid->intent)) : said(paid.error());
      }
      if (status != payment::IntentStatus::canceled) return said(answer.error());
    }
  }
  const auto ended = x_lane.call(domain::CancelPayment{.meta = meta(), .transaction_id = id});
  if (!ended && ended.error().code != domain::Refusal::already_paid) return ended.error().detail;
  return "";
}

Tried ProviderJobs::capture_intent(domain::TransactionId id, std::int64_t attempt) {
  const auto transaction = store::get<domain::Transaction>(x_store, id);
  if (!transaction) return "the payment is missing";
  // Whatever else our row says, the provider knows better: it is asked.
  const bool is_over = transaction->status == domain::TransactionStatus::succeeded ||
                       transaction->status == domain::TransactionStatus::cancelled;
  if (is_over || transaction->intent_id.empty()) return "";
  const std::string account = payment::on_account(*transaction);
  const auto captured = payment::blocking(x_payments.capture_intent(payment::capture_order(*transaction, attempt - 1)));
  if (captured) return apply_news(*transaction, payment::to_news(*captured));
  if (!captured.error().intent_status) return said(captured.error());
  // Captured or given up meanwhile.
  const auto now = payment::blocking(x_payments.retrieve_intent(transaction->intent_id, account));
  if (!now) return said(now.error());
  if (now->intent.status == payment::IntentStatus::requires_capture) return said(captured.error());
  return apply_news(*transaction, payment::to_news(now->intent));
}

Tried ProviderJobs::refund(domain::RefundId id, std::int64_t attempt) {
  const auto refund = store::get<domain::Refund>(x_store, id);
  if (!refund) return "the refund is missing";
  if (refund->status != domain::RefundStatus::due) return "";
  const auto transaction = store::get<domain::Transaction>(x_store, refund->transaction_id);
  if (!transaction) return "the payment is missing";
  // Tries while the provider is away are not counted.
  const bool maybe_made = attempt > 1 || refund->round > 0 || x_clock() - refund->created_at > fresh_for;
  const auto made =
      payment::blocking(x_payments.create_refund(payment::refund_order(*refund, *transaction, maybe_made)));
  domain::RecordRefund record{.meta = meta(), .refund_id = id};
  if (made) {
    record.provider_id = made->refund.id;
    record.status = std::get<domain::RefundNews>(payment::to_news(made->refund)).status;
    record.error = made->refund.failure_reason;
    record.without_reversal = made->without_reversal;
  } else if (made.error().kind == payment::FailureKind::refused) {
    record.status = domain::RefundStatus::failed;
    record.error = made.error().code.empty() ? "refused" : made.error().code;
  } else if (made.error().is_kept) {
    // The next try looks for it once more before it asks by the new key: money must not go back twice.
    const auto anew = x_lane.call(domain::AskRefundAnew{.meta = meta(), .refund_id = id, .round = refund->round + 1});
    return anew ? words_of(made.error()) : anew.error().detail;
  } else {
    return said(made.error());
  }
  const auto noted = x_lane.call(std::move(record));
  return noted ? Tried("") : Tried(noted.error().detail);
}

Tried ProviderJobs::apply_event(domain::InboxId id, std::int64_t attempt) {
  const auto row = store::get<domain::InboxEvent>(x_store, id);
  if (!row) return "";  // forgotten long ago
  if (row->status != domain::InboxStatus::failed && row->status != domain::InboxStatus::waiting) return "";
  auto event = payment::parse_event(row->payload);
  if (!event) return "the stored event cannot be read";
  auto fresh = payment::blocking(x_payments.refresh_event(*event));
  const bool is_fresh = fresh.has_value();
  if (!fresh) {
    const bool is_refused = fresh.error().kind == payment::FailureKind::refused;
    if (!is_refused || attempt < domain::max_job_attempts) return said(fresh.error());
    // Nobody shows us that object, of an account that is not ours: what the event said then is all there is.
    fresh = std::move(*event);
  }
  auto command = payment::to_command(*fresh);
  command.meta = meta();
  command.meta.actor = "stripe";
  command.event_id = row->event_id;
  command.payload = row->payload;
  command.expect_livemode = x_payments.livemode();
  command.epoch = x_epoch();
  command.retry = true;
  command.fresh = is_fresh;
  command.last_try = attempt >= domain::max_job_attempts;
  const auto applied = x_lane.call(std::move(command));
  if (!applied) return applied.error().detail;
  return applied->status == domain::InboxStatus::waiting ? "its payment is not known yet" : "";
}

Tried ProviderJobs::refresh_account(domain::BusinessId id) {
  const auto business = store::get<domain::Business>(x_store, id);
  if (!business || business->stripe_account.empty()) return "";
  const auto account = payment::blocking(x_payments.retrieve_account(business->stripe_account));
  domain::AccountNews news;
  if (account) {
    news = std::get<domain::AccountNews>(payment::to_news(*account));
  } else if (account.error().is_of_foreign_account()) {
    news = {.account_id = business->stripe_account, .deauthorized = true};
  } else {
    return said(account.error());
  }
  const auto noted = x_lane.call(domain::RecordAccount{.meta = meta(), .business_id = id, .account = std::move(news)});
  // Another account was linked meanwhile: it was looked at when it was.
  return noted || noted.error().code == domain::Refusal::conflict ? Tried("") : Tried(noted.error().detail);
}

Tried ProviderJobs::create_account(domain::BusinessId id, const std::string& country) {
  const auto business = store::get<domain::Business>(x_store, id);
  if (!business) return "the business is missing";
  if (!business->stripe_account.empty()) return "";
  const auto owner = store::get<domain::User>(x_store, business->owner_id);
  if (!owner || owner->erased_at) return "";
  // As when its owner asks for it: by the same key, so that both together make one account.
  const auto made = payment::blocking(
      x_payments.create_account({.business_id = id.text(),
                                 .business_name = business->name,
                                 .email = owner->email,
                                 .country = country,
                                 .is_independent = business->charge_model == domain::ChargeModel::direct,
                                 .idempotency_key = "account:" + id.text() + ":"}));
  if (!made) return said(made.error());
  const auto own = payment::blocking(x_payments.check_key());
  if (!own) return said(own.error());
  domain::LinkAccount link{.meta = meta(),
                           .business_id = id,
                           .account = std::get<domain::AccountNews>(payment::to_news(*made)),
                           .proven = true,
                           .platform_account = own->account.id};
  link.meta.is_operator = true;  // whoever opened the account asked for it
  const auto linked = x_lane.call(std::move(link));
  return linked ? Tried("") : Tried(linked.error().detail);
}

Tried ProviderJobs::reverse_transfer(domain::DisputeId id, std::int64_t attempt) {
  const auto dispute = store::get<domain::Dispute>(x_store, id);
  if (!dispute) return "the dispute is missing";
  if (dispute->reversed_minor > 0) return "";
  const auto transaction = store::get<domain::Transaction>(x_store, dispute->transaction_id);
  if (!transaction) return "the payment is missing";
  std::int64_t reversed = 0;
  if (transaction->charge_model == domain::ChargeModel::destination) {
    const auto charge = payment::blocking(x_payments.retrieve_charge(transaction->charge_id));
    if (!charge) return said(charge.error());
    if (!charge->transfer_id.empty()) {
      const auto reverse = [&](std::int64_t round) {
        return payment::blocking(x_payments.create_transfer_reversal(
            payment::reversal_order(*dispute, charge->transfer_id, dispute->amount_minor, round)));
      };
      // Each round is looked for before the next, and every try begins with the first: none is made twice.
      auto made = reverse(0);
      for (std::int64_t round = 1; !made && made.error().is_kept && round < max_rounds_per_try; ++round) {
        made = reverse(round);
      }
      if (made) {
        reversed = made->amount_minor;
      } else if (made.error().kind != payment::FailureKind::refused) {
        return said(made.error());
      } else if (attempt < domain::max_job_attempts) {
        return said(made.error());  // the business's balance may be filled meanwhile
      }
    }
  }
  const auto noted =
      x_lane.call(domain::RecordDisputeReversal{.meta = meta(), .dispute_id = id, .amount_minor = reversed});
  return noted ? Tried("") : Tried(noted.error().detail);
}

Tried ProviderJobs::collect_evidence(domain::DisputeId id) {
  const auto dispute = store::get<domain::Dispute>(x_store, id);
  if (!dispute) return "the dispute is missing";
  if (dispute->evidence_sent || dispute->outcome != domain::DisputeOutcome::open_) return "";
  const auto registration = store::get<domain::Registration>(x_store, dispute->registration_id);
  const auto transaction = store::get<domain::Transaction>(x_store, dispute->transaction_id);
  const auto show = store::get<domain::Show>(x_store, dispute->show_id);
  if (!registration || !transaction || !show) return "the order is missing";
  const auto customer = store::get<domain::User>(x_store, registration->user_id);

  payment::Evidence evidence;
  evidence.product_description = std::to_string(registration->ticket_count) + " ticket(s) for \"" + show->title +
                                 "\" at " + show->venue + ", issued to the buyer as PDF right after the payment.";
  evidence.service_date = show->starts_local.substr(0, 10);
  evidence.refund_policy = show->conditions;
  if (customer) {
    evidence.customer_name = customer->name;
    evidence.customer_email = customer->email;
    evidence.access_log += domain::text(customer->created_at) + " account opened\n";
  }
  evidence.access_log += domain::text(registration->created_at) + " reserved\n";
  evidence.customer_address_ip = address_of(x_store, *registration);
  if (registration->confirmed_at) {
    evidence.access_log += domain::text(*registration->confirmed_at) + " paid, tickets issued\n";
    std::vector<domain::TicketId> tickets;
    for (std::int64_t n = 1; n <= registration->ticket_count; ++n) {
      tickets.push_back(domain::ticket_id(registration->id, *registration->confirmed_at, n));
    }
    std::optional<store::Cursor> after;
    std::size_t read = 0;
    std::size_t written = 0;
    do {
      auto page = store::list<domain::CheckIn>(x_store, "by_show", show->id.value, scans_per_read, std::move(after));
      after = std::move(page.next);
      read += page.rows.size();
      for (const auto& scan : page.rows) {
        const auto ticket = std::ranges::find(tickets, scan.ticket_id);
        if (ticket == tickets.end() || written >= max_scans_in_evidence) continue;
        ++written;
        evidence.access_log += domain::text(scan.at) + " ticket " + std::to_string(ticket - tickets.begin() + 1) +
                               " scanned at gate \"" + scan.gate + "\": " + std::string(domain::word(scan.reason)) +
                               (scan.annulled_at ? " (taken back)" : "") + "\n";
      }
    } while (after && read < max_scans_read);
  }
  evidence.notes = "Registration " + registration->id.text() + ", payment " + transaction->id.text() + ".";

  const auto kept = payment::blocking(x_payments.update_dispute(
      {.dispute_id = dispute->provider_id,
       .on_account = payment::on_account(*transaction),
       .evidence = std::move(evidence),
       .idempotency_key = "evidence:" + id.text() + ":" + std::to_string(domain::to_unix_ms(x_clock()))}));
  if (!kept && kept.error().kind != payment::FailureKind::refused) return said(kept.error());
  if (!kept) {
    log::warning("the provider refused the evidence", {{"disputeId", id.text()}, {"reason", words_of(kept.error())}});
  }
  const auto noted = x_lane.call(domain::RecordEvidence{.meta = meta(), .dispute_id = id});
  return noted ? Tried("") : Tried(noted.error().detail);
}

std::size_t ProviderJobs::reconcile(bool all) {
  const auto of_platform = reconcile_account("", all);
  if (!of_platform) {
    throw std::runtime_error("the provider's events cannot be listed: " + words_of(of_platform.error()));
  }
  std::size_t applied = *of_platform;
  std::int64_t accounts = 0;
  for (;;) {
    const auto businesses = store::scan<domain::Business>(x_store, x_walked_until, businesses_per_read);
    for (const auto& business : businesses) {
      if (!business.stripe_account.empty()) {
        if (++accounts > max_accounts_per_walk) return applied;  // the next walk goes on here
        applied += reconcile_business(business, all);
      }
      x_walked_until = business.id.value;
    }
    if (businesses.size() < businesses_per_read) break;
  }
  x_walked_until = {};
  return applied;
}

/// Whatever its charge model is today: payments of another may be on its account, and what changes the account or keeps
/// a payout from it is told there only.
std::size_t ProviderJobs::reconcile_business(const domain::Business& business, bool all) {
  const auto applied = reconcile_account(business.stripe_account, all);
  const bool is_gone = !applied && applied.error().is_of_foreign_account();
  if (!applied && applied.error().kind != payment::FailureKind::refused) {
    throw std::runtime_error("the provider's events cannot be listed: " + words_of(applied.error()));
  }
  if (!applied && !is_gone) {
    log::warning("the provider does not show us the events of an account",
                 {{"businessId", business.id.text()}, {"reason", words_of(applied.error())}});
  }
  // What keeps it from selling may be settled, or may be new, and the event that told us so lost.
  if (is_gone ? !business.deauthorized : domain::sales_gate(business).has_value()) {
    const auto tried = refresh_account(business.id);
    if (tried.is_away) throw std::runtime_error(tried.error);
    if (!tried.error.empty()) {
      log::warning("an account could not be looked at", {{"businessId", business.id.text()}, {"reason", tried.error}});
    }
  }
  return applied.value_or(0);
}

/// The provider lists the newest first: the pages are walked to the end, then applied from there.
payment::Answer<std::size_t> ProviderJobs::reconcile_account(const std::string& account, bool all) {
  payment::EventQuery query{.on_account = account, .since = x_clock() - events_kept, .only_undelivered = !all};
  query.types.assign(all_followed_types.begin(), all_followed_types.end());
  const auto is_new = [&](const payment::ProviderEvent& event) {
    return !store::get<domain::InboxEvent>(x_store, domain::inbox_id(event.id)).has_value();
  };
  std::vector<std::string> pages;  // where those begin that have something new
  payment::EventPage page;
  for (std::size_t seen = 0; seen < max_event_pages; ++seen) {
    auto listed = payment::blocking(x_payments.list_events(query));
    if (!listed) return std::unexpected(listed.error());
    page = std::move(*listed);
    if (std::ranges::any_of(page.events, is_new)) pages.push_back(query.after);
    if (page.next.empty()) break;
    query.after = page.next;
  }
  std::size_t applied = 0;
  for (; !pages.empty(); pages.pop_back()) {
    if (query.after != pages.back()) {
      query.after = pages.back();
      auto listed = payment::blocking(x_payments.list_events(query));
      if (!listed) return std::unexpected(listed.error());
      page = std::move(*listed);
    }
    for (const auto& event : page.events | std::views::reverse) {
      if (!is_new(event)) continue;
      auto command = payment::to_command(event);
      command.meta = meta();
      command.meta.actor = "stripe";
      if (command.account.empty()) command.account = account;
      command.expect_livemode = x_payments.livemode();
      command.epoch = x_epoch();
      const auto outcome = x_lane.call(std::move(command));
      if (outcome && !outcome->duplicate) ++applied;
    }
  }
  return applied;
}

}  // namespace admit::job

// What people look after: alerts, jobs that were given up, payments that need a decision, cash at the box office.

#include "api/money_json.hpp"
#include "api/once.hpp"
#include "api/paging.hpp"
#include "api/registration_json.hpp"
#include "api/services.hpp"
#include "domain/alerts.hpp"
#include "domain/events.hpp"
#include "domain/jobs.hpp"
#include "domain/payments.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::required;
using http::Response;
using http::Task;
using http::Verb;

struct AlertList {
  std::vector<AlertJson> alerts;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<AlertList>("AlertList", {required("alerts", &AlertList::alerts, http::items(0, 1000)),
                                                 http::optional("nextCursor", &AlertList::next_cursor, http::text(1, 200))});
  }
};

struct JobJson {
  std::string job_id, kind, subject_id, status, detail, last_error, created_at;
  std::int64_t attempts = 0;
  std::optional<std::string> due_at;
  static http::Shape shape() {
    return http::object<JobJson>(
        "Job", {required("jobId", &JobJson::job_id, http::uuid()), required("kind", &JobJson::kind),
                required("subjectId", &JobJson::subject_id, http::uuid()),
                required("status", &JobJson::status, http::one_of({"due", "done", "dead"})),
                required("detail", &JobJson::detail), required("lastError", &JobJson::last_error),
                required("attempts", &JobJson::attempts), required("createdAt", &JobJson::created_at, http::date_time()),
                required("dueAt", &JobJson::due_at, http::date_time().nullable())});
  }
};

JobJson to_json(const domain::Job& job) {
  JobJson out{.job_id = job.id.text(),
              .kind = std::string(domain::word(job.kind)),
              .subject_id = job.subject.text(),
              .status = std::string(domain::word(job.status)),
              .detail = job.detail,
              .last_error = job.last_error,
              .created_at = domain::text(job.created_at),
              .attempts = job.attempts};
  if (job.due_at) out.due_at = domain::text(*job.due_at);
  return out;
}

struct EventJson {
  std::string event_id, type, object_id, account, status, detail, received_at;
  bool livemode = false;
  static http::Shape shape() {
    return http::object<EventJson>(
        "ProviderEvent",
        {required("eventId", &EventJson::event_id), required("type", &EventJson::type),
         required("objectId", &EventJson::object_id), required("account", &EventJson::account),
         required("livemode", &EventJson::livemode),
         required("status", &EventJson::status, http::one_of({"applied", "ignored", "flagged", "failed", "waiting"})),
         required("detail", &EventJson::detail, http::any().doc("What it did, or why it did nothing.")),
         required("receivedAt", &EventJson::received_at, http::date_time())});
  }
};

EventJson to_json(const domain::InboxEvent& row) {
  return {.event_id = row.event_id,
          .type = row.type,
          .object_id = row.object_id,
          .account = row.account,
          .status = std::string(domain::word(row.status)),
          .detail = row.detail,
          .received_at = domain::text(row.received_at),
          .livemode = row.livemode};
}

struct EventList {
  std::vector<EventJson> events;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<EventList>("ProviderEventList",
                                   {required("events", &EventList::events, http::items(0, 1000)),
                                    http::optional("nextCursor", &EventList::next_cursor, http::text(1, 200))});
  }
};

struct TransactionJson {
  std::string transaction_id, registration_id, provider, status, currency, intent_id, flag, last_error, created_at;
  std::int64_t attempt = 0, amount = 0, received = 0, refunded = 0, application_fee = 0;
  std::optional<std::string> stripe_account, processed_at, review_until;
  static http::Shape shape() {
    return http::object<TransactionJson>(
        "Transaction",
        {required("transactionId", &TransactionJson::transaction_id, http::uuid()),
         required("registrationId", &TransactionJson::registration_id, http::uuid()),
         required("provider", &TransactionJson::provider, http::one_of({"stripe", "none", "cash"})),
         required("status", &TransactionJson::status,
                  http::one_of({"created", "requires_action", "requires_capture", "processing", "succeeded", "failed", "cancelled"})),
         required("attempt", &TransactionJson::attempt),
         required("amount", &TransactionJson::amount, http::any().doc("Asked for, in minor units.")),
         required("received", &TransactionJson::received), required("refunded", &TransactionJson::refunded),
         required("applicationFee", &TransactionJson::application_fee, http::any().doc("The platform's share of it.")),
         required("currency", &TransactionJson::currency, http::currency()),
         required("stripeAccount", &TransactionJson::stripe_account, http::text(1, 255).nullable()),
         required("intentId", &TransactionJson::intent_id), required("flag", &TransactionJson::flag),
         required("lastError", &TransactionJson::last_error),
         required("createdAt", &TransactionJson::created_at, http::date_time()),
         required("processedAt", &TransactionJson::processed_at, http::date_time().nullable()),
         required("reviewUntil", &TransactionJson::review_until,
                  http::date_time().nullable().doc("Another amount was paid: until then an operator may accept it."))});
  }
};

TransactionJson to_json(const domain::Transaction& row) {
  TransactionJson out{.transaction_id = row.id.text(),
                      .registration_id = row.registration_id.text(),
                      .provider = std::string(domain::word(row.provider)),
                      .status = std::string(domain::word(row.status)),
                      .currency = row.currency,
                      .intent_id = row.intent_id,
                      .flag = row.flag,
                      .last_error = row.last_error,
                      .created_at = domain::text(row.created_at),
                      .attempt = row.attempt,
                      .amount = row.amount_minor,
                      .received = row.received_minor,
                      .refunded = row.refunded_minor,
                      .application_fee = row.application_fee_minor};
  if (!row.stripe_account.empty()) out.stripe_account = row.stripe_account;
  if (row.processed_at) out.processed_at = domain::text(*row.processed_at);
  if (row.review_until) out.review_until = domain::text(*row.review_until);
  return out;
}

struct TransactionList {
  std::vector<TransactionJson> transactions;
  static http::Shape shape() {
    return http::object<TransactionList>("TransactionList",
                                         {required("transactions", &TransactionList::transactions, http::items(0, 100))});
  }
};

struct PrintedPage {
  std::string ticket_id, download_url, expires_at;
  static http::Shape shape() {
    return http::object<PrintedPage>("PrintedPage", {required("ticketId", &PrintedPage::ticket_id, http::uuid()),
                                                     required("downloadUrl", &PrintedPage::download_url, http::url()),
                                                     required("expiresAt", &PrintedPage::expires_at, http::date_time())});
  }
};

struct PrintedJson {
  std::vector<PrintedPage> pages;
  static http::Shape shape() {
    return http::object<PrintedJson>("Printed", {required("pages", &PrintedJson::pages, http::items(0, 40))});
  }
};

constexpr std::size_t max_revived = 1'000;
constexpr std::size_t max_alerts_read = 100'000;

struct ReviveRequest {
  std::string kind;
  static http::Shape shape() {
    std::vector<std::string> kinds;
    for (std::size_t i = 0; i < domain::word_count<domain::JobKind>(); ++i) {
      kinds.emplace_back(domain::word(static_cast<domain::JobKind>(i)));
    }
    return http::object<ReviveRequest>("ReviveRequest", {required("kind", &ReviveRequest::kind, http::one_of(std::move(kinds)))});
  }
};

struct Revived {
  std::int64_t revived = 0;
  bool is_all = true;
  static http::Shape shape() {
    return http::object<Revived>("Revived", {required("revived", &Revived::revived),
                                             required("isAll", &Revived::is_all,
                                                      http::any().doc("False: there were more; send it again."))});
  }
};

class Desk {
 public:
  explicit Desk(Services& services) : x(services) {}

  /// Open ones, or with ?settled=true those that are settled.
  Response alerts(Request& request) {
    const auto caller = operator_of(x, request);
    if (!caller) return caller.error();
    const bool settled = request.query("settled").value_or("") == "true";
    return list_reply<domain::Alert>(x, request, "by_desk", domain::alert_desk(!settled).value, &AlertList::alerts, say);
  }

  Response of_business(Request& request) {
    return business_list_reply<domain::Alert>(x, request, domain::Capability::settle_alerts, &AlertList::alerts, say);
  }

  Task resolve(Request& request) {
    const auto in = input<domain::AlertId>(request, agent_of(x, request));
    if (!in) co_return in.error();
    domain::ResolveAlert command{.meta = meta_of(x, request, in->caller), .alert_id = in->id};
    co_return co_await perform(x.lane, std::move(command), 200, [](const domain::Alert& row) { return api::to_json(row); });
  }

  Response job(Request& request) {
    const auto in = input<domain::JobId>(request, operator_of(x, request));
    if (!in) return in.error();
    const auto row = row_of<domain::Job>(x, in->id);
    if (!row) return row.error();
    return reply(200, to_json(*row));
  }

  Task revive(Request& request) {
    const auto in = input<domain::JobId>(request, operator_of(x, request));
    if (!in) co_return in.error();
    auto answer = co_await submit(x.lane, domain::ReviveJob{.meta = meta_of(x, request, in->caller), .job_id = in->id});
    if (!answer.result) co_return problem_of(answer.result.error());
    x.workers.wake();
    co_return reply(200, to_json(*answer.result));
  }

  /// The jobs that were given up are found by their open alerts.
  Task revive_all(Request& request) {
    const auto in = input<None, ReviveRequest>(request, operator_of(x, request));
    if (!in) co_return in.error();
    const auto kind = domain::parse_word<domain::JobKind>(in->body.kind);
    const auto dead = co_await on_pool(x.pool, [this, kind] { return dead_jobs(*kind); });
    Revived out;
    for (const auto id : dead) {
      const auto answer = co_await submit(x.lane, domain::ReviveJob{.meta = meta_of(x, request, in->caller), .job_id = id});
      if (answer.result) ++out.revived;
    }
    out.is_all = dead.size() < max_revived;
    x.workers.wake();
    co_return reply(200, out);
  }

  Response event(Request& request) {
    const auto caller = operator_of(x, request);
    if (!caller) return caller.error();
    const auto row = store::get<domain::InboxEvent>(x.store, domain::inbox_id(request.param("eventId")));
    if (!row) return http::Problem{404, "unknown_event", "No event of this id has arrived.", "eventId", 0};
    return reply(200, to_json(*row));
  }

  /// Those that somebody may have to look at, by what became of them.
  Response events(Request& request) {
    const auto caller = operator_of(x, request);
    if (!caller) return caller.error();
    const auto status = domain::parse_word<domain::InboxStatus>(request.query("status").value_or(""));
    const auto desk = status ? domain::inbox_desk(*status) : domain::CounterId{};
    return list_reply<domain::InboxEvent>(x, request, "by_desk", desk.value, &EventList::events,
                                          [](const domain::InboxEvent& row) { return to_json(row); });
  }

  /// For its business.
  Response transactions(Request& request) {
    const auto in = input<domain::RegistrationId>(request, agent_of(x, request));
    if (!in) return in.error();
    const auto registration = row_of<domain::Registration>(x, in->id);
    if (!registration) return registration.error();
    if (!may(x, in->caller, registration->business_id, domain::Capability::see_money)) {
      return problem_of({Refusal::forbidden, "registrationId", "Only its business sees the payments."});
    }
    TransactionList out;
    for (const auto& row : store::list<domain::Transaction>(x.store, "by_registration", in->id.value, 100).rows) {
      out.transactions.push_back(to_json(row));
    }
    return reply(200, out);
  }

  Task accept(Request& request) {
    const auto in = input<domain::TransactionId>(request, operator_of(x, request));
    if (!in) co_return in.error();
    domain::AcceptPayment command{
        .meta = meta_of(x, request, in->caller), .transaction_id = in->id, .epoch = x.ring.current_epoch()};
    co_return co_await perform_once(x, request, std::move(command), 200, say_registration);
  }

  Task cash(Request& request) {
    const auto in = input<domain::RegistrationId>(request, agent_of(x, request));
    if (!in) co_return in.error();
    domain::PayCash command{
        .meta = meta_of(x, request, in->caller), .registration_id = in->id, .epoch = x.ring.current_epoch()};
    co_return co_await perform_once(x, request, std::move(command), 200, say_registration);
  }

  Task print(Request& request) {
    const auto in = input<domain::RegistrationId>(request, agent_of(x, request));
    if (!in) co_return in.error();
    const auto answer =
        co_await submit(x.lane, domain::PrintTickets{.meta = meta_of(x, request, in->caller), .registration_id = in->id});
    if (!answer.result) co_return problem_of(answer.result.error());
    co_return reply(200, co_await on_pool(x.pool, [&, this] {
      const auto& registration = *answer.result;
      PrintedJson out;
      for (std::int64_t number = 1; number <= registration.ticket_count; ++number) {
        const auto ticket = store::get<domain::Ticket>(
            x.store, domain::ticket_id(registration.id, registration.confirmed_at.value(), number));
        if (!ticket || ticket->status != domain::TicketStatus::valid) continue;
        x.documents.ensure_page(*ticket);
        const auto link = x.objects.signed_link(job::TicketDocuments::object_key(*ticket), x.clock(),
                                                "ticket-" + ticket->id.text() + ".pdf");
        out.pages.push_back({ticket->id.text(), link.url, domain::text(link.expires_at)});
      }
      return out;
    }));
  }

  /// Asks for all events of the last 30 days, in the background.
  Response reconcile(Request& request) {
    const auto caller = operator_of(x, request);
    if (!caller) return caller.error();
    if (!x.payments_ready()) return problem_of({Refusal::payments_unavailable, "", "No payment provider is configured."});
    x.workers.reconcile_soon();
    return Response(202, "application/json", "{}");
  }

 private:
  static constexpr auto say_registration = [](const domain::Registration& row) { return api::to_json(row); };
  std::vector<domain::JobId> dead_jobs(domain::JobKind kind) {
    std::vector<domain::JobId> out;
    std::optional<store::Cursor> after;
    std::size_t read = 0;
    do {
      auto page = store::list<domain::Alert>(x.store, "by_desk", domain::alert_desk(true).value, 500, std::move(after));
      after = std::move(page.next);
      read += page.rows.size();
      for (const auto& alert : page.rows) {
        if (alert.kind != domain::AlertKind::dead_job || out.size() >= max_revived) continue;
        const auto job = store::get<domain::Job>(x.store, domain::JobId{alert.subject});
        if (job && job->kind == kind && job->status == domain::JobStatus::dead) out.push_back(job->id);
      }
    } while (after && read < max_alerts_read && out.size() < max_revived);
    return out;
  }

  static constexpr auto say = [](const domain::Alert& row) { return api::to_json(row); };

  Services& x;
};

}  // namespace

void add_desk(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Desk>(services));
  const Shared organiser{.tags = {"Desk"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"see_money"}};
  const Shared operators{.tags = {"Desk"}, .security = {"operator"}, .token = "$OPERATOR_TOKEN"};
  const auto paging = paging_parameters();
  auto settled = paging;
  settled.push_back(http::query_param("settled", http::boolean()));
  router.add(route(operators, Verb::GET, "/v1/alerts", on(&Desk::alerts),
                   {.operation_id = "listAlerts",
                    .summary = "What a person should look at, newest first",
                    .parameters = settled,
                    .replies = {http::json_reply<AlertList>(200, "The alerts; nextCursor where there are more.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::forbidden})}));
  router.add(route(organiser, Verb::GET, "/v1/businesses/{businessId}/alerts", on(&Desk::of_business),
                   {.operation_id = "listBusinessAlerts",
                    .summary = "What the people of a business should look at, newest first",
                    .capability = {"settle_alerts"},
                    .parameters = paging,
                    .replies = {http::json_reply<AlertList>(200, "The alerts, settled ones too.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::forbidden, Refusal::unknown_business})}));
  router.add(route(organiser, Verb::POST, "/v1/alerts/{alertId}/resolve", on(&Desk::resolve),
                   {.operation_id = "resolveAlert",
                    .summary = "It is settled",
                    .description = "One that concerns no business is an operator's.",
                    .capability = {"settle_alerts"},
                    .replies = {http::json_reply<AlertJson>(200, "The alert.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_alert}),
                    .curl = {{"token", "$OPERATOR_TOKEN"}, {"alertId", "$ALERT_ID"}}}));
  router.add(route(operators, Verb::GET, "/v1/jobs/{jobId}", on(&Desk::job),
                   {.operation_id = "getJob",
                    .summary = "One job and what went wrong with it last",
                    .replies = {http::json_reply<JobJson>(200, "The job.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_job}),
                    .curl = {{"jobId", "$JOB_ID"}}}));
  router.add(route(operators, Verb::POST, "/v1/jobs/{jobId}/revive", on(&Desk::revive),
                   {.operation_id = "reviveJob",
                    .summary = "Try a job again that was given up",
                    .replies = {http::json_reply<JobJson>(200, "The job, due again.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_job, Refusal::job_not_dead}),
                    .curl = {{"jobId", "$DEAD_JOB_ID"}}}));
  router.add(route(operators, Verb::POST, "/v1/jobs/revive", on(&Desk::revive_all),
                   {.operation_id = "reviveJobs",
                    .summary = "Try all jobs of a kind again that were given up: after the mail server was mended, say",
                    .description = "At most 1,000 at once.",
                    .request = http::json_body<ReviveRequest>(R"({"kind": "mail"})"),
                    .replies = {http::json_reply<Revived>(200, "How many are due again.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::forbidden})}));
  auto by_status = paging;
  by_status.push_back(http::query_param("status", http::one_of({"failed", "flagged", "waiting"}), true));
  router.add(route(operators, Verb::GET, "/v1/payments/events", on(&Desk::events),
                   {.operation_id = "listProviderEvents",
                    .summary = "Events of the payment provider that could not be applied, newest first",
                    .description = "`failed`: a fault of ours, tried again. `waiting`: of a payment not known yet, tried again. "
                                   "`flagged`: kept and not acted upon; a person decides. Each is kept for 90 days.",
                    .parameters = by_status,
                    .replies = {http::json_reply<EventList>(200, "The events; nextCursor where there are more.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::forbidden}),
                    .curl = {{"status", "flagged"}}}));
  auto event_problems = refusals({Refusal::forbidden});
  event_problems.push_back({404, "unknown_event", "No event of this id has arrived."});
  router.add(route(operators, Verb::GET, "/v1/payments/events/{eventId}", on(&Desk::event),
                   {.operation_id = "getProviderEvent",
                    .summary = "What became of an event of the payment provider",
                    .parameters = {http::path_param("eventId", http::word_text(1, 255))},
                    .replies = {http::json_reply<EventJson>(200, "The event.")},
                    .problems = std::move(event_problems),
                    .curl = {{"eventId", "$PROVIDER_EVENT_ID"}}}));
  router.add(route(operators, Verb::POST, "/v1/payments/reconcile", on(&Desk::reconcile),
                   {.operation_id = "reconcile",
                    .summary = "Fetch the provider's events of the last 30 days and apply what is missing, in the background",
                    .replies = {{.status = 202, .description = "Begun.", .content_type = "application/json"}},
                    .problems = refusals({Refusal::forbidden, Refusal::payments_unavailable})}));
  router.add(route(organiser, Verb::GET, "/v1/registrations/{registrationId}/transactions", on(&Desk::transactions),
                   {.operation_id = "listTransactions",
                    .summary = "The payments of a registration, for its business",
                    .replies = {http::json_reply<TransactionList>(200, "The payments, first attempt first.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_registration})}));
  router.add(route(operators, Verb::POST, "/v1/transactions/{transactionId}/accept", on(&Desk::accept),
                   once({.operation_id = "acceptPayment",
                    .summary = "Take another amount than was asked for as paid",
                    .replies = {http::json_reply<RegistrationJson>(200, "The registration, confirmed.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_transaction, Refusal::not_in_review,
                                          Refusal::show_cancelled, Refusal::sold_out}),
                    .curl = {{"transactionId", "$REVIEW_TRANSACTION_ID"}}})));
  router.add(route(organiser, Verb::POST, "/v1/registrations/{registrationId}/cash", on(&Desk::cash),
                   once({.operation_id = "payCash",
                    .summary = "The box office took the money: confirm and issue",
                    .capability = {"sell"},
                    .replies = {http::json_reply<RegistrationJson>(200, "The registration, confirmed.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_registration, Refusal::already_paid,
                                          Refusal::registration_not_held, Refusal::payment_in_progress}),
                    .curl = {{"registrationId", "$CASH_REGISTRATION_ID"}}})));
  router.add(route(organiser, Verb::POST, "/v1/registrations/{registrationId}/print", on(&Desk::print),
                   {.operation_id = "printTickets",
                    .summary = "Print what one sold for cash oneself: once, and audited",
                    .description = "Links to the pages that live 15 minutes.",
                    .capability = {"sell"},
                    .replies = {http::json_reply<PrintedJson>(200, "A page for each ticket.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_registration, Refusal::not_paid, Refusal::ticket_not_valid}),
                    .curl = {{"registrationId", "$SOLD_REGISTRATION_ID"}}}));
}

}  // namespace admit::api

// Money that goes back: refunds, cancelled shows, disputes, and the ledger that tells where it went.

#include <algorithm>

#include "api/money_json.hpp"
#include "api/once.hpp"
#include "api/paging.hpp"
#include "api/services.hpp"
#include "domain/cancellations.hpp"
#include "domain/refunds.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::optional;
using http::Request;
using http::required;
using http::Response;
using http::Task;
using http::Verb;

constexpr std::size_t max_refunds_listed = 1'000;

struct RefundRequest {
  std::optional<std::int64_t> amount;
  std::optional<std::vector<std::string>> ticket_ids;
  std::optional<bool> keep_fee;
  static http::Shape shape() {
    return http::object<RefundRequest>(
        "RefundRequest",
        {optional("amount", &RefundRequest::amount,
                  http::integer(1, 99'999'999).doc("Just this much, in minor units; by the organiser only.")),
         optional("ticketIds", &RefundRequest::ticket_ids,
                  http::items(1, 40, http::uuid({"TICKET#"})).doc("These tickets end. With no amount, their price goes back.")),
         optional("keepFee", &RefundRequest::keep_fee,
                  http::boolean().doc("Keep the booking fee; by the organiser only. The show decides by default."))});
  }
};

struct RefundList {
  std::vector<RefundJson> refunds;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<RefundList>("RefundList", {required("refunds", &RefundList::refunds, http::items(0, 1000)),
                                                   optional("nextCursor", &RefundList::next_cursor, http::text(1, 200))});
  }
};

struct DisputeList {
  std::vector<DisputeJson> disputes;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<DisputeList>("DisputeList",
                                     {required("disputes", &DisputeList::disputes, http::items(0, 1000)),
                                      optional("nextCursor", &DisputeList::next_cursor, http::text(1, 200))});
  }
};

struct LedgerList {
  std::vector<LedgerEntryJson> entries;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<LedgerList>("LedgerList", {required("entries", &LedgerList::entries, http::items(0, 1000)),
                                                   optional("nextCursor", &LedgerList::next_cursor, http::text(1, 200))});
  }
};

class RefundEndpoints {
 public:
  explicit RefundEndpoints(Services& services) : x(services) {}

  Task create(Request& request) {
    const auto in = input<domain::RegistrationId, RefundRequest>(request, agent_of(x, request));
    if (!in) co_return in.error();
    domain::RequestRefund command{.meta = meta_of(x, request, in->caller),
                                  .registration_id = in->id,
                                  .amount_minor = in->body.amount,
                                  .keep_fee = in->body.keep_fee};
    if (in->body.ticket_ids) {
      const auto registration = row_of<domain::Registration>(x, in->id);
      if (!registration) co_return registration.error();
      for (std::size_t i = 0; i < in->body.ticket_ids->size(); ++i) {
        const auto number = number_of(*registration, checked_id<domain::TicketId>((*in->body.ticket_ids)[i]));
        if (number == 0) {
          co_return problem_of({Refusal::invalid_field, "ticketIds[" + std::to_string(i) + "]",
                                "The registration has no such ticket."});
        }
        command.ticket_numbers.push_back(number);
      }
    }
    co_return co_await perform_once(x, request, std::move(command), 201, say);
  }

  /// For its customer and its business.
  Response of_registration(Request& request) {
    const auto in = input<domain::RegistrationId>(request, agent_of(x, request));
    if (!in) return in.error();
    const auto registration = row_of<domain::Registration>(x, in->id);
    if (!registration) return registration.error();
    if (registration->user_id != in->caller.user && !may(x, in->caller, registration->business_id, domain::Capability::see_sales)) {
      return problem_of({Refusal::forbidden, "registrationId", "The registration belongs to another account."});
    }
    RefundList out;
    for (const auto& row : store::list<domain::Refund>(x.store, "by_registration", in->id.value, max_refunds_listed).rows) {
      out.refunds.push_back(to_json(row));
    }
    return reply(200, out);
  }

  Response of_business(Request& request) {
    return business_list_reply<domain::Refund>(x, request, domain::Capability::see_money, &RefundList::refunds, say);
  }
  Response disputes(Request& request) {
    return business_list_reply<domain::Dispute>(x, request, domain::Capability::see_money, &DisputeList::disputes, say);
  }
  Response ledger(Request& request) {
    return business_list_reply<domain::LedgerEntry>(x, request, domain::Capability::see_money, &LedgerList::entries, say);
  }

  Task cancel_show(Request& request) {
    const auto in = input<domain::ShowId>(request, agent_of(x, request));
    if (!in) co_return in.error();
    domain::CancelShow command{.meta = meta_of(x, request, in->caller), .show_id = in->id};
    co_return co_await perform_once(x, request, std::move(command), 202, say);
  }

  Response cancellation(Request& request) {
    const auto in = input<domain::ShowId>(request, agent_of(x, request));
    if (!in) return in.error();
    const auto show = row_of<domain::Show>(x, in->id);
    if (!show) return show.error();
    if (!may(x, in->caller, show->business_id, domain::Capability::see_shows)) {
      return problem_of({Refusal::forbidden, "showId", "The show belongs to another business."});
    }
    const auto row = store::get<domain::Cancellation>(x.store, domain::cancellation_id(in->id));
    if (!row) return http::Problem{404, "not_cancelled", "The show is not cancelled.", "showId", 0};
    return reply(200, to_json(*row));
  }

 private:
  static constexpr auto say = [](const auto& row) { return to_json(row); };

  /// From 1; 0 where it is none of the registration's.
  static std::int64_t number_of(const domain::Registration& registration, domain::TicketId ticket) {
    if (!registration.confirmed_at) return 0;
    for (std::int64_t n = 1; n <= registration.ticket_count; ++n) {
      if (domain::ticket_id(registration.id, *registration.confirmed_at, n) == ticket) return n;
    }
    return 0;
  }

  Services& x;
};

}  // namespace

void add_refunds(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<RefundEndpoints>(services));
  const Shared user{.tags = {"Refunds"}, .security = {"user"}, .capability = {"holder", "see_sales"}};
  const Shared organiser{
      .tags = {"Refunds"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"see_money"}};
  const auto paging = paging_parameters();
  router.add(route(organiser, Verb::POST, "/v1/registrations/{registrationId}/refunds", on(&RefundEndpoints::create),
                   once({.operation_id = "createRefund",
                    .summary = "Give money back: all of it, for single tickets, or an amount",
                    .description = "By the business, or by the customer while the show lets him. Tickets end at once, their "
                                   "places come back when the money is there. The payment provider is asked by a job.",
                    .capability = {"holder", "refund"},
                    .request = http::json_body<RefundRequest>(),
                    .replies = {http::json_reply<RefundJson>(201, "The refund.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_registration, Refusal::forbidden,
                                          Refusal::not_paid, Refusal::disputed, Refusal::refund_closed,
                                          Refusal::ticket_not_valid, Refusal::refund_too_much}),
                    .curl = {{"body", R"({"amount": 100})"}}})));
  router.add(route(user, Verb::GET, "/v1/registrations/{registrationId}/refunds", on(&RefundEndpoints::of_registration),
                   {.operation_id = "listRefunds",
                    .summary = "The refunds of a registration, for its customer and its business",
                    .replies = {http::json_reply<RefundList>(200, "The refunds, oldest first.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_registration})}));
  router.add(route(organiser, Verb::GET, "/v1/businesses/{businessId}/refunds", on(&RefundEndpoints::of_business),
                   {.operation_id = "listBusinessRefunds",
                    .summary = "The refunds of a business",
                    .parameters = paging,
                    .replies = {http::json_reply<RefundList>(200, "The refunds, newest first; nextCursor where there are more.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::forbidden, Refusal::unknown_business})}));
  router.add(route(organiser, Verb::GET, "/v1/businesses/{businessId}/disputes", on(&RefundEndpoints::disputes),
                   {.operation_id = "listDisputes",
                    .summary = "What buyers' banks took back or ask about",
                    .parameters = paging,
                    .replies = {http::json_reply<DisputeList>(200, "The disputes, newest first.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::forbidden, Refusal::unknown_business})}));
  router.add(route(organiser, Verb::GET, "/v1/businesses/{businessId}/ledger", on(&RefundEndpoints::ledger),
                   {.operation_id = "listLedger",
                    .summary = "Every movement of a business's money",
                    .description = "Each moves an amount from the account `credit` to the account `debit`.",
                    .parameters = paging,
                    .replies = {http::json_reply<LedgerList>(200, "The entries, newest first.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::forbidden, Refusal::unknown_business})}));
  router.add(route(organiser, Verb::POST, "/v1/shows/{showId}/cancel", on(&RefundEndpoints::cancel_show),
                   once({.operation_id = "cancelShow",
                    .summary = "Cancel a show: sale and door end at once, everybody gets the money back",
                    .description = "A job ends one registration after the other and goes on after a restart; look at "
                                   "/v1/shows/{showId}/cancellation.",
                    .capability = {"cancel_shows"},
                    .replies = {http::json_reply<CancellationJson>(202, "How far it is.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_show}),
                    .curl = {{"showId", "$CANCELLED_SHOW_ID"}}})));
  auto problems = refusals({Refusal::forbidden, Refusal::unknown_show});
  problems.push_back({404, "not_cancelled", "The show is not cancelled."});
  router.add(route(organiser, Verb::GET, "/v1/shows/{showId}/cancellation", on(&RefundEndpoints::cancellation),
                   {.operation_id = "getCancellation",
                    .summary = "How far the cancellation of a show has come",
                    .capability = {"see_shows"},
                    .replies = {http::json_reply<CancellationJson>(200, "The progress.")},
                    .problems = std::move(problems),
                    .curl = {{"showId", "$CANCELLED_SHOW_ID"}}}));
}

}  // namespace admit::api

// Reserving, looking at and cancelling registrations.

#include "api/registration_json.hpp"
#include "api/once.hpp"
#include "api/services.hpp"
#include "domain/mails.hpp"
#include "domain/registrations.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

struct LineRequest {
  std::string tier_id;
  std::int64_t quantity = 0;
  std::optional<std::vector<std::string>> holders;
  static http::Shape shape() {
    using namespace http;
    return http::object<LineRequest>("LineRequest",
                               {required("tierId", &LineRequest::tier_id, uuid()), required("quantity", &LineRequest::quantity, integer(1, 40).example_raw("1")),
                                optional("holders", &LineRequest::holders,
                                         items(0, 40, text(0, 60)).doc("One name per ticket; the account's name by default.").example_raw(R"(["Ada Example"])"))});
  }
};

struct ReserveRequest {
  std::string show_id;
  std::vector<LineRequest> lines;
  static http::Shape shape() {
    using namespace http;
    return http::object<ReserveRequest>("ReserveRequest", {required("showId", &ReserveRequest::show_id, uuid({"EVENT#"})),
                                                     required("lines", &ReserveRequest::lines, items(1, 20))});
  }
};

constexpr std::size_t max_told_refunds = 100;

class Registrations {
 public:
  explicit Registrations(Services& services) : x(services) {}

  Task reserve(Request& request) {
    auto in = input<None, ReserveRequest>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto key = idempotency_of(request, in->caller.user.text());
    if (!key) co_return key.error();
    domain::Reserve command{.meta = meta_of(x, request, in->caller),
                            .show_id = checked_id<domain::ShowId>(in->body.show_id),
                            .payments_ready = x.payments_ready(),
                            .test = x.is_test(),
                            .epoch = x.ring.current_epoch()};
    for (auto& line : in->body.lines) {
      command.lines.push_back({checked_id<domain::TierId>(line.tier_id), line.quantity,
                               std::move(line.holders).value_or(std::vector<std::string>{})});
    }
    if (const auto refusal = *key ? std::nullopt : x.sale.refuse_sold_out(command)) co_return problem_of(*refusal);
    auto kept = kept_by<domain::Reserve>(*key, 201, [](const auto& made) { return http::write_json(to_json(made)); });
    auto answer = co_await submit(x.lane, std::move(command), std::move(kept));
    if (answer.replay) co_return again(std::move(*answer.replay));
    if (!answer.result) co_return problem_of(answer.result.error());
    if (answer.result->confirmed_at) x.workers.wake();
    co_return reply(201, to_json(*answer.result));
  }

  /// Its customer, an operator, the business that sells it, or who has the link to pay for it.
  Response show(Request& request) {
    const auto id = id_of<domain::RegistrationId>(request.param("registrationId"));
    const auto caller = payer_of(x, request, id.value_or(domain::RegistrationId{}));
    if (!caller) return caller.error();
    if (!id) return id.error();
    const auto row = row_of<domain::Registration>(x, *id);
    if (!row) return row.error();
    if (row->user_id != caller->user && !may(x, *caller, row->business_id, domain::Capability::see_sales)) {
      return problem_of({Refusal::forbidden, "registrationId", "The registration belongs to another account."});
    }
    RegistrationJson out = to_json(*row);
    if (caller->pays) {  // whoever holds the link pays; who comes is not told
      for (auto& line : out.lines) line.holders.clear();
    }
    out.refunds.emplace();
    for (const auto& refund : store::list<domain::Refund>(x.store, "by_registration", row->id.value, max_told_refunds).rows) {
      out.refunds->push_back(registration_refund_json(refund));
    }
    if (const auto payment = store::get<domain::Transaction>(x.store, row->transaction_id)) {
      out.payment_status = domain::word(payment->status);
    }
    return reply(200, out);
  }

  Task cancel(Request& request) {
    const auto in = input<domain::RegistrationId>(request, caller_of(x, request));
    if (!in) co_return in.error();
    domain::CancelRegistration command{.meta = meta_of(x, request, in->caller), .registration_id = in->id};
    co_return co_await perform(x.lane, std::move(command), 200, [this](const domain::Registration& cancelled) {
      x.workers.wake();
      return to_json(cancelled);
    });
  }

  Task mail(Request& request) {
    const auto in = input<domain::RegistrationId>(request, agent_of(x, request));
    if (!in) co_return in.error();
    auto answer = co_await submit(
        x.lane, domain::ResendMail{.meta = meta_of(x, request, in->caller), .registration_id = in->id});
    if (!answer.result) co_return problem_of(answer.result.error());
    x.workers.wake();
    co_return reply(202, to_json(*answer.result));
  }

 private:
  Services& x;
};

}  // namespace

void add_registrations(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Registrations>(services));
  const Shared user{.tags = {"Registrations"}, .security = {"user"}, .capability = {"holder", "see_sales"}};
  router.add(route(user, Verb::POST, "/v1/registrations", on(&Registrations::reserve),
                   once({.operation_id = "reserve",
                    .summary = "Hold places; what costs nothing is confirmed at once",
                    .capability = {"user"},
                    .request = http::json_body<ReserveRequest>(),
                    .replies = {http::json_reply<RegistrationJson>(201, "The registration.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::idempotency_key_reused, Refusal::unknown_show,
                                          Refusal::show_cancelled, Refusal::show_not_published, Refusal::sale_not_open,
                                          Refusal::sale_closed, Refusal::unknown_tier, Refusal::too_few, Refusal::too_many,
                                          Refusal::payments_unavailable, Refusal::sold_out, Refusal::too_many_holds}),
                    .curl = {{"body", R"({"showId": "$SHOW_ID", "lines": [{"tierId": "$TIER_ID", "quantity": 1, "holders": ["Ada Example"]}]})"}}})));
  router.add(route(user, Verb::GET, "/v1/registrations/{registrationId}", on(&Registrations::show),
                   {.operation_id = "getRegistration",
                    .summary = "A registration, for its customer and its business",
                    .replies = {http::json_reply<RegistrationJson>(200, "The registration.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_registration})}));
  router.add(route(user, Verb::POST, "/v1/registrations/{registrationId}/cancel", on(&Registrations::cancel),
                   {.operation_id = "cancelRegistration",
                    .summary = "Give held places back",
                    .description = "With a payment begun it becomes `expiring` until the provider says that nobody can pay it.",
                    .capability = {"holder", "operator"},
                    .replies = {http::json_reply<RegistrationJson>(200, "The registration.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_registration, Refusal::registration_not_held}),
                    .curl = {{"registrationId", "$HELD_REGISTRATION_ID"}}}));
  router.add(route(user, Verb::POST, "/v1/registrations/{registrationId}/mail", on(&Registrations::mail),
                   {.operation_id = "mailTickets",
                    .summary = "Send the mail with the tickets once more, at most once a minute",
                    .description = "To the address of the registration's account; by its customer or its business.",
                    .capability = {"holder", "sell"},
                    .replies = {http::json_reply<RegistrationJson>(202, "It will be sent.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_registration, Refusal::registration_not_held})}));
}

}  // namespace admit::api

// Shows, their tiers and quotas, their gates, and who came in.

#include <algorithm>

#include "api/door_json.hpp"
#include "api/once.hpp"
#include "api/paging.hpp"
#include "api/local_time.hpp"
#include "api/services.hpp"
#include "api/show_json.hpp"
#include "api/show_view.hpp"
#include "document/words.hpp"
#include "domain/shows.hpp"
#include "token/show_key.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

constexpr std::int64_t max_told_available = 100;

struct LocalWindow {
  std::string from_local, until_local;
  static http::Shape shape() {
    return http::object<LocalWindow>("LocalWindow", {http::required("fromLocal", &LocalWindow::from_local, http::local_time()),
                                                     http::required("untilLocal", &LocalWindow::until_local, http::local_time())});
  }
};

struct NewShow {
  std::string title, zone, starts_local, currency;
  std::optional<std::string> venue, address, language, doors_local, accent, conditions, sale_from, sale_until;
  std::optional<std::vector<LocalWindow>> windows;
  std::optional<std::int64_t> hold_seconds, hold_grace_seconds, max_tickets_per_registration, max_live_holds_per_user,
      max_live_holds_per_address, max_free_tickets_per_user, customer_refund_seconds;
  std::optional<bool> manual_capture, refund_keeps_fee;
  static http::Shape shape() {
    using namespace http;
    return http::object<NewShow>(
        "NewShow",
        {required("title", &NewShow::title, text(1, 100).example("An Evening at the Mill")),
         required("startsLocal", &NewShow::starts_local, local_time().doc("Wall time at the venue.").example("2030-06-01T20:00")),
         required("zone", &NewShow::zone, http::zone().doc("IANA time zone of the venue.").example("Europe/Warsaw")),
         required("currency", &NewShow::currency, http::currency().doc("Of ISO 4217, and in use.").example("EUR")),
         optional("venue", &NewShow::venue, text(0, 100).example("Old Mill")),
         optional("address", &NewShow::address, text(0, 150).example("Mill Lane 1, Exampleton")),
         optional("language", &NewShow::language, http::language().doc("Of ISO 639.").example("en")),
         optional("doorsLocal", &NewShow::doors_local, local_time().doc("When the doors open; an hour before the start by default.").example("2030-06-01T19:00")),
         optional("windows", &NewShow::windows,
                  items(1, 32).doc("When tickets are let in; by default from the doors' opening to six hours after the start.")
                      .example_raw(R"([{"fromLocal":"2030-06-01T19:00","untilLocal":"2030-06-02T02:00"}])")),
         optional("accent", &NewShow::accent, text(7, 7).doc("Colour of the ticket, #rrggbb.").example("#7a1f3d")),
         optional("conditions", &NewShow::conditions, multiline(0, 400).doc("Small print on the ticket.").example("No re-entry.")),
         optional("saleFrom", &NewShow::sale_from, date_time().example("2020-01-01T00:00:00Z")), optional("saleUntil", &NewShow::sale_until, date_time().example("2030-06-01T18:00:00Z")),
         optional("holdSeconds", &NewShow::hold_seconds, integer(60, 3600).doc("How long places are held, as shown to the buyer.").example_raw("600")),
         optional("holdGraceSeconds", &NewShow::hold_grace_seconds, integer(0, 1800).doc("How much longer they are held inside.").example_raw("180")),
         optional("maxTicketsPerRegistration", &NewShow::max_tickets_per_registration, integer(1, 40).example_raw("20")),
         optional("maxLiveHoldsPerUser", &NewShow::max_live_holds_per_user, integer(1, 1'000'000).example_raw("5")),
         optional("maxLiveHoldsPerAddress", &NewShow::max_live_holds_per_address, integer(1, 1'000'000).example_raw("50")),
         optional("maxFreeTicketsPerUser", &NewShow::max_free_tickets_per_user, integer(0, 1'000'000).example_raw("20")),
         optional("customerRefundSeconds", &NewShow::customer_refund_seconds,
                  integer(0, 31'622'400).doc("Until so long before the doors a buyer may give tickets back himself; 0: never.").example_raw("0")),
         optional("refundKeepsFee", &NewShow::refund_keeps_fee, boolean().doc("Such a refund is without the booking fee.")),
         optional("manualCapture", &NewShow::manual_capture, boolean().doc("Cards are reserved first and charged once the places are sure."))});
  }
};

struct NewQuota {
  std::string name;
  std::int64_t size = 0;
  static http::Shape shape() {
    return http::object<NewQuota>("NewQuota", {http::required("name", &NewQuota::name, http::text(1, 40).example("House")),
                                               http::required("size", &NewQuota::size, http::integer(0, 10'000'000).example_raw("500"))});
  }
};

struct NewTier {
  std::string name;
  std::int64_t price = 0;
  std::optional<std::int64_t> fee, tax_rate, min_per_registration, max_per_registration, capacity;
  std::optional<std::vector<std::string>> quota_ids;
  static http::Shape shape() {
    using namespace http;
    return http::object<NewTier>(
        "NewTier",
        {required("name", &NewTier::name, text(1, 40).example("Stalls")),
         required("price", &NewTier::price, integer(0, 99'999'999).doc("Gross, in minor units; 0 is free.").example_raw("2500")),
         optional("fee", &NewTier::fee, integer(0, 99'999'999).doc("Booking fee per ticket, on top.").example_raw("150")),
         optional("taxRate", &NewTier::tax_rate, integer(0, 10'000).doc("Contained tax, in basis points.").example_raw("700")),
         optional("minPerRegistration", &NewTier::min_per_registration, integer(1, 40).example_raw("1")),
         optional("maxPerRegistration", &NewTier::max_per_registration, integer(1, 40).example_raw("10")),
         optional("capacity", &NewTier::capacity, integer(0, 10'000'000).doc("Makes a quota of its own; or name quotaIds.").example_raw("100")),
         optional("quotaIds", &NewTier::quota_ids, items(1, 8, uuid()).doc("Draws from every one of them."))});
  }
};

http::Problem bad_field(std::string field, std::string detail) {
  return problem_of({Refusal::invalid_field, std::move(field), std::move(detail)});
}

/// As to_instant, for a show: nothing derived from it (doors an hour before) may lie before instants can be written.
std::expected<domain::Instant, std::string> show_time(std::string_view local, std::string_view zone) {
  auto at = to_instant(local, zone);
  if (at && *at < domain::Instant{std::chrono::days{2}}) return std::unexpected("Give a date from 1970-01-03 on.");
  return at;
}

/// What the organiser chose, with instants computed from wall times.
Expected<domain::Show> to_show(const NewShow& body) {
  domain::Show show;
  show.title = body.title;
  show.venue = body.venue.value_or("");
  show.address = body.address.value_or("");
  show.language = body.language.value_or("en");
  show.zone = body.zone;
  show.currency = body.currency;
  show.accent = body.accent.value_or("");
  show.conditions = body.conditions.value_or("");
  show.starts_local = body.starts_local.substr(0, 16);
  if (!document::is_language(show.language)) return std::unexpected(bad_field("language", "ISO 639 has no such language."));
  const auto starts = show_time(body.starts_local, body.zone);
  if (!starts) return std::unexpected(bad_field(is_zone(body.zone) ? "startsLocal" : "zone", starts.error()));
  show.starts_at = *starts;
  show.doors_at = *starts - std::chrono::hours{1};
  if (body.doors_local) {
    const auto doors = show_time(*body.doors_local, body.zone);
    if (!doors) return std::unexpected(bad_field("doorsLocal", doors.error()));
    show.doors_at = *doors;
    show.doors_local = body.doors_local->substr(0, 16);
  } else {
    show.doors_local = to_local(show.doors_at, body.zone);
  }
  if (body.windows) {
    for (std::size_t i = 0; i < body.windows->size(); ++i) {
      const std::string at = "windows[" + std::to_string(i) + "]";
      const auto from = show_time((*body.windows)[i].from_local, body.zone);
      if (!from) return std::unexpected(bad_field(at + ".fromLocal", from.error()));
      const auto until = show_time((*body.windows)[i].until_local, body.zone);
      if (!until) return std::unexpected(bad_field(at + ".untilLocal", until.error()));
      show.windows.push_back({*from, *until});
    }
  } else {
    show.windows.push_back({show.doors_at, show.starts_at + std::chrono::hours{6}});
  }
  if (show.accent.size() == 7 &&
      (show.accent[0] != '#' || show.accent.find_first_not_of("0123456789abcdefABCDEF", 1) != std::string::npos)) {
    return std::unexpected(bad_field("accent", "Give a colour as #rrggbb."));
  }
  if (body.sale_from) {
    show.sale_from = domain::parse_instant(*body.sale_from);
    if (!show.sale_from) return std::unexpected(bad_field("saleFrom", "Give an instant like 2030-06-01T18:00:00Z."));
  }
  if (body.sale_until) {
    show.sale_until = domain::parse_instant(*body.sale_until);
    if (!show.sale_until) return std::unexpected(bad_field("saleUntil", "Give an instant like 2030-06-01T18:00:00Z."));
  }
  show.hold_shown_s = body.hold_seconds.value_or(show.hold_shown_s);
  show.hold_grace_s = body.hold_grace_seconds.value_or(show.hold_grace_s);
  show.max_tickets_per_registration = body.max_tickets_per_registration.value_or(show.max_tickets_per_registration);
  show.max_live_holds_per_user = body.max_live_holds_per_user.value_or(show.max_live_holds_per_user);
  show.max_live_holds_per_address = body.max_live_holds_per_address.value_or(show.max_live_holds_per_address);
  show.max_free_tickets_per_user = body.max_free_tickets_per_user.value_or(show.max_free_tickets_per_user);
  show.customer_refund_until_s = body.customer_refund_seconds.value_or(show.customer_refund_until_s);
  show.refund_keeps_fee = body.refund_keeps_fee.value_or(show.refund_keeps_fee);
  show.manual_capture = body.manual_capture.value_or(show.manual_capture);
  return show;
}

class Shows {
 public:
  explicit Shows(Services& services) : x(services) {}

  Task create(Request& request) {
    const auto in = input<domain::BusinessId, NewShow>(request, agent_of(x, request));
    if (!in) co_return in.error();
    auto show = to_show(in->body);
    if (!show) co_return show.error();
    domain::CreateShow command{.meta = meta_of(x, request, in->caller), .show = std::move(*show)};
    command.show.business_id = in->id;
    command.show.id = domain::ShowId{domain::fresh_uuid(command.meta.now, x.seed(), 0)};
    const auto key = token::make_show_key(x.ring, command.show.id, 0);
    command.public_key.data = crypto::text_of(key.public_key);
    command.wrapped_private_key.data = crypto::text_of(key.wrapped_private);
    co_return co_await perform_once(x, request, std::move(command), 201,
                                    [](const domain::Show& made) { return to_json(made, {}); });
  }

  /// A draft is there for its business only.
  Response show(Request& request) {
    const auto in = input<domain::ShowId>(request, Expected<None>{});
    if (!in) return in.error();
    const auto row = row_of<domain::Show>(x, in->id);
    if (!row) return row.error();
    if (row->status == domain::ShowStatus::draft) {
      const auto caller = agent_of(x, request);
      if (!caller || !may(x, *caller, row->business_id, domain::Capability::see_shows)) return unknown(name_of(row->id));
    }
    return reply(200, show_json(x.store, *row));
  }

  Task create_quota(Request& request) {
    const auto in = input<domain::ShowId, NewQuota>(request, agent_of(x, request));
    if (!in) co_return in.error();
    domain::CreateQuota command{
        .meta = meta_of(x, request, in->caller), .show_id = in->id, .name = in->body.name, .size = in->body.size};
    co_return co_await perform_once(x, request, std::move(command), 201,
                                    [](const domain::Quota& made) { return to_json(made); });
  }

  Task create_tier(Request& request) {
    const auto in = input<domain::ShowId, NewTier>(request, agent_of(x, request));
    if (!in) co_return in.error();
    const NewTier& body = in->body;
    domain::CreateTier command{.meta = meta_of(x, request, in->caller),
                               .show_id = in->id,
                               .name = body.name,
                               .price_minor = body.price,
                               .tax_rate_bp = body.tax_rate.value_or(0),
                               .fee_minor = body.fee.value_or(0),
                               .min_per_registration = body.min_per_registration.value_or(1),
                               .max_per_registration = body.max_per_registration.value_or(10),
                               .capacity = body.capacity};
    for (const auto& text : body.quota_ids.value_or(std::vector<std::string>{})) {
      command.quota_ids.push_back(checked_id<domain::QuotaId>(text));
    }
    const auto key = idempotency_of(request, command.meta.actor);
    if (!key) co_return key.error();
    // Only its id is kept: how many are left is said as it is now.
    auto kept = kept_by<domain::CreateTier>(*key, 201, [](const domain::Tier& made) { return made.id.text(); });
    auto answer = co_await submit(x.lane, std::move(command), std::move(kept));
    if (answer.replay) answer.result = store::get<domain::Tier>(x.store, domain::TierId::parse(answer.replay->body).value()).value();
    if (!answer.result) co_return problem_of(answer.result.error());
    const domain::Tier& made = *answer.result;
    Response response = reply(201, to_json(made, store::get<domain::Show>(x.store, made.show_id)->currency, available(made)));
    if (answer.replay) response.headers.push_back({"Idempotent-Replayed", "true"});
    co_return response;
  }

  Task publish(Request& request) {
    const auto in = input<domain::ShowId>(request, agent_of(x, request));
    if (!in) co_return in.error();
    domain::PublishShow command{.meta = meta_of(x, request, in->caller), .show_id = in->id};
    co_return co_await perform(x.lane, std::move(command), 200, [this](const domain::Show& show) {
      return show_json(x.store, show);
    });
  }

  Response check_ins(Request& request) {
    const auto show = show_for(request, domain::Capability::see_check_ins);
    if (!show) return show.error();
    const auto page = page_of<domain::CheckIn>(x.store, request, "by_show", show->id.value, true);
    if (!page) return page.error();
    CheckInList out;
    for (const auto& row : page->rows) out.check_ins.push_back(to_json(row));
    if (page->next) out.next_cursor = cursor_text(*page->next);
    return reply(200, out);
  }

 private:
  Expected<domain::Show> show_for(const Request& request, domain::Capability capability) {
    const auto in = input<domain::ShowId>(request, agent_of(x, request));
    if (!in) return std::unexpected(in.error());
    auto show = row_of<domain::Show>(x, in->id);
    if (show && !may(x, in->caller, show->business_id, capability)) {
      return std::unexpected(problem_of(
          {Refusal::forbidden, "showId", "The show belongs to another business, or your role may not do this."}));
    }
    return show;
  }

  std::int64_t available(const domain::Tier& tier) {
    std::int64_t least = max_told_available;
    for (const auto& id : tier.quota_ids) {
      if (const auto quota = store::get<domain::Quota>(x.store, id)) least = std::min(least, quota->size - quota->taken);
    }
    return std::max<std::int64_t>(least, 0);
  }

  Services& x;
};

}  // namespace

ShowJson show_json(store::Store& store, const domain::Show& show) {
  const auto tiers = store::list<domain::Tier>(store, "by_show", show.id.value, domain::max_tiers_per_show).rows;
  std::vector<domain::Need> needs;
  for (const auto& tier : tiers) {
    for (const auto& id : tier.quota_ids) needs.push_back({domain::table_of<domain::Quota>, id.value, false});
  }
  domain::World world;
  store.read(needs, world);
  std::vector<TierJson> out;
  for (const auto& tier : tiers) {
    std::int64_t left = max_told_available;
    for (const auto& id : tier.quota_ids) {
      const auto& quota = world.get<domain::Quota>(id);
      left = std::clamp<std::int64_t>(quota.size - quota.taken, 0, left);
    }
    out.push_back(to_json(tier, show.currency, left));
  }
  return to_json(show, std::move(out));
}

void add_shows(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Shows>(services));
  const Shared open{.tags = {"Shows"}};
  const Shared organiser{.tags = {"Shows"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"manage_shows"}};
  const Shared door{.tags = {"Door"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"see_check_ins"}};
  const auto manage = [](std::initializer_list<Refusal> more) {
    auto out = refusals({Refusal::forbidden, Refusal::unknown_show});
    for (auto& problem : refusals(more)) out.push_back(problem);
    return out;
  };
  router.add(route(organiser, Verb::POST, "/v1/businesses/{businessId}/shows", on(&Shows::create),
                   once({.operation_id = "createShow",
                    .summary = "Draft a show",
                    .request = http::json_body<NewShow>(),
                    .replies = {http::json_reply<ShowJson>(201, "The draft.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_business, Refusal::forbidden})})));
  router.add(route(open, Verb::GET, "/v1/shows/{showId}", on(&Shows::show),
                   {.operation_id = "getShow",
                    .summary = "A show with its tiers and what is left",
                    .description = "A draft is there for whoever may see the shows of its business; 404 for everybody else.",
                    .capability = {"anybody"},
                    .replies = {http::json_reply<ShowJson>(200, "The show.")},
                    .problems = refusals({Refusal::unknown_show})}));
  router.add(route(organiser, Verb::POST, "/v1/shows/{showId}/quotas", on(&Shows::create_quota),
                   once({.operation_id = "createQuota",
                    .summary = "Add a quota that tiers draw from",
                    .request = http::json_body<NewQuota>(),
                    .replies = {http::json_reply<QuotaJson>(201, "The quota.")},
                    .problems = manage({Refusal::invalid_field, Refusal::show_cancelled})})));
  router.add(route(organiser, Verb::POST, "/v1/shows/{showId}/tiers", on(&Shows::create_tier),
                   once({.operation_id = "createTier",
                    .summary = "Add a tier, with quotas named or a capacity of its own",
                    .request = http::json_body<NewTier>(R"({"name": "Stalls", "price": 2500, "fee": 150, "taxRate": 700, "capacity": 100})"),
                    .replies = {http::json_reply<TierJson>(201, "The tier.")},
                    .problems = manage({Refusal::invalid_field, Refusal::show_cancelled})})));
  router.add(route(organiser, Verb::POST, "/v1/shows/{showId}/publish", on(&Shows::publish),
                   {.operation_id = "publishShow",
                    .summary = "Put a show on sale",
                    .replies = {http::json_reply<ShowJson>(200, "The show.")},
                    .problems = manage({Refusal::show_cancelled, Refusal::show_incomplete, Refusal::sale_closed})}));
  router.add(route(door, Verb::GET, "/v1/shows/{showId}/check-ins", on(&Shows::check_ins),
                   {.operation_id = "listCheckIns",
                    .summary = "Every scan at a show's doors, newest first, refused ones too",
                    .parameters = paging_parameters(),
                    .replies = {http::json_reply<CheckInList>(200, "The scans; nextCursor where there are more.")},
                    .problems = manage({Refusal::invalid_field})}));
}

}  // namespace admit::api

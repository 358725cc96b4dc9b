// Businesses, the accounts they are paid into, and all their shows in one call.

#include <algorithm>
#include <utility>

#include "api/once.hpp"
#include "api/paging.hpp"
#include "api/services.hpp"
#include "api/show_json.hpp"
#include "api/show_view.hpp"
#include "domain/access.hpp"
#include "domain/accounts.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

constexpr std::size_t max_listed = 1'000;

struct NewBusiness {
  std::string name;
  static http::Shape shape() {
    return http::object<NewBusiness>(
        "NewBusiness", {http::required("name", &NewBusiness::name, http::text(1, 60).example("Old Mill Theatre"))});
  }
};

struct ShowList {
  std::vector<ShowJson> shows;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    return http::object<ShowList>("ShowList",
                                  {http::required("shows", &ShowList::shows, http::items(0, 1000)),
                                   http::optional("nextCursor", &ShowList::next_cursor, http::text(1, 200))});
  }
};

class Businesses {
 public:
  explicit Businesses(Services& services) : x(services) {}

  Task create(Request& request) {
    const auto in = input<None, NewBusiness>(request, caller_of(x, request));
    if (!in) co_return in.error();
    domain::CreateBusiness command{
        .meta = meta_of(x, request, in->caller), .name = in->body.name, .terms = x.settings.fee_terms};
    co_return co_await perform_once(x, request, std::move(command), 201, say);
  }

  Response show(Request& request) {
    const auto business = business_for(x, request, domain::Capability::see_business);
    if (!business) return business.error();
    return reply(200, to_json(*business));
  }

  /// Those of the user's businesses that the caller may see; of somebody who shares none with the caller, none.
  Task shows(Request& request) {
    const auto caller = agent_of(x, request);
    if (!caller) co_return caller.error();
    if (caller->key && businesses_for(x, *caller, domain::Capability::see_shows).empty()) {
      co_return problem_of({Refusal::forbidden, "", "The key may not see shows."});
    }
    const auto named = caller->key ? named_user(request) : named_user(request, caller->user);
    if (!named) co_return named.error();
    auto businesses =
        businesses_for(x, Caller{.user = *named, .session = {}, .key = {}}, domain::Capability::see_shows);
    if (*named != caller->user && !caller->is_operator) {
      std::erase_if(businesses,
                    [&](domain::BusinessId id) { return !may(x, *caller, id, domain::Capability::see_shows); });
      if (businesses.empty()) co_return problem_of({Refusal::forbidden, "userId", "These are another user's shows."});
    }
    const auto after = cursor_of(request);
    if (!after) co_return after.error();
    co_return reply(200, co_await on_pool(x.pool, [&] { return shows_of(businesses, *after, limit_of(request)); }));
  }

 private:
  static BusinessJson say(const domain::Business& business) { return to_json(business); }

  /// A cursor's id is the business where the list goes on, and its text the place in that business's shows.
  ShowList shows_of(const std::vector<domain::BusinessId>& businesses, const std::optional<store::Cursor>& after,
                    std::size_t limit) {
    ShowList out;
    auto at = businesses.begin();
    std::optional<store::Cursor> inside;
    if (after) {
      at = std::ranges::find(businesses, domain::BusinessId{after->id});
      if (after->order.size() >= 16) {
        inside = store::Cursor{after->order.substr(16),
                               domain::Uuid::from_bytes(reinterpret_cast<const std::uint8_t*>(after->order.data()))};
      }
    }
    for (; at != businesses.end(); ++at) {
      const auto room = limit - out.shows.size();
      if (room == 0) {
        out.next_cursor = cursor_text({"", at->value});
        break;
      }
      const auto page = store::list<domain::Show>(x.store, "by_business", at->value, room, std::exchange(inside, {}));
      for (const auto& row : page.rows) out.shows.push_back(show_json(x.store, row));
      if (page.next) {
        out.next_cursor = cursor_text({page.next->id.raw() + page.next->order, at->value});
        break;
      }
    }
    return out;
  }

  Services& x;
};

}  // namespace

Expected<domain::UserId> named_user(const Request& request, domain::UserId self) {
  std::string_view text = request.param("userId");
  if (text.empty()) text = request.query("userId").value_or("");
  if (text.empty()) return self;
  return id_of<domain::UserId>(text);
}

Expected<domain::UserId> named_user(const Request& request) {
  auto named = named_user(request, domain::UserId{});
  if (named && !*named) {
    return std::unexpected(
        problem_of({Refusal::invalid_field, "userId", "A key has nothing of its own; name a user."}));
  }
  return named;
}

std::vector<domain::BusinessId> businesses_for(const Services& services, const Caller& caller,
                                               domain::Capability capability) {
  std::vector<domain::BusinessId> out;
  if (caller.key) {
    const auto key = store::get<domain::ApiKey>(services.store, caller.key);
    if (key && may(services, caller, key->business_id, capability)) out.push_back(key->business_id);
    return out;
  }
  for (const auto& row :
       store::list<domain::Business>(services.store, "by_owner", caller.user.value, max_listed).rows) {
    out.push_back(row.id);
  }
  for (const auto& row : store::list<domain::Member>(services.store, "by_user", caller.user.value, max_listed).rows) {
    if (out.size() < max_listed && !row.removed_at && domain::may(row.role, capability)) out.push_back(row.business_id);
  }
  return out;
}

void add_by_user(http::Router& router, const http::Route& route) {
  http::Route own = route;
  own.doc.parameters.push_back(
      http::query_param("userId", http::uuid({"USER#"}).doc("The user; the caller by default.")));
  http::Route by_path = route;
  by_path.path_template += "/{userId}";
  by_path.doc.operation_id += "ByUser";
  by_path.doc.parameters.push_back(http::path_param("userId", http::uuid({"USER#"})));
  add_twice(router, std::move(own));
  add_twice(router, std::move(by_path));
}

void add_businesses(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Businesses>(services));
  const Shared user{.tags = {"Businesses"}, .security = {"user"}, .capability = {"user"}};
  const Shared organiser{
      .tags = {"Businesses"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"see_business"}};
  router.add(route(user, Verb::POST, "/v1/businesses", on(&Businesses::create),
                   once({.operation_id = "createBusiness",
                         .summary = "Create a business; the caller owns it",
                         .request = http::json_body<NewBusiness>(),
                         .replies = {http::json_reply<BusinessJson>(201, "The business.")},
                         .problems = refusals({Refusal::invalid_field, Refusal::unknown_user})})));
  router.add(route(organiser, Verb::GET, "/v1/businesses/{businessId}", on(&Businesses::show),
                   {.operation_id = "getBusiness",
                    .summary = "One's own business",
                    .replies = {http::json_reply<BusinessJson>(200, "The business.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_business})}));
  add_by_user(router,
              route(user, Verb::GET, "/businessShows", on(&Businesses::shows),
                    {.operation_id = "businessShows",
                     .summary = "All shows of a user's businesses, drafts too",
                     .description =
                         "Of the businesses that the user owns or works for. Of another user those that the caller may "
                         "see. Up to 1,000; beyond that with nextCursor.",
                     .tags = {"Compatibility"},
                     .capability = {"user", "see_shows"},
                     .parameters = paging_parameters(),
                     .replies = {http::json_reply<ShowList>(200, "The shows.")},
                     .problems = refusals({Refusal::forbidden, Refusal::unknown_user, Refusal::invalid_field})}));
}

}  // namespace admit::api

// Businesses, the accounts they are paid into, and all their shows in one call.

#include "api/services.hpp"
#include "api/show_json.hpp"
#include "api/show_view.hpp"
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
    return http::object<NewBusiness>("NewBusiness", {http::required("name", &NewBusiness::name, http::text(1, 60).example("Old Mill Theatre"))});
  }
};

struct ShowList {
  std::vector<ShowJson> shows;
  static http::Shape shape() {
    return http::object<ShowList>("ShowList", {http::required("shows", &ShowList::shows, http::items(0, 1000))});
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
    co_return co_await perform(x.lane, std::move(command), 201, say);
  }

  Response show(Request& request) {
    const auto business = managed_business(x, request);
    if (!business) return business.error();
    return reply(200, to_json(*business));
  }

  /// The caller's, or those of the user named where the caller is an operator.
  Task shows(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    const auto named = named_user(request, caller->user);
    if (!named) co_return named.error();
    if (*named != caller->user && !caller->is_operator) {
      co_return problem_of({Refusal::forbidden, "userId", "These are another user's shows."});
    }
    co_return reply(200, co_await on_pool(x.pool, [this, owner = *named] { return shows_of(owner); }));
  }

 private:
  static BusinessJson say(const domain::Business& business) { return to_json(business); }

  ShowList shows_of(domain::UserId owner) {
    ShowList out;
    for (const auto& business : store::list<domain::Business>(x.store, "by_owner", owner.value, max_listed).rows) {
      const auto room = max_listed - out.shows.size();
      if (room == 0) break;
      for (const auto& row : store::list<domain::Show>(x.store, "by_business", business.id.value, room).rows) {
        out.shows.push_back(show_json(x.store, row));
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

void add_by_user(http::Router& router, const http::Route& route) {
  http::Route own = route;
  own.doc.parameters.push_back(http::query_param("userId", http::uuid({"USER#"}).doc("The user; the caller by default.")));
  http::Route by_path = route;
  by_path.path_template += "/{userId}";
  by_path.doc.operation_id += "ByUser";
  by_path.doc.parameters.push_back(http::path_param("userId", http::uuid({"USER#"})));
  add_twice(router, std::move(own));
  add_twice(router, std::move(by_path));
}

void add_businesses(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Businesses>(services));
  const Shared user{.tags = {"Businesses"}, .security = {"user"}};
  const Shared organiser{.tags = {"Businesses"}, .security = {"user"}, .token = "$ORGANISER_TOKEN"};
  router.add(route(user, Verb::POST, "/v1/businesses", on(&Businesses::create),
                   {.operation_id = "createBusiness",
                    .summary = "Create a business; the caller owns it",
                    .request = http::json_body<NewBusiness>(),
                    .replies = {http::json_reply<BusinessJson>(201, "The business.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_user})}));
  router.add(route(organiser, Verb::GET, "/v1/businesses/{businessId}", on(&Businesses::show),
                   {.operation_id = "getBusiness",
                    .summary = "One's own business",
                    .replies = {http::json_reply<BusinessJson>(200, "The business.")},
                    .problems = refusals({Refusal::forbidden, Refusal::unknown_business})}));
  add_by_user(router, route(user, Verb::GET, "/businessShows", on(&Businesses::shows),
                            {.operation_id = "businessShows",
                             .summary = "All shows of a user's businesses, drafts too",
                             .description = "One's own; an operator may name any user. At most 1,000.",
                             .tags = {"Compatibility"},
                             .replies = {http::json_reply<ShowList>(200, "The shows.")},
                             .problems = refusals({Refusal::forbidden, Refusal::unknown_user})}));
}

}  // namespace admit::api

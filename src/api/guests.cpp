// Guests: who buys with an e-mail address, and comes back by the link to the
// order.

#include "domain/guests.hpp"
#include "api/address_limit.hpp"
#include "api/order_end.hpp"
#include "api/services.hpp"
#include "api/session_json.hpp"
#include "domain/sessions.hpp"
#include "domain/users.hpp"
#include "document/words.hpp"
#include "token/order_key.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Task;
using http::Verb;

constexpr std::int64_t session_ttl_s = 24 * 3600;
/// Many buyers may share one address: a school, a mobile network.
constexpr double guest_burst = 200, guests_per_second = 2;
constexpr double wrong_key_burst = 20, wrong_keys_per_second = 0.2;

struct NewGuest {
  std::string email;
  std::optional<std::string> name, locale;
  static http::Shape shape() {
    using namespace http;
    return http::object<NewGuest>(
        "NewGuest",
        {required("email", &NewGuest::email, http::email().doc("Where the tickets go.").example("ada@example.com")),
         optional("name", &NewGuest::name, text(0, 60).doc("On tickets that name no holder.").example("Ada Example")),
         optional("locale", &NewGuest::locale, language().doc("Language of tickets and messages.").example("en"))});
  }
};

struct GuestSession {
  std::string registration_id, key;
  static http::Shape shape() {
    using namespace http;
    return http::object<GuestSession>(
        "GuestSession",
        {required("registrationId", &GuestSession::registration_id, uuid({"REG#"})),
         required("key", &GuestSession::key, text(1, 100).doc("What stands behind `#k=` in the link to the order."))});
  }
};

http::Problem too_many(const AddressLimit& limit) {
  return {429, "too_many_requests", "Too many requests from this address; wait a moment.", "", limit.wait_s()};
}

class Guests {
 public:
  explicit Guests(Services& services) : x(services), x_keys(services.ring) {}

  Task create(Request& request) {
    auto body = body_of<NewGuest>(request);
    if (!body) co_return body.error();
    const auto email = domain::normal_email(body->email);
    if (!email) co_return problem_of({Refusal::invalid_field, "email", "Give an e-mail address like ada@example.com."});
    if (body->locale && !document::is_language(*body->locale)) {
      co_return problem_of({Refusal::invalid_field, "locale", "ISO 639 has no such language."});
    }
    const domain::Meta meta = meta_of(x, request);
    if (!x_new.take(request.peer, meta.now)) co_return too_many(x_new);
    const auto fresh = new_session(x, meta);
    domain::CreateGuest command{.meta = meta,
                                .email = *email,
                                .name = body->name.value_or(""),
                                .locale = body->locale.value_or(""),
                                .session_id = fresh.id,
                                .refresh_hash = fresh.refresh_hash,
                                .agent = std::string(request.header("User-Agent").value_or("")),
                                .session_ttl_s = session_ttl_s};
    co_return co_await perform(x.lane, std::move(command), 201, [&](const domain::User& user) {
      return session_json(x, user, fresh.id, fresh.refresh_token, meta.now);
    });
  }

  /// Whatever is wrong with a key is answered alike.
  Task sign_in(Request& request) {
    auto body = body_of<GuestSession>(request);
    if (!body) co_return body.error();
    domain::Meta meta = meta_of(x, request);
    const auto user = guest_of(checked_id<domain::RegistrationId>(body->registration_id), body->key, meta.now);
    if (!user) {
      if (!x_wrong.take(request.peer, meta.now)) co_return too_many(x_wrong);
      co_return http::Problem{401, "wrong_key", "The key does not open this order, or no longer.", "key", 0};
    }
    meta.user = user->id;
    meta.actor = "user:" + user->id.text();
    const auto fresh = new_session(x, meta);
    domain::StartSession command{.meta = meta,
                                 .session_id = fresh.id,
                                 .user_id = user->id,
                                 .refresh_hash = fresh.refresh_hash,
                                 .ttl_s = session_ttl_s,
                                 .method = "link",
                                 .agent = std::string(request.header("User-Agent").value_or(""))};
    co_return co_await perform(x.lane, std::move(command), 201, [&](const domain::Session&) {
      return session_json(x, *user, fresh.id, fresh.refresh_token, meta.now);
    });
  }

 private:
  /// A key opens a guest's order only: it must never sign in to an account.
  std::optional<domain::User> guest_of(domain::RegistrationId id, std::string_view key, domain::Instant now) {
    if (!x_keys.opens(id, key)) return std::nullopt;
    const auto registration = store::get<domain::Registration>(x.store, id);
    if (!registration) return std::nullopt;
    const auto show = store::get<domain::Show>(x.store, registration->show_id);
    auto user = store::get<domain::User>(x.store, registration->user_id);
    if (!show || !user || !user->guest || now >= order_link_end(*show)) return std::nullopt;
    return user;
  }

  Services& x;
  token::OrderKeys x_keys;
  AddressLimit x_new{guest_burst, guests_per_second};
  AddressLimit x_wrong{wrong_key_burst, wrong_keys_per_second};
};

}  // namespace

void add_guests(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Guests>(services));
  const Shared open{.tags = {"Accounts"}};
  const http::ProblemDoc too_many{429, "too_many_requests",
                                  "Too many from this address; Retry-After says when to try again."};
  auto problems = refusals({Refusal::invalid_field});
  problems.push_back(too_many);
  router.add(route(
      open, Verb::POST, "/v1/guests", on(&Guests::create),
      {.operation_id = "createGuest",
       .summary = "Buy without an account: a guest for one order",
       .description =
           "Nobody else can sign in to a guest, and the e-mail address stays free for an account. The buyer comes back "
           "by the link to the order. Make a new guest for each order: the link to one opens all orders of its guest.",
       .request = http::json_body<NewGuest>(),
       .replies = {http::json_reply<SessionJson>(201, "Tokens of the guest; the sign-in lasts a day.")},
       .problems = std::move(problems)}));
  router.add(route(open, Verb::POST, "/v1/guest-sessions", on(&Guests::sign_in),
                   {.operation_id = "openOrder",
                    .summary = "Come back to a guest's order by the key in its link",
                    .description = "The link is good until 60 days after the show. Its key stands behind the `#`, so "
                                   "no server and no other site sees it.",
                    .request = http::json_body<GuestSession>(),
                    .replies = {http::json_reply<SessionJson>(201, "Tokens of the guest; the sign-in lasts a day.")},
                    .problems = {{401, "wrong_key", "The key does not open this order, or no longer."}, too_many},
                    .curl = {{"body", R"({"registrationId": "$GUEST_REGISTRATION_ID", "key": "$ORDER_KEY"})"}}}));
}

}  // namespace admit::api

// The signed-in account: what is known of it, its changes, its data and its end.

#include <algorithm>

#include "api/account_json.hpp"
#include "api/external.hpp"
#include "api/paging.hpp"
#include "api/passwords.hpp"
#include "api/registration_json.hpp"
#include "api/services.hpp"
#include "api/session_cookie.hpp"
#include "document/words.hpp"
#include "domain/people.hpp"
#include "domain/users.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

constexpr std::size_t max_listed = 200;
constexpr std::size_t max_businesses = 100;
constexpr std::size_t max_shows_ahead = 1'000;

struct ProfileChange {
  std::optional<std::string> name, locale;
  static http::Shape shape() {
    using namespace http;
    return http::object<ProfileChange>("ProfileChange", {optional("name", &ProfileChange::name, text(1, 60)),
                                                         optional("locale", &ProfileChange::locale, language())});
  }
};

struct EmailChange {
  std::string email, password;
  static http::Shape shape() {
    using namespace http;
    return http::object<EmailChange>("EmailChange",
                                     {required("email", &EmailChange::email, http::email().example("ada@example.org")),
                                      required("password", &EmailChange::password, text(0, 256))});
  }
};

struct PasswordChange {
  std::string password, new_password;
  static http::Shape shape() {
    using namespace http;
    return http::object<PasswordChange>(
        "PasswordChange",
        {required("password", &PasswordChange::password, text(0, 256).doc("The old one; \"\" where there is none.")),
         required("newPassword", &PasswordChange::new_password, text(1, 256))});
  }
};

struct Erasure {
  std::string password;
  static http::Shape shape() {
    using namespace http;
    return http::object<Erasure>(
        "Erasure", {required("password", &Erasure::password, text(0, 256).doc("\"\" where the account has none."))});
  }
};

// What is exported.

struct ExportedPayment {
  std::string transaction_id, registration_id, status, currency, created_at;
  std::int64_t amount = 0;
  static http::Shape shape() {
    using namespace http;
    return http::object<ExportedPayment>(
        "ExportedPayment",
        {required("transactionId", &ExportedPayment::transaction_id, uuid()),
         required("registrationId", &ExportedPayment::registration_id, uuid()),
         required("status", &ExportedPayment::status), required("amount", &ExportedPayment::amount),
         required("currency", &ExportedPayment::currency), required("createdAt", &ExportedPayment::created_at)});
  }
};

struct ExportedTicket {
  std::string ticket_id, registration_id, show_id, holder, status, issued_at;
  std::optional<std::string> used_at;
  static http::Shape shape() {
    using namespace http;
    return http::object<ExportedTicket>(
        "ExportedTicket",
        {required("ticketId", &ExportedTicket::ticket_id, uuid()),
         required("registrationId", &ExportedTicket::registration_id, uuid()),
         required("showId", &ExportedTicket::show_id, uuid()), required("holder", &ExportedTicket::holder),
         required("status", &ExportedTicket::status), required("issuedAt", &ExportedTicket::issued_at),
         optional("usedAt", &ExportedTicket::used_at)});
  }
};

struct ExportedSession {
  std::string session_id, method, agent, address, created_at;
  std::optional<std::string> ended_at;
  static http::Shape shape() {
    using namespace http;
    return http::object<ExportedSession>(
        "ExportedSignIn",
        {required("sessionId", &ExportedSession::session_id, uuid()), required("method", &ExportedSession::method),
         required("agent", &ExportedSession::agent), required("address", &ExportedSession::address),
         required("createdAt", &ExportedSession::created_at), optional("endedAt", &ExportedSession::ended_at)});
  }
};

struct ExportedPasskey {
  std::string name, created_at;
  std::optional<std::string> used_at, removed_at;
  static http::Shape shape() {
    using namespace http;
    return http::object<ExportedPasskey>(
        "ExportedPasskey",
        {required("name", &ExportedPasskey::name), required("createdAt", &ExportedPasskey::created_at),
         optional("usedAt", &ExportedPasskey::used_at), optional("removedAt", &ExportedPasskey::removed_at)});
  }
};

struct ExportedIdentity {
  std::string issuer, subject, email, linked_at;
  static http::Shape shape() {
    using namespace http;
    return http::object<ExportedIdentity>(
        "ExportedIdentity",
        {required("issuer", &ExportedIdentity::issuer), required("subject", &ExportedIdentity::subject),
         required("email", &ExportedIdentity::email), required("linkedAt", &ExportedIdentity::linked_at)});
  }
};

struct ExportedMembership {
  std::string business_id, role, added_at;
  std::optional<std::string> removed_at;
  static http::Shape shape() {
    using namespace http;
    return http::object<ExportedMembership>(
        "ExportedMembership",
        {required("businessId", &ExportedMembership::business_id, uuid()),
         required("role", &ExportedMembership::role), required("addedAt", &ExportedMembership::added_at),
         optional("removedAt", &ExportedMembership::removed_at)});
  }
};

/// Somebody whom the account invited.
struct ExportedInvitation {
  std::string business_id, email, role, invited_at;
  static http::Shape shape() {
    using namespace http;
    return http::object<ExportedInvitation>(
        "ExportedInvitation",
        {required("businessId", &ExportedInvitation::business_id, uuid()),
         required("email", &ExportedInvitation::email), required("role", &ExportedInvitation::role),
         required("invitedAt", &ExportedInvitation::invited_at)});
  }
};

struct ExportedKey {
  std::string key_id, business_id, name, created_at;
  std::optional<std::string> revoked_at;
  static http::Shape shape() {
    using namespace http;
    return http::object<ExportedKey>(
        "ExportedApiKey",
        {required("keyId", &ExportedKey::key_id, uuid()), required("businessId", &ExportedKey::business_id, uuid()),
         required("name", &ExportedKey::name), required("createdAt", &ExportedKey::created_at),
         optional("revokedAt", &ExportedKey::revoked_at)});
  }
};

/// A network or browser that the account was used from: kept as a hash, nobody can tell which.
struct ExportedPlace {
  std::string seen_at;
  std::optional<std::string> known_until;
  static http::Shape shape() {
    using namespace http;
    return http::object<ExportedPlace>("ExportedPlace",
                                       {required("seenAt", &ExportedPlace::seen_at),
                                        optional("knownUntil", &ExportedPlace::known_until)});
  }
};

struct Export {
  std::optional<MeJson> account;
  std::optional<std::vector<ExportedSession>> sessions;
  std::optional<std::vector<ExportedPasskey>> passkeys;
  std::optional<std::vector<ExportedIdentity>> identities;
  std::optional<std::vector<ExportedMembership>> memberships;
  std::optional<std::vector<ExportedInvitation>> invitations;
  std::optional<std::vector<ExportedKey>> keys;
  std::optional<std::vector<ExportedPlace>> places;
  std::vector<RegistrationJson> registrations;
  std::vector<ExportedTicket> tickets;
  std::vector<ExportedPayment> payments;
  std::optional<std::string> next_cursor;
  static http::Shape shape() {
    using namespace http;
    return http::object<Export>("PersonExport",
                                {optional("account", &Export::account), optional("sessions", &Export::sessions),
                                 optional("passkeys", &Export::passkeys), optional("identities", &Export::identities),
                                 optional("memberships", &Export::memberships),
                                 optional("invitations", &Export::invitations),
                                 optional("apiKeys", &Export::keys), optional("knownPlaces", &Export::places),
                                 required("registrations", &Export::registrations, items(0, 1000)),
                                 required("tickets", &Export::tickets, items(0, 100'000)),
                                 required("payments", &Export::payments, items(0, 100'000)),
                                 optional("nextCursor", &Export::next_cursor, text(1, 200))});
  }
};

std::optional<std::string> text_of(const std::optional<domain::Instant>& at) {
  return at ? std::optional(domain::text(*at)) : std::nullopt;
}

class Profile {
 public:
  explicit Profile(Services& services) : x(services) {}

  Task me(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    const auto user = row_of<domain::User>(x, caller->user);
    if (!user) co_return user.error();
    co_return reply(200, co_await on_pool(x.pool, [&] { return me_json(x, *user); }));
  }

  Task change(Request& request) {
    const auto in = input<None, ProfileChange>(request, caller_of(x, request));
    if (!in) co_return in.error();
    if (in->body.locale && !document::is_language(*in->body.locale)) {
      co_return problem_of({Refusal::invalid_field, "locale", "ISO 639 has no such language."});
    }
    domain::ChangeProfile command{
        .meta = meta_of(x, request, in->caller), .name = in->body.name, .locale = in->body.locale};
    co_return co_await perform(x.lane, std::move(command), 200,
                               [&](const domain::User& user) { return me_json(x, user); });
  }

  Task resend(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    domain::Meta meta = meta_of(x, request, *caller);
    auto proof = new_proof(x, meta);
    domain::ResendVerification command{.meta = std::move(meta), .proof = std::move(proof)};
    co_return co_await done(std::move(command));
  }

  Task change_email(Request& request) {
    const auto in = input<None, EmailChange>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto email = domain::normal_email(in->body.email);
    if (!email) co_return problem_of({Refusal::invalid_field, "email", "Give an e-mail address like ada@example.com."});
    const auto user = co_await proven_user(x, meta_of(x, request, in->caller), in->caller, in->body.password);
    if (!user) co_return user.error();
    domain::Meta meta = meta_of(x, request, in->caller);
    auto proof = new_proof(x, meta);
    domain::RequestEmailChange command{
        .meta = std::move(meta), .email = *email, .password_hash = user->password_hash, .proof = std::move(proof)};
    co_return co_await done(std::move(command));
  }

  Task change_password(Request& request) {
    const auto in = input<None, PasswordChange>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto user = co_await proven_user(x, meta_of(x, request, in->caller), in->caller, in->body.password);
    if (!user) co_return user.error();
    if (auto fault = fault_of(in->body.new_password, user->email)) {
      fault->field = "newPassword";
      co_return *std::move(fault);
    }
    auto hash = co_await hash_of(x, in->body.new_password);
    domain::ChangePassword command{.meta = meta_of(x, request, in->caller),
                                   .session_id = in->caller.session,
                                   .old_password_hash = user->password_hash,
                                   .password_hash = std::move(hash),
                                   .at_provider = signs_up_elsewhere(x)};
    co_return co_await done(std::move(command));
  }

  Task take_along(Request& request) {
    const auto caller = caller_of(x, request);
    if (!caller) co_return caller.error();
    const auto user = row_of<domain::User>(x, caller->user);
    if (!user) co_return user.error();
    const auto orders = page_of<domain::Registration>(x.store, request, "by_user", caller->user.value);
    if (!orders) co_return orders.error();
    auto out = co_await on_pool(x.pool, [&] { return export_of(*user, *orders, !request.query("cursor")); });
    auto answer = reply(200, out);
    answer.headers.push_back({"Cache-Control", "no-store"});
    co_return answer;
  }

  Task erase(Request& request) {
    const auto in = input<None, Erasure>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto user = co_await proven_user(x, meta_of(x, request, in->caller), in->caller, in->body.password);
    if (!user) co_return user.error();
    domain::ErasePerson command{.meta = meta_of(x, request, in->caller),
                                .password_hash = user->password_hash,
                                .show_ids = co_await on_pool(x.pool, [&] { return shows_ahead(user->id); }),
                                .at_provider = signs_up_elsewhere(x)};
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    x.workers.wake();
    Response out(204, "application/json", "");
    if (request.header(page_header)) out.headers.push_back(no_cookie());
    co_return out;
  }

 private:
  template <class Command>
  Task done(Command command) {
    const auto answer = co_await submit(x.lane, std::move(command));
    if (!answer.result) co_return problem_of(answer.result.error());
    x.workers.wake();
    co_return Response(204, "application/json", "");
  }

  /// The shows of the account's own businesses, the latest first: one that is ahead is among them.
  std::vector<domain::ShowId> shows_ahead(domain::UserId user) {
    std::vector<domain::ShowId> out;
    const auto businesses = store::list<domain::Business>(x.store, "by_owner", user.value, max_businesses);
    for (const auto& business : businesses.rows) {
      const auto shows =
          store::list<domain::Show>(x.store, "by_business", business.id.value, max_listed, std::nullopt, true);
      for (const auto& show : shows.rows) {
        if (show.status == domain::ShowStatus::published && out.size() < max_shows_ahead) out.push_back(show.id);
      }
    }
    return out;
  }

  Export export_of(const domain::User& user, const store::Page<domain::Registration>& orders, bool with_account) {
    Export out;
    if (with_account) {
      out.account = me_json(x, user);
      out.sessions.emplace();
      out.passkeys.emplace();
      out.identities.emplace();
      const domain::Uuid key = user.id.value;
      for (const auto& row :
           store::list<domain::Session>(x.store, "by_user", key, max_listed, std::nullopt, true).rows) {
        out.sessions->push_back(
            {row.id.text(), row.method, row.agent, row.address, domain::text(row.created_at), text_of(row.ended_at)});
      }
      for (const auto& row : store::list<domain::Passkey>(x.store, "by_user", key, max_listed).rows) {
        out.passkeys->push_back(
            {row.name, domain::text(row.created_at), text_of(row.used_at), text_of(row.removed_at)});
      }
      for (const auto& row : store::list<domain::ExternalIdentity>(x.store, "by_user", key, max_listed).rows) {
        out.identities->push_back({row.issuer, row.subject, row.email, domain::text(row.linked_at)});
      }
      add_work(user, out);
    }
    for (const auto& order : orders.rows) {
      out.registrations.push_back(to_json(order));
      for (std::int64_t number = 1; order.confirmed_at && number <= order.ticket_count; ++number) {
        const auto row = store::get<domain::Ticket>(x.store, domain::ticket_id(order.id, *order.confirmed_at, number));
        if (!row) continue;
        out.tickets.push_back({row->id.text(), order.id.text(), order.show_id.text(), row->holder,
                               std::string(domain::word(row->status)), domain::text(row->issued_at),
                               text_of(row->used_at)});
      }
      const auto payments = store::list<domain::Transaction>(x.store, "by_registration", order.id.value, max_listed);
      for (const auto& row : payments.rows) {
        out.payments.push_back({row.id.text(), order.id.text(), std::string(domain::word(row.status)), row.currency,
                                domain::text(row.created_at), row.amount_minor});
      }
    }
    if (orders.next) out.next_cursor = cursor_text(*orders.next);
    return out;
  }

  /// For businesses, and where from.
  void add_work(const domain::User& user, Export& out) {
    const domain::Uuid key = user.id.value;
    out.memberships.emplace();
    out.invitations.emplace();
    out.keys.emplace();
    out.places.emplace();
    for (const auto& row : store::list<domain::Member>(x.store, "by_user", key, max_listed).rows) {
      out.memberships->push_back({row.business_id.text(), std::string(domain::word(row.role)),
                                  domain::text(row.added_at), text_of(row.removed_at)});
    }
    for (const auto& row : store::list<domain::Invitation>(x.store, "by_inviter", key, max_listed).rows) {
      out.invitations->push_back({row.business_id.text(), row.email, std::string(domain::word(row.role)),
                                  domain::text(row.created_at)});
    }
    // Only a business's owner makes keys of it.
    for (const auto& business : store::list<domain::Business>(x.store, "by_owner", key, max_businesses).rows) {
      for (const auto& row : store::list<domain::ApiKey>(x.store, "by_business", business.id.value, max_listed).rows) {
        if (row.created_by != user.id) continue;
        out.keys->push_back({row.id.text(), business.id.text(), row.name, domain::text(row.created_at),
                             text_of(row.revoked_at)});
      }
    }
    for (const auto& row : store::list<domain::KnownNetwork>(x.store, "by_user", key, max_listed).rows) {
      out.places->push_back({domain::text(row.seen_at), text_of(row.due_at)});
    }
  }

  Services& x;
};

}  // namespace

void add_profile(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Profile>(services));
  const Shared user{.tags = {"Accounts"}, .security = {"user"}, .capability = {"user"}};
  router.add(route(user, Verb::GET, "/v1/me", on(&Profile::me),
                   {.operation_id = "me",
                    .summary = "The signed-in account with its roles, businesses and counts",
                    .replies = {http::json_reply<MeJson>(200, "The account.")},
                    .problems = refusals({Refusal::unknown_user})}));
  router.add(route(user, Verb::PATCH, "/v1/me", on(&Profile::change),
                   {.operation_id = "changeProfile",
                    .summary = "Change name or language",
                    .request = http::json_body<ProfileChange>(),
                    .replies = {http::json_reply<MeJson>(200, "The account.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_user}),
                    .curl = {{"body", R"({"name": "Ada Example"})"}}}));
  router.add(route(user, Verb::POST, "/v1/me/verification-mail", on(&Profile::resend),
                   {.operation_id = "resendVerification",
                    .summary = "Mail the link that confirms the address once more",
                    .replies = {http::empty_reply(204, "It is on its way, or the address is confirmed already.")},
                    .problems = refusals({Refusal::unknown_user, Refusal::too_many_failures})}));
  router.add(route(user, Verb::POST, "/v1/me/email", on(&Profile::change_email),
                   {.operation_id = "askForEmailChange",
                    .summary = "Ask for another address: a link is mailed to it",
                    .request = http::json_body<EmailChange>(),
                    .replies = {http::empty_reply(204, "A mail is on its way to the new address.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::wrong_credentials,
                                          Refusal::too_many_failures, Refusal::email_taken}),
                    .curl = {{"body", R"({"email": "ada@example.org", "password": "correct horse battery"})"}}}));
  router.add(
      route(user, Verb::POST, "/v1/me/password", on(&Profile::change_password),
            {.operation_id = "changePassword",
             .summary = "Set another password; ends all other sign-ins",
             .request = http::json_body<PasswordChange>(),
             .replies = {http::empty_reply(204, "It is set.")},
             .problems = refusals({Refusal::invalid_field, Refusal::wrong_credentials, Refusal::too_many_failures}),
             .curl = {{"body", R"({"password": "correct horse battery", "newPassword": "new horse battery"})"}}}));
  router.add(route(user, Verb::GET, "/v1/me/export", on(&Profile::take_along),
                   {.operation_id = "exportPerson",
                    .summary = "Everything that is known of the account, in pages of its orders",
                    .description = "The first page has the account, its sign-ins, passkeys, identities, memberships, invitations, API keys and known "
                                   "places as well. What the account did is told by `GET /v1/me/audit`.",
                    .parameters = paging_parameters(),
                    .replies = {http::json_reply<Export>(200, "A page.")},
                    .problems = refusals({Refusal::unknown_user, Refusal::invalid_field})}));
  router.add(
      route(user, Verb::DELETE, "/v1/me", on(&Profile::erase),
            {.operation_id = "erasePerson",
             .summary = "Erase the account: name, address, holders' names, every way to sign in",
             .description = "Orders, payments and what was booked stay, without a name. Refused while a show of "
                            "the account's own business is ahead.",
             .request = http::json_body<Erasure>(),
             .replies = {http::empty_reply(204, "It is erased.")},
             .problems = refusals({Refusal::wrong_credentials, Refusal::too_many_failures, Refusal::owner_stays}),
             .curl = {{"body", R"({"password": "correct horse battery"})"}}}));
}

}  // namespace admit::api

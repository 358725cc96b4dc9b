#pragma once
// What the endpoints share: the parts they call, who is calling, and how a refusal looks on the wire.

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "domain/accounts.hpp"
#include "domain/command.hpp"
#include "engine/device_view.hpp"
#include "engine/lane.hpp"
#include "engine/sale_view.hpp"
#include "http/client.hpp"
#include "http/json.hpp"
#include "http/router.hpp"
#include "identity/access_token.hpp"
#include "identity/external_tokens.hpp"
#include "job/ticket_documents.hpp"
#include "job/workers.hpp"
#include "object/folder_store.hpp"
#include "payment/payments.hpp"
#include "payment/webhook.hpp"
#include "store/store.hpp"
#include "token/key_ring.hpp"

namespace admit::api {

struct ConnectNotice;

struct Settings {
  std::string public_url;       // scheme, host, port; links and codes are built from it
  std::string publishable_key;  // the payment provider's, for a frontend; "" without one
  std::string payment_script;   // URL of the script that draws its payment form; "" likewise
  std::string api_version;      // of the provider's interface
  bool is_sandbox = false;
  std::string version;
  std::string installation_id;  // tells our payments from those of others at the same provider's account
  domain::FeeTerms fee_terms;   // of a new business
};

/// Threads for slow work, and how much may wait for them.
class Pool {
 public:
  Pool(unsigned threads, int max_waiting) : x_max_waiting(max_waiting), x_threads(threads) {}
  /// Throws http::ServiceUnavailable when too much is waiting already.
  void require_room() const;
  void post(std::move_only_function<void()> work);
  /// Finishes what is waiting.
  void join() { x_threads.join(); }

 private:
  int x_max_waiting;
  std::atomic<int> x_waiting{0};
  boost::asio::thread_pool x_threads;
};

/// One App builds it once; it outlives every request.
struct Services {
  Settings settings;
  engine::Lane& lane;
  engine::SaleView& sale;
  engine::DeviceView& devices;
  store::Store& store;
  token::KeyRing& ring;
  job::TicketDocuments& documents;
  job::Workers& workers;
  object::FolderStore& objects;
  identity::AccessTokens& tokens;
  payment::Payments* payments;                 // null: no provider configured
  const payment::WebhookVerifier* webhooks;    // null likewise
  const payment::WebhookVerifier* connect_webhooks;  // of the businesses' accounts; null without a secret
  Pool& pool;                                  // pages, codes, long lists
  Pool& password_pool;                         // passwords: whoever signs in must not keep tickets waiting
  job::Clock clock;
  std::function<domain::Seed()> seed;
  std::function<std::string()> metrics_text;   // empty: metrics are served elsewhere
  std::function<bool()> is_ready;
  const http::Router* router = nullptr;        // for the documents made from it
  identity::ExternalTokens* external = nullptr;  // of other providers of identities; null: none configured
  http::Client* external_client = nullptr;       // to ask them; null likewise

  [[nodiscard]] bool payments_ready() const { return payments != nullptr; }
  [[nodiscard]] bool is_test() const { return payments == nullptr || !payments->livemode(); }
};

// Refusals.

[[nodiscard]] int status_of(domain::Refusal refusal);
[[nodiscard]] http::Problem problem_of(const domain::Error& error);
/// The documented problems of a route, from refusals.
[[nodiscard]] std::vector<http::ProblemDoc> refusals(std::initializer_list<domain::Refusal> list);

template <class T>
using Expected = std::expected<T, http::Problem>;

// Callers.

struct Caller {
  domain::UserId user;        // none for a key
  domain::SessionId session;  // none for a key
  domain::ApiKeyId key;       // none for an account
  bool is_operator = false;
  domain::RegistrationId pays;  // a payment link: acts as the order's buyer, where payer_of was asked
  std::optional<domain::Instant> token_at;  // of another provider's token: when it was issued
};
/// The signed-in account of a bearer token: 401 `unauthenticated` without a good one, 403 `forbidden` for a business's key.
[[nodiscard]] Expected<Caller> caller_of(const Services& services, const http::Request& request);
/// As caller_of, or a business's key that is neither revoked nor expired: for what a capability opens.
[[nodiscard]] Expected<Caller> agent_of(const Services& services, const http::Request& request);
/// As agent_of, or whoever has the payment link of this registration while it is held: for looking at it and paying it.
[[nodiscard]] Expected<Caller> payer_of(const Services& services, const http::Request& request,
                                        domain::RegistrationId registration);
/// As caller_of, and 403 `forbidden` unless an operator.
[[nodiscard]] Expected<Caller> operator_of(const Services& services, const http::Request& request);
/// The gate's scanner of a bearer token, not revoked: 401 `unauthenticated` otherwise.
[[nodiscard]] Expected<std::shared_ptr<const domain::Device>> device_of(const Services& services, const http::Request& request);

[[nodiscard]] domain::Meta meta_of(const Services& services, const http::Request& request);
[[nodiscard]] domain::Meta meta_of(const Services& services, const http::Request& request, const Caller& caller);
[[nodiscard]] domain::Meta meta_of(const Services& services, const http::Request& request, const domain::Device& device);

/// What the committed rows say now: a member who was removed, or a key that was revoked, may nothing any more.
[[nodiscard]] bool may(const Services& services, const Caller& caller, domain::BusinessId business,
                       domain::Capability capability);
/// A business for which the caller has a capability: 404 where there is none, 403 without the capability.
[[nodiscard]] Expected<domain::Business> business_for(const Services& services, const Caller& caller,
                                                      domain::BusinessId id, domain::Capability capability);
/// The one in the path, for the account or key that calls.
[[nodiscard]] Expected<domain::Business> business_for(const Services& services, const http::Request& request,
                                                      domain::Capability capability);

// Ids and rows.

/// The parameter that holds an id of a kind, the prefix it may have, and the refusal where there is no such row.
struct IdName {
  std::string_view field, prefix;
  domain::Refusal unknown;
};
constexpr IdName name_of(domain::UserId) { return {"userId", "USER#", domain::Refusal::unknown_user}; }
constexpr IdName name_of(domain::BusinessId) { return {"businessId", "", domain::Refusal::unknown_business}; }
constexpr IdName name_of(domain::ShowId) { return {"showId", "EVENT#", domain::Refusal::unknown_show}; }
constexpr IdName name_of(domain::DeviceId) { return {"deviceId", "", domain::Refusal::unknown_device}; }
constexpr IdName name_of(domain::RegistrationId) {
  return {"registrationId", "REG#", domain::Refusal::unknown_registration};
}
constexpr IdName name_of(domain::TicketId) { return {"ticketId", "TICKET#", domain::Refusal::unknown_ticket}; }
constexpr IdName name_of(domain::CheckInId) { return {"checkInId", "", domain::Refusal::unknown_check_in}; }
constexpr IdName name_of(domain::TransactionId) { return {"transactionId", "", domain::Refusal::unknown_transaction}; }
constexpr IdName name_of(domain::InvitationId) {
  return {"invitationId", "", domain::Refusal::unknown_invitation};
}
constexpr IdName name_of(domain::ApiKeyId) { return {"keyId", "", domain::Refusal::unknown_key}; }
constexpr IdName name_of(domain::PasskeyId) { return {"passkeyId", "", domain::Refusal::unknown_passkey}; }
constexpr IdName name_of(domain::JobId) { return {"jobId", "", domain::Refusal::unknown_job}; }
constexpr IdName name_of(domain::AlertId) { return {"alertId", "", domain::Refusal::unknown_alert}; }
constexpr IdName name_of(domain::IdentityId) { return {"identityId", "", domain::Refusal::unknown_identity}; }

/// A refusal about a parameter or field, 404 for an unknown row of any kind.
[[nodiscard]] http::Problem unknown(IdName name, std::string detail = {});

/// A text as an id, bare or behind its kind's prefix; 404 in words of the kind.
template <class AnyId>
[[nodiscard]] Expected<AnyId> id_of(std::string_view text) {
  if (const auto id = AnyId::parse(text)) return *id;
  return std::unexpected(unknown(name_of(AnyId{}), "This is not an id of ours; ids are UUIDs."));
}
/// As id_of, for a text whose form the body's shape has checked already.
template <class AnyId>
[[nodiscard]] AnyId checked_id(std::string_view text) {
  return AnyId::parse(text).value_or(AnyId{});
}
/// A committed row, or 404 in words of its kind.
template <class AnyRow>
[[nodiscard]] Expected<AnyRow> row_of(const Services& services, decltype(AnyRow::id) id) {
  if (auto row = store::get<AnyRow>(services.store, id)) return *std::move(row);
  return std::unexpected(unknown(name_of(id)));
}

/// `Idempotency-Key` bound to caller, path and body; empty without one. 422 for a key that is not 1 to 255 printable
/// characters.
struct IdempotencyKey {
  domain::ClaimId id;
  domain::Uuid body_hash;
};
[[nodiscard]] Expected<std::optional<IdempotencyKey>> idempotency_of(const http::Request& request, std::string_view caller);

// Input.

/// A body into its struct, or the problem.
template <class T>
[[nodiscard]] Expected<T> body_of(const http::Request& request) {
  return http::read_json<T>(request.body);
}

/// Stands for the id or the body of a route that has none.
struct None {};

/// What an endpoint is given: who calls, the id in the path, the body.
template <class Who, class AnyId, class Body>
struct Input {
  Who caller{};
  AnyId id{};
  Body body{};
};
/// Reads them in this order; the first fault is the problem.
template <class AnyId, class Body = None, class Who>
[[nodiscard]] Expected<Input<Who, AnyId, Body>> input(const http::Request& request, Expected<Who> caller) {
  if (!caller) return std::unexpected(std::move(caller.error()));
  Input<Who, AnyId, Body> out{.caller = *std::move(caller)};
  if constexpr (!std::is_same_v<AnyId, None>) {
    const auto id = id_of<AnyId>(request.param(name_of(AnyId{}).field));
    if (!id) return std::unexpected(id.error());
    out.id = *id;
  }
  if constexpr (!std::is_same_v<Body, None>) {
    auto body = body_of<Body>(request);
    if (!body) return std::unexpected(std::move(body.error()));
    out.body = *std::move(body);
  }
  return out;
}

// Waiting.

using Resume = std::move_only_function<void()>;

/// Suspends the caller until the `resume` that `start` is given was called, from any thread; then it goes on on its own I/O
/// thread. Asio's machinery is compiled once for it, not once for each command.
boost::asio::awaitable<void> suspend(std::move_only_function<void(Resume resume)> start);
/// Sends a command through the lane and goes on after the commit.
/// Throws http::ServiceUnavailable when the queue is full.
template <class Command>
boost::asio::awaitable<engine::Answer<typename Command::Outcome>> submit(
    engine::Lane& lane, Command command,
    std::optional<engine::Idempotency<typename Command::Outcome>> idempotency = std::nullopt) {
  using Answer = engine::Answer<typename Command::Outcome>;
  Answer result;
  bool taken = true;
  co_await suspend([&](Resume resume) {
    // Shared because the lane drops the callback when its queue is full, and the caller must go on all the same.
    auto shared = std::make_shared<Resume>(std::move(resume));
    const auto answer = [&result, shared](Answer given) {
      result = std::move(given);
      (*shared)();
    };
    taken = lane.submit(std::move(command), answer, std::move(idempotency));
    if (!taken) (*shared)();
  });
  if (!taken) throw http::ServiceUnavailable("the lane's queue is full");
  co_return result;
}

/// Runs slow work on the pool and goes on with its result. Throws http::ServiceUnavailable when too much is waiting
/// there; what `work` throws is passed on.
template <class Work>
boost::asio::awaitable<std::invoke_result_t<Work>> on_pool(Pool& pool, Work work) {
  pool.require_room();
  std::optional<std::invoke_result_t<Work>> result;
  std::exception_ptr fault;
  co_await suspend([&](Resume resume) {
    pool.post([&result, &fault, &work, resume = std::move(resume)]() mutable {
      try {
        result = work();
      } catch (...) {
        fault = std::current_exception();
      }
      resume();
    });
  });
  if (fault) std::rethrow_exception(fault);
  co_return *std::move(result);
}

template <class T>
[[nodiscard]] http::Response reply(int status, const T& value) {
  return http::json_response(status, http::write_json(value));
}

/// The last step of an endpoint that is one command: sends it and replies with what `say` makes of the outcome (JSON for
/// this status, or a whole Response), or with the problem.
template <class Command, class Say>
http::Task perform(engine::Lane& lane, Command command, int status, Say say) {
  auto answer = co_await submit(lane, std::move(command));
  if (!answer.result) co_return problem_of(answer.result.error());
  if constexpr (std::is_same_v<decltype(say(*answer.result)), http::Response>) {
    co_return say(*answer.result);
  } else {
    co_return reply(status, say(*answer.result));
  }
}

// Routes.

/// What several routes of a resource share.
struct Shared {
  std::vector<std::string> tags;
  std::vector<std::string> security;
  std::string token;  // the one of the curl examples where it is not the customer's
  std::vector<std::string> capability;  // as RouteDoc has it
};
/// A route with what it shares: `doc` needs to say tags, security and capability only where they differ, and no id in the
/// path whose name is one of `name_of`. Security follows from a capability. Throws std::logic_error for an unknown word.
[[nodiscard]] http::Route route(const Shared& shared, http::Verb verb, std::string path, http::Handler handler,
                                http::RouteDoc doc, http::RouteOptions options = {});

/// Makes handlers of the member functions of one object.
template <class Endpoints>
[[nodiscard]] auto methods_of(std::shared_ptr<Endpoints> endpoints) {
  return [endpoints]<class Reply>(Reply (Endpoints::*method)(http::Request&)) -> http::Handler {
    return [endpoints, method](http::Request& request) { return ((*endpoints).*method)(request); };
  };
}

/// The same handler under `/v1` and at the root, as the compatibility interface writes it.
void add_twice(http::Router& router, http::Route route);

// The endpoints, one file per resource.

void add_accounts(http::Router& router, Services& services);
void add_sessions(http::Router& router, Services& services);
void add_second_factor(http::Router& router, Services& services);
void add_profile(http::Router& router, Services& services);
void add_passkeys(http::Router& router, Services& services);
void add_businesses(http::Router& router, Services& services);
void add_shows(http::Router& router, Services& services);
void add_gates(http::Router& router, Services& services);
void add_members(http::Router& router, Services& services);
void add_business_keys(http::Router& router, Services& services);
void add_registrations(http::Router& router, Services& services);
void add_exports(http::Router& router, Services& services);
/// `notice` draws a page for whoever comes back from the provider.
void add_connect(http::Router& router, Services& services,
                 std::function<http::Response(http::Request&, const ConnectNotice&)> notice);
void add_payments(http::Router& router, Services& services);
void add_refunds(http::Router& router, Services& services);
void add_desk(http::Router& router, Services& services);
void add_audit(http::Router& router, Services& services);
void add_tickets(http::Router& router, Services& services);
void add_door(http::Router& router, Services& services);
void add_guests(http::Router& router, Services& services);
void add_checkout(http::Router& router, Services& services);
/// `front_page` answers `/` for whoever asks for a page.
void add_keys(http::Router& router, Services& services);
void add_external(http::Router& router, Services& services);
void add_system(http::Router& router, Services& services, http::Handler front_page);
/// All of them. Also sets `services.router`.
void add_all(http::Router& router, Services& services);

}  // namespace admit::api

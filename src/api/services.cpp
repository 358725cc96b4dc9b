#include "api/services.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/external.hpp"
#include "api/pages.hpp"
#include "crypto/hash.hpp"
#include "domain/access.hpp"
#include "identity/opaque_token.hpp"
#include "token/order_key.hpp"

namespace admit::api {

int status_of(domain::Refusal refusal) {
  using enum domain::Refusal;
  switch (refusal) {
    case invalid_field:
    case unknown_tier:
    case too_few:
    case too_many:
    case amount_differs: return 422;
    case unknown_session:
    case session_ended:
    case wrong_credentials:
    case second_factor_required:
    case unknown_device: return 401;
    case forbidden:
    case account_locked:
    case confirm_first:
    case other_device: return 403;
    case unknown_user:
    case unknown_business:
    case unknown_show:
    case unknown_registration:
    case unknown_transaction:
    case unknown_ticket:
    case unknown_check_in:
    case unknown_job:
    case unknown_refund:
    case unknown_dispute:
    case unknown_alert:
    case unknown_member:
    case unknown_invitation:
    case unknown_key:
    case unknown_passkey:
    case unknown_proof:
    case unknown_identity: return 404;
    case too_many_failures:
    case too_many_holds: return 429;
    case idempotency_key_reused:
    case nonce_reused:
    case email_taken:
    case email_not_verified:
    case already_member:
    case owner_stays:
    case second_factor_on:
    case second_factor_off:
    case identity_taken:
    case link_first:
    case only_sign_in:
    case account_taken:
    case show_not_draft:
    case show_incomplete:
    case show_not_published:
    case show_cancelled:
    case sale_not_open:
    case sale_closed:
    case payments_unavailable:
    case sold_out:
    case registration_expired:
    case registration_not_held:
    case already_paid:
    case payment_in_progress:
    case too_many_free_tickets:
    case not_paid:
    case not_in_review:
    case disputed:
    case refund_closed:
    case refund_too_much:
    case job_not_dead:
    case link_used_up:
    case ticket_not_valid:
    case not_an_entry:
    case annul_too_late:
    case already_annulled: return 409;
    case conflict:
    case overloaded:
    case unavailable: return 503;
    case internal: return 500;
  }
  return 500;
}

http::Problem problem_of(const domain::Error& error) {
  const int status = status_of(error.code);
  return {.status = status,
          .code = std::string(domain::word(error.code)),
          .detail = error.detail,
          .field = error.field,
          .retry_after_s = status == 503 || status == 429 ? std::max(1, static_cast<int>(error.retry_after.count())) : 0};
}

namespace {

std::string_view when(domain::Refusal refusal) {
  using enum domain::Refusal;
  switch (refusal) {
    case invalid_field: return "A value breaks a rule; `field` names it.";
    case idempotency_key_reused: return "The key was used for a request with another body.";
    case nonce_reused: return "The nonce was used for another scan.";
    case unknown_user: return "There is no such account.";
    case unknown_session: return "There is no such sign-in.";
    case session_ended: return "The sign-in has ended, or its token was used before.";
    case wrong_credentials: return "E-mail address or password is wrong.";
    case second_factor_required:
      return "The password, or the provider's token, is right; the code of the second factor is wanted too.";
    case account_locked: return "The account is locked; write to whoever runs this office.";
    case confirm_first: return "Who calls proved too long ago who they are; give the password, or sign in, anew.";
    case too_many_failures: return "Too many tries failed; wait.";
    case email_taken: return "There is an account with this e-mail address.";
    case email_not_verified: return "The e-mail address is not proven yet; follow the link in the mail.";
    case unknown_business: return "There is no such business.";
    case unknown_show: return "There is no such show.";
    case unknown_registration: return "There is no such registration.";
    case unknown_transaction: return "There is no such payment.";
    case unknown_ticket: return "There is no such ticket.";
    case unknown_device: return "The gate's token is unknown or revoked.";
    case unknown_check_in: return "There is no such check-in.";
    case unknown_job: return "There is no such job.";
    case unknown_refund: return "There is no such refund.";
    case unknown_dispute: return "There is no such dispute.";
    case unknown_alert: return "There is no such alert.";
    case unknown_member: return "Nobody of this business has this id.";
    case unknown_invitation: return "The business has no such invitation.";
    case unknown_key: return "There is no such key.";
    case unknown_passkey: return "There is no such passkey.";
    case unknown_proof: return "The link or code is unknown or was used, or its time is over; ask for another.";
    case unknown_identity: return "The account is linked to no such name.";
    case forbidden: return "It is there, but not the caller's.";
    case account_taken: return "The account is tied to another business.";
    case show_not_draft: return "The show is published already.";
    case show_incomplete: return "The show has no tier yet.";
    case show_not_published: return "The show is not on sale yet.";
    case show_cancelled: return "The show is cancelled.";
    case sale_not_open: return "The sale has not begun.";
    case sale_closed: return "The sale is over.";
    case unknown_tier: return "The show has no such tier.";
    case too_few: return "Fewer than the tier's minimum.";
    case too_many: return "More than the tier or the show allows.";
    case payments_unavailable: return "The business has no account that can charge, or no provider is configured.";
    case sold_out: return "There are not enough places left.";
    case too_many_holds: return "Too many of the caller's reservations wait for payment.";
    case registration_expired: return "The time to pay is over.";
    case registration_not_held: return "The registration is in another state.";
    case already_paid: return "It is paid already.";
    case amount_differs: return "It costs another amount.";
    case payment_in_progress: return "A payment is under way.";
    case too_many_free_tickets: return "The caller has as many free tickets of the show as one may have.";
    case not_paid: return "Nothing was paid that could go back.";
    case not_in_review: return "The payment waits for nobody's decision.";
    case disputed: return "The buyer's bank decides about the payment first.";
    case refund_closed: return "The show lets no customer give tickets back now.";
    case refund_too_much: return "Less than that is left to give back.";
    case already_member: return "The account belongs to the business already.";
    case owner_stays: return "A business keeps its owner.";
    case second_factor_on: return "A second factor is set up already.";
    case second_factor_off: return "No second factor is set up.";
    case identity_taken: return "It is linked to another account.";
    case link_first: return "An account has this address; sign in to it, then link.";
    case only_sign_in: return "Nothing else signs in to the account.";
    case link_used_up: return "It was used before, is too old, or belongs to somebody else; begin again.";
    case job_not_dead: return "The job was not given up.";
    case ticket_not_valid: return "The ticket is used or revoked.";
    case not_an_entry: return "Only an entry that was let in can be taken back.";
    case other_device: return "Another device scanned it.";
    case annul_too_late: return "More than 15 minutes have passed.";
    case already_annulled: return "It was taken back already.";
    case conflict: return "It kept losing against concurrent changes; send it again.";
    case overloaded: return "The queue is full; send it again later.";
    case unavailable: return "The database is away; send it again later.";
    case internal: return "A fault of ours.";
  }
  return "";
}

}  // namespace

std::vector<http::ProblemDoc> refusals(std::initializer_list<domain::Refusal> list) {
  std::vector<http::ProblemDoc> out;
  for (const auto refusal : list) out.push_back({status_of(refusal), std::string(domain::word(refusal)), std::string(when(refusal))});
  return out;
}

namespace {

http::Problem unauthenticated(std::string detail) { return {401, "unauthenticated", std::move(detail), "", 0}; }

/// The key of a bearer token; nullopt where the token is no key at all.
std::optional<Expected<Caller>> key_of(const Services& services, const http::Request& request) {
  const auto bearer = request.bearer();
  if (!bearer || !bearer->starts_with("key_")) return std::nullopt;
  const auto name = identity::parse_opaque_token("key_", *bearer);
  const auto row = name ? store::get<domain::ApiKey>(services.store, domain::ApiKeyId{name->id}) : std::nullopt;
  if (!row || row->revoked_at || (row->expires_at && *row->expires_at <= services.clock()) ||
      !crypto::constant_time_equal(crypto::bytes_of(row->secret_hash.data), name->hash)) {
    return std::unexpected(unauthenticated("The API key is unknown, revoked or expired."));
  }
  return Caller{.user = {}, .session = {}, .key = row->id};
}

}  // namespace

Expected<Caller> agent_of(const Services& services, const http::Request& request) {
  if (auto key = key_of(services, request)) return *std::move(key);
  return caller_of(services, request);
}

Expected<Caller> payer_of(const Services& services, const http::Request& request, domain::RegistrationId registration) {
  const auto bearer = request.bearer();
  if (!bearer || !bearer->starts_with("pay_")) return agent_of(services, request);
  const auto link = token::PayKeys(services.ring).parse(*bearer);
  const auto row = link && link->registration == registration && services.clock() < link->until
                       ? store::get<domain::Registration>(services.store, registration)
                       : std::nullopt;
  if (!row || row->status != domain::RegistrationStatus::held) {
    return std::unexpected(unauthenticated("The payment link is used up or too old."));
  }
  return Caller{.user = row->user_id, .session = {}, .key = {}, .is_operator = false, .pays = row->id};
}

Expected<Caller> caller_of(const Services& services, const http::Request& request) {
  const auto bearer = request.bearer();
  if (const auto key = key_of(services, request)) {
    if (!*key) return *key;
    return std::unexpected(problem_of(
        {domain::Refusal::forbidden, "", "An API key acts for a business, never as a person; sign in for this."}));
  }
  if (!bearer) return std::unexpected(unauthenticated("Send an access token: Authorization: Bearer TOKEN."));
  const auto claims = services.tokens.verify(*bearer, services.clock());
  if (!claims) {
    if (auto caller = external_caller(services, *bearer)) return *caller;
    return std::unexpected(unauthenticated("The access token is not accepted (" +
                                           std::string(identity::word(claims.error())) + "); sign in or refresh it."));
  }
  return Caller{.user = (*claims)->user,
                .session = (*claims)->session,
                .key = {},
                .is_operator = std::ranges::find((*claims)->roles, "operator") != (*claims)->roles.end()};
}

Expected<Caller> operator_of(const Services& services, const http::Request& request) {
  auto caller = caller_of(services, request);
  if (caller && !caller->is_operator) {
    return std::unexpected(problem_of({domain::Refusal::forbidden, "", "Only an operator may do this."}));
  }
  return caller;
}

Expected<std::shared_ptr<const domain::Device>> device_of(const Services& services, const http::Request& request) {
  const auto bearer = request.bearer();
  const auto name = bearer ? identity::parse_opaque_token("gate_", *bearer) : std::nullopt;
  if (name) {
    auto device = services.devices.find(domain::DeviceId{name->id});
    if (device && !device->revoked_at &&
        crypto::constant_time_equal(crypto::bytes_of(device->token_hash.data), name->hash)) {
      return device;
    }
  }
  return std::unexpected(unauthenticated("Send the gate's token: Authorization: Bearer gate_..."));
}

namespace {

/// The business, if there is one and the caller may; the error says which of the two it is.
std::expected<domain::Business, domain::Refusal> find_business(const Services& services, const Caller& caller,
                                                               domain::BusinessId id, domain::Capability capability) {
  domain::Meta meta;
  meta.now = services.clock();
  meta.user = caller.user;
  meta.key = caller.key;
  meta.is_operator = caller.is_operator;
  domain::World world;
  domain::Needs needs(world);
  for (domain::need_access(needs, meta, id); !needs.missing().empty(); domain::need_access(needs, meta, id)) {
    services.store.read(needs.missing(), world);
    needs.missing().clear();
  }
  const auto* business = world.find<domain::Business>(id);
  if (business == nullptr) return std::unexpected(domain::Refusal::unknown_business);
  if (!domain::may(world, meta, *business, capability)) return std::unexpected(domain::Refusal::forbidden);
  return *business;
}

}  // namespace

bool may(const Services& services, const Caller& caller, domain::BusinessId id, domain::Capability capability) {
  return find_business(services, caller, id, capability).has_value();
}

Expected<domain::Business> business_for(const Services& services, const Caller& caller, domain::BusinessId id,
                                        domain::Capability capability) {
  auto business = find_business(services, caller, id, capability);
  if (business) return *std::move(business);
  if (business.error() == domain::Refusal::unknown_business) return std::unexpected(unknown(name_of(id)));
  return std::unexpected(problem_of({domain::Refusal::forbidden, "businessId",
                                     "The business belongs to somebody else, or your role in it may not do this."}));
}

Expected<domain::Business> business_for(const Services& services, const http::Request& request,
                                        domain::Capability capability) {
  const auto in = input<domain::BusinessId>(request, agent_of(services, request));
  if (!in) return std::unexpected(in.error());
  return business_for(services, in->caller, in->id, capability);
}

http::Problem unknown(IdName name, std::string detail) {
  http::Problem problem = problem_of({name.unknown, std::string(name.field), std::move(detail)});
  if (problem.detail.empty()) problem.detail = when(name.unknown);
  problem.status = 404;  // unknown_device is a caller's fault elsewhere
  return problem;
}

domain::Meta meta_of(const Services& services, const http::Request& request) {
  return {.now = services.clock(), .seed = services.seed(), .actor = "anybody", .address = std::string(request.peer)};
}

domain::Meta meta_of(const Services& services, const http::Request& request, const Caller& caller) {
  domain::Meta meta = meta_of(services, request);
  meta.user = caller.user;
  meta.key = caller.key;
  meta.is_operator = caller.is_operator;
  meta.actor = caller.key    ? "key:" + caller.key.text()
               : caller.pays ? "pay_link:" + caller.pays.text()
                             : "user:" + caller.user.text();
  return meta;
}

domain::Meta meta_of(const Services& services, const http::Request& request, const domain::Device& device) {
  domain::Meta meta = meta_of(services, request);
  meta.actor = "device:" + device.id.text();
  return meta;
}

Expected<std::optional<IdempotencyKey>> idempotency_of(const http::Request& request, std::string_view caller) {
  const auto key = request.header("Idempotency-Key");
  if (!key) return std::nullopt;
  const bool printable = std::ranges::all_of(*key, [](char c) { return c > ' ' && c <= '~'; });
  if (key->empty() || key->size() > 255 || !printable) {
    return std::unexpected(problem_of({domain::Refusal::invalid_field, "Idempotency-Key",
                                       "A key is 1 to 255 printable ASCII characters without spaces."}));
  }
  std::string bound(caller);
  bound.append(1, '\n').append(request.route->path_template).append(1, '\n').append(*key);
  const auto digest = crypto::sha256(std::string(request.path) + '\n' + std::string(request.body));
  return IdempotencyKey{domain::derived_id<domain::ClaimId>("idempotency", bound),
                        domain::Uuid::from_bytes(digest.data())};
}

boost::asio::awaitable<void> suspend(std::move_only_function<void(Resume resume)> start) {
  auto executor = co_await boost::asio::this_coro::executor;
  auto initiate = [&start, executor](auto handler) {
    start([executor, handler = std::move(handler)]() mutable { boost::asio::post(executor, std::move(handler)); });
  };
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(initiate, boost::asio::use_awaitable);
}

void Pool::require_room() const {
  if (x_waiting.load() >= x_max_waiting) throw http::ServiceUnavailable("the pool for slow work is full");
}

void Pool::post(std::move_only_function<void()> work) {
  ++x_waiting;
  boost::asio::post(x_threads, [this, work = std::move(work)]() mutable {
    work();
    --x_waiting;
  });
}

namespace {

/// What follows from who may call a route: the bearer schemes, and the roles of its capabilities.
void describe_access(http::RouteDoc& doc) {
  using namespace std::string_view_literals;
  static constexpr std::array whos{"anybody"sv, "user"sv, "holder"sv, "operator"sv, "device"sv, "provider"sv};
  const auto add = [](std::vector<std::string>& list, std::string_view word) {
    if (std::ranges::find(list, word) == list.end()) list.emplace_back(word);
  };
  if (doc.capability.empty() && doc.security.empty()) doc.capability = {"anybody"};
  if (doc.capability.empty() && doc.security == std::vector<std::string>{"operator"}) doc.capability = {"operator"};
  if (doc.capability.empty() && doc.security == std::vector<std::string>{"gate"}) doc.capability = {"device"};
  bool has_capability = false, is_scope = false;
  for (const auto& word : doc.capability) {
    if (std::ranges::find(whos, word) != whos.end()) continue;
    const auto capability = domain::parse_word<domain::Capability>(word);
    if (!capability) throw std::logic_error("route " + doc.operation_id + " needs the unknown capability " + word);
    has_capability = true;
    for (std::size_t i = 0; i < domain::word_count<domain::MemberRole>(); ++i) {
      const auto role = static_cast<domain::MemberRole>(i);
      if (domain::may(role, *capability)) add(doc.roles, domain::word(role));
    }
    is_scope = is_scope || domain::may_be_scope(*capability);
  }
  if (has_capability) add(doc.capability, "operator");
  if (doc.security.empty()) {
    const auto has = [&doc](std::string_view word) { return std::ranges::find(doc.capability, word) != doc.capability.end(); };
    if (has_capability || has("user") || has("holder")) {
      doc.security = {"user"};
    } else if (!has("anybody")) {
      if (has("operator")) doc.security = {"operator"};
      if (has("device")) doc.security.emplace_back("gate");
    }
  }
  if (is_scope) add(doc.security, "key");
}

}  // namespace

http::Route route(const Shared& shared, http::Verb verb, std::string path, http::Handler handler, http::RouteDoc doc,
                  http::RouteOptions options) {
  static constexpr std::array known{name_of(domain::UserId{}),         name_of(domain::BusinessId{}),
                                    name_of(domain::ShowId{}),         name_of(domain::DeviceId{}),
                                    name_of(domain::RegistrationId{}), name_of(domain::TicketId{}),
                                    name_of(domain::CheckInId{}),
                                    name_of(domain::TransactionId{}),  name_of(domain::JobId{}),
                                    name_of(domain::ApiKeyId{}),       name_of(domain::PasskeyId{}),
                                    name_of(domain::AlertId{})};
  if (doc.tags.empty()) doc.tags = shared.tags;
  if (doc.security.empty()) doc.security = shared.security;
  if (doc.capability.empty()) doc.capability = shared.capability;
  describe_access(doc);
  options.no_body = verb != http::Verb::GET && doc.request.content_type.empty();
  if (!shared.token.empty()) doc.curl.emplace(doc.curl.begin(), "token", shared.token);
  for (const auto& [field, prefix, unknown] : known) {
    if (!path.contains("{" + std::string(field) + "}")) continue;
    auto shape = prefix.empty() ? http::uuid() : http::uuid({prefix});
    doc.parameters.insert(doc.parameters.begin(), http::path_param(field, std::move(shape)));
  }
  return {.verb = verb,
          .path_template = std::move(path),
          .handler = std::move(handler),
          .doc = std::move(doc),
          .options = options};
}

void add_twice(http::Router& router, http::Route route) {
  http::Route versioned = route;
  versioned.path_template = "/v1" + route.path_template;
  versioned.doc.operation_id += "V1";
  router.add(std::move(route));
  router.add(std::move(versioned));
}

namespace {

/// The id that the request is about: the last in its path, or `?userId=`; none for a list of everything.
domain::Uuid subject_of(const http::Request& request) {
  const std::string_view path = request.route->path_template;
  domain::Uuid subject = domain::UserId::parse(request.query("userId").value_or("")).value_or(domain::UserId{}).value;
  for (auto open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
    auto text = request.param(path.substr(open + 1, path.find('}', open) - open - 1));
    if (const auto mark = text.find('#'); mark != std::string_view::npos) text.remove_prefix(mark + 1);
    if (const auto id = domain::Uuid::parse(text)) subject = *id;
  }
  return subject;
}

/// What an operator reads of others is noted before it is shown; where that fails, nothing is shown.
http::Handler with_note(Services& services, http::Handler handler) {
  auto note = [&services, handler = std::move(handler)](http::Request& request) -> http::Task {
    http::Response response = handler.is_sync() ? handler.call(request) : co_await handler.start(request);
    const auto caller = caller_of(services, request);
    if (response.status >= 300 || !caller || !caller->is_operator) co_return response;
    domain::NoteOperatorRead read{.meta = meta_of(services, request, *caller), .subject = subject_of(request)};
    const auto noted = co_await submit(services.lane, std::move(read));
    if (!noted.result) co_return problem_of(noted.result.error());
    co_return response;
  };
  auto shared = std::make_shared<decltype(note)>(std::move(note));
  return [shared](http::Request& request) { return (*shared)(request); };
}

/// Every route that reads and is open to operators as such.
void note_operator_reads(http::Router& router, Services& services) {
  for (const auto& route : router.routes()) {
    const auto& who = route->doc.capability;
    if (route->verb != http::Verb::GET || std::ranges::find(who, "operator") == who.end()) continue;
    route->handler = with_note(services, std::move(route->handler));
  }
}

}  // namespace

void add_all(http::Router& router, Services& services) {
  services.router = &router;
  const auto pages = add_pages(router, services);
  add_accounts(router, services);
  add_sessions(router, services);
  add_second_factor(router, services);
  add_profile(router, services);
  add_passkeys(router, services);
  add_businesses(router, services);
  add_shows(router, services);
  add_gates(router, services);
  add_members(router, services);
  add_business_keys(router, services);
  add_registrations(router, services);
  add_exports(router, services);
  add_connect(router, services, pages.connect_notice);
  add_payments(router, services);
  add_refunds(router, services);
  add_desk(router, services);
  add_audit(router, services);
  add_tickets(router, services);
  add_door(router, services);
  add_guests(router, services);
  add_checkout(router, services);
  add_keys(router, services);
  add_external(router, services);
  add_system(router, services, pages.front_page);
  take_external_tokens(router, services);
  note_operator_reads(router, services);
}

}  // namespace admit::api

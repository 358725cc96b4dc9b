#include "api/services.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "identity/opaque_token.hpp"

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
    case unknown_device: return 401;
    case forbidden:
    case other_device: return 403;
    case unknown_user:
    case unknown_business:
    case unknown_show:
    case unknown_registration:
    case unknown_transaction:
    case unknown_ticket:
    case unknown_check_in:
    case unknown_job: return 404;
    case too_many_holds: return 429;
    case idempotency_key_reused:
    case nonce_reused:
    case email_taken:
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
          .retry_after_s = status == 503 || status == 429 ? 1 : 0};
}

std::vector<http::ProblemDoc> refusals(std::initializer_list<domain::Refusal> list) {
  std::vector<http::ProblemDoc> out;
  for (const auto refusal : list) out.push_back({status_of(refusal), std::string(domain::word(refusal)), ""});
  return out;
}

namespace {

http::Problem unauthenticated(std::string detail) { return {401, "unauthenticated", std::move(detail), "", 0}; }

}  // namespace

Expected<Caller> caller_of(const Services& services, const http::Request& request) {
  const auto bearer = request.bearer();
  if (!bearer) return std::unexpected(unauthenticated("Send an access token: Authorization: Bearer TOKEN."));
  const auto claims = services.tokens.verify(*bearer, services.clock());
  if (!claims) {
    return std::unexpected(unauthenticated("The access token is not accepted (" +
                                           std::string(identity::word(claims.error())) + "); sign in or refresh it."));
  }
  return Caller{.user = (*claims)->user,
                .session = (*claims)->session,
                .is_operator = std::ranges::find((*claims)->roles, "operator") != (*claims)->roles.end()};
}

Expected<Caller> operator_of(const Services& services, const http::Request& request) {
  auto caller = caller_of(services, request);
  if (caller && !caller->is_operator) {
    return std::unexpected(problem_of({domain::Refusal::forbidden, "", "Only an operator may do this."}));
  }
  return caller;
}

Expected<domain::Device> device_of(const Services& services, const http::Request& request) {
  const auto bearer = request.bearer();
  const auto name = bearer ? identity::parse_opaque_token("gate_", *bearer) : std::nullopt;
  if (name) {
    auto device = store::get<domain::Device>(services.store, domain::DeviceId{name->id});
    if (device && !device->revoked_at &&
        crypto::constant_time_equal(crypto::bytes_of(device->token_hash.data), name->hash)) {
      return *std::move(device);
    }
  }
  return std::unexpected(unauthenticated("Send the gate's token: Authorization: Bearer gate_..."));
}

domain::Meta meta_of(const Services& services, const http::Request& request) {
  return {.now = services.clock(), .seed = services.seed(), .actor = "anybody", .address = std::string(request.peer)};
}

domain::Meta meta_of(const Services& services, const http::Request& request, const Caller& caller) {
  domain::Meta meta = meta_of(services, request);
  meta.user = caller.user;
  meta.is_operator = caller.is_operator;
  meta.actor = "user:" + caller.user.text();
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
  const auto digest = crypto::sha256(request.body);
  return IdempotencyKey{domain::derived_id<domain::ClaimId>("idempotency", bound),
                        domain::Uuid::from_bytes(digest.data())};
}

void add_twice(http::Router& router, http::Route route) {
  http::Route versioned = route;
  versioned.path_template = "/v1" + route.path_template;
  versioned.doc.operation_id += "V1";
  router.add(std::move(route));
  router.add(std::move(versioned));
}

void add_all(http::Router& router, Services& services) {
  services.router = &router;
  add_accounts(router, services);
  add_businesses(router, services);
  add_shows(router, services);
  add_registrations(router, services);
  add_payments(router, services);
  add_tickets(router, services);
  add_door(router, services);
  add_system(router, services);
}

}  // namespace admit::api

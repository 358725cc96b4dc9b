// A business's account at the payment provider: made, tied, filled in, looked at again.

#include "api/address_limit.hpp"
#include "api/pages.hpp"
#include "api/services.hpp"
#include "api/show_json.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "domain/accounts.hpp"
#include "domain/links.hpp"
#include "http/target.hpp"
#include "payment/event.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::optional;
using http::Request;
using http::required;
using http::Response;
using http::Task;
using http::Verb;

constexpr std::int64_t onboarding_ttl_s = 3600;
constexpr std::int64_t oauth_ttl_s = 600;

struct AccountRequest {
  std::optional<std::string> country, email;
  static http::Shape shape() {
    return http::object<AccountRequest>(
        "AccountRequest",
        {optional("country", &AccountRequest::country, http::country().doc("Where the business is; cannot be changed later.")),
         optional("email", &AccountRequest::email, http::email())});
  }
};

struct AccountLinkRequest {
  std::string stripe_account;
  static http::Shape shape() {
    return http::object<AccountLinkRequest>("AccountLink", {required("stripeAccount", &AccountLinkRequest::stripe_account,
                                                                     http::word_text(1, 255).example("acct_1Example"))});
  }
};

struct LinkJson {
  std::string url, expires_at;
  static http::Shape shape() {
    return http::object<LinkJson>(
        "ProviderLink", {required("url", &LinkJson::url, http::url().doc("Go there now: good once, for minutes. Never store or send it.")),
                         required("expiresAt", &LinkJson::expires_at, http::date_time())});
  }
};

struct OauthReturn {
  std::string code, state;
  static http::Shape shape() {
    return http::object<OauthReturn>("OauthReturn", {required("code", &OauthReturn::code, http::text(1, 500)),
                                                     required("state", &OauthReturn::state, http::word_text(1, 100))});
  }
};

using Notice = std::function<Response(Request&, const ConnectNotice&)>;

class Connect {
 public:
  Connect(Services& services, Notice notice) : x(services), x_notice(std::move(notice)) {}

  /// Makes an account for a business that has none. A repeat after a fault gives the same account: the provider is given a
  /// key made from the business.
  Task create(Request& request) {
    const auto in = input<domain::BusinessId, AccountRequest>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto business = managed(in->caller, in->id);
    if (!business) co_return business.error();
    if (!business->stripe_account.empty() && !business->deauthorized) co_return reply(200, to_json(*business));
    auto made = co_await x.payments->create_account(
        {.business_id = in->id.text(),
         .business_name = business->name,
         .email = in->body.email.value_or(""),
         .country = in->body.country.value_or(""),
         .is_independent = business->charge_model == domain::ChargeModel::direct,
         .idempotency_key = "account:" + in->id.text() + ":" + business->stripe_account});
    if (!made) co_return failed(made.error());
    co_return co_await link(request, in->caller, in->id, *made);
  }

  /// By an operator: an account that is there already.
  Task put(Request& request) {
    const auto in = input<domain::BusinessId, AccountLinkRequest>(request, operator_of(x, request));
    if (!in) co_return in.error();
    if (!x.payments_ready()) co_return not_ready();
    auto account = co_await x.payments->retrieve_account(in->body.stripe_account);
    if (!account && account.error().kind == payment::FailureKind::refused) {
      co_return problem_of({Refusal::invalid_field, "stripeAccount", "The payment provider does not know this account."});
    }
    if (!account) co_return failed(account.error());
    co_return co_await link(request, in->caller, in->id, *account);
  }

  /// What the provider says of the account now.
  Task refresh(Request& request) {
    const auto in = input<domain::BusinessId>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto business = managed(in->caller, in->id);
    if (!business) co_return business.error();
    if (business->stripe_account.empty()) co_return no_account();
    co_return co_await look_again(meta_of(x, request, in->caller), *business);
  }

  Task onboarding(Request& request) {
    const auto in = input<domain::BusinessId>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto business = managed(in->caller, in->id);
    if (!business) co_return business.error();
    if (business->stripe_account.empty()) co_return no_account();
    auto made = co_await onboarding_link(meta_of(x, request, in->caller), in->caller.session, onboarding_ttl_s, *business);
    if (!made) co_return made.error();
    co_return reply(201, LinkJson{std::string(made->url.text()), domain::text(made->expires_at)});
  }

  /// The browser comes back from the provider's form. That proves nothing, and anybody can open this: our row answers, and
  /// the account is looked at again for the state that went along, which is good once, else once a minute at most.
  Task back(Request& request) {
    const auto business = named(request);
    if (!business || !x.payments_ready() || business->stripe_account.empty()) {
      co_return x_notice(request, {.status = 404, .word = "absent_why"});
    }
    const std::string id = business->id.text();
    if (domain::sales_gate(*business) && (co_await came_back(request, business->id) || x_looks.take(id, x.clock()))) {
      co_await look_again(meta_of(x, request), *business);
    }
    const auto now = store::get<domain::Business>(x.store, business->id);
    const bool is_ready = now && !domain::sales_gate(*now);
    co_return x_notice(request, {.word = is_ready ? "connect_ready" : "connect_missing",
                                 .is_good = is_ready,
                                 .keep = http::write_form({{"businessId", id}})});
  }

  /// The provider's form was opened twice or too late: on to a new one, for as long as the sign-in lasts that began, and
  /// no longer than what it began was good for.
  Task again(Request& request) {
    if (!x.payments_ready()) co_return x_notice(request, {.status = 404, .word = "absent_why"});
    domain::TakeLink take{.meta = meta_of(x, request),
                          .id = domain::link_state_id(request.query("state").value_or("")),
                          .purpose = domain::LinkPurpose::onboarding};
    const auto taken = co_await submit(x.lane, std::move(take));
    const auto business = taken.result ? store::get<domain::Business>(x.store, taken.result->business_id) : std::nullopt;
    if (!business) {
      co_return x_notice(request, {.status = 410, .word = "connect_used_up"});
    }
    const auto maker = store::get<domain::User>(x.store, taken.result->user_id);
    domain::Meta meta = meta_of(x, request);
    meta.user = taken.result->user_id;
    meta.actor = "user:" + meta.user.text();
    meta.is_operator = maker && maker->is_operator;
    const auto left = std::chrono::ceil<std::chrono::seconds>(*taken.result->due_at - meta.now);
    auto made = co_await onboarding_link(std::move(meta), taken.result->session_id, left.count(), *business);
    if (!made) co_return x_notice(request, {.status = 503, .word = "connect_later"});
    Response out(303, "text/plain; charset=utf-8", "");
    out.headers.push_back({"Location", std::string(made->url.text())});
    out.headers.push_back({"Cache-Control", "no-store"});
    out.headers.push_back({"Referrer-Policy", "no-referrer"});
    co_return out;
  }

  /// Begins linking an account that exists already.
  Task oauth(Request& request) {
    const auto in = input<domain::BusinessId>(request, caller_of(x, request));
    if (!in) co_return in.error();
    const auto business = managed(in->caller, in->id);
    if (!business) co_return business.error();
    const std::string state = fresh_state();
    const std::string url = x.payments->oauth_url(state, x.settings.public_url + "/connect/oauth");
    if (url.empty()) {
      co_return problem_of({Refusal::payments_unavailable, "", "No OAuth client is configured (stripe_client_id)."});
    }
    domain::Meta meta = meta_of(x, request, in->caller);
    const auto until = meta.now + std::chrono::seconds{oauth_ttl_s};
    domain::BeginLink begin{.meta = std::move(meta),
                            .id = domain::link_state_id(state),
                            .purpose = domain::LinkPurpose::oauth,
                            .business_id = in->id,
                            .session_id = in->caller.session,
                            .ttl_s = oauth_ttl_s};
    const auto begun = co_await submit(x.lane, std::move(begin));
    if (!begun.result) co_return problem_of(begun.result.error());
    co_return reply(201, LinkJson{url, domain::text(until)});
  }

  /// Ends it: what the provider gave along, brought by the account that began.
  Task oauth_end(Request& request) {
    const auto in = input<None, OauthReturn>(request, caller_of(x, request));
    if (!in) co_return in.error();
    if (!x.payments_ready()) co_return not_ready();
    domain::TakeLink take{.meta = meta_of(x, request, in->caller),
                          .id = domain::link_state_id(in->body.state),
                          .purpose = domain::LinkPurpose::oauth};
    const auto taken = co_await submit(x.lane, std::move(take));
    if (!taken.result) co_return problem_of(taken.result.error());
    const auto grant = co_await x.payments->oauth_exchange(crypto::Secret(in->body.code));
    if (!grant) co_return begin_again(grant.error());
    if (grant->livemode != x.payments->livemode()) {
      co_return problem_of({Refusal::invalid_field, "code", "The account was linked in the other mode (live or test)."});
    }
    auto account = co_await x.payments->retrieve_account(grant->account_id);
    if (!account) co_return begin_again(account.error());
    co_return co_await link(request, in->caller, taken.result->business_id, *account);
  }

  Task fees(Request& request) {
    const auto in = input<domain::BusinessId, FeesJson>(request, operator_of(x, request));
    if (!in) co_return in.error();
    const auto business = row_of<domain::Business>(x, in->id);
    if (!business) co_return business.error();
    domain::SetFees command{.meta = meta_of(x, request, in->caller),
                            .business_id = in->id,
                            .terms = {.fee_fixed_minor = in->body.fixed,
                                      .fee_percent_bp = in->body.percent_bp,
                                      .charge_model = business->charge_model,
                                      .on_behalf_of = in->body.on_behalf_of.value_or(business->on_behalf_of)}};
    if (in->body.charge_model) {
      command.terms.charge_model = *domain::parse_word<domain::ChargeModel>(*in->body.charge_model);
    }
    co_return co_await perform(x.lane, std::move(command), 200, say);
  }

 private:
  static BusinessJson say(const domain::Business& business) { return to_json(business); }
  static http::Problem not_ready() {
    return problem_of({Refusal::payments_unavailable, "", "No payment provider is configured."});
  }
  static http::Problem no_account() {
    return problem_of({Refusal::payments_unavailable, "businessId",
                       "The business has no account at the payment provider yet; make one with POST …/stripe-account."});
  }
  static http::Problem failed(const payment::Failure& failure) {
    if (failure.kind == payment::FailureKind::refused) {
      return {502, "payment_refused", "The payment provider refuses: " + (failure.message.empty() ? failure.code : failure.message), "", 0};
    }
    return {503, "provider_unavailable", "The payment provider did not answer; repeat the request.", "", 2};
  }
  /// Of a way back that is used up: repeating the request would not help.
  static http::Problem begin_again(const payment::Failure& failure) {
    http::Problem problem = failed(failure);
    if (problem.status == 503) {
      problem.detail = "The payment provider did not answer, and the way back is used up; begin again.";
      problem.retry_after_s = 0;
    }
    return problem;
  }
  static domain::AccountNews news_of(const payment::Account& account) {
    return std::get<domain::AccountNews>(payment::to_news(account));
  }
  static std::string fresh_state() { return crypto::base64url(crypto::random_bytes<24>()); }

  Expected<domain::Business> managed(const Caller& caller, domain::BusinessId id) {
    auto business = business_for(x, caller, id, domain::Capability::connect_account);
    if (business && !x.payments_ready()) return std::unexpected(not_ready());
    return business;
  }
  std::optional<domain::Business> named(const Request& request) {
    const auto id = domain::BusinessId::parse(request.query("businessId").value_or(""));
    return id ? store::get<domain::Business>(x.store, *id) : std::nullopt;
  }

  Task link(Request& request, Caller caller, domain::BusinessId business, payment::Account account) {
    const auto own = co_await x.payments->check_key();
    if (!own) co_return failed(own.error());
    domain::LinkAccount command{.meta = meta_of(x, request, caller),
                                .business_id = business,
                                .account = news_of(account),
                                .proven = true,
                                .platform_account = own->account.id};
    co_return co_await perform(x.lane, std::move(command), 200, say);
  }

  boost::asio::awaitable<bool> came_back(Request& request, domain::BusinessId business) {
    const auto state = request.query("state");
    if (!state) co_return false;
    const auto taken = co_await submit(x.lane, domain::TakeLink{.meta = meta_of(x, request),
                                                                .id = domain::link_state_id(*state),
                                                                .purpose = domain::LinkPurpose::onboarding});
    co_return taken.result && taken.result->business_id == business;
  }

  Task look_again(domain::Meta meta, domain::Business business) {
    const auto account = co_await x.payments->retrieve_account(business.stripe_account);
    if (!account) co_return failed(account.error());
    domain::RecordAccount command{
        .meta = std::move(meta), .business_id = business.id, .account = news_of(*account)};
    co_return co_await perform(x.lane, std::move(command), 200, say);
  }

  boost::asio::awaitable<Expected<payment::AccountLink>> onboarding_link(domain::Meta meta, domain::SessionId session,
                                                                         std::int64_t ttl_s, domain::Business business) {
    const std::string state = fresh_state();
    domain::BeginLink begin{.meta = std::move(meta),
                            .id = domain::link_state_id(state),
                            .purpose = domain::LinkPurpose::onboarding,
                            .business_id = business.id,
                            .session_id = session,
                            .ttl_s = ttl_s};
    const auto begun = co_await submit(x.lane, std::move(begin));
    if (!begun.result) co_return std::unexpected(problem_of(begun.result.error()));
    auto made = co_await x.payments->create_account_link(
        {.account_id = business.stripe_account,
         .refresh_url = x.settings.public_url + "/connect/refresh?state=" + state,
         .return_url = x.settings.public_url + "/connect/return?businessId=" + business.id.text() + "&state=" + state});
    if (!made) co_return std::unexpected(failed(made.error()));
    co_return *std::move(made);
  }

  Services& x;
  Notice x_notice;
  AddressLimit x_looks{1, 1 / 60.0};  // by business
};

}  // namespace

void add_connect(http::Router& router, Services& services,
                 std::function<Response(Request&, const ConnectNotice&)> notice) {
  const auto on = methods_of(std::make_shared<Connect>(services, std::move(notice)));
  const Shared open{.tags = {"Connect"}};
  const Shared organiser{
      .tags = {"Connect"}, .security = {"user"}, .token = "$ORGANISER_TOKEN", .capability = {"connect_account"}};
  const Shared operators{.tags = {"Connect"}, .security = {"operator"}, .token = "$OPERATOR_TOKEN"};
  const auto provider_problems = [](std::initializer_list<Refusal> own) {
    auto problems = refusals(own);
    problems.push_back({502, "payment_refused", "The payment provider refuses."});
    problems.push_back({503, "provider_unavailable", "The provider did not answer; repeat the request."});
    return problems;
  };
  const auto business = http::json_reply<BusinessJson>(200, "The business with what is known of its account.");
  router.add(route(organiser, Verb::POST, "/v1/businesses/{businessId}/stripe-account", on(&Connect::create),
                   {.operation_id = "createStripeAccount",
                    .summary = "Make an account at the payment provider for a business that has none",
                    .request = http::json_body<AccountRequest>(),
                    .replies = {business},
                    .problems = provider_problems({Refusal::forbidden, Refusal::unknown_business, Refusal::account_taken,
                                                   Refusal::payments_unavailable})}));
  router.add(route(operators, Verb::PUT, "/v1/businesses/{businessId}/stripe-account", on(&Connect::put),
                   {.operation_id = "linkStripeAccount",
                    .summary = "Link the connected account that is paid, or look at it again",
                    .description = "The provider is asked whether the account exists and can charge.",
                    .request = http::json_body<AccountLinkRequest>(),
                    .replies = {business},
                    .problems = provider_problems({Refusal::forbidden, Refusal::unknown_business, Refusal::account_taken,
                                                   Refusal::payments_unavailable, Refusal::invalid_field}),
                    .curl = {{"body", R"({"stripeAccount": "$STRIPE_ACCOUNT"})"}}}));
  router.add(route(organiser, Verb::POST, "/v1/businesses/{businessId}/stripe-account/refresh", on(&Connect::refresh),
                   {.operation_id = "refreshStripeAccount",
                    .summary = "Ask the provider what the account may do now, and what it is missing",
                    .replies = {business},
                    .problems = provider_problems({Refusal::forbidden, Refusal::unknown_business, Refusal::payments_unavailable})}));
  router.add(route(organiser, Verb::POST, "/v1/businesses/{businessId}/onboarding-link", on(&Connect::onboarding),
                   {.operation_id = "createOnboardingLink",
                    .summary = "The provider's form for what the account is missing",
                    .replies = {http::json_reply<LinkJson>(201, "Where to go now.")},
                    .problems = provider_problems({Refusal::forbidden, Refusal::unknown_business, Refusal::payments_unavailable})}));
  router.add(route(open, Verb::GET, "/connect/return", on(&Connect::back),
                   {.operation_id = "onboardingReturn",
                    .summary = "Where the provider's form leads back to",
                    .parameters = {http::query_param("businessId", http::uuid(), true),
                                   http::query_param("state", http::word_text(1, 100))},
                    .replies = {{.status = 200, .description = "A page.", .content_type = "text/html; charset=utf-8"},
                                {.status = 404, .description = "A page.", .content_type = "text/html; charset=utf-8"}},
                    .curl = {{"businessId", "$BUSINESS_ID"}}}));
  router.add(route(open, Verb::GET, "/connect/refresh", on(&Connect::again),
                   {.operation_id = "onboardingRefresh",
                    .summary = "Where the provider's form leads when it was opened twice or too late: on to a new one",
                    .parameters = {http::query_param("state", http::word_text(1, 100), true)},
                    .replies = {{.status = 303, .description = "To the new form.", .content_type = "text/plain; charset=utf-8"},
                                {.status = 404, .description = "A page.", .content_type = "text/html; charset=utf-8"},
                                {.status = 410, .description = "A page.", .content_type = "text/html; charset=utf-8"},
                                {.status = 503, .description = "A page.", .content_type = "text/html; charset=utf-8"}}}));
  router.add(route(organiser, Verb::POST, "/v1/businesses/{businessId}/oauth-link", on(&Connect::oauth),
                   {.operation_id = "createOauthLink",
                    .summary = "Begin to link an account that the business has at the provider already",
                    .description = "Good once, within 10 minutes, for the account that asked.",
                    .replies = {http::json_reply<LinkJson>(201, "Where to go now.")},
                    .problems = provider_problems({Refusal::forbidden, Refusal::unknown_business, Refusal::payments_unavailable})}));
  router.add(route(organiser, Verb::POST, "/v1/connect/oauth", on(&Connect::oauth_end),
                   {.operation_id = "finishOauthLink",
                    .summary = "Finish it with what the provider gave along to /connect/oauth",
                    .description = "By the account that began, as long as its role in the business has `connect_account`.",
                    .capability = {"user"},
                    .request = http::json_body<OauthReturn>(),
                    .replies = {business},
                    .problems = provider_problems({Refusal::link_used_up, Refusal::account_taken, Refusal::invalid_field,
                                                   Refusal::payments_unavailable})}));
  router.add(route(operators, Verb::PUT, "/v1/businesses/{businessId}/fees", on(&Connect::fees),
                   {.operation_id = "setFees",
                    .summary = "The platform's share of each payment, and on whose account buyers are charged",
                    .description = "For payments begun from now on.",
                    .request = http::json_body<FeesJson>(),
                    .replies = {business},
                    .problems = refusals({Refusal::invalid_field, Refusal::forbidden, Refusal::unknown_business}),
                    .curl = {{"body", R"({"fixed": 30, "percentBp": 250})"}}}));
}

}  // namespace admit::api

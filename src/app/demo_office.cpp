#include "app/demo_office.hpp"

#include <algorithm>
#include <map>
#include <system_error>
#include <thread>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "domain/users.hpp"
#include "identity/password.hpp"
#include "payment/sandbox/sandbox.hpp"

namespace admit::app {
namespace {

using http::items;
using http::optional;
using http::required;

constexpr std::chrono::milliseconds poll_interval{10};
constexpr int ports_tried = 20;

// What is sent.

struct SignUpBody {
  std::string email, password, name, locale;
  static http::Shape shape() {
    return http::object<SignUpBody>("SignUpBody", {required("email", &SignUpBody::email), required("password", &SignUpBody::password),
                                                   required("name", &SignUpBody::name), required("locale", &SignUpBody::locale)});
  }
};

struct SignInBody {
  std::string email, password;
  static http::Shape shape() {
    return http::object<SignInBody>("SignInBody",
                                    {required("email", &SignInBody::email), required("password", &SignInBody::password)});
  }
};

struct NameBody {
  std::string name;
  static http::Shape shape() { return http::object<NameBody>("NameBody", {required("name", &NameBody::name)}); }
};

struct AccountBody {
  std::string stripe_account;
  static http::Shape shape() {
    return http::object<AccountBody>("AccountBody", {required("stripeAccount", &AccountBody::stripe_account)});
  }
};

struct ShowBody {
  std::string title, starts_local, doors_local, zone, currency;
  std::vector<InputWindow> windows;
  std::optional<std::string> venue, address, language, accent, conditions;
  std::optional<std::int64_t> max_tickets_per_registration;
  static http::Shape shape() {
    return http::object<ShowBody>(
        "ShowBody", {required("title", &ShowBody::title), required("startsLocal", &ShowBody::starts_local),
                     required("doorsLocal", &ShowBody::doors_local), required("zone", &ShowBody::zone),
                     required("currency", &ShowBody::currency), required("windows", &ShowBody::windows),
                     optional("venue", &ShowBody::venue), optional("address", &ShowBody::address),
                     optional("language", &ShowBody::language), optional("accent", &ShowBody::accent),
                     optional("conditions", &ShowBody::conditions, http::multiline(0, 400)),
                     optional("maxTicketsPerRegistration", &ShowBody::max_tickets_per_registration)});
  }
};

struct TierBody {
  std::string name;
  std::int64_t price = 0;
  std::optional<std::int64_t> fee, tax_rate, min_per_registration, max_per_registration;
  std::vector<std::string> quota_ids;
  static http::Shape shape() {
    return http::object<TierBody>("TierBody", {required("name", &TierBody::name), required("price", &TierBody::price),
                                               optional("fee", &TierBody::fee), optional("taxRate", &TierBody::tax_rate),
                                               optional("minPerRegistration", &TierBody::min_per_registration),
                                               optional("maxPerRegistration", &TierBody::max_per_registration),
                                               required("quotaIds", &TierBody::quota_ids)});
  }
};

struct GateBody {
  std::string gate;
  static http::Shape shape() { return http::object<GateBody>("GateBody", {required("gate", &GateBody::gate)}); }
};

struct CodeBody {
  std::string code;
  static http::Shape shape() { return http::object<CodeBody>("CodeBody", {required("code", &CodeBody::code)}); }
};

struct LineBody {
  std::string tier_id;
  std::int64_t quantity = 0;
  std::vector<std::string> holders;
  static http::Shape shape() {
    return http::object<LineBody>("LineBody", {required("tierId", &LineBody::tier_id), required("quantity", &LineBody::quantity),
                                               required("holders", &LineBody::holders)});
  }
};

struct ReserveBody {
  std::string show_id;
  std::vector<LineBody> lines;
  static http::Shape shape() {
    return http::object<ReserveBody>("ReserveBody",
                                     {required("showId", &ReserveBody::show_id), required("lines", &ReserveBody::lines)});
  }
};

struct IntentBody {
  std::string registration_id;
  std::int64_t amount = 0;
  static http::Shape shape() {
    return http::object<IntentBody>("IntentBody", {required("registrationId", &IntentBody::registration_id),
                                                   required("amount", &IntentBody::amount)});
  }
};

struct ScanBody {
  std::string qr_code;
  static http::Shape shape() { return http::object<ScanBody>("ScanBody", {required("qrCode", &ScanBody::qr_code)}); }
};

// What comes back, as far as it is used.

struct IdReply {
  std::string id;
};
template <class Tag>
struct IdReplyOf : IdReply {
  static http::Shape shape() { return http::object<IdReplyOf>(Tag::field, {required(Tag::field, &IdReplyOf::id)}); }
};
struct BusinessTag {
  static constexpr std::string_view field = "businessId";
};
struct ShowTag {
  static constexpr std::string_view field = "showId";
};
struct QuotaTag {
  static constexpr std::string_view field = "quotaId";
};
struct TierTag {
  static constexpr std::string_view field = "tierId";
};

struct ChargesReply {
  bool charges_enabled = false;
  static http::Shape shape() {
    return http::object<ChargesReply>("ChargesReply", {required("chargesEnabled", &ChargesReply::charges_enabled)});
  }
};

struct SessionReply {
  std::string user_id, access_token, refresh_token;
  static http::Shape shape() {
    return http::object<SessionReply>("SessionReply", {required("userId", &SessionReply::user_id),
                                                       required("accessToken", &SessionReply::access_token),
                                                       required("refreshToken", &SessionReply::refresh_token)});
  }
};

struct TokenReply {
  std::string token;
  static http::Shape shape() { return http::object<TokenReply>("TokenReply", {required("token", &TokenReply::token)}); }
};

struct EnrolmentReply {
  std::string code;
  static http::Shape shape() {
    return http::object<EnrolmentReply>("EnrolmentReply", {required("code", &EnrolmentReply::code)});
  }
};

struct GateReply {
  EnrolmentReply enrolment;
  static http::Shape shape() {
    return http::object<GateReply>("GateReply", {required("enrolment", &GateReply::enrolment)});
  }
};

struct StatusReply {
  std::string status;
  static http::Shape shape() { return http::object<StatusReply>("StatusReply", {required("status", &StatusReply::status)}); }
};

struct TicketsReply {
  std::vector<DemoTicket> tickets;
  static http::Shape shape() {
    return http::object<TicketsReply>("TicketsReply", {required("tickets", &TicketsReply::tickets, items(0, 1000))});
  }
};

struct LinkReply {
  std::string download_url;
  static http::Shape shape() {
    return http::object<LinkReply>("LinkReply", {required("downloadUrl", &LinkReply::download_url)});
  }
};

std::string random_word(std::size_t bytes) {
  std::string raw(bytes, '\0');
  crypto::fill_random({reinterpret_cast<std::uint8_t*>(raw.data()), raw.size()});
  return crypto::base64url(crypto::bytes_of(raw));
}

std::string random_email(std::string_view who) {
  return std::string(who) + "-" + crypto::hex(crypto::random_bytes<4>()) + "@example.com";
}

}  // namespace

std::unique_ptr<App> open_app(Config config, bool any_port, const job::Clock& clock) {
  const auto first = Config::address("listen", config.listen);
  const auto colon = config.listen.rfind(':');
  for (int tried = 1;; ++tried) {
    try {
      return std::make_unique<App>(config, clock);
    } catch (const std::system_error& fault) {
      const bool taken = fault.code() == std::errc::address_in_use;
      if (!taken || !any_port || tried == ports_tried || first.port + tried > 65535) throw;
      config.listen = config.listen.substr(0, colon + 1) + std::to_string(first.port + tried);
    }
  }
}

http::Shape DemoUser::shape() {
  return http::object<DemoUser>("DemoUser", {required("userId", &DemoUser::user_id), required("email", &DemoUser::email),
                                             required("password", &DemoUser::password),
                                             required("accessToken", &DemoUser::access_token),
                                             required("refreshToken", &DemoUser::refresh_token)});
}

http::Shape DemoTicket::shape() {
  return http::object<DemoTicket>(
      "DemoTicket", {required("ticketId", &DemoTicket::ticket_id), required("registrationId", &DemoTicket::registration_id),
                     required("qrCode", &DemoTicket::qr_code), required("holder", &DemoTicket::holder),
                     required("status", &DemoTicket::status)});
}

http::Shape DemoHold::shape() {
  return http::object<DemoHold>("DemoHold", {required("registrationId", &DemoHold::registration_id),
                                             required("status", &DemoHold::status), required("currency", &DemoHold::currency),
                                             required("expiresAt", &DemoHold::expires_at), required("amount", &DemoHold::amount)});
}

http::Shape DemoIntent::shape() {
  return http::object<DemoIntent>("DemoIntent", {required("clientSecret", &DemoIntent::client_secret),
                                                 required("paymentIntentId", &DemoIntent::payment_intent_id)});
}

http::Shape DemoDecision::shape() {
  return http::object<DemoDecision>("DemoDecision", {required("valid", &DemoDecision::valid),
                                                     required("message", &DemoDecision::message),
                                                     required("reason", &DemoDecision::reason)});
}

DemoUser DemoOffice::sign_in(std::string email, std::string password) {
  const auto session = party().post<SessionReply>("/v1/sessions", SignInBody{email, password});
  return {session.user_id, std::move(email), std::move(password), session.access_token, session.refresh_token};
}

DemoUser DemoOffice::sign_up(std::string_view who, const std::string& name, const std::string& locale) {
  const SignUpBody body{random_email(who), random_word(18), name, locale};
  struct Any {
    std::string user_id;
    static http::Shape shape() { return http::object<Any>("Any", {required("userId", &Any::user_id)}); }
  };
  (void)party().post<Any>("/v1/users", body);
  return sign_in(body.email, body.password);
}

DemoUser DemoOffice::make_operator() {
  const std::string email = random_email("operator");
  const std::string password = random_word(18);
  const auto made = x_app.lane().call(domain::CreateUser{.meta = x_app.meta("operator"),
                                                         .email = email,
                                                         .name = "Operator",
                                                         .locale = "",
                                                         .password_hash = identity::hash_password(password),
                                                         .is_operator = true,
                                                         .email_verified = true});
  if (!made) throw DemoFault("the operator's account was refused: " + made.error().detail);
  return sign_in(email, password);
}

void DemoOffice::open_business(DemoHouse& house, const std::string& name, const std::string& currency) {
  house.business_id =
      party(house.organiser.access_token).post<IdReplyOf<BusinessTag>>("/v1/businesses", NameBody{name}).id;
  house.connected_account = x_app.sandbox()->create_account({.currency = currency, .email = house.organiser.email});
  const auto linked = party(house.op.access_token)
                          .put<ChargesReply>("/v1/businesses/" + house.business_id + "/stripe-account",
                                             AccountBody{house.connected_account});
  if (!linked.charges_enabled) throw DemoFault("the business was linked to an account that cannot charge");
}

void DemoOffice::open_show(DemoHouse& house, const Input& input) {
  Party organiser = party(house.organiser.access_token);
  const InputShow& show = input.show;
  house.show_id = organiser
                      .post<IdReplyOf<ShowTag>>(
                          "/v1/businesses/" + house.business_id + "/shows",
                          ShowBody{show.title, show.starts_local, show.doors_local, show.zone, show.currency, show.windows, show.venue,
                                   show.address, show.language, show.accent, show.conditions, show.max_tickets_per_registration})
                      .id;
  const std::string path = "/v1/shows/" + house.show_id;
  std::map<std::string, std::string, std::less<>> quota_ids;
  for (const auto& quota : input.quotas) {
    quota_ids[quota.name] = organiser.post<IdReplyOf<QuotaTag>>(path + "/quotas", quota).id;
  }
  for (const auto& tier : input.tiers) {
    TierBody body{tier.name, tier.price, tier.fee, tier.tax_rate, tier.min_per_registration, tier.max_per_registration, {}};
    for (const auto& name : tier.quotas) body.quota_ids.push_back(quota_ids.at(name));
    house.tier_ids.push_back(organiser.post<IdReplyOf<TierTag>>(path + "/tiers", body).id);
  }
  organiser.post_nothing(path + "/publish");
}

void DemoOffice::open_gate(DemoHouse& house) {
  const auto made = party(house.organiser.access_token)
                        .post<GateReply>("/v1/shows/" + house.show_id + "/gates", GateBody{"Main door"});
  house.gate_token = party().post<TokenReply>("/v1/gates/enrol", CodeBody{made.enrolment.code}).token;
}

DemoHold DemoOffice::reserve(const DemoUser& buyer, const DemoHouse& house, const Input& input,
                             const InputRegistration& registration) {
  ReserveBody body{.show_id = house.show_id, .lines = {}};
  for (const auto& line : registration.lines) {
    const auto tier = std::ranges::find(input.tiers, line.tier, &InputTier::name) - input.tiers.begin();
    body.lines.push_back({house.tier_ids.at(static_cast<std::size_t>(tier)), std::ssize(line.holders), line.holders});
  }
  return party(buyer.access_token).post<DemoHold>("/v1/registrations", body);
}

DemoIntent DemoOffice::create_intent(const DemoUser& buyer, const DemoHold& hold) {
  return party(buyer.access_token).post<DemoIntent>("/payments/create-intent", IntentBody{hold.registration_id, hold.amount});
}

void DemoOffice::pay(const DemoIntent& intent) {
  const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(x_app.now())};
  const int next_year = static_cast<int>(today.year()) + 1;
  // Secrets and ids are words of A-Z a-z 0-9 _: nothing to encode but the brackets.
  const std::string form = "client_secret=" + intent.client_secret +
                           "&payment_method_data%5Btype%5D=card"
                           "&payment_method_data%5Bcard%5D%5Bnumber%5D=4242424242424242"
                           "&payment_method_data%5Bcard%5D%5Bexp_month%5D=12"
                           "&payment_method_data%5Bcard%5D%5Bexp_year%5D=" +
                           std::to_string(next_year) +
                          
                           "&payment_method_data%5Bcard%5D%5Bcvc%5D=123";
  Party browser(x_client, x_app.sandbox()->api_base(), std::string(x_app.sandbox()->keys().publishable_key.text()));
  const auto answer = browser.post_form<StatusReply>(
      x_app.sandbox()->api_base() + "/v1/payment_intents/" + intent.payment_intent_id + "/confirm", form);
  if (answer.status != "succeeded") throw DemoFault("the payment is " + answer.status + " instead of succeeded");
}

void DemoOffice::wait_until_confirmed(const DemoUser& buyer, const DemoHold& hold, std::chrono::seconds limit) {
  Party party = this->party(buyer.access_token);
  const auto until = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto seen = party.get<StatusReply>("/v1/registrations/" + hold.registration_id);
    if (seen.status == "confirmed") return;
    if (std::chrono::steady_clock::now() > until) {
      throw DemoFault("the registration is " + seen.status + " instead of confirmed " + std::to_string(limit.count()) +
                      " s after it was paid: the webhook did not come");
    }
    std::this_thread::sleep_for(poll_interval);
  }
}

std::vector<DemoTicket> DemoOffice::tickets(const DemoUser& buyer, const DemoHold& hold) {
  auto all = party(buyer.access_token).get<TicketsReply>("/userTickets?limit=1000").tickets;
  std::erase_if(all, [&](const DemoTicket& ticket) { return ticket.registration_id != hold.registration_id; });
  return all;
}

std::string DemoOffice::page(const DemoUser& buyer, const DemoTicket& ticket) {
  Party customer = party(buyer.access_token);
  const auto link = customer.get<LinkReply>("/tickets/" + ticket.ticket_id + "/download");
  std::string pdf = customer.download(link.download_url);
  if (!pdf.starts_with("%PDF-")) throw DemoFault("what the download link gives is no PDF");
  return pdf;
}

DemoDecision DemoOffice::scan(const DemoHouse& house, const std::string& code) {
  return party(house.gate_token).post<DemoDecision>("/tickets/validate", ScanBody{code});
}

}  // namespace admit::app

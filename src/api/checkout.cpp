// What a checkout needs beside reserving and paying: how to load the payment
// form, names on tickets, the code that opens the checkout on a phone.

#include "api/registration_json.hpp"
#include "api/services.hpp"
#include "document/qr.hpp"
#include "domain/holders.hpp"
#include "token/order_key.hpp"

namespace admit::api {
namespace {

using domain::Refusal;
using http::Request;
using http::Response;
using http::Task;
using http::Verb;

constexpr int png_pixels_per_module = 8;

struct ConfigJson {
  std::optional<std::string> publishable_key, payment_script;
  std::string api_version, mode;
  static http::Shape shape() {
    using namespace http;
    return http::object<ConfigJson>(
        "Config",
        {required(
             "publishableKey", &ConfigJson::publishable_key,
             text(1, 300).nullable().doc("The payment provider's, for a frontend; null where nothing can be paid.")),
         required("apiVersion", &ConfigJson::api_version,
                  text(1, 60).doc("The provider's interface as this server speaks it.")),
         required("mode", &ConfigJson::mode, one_of({"live", "test", "sandbox"}).doc("Money moves in `live` only.")),
         required("paymentScript", &ConfigJson::payment_script,
                  url().nullable().doc("The script that draws the payment form."))});
  }
};

struct HolderLine {
  std::string tier_id;
  std::vector<std::string> holders;
  static http::Shape shape() {
    using namespace http;
    return http::object<HolderLine>("HolderLine",
                                    {required("tierId", &HolderLine::tier_id, uuid()),
                                     required("holders", &HolderLine::holders,
                                              items(0, 40, text(0, 60))
                                                  .doc("One name per ticket; the account's name where it is empty.")
                                                  .example_raw(R"(["Ada Example"])"))});
  }
};

struct HolderRequest {
  std::vector<HolderLine> lines;
  static http::Shape shape() {
    return http::object<HolderRequest>("HolderRequest",
                                       {http::required("lines", &HolderRequest::lines, http::items(1, 20))});
  }
};

class Checkout {
 public:
  explicit Checkout(Services& services) : x(services), x_keys(services.ring), x_pay_keys(services.ring) {}

  Response config(Request&) {
    ConfigJson out{.publishable_key = {},
                   .payment_script = {},
                   .api_version = x.settings.api_version,
                   .mode = !x.settings.is_sandbox ? x.is_test() ? "test" : "live" : "sandbox"};
    if (!x.settings.publishable_key.empty()) out.publishable_key = x.settings.publishable_key;
    if (!x.settings.payment_script.empty()) out.payment_script = x.settings.payment_script;
    return reply(200, out);
  }

  Task name_holders(Request& request) {
    auto given = input<domain::RegistrationId, HolderRequest>(request, caller_of(x, request));
    if (!given) co_return given.error();
    domain::NameHolders command{.meta = meta_of(x, request, given->caller), .registration_id = given->id, .lines = {}};
    for (auto& line : given->body.lines) {
      command.lines.push_back({checked_id<domain::TierId>(line.tier_id), std::move(line.holders)});
    }
    co_return co_await perform(x.lane, std::move(command), 200,
                               [](const domain::Registration& named) { return to_json(named); });
  }

  /// The link in it carries a secret only where the order is a guest's, for it must never sign in to an account: to the
  /// guest the order's key, to a seller one that pays for it and opens nothing.
  Task pay_qr(Request& request) {
    const auto given = input<domain::RegistrationId>(request, agent_of(x, request));
    if (!given) co_return given.error();
    const auto shown = co_await submit(
        x.lane, domain::ShowPayLink{.meta = meta_of(x, request, given->caller), .registration_id = given->id});
    if (!shown.result) co_return problem_of(shown.result.error());
    const auto& registration = shown.result;
    std::string link = x.settings.public_url + "/checkout/" + registration->id.text();
    const auto user = store::get<domain::User>(x.store, registration->user_id);
    if (user && user->guest) {
      link += registration->user_id == given->caller.user
                  ? "#k=" + x_keys.key_of(registration->id)
                  : "#p=" + x_pay_keys.text_of({registration->id, registration->expires_at});
    }
    const auto accept = request.header("Accept").value_or("");
    const bool is_png = request.query("format") ? *request.query("format") == "png" : accept.starts_with("image/png");
    auto image = co_await on_pool(x.pool, [&link, is_png] {
      const auto symbol = document::encode_qr(link, document::QrLevel::M);
      return is_png ? document::to_png(symbol, png_pixels_per_module) : document::to_svg(symbol);
    });
    Response out(200, is_png ? "image/png" : "image/svg+xml", std::move(image));
    out.headers.push_back({"Vary", "Accept"});
    co_return out;
  }

 private:
  Services& x;
  token::OrderKeys x_keys;
  token::PayKeys x_pay_keys;
};

}  // namespace

void add_checkout(http::Router& router, Services& services) {
  const auto on = methods_of(std::make_shared<Checkout>(services));
  const Shared open{.tags = {"Payments"}};
  const Shared user{.tags = {"Registrations"}, .security = {"user"}, .capability = {"holder", "operator"}};
  router.add(route(open, Verb::GET, "/v1/config", on(&Checkout::config),
                   {.operation_id = "getConfig",
                    .summary = "What a frontend needs to draw the payment form",
                    .replies = {http::json_reply<ConfigJson>(200, "Nothing in it is secret.")}}));
  router.add(route(user, Verb::PATCH, "/v1/registrations/{registrationId}", on(&Checkout::name_holders),
                   {.operation_id = "nameHolders",
                    .summary = "Name the holders of tickets while they are held",
                    .description = "Lines that are not named keep their names.",
                    .request = http::json_body<HolderRequest>(),
                    .replies = {http::json_reply<RegistrationJson>(200, "The registration.")},
                    .problems = refusals({Refusal::invalid_field, Refusal::unknown_registration, Refusal::forbidden,
                                          Refusal::registration_not_held, Refusal::unknown_tier}),
                    .curl = {{"registrationId", "$HELD_REGISTRATION_ID"},
                             {"body", R"({"lines": [{"tierId": "$TIER_ID", "holders": ["Ada Example"]}]})"}}}));
  router.add(route(
      user, Verb::GET, "/v1/registrations/{registrationId}/pay-qr", on(&Checkout::pay_qr),
      {.operation_id = "getPayQr",
       .summary = "A QR symbol that opens the checkout on a phone, for the box office and the door",
       .description = "For its customer, the business that sells it and operators. SVG, or PNG with `?format=png` or "
                      "`Accept: image/png`. Of a guest's order the guest is given what opens the order; a seller "
                      "what pays for it until the places are given up or paid, and opens nothing. That is noted in "
                      "the audit.",
       .capability = {"holder", "sell"},
       .parameters = {http::query_param("format", http::one_of({"svg", "png"}))},
       .replies = {http::plain_reply(200, "The symbol.", "image/svg+xml"),
                   http::plain_reply(200, "The symbol.", "image/png")},
       .problems = refusals({Refusal::forbidden, Refusal::unknown_registration, Refusal::registration_not_held}),
       .curl = {{"registrationId", "$HELD_REGISTRATION_ID"}}}));
}

}  // namespace admit::api

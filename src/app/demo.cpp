#include "app/demo.hpp"

#include <filesystem>
#include <iostream>

#include "api/local_time.hpp"
#include "app/app.hpp"
#include "app/demo_file.hpp"
#include "app/demo_input.hpp"
#include "app/demo_office.hpp"
#include "app/paper_scan.hpp"
#include "app/signal_wait.hpp"
#include "app/stripe_check.hpp"
#include "log/log.hpp"

namespace admit::app {
namespace {

constexpr std::chrono::seconds webhook_limit{10};
constexpr std::string_view zone = "Europe/Vienna";

/// An evening whose doors have just opened.
Input example_evening(domain::Instant now) {
  const auto local = [](domain::Instant at) { return api::to_local(at, zone); };
  const domain::Instant doors = std::chrono::floor<std::chrono::hours>(now);
  const domain::Instant starts = doors + std::chrono::hours{1};
  Input input{.show = {.business = "Alte Mühle",
                       .title = "Candlelight Concert at the Old Mill",
                       .zone = std::string(zone),
                       .starts_local = local(starts),
                       .doors_local = local(doors),
                       .currency = "EUR",
                       .venue = "Alte Mühle",
                       .address = "Mühlgasse 7, 1040 Wien",
                       .language = "en",
                       .accent = "#7a1f3d",
                       .conditions = "The code admits one person once. Doors close when the music begins.",
                       .windows = {{local(doors), local(doors + std::chrono::hours{24})}},
                       .max_tickets_per_registration = 20},
              .quotas = {{"House", 400}, {"Balcony", 60}, {"Guest list", 20}},
              .tiers = {{.name = "Standing", .price = 2'800, .fee = 150, .tax_rate = 1'000, .quotas = {"House"}},
                        {.name = "Balcony", .price = 4'200, .fee = 150, .tax_rate = 1'000, .quotas = {"House", "Balcony"}},
                        {.name = "Guest list", .price = 0, .quotas = {"House", "Guest list"}}},
              .registrations = {{.buyer = "Zoë Nowak", .locale = "en", .lines = {{"Standing", {"Zoë Nowak"}}}}}};
  return input;
}

DemoFile sell_one(App& app, http::Client& client, Story& story, const std::filesystem::path& folder) {
  DemoOffice office(app, client);
  const Input input = example_evening(app.now());
  DemoHouse house;
  DemoUser customer;

  story.heading("The house");
  story.step("accounts", [&] {
    customer = office.sign_up("customer", input.registrations[0].buyer, "en");
    house.organiser = office.sign_up("organiser", "Olga Organiser", "en");
    house.op = office.make_operator();
    return "customer, organiser and operator signed in";
  });
  story.step("business", [&] {
    office.open_business(house, input.show.business, input.show.currency);
    return input.show.business + ", paid into " + house.connected_account;
  });
  story.step("show", [&] {
    office.open_show(house, input);
    return input.show.title + ": " + std::to_string(house.tier_ids.size()) + " tiers on sale, doors open since " +
           input.show.doors_local.substr(11) + " in " + input.show.zone;
  });
  story.step("gate", [&] {
    office.open_gate(house);
    return "Main door has its token";
  });

  DemoHold hold;
  DemoIntent intent;
  DemoTicket ticket;
  const std::filesystem::path pdf = folder / "ticket.pdf";
  story.heading("The sale");
  story.step("reserve", [&] {
    hold = office.reserve(customer, house, input, input.registrations[0]);
    return "1 × Standing for " + input.registrations[0].buyer + ", " + price_text(hold.amount, hold.currency) + ", held until " +
           hold.expires_at.substr(11, 8) + " UTC";
  });
  story.step("create intent", [&] {
    intent = office.create_intent(customer, hold);
    return intent.payment_intent_id;
  });
  story.step("pay", [&] {
    office.pay(intent);
    return "4242 4242 4242 4242 at the sandbox: succeeded";
  });
  story.step("webhook", [&] {
    office.wait_until_confirmed(customer, hold, webhook_limit);
    return "signed, verified, registration confirmed";
  });
  story.step("ticket", [&] {
    const auto issued = office.tickets(customer, hold);
    if (issued.size() != 1) throw DemoFault("one ticket was bought, " + std::to_string(issued.size()) + " were issued");
    ticket = issued.front();
    return ticket.ticket_id;
  });
  story.step("download", [&] {
    const std::string page = office.page(customer, ticket);
    write_private(pdf, page);
    return std::to_string(page.size()) + " bytes to " + pdf.string();
  });

  std::string code;
  const auto scan = [&](std::string_view reason) {
    const auto decision = office.scan(house, code);
    if (decision.reason != reason || decision.valid != (reason == "admitted")) {
      throw DemoFault("the door says " + decision.reason + " instead of " + std::string(reason));
    }
    return decision.reason + ": " + decision.message;
  };
  story.heading("The door");
  story.step("scan the page", [&] {
    code = scan_paper(pdf);
    if (code != ticket.qr_code) throw DemoFault("the code on the page is not the ticket's");
    return std::to_string(code.size()) + " characters read off the picture by zbarimg";
  });
  story.step("first scan", [&] { return scan("admitted"); });
  story.step("second scan", [&] { return scan("already_used"); });
  story.say("\n" + story.elapsed() + " from first start to second scan");

  return demo_file(app, house,
                   {.customer = customer,
                    .registration_id = hold.registration_id,
                    .payment_intent_id = intent.payment_intent_id,
                    .ticket_id = ticket.ticket_id,
                    .qr_code = ticket.qr_code});
}

void tell_what_to_try(Story& story, const DemoFile& file, const std::filesystem::path& demo_json) {
  story.heading("Left running; Ctrl-C ends it. To try:");
  story.say("  " + file.base_url + "/v1/shows/" + file.show_id);
  story.say("  " + file.base_url + "/validateQRcode?encrypted_token=" + file.qr_code.substr(file.qr_code.rfind('/') + 1));
  story.say("  " + file.base_url + "/openapi.json");
  story.say("  " + file.base_url + "/metrics");
  story.say("\n  DEMO=" + demo_json.string());
  story.say(R"sh(  token() { sed "s/.*\"$1\":{[^}]*\"$2\":\"\([^\"]*\)\".*/\1/" $DEMO; })sh");
  story.say(R"sh(  curl -H "Authorization: Bearer $(token customer accessToken)" )sh" + file.base_url + "/userTickets");
  story.say(R"sh(  curl -H "Authorization: Bearer $(token organiser accessToken)" )sh" + file.base_url + "/v1/shows/" + file.show_id +
            "/check-ins");
  story.say(R"sh(  curl -H "Authorization: Bearer $(token gate token)" -H "Content-Type: application/json" \)sh");
  story.say(R"sh(    -d "{\"qrCode\": \"$(sed 's/.*"qrCode":"\([^"]*\)".*/\1/' $DEMO)\"}" )sh" + file.base_url + "/tickets/validate");
}

}  // namespace

int demo(const Config& config, const DemoOptions& options, bool listen_given) {
  if (config.log_level == Config{}.log_level) log::configure({.level = log::Level::warning, .stream = log::Stream::standard_out});
  const bool any_port = !listen_given && config.listen == Config{}.listen;
  if (options.input) return demo_input(config, *options.input, any_port);

  const SignalWait signals;
  Story story(std::cout);
  const auto app = open_app(config, any_port);
  const std::filesystem::path folder = config.data;
  const auto demo_json = clear_demo_file(folder);
  app->start();
  write_sandbox_file(folder, *app->sandbox());
  story.say("listening on " + app->base_url());
  story.say("payments come from the sandbox: no money moves, tickets say TEST");
  try {
    http::Client client;
    const DemoFile file = sell_one(*app, client, story, folder);
    write_demo_file(demo_json, file);
    if (!options.once) tell_what_to_try(story, file, demo_json);
  } catch (const DemoFault& fault) {
    story.say("\nthe demo went wrong: " + std::string(fault.what()));
    return 1;
  }
  if (!options.once) signals.wait();
  app->stop();
  return 0;
}

}  // namespace admit::app

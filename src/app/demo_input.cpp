#include "app/demo_input.hpp"

#include <atomic>
#include <exception>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

#include "app/demo_file.hpp"
#include "app/input_file.hpp"
#include "app/paper_scan.hpp"
#include "app/verify.hpp"
#include "app/stripe_check.hpp"

namespace admit::app {
namespace {

constexpr std::chrono::seconds webhook_limit{20};
constexpr unsigned scanners = 2;

struct Printed {
  DemoTicket ticket;
  std::filesystem::path pdf;
  std::string code;  // as read off the page
};

/// The clock of server and sandbox: stands at `begin` when it is made and goes on from there.
job::Clock clock_from(domain::Instant begin) {
  const auto started = std::chrono::steady_clock::now();
  return [begin, started] {
    return begin + std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  };
}

std::string count_text(std::int64_t count, std::string_view one) {
  return std::to_string(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

struct Sold {
  DemoSale first;
  std::vector<Printed> all;
};

Sold sell(DemoOffice& office, const DemoHouse& house, const Input& input, Story& story, const std::filesystem::path& folder) {
  Sold sold;
  for (const auto& registration : input.registrations) {
    story.step(count_text(registration.ticket_count(), "ticket"), [&] {
      const DemoUser buyer = office.sign_up("buyer", registration.buyer, registration.locale.value_or("en"));
      const DemoHold hold = office.reserve(buyer, house, input, registration);
      std::optional<std::string> intent_id;
      if (hold.amount > 0) {
        const DemoIntent intent = office.create_intent(buyer, hold);
        office.pay(intent);
        intent_id = intent.payment_intent_id;
      }
      office.wait_until_confirmed(buyer, hold, webhook_limit);
      const auto tickets = office.tickets(buyer, hold);
      if (std::ssize(tickets) != registration.ticket_count()) {
        throw DemoFault(count_text(registration.ticket_count(), "ticket") + " were bought, " + std::to_string(tickets.size()) +
                        " were issued");
      }
      for (const auto& ticket : tickets) {
        const auto pdf = folder / (ticket.ticket_id + ".pdf");
        write_private(pdf, office.page(buyer, ticket));
        sold.all.push_back({ticket, pdf, {}});
      }
      if (&registration == &input.registrations.front()) {
        sold.first = {buyer, hold.registration_id, intent_id, tickets.front().ticket_id, tickets.front().qr_code};
      }
      return registration.buyer + ", " + price_text(hold.amount, hold.currency);
    });
  }
  return sold;
}

/// Several pages at a time; throws the first fault.
void read_pages(std::vector<Printed>& all) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr fault;
  const auto work = [&] {
    for (std::size_t i = next++; i < all.size(); i = next++) {
      try {
        all[i].code = scan_paper(all[i].pdf);
        if (all[i].code != all[i].ticket.qr_code) throw DemoFault("the code on " + all[i].pdf.string() + " is not its ticket's");
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!fault) fault = std::current_exception();
        next = all.size();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < scanners; ++i) threads.emplace_back(work);
  }
  if (fault) std::rethrow_exception(fault);
}

/// How many of all were answered `reason`; the others are told.
std::int64_t scan_all(DemoOffice& office, const DemoHouse& house, const std::vector<Printed>& all, std::string_view reason,
                      Story& story) {
  std::int64_t count = 0;
  for (const auto& printed : all) {
    const auto decision = office.scan(house, printed.code);
    if (decision.reason == reason && decision.valid == (reason == "admitted")) {
      ++count;
    } else {
      story.say("  ticket " + printed.ticket.ticket_id + ": " + decision.reason + " instead of " + std::string(reason));
    }
  }
  return count;
}

struct Tally {
  std::int64_t sold = 0, admitted = 0, refused = 0;
};

struct Played {
  Tally tally;
  DemoFile file;
};

Played play(App& app, const Input& input, Story& story, const std::filesystem::path& folder) {
  http::Client client;
  DemoOffice office(app, client);
  DemoHouse house;
  story.heading(input.show.title + ", " + input.show.doors_local.substr(0, 10) + ", doors " + input.show.doors_local.substr(11) +
                " in " + input.show.zone + " (" + domain::text(input.doors_at()) + ")");
  story.step("house", [&] {
    house.organiser = office.sign_up("organiser", input.show.business, input.show.language.value_or("en"));
    house.op = office.make_operator();
    office.open_business(house, input.show.business, input.show.currency);
    office.open_show(house, input);
    office.open_gate(house);
    return count_text(std::ssize(input.tiers), "tier") + " on " + count_text(std::ssize(input.quotas), "quota") + ", on sale";
  });

  story.heading("The sale");
  Sold sold = sell(office, house, input, story, folder);
  auto& all = sold.all;

  story.heading("The door");
  Tally tally{.sold = std::ssize(all)};
  story.step("read the pages", [&] {
    read_pages(all);
    return count_text(tally.sold, "code") + " read off the pages in " + folder.string();
  });
  story.step("first scans", [&] {
    tally.admitted = scan_all(office, house, all, "admitted", story);
    return std::to_string(tally.admitted) + " admitted";
  });
  story.step("second scans", [&] {
    tally.refused = scan_all(office, house, all, "already_used", story);
    return std::to_string(tally.refused) + " refused as already used";
  });
  return {tally, demo_file(app, house, std::move(sold.first))};
}

}  // namespace

int demo_input(const Config& config, const std::string& path, bool any_port) {
  auto input = read_input_file(path);
  if (!input) throw ConfigError(input.error());
  Story story(std::cout);
  const auto app = open_app(config, any_port, clock_from(input->doors_at()));
  const std::filesystem::path folder = std::filesystem::path(config.data) / "tickets";
  std::filesystem::create_directories(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  const auto demo_json = clear_demo_file(config.data);
  app->start();
  write_sandbox_file(config.data, *app->sandbox());
  story.say("listening on " + app->base_url());
  Tally tally;
  try {
    const auto played = play(*app, *input, story, folder);
    write_demo_file(demo_json, played.file);
    tally = played.tally;
  } catch (const DemoFault& fault) {
    story.say("\nthe demo went wrong: " + std::string(fault.what()));
    return 1;
  }
  app->stop();
  std::ostringstream report;
  bool sound = false;
  story.step("verify", [&] {
    sound = verify(app->store(), report);
    return sound ? "every invariant holds" : "BROKEN";
  });
  if (!sound) story.say(report.str());
  story.say("\nsold=" + std::to_string(tally.sold) + " admitted=" + std::to_string(tally.admitted) +
            " refused=" + std::to_string(tally.refused) + " verify=" + (sound ? "ok" : "broken"));
  const bool whole = tally.sold == input->ticket_count() && tally.admitted == tally.sold && tally.refused == tally.sold;
  return sound && whole ? 0 : 1;
}

}  // namespace admit::app

// admit_bench BINARY FOLDER OUTPUT CONNECTIONS [--quick] [--keep]
// Measures BINARY with its data in FOLDER (emptied first) and writes OUTPUT: {"results": […], "disagreements": […], …}.

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "lane_steps.hpp"
#include "micro.hpp"
#include "phases.hpp"
#include "security_steps.hpp"
#include "seed.hpp"
#include "server.hpp"

namespace admit::bench {
namespace {

constexpr std::string_view public_url = "https://tickets.example.com";
constexpr int starts = 5;

void print(std::string_view what) {
  std::cout << "-- " << what << std::endl;
}

double median_start_ms(const std::string& binary, const std::string& data, const std::vector<std::string>& settings) {
  std::vector<double> times;
  for (int i = 0; i < starts; ++i) {
    ServerProcess server(binary, data, settings);
    times.push_back(server.start_ms());
  }
  std::ranges::nth_element(times, times.begin() + starts / 2);
  return times[starts / 2];
}

int run(const std::string& binary, const std::string& folder, const std::string& output, bool quick, bool keep,
        int connections) {
  namespace fs = std::filesystem;
  fs::remove_all(folder);
  fs::create_directories(folder);
  Report report;

  print("single steps");
  for (const auto& step : measure_steps(quick)) {
    report.add(step.name, std::round(step.value * 1000) / 1000, step.unit, step.note);
  }
  for (const auto& step : measure_security(quick)) {
    report.add(step.name, std::round(step.value * 1000) / 1000, step.unit, step.note);
  }
  auto fsync = measure_fsync(folder, quick ? 1 : 3);
  report.add({{"name", "fsync"},
              {"value", std::round(fsync.rate)},
              {"unit", "1/s"},
              {"p50_ms", fsync.latencies.quantile_ms(0.5)},
              {"p99_ms", fsync.latencies.quantile_ms(0.99)},
              {"worst_ms", fsync.latencies.worst_ms()},
              {"note", "appends of 4 KiB with fdatasync, one after the other, on the disk of the database"}});

  payment::sandbox::Sandbox sandbox({.folder = folder + "/sandbox", .clock = {}});
  std::vector<std::string> settings{"ADMIT_LOG_LEVEL=warning"};
  settings.push_back("ADMIT_PUBLIC_URL=" + std::string(public_url));
  settings.push_back("ADMIT_STRIPE_API_BASE=" + sandbox.api_base());
  settings.push_back("STRIPE_SECRET_KEY=" + std::string(sandbox.keys().secret_key.text()));
  settings.push_back("STRIPE_PUBLISHABLE_KEY=" + std::string(sandbox.keys().publishable_key.text()));
  settings.push_back("STRIPE_WEBHOOK_SECRET=" + std::string(sandbox.keys().webhook_secret.text()));
  print("an empty office");
  const auto empty = folder + "/empty";
  fs::create_directories(empty);
  {
    ServerProcess first(binary, empty, settings);
    report.add("first_start", std::round(first.start_ms() * 10) / 10, "ms",
               "makes folder, keys and schema, until GET /healthz is answered");
  }
  report.add("empty_start", std::round(median_start_ms(binary, empty, settings) * 10) / 10, "ms",
             "again in that folder, the median of 5");

  print("seeding");
  SeedPlan plan{.folder = folder + "/data", .stripe_account = sandbox.create_account()};
  if (quick) {
    plan.users = 1'000;
    plan.past_tickets = 40'000;
    plan.past_holds = 20'000;
    plan.door_tickets = 20'000;
  }
  auto seeded = seed(plan);
  report.add("seeding", std::round(seeded.seconds * 10) / 10, "s",
             std::to_string(seeded.rows) + " rows, " +
                 std::to_string(fs::file_size(plan.folder + "/admit.db") / 1'000'000) + " MB; " +
                 std::to_string(plan.past_tickets + plan.door_tickets) + " tickets, " +
                 std::to_string(plan.past_tickets) + " check-ins, " + std::to_string(plan.past_holds) +
                 " expired registrations, " + std::to_string(plan.users) + " users");

  for (const auto& step : measure_lane(plan.folder, seeded, quick)) {
    report.add(step.name, std::round(step.value * 10) / 10, step.unit, step.note);
  }

  report.add("start_to_first_answer", std::round(median_start_ms(binary, plan.folder, settings) * 10) / 10, "ms",
             "from exec until GET /healthz is answered, with all those rows, the median of 5");

  ServerProcess server(binary, plan.folder, settings);
  sandbox.set_webhook_url("http://127.0.0.1:" + std::to_string(server.port()) + "/payments/webhook");
  sandbox.start();
  std::this_thread::sleep_for(std::chrono::seconds{2});
  report.add("idle_memory", std::round(server.memory_mb() * 10) / 10, "MB",
             "resident, two seconds after the start, before the first PDF");

  print("the server under load");
  PhasePlan phases;
  phases.connections = connections;
  if (quick) {
    phases.hello_s = 1;
    phases.check_ins = 15'000;
    phases.reservations = 6'000;
    phases.sold_out_s = 1;
    phases.attack_s = 2;
    phases.limit_s = 10;
    phases.purchases = 64;
  }
  Phases(phases, seeded, plan.folder, std::string(public_url), server, sandbox, report).run();
  sandbox.stop();
  if (!server.stop()) report.disagree("the server did not end well");

  boost::json::array disagreements;
  for (const auto& what : report.disagreements()) disagreements.emplace_back(what);
  std::ofstream(output) << boost::json::serialize(boost::json::object{{"quick", quick},
                                                                      {"connections", phases.connections},
                                                                      {"results", report.results()},
                                                                      {"disagreements", disagreements}})
                        << '\n';
  if (!keep) fs::remove_all(folder);
  return report.disagreements().empty() ? 0 : 1;
}

}  // namespace
}  // namespace admit::bench

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto has = [&](std::string_view option) {
    return std::ranges::find(arguments, option) != arguments.end();
  };
  if (arguments.size() < 4) {
    std::cerr << "usage: admit_bench BINARY FOLDER OUTPUT CONNECTIONS [--quick] [--keep]\n";
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return admit::bench::run(arguments[0], arguments[1], arguments[2], has("--quick"), has("--keep"),
                             std::clamp(std::atoi(arguments[3].c_str()), 1, 4'096));
  } catch (const std::exception& e) {
    std::cerr << "admit_bench: " << e.what() << '\n';
    return 2;
  }
}

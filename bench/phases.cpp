#include "phases.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <iostream>
#include <mutex>
#include <thread>

#include "crypto/ed25519.hpp"

namespace admit::bench {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds poll_every{2};
constexpr std::chrono::seconds confirm_limit{20};
/// Below this much of the limit no figure of a phase says anything.
constexpr double cpu_tick_s = 0.01;

double round_to(double value, double step) {
  return std::round(value / step) * step;
}

std::string json_headers(std::string_view bearer) {
  return "Authorization: Bearer " + std::string(bearer) + "\r\nContent-Type: application/json\r\n";
}

std::string number(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, std::llround(value)).ptr;
  return {text, end};
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const auto n = values.size();
  if (n == 0) return 0;
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

std::uint16_t port_of(const std::string& url) {
  std::uint16_t port = 0;
  const auto colon = url.rfind(':');
  std::from_chars(url.data() + colon + 1, url.data() + url.size(), port);
  return port;
}

}  // namespace

void Report::add(json::object entry) {
  std::cout << entry.at("name").as_string().c_str() << ": " << entry.at("value").to_number<double>() << ' '
            << entry.at("unit").as_string().c_str() << std::endl;
  x_results.push_back(std::move(entry));
}

void Report::add(const std::string& name, double value, const std::string& unit, const std::string& note) {
  add({{"name", name}, {"value", value}, {"unit", unit}, {"p50_ms", nullptr}, {"p99_ms", nullptr}, {"note", note}});
}

void Report::disagree(const std::string& what) {
  std::cout << "DISAGREES: " << what << std::endl;
  x_disagreements.push_back(what);
}

Phases::Phases(const PhasePlan& plan, const Seeded& seeded, std::string folder, const std::string& issuer,
               ServerProcess& server, payment::sandbox::Sandbox& sandbox, Report& report)
    : x_plan(plan),
      x_seeded(seeded),
      x_folder(std::move(folder)),
      x_server(server),
      x_sandbox(sandbox),
      x_report(report),
      x_gate_headers(json_headers(seeded.gate_token)) {
  const identity::AccessTokens tokens(issuer,
                                      crypto::SigningKey::from_seed(seeded.ring->derive("admit/identity/1").bytes()));
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  for (const auto& user : seeded.users) {
    x_user_headers.push_back(json_headers(tokens.issue(user, domain::SessionId{user.value}, {}, now)));
  }
}

void Phases::run() {
  hello("warm");
  hello("before check-ins");
  check_in_alone();
  check_in();
  hello("between");
  reserve_hot();
  sold_out();
  hello("after");
  x_report.add(
      "hello_http", round_to(median(x_hello_rates), 1), "1/s",
      "GET /healthz, the median of " + std::to_string(x_hello_rates.size()) + " runs between the other phases");
  x_report.add("memory_under_load", round_to(x_server.memory_mb(), 0.1), "MB",
               "resident, after all phases but purchases");
  sign_in();
  check_in_under_attack();
  purchase();
  x_report.add("memory_after_pdfs", round_to(x_server.memory_mb(), 0.1), "MB",
               "resident, after the purchases and their PDFs");
  const auto figures = x_server.metrics();
  const auto figure = [&](const char* name) {
    return figures.contains(name) ? figures.at(name) : 0;
  };
  x_report.add("lane_commits", figure("admit_commits_total"), "commits",
               number(figure("admit_commands_total")) + " commands in " + number(figure("admit_batches_total")) +
                   " batches, " + number(figure("admit_conflicts_total")) + " conflicts, " +
                   number(figure("admit_store_rows_written_total")) + " rows written");
  x_report.add("worst_commit", round_to(figure("admit_commit_worst_seconds") * 1000, 0.01), "ms",
               "of all commits of the run");
  x_report.add("worst_log_restart", round_to(figure("admit_store_log_restart_worst_seconds") * 1000, 0.01), "ms",
               number(figure("admit_store_checkpoints_total")) + " checkpoints");
}

Phases::Before Phases::before() const {
  return {x_server.cpu_s(), x_server.metrics()};
}

void Phases::check(const std::string& name, const std::string& what, double client, double store) {
  if (client != store) {
    x_report.disagree(name + ": " + what + ": the client counts " + number(client) + ", the store " + number(store));
  }
}

json::object& Phases::finish(json::object& entry, const std::string& name, LoadResult& result, const Before& begun,
                             const std::string& note) {
  const double answers = static_cast<double>(result.good + result.bad);
  const double server_us = answers > 0 ? (x_server.cpu_s() - begun.cpu_s + cpu_tick_s / 2) * 1e6 / answers : 0;
  const auto figures = x_server.metrics();
  const auto grown = [&](const char* figure) {
    return figures.contains(figure) && begun.metrics.contains(figure) ? figures.at(figure) - begun.metrics.at(figure)
                                                                      : 0;
  };
  const double commits = grown("admit_commits_total");
  const double commands = grown("admit_commands_total");
  entry = {{"name", name},
           {"value", round_to(result.rate(), 1)},
           {"unit", "1/s"},
           {"p50_ms", result.latencies.quantile_ms(0.5)},
           {"p99_ms", result.latencies.quantile_ms(0.99)},
           {"worst_ms", result.latencies.worst_ms()},
           {"note", note},
           {"answers", result.good},
           {"seconds", round_to(result.seconds, 0.01)},
           {"server_cpu_us", round_to(server_us, 0.1)},
           {"client_cpu_us", round_to(answers > 0 ? result.client_cpu_s * 1e6 / answers : 0, 0.1)},
           {"commands", commands},
           {"commits", commits},
           {"commands_per_commit", commits > 0 ? round_to(commands / commits, 0.1) : 0},
           {"rows_written", grown("admit_store_rows_written_total")}};
  if (result.bad + result.lost > 0) {
    x_report.disagree(name + ": " + std::to_string(result.bad) + " answers were not as expected, " +
                      std::to_string(result.lost) + " were lost; the first: " + result.first_bad);
  }
  return entry;
}

void Phases::hello(std::string when) {
  const auto begun = before();
  auto result = run_load({.port = x_server.port(),
                          .connections = x_plan.connections,
                          .limit_s = x_plan.hello_s,
                          .request = [](std::uint64_t, std::string& out) {
                            write_request(out, "GET /healthz", "", "");
                          }});
  json::object entry;
  finish(entry, "hello_http (" + when + ")", result, begun, "GET /healthz");
  if (when == "warm") return;  // pages, pools and caches are filled
  x_hello_rates.push_back(result.rate());
  x_report.add(std::move(entry));
}

std::string Phases::check_in_body(std::uint64_t i) const {
  return R"({"qrCode":")" + x_seeded.codes[i] + R"(","nonce":"scan-)" + std::to_string(i) + R"("})";
}

LoadResult Phases::scan_one_by_one(std::uint64_t most, double seconds) {
  const std::uint64_t first = x_codes_used;
  auto result = run_load({.port = x_server.port(),
                          .connections = 1,
                          .requests = std::min<std::uint64_t>(most, x_seeded.codes.size() - first),
                          .limit_s = seconds,
                          .contains = R"("valid":true)",
                          .request = [&](std::uint64_t i, std::string& out) {
                            write_request(out, "POST /tickets/validate", x_gate_headers, check_in_body(first + i));
                          }});
  x_codes_used += result.good + result.bad + result.lost;
  return result;
}

void Phases::check_in_alone() {
  const auto begun = before();
  auto result = scan_one_by_one(300, 5);
  json::object entry;
  x_report.add(finish(entry, "checkin_alone_http", result, begun,
                      "one gate, one scan after the other: each waits for its own commit"));
}

void Phases::check_in() {
  const auto begun = before();
  const auto stored_before = count_stored(x_folder, x_seeded.door_show);
  const std::uint64_t first = x_codes_used;
  const auto left = x_seeded.codes.size() - first;
  auto result = run_load({.port = x_server.port(),
                          .connections = x_plan.connections,
                          .requests = std::min<std::uint64_t>(x_plan.check_ins, left),
                          .limit_s = x_plan.limit_s,
                          .contains = R"("valid":true)",
                          .request = [&](std::uint64_t i, std::string& out) {
                            write_request(out, "POST /tickets/validate", x_gate_headers, check_in_body(first + i));
                          }});
  x_codes_used += result.good + result.bad + result.lost;
  json::object entry;
  finish(entry, "checkin_http", result, begun,
         "POST /tickets/validate, distinct tickets and nonces; three rows each: check-in, ticket, audit entry");
  const auto stored = count_stored(x_folder, x_seeded.door_show);
  const auto good = static_cast<double>(result.good);
  check("checkin_http", "check-ins that let somebody in", good,
        static_cast<double>(stored.admitted - stored_before.admitted));
  check("checkin_http", "tickets used", good, static_cast<double>(stored.tickets_used - stored_before.tickets_used));
  check("checkin_http", "commands of the lane", good, entry.at("commands").to_number<double>());
  check("checkin_http", "rows written, one more for each commit", 3 * good + entry.at("commits").to_number<double>(),
        entry.at("rows_written").to_number<double>());
  x_report.add(std::move(entry));
}

void Phases::reserve_hot() {
  const auto begun = before();
  const auto stored_before = count_stored(x_folder, x_seeded.sale_show);
  const std::string body = R"({"showId":")" + x_seeded.sale_show.text() + R"(","lines":[{"tierId":")" +
                           x_seeded.sale_tier.text() +
                           R"(","quantity":2,"holders":["Ada Example","Zofia Wiśniewska"]}]})";
  auto result = run_load({.port = x_server.port(),
                          .connections = x_plan.connections,
                          .requests = x_plan.reservations,
                          .limit_s = x_plan.limit_s,
                          .status = 201,
                          .contains = R"("status":"held")",
                          .request = [&](std::uint64_t i, std::string& out) {
                            write_request(out, "POST /v1/registrations",
                                          x_user_headers[i % x_user_headers.size()] + "Idempotency-Key: hot-" +
                                              std::to_string(i) + "\r\n",
                                          body);
                          }});
  json::object entry;
  finish(entry, "reserve_hot_http", result, begun,
         "POST /v1/registrations, two places of one tier, " + std::to_string(x_user_headers.size()) +
             " users in turn, each request with its own Idempotency-Key");
  const auto stored = count_stored(x_folder, x_seeded.sale_show);
  const auto good = static_cast<double>(result.good);
  check("reserve_hot_http", "registrations held", good, static_cast<double>(stored.held - stored_before.held));
  check("reserve_hot_http", "places taken", 2 * good, static_cast<double>(stored.taken - stored_before.taken));
  check("reserve_hot_http", "commands of the lane", good, entry.at("commands").to_number<double>());
  x_report.add(std::move(entry));
}

void Phases::sold_out() {
  const auto begun = before();
  const std::string body = R"({"showId":")" + x_seeded.door_show.text() + R"(","lines":[{"tierId":")" +
                           x_seeded.door_tier.text() +
                           R"(","quantity":2,"holders":["Ada Example","Zofia Wiśniewska"]}]})";
  auto result =
      run_load({.port = x_server.port(),
                .connections = x_plan.connections,
                .limit_s = x_plan.sold_out_s,
                .status = 409,
                .contains = "sold_out",
                .request = [&](std::uint64_t i, std::string& out) {
                  write_request(out, "POST /v1/registrations", x_user_headers[i % x_user_headers.size()], body);
                }});
  json::object entry;
  finish(entry, "sold_out_http", result, begun, "POST /v1/registrations for a sold-out tier: 409 without a write");
  check("sold_out_http", "rows written", 0, entry.at("rows_written").to_number<double>());
  x_report.add(std::move(entry));
}

void Phases::buy(Caller& office, Caller& provider, std::size_t number) const {
  const auto& headers = x_user_headers[number % x_user_headers.size()];
  const auto expect = [](const Caller::Answer& answer, int status, const char* step) {
    if (answer.status != status)
      throw std::runtime_error(std::string(step) + " was answered " + std::to_string(answer.status) + ": " +
                               answer.body);
  };
  std::string request;
  write_request(request, "POST /v1/registrations", headers,
                R"({"showId":")" + x_seeded.sale_show.text() + R"(","lines":[{"tierId":")" + x_seeded.sale_tier.text() +
                    R"(","quantity":2,"holders":["Ada Example","Liam Example"]}]})");
  const auto held = office.send(request);
  expect(held, 201, "reserving");
  const auto registration = json_text(held.body, "registrationId");

  request.clear();
  write_request(request, "POST /payments/create-intent", headers, R"({"registrationId":")" + registration + R"("})");
  const auto begun = office.send(request);
  expect(begun, 200, "beginning the payment");

  request.clear();
  write_request(request, "POST /v1/payment_intents/" + json_text(begun.body, "paymentIntentId") + "/confirm",
                "Authorization: Bearer " + std::string(x_sandbox.keys().publishable_key.text()) +
                    "\r\nContent-Type: application/x-www-form-urlencoded\r\n",
                "payment_method=pm_card_visa&client_secret=" + json_text(begun.body, "clientSecret"));
  const auto paid = provider.send(request);
  expect(paid, 200, "paying");

  request.clear();
  write_request(request, "GET /v1/registrations/" + registration, headers, "");
  const auto until = Clock::now() + confirm_limit;
  while (json_text(office.send(request).body, "status") != "confirmed") {
    if (Clock::now() > until) throw std::runtime_error("a paid registration was not confirmed in time");
    std::this_thread::sleep_for(poll_every);
  }
}

void Phases::purchase() {
  const auto begun = before();
  const auto stored_before = count_stored(x_folder, x_seeded.sale_show);
  std::atomic<int> next{0};
  std::mutex mutex;
  LoadResult result;
  const auto started = Clock::now();
  {
    std::vector<std::jthread> buyers;
    for (int b = 0; b < x_plan.buyers; ++b) {
      buyers.emplace_back([&] {
        Latencies mine;
        std::string failure;
        try {
          Caller office(x_server.port());
          Caller provider(port_of(x_sandbox.api_base()));
          for (int i = next++; i < x_plan.purchases; i = next++) {
            const auto from = Clock::now();
            buy(office, provider, static_cast<std::size_t>(i));
            mine.add(static_cast<std::uint32_t>(
                std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - from).count()));
          }
        } catch (const std::exception& e) {
          failure = e.what();
        }
        const std::lock_guard lock(mutex);
        result.good += mine.count();
        result.latencies.add(mine);
        if (failure.empty()) return;
        ++result.bad;
        if (result.first_bad.empty()) result.first_bad = failure;
      });
    }
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - started).count();
  json::object entry;
  finish(entry, "purchase_http", result, begun,
         "reserve, create-intent, pay at the sandbox, signed webhook, until the buyer sees it confirmed; " +
             std::to_string(x_plan.buyers) + " buyers at once; pages rendered beside it");
  const auto stored = count_stored(x_folder, x_seeded.sale_show);
  check("purchase_http", "registrations confirmed", static_cast<double>(result.good),
        static_cast<double>(stored.confirmed - stored_before.confirmed));
  x_report.add(std::move(entry));
}

}  // namespace admit::bench

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <iterator>
#include <thread>

#include "phases.hpp"

namespace admit::bench {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

/// Each from a network of its own: what is slowed there is not what is measured here.
std::string headers_from(std::uint64_t number) {
  return "Content-Type: application/json\r\nX-Forwarded-For: 11." + std::to_string(number >> 16 & 255) + "." +
         std::to_string(number >> 8 & 255) + "." + std::to_string(number & 255) + "\r\n";
}
constexpr double attacks_per_second = 1'000;
constexpr int sign_ins_each = 24;

std::string sign_in_body(const std::string& email) {
  return R"({"email":")" + email + R"(","password":"not the right password"})";
}

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

}  // namespace

void Phases::check_in_under_attack() {
  constexpr std::uint64_t most = 2'000;
  auto calm = scan_one_by_one(most, x_plan.attack_s);

  // A thousand a second, as many of them as there may be on the way at once.
  LoadResult attack;
  std::thread attacker([&] {
    const auto begun = Clock::now();
    attack = run_load({.port = x_server.port(),
                       .connections = 128,
                       .limit_s = x_plan.attack_s + 1,
                       .status = 401,
                       .request = [&](std::uint64_t i, std::string& out) {
                         std::this_thread::sleep_until(
                             begun + std::chrono::duration_cast<Clock::duration>(
                                         std::chrono::duration<double>(static_cast<double>(i) / attacks_per_second)));
                         write_request(out, "POST /v1/sessions", headers_from(i * 256),
                                       sign_in_body("nobody" + std::to_string(i) + "@example.org"));
                       }});
  });
  std::this_thread::sleep_for(std::chrono::milliseconds{500});
  auto attacked = scan_one_by_one(most, x_plan.attack_s);
  attacker.join();

  const auto seen = [&](int status) {
    const auto found = attack.by_status.find(status);
    return found == attack.by_status.end() ? std::uint64_t{0} : found->second;
  };
  const auto arrived = attack.good + attack.bad + attack.lost;
  x_report.add({{"name", "checkin_calm"},
                {"value", std::round(calm.rate())},
                {"unit", "1/s"},
                {"p50_ms", calm.latencies.quantile_ms(0.5)},
                {"p99_ms", calm.latencies.quantile_ms(0.99)},
                {"worst_ms", calm.latencies.worst_ms()},
                {"note", "one gate, one scan after the other, nobody else there"}});
  x_report.add(
      {{"name", "checkin_under_bad_logins"},
       {"value", std::round(attacked.rate())},
       {"unit", "1/s"},
       {"p50_ms", attacked.latencies.quantile_ms(0.5)},
       {"p99_ms", attacked.latencies.quantile_ms(0.99)},
       {"worst_ms", attacked.latencies.worst_ms()},
       {"note", "the same while " + std::to_string(std::llround(static_cast<double>(arrived) / attack.seconds)) +
                    " bad sign-ins a second arrive and no limit by address holds: " + std::to_string(seen(401)) +
                    " looked at, " + std::to_string(seen(503) + seen(429)) + " told to come later"}});
  if (attacked.bad + attacked.lost + calm.bad + calm.lost > 0) {
    x_report.disagree("checkin_under_bad_logins: a scan was not let in: " + attacked.first_bad + calm.first_bad);
  }
  if (seen(200) + seen(201) > 0) x_report.disagree("checkin_under_bad_logins: somebody was signed in");
}

void Phases::sign_in() {
  Caller caller(x_server.port());
  std::vector<double> known, unknown;
  for (int i = 0; i < sign_ins_each; ++i) {
    for (const bool is_known : {true, false}) {
      // The users that were seeded; each is tried once, as throttling would be another matter.
      const auto email =
          is_known ? "buyer" + std::to_string(i) + "@example.com" : "nobody" + std::to_string(i) + "@example.org";
      std::string request;
      write_request(request, "POST /v1/sessions",
                    headers_from((1 << 20) + static_cast<std::uint64_t>(2 * i + is_known) * 256), sign_in_body(email));
      const auto begun = Clock::now();
      const auto answer = caller.send(request);
      const std::chrono::duration<double, std::milli> took = Clock::now() - begun;
      if (answer.status != 401) {
        x_report.disagree("sign_in: answered " + std::to_string(answer.status) + " to a wrong password");
        return;
      }
      (is_known ? known : unknown).push_back(took.count());
    }
  }
  const auto add = [&](const char* name, std::vector<double>& times, const std::string& note) {
    std::ranges::sort(times);
    const auto at = [&](double share) {
      return rounded(times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))]);
    };
    x_report.add({{"name", name},
                  {"value", at(0.5)},
                  {"unit", "ms"},
                  {"p50_ms", at(0.5)},
                  {"p99_ms", at(0.99)},
                  {"worst_ms", at(1)},
                  {"note", note}});
  };
  add("sign_in_known", known, "a wrong password for accounts that exist, one after the other");
  add("sign_in_unknown", unknown, "the same for addresses that nobody has");
}

}  // namespace admit::bench

#pragma once
// The phases against the running server, and what they found.

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "identity/access_token.hpp"
#include "load.hpp"
#include "payment/sandbox/sandbox.hpp"
#include "seed.hpp"
#include "server.hpp"

namespace admit::bench {

/// Collects `results` of the output file. A disagreement between client and store is kept and fails the bench at its
/// end.
class Report {
 public:
  void add(boost::json::object entry);
  void add(const std::string& name, double value, const std::string& unit, const std::string& note);
  void disagree(const std::string& what);

  [[nodiscard]] const boost::json::array& results() const { return x_results; }
  [[nodiscard]] const std::vector<std::string>& disagreements() const { return x_disagreements; }

 private:
  boost::json::array x_results;
  std::vector<std::string> x_disagreements;
};

struct PhasePlan {
  int connections = 256;
  double hello_s = 3;
  std::uint64_t check_ins = 100'000;
  std::uint64_t reservations = 40'000;
  double sold_out_s = 5;
  double limit_s = 45;  // of each of the writing phases
  double attack_s = 6;
  int purchases = 500;
  int buyers = 32;
};

class Phases {
 public:
  /// `issuer`: the server's public URL.
  Phases(const PhasePlan& plan, const Seeded& seeded, std::string folder, const std::string& issuer,
         ServerProcess& server, payment::sandbox::Sandbox& sandbox, Report& report);
  void run();

 private:
  struct Before {
    double cpu_s;
    std::map<std::string, double> metrics;
  };
  [[nodiscard]] Before before() const;
  /// Adds the phase's entry and checks that everything was answered as it should.
  boost::json::object& finish(boost::json::object& entry, const std::string& name, LoadResult& result,
                              const Before& before, const std::string& note);
  void check(const std::string& name, const std::string& what, double client, double store);

  void hello(std::string when);
  void check_in_alone();
  /// One gate that scans for `seconds` at the most, one after the other.
  [[nodiscard]] LoadResult scan_one_by_one(std::uint64_t most, double seconds);
  void check_in();
  void reserve_hot();
  void sold_out();
  void purchase();
  void check_in_under_attack();
  void sign_in();

  [[nodiscard]] std::string check_in_body(std::uint64_t i) const;
  void buy(Caller& office, Caller& provider, std::size_t number) const;

  const PhasePlan& x_plan;
  const Seeded& x_seeded;
  std::string x_folder;
  ServerProcess& x_server;
  payment::sandbox::Sandbox& x_sandbox;
  Report& x_report;
  std::vector<std::string> x_user_headers;
  std::string x_gate_headers;
  std::uint64_t x_codes_used = 0;
  std::vector<double> x_hello_rates;
  std::vector<double> x_hello_cpu_us;
};

}  // namespace admit::bench

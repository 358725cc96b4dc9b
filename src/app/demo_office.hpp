#pragma once
// The steps that both demos are made of, each through the public HTTP API.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/app.hpp"
#include "app/demo_party.hpp"
#include "app/input_file.hpp"

namespace admit::app {

/// On the address of the configuration; where that is taken and `any_port`, on the next port that is free.
[[nodiscard]] std::unique_ptr<App> open_app(Config config, bool any_port, const job::Clock& clock = {});

/// A signed-in account of the demo.
struct DemoUser {
  std::string user_id, email, password, access_token, refresh_token;
  static http::Shape shape();
};

/// A show on sale, with who runs it.
struct DemoHouse {
  DemoUser organiser, op;
  std::string connected_account, business_id, show_id, gate_token;
  std::vector<std::string> tier_ids;  // as in the input
};

struct DemoTicket {
  std::string ticket_id, registration_id, qr_code, holder, status;
  static http::Shape shape();
};

struct DemoHold {
  std::string registration_id, status, currency, expires_at;
  std::int64_t amount = 0;
  static http::Shape shape();
};

struct DemoIntent {
  std::string client_secret, payment_intent_id;
  static http::Shape shape();
};

struct DemoDecision {
  bool valid = false;
  std::string message, reason;
  static http::Shape shape();
};

class DemoOffice {
 public:
  /// `app` has a sandbox and is started.
  DemoOffice(App& app, http::Client& client) : x_app(app), x_client(client) {}

  /// A new account with an address and a password of its own.
  [[nodiscard]] DemoUser sign_up(std::string_view who, const std::string& name, const std::string& locale);
  /// The same with an operator's rights, which no public route gives.
  [[nodiscard]] DemoUser make_operator();
  /// The business with an account that can charge, made by `house.organiser` and `house.op`.
  void open_business(DemoHouse& house, const std::string& name, const std::string& currency);
  /// Show, quotas and tiers, published.
  void open_show(DemoHouse& house, const Input& input);
  void open_gate(DemoHouse& house);

  [[nodiscard]] DemoHold reserve(const DemoUser& buyer, const DemoHouse& house, const Input& input,
                                 const InputRegistration& registration);
  [[nodiscard]] DemoIntent create_intent(const DemoUser& buyer, const DemoHold& hold);
  /// At the sandbox, as the provider's script in a buyer's browser does, with 4242 4242 4242 4242.
  void pay(const DemoIntent& intent);
  /// Until the webhook has come.
  void wait_until_confirmed(const DemoUser& buyer, const DemoHold& hold, std::chrono::seconds limit);
  [[nodiscard]] std::vector<DemoTicket> tickets(const DemoUser& buyer, const DemoHold& hold);
  /// The page behind the download link.
  [[nodiscard]] std::string page(const DemoUser& buyer, const DemoTicket& ticket);
  [[nodiscard]] DemoDecision scan(const DemoHouse& house, const std::string& code);

 private:
  [[nodiscard]] Party party(std::string token = {}) { return {x_client, x_app.base_url(), std::move(token)}; }
  [[nodiscard]] DemoUser sign_in(std::string email, std::string password);

  App& x_app;
  http::Client& x_client;
};

}  // namespace admit::app

#pragma once
// A payment provider for trying out and for tests: a program of its own inside the process that speaks Stripe's
// protocol on a loopback socket, keeps its own database file and its own keys, and posts signed webhooks. No money
// moves.
//
// Order code reaches it only by address and key, like the real one. Cards: see test_cards.hpp.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "crypto/secret.hpp"
#include "domain/instant.hpp"

namespace admit::payment::sandbox {

struct SandboxOptions {
  /// Holds `sandbox.db`, readable by its owner only; made where absent.
  std::filesystem::path folder;
  /// A loopback address; any other is std::invalid_argument.
  std::string host = "127.0.0.1";
  /// Where persons reach the pages that payments and accounts lead to, scheme and host and path; "": as the interface.
  std::string page_base;
  /// 0 picks a free one.
  std::uint16_t port = 0;
  /// Where the platform's events are posted; "" keeps them until set_webhook_url().
  std::string webhook_url;
  /// Where events of connected accounts are posted, with a secret of their own; "" keeps them.
  std::string connect_webhook_url;
  /// Any thread; the system's clock where empty.
  std::function<domain::Instant()> clock;
  /// Of what follows within seconds and of the waits between deliveries: 0.001 makes 30 s into 30 ms.
  double time_scale = 1.0;
  /// `prompt` (nothing goes wrong, nothing waits), `calm`, `realistic`, `chaos` or `outage`; any other is
  /// std::invalid_argument. See faults.hpp.
  std::string profile = "prompt";
  /// The same seed throws the same dice; 0 takes one at random, which is logged.
  std::uint64_t seed = 0;
  unsigned threads = 1;
  /// Types that are posted; every event is kept and listed all the same.
  std::vector<std::string> posted_events = {"payment_intent.succeeded",
                                            "payment_intent.payment_failed",
                                            "payment_intent.canceled",
                                            "payment_intent.requires_action",
                                            "payment_intent.processing",
                                            "payment_intent.amount_capturable_updated",
                                            "charge.refunded",
                                            "charge.dispute.created",
                                            "charge.dispute.updated",
                                            "charge.dispute.closed",
                                            "charge.dispute.funds_withdrawn",
                                            "charge.dispute.funds_reinstated",
                                            "refund.created",
                                            "refund.updated",
                                            "refund.failed",
                                            "radar.early_fraud_warning.created"};
  /// Types that are posted for connected accounts, beside the same for direct charges.
  std::vector<std::string> connect_posted_events = {"account.updated", "account.application.deauthorized",
                                                    "capability.updated", "payout.paid", "payout.failed"};
};

struct SandboxKeys {
  crypto::Secret secret_key;              ///< `sk_test_sbx_…`
  crypto::Secret publishable_key;         ///< `pk_test_sbx_…`
  crypto::Secret webhook_secret;          ///< `whsec_sbx_…`
  crypto::Secret connect_webhook_secret;  ///< `whsec_sbx_…`, of events of connected accounts
  std::string client_id;                  ///< `ca_sbx_…`, for connecting accounts that are there already
};

struct AccountTerms {
  bool charges_enabled = true;
  std::string country = "DE";
  std::string currency = "EUR";
  std::string email;
};

class Sandbox {
 public:
  /// Opens the file (keys are made once, at random) and binds the listener; throws std::runtime_error or
  /// std::system_error when it cannot. Nothing is answered or posted before start().
  explicit Sandbox(SandboxOptions options);
  /// stop().
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  void start();
  /// Answers what has arrived, gives up deliveries under way (they are sent again after the next start). Idempotent.
  void stop();

  /// `http://127.0.0.1:PORT`
  [[nodiscard]] std::string api_base() const;
  [[nodiscard]] const SandboxKeys& keys() const;
  [[nodiscard]] std::uint64_t seed() const;
  /// Never from inside the sandbox's own threads.
  void set_webhook_url(std::string url);
  void set_connect_webhook_url(std::string url);

  /// A connected account, made durably; may be called before start(). The id, `acct_…`.
  [[nodiscard]] std::string create_account(AccountTerms terms = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> x_impl;
};

}  // namespace admit::payment::sandbox

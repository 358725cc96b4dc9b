#pragma once
// Stripe's v1 API over http::Client: forms out, JSON in, idempotency keys, bounded retries.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.hpp"
#include "payment/payments.hpp"

namespace admit::payment {

/// The version of Stripe's API this is written against; sent with every call.
inline constexpr std::string_view stripe_version = "2026-10-28.endive";

/// Charges are destination charges: they live on the platform, their money goes to the organiser's account.
struct StripeOptions {
  /// Without a slash at its end.
  std::string api_base = "https://api.stripe.com";
  crypto::Secret secret_key;
  std::string version{stripe_version};
  /// Of one attempt.
  std::chrono::milliseconds attempt_limit{20'000};
  /// Of a call, retries and their waits included.
  std::chrono::milliseconds total_limit{45'000};
  /// Beyond the first attempt.
  int max_retries = 2;
  /// Waits between attempts: 0.5 s doubled each time, at most 5 s, times a random 50 to 100 %.
  std::chrono::milliseconds first_wait{500};
  std::chrono::milliseconds longest_wait{5'000};
  /// Replaces the timer between attempts, for tests.
  std::function<boost::asio::awaitable<void>(std::chrono::milliseconds)> sleep;
};

class StripeClient final : public Payments {
 public:
  /// `client` outlives this. std::invalid_argument for a key that is no secret key.
  StripeClient(http::Client& client, StripeOptions options);

  [[nodiscard]] AnswerTask<CreatedIntent> create_intent(IntentOrder order) override;
  [[nodiscard]] AnswerTask<CreatedIntent> retrieve_intent(std::string intent_id) override;
  [[nodiscard]] AnswerTask<Intent> cancel_intent(std::string intent_id, std::string idempotency_key) override;
  [[nodiscard]] AnswerTask<std::optional<CreatedIntent>> find_intent(std::string transaction_id,
                                                                     domain::Instant since) override;
  [[nodiscard]] AnswerTask<Account> retrieve_account(std::string account_id) override;
  [[nodiscard]] bool livemode() const override;

 private:
  struct Call {
    std::string method;
    std::string path;  ///< with its query
    std::string body;
    std::string idempotency_key;
  };
  [[nodiscard]] AnswerTask<std::string> send(Call call);
  [[nodiscard]] http::ClientRequest to_request(const Call& call, std::chrono::milliseconds limit) const;
  [[nodiscard]] boost::asio::awaitable<void> wait(int attempt, std::chrono::milliseconds left);

  http::Client& x_client;
  StripeOptions x_options;
};

}  // namespace admit::payment

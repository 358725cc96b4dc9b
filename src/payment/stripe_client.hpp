#pragma once
// Stripe's v1 API over http::Client: forms out, JSON in, idempotency keys, bounded retries, held below its rate limits.

#include <boost/json/fwd.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.hpp"
#include "payment/payments.hpp"
#include "payment/rate_limit.hpp"

namespace admit::payment {

/// The version of Stripe's API this is written against; sent with every call.
inline constexpr std::string_view stripe_version = "2026-10-28.endive";

struct StripeOptions {
  /// Without a slash at its end, as `connect_base`.
  std::string api_base = "https://api.stripe.com";
  /// Where OAuth lives.
  std::string connect_base = "https://connect.stripe.com";
  /// `ca_…` of the platform, for OAuth; "" where accounts are only made, never linked.
  std::string client_id;
  crypto::Secret secret_key;
  std::string version{stripe_version};
  /// Of one attempt.
  std::chrono::milliseconds attempt_limit{20'000};
  /// Of a call: its turn in the queue, retries and their waits included. What is looked up after an answer that got
  /// lost, and a list of several pages, may take as long again.
  std::chrono::milliseconds total_limit{45'000};
  /// For its turn alone; whoever would wait longer is told so at once.
  std::chrono::milliseconds longest_queue{8'000};
  /// Beyond the first attempt.
  int max_retries = 2;
  /// Waits between attempts: 0.5 s doubled each time, at most 5 s, times a random 50 to 100 %.
  std::chrono::milliseconds first_wait{500};
  std::chrono::milliseconds longest_wait{5'000};
  /// Calls a second that the provider allows an account. 0: at api.stripe.com its own limits, 100 with a live key and
  /// 25 with a test key; elsewhere none.
  double calls_per_s = 0;
  /// Nodes of this installation, which share that.
  int node_count = 1;
  /// Replaces the timer of every wait, for tests.
  std::function<boost::asio::awaitable<void>(std::chrono::milliseconds)> sleep;
};

class StripeClient final : public Payments {
 public:
  /// `client` outlives this. std::invalid_argument for a key that is no secret key.
  StripeClient(http::Client& client, StripeOptions options);

  [[nodiscard]] AnswerTask<CreatedIntent> create_intent(IntentOrder order) override;
  [[nodiscard]] AnswerTask<CreatedIntent> retrieve_intent(std::string intent_id, std::string on_account) override;
  [[nodiscard]] AnswerTask<Intent> cancel_intent(std::string intent_id, std::string idempotency_key,
                                                 std::string on_account) override;
  [[nodiscard]] AnswerTask<Intent> capture_intent(CaptureOrder order) override;
  [[nodiscard]] AnswerTask<std::optional<CreatedIntent>> find_intent(std::string transaction_id, domain::Instant since,
                                                                     std::string on_account) override;
  [[nodiscard]] AnswerTask<Charge> retrieve_charge(std::string charge_id, std::string on_account) override;
  [[nodiscard]] AnswerTask<RefundMade> create_refund(RefundOrder order) override;
  [[nodiscard]] AnswerTask<Refund> retrieve_refund(std::string refund_id, std::string on_account) override;
  [[nodiscard]] AnswerTask<std::vector<Refund>> list_refunds(std::string intent_id, std::string on_account) override;
  [[nodiscard]] AnswerTask<Account> create_account(AccountOrder order) override;
  [[nodiscard]] AnswerTask<AccountLink> create_account_link(AccountLinkOrder order) override;
  [[nodiscard]] AnswerTask<Account> retrieve_account(std::string account_id) override;
  [[nodiscard]] std::string oauth_url(std::string_view state, std::string_view redirect_url) const override;
  [[nodiscard]] AnswerTask<OauthGrant> oauth_exchange(crypto::Secret code) override;
  [[nodiscard]] AnswerTask<std::string> oauth_deauthorize(std::string account_id) override;
  [[nodiscard]] AnswerTask<TransferReversal> create_transfer_reversal(ReversalOrder order) override;
  [[nodiscard]] AnswerTask<Dispute> retrieve_dispute(std::string dispute_id, std::string on_account) override;
  [[nodiscard]] AnswerTask<Dispute> update_dispute(EvidenceOrder order) override;
  [[nodiscard]] AnswerTask<EventPage> list_events(EventQuery query) override;
  [[nodiscard]] AnswerTask<ProviderEvent> retrieve_event(std::string event_id, std::string on_account) override;
  [[nodiscard]] AnswerTask<ProviderEvent> refresh_event(ProviderEvent event) override;
  [[nodiscard]] AnswerTask<KeyCheck> check_key() override;
  [[nodiscard]] AnswerTask<std::vector<Endpoint>> list_endpoints() override;
  [[nodiscard]] bool livemode() const override;

 private:
  struct Call {
    std::string method = "GET";
    std::string path;  ///< with its query
    std::string body{};
    std::string idempotency_key{};  ///< of every POST that may be repeated
    std::string on_account{};
    RateLimit::Share share = RateLimit::Share::ordinary;
    bool is_oauth = false;  ///< at connect_base, and never repeated once it may have been carried out
  };
  using Reader = std::function<bool(const boost::json::object&)>;

  [[nodiscard]] AnswerTask<std::string> send(Call call);
  /// A list's entries, newest first, until `visit` says that it has seen enough. False where there are more than
  /// `max_pages` pages of 100.
  [[nodiscard]] AnswerTask<bool> walk(std::string path, boost::json::object query, std::string on_account,
                                      int max_pages, Reader visit);
  [[nodiscard]] AnswerTask<RefundMade> try_refund(RefundOrder order);
  [[nodiscard]] AnswerTask<std::optional<Refund>> find_refund(RefundOrder order);
  /// What became of it, where the answer to a change was lost: the intent if it is in that state now.
  [[nodiscard]] AnswerTask<Intent> settle(Answer<Intent> answer, std::string intent_id, IntentStatus wanted,
                                          std::string on_account);
  [[nodiscard]] http::ClientRequest to_request(const Call& call, std::chrono::milliseconds limit) const;
  [[nodiscard]] boost::asio::awaitable<void> pause(std::chrono::milliseconds wait) const;
  [[nodiscard]] std::chrono::milliseconds wait_before(int attempt) const;

  http::Client& x_client;
  StripeOptions x_options;
  RateLimit x_rate_limit;
};

}  // namespace admit::payment

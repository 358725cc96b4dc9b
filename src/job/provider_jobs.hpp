#pragma once
// Work that asks the payment provider something and tells the lane what came of it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "domain/instant.hpp"
#include "domain/rows.hpp"
#include "engine/lane.hpp"
#include "payment/payments.hpp"
#include "store/store.hpp"

namespace admit::job {

using Clock = std::function<domain::Instant()>;

/// Every type of event that changes something here: what the webhook endpoints must be sent.
[[nodiscard]] std::span<const std::string_view> followed_types();

/// What came of one try of a job.
struct Tried {
  Tried(std::string fault) : error(std::move(fault)) {}  // NOLINT: a fault in words is a result
  Tried(const char* fault) : error(fault) {}             // NOLINT
  std::string error;     ///< "" when it is done, else what went wrong, without secrets
  bool is_away = false;  ///< the provider could not be reached: not the job's fault
  std::optional<std::chrono::milliseconds> retry_in;  ///< where the usual pause is too short
};

/// Each call is one try of one job. All are safe to repeat: the provider is given keys made from our rows, and what it says is applied as an event of it would be.
/// Any thread that may block.
class ProviderJobs {
 public:
  /// `epoch`: the sealing epoch that new tickets carry. `installation_id` tells our payments from those of others who
  /// share the provider's account.
  ProviderJobs(engine::Lane& lane, store::Store& store, payment::Payments& payments, Clock clock,
               std::function<domain::Seed()> seed, std::function<std::int64_t()> epoch, std::string installation_id);

  [[nodiscard]] Tried create_intent(domain::TransactionId id);
  [[nodiscard]] Tried cancel_intent(domain::TransactionId id);
  [[nodiscard]] Tried capture_intent(domain::TransactionId id, std::int64_t attempt);
  [[nodiscard]] Tried refund(domain::RefundId id, std::int64_t attempt);
  [[nodiscard]] Tried apply_event(domain::InboxId id, std::int64_t attempt);
  [[nodiscard]] Tried refresh_account(domain::BusinessId id);
  /// Makes an account for a business that has none; `country` as payment::AccountOrder has it.
  [[nodiscard]] Tried create_account(domain::BusinessId id, const std::string& country);
  [[nodiscard]] Tried reverse_transfer(domain::DisputeId id, std::int64_t attempt);
  [[nodiscard]] Tried collect_evidence(domain::DisputeId id);

  /// Fetches the events of the last 30 days that did not reach us, or all of them, on our own account and on those of
  /// businesses (2,000 in one walk; the next goes on there, also after a fault), and applies those that are not in the
  /// inbox, the oldest first; says how many these were. Throws std::runtime_error when the provider does not answer.
  /// One thread at a time.
  std::size_t reconcile(bool all);

  /// The provider could not be reached a moment ago: no use in asking at once again.
  [[nodiscard]] bool is_away() const;

 private:
  [[nodiscard]] domain::Meta meta();
  [[nodiscard]] Tried apply_news(const domain::Transaction& transaction, domain::News news);
  std::size_t reconcile_business(const domain::Business& business, bool all);
  [[nodiscard]] payment::Answer<std::size_t> reconcile_account(const std::string& account, bool all);
  [[nodiscard]] Tried said(const payment::Failure& failure);

  engine::Lane& x_lane;
  store::Store& x_store;
  payment::Payments& x_payments;
  Clock x_clock;
  std::function<domain::Seed()> x_seed;
  std::function<std::int64_t()> x_epoch;
  std::string x_installation_id;
  std::atomic<std::int64_t> x_away_until_ms{0};  // of the steady clock
  domain::Uuid x_walked_until;                   // the last business whose account was reconciled
};

}  // namespace admit::job

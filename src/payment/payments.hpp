#pragma once
// The payment port: all that order code knows of a provider.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/secret.hpp"
#include "domain/instant.hpp"
#include "payment/intent.hpp"

namespace admit::payment {

struct IntentOrder {
  std::int64_t amount_minor = 0;
  std::string currency;     ///< ISO 4217, upper case
  std::string destination;  ///< connected account that is paid (`acct_…`)
  std::int64_t application_fee_minor = 0;
  std::string registration_id;
  std::string transaction_id;
  /// Made from own rows and stored before the call, 1 to 255 characters. The same key must always come with the same
  /// other values.
  std::string idempotency_key;
  std::string description;  ///< shown to the payee; "" for none
};

struct CreatedIntent {
  Intent intent;
  /// For the buyer who pays this intent and nobody else: never stored, never logged.
  crypto::Secret client_secret;
};

struct Account {
  std::string id;
  bool charges_enabled = false;
  bool transfers_active = false;
  bool payouts_enabled = false;
  bool details_submitted = false;
  std::string disabled_reason;  ///< "" where none
  /// May a paid tier be sold for it.
  [[nodiscard]] bool can_sell() const { return charges_enabled && transfers_active; }
};

enum class FailureKind : std::uint8_t {
  refused,  ///< the provider answered no; a repeat changes nothing
  unknown,  ///< time-out, reset or 5xx: it may have been done. Look it up; repeat only with the same key
  not_sent  ///< certainly not done: no connection, or turned away by a rate limiter. Repeat later with the same key
};
[[nodiscard]] std::string_view word(FailureKind kind);

/// Holds no secret: all of it may be logged, and `message` of a `card_error` may be shown to the buyer.
struct Failure {
  FailureKind kind = FailureKind::unknown;
  int http_status = 0;       ///< 0 where there was no answer
  std::string type;          ///< `card_error`, `invalid_request_error`, `api_error`, `idempotency_error`, or ""
  std::string code;          ///< stable word, or ""
  std::string decline_code;  ///< of a card_error, or ""
  std::string param;         ///< in bracket notation, or ""
  std::string message;
  std::string request_id;  ///< the provider's, for its support
  /// The intent's state where the refusal tells it (`payment_intent_unexpected_state`).
  std::optional<IntentStatus> intent_status;
};

template <class T>
using Answer = std::expected<T, Failure>;
template <class T>
using AnswerTask = boost::asio::awaitable<Answer<T>>;

/// Every call is bounded in time (retries included) and may be made from any thread. The plain form suspends a
/// coroutine and never blocks; `…_blocking` is for workers, never for an I/O thread.
class Payments {
 public:
  virtual ~Payments() = default;

  [[nodiscard]] virtual AnswerTask<CreatedIntent> create_intent(IntentOrder order) = 0;
  [[nodiscard]] virtual AnswerTask<CreatedIntent> retrieve_intent(std::string intent_id) = 0;
  /// Cancelling one that is cancelled, succeeded or being captured is refused with its status in the failure.
  [[nodiscard]] virtual AnswerTask<Intent> cancel_intent(std::string intent_id, std::string idempotency_key) = 0;
  /// The intent of a transaction whose id was never learnt (the answer to create was lost): looks through what was
  /// created from `since` on (less a minute for clocks that differ). nullopt: there is none. Reads at most 5,000; `unknown` when
  /// it is not among them and there are more.
  [[nodiscard]] virtual AnswerTask<std::optional<CreatedIntent>> find_intent(std::string transaction_id,
                                                                             domain::Instant since) = 0;
  [[nodiscard]] virtual AnswerTask<Account> retrieve_account(std::string account_id) = 0;

  [[nodiscard]] Answer<CreatedIntent> create_intent_blocking(IntentOrder order);
  [[nodiscard]] Answer<CreatedIntent> retrieve_intent_blocking(std::string intent_id);
  [[nodiscard]] Answer<Intent> cancel_intent_blocking(std::string intent_id, std::string idempotency_key);
  [[nodiscard]] Answer<std::optional<CreatedIntent>> find_intent_blocking(std::string transaction_id,
                                                                          domain::Instant since);
  [[nodiscard]] Answer<Account> retrieve_account_blocking(std::string account_id);

  /// Real money: the key is a live key. Events with another `livemode` are not ours.
  [[nodiscard]] virtual bool livemode() const = 0;
};

}  // namespace admit::payment

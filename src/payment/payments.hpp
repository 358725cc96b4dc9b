#pragma once
// The payment port: all that order code knows of a provider.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/secret.hpp"
#include "domain/instant.hpp"
#include "payment/event.hpp"
#include "payment/objects.hpp"

namespace admit::payment {

/// A payment to begin. Every value comes from stored rows: the same key must always come with the same other values.
struct IntentOrder {
  std::int64_t amount_minor = 0;
  std::string currency;     ///< ISO 4217, upper case
  std::string destination;  ///< the organiser's account (`acct_…`)
  /// False: a destination charge, which lives on the platform and whose money is moved on. True: a direct charge, which
  /// lives on the organiser's account; every later call about it names that account (`on_account`).
  bool is_direct = false;
  bool on_behalf_of = false;    ///< destination charge: the organiser is the merchant of record
  bool manual_capture = false;  ///< hold the amount; capture_intent takes it
  std::int64_t application_fee_minor = 0;
  std::string registration_id;
  std::string transaction_id;
  std::int64_t attempt = 0;  ///< told in the metadata where > 0
  std::string installation_id;
  std::string idempotency_key;   ///< made from own rows and stored before the call, 1 to 255 characters
  std::string description;       ///< shown to the payee; "" for none
  std::string receipt_email;     ///< the provider mails its receipt there; "" for none
  std::string statement_suffix;  ///< on the buyer's card statement, at most 22 Latin characters; "" for none
  /// When the transaction was begun; where given, an answer that got lost is looked for from there on before `unknown`
  /// is given.
  std::optional<domain::Instant> begun_at;
};

struct CreatedIntent {
  Intent intent;
  /// For the buyer who pays this intent and nobody else: never stored, never logged.
  crypto::Secret client_secret;
};

struct CaptureOrder {
  std::string intent_id;
  std::string on_account;
  std::optional<std::int64_t> amount_minor;  ///< all of it where absent; the rest of the hold is released
  std::optional<std::int64_t> application_fee_minor;
  std::string idempotency_key;
};

struct RefundOrder {
  std::string intent_id;
  std::string on_account;         ///< of a direct charge
  std::int64_t amount_minor = 0;  ///< > 0
  /// The organiser's share comes back in proportion (destination charges). Where his balance does not allow it the
  /// buyer is refunded all the same and RefundMade says so.
  bool reverse_transfer = false;
  bool refund_application_fee = false;  ///< a destination charge's needs reverse_transfer too
  std::string refund_id;                ///< our row: the refund is found by it again
  std::string transaction_id;
  std::string idempotency_key;  ///< at most 240 characters
  /// This refund was asked for before: look for it first (keys are forgotten after a day).
  bool maybe_made = false;
};

struct RefundMade {
  Refund refund;
  /// The organiser's balance was too low: the refund came from the platform's money alone, and the organiser owes it.
  bool without_reversal = false;
};

struct AccountOrder {
  std::string business_id;
  std::string business_name;
  std::string email;    ///< "" to let the organiser say it
  std::string country;  ///< ISO 3166, two letters; "" for the platform's own
  /// Who answers for the account. False: the platform pays fees and covers losses, the organiser has the small
  /// dashboard. True: the organiser does and has the full one (for direct charges).
  bool is_independent = false;
  std::string idempotency_key;
};

struct AccountLinkOrder {
  std::string account_id;
  std::string refresh_url;  ///< makes a new link when this one is used up
  std::string return_url;   ///< proves nothing: fetch the account again
};

struct AccountLink {
  crypto::Secret url;  ///< single use, lives minutes: redirect there, never store or mail it
  domain::Instant expires_at{};
};

/// An account that came by OAuth.
struct OauthGrant {
  std::string account_id;
  bool livemode = false;
  std::string scope;
};

struct ReversalOrder {
  std::string transfer_id;
  std::int64_t amount_minor = 0;  ///< > 0
  bool refund_application_fee = false;
  std::string dispute_id;  ///< our row, for the metadata
  std::string idempotency_key;
};

/// Texts for the bank, "" for none; each is cut at 20,000 bytes and all together at 145,000 (the provider's limit is
/// 150,000).
struct Evidence {
  std::string product_description;
  std::string customer_name;
  std::string customer_email;
  std::string customer_address_ip;
  std::string service_date;
  std::string access_log;
  std::string refund_policy;
  std::string cancellation_policy;
  std::string refund_refusal;
  std::string notes;
};

struct EvidenceOrder {
  std::string dispute_id;
  std::string on_account;
  Evidence evidence;
  bool submit = false;  ///< false: only kept there, for a person to look at; true: final
  std::string idempotency_key;
};

struct EventQuery {
  std::string on_account;
  std::vector<std::string> types;  ///< at most 20; all where empty
  std::optional<domain::Instant> since;
  std::string after;              ///< EventPage::next of the page before
  bool only_undelivered = false;  ///< those some endpoint has not answered 2xx
};

/// Newest first. The provider keeps them for 30 days.
struct EventPage {
  std::vector<ProviderEvent> events;  ///< at most 100
  std::string next;                   ///< "" at the end
};

/// What the provider says to the key.
struct KeyCheck {
  Account account;  ///< the platform's own
  bool livemode = false;
};

enum class FailureKind : std::uint8_t {
  refused,  ///< the provider answered no; a repeat changes nothing
  unknown,  ///< time-out, reset or 5xx: it may have been done. Look it up; repeat only with the same key
  not_sent  ///< certainly not done: no connection, or turned away by a rate limit. Repeat later with the same key
};
[[nodiscard]] std::string_view word(FailureKind kind);

/// Code of a refusal: another request with this idempotency key is under way. Repeat shortly with the same key.
inline constexpr std::string_view key_in_use = "idempotency_key_in_use";

/// Holds no secret: all of it may be logged, and `message` of a `card_error` may be shown to the buyer.
struct Failure {
  FailureKind kind = FailureKind::unknown;
  int http_status = 0;       ///< 0 where there was no answer
  std::string type;          ///< `card_error`, `invalid_request_error`, `api_error`, `idempotency_error`, or ""
  std::string code;          ///< stable word, or ""; `rate_limited` where we held the call back ourselves
  std::string decline_code;  ///< of a card_error, or ""
  std::string param;         ///< in bracket notation, or ""
  std::string message;
  std::string request_id;  ///< the provider's, for its support
  /// The intent's state where the refusal tells it (`payment_intent_unexpected_state`).
  std::optional<IntentStatus> intent_status;
  std::int64_t retry_after_s = 0;  ///< not_sent: when it is worth another try; 0 where nobody knows
  /// unknown: a fault of its own that the provider keeps for this key for a day, and nothing was found of what was
  /// asked for (where there is something to look up by): only another key gets another answer.
  bool is_kept = false;
  /// The account named is gone, or no longer connected to us: not that our key lacks a right.
  [[nodiscard]] bool is_of_foreign_account() const {
    return kind == FailureKind::refused &&
           (code == "account_invalid" || (http_status == 404 && code == "resource_missing"));
  }
};

template <class T>
using Answer = std::expected<T, Failure>;
template <class T>
using AnswerTask = boost::asio::awaitable<Answer<T>>;

/// Runs a call of the port to its end on a loop of its own: for workers and commands, never for an I/O thread.
/// There for every answer the port gives.
template <class T>
[[nodiscard]] Answer<T> blocking(AnswerTask<T> task);

/// Every call is bounded in time (retries and its turn in the queue included) and may be made from any thread; it
/// suspends a coroutine and never blocks. `on_account` is "" for what lives on the platform and the connected account
/// for what lives there (direct charges). What an `unknown` may have done is looked up before it is given, where there
/// is something to look up by.
class Payments {
 public:
  virtual ~Payments() = default;

  [[nodiscard]] virtual AnswerTask<CreatedIntent> create_intent(IntentOrder order) = 0;
  [[nodiscard]] virtual AnswerTask<CreatedIntent> retrieve_intent(std::string intent_id,
                                                                  std::string on_account = {}) = 0;
  /// Cancelling one that is cancelled, succeeded or being captured is refused with its status in the failure.
  [[nodiscard]] virtual AnswerTask<Intent> cancel_intent(std::string intent_id, std::string idempotency_key,
                                                         std::string on_account = {}) = 0;
  /// Refused with its status in the failure where there is nothing to capture (any more).
  [[nodiscard]] virtual AnswerTask<Intent> capture_intent(CaptureOrder order) = 0;
  /// The intent of a transaction whose id was never learnt (the answer to create was lost): looks through what was
  /// created from `since` on (less a minute for clocks that differ). nullopt: there is none. Reads at most 5,000;
  /// `unknown` when it is not among them and there are more.
  [[nodiscard]] virtual AnswerTask<std::optional<CreatedIntent>> find_intent(std::string transaction_id,
                                                                             domain::Instant since,
                                                                             std::string on_account = {}) = 0;
  [[nodiscard]] virtual AnswerTask<Charge> retrieve_charge(std::string charge_id, std::string on_account = {}) = 0;

  [[nodiscard]] virtual AnswerTask<RefundMade> create_refund(RefundOrder order) = 0;
  [[nodiscard]] virtual AnswerTask<Refund> retrieve_refund(std::string refund_id, std::string on_account = {}) = 0;
  /// All refunds of a payment, whoever asked for them; at most 1,000.
  [[nodiscard]] virtual AnswerTask<std::vector<Refund>> list_refunds(std::string intent_id,
                                                                     std::string on_account = {}) = 0;

  [[nodiscard]] virtual AnswerTask<Account> create_account(AccountOrder order) = 0;
  [[nodiscard]] virtual AnswerTask<AccountLink> create_account_link(AccountLinkOrder order) = 0;
  /// Refused with Failure::is_of_foreign_account() where it is no (longer a) connected account of ours.
  [[nodiscard]] virtual AnswerTask<Account> retrieve_account(std::string account_id) = 0;

  /// Where an organiser is sent to link an account that exists already. "" where no client id is configured.
  [[nodiscard]] virtual std::string oauth_url(std::string_view state, std::string_view redirect_url) const = 0;
  /// The code is single use: `unknown` cannot be repeated, the organiser has to begin again.
  [[nodiscard]] virtual AnswerTask<OauthGrant> oauth_exchange(crypto::Secret code) = 0;
  /// Idempotent: an account that is not connected counts as done.
  [[nodiscard]] virtual AnswerTask<std::string> oauth_deauthorize(std::string account_id) = 0;

  /// Takes back what a destination charge moved to the organiser.
  [[nodiscard]] virtual AnswerTask<TransferReversal> create_transfer_reversal(ReversalOrder order) = 0;
  [[nodiscard]] virtual AnswerTask<Dispute> retrieve_dispute(std::string dispute_id, std::string on_account = {}) = 0;
  [[nodiscard]] virtual AnswerTask<Dispute> update_dispute(EvidenceOrder order) = 0;

  [[nodiscard]] virtual AnswerTask<EventPage> list_events(EventQuery query) = 0;
  [[nodiscard]] virtual AnswerTask<ProviderEvent> retrieve_event(std::string event_id, std::string on_account = {}) = 0;
  /// The same event with its object as it is now: for an event that could not be applied, a thin one, and those whose
  /// order matters. Kinds of objects we do not use come back unchanged.
  [[nodiscard]] virtual AnswerTask<ProviderEvent> refresh_event(ProviderEvent event) = 0;

  [[nodiscard]] virtual AnswerTask<KeyCheck> check_key() = 0;
  /// The platform's webhook endpoints, at most 100.
  [[nodiscard]] virtual AnswerTask<std::vector<Endpoint>> list_endpoints() = 0;

  /// Real money: the key is a live key. Events with another `livemode` are not ours.
  [[nodiscard]] virtual bool livemode() const = 0;
};

}  // namespace admit::payment

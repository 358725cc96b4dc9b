#pragma once
// Inside the sandbox: what Stripe's paths do, on the database, inside the lane's transaction.

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/instant.hpp"
#include "payment/sandbox/database.hpp"
#include "payment/sandbox/faults.hpp"
#include "payment/sandbox/params.hpp"

namespace admit::payment::sandbox {

/// One call, lent to the operation that carries it out.
struct Call {
  Database& database;
  Faults& faults;
  domain::Instant now;
  const Params& params;
  std::string_view id = {};  ///< of the path, or ""
  std::string_view second_id = {};
  std::string_view account = {};  ///< the connected account on whose behalf, "" for the platform
  bool is_publishable = false;
  std::string_view request_id = {};
  std::string_view idempotency_key = {};
  std::string_view api_base = {};
  std::string_view page_base = {};  // of what a person opens
  /// Of what happens by itself later, and of nothing else.
  double time_scale = 1.0;
  /// Its events are due at once, whatever the profile.
  bool is_delivered_first = false;
  /// Set by the operation once its parameters were found right: from here on the answer is kept for its key.
  bool is_begun = false;
  /// Rows of sbx_delivery that were queued.
  std::vector<std::int64_t> deliveries = {};
};

using Reply = Outcome<boost::json::object>;
using Operation = Reply (*)(Call&);
using Refused = std::unexpected<ApiError>;

// intents.cpp
[[nodiscard]] Reply create_intent(Call& call);
[[nodiscard]] Reply retrieve_intent(Call& call);
[[nodiscard]] Reply update_intent(Call& call);
[[nodiscard]] Reply list_intents(Call& call);
[[nodiscard]] Reply confirm_intent(Call& call);
[[nodiscard]] Reply capture_intent(Call& call);
[[nodiscard]] Reply cancel_intent(Call& call);
/// The bank's page.
[[nodiscard]] Reply complete_action(Call& call);
[[nodiscard]] Reply fail_action(Call& call);
/// Not Stripe's: a processing intent ends, by `outcome` succeeded or failed.
[[nodiscard]] Reply settle_intent(Call& call);
[[nodiscard]] Reply retrieve_payment_method(Call& call);

// charges.cpp
[[nodiscard]] Reply retrieve_charge(Call& call);
[[nodiscard]] Reply list_charges(Call& call);

// refunds.cpp
[[nodiscard]] Reply create_refund(Call& call);
[[nodiscard]] Reply retrieve_refund(Call& call);
[[nodiscard]] Reply update_refund(Call& call);
[[nodiscard]] Reply cancel_refund(Call& call);
[[nodiscard]] Reply list_refunds(Call& call);
/// Not Stripe's: a refund fails later, as the card's bank may let it.
[[nodiscard]] Reply fail_refund(Call& call);

// transfers.cpp
[[nodiscard]] Reply create_transfer(Call& call);
[[nodiscard]] Reply retrieve_transfer(Call& call);
[[nodiscard]] Reply list_transfers(Call& call);
[[nodiscard]] Reply create_reversal(Call& call);
[[nodiscard]] Reply list_reversals(Call& call);
[[nodiscard]] Reply retrieve_fee(Call& call);
[[nodiscard]] Reply list_fees(Call& call);
[[nodiscard]] Reply create_fee_refund(Call& call);
[[nodiscard]] Reply list_fee_refunds(Call& call);

// disputes.cpp
[[nodiscard]] Reply retrieve_dispute(Call& call);
[[nodiscard]] Reply list_disputes(Call& call);
[[nodiscard]] Reply update_dispute(Call& call);
[[nodiscard]] Reply close_dispute(Call& call);
/// Not Stripe's: the buyer's bank disputes `payment_intent` (`kind` chargeback, inquiry or warning), or decides
/// (`outcome`).
[[nodiscard]] Reply open_dispute(Call& call);
[[nodiscard]] Reply decide_dispute(Call& call);

// balance.cpp
[[nodiscard]] Reply retrieve_balance(Call& call);
[[nodiscard]] Reply retrieve_balance_transaction(Call& call);
[[nodiscard]] Reply list_balance_transactions(Call& call);
[[nodiscard]] Reply retrieve_payout(Call& call);
[[nodiscard]] Reply list_payouts(Call& call);
/// Not Stripe's: money from the platform's bank (`amount` may be below 0), and to an account's.
[[nodiscard]] Reply top_up(Call& call);
[[nodiscard]] Reply create_payout(Call& call);
[[nodiscard]] Reply fail_payout(Call& call);

// accounts.cpp
[[nodiscard]] Reply create_account(Call& call);
[[nodiscard]] Reply retrieve_account(Call& call);
/// `GET /v1/account`: whoever calls.
[[nodiscard]] Reply retrieve_own_account(Call& call);
[[nodiscard]] Reply list_accounts(Call& call);
[[nodiscard]] Reply update_account(Call& call);
[[nodiscard]] Reply delete_account(Call& call);
[[nodiscard]] Reply reject_account(Call& call);
[[nodiscard]] Reply create_login_link(Call& call);
[[nodiscard]] Reply create_account_link(Call& call);
/// Not Stripe's: sets where an account stands by `state` (complete, needs_document, rejected, bank_account_missing,
/// new), or what it still has to give by `currently_due[]` and `disabled_reason`.
[[nodiscard]] Reply change_account(Call& call);
/// The onboarding page: the link is used up and becomes a session, whose token comes back; then what was chosen there.
[[nodiscard]] Reply open_account_link(Call& call);
[[nodiscard]] Reply finish_onboarding(Call& call);

// oauth.cpp
/// What the page asks to agree to, checked; then the answer, as the address to go back to.
[[nodiscard]] Reply check_authorization(Call& call);
[[nodiscard]] Reply answer_authorization(Call& call);
[[nodiscard]] Reply exchange_code(Call& call);
[[nodiscard]] Reply deauthorize(Call& call);

// events.cpp
[[nodiscard]] Reply retrieve_event(Call& call);
[[nodiscard]] Reply list_events(Call& call);
/// Not Stripe's: posts an event again, `times` (1) times, to whom it went.
[[nodiscard]] Reply resend_event(Call& call);
/// Not Stripe's: a new event of `type` about the `object` of that id as it is now, whether that happened or not.
[[nodiscard]] Reply tell_event(Call& call);
[[nodiscard]] Reply create_endpoint(Call& call);
[[nodiscard]] Reply retrieve_endpoint(Call& call);
[[nodiscard]] Reply list_endpoints(Call& call);
[[nodiscard]] Reply update_endpoint(Call& call);
[[nodiscard]] Reply delete_endpoint(Call& call);

// lab.cpp
/// Not Stripe's: what is there, for tests; what happened to one payment or account; everything but keys and endpoints
/// gone.
[[nodiscard]] Reply take_snapshot(Call& call);
[[nodiscard]] Reply read_timeline(Call& call);
[[nodiscard]] Reply reset_all(Call& call);

/// Carries out what is due by the call's `now`, at most 100; true when there may be more.
[[nodiscard]] bool run_due_actions(Call& call);

/// `pi_1Sbx` and 24 letters and digits nobody can guess.
[[nodiscard]] std::string fresh_id(std::string_view prefix);
[[nodiscard]] std::string random_word(std::size_t size);

}  // namespace admit::payment::sandbox

#pragma once
// Inside the sandbox: what Stripe's paths do, on the database, inside the lane's transaction.

#include <boost/json/object.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/instant.hpp"
#include "payment/sandbox/database.hpp"
#include "payment/sandbox/params.hpp"

namespace admit::payment::sandbox {

/// One call, lent to the operation that carries it out.
struct Call {
  Database& database;
  domain::Instant now;
  const Params& params;
  std::string_view id;  ///< of the path, or ""
  bool is_publishable = false;
  std::string_view request_id;
  std::string_view idempotency_key;
  std::string_view api_base;
  std::span<const std::string> posted_events;
  std::int64_t delivery_delay_ms = 0;
  /// Set by the operation once its parameters were found right: from here on the answer is kept for its key.
  bool is_begun = false;
  /// Set where a delivery was queued.
  bool has_deliveries = false;
};

using Reply = Outcome<boost::json::object>;
using Operation = Reply (*)(Call&);

[[nodiscard]] Reply create_intent(Call& call);
[[nodiscard]] Reply retrieve_intent(Call& call);
[[nodiscard]] Reply list_intents(Call& call);
[[nodiscard]] Reply confirm_intent(Call& call);
[[nodiscard]] Reply cancel_intent(Call& call);
[[nodiscard]] Reply complete_action(Call& call);
[[nodiscard]] Reply fail_action(Call& call);
[[nodiscard]] Reply retrieve_charge(Call& call);
[[nodiscard]] Reply create_account(Call& call);
[[nodiscard]] Reply retrieve_account(Call& call);
/// Not Stripe's: sets `charges_enabled` of an account, as onboarding would.
[[nodiscard]] Reply change_account(Call& call);
[[nodiscard]] Reply retrieve_event(Call& call);
[[nodiscard]] Reply list_events(Call& call);

/// `pi_1Sbx` and 24 letters and digits nobody can guess.
[[nodiscard]] std::string fresh_id(std::string_view prefix);
[[nodiscard]] std::string random_word(std::size_t size);

}  // namespace admit::payment::sandbox

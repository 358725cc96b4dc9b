#pragma once
// The provider's PaymentIntent as far as order code needs it.

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/registrations.hpp"

namespace admit::payment {

using domain::IntentStatus;

struct Intent {
  std::string id;
  IntentStatus status = IntentStatus::unrecognised;
  std::int64_t amount_minor = 0;
  std::int64_t received_minor = 0;
  std::int64_t capturable_minor = 0;  ///< held on the card, may be captured
  std::int64_t application_fee_minor = 0;
  std::string currency;         ///< upper case
  std::string registration_id;  ///< metadata, "" where absent
  std::string transaction_id;   ///< metadata, "" where absent
  std::string installation_id;  ///< metadata: several installations may share an account; "" where absent
  std::string destination;      ///< connected account that is paid, "" where absent
  std::string charge_id;        ///< the latest, "" where there was no attempt
  std::string cancellation_reason;
  /// Code of the last failed attempt (`card_declined`, ...), the decline code where there is one
  /// (`insufficient_funds`); "" where none.
  std::string last_error;
  bool livemode = false;
};

}  // namespace admit::payment

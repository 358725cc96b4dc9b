#pragma once
// Inside the sandbox: charges and what comes of their money.

#include "payment/sandbox/balance.hpp"
#include "payment/sandbox/test_cards.hpp"

namespace admit::payment::sandbox {

/// The charge of one attempt on `intent`, whose `latest_charge` it becomes. Not stored yet.
[[nodiscard]] boost::json::object new_charge(Call& call, boost::json::object& intent,
                                             const boost::json::object& payment_method, bool is_paid, bool is_captured);
[[nodiscard]] boost::json::object new_payment_method(Call& call, const Card& card);

/// Books a captured charge: the provider's fee, the transfer and the application fee. Changes the charge, which is
/// stored.
void settle_charge(Call& call, boost::json::object& charge);

/// Schedules what the card it was paid with brings later.
void schedule_sequel(Call& call, const boost::json::object& charge, Sequel sequel);

/// The transfer of a destination charge, or nothing.
[[nodiscard]] std::optional<boost::json::object> transfer_of(Call& call, const boost::json::object& charge);
/// The application fee of a charge, which is the platform's; or nothing.
[[nodiscard]] std::optional<boost::json::object> fee_of(Call& call, const boost::json::object& charge);

struct Reversal {
  std::int64_t amount = 0;
  std::string_view refund_id;
  boost::json::object metadata;
};
/// Takes money of a transfer back to the platform; the reversal. `transfer` is changed and stored.
[[nodiscard]] boost::json::object reverse_transfer(Call& call, boost::json::object& transfer, Reversal reversal);
/// Gives an application fee back to the account that paid it; `fee` is changed and stored.
[[nodiscard]] boost::json::object give_fee_back(Call& call, boost::json::object& fee, std::int64_t amount,
                                                boost::json::object metadata = {});
[[nodiscard]] boost::json::object new_transfer(Call& call, std::int64_t amount, std::string_view currency,
                                               std::string_view destination, std::string_view source,
                                               std::string_view group);

}  // namespace admit::payment::sandbox

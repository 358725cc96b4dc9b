#pragma once
// Inside the sandbox: who has how much. Double entry: every movement's rows sum to zero.

#include <initializer_list>

#include "payment/sandbox/objects.hpp"

namespace admit::payment::sandbox {

// Beside the platform ("") and the connected accounts ("acct_…").
inline constexpr std::string_view buyers = "buyers";
inline constexpr std::string_view banks = "banks";
inline constexpr std::string_view provider = "provider";

struct Side {
  std::string_view account;
  std::int64_t amount = 0;
};
/// std::logic_error where the sides do not sum to zero.
void move_money(Call& call, std::string_view currency, std::initializer_list<Side> sides, std::int64_t available_s);

/// What a balance transaction says; `fee` is the provider's, `application_fee` the platform's.
struct Booking {
  std::string_view type;
  std::int64_t amount = 0;
  std::int64_t fee = 0;
  std::int64_t application_fee = 0;
  std::string_view currency;
  std::string_view source;
  std::string_view description;
  std::int64_t available_s = 0;
};
/// Writes the balance transaction of the call's account; money is moved by move_money().
[[nodiscard]] boost::json::object book(Call& call, const Booking& booking);

/// May `account` pay `amount`: it may go some way below zero.
[[nodiscard]] bool can_pay(Call& call, std::string_view account, std::string_view currency, std::int64_t amount);

/// The provider's own fee for a charge.
[[nodiscard]] std::int64_t provider_fee(std::int64_t amount);
inline constexpr std::int64_t dispute_fee = 1'500;
/// Until a charge's money is available.
inline constexpr std::int64_t available_after_s = 2 * 24 * 3600;

}  // namespace admit::payment::sandbox

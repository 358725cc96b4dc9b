#pragma once
// What failed too often waits. Counted exactly, in the transaction that lets somebody try.

#include <chrono>
#include <string_view>

#include "domain/command.hpp"

namespace admit::domain {

/// So many within a time; the count begins anew when it is over.
struct Allowance {
  std::int64_t count = 0;
  std::chrono::seconds within{};
};
/// Guesses at one account from one network; from all networks that never signed in to it; from one network at any.
inline constexpr Allowance tries_from_network{10, std::chrono::minutes{15}};
inline constexpr Allowance tries_of_account{30, std::chrono::minutes{15}};
/// Once an account is guessed at so much, each network that never signed in to it has this left: whoever guesses from
/// many slows a stranger down, and does not keep its owner out. All together at the most the next.
inline constexpr Allowance tries_while_guessed{2, std::chrono::minutes{15}};
inline constexpr Allowance most_tries_of_account{300, std::chrono::minutes{15}};
inline constexpr Allowance tries_of_network{300, std::chrono::minutes{15}};
/// Passwords that somebody signed in gives to change an account; codes likewise.
inline constexpr Allowance tries_of_user{10, std::chrono::minutes{15}};
/// Mails to one address that anybody can ask for.
inline constexpr Allowance mails_to_address{5, std::chrono::hours{1}};
/// Links for a new password to one address, whoever asks. Who asks for more is told nothing: the mails are there.
inline constexpr Allowance resets_to_address{10, std::chrono::hours{1}};
/// Links to other addresses, to make them its own, that one account asks for.
inline constexpr Allowance changes_of_user{5, std::chrono::hours{1}};
/// Invitations that one account sends, and that it sends to one address.
inline constexpr Allowance invitations_of_user{200, std::chrono::hours{1}};
inline constexpr Allowance invitations_of_user_to_address{5, std::chrono::hours{24}};
inline constexpr Allowance mails_from_network{100, std::chrono::hours{1}};
/// How long a network stays known to an account after a sign-in from it.
inline constexpr std::chrono::days network_known{90};

[[nodiscard]] ThrottleId tries_id(std::string_view account, std::string_view network);
[[nodiscard]] ThrottleId account_tries_id(std::string_view account);
[[nodiscard]] ThrottleId network_tries_id(std::string_view network);
[[nodiscard]] ThrottleId user_tries_id(UserId user);
[[nodiscard]] ThrottleId user_codes_id(UserId user);
[[nodiscard]] ThrottleId address_mails_id(std::string_view email);
[[nodiscard]] ThrottleId network_mails_id(std::string_view network);
/// Of resets alone: to an address from one network, and from all.
[[nodiscard]] ThrottleId resets_here_id(std::string_view email, std::string_view network);
[[nodiscard]] ThrottleId resets_id(std::string_view email);
[[nodiscard]] ThrottleId changes_of_id(UserId user);
[[nodiscard]] ThrottleId invitations_of_id(UserId user);
[[nodiscard]] ThrottleId invitations_to_id(UserId user, std::string_view email);

/// When the next may be tried: now or earlier while there are some left. The row must be loaded, as for the next two.
[[nodiscard]] Instant free_at(const World& world, ThrottleId id, Allowance allowance, Instant now);
/// Refuses too_many_failures until `until`.
[[nodiscard]] std::unexpected<Error> wait_until(Instant until, Instant now, std::string detail);
/// Counts one more.
void count_try(World& world, ThrottleId id, Allowance allowance, Instant now);
/// Takes `count` back: it was no guess.
void forgive(World& world, ThrottleId id, std::int64_t count);

/// One more password or code of somebody signed in; refuses too_many_failures.
[[nodiscard]] Result<void> take_try(World& world, const Meta& meta, ThrottleId id);

}  // namespace admit::domain

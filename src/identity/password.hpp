#pragma once
// Passwords: what is accepted, and how they are kept (Argon2id, 19 MiB, two passes, one lane: the OWASP minimum).
// A hash takes tens of milliseconds of CPU: call it on the pool for slow work, never on an I/O thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace admit::identity {

inline constexpr std::size_t password_min_bytes = 8;
inline constexpr std::size_t password_max_bytes = 256;

enum class PasswordFault : std::uint8_t { too_short, too_long, too_common };
[[nodiscard]] std::string_view word(PasswordFault fault);
/// One sentence for who chose it.
[[nodiscard]] std::string_view sentence(PasswordFault fault);

/// What is wrong with a password somebody chose for the account with this address, if anything.
[[nodiscard]] std::optional<PasswordFault> fault_of_password(std::string_view password, std::string_view email = {});

/// A PHC string (`$argon2id$v=19$m=19456,t=2,p=1$…`) with a fresh salt.
[[nodiscard]] std::string hash_password(std::string_view password);

/// True if the hash was made of this password. Pass no hash for an account that does not exist: it costs the same and
/// is false, so that the time does not tell which accounts there are.
[[nodiscard]] bool verify_password(std::optional<std::string_view> hash, std::string_view password);
/// How often this process has computed argon2id, for whatever reason.
[[nodiscard]] std::uint64_t password_computations();

}  // namespace admit::identity

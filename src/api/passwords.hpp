#pragma once
// Passwords and second factors of whoever signs in or changes an account: what is asked, and what each try costs.

#include <optional>
#include <string>
#include <string_view>

#include "api/services.hpp"
#include "domain/sessions.hpp"
#include "domain/users.hpp"
#include "token/proof_key.hpp"

namespace admit::api {

/// 422 with what is wrong with a password somebody chose; nothing otherwise.
[[nodiscard]] std::optional<http::Problem> fault_of(std::string_view password, std::string_view email);
/// On the pool for passwords. Throws http::ServiceUnavailable when too many wait there.
boost::asio::awaitable<std::string> hash_of(Services& services, std::string password);

/// 429 with how long to wait.
[[nodiscard]] http::Problem too_many_failures(domain::Instant until, domain::Instant now);

/// Whether a password is that of the account that `meta` names; each try is counted until it is. The account, or 401
/// `wrong_credentials`, 429 `too_many_failures`; also where the account has none.
boost::asio::awaitable<Expected<domain::User>> user_with(Services& services, domain::Meta meta, std::string password);

/// As user_with, for the account that calls. An account without a password must
/// have signed in within ten minutes instead. 401 `wrong_credentials`, 429 `too_many_failures`.
boost::asio::awaitable<Expected<domain::User>> proven_user(Services& services, domain::Meta meta, Caller caller,
                                                           std::string password);

/// When the caller last proved who they are: by signing in, by a password, or by a provider's token that is this fresh.
[[nodiscard]] domain::Instant proven_at(const Services& services, const Caller& caller);

/// What a code is of the account's: a step of its app, or a recovery code; nullopt for neither.
[[nodiscard]] std::optional<domain::Factor> factor_of(const Services& services, const domain::User& user,
                                                      std::string_view code, domain::Instant now);
/// The secret of an account's app, sealed for its row and opened again.
[[nodiscard]] domain::Bytes seal_totp(const Services& services, domain::UserId user, crypto::Bytes secret);
[[nodiscard]] std::optional<crypto::Secret> open_totp(const Services& services, const domain::User& user);

/// What signs in to an account beside its password.
[[nodiscard]] domain::SignInWays ways_of(const Services& services, domain::UserId user);

/// A proof to be mailed, and its row's part.
[[nodiscard]] domain::MailedProof new_proof(const Services& services, const domain::Meta& meta);
/// The proof that a text from a mail names; 404 `unknown_proof` for any other text.
[[nodiscard]] Expected<domain::MailedProof> proof_in(std::string_view text);

}  // namespace admit::api

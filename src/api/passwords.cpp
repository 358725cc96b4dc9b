#include "api/passwords.hpp"

#include <algorithm>

#include "crypto/aes_gcm.hpp"
#include "identity/opaque_token.hpp"
#include "identity/password.hpp"
#include "identity/totp.hpp"

namespace admit::api {
namespace {

using domain::Refusal;

constexpr std::size_t max_ways = 200;

}  // namespace

std::optional<http::Problem> fault_of(std::string_view password, std::string_view email) {
  const auto fault = identity::fault_of_password(password, email);
  if (!fault) return std::nullopt;
  return problem_of({Refusal::invalid_field, "password", std::string(identity::sentence(*fault))});
}

boost::asio::awaitable<std::string> hash_of(Services& services, std::string password) {
  co_return co_await on_pool(services.password_pool, [password] { return identity::hash_password(password); });
}

http::Problem too_many_failures(domain::Instant until, domain::Instant now) {
  auto problem = problem_of({Refusal::too_many_failures, "", "Too many tries failed; wait a little."});
  problem.retry_after_s =
      static_cast<int>(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(until - now).count()));
  return problem;
}

boost::asio::awaitable<Expected<domain::User>> user_with(Services& services, domain::Meta meta, std::string password) {
  domain::TakeUserTry take{.meta = meta};
  const auto taken = co_await submit(services.lane, std::move(take));
  if (!taken.result) co_return std::unexpected(problem_of(taken.result.error()));
  const std::string hash = taken.result->password_hash;
  const bool right = co_await on_pool(services.password_pool, [hash, password] {
    return identity::verify_password(hash.empty() ? std::nullopt : std::optional(hash), password);
  });
  if (!right) {
    co_return std::unexpected(problem_of({Refusal::wrong_credentials, "password", "The password is wrong."}));
  }
  domain::ForgiveUserTries right_one{.meta = meta};
  const auto forgiven = co_await submit(services.lane, std::move(right_one));
  if (!forgiven.result) co_return std::unexpected(problem_of(forgiven.result.error()));
  co_return *taken.result;
}

boost::asio::awaitable<Expected<domain::User>> proven_user(Services& services, domain::Meta meta, Caller caller,
                                                           std::string password) {
  auto user = store::get<domain::User>(services.store, caller.user);
  if (user && !user->guest && !user->erased_at && user->password_hash.empty()) {
    if (domain::check_proven(proven_at(services, caller), meta.now)) co_return *std::move(user);
    co_return std::unexpected(
        problem_of({Refusal::wrong_credentials, "", "Sign in again first: the account has no password to ask for."}));
  }
  co_return co_await user_with(services, std::move(meta), std::move(password));
}

domain::Instant proven_at(const Services& services, const Caller& caller) {
  if (caller.token_at) return *caller.token_at;
  const auto session = store::get<domain::Session>(services.store, caller.session);
  return session ? domain::proven_at(*session) : domain::Instant{};
}

domain::Bytes seal_totp(const Services& services, domain::UserId user, crypto::Bytes secret) {
  const auto id = user.value.bytes();
  const auto sealed = crypto::box_seal(services.ring.derive("admit/totp/1").bytes(), id, secret);
  return {std::string(sealed.begin(), sealed.end())};
}

std::optional<crypto::Secret> open_totp(const Services& services, const domain::User& user) {
  const auto id = user.id.value.bytes();
  return crypto::box_open(services.ring.derive("admit/totp/1").bytes(), id, crypto::bytes_of(user.totp_secret.data));
}

std::optional<domain::Factor> factor_of(const Services& services, const domain::User& user, std::string_view code,
                                        domain::Instant now) {
  if (const auto hash = identity::recovery_hash(code)) return domain::Factor{.totp_step = 0, .recovery_hash = *hash};
  const auto secret = open_totp(services, user);
  const auto step = secret ? identity::totp_match(secret->bytes(), code, now) : std::nullopt;
  if (!step) return std::nullopt;
  return domain::Factor{.totp_step = *step, .recovery_hash = {}};
}

domain::SignInWays ways_of(const Services& services, domain::UserId user) {
  domain::SignInWays ways;
  for (const auto& row : store::list<domain::Passkey>(services.store, "by_user", user.value, max_ways).rows) {
    ways.passkeys.push_back(row.id);
  }
  for (const auto& row : store::list<domain::ExternalIdentity>(services.store, "by_user", user.value, max_ways).rows) {
    ways.identities.push_back(row.id);
  }
  return ways;
}

domain::MailedProof new_proof(const Services& services, const domain::Meta& meta) {
  const domain::ProofId id{domain::fresh_uuid(meta.now, services.seed(), 0)};
  const token::ProofKeys keys(services.ring);
  return {id, {std::string(crypto::text_of(keys.hash_of(id)))}};
}

Expected<domain::MailedProof> proof_in(std::string_view text) {
  const auto name = identity::parse_opaque_token("proof_", text);
  if (!name) {
    return std::unexpected(
        problem_of({Refusal::unknown_proof, "token", "This link is used up or too old; ask for another."}));
  }
  return domain::MailedProof{domain::ProofId{name->id}, {std::string(crypto::text_of(name->hash))}};
}

}  // namespace admit::api

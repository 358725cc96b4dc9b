#pragma once
// Users at Supabase, made by its admin interface for the accounts that sign up here.

#include <functional>
#include <string>

#include "crypto/secret.hpp"
#include "domain/identities.hpp"
#include "engine/lane.hpp"
#include "http/client.hpp"
#include "job/provider_jobs.hpp"
#include "store/store.hpp"

namespace admit::job {

/// Whose users: the issuer of its tokens, below which its admin interface lies, and the key that opens it.
struct IdentityAdmin {
  std::string issuer;
  crypto::Secret service_key;
};

/// Each call is one try of one job. All are safe to repeat: a user there has the id of the account here, so that one
/// made before is found again. Any thread that may block.
class IdentityJobs {
 public:
  IdentityJobs(engine::Lane& lane, store::Store& store, http::Client& client, IdentityAdmin admin, Clock clock,
               std::function<domain::Seed()> seed);

  /// Makes the user, with the hash of the account's password, and links it to the account. Somebody else's user with
  /// the same address is left alone: whoever it is comes by the rules of AdmitPerson. `generation` is the account's, as
  /// it was when it was opened: one that was made when it was another has a password that nobody knows before it is
  /// linked.
  [[nodiscard]] Tried create_identity(domain::UserId id, const std::string& generation);
  /// Gives the user that we made a password that nobody knows, which ends its sessions there; its tokens of before are
  /// refused here.
  [[nodiscard]] Tried set_password(domain::UserId id);
  /// Deletes the user that we made.
  [[nodiscard]] Tried erase_identity(domain::UserId id);
  /// The account's address was proven here: a user that we made need not prove it there.
  [[nodiscard]] Tried confirm_identity(domain::UserId id);

 private:
  struct Answer;
  [[nodiscard]] Answer ask(std::string method, const std::string& path, std::string body);
  [[nodiscard]] Tried link(const domain::User& user, const std::string& subject);
  /// "" also where there is no such user.
  [[nodiscard]] Tried change(const std::string& method, const std::string& subject, std::string body);

  engine::Lane& x_lane;
  store::Store& x_store;
  http::Client& x_client;
  IdentityAdmin x_admin;
  Clock x_clock;
  std::function<domain::Seed()> x_seed;
};

}  // namespace admit::job

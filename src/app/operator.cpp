#include "app/operator.hpp"

#include "app/lane_thread.hpp"
#include "domain/users.hpp"
#include "identity/password.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace admit::app {

namespace {

constexpr std::size_t max_ways = 200;

domain::SignInWays ways_of(store::Store& store, domain::UserId user) {
  domain::SignInWays ways;
  for (const auto& row : store::list<domain::Passkey>(store, "by_user", user.value, max_ways).rows) {
    ways.passkeys.push_back(row.id);
  }
  for (const auto& row : store::list<domain::ExternalIdentity>(store, "by_user", user.value, max_ways).rows) {
    ways.identities.push_back(row.id);
  }
  return ways;
}

}  // namespace

int create_operator(const Config& config, const OperatorOptions& options, std::istream& in, std::ostream& out) {
  const auto email = domain::normal_email(options.email);
  if (!email) throw ConfigError("--email: give an e-mail address like ada@example.com");
  if (options.remove) {
    store::sqlite::SqliteStore store({.path = config.data});
    LaneThread thread(store);
    const auto claim = store::get<domain::Claim>(store, domain::email_claim(*email));
    const auto removed = thread.lane().call(domain::RemoveOperator{
        .meta = {.now = system_now(), .seed = random_seed(), .is_operator = true, .actor = "operator"},
        .user_id = claim ? domain::UserId{claim->target} : domain::UserId{}});
    if (!removed) throw ConfigError(removed.error().detail);
    out << removed->email << " is no operator any more\n";
    return 0;
  }
  std::string password;
  std::getline(in, password);
  if (const auto fault = identity::fault_of_password(password))
    throw ConfigError(std::string(identity::sentence(*fault)));
  store::sqlite::SqliteStore store({.path = config.data});
  LaneThread thread(store);
  const domain::Meta meta{.now = system_now(), .seed = random_seed(), .is_operator = true, .actor = "operator"};
  if (const auto claim = store::get<domain::Claim>(store, domain::email_claim(*email)); claim && claim->target) {
    const domain::UserId id{claim->target};
    const auto taken = thread.lane().call(domain::TakeOverAccount{.meta = meta,
                                                                  .user_id = id,
                                                                  .name = options.name,
                                                                  .password_hash = identity::hash_password(password),
                                                                  .ways = ways_of(store, id)});
    if (!taken) throw ConfigError(taken.error().detail);
    out << "an account with this address was there, which nobody had confirmed: whatever signed in to it is void\n";
    out << "operator " << taken->email << " is " << taken->id.text() << "\n";
    return 0;
  }
  const auto user = thread.lane().call(domain::CreateUser{.meta = meta,
                                                          .email = *email,
                                                          .name = options.name,
                                                          .password_hash = identity::hash_password(password),
                                                          .is_operator = true,
                                                          .email_verified = true});
  if (!user) throw ConfigError(user.error().detail);
  out << "operator " << user->email << " is " << user->id.text() << "\n";
  return 0;
}

}  // namespace admit::app

#include "app/operator.hpp"

#include "app/lane_thread.hpp"
#include "domain/users.hpp"
#include "identity/password.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace admit::app {

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
  const auto user = thread.lane().call(
      domain::CreateUser{.meta = {.now = system_now(), .seed = random_seed(), .is_operator = true, .actor = "operator"},
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

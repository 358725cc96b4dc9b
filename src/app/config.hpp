#pragma once
// Configuration: a TOML file, then ADMIT_… variables, then the command line; each overrides the one before.

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "app/identity_config.hpp"
#include "mail/address.hpp"

namespace admit::app {

/// A sentence for the operator that names the key and says what to write instead.
struct ConfigError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Config {
  std::string data = "data";
  std::string listen = "127.0.0.1:8080";
  std::string public_url;      // "" : http://LISTEN
  std::string metrics_listen;  // "" : /metrics beside the rest, for this machine only
  std::string log_level = "info";
  bool access_log = false;
  std::int64_t threads = 2;
  std::int64_t workers = 1;
  std::int64_t max_connections = 10'000;
  std::int64_t max_queue = 20'000;
  std::vector<std::string> trusted_proxies;
  bool rate_limits = true;
  std::int64_t address_sign_ins = 60;
  std::int64_t address_writes = 1'200;
  std::int64_t address_reads = 6'000;
  std::int64_t address_scans = 60'000;
  std::int64_t caller_writes = 600;
  std::int64_t caller_reads = 3'000;
  std::int64_t caller_scans = 6'000;
  std::string tls_cert;
  std::string tls_key;
  std::int64_t audit_seal_after_s = 300;
  std::vector<std::string> cors_origins;
  bool sandbox = false;
  bool logs_links = false;  // the demo: links that would be mailed stand in the log; no key sets it
  std::string sandbox_profile = "calm";
  std::int64_t sandbox_seed = 0;
  std::int64_t sandbox_pace_percent = 100;
  std::string stripe_api_base = "https://api.stripe.com";
  std::string stripe_secret_key;
  std::string stripe_publishable_key;
  std::vector<std::string> stripe_webhook_secrets;
  std::vector<std::string> stripe_connect_webhook_secrets;
  std::string stripe_client_id;
  std::string charge_model = "destination";
  bool on_behalf_of = false;
  std::int64_t application_fee_fixed = 0;
  std::int64_t application_fee_bp = 0;
  std::int64_t nodes = 1;
  std::string smtp_url;  // "" : no mail is sent; with the sandbox, it goes to the folder `mail`
  std::string smtp_user;
  std::string smtp_password;
  std::string smtp_starttls = "required";
  std::string smtp_ca_file;
  std::string mail_from;
  std::string mail_reply_to;
  std::string master_key;  // 64 hexadecimal digits; "" : of the command or the file
  std::vector<IdentityConfig> identity;  // tables [identity.NAME]
  std::string master_key_file;  // "" : master.key in the data folder
  std::vector<std::string> master_key_command;  // program and arguments; it prints the key
  std::string secret_file;  // no key: the file that was read, where it holds a secret

  struct Address {
    std::string host;
    std::uint16_t port;
  };
  /// `HOST:PORT`, an IPv6 host in brackets. Throws ConfigError.
  [[nodiscard]] static Address address(std::string_view key, std::string_view value);
};

/// `Name <address>` or an address. Throws ConfigError that names the key.
[[nodiscard]] mail::Mailbox mailbox(std::string_view key, std::string_view text);

using Environment = std::function<const char*(const char*)>;

/// Reads the file (if a path is given) and the environment over the defaults. Unknown keys, wrong types and values out of
/// range throw ConfigError. `ADMIT_PUBLIC_URL` is `public_url`; lists are separated by commas there.
/// STRIPE_SECRET_KEY, STRIPE_PUBLISHABLE_KEY and STRIPE_WEBHOOK_SECRET are understood as they stand.
/// Without `with_identity` the providers of identities, whose secrets only a server needs, are left out.
[[nodiscard]] Config load_config(const std::optional<std::string>& path, const Environment& environment,
                                 bool with_identity = true);

/// Whether `/metrics` is on the address that customers use, for this machine: not where `metrics_listen` gives it one of
/// its own, and not behind a `public_url` of the world, where a proxy makes everybody come from this machine.
[[nodiscard]] bool serves_metrics(const Config& config);
/// Refuses a variable ADMIT_… that is neither a key's nor known to be for something else: it is misspelt. `environment` is as `environ`. Throws ConfigError.
void check_variables(const char* const* environment);
/// What no single key can tell: refuses contradictions. Throws ConfigError.
void check(const Config& config);
/// For what takes payments, or looks whether it can: a Stripe key is not enough. Throws ConfigError.
void check_webhooks(const Config& config);

struct ConfigKey {
  std::string_view name;
  std::string_view what;
};
/// Every key, for the reference in the documents and `--help`.
[[nodiscard]] const std::vector<ConfigKey>& config_keys();

}  // namespace admit::app

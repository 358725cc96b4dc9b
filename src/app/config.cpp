#include "app/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cctype>
#include <toml++/toml.h>
#include <variant>

#include "domain/rows.hpp"
#include "http/address.hpp"
#include "log/log.hpp"
#include "mail/smtp_mailer.hpp"
#include "payment/keys.hpp"
#include "payment/sandbox/faults.hpp"

namespace admit::app {
namespace {

using Member = std::variant<std::string Config::*, bool Config::*, std::int64_t Config::*, std::vector<std::string> Config::*>;

struct Key {
  std::string_view name;
  Member member;
  std::string_view what;
  std::int64_t min = 0;
  std::int64_t max = 0;
};

const std::vector<Key>& keys() {
  static const std::vector<Key> all = {
      {"data", &Config::data, "data folder"},
      {"listen", &Config::listen, "HOST:PORT to serve on; port 0 picks one"},
      {"public_url", &Config::public_url, "scheme, host and port that customers reach this under; links and codes are built from it"},
      {"metrics_listen", &Config::metrics_listen, "HOST:PORT for /metrics alone"},
      {"log_level", &Config::log_level, "debug, info, warning, error or off"},
      {"access_log", &Config::access_log, "log every request"},
      {"threads", &Config::threads, "I/O threads", 1, 256},
      {"workers", &Config::workers, "threads for jobs", 1, 64},
      {"max_connections", &Config::max_connections, "connections at a time", 1, 1'000'000},
      {"max_queue", &Config::max_queue, "commands waiting to be written before callers are told 503", 1, 1'000'000},
      {"trusted_proxies", &Config::trusted_proxies, "addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-For is believed"},
      {"rate_limits", &Config::rate_limits, "count requests by address and caller; false for load tests"},
      {"address_sign_ins", &Config::address_sign_ins, "of one address in a minute: accounts, passwords, links of mails; 0 any number", 0, 1'000'000},
      {"address_writes", &Config::address_writes, "the same for whatever changes something", 0, 1'000'000},
      {"address_reads", &Config::address_reads, "the same for what is only read", 0, 1'000'000},
      {"address_scans", &Config::address_scans, "the same for a door", 0, 1'000'000},
      {"caller_writes", &Config::caller_writes, "changes of one account, key or gate in a minute; 0 any number", 0, 1'000'000},
      {"caller_reads", &Config::caller_reads, "the same for what is only read", 0, 1'000'000},
      {"caller_scans", &Config::caller_scans, "the same for a door", 0, 1'000'000},
      {"tls_cert", &Config::tls_cert, "PEM file of the certificate and its chain: serves https itself; read again when it changes"},
      {"tls_key", &Config::tls_key, "PEM file of its key"},
      {"audit_seal_after_s", &Config::audit_seal_after_s, "age at which entries of the audit are chained by hash", 1, 315'360'000},
      {"cors_origins", &Config::cors_origins, "origins whose pages may call the API; * for any"},
      {"sandbox", &Config::sandbox, "take payments from the sandbox: no money moves"},
      {"sandbox_profile", &Config::sandbox_profile, "what goes wrong in the sandbox: prompt, calm, realistic, chaos or outage"},
      {"sandbox_seed", &Config::sandbox_seed, "the same seed lets the same things go wrong; 0 takes one at random", 0, 9'000'000'000'000'000},
      {"sandbox_pace_percent", &Config::sandbox_pace_percent, "of the sandbox's waits of seconds: 1 makes 5 s into 50 ms", 1, 1'000},
      {"stripe_api_base", &Config::stripe_api_base, "base URL of the payment provider"},
      {"stripe_secret_key", &Config::stripe_secret_key, "sk_… or rk_…"},
      {"stripe_publishable_key", &Config::stripe_publishable_key, "pk_…, told to frontends"},
      {"stripe_webhook_secrets", &Config::stripe_webhook_secrets, "whsec_…; several while one is rolled"},
      {"stripe_connect_webhook_secrets", &Config::stripe_connect_webhook_secrets, "whsec_… of the endpoint for connected accounts"},
      {"stripe_client_id", &Config::stripe_client_id, "ca_…, to link accounts that businesses have already"},
      {"charge_model", &Config::charge_model, "of a new business: destination, or direct on its own account"},
      {"on_behalf_of", &Config::on_behalf_of, "a new business is the merchant of record of its destination charges"},
      {"application_fee_fixed", &Config::application_fee_fixed, "the platform's share of each payment of a new business, in minor units", 0, 99'999'999},
      {"application_fee_bp", &Config::application_fee_bp, "the same in basis points, on top", 0, 10'000},
      {"nodes", &Config::nodes, "servers of this installation, which share the payment provider's limits", 1, 1'000},
      {"smtp_url", &Config::smtp_url, "smtp://HOST[:PORT] or smtps://HOST[:PORT]; without it no mail is sent"},
      {"smtp_user", &Config::smtp_user, "to sign in at the mail server"},
      {"smtp_password", &Config::smtp_password, "of smtp_user"},
      {"smtp_starttls", &Config::smtp_starttls, "required, or none for a server on this machine"},
      {"smtp_ca_file", &Config::smtp_ca_file, "PEM file of authorities the mail server's certificate is checked with; by default the system's"},
      {"mail_from", &Config::mail_from, "sender of all mails: Name <address>"},
      {"mail_reply_to", &Config::mail_reply_to, "where answers go"},
      {"master_key", &Config::master_key, "64 hexadecimal digits"},
      {"master_key_file", &Config::master_key_file, "the file that holds them, readable by its owner only; by default master.key in the data folder"},
      {"master_key_command", &Config::master_key_command, "program and arguments that print them, of a key service"},
  };
  return all;
}

/// What our scripts and tests are told; with ADMIT_PORT… and ADMIT_SERVICE_…, which Kubernetes gives every container beside
/// a service named `admit`.
constexpr std::array<std::string_view, 7> foreign_variables{
    "ADMIT_BINARY", "ADMIT_CRASH_SEED", "ADMIT_DEPS", "ADMIT_LOG", "ADMIT_PRESET", "ADMIT_STRIPE_MOCK", "ADMIT_ZXING"};

[[noreturn]] void refuse(std::string_view key, std::string_view what) {
  throw ConfigError(std::string(key) + ": " + std::string(what));
}

void set_integer(Config& config, const Key& key, std::int64_t value) {
  if (value < key.min || value > key.max) {
    refuse(key.name, "give a whole number from " + std::to_string(key.min) + " to " + std::to_string(key.max));
  }
  config.*std::get<std::int64_t Config::*>(key.member) = value;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!part.empty()) out.emplace_back(part);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return out;
}

void set_from_text(Config& config, const Key& key, std::string_view text) {
  if (const auto* member = std::get_if<std::string Config::*>(&key.member)) {
    config.**member = text;
  } else if (const auto* flag = std::get_if<bool Config::*>(&key.member)) {
    if (text != "true" && text != "false" && text != "1" && text != "0") refuse(key.name, "give true or false");
    config.**flag = text == "true" || text == "1";
  } else if (std::holds_alternative<std::int64_t Config::*>(key.member)) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) refuse(key.name, "give a whole number");
    set_integer(config, key, value);
  } else {
    config.*std::get<std::vector<std::string> Config::*>(key.member) = split(text);
  }
}

void set_from_toml(Config& config, const Key& key, const toml::node& node) {
  if (const auto* member = std::get_if<std::string Config::*>(&key.member)) {
    const auto value = node.value_exact<std::string>();
    if (!value) refuse(key.name, "give a text in quotes");
    config.**member = *value;
  } else if (const auto* flag = std::get_if<bool Config::*>(&key.member)) {
    const auto value = node.value_exact<bool>();
    if (!value) refuse(key.name, "give true or false");
    config.**flag = *value;
  } else if (std::holds_alternative<std::int64_t Config::*>(key.member)) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value) refuse(key.name, "give a whole number");
    set_integer(config, key, *value);
  } else {
    std::vector<std::string> values;
    const auto* array = node.as_array();
    if (array == nullptr) refuse(key.name, "give a list of texts, like [\"one\", \"two\"]");
    for (const auto& item : *array) {
      const auto value = item.value_exact<std::string>();
      if (!value) refuse(key.name, "give a list of texts, like [\"one\", \"two\"]");
      values.push_back(*value);
    }
    config.*std::get<std::vector<std::string> Config::*>(key.member) = std::move(values);
  }
}

/// As browsers write it in the header Origin: `https://tickets.example`, without a path or a default port's number.
bool is_origin(std::string_view text) {
  if (text == "*") return true;
  const std::string_view scheme = text.starts_with("https://") ? "https://" : "http://";
  if (!text.starts_with(scheme)) return false;
  const auto host = text.substr(scheme.size());
  return !host.empty() && !host.ends_with(scheme == "https://" ? ":443" : ":80") &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.:[]") == std::string_view::npos;
}

std::string variable_of(std::string_view key) {
  std::string out = "ADMIT_";
  for (const char c : key) out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

Config::Address Config::address(std::string_view key, std::string_view value) {
  const auto colon = value.rfind(':');
  std::uint32_t port = 0;
  bool good = colon != std::string_view::npos && colon > 0 && colon + 1 < value.size();
  if (good) {
    const auto text = value.substr(colon + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    good = error == std::errc{} && end == text.data() + text.size() && port <= 65535;
  }
  if (!good) refuse(key, "give HOST:PORT, like 127.0.0.1:8080");
  std::string host(value.substr(0, colon));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return {std::move(host), static_cast<std::uint16_t>(port)};
}

mail::Mailbox mailbox(std::string_view key, std::string_view text) {
  mail::Mailbox out{.address = std::string(text)};
  if (const auto open = text.find('<'); open != std::string_view::npos && text.ends_with('>')) {
    out.name = text.substr(0, open);
    while (!out.name.empty() && out.name.back() == ' ') out.name.pop_back();
    out.address = text.substr(open + 1, text.size() - open - 2);
  }
  if (!mail::is_address(out.address)) refuse(key, "give an address, or Name <address>");
  return out;
}

constexpr std::array<std::string_view, 5> secret_keys{"stripe_secret_key", "stripe_webhook_secrets",
                                                      "stripe_connect_webhook_secrets", "smtp_password", "master_key"};

bool serves_metrics(const Config& config) {
  if (!config.metrics_listen.empty()) return false;
  const std::string_view url = config.public_url;
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return true;
  const auto host = url.substr(scheme + 3);
  return host.starts_with("127.") || host.starts_with("[::1]") || host == "localhost" || host.starts_with("localhost:");
}

Config load_config(const std::optional<std::string>& path, const Environment& environment, bool with_identity) {
  Config config;
  if (path) {
    toml::table table;
    try {
      table = toml::parse_file(*path);
    } catch (const toml::parse_error& e) {
      throw ConfigError(*path + ": " + std::string(e.description()) + " (line " + std::to_string(e.source().begin.line) + ")");
    }
    for (const auto& [name, node] : table) {
      if (name.str() == "identity") {
        if (!with_identity) continue;
        config.identity = read_identity(*path, environment);
        if (std::ranges::any_of(config.identity, &IdentityConfig::has_secret)) config.secret_file = *path;
        continue;
      }
      const auto key = std::ranges::find(keys(), name.str(), &Key::name);
      if (key == keys().end()) throw ConfigError(*path + ": there is no key '" + std::string(name.str()) + "'");
      set_from_toml(config, *key, node);
      if (std::ranges::find(secret_keys, name.str()) != secret_keys.end()) config.secret_file = *path;
    }
  }
  // The provider's own names, as its documents write them.
  if (const char* value = environment("STRIPE_SECRET_KEY")) config.stripe_secret_key = value;
  if (const char* value = environment("STRIPE_PUBLISHABLE_KEY")) config.stripe_publishable_key = value;
  if (const char* value = environment("STRIPE_WEBHOOK_SECRET")) config.stripe_webhook_secrets = split(value);
  if (const char* value = environment("STRIPE_CONNECT_WEBHOOK_SECRET")) config.stripe_connect_webhook_secrets = split(value);
  if (const char* value = environment("SMTP_PASSWORD")) config.smtp_password = value;
  for (const auto& key : keys()) {
    if (const char* value = environment(variable_of(key.name).c_str())) set_from_text(config, key, value);
  }
  return config;
}

void check_variables(const char* const* environment) {
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const auto name = entry.substr(0, entry.find('='));
    if (!name.starts_with("ADMIT_")) continue;
    const bool known = std::ranges::any_of(keys(), [&](const Key& key) { return variable_of(key.name) == name; }) ||
                       std::ranges::find(foreign_variables, name) != foreign_variables.end() ||
                       name.starts_with("ADMIT_PORT") || name.starts_with("ADMIT_SERVICE_");
    if (!known) throw ConfigError("the environment: there is no key for the variable '" + std::string(name) + "'");
  }
}

void check(const Config& config) {
  (void)Config::address("listen", config.listen);
  if (!config.metrics_listen.empty()) (void)Config::address("metrics_listen", config.metrics_listen);
  if (!log::parse_level(config.log_level)) refuse("log_level", "give debug, info, warning, error or off");
  if (!config.public_url.empty()) {
    const std::string_view url = config.public_url;
    const auto scheme_end = url.find("://");
    const bool known = url.starts_with("http://") || url.starts_with("https://");
    if (!known || url.size() <= scheme_end + 3 || url.find('/', scheme_end + 3) != std::string_view::npos) {
      refuse("public_url", "give scheme, host and port without a path, like https://tickets.example.com");
    }
  }
  for (const auto& text : config.trusted_proxies) {
    if (!http::Network::parse(text)) refuse("trusted_proxies", "'" + text + "' is neither an address nor a network like 10.0.0.0/8");
  }
  for (const auto& origin : config.cors_origins) {
    if (!is_origin(origin)) refuse("cors_origins", "'" + origin + "' is no origin; give scheme, host and port in small letters, like https://tickets.example.com, or * for any");
  }
  if (config.tls_cert.empty() != config.tls_key.empty()) refuse("tls_cert", "tls_cert and tls_key go together");
  if (!config.tls_cert.empty() && config.sandbox) refuse("tls_cert", "the sandbox sends its events over plain HTTP; put a proxy in front to try it under https");
  if (!config.master_key.empty() + !config.master_key_file.empty() + !config.master_key_command.empty() > 1) {
    refuse("master_key", "give one of master_key, master_key_file and master_key_command");
  }
  const bool live = payment::is_live_key(config.stripe_secret_key) || payment::is_live_key(config.stripe_publishable_key);
  if (!payment::sandbox::is_profile(config.sandbox_profile)) {
    refuse("sandbox_profile", "give prompt, calm, realistic, chaos or outage");
  }
  if (config.sandbox && live) {
    throw ConfigError("sandbox: a live Stripe key is configured; the sandbox never runs beside one");
  }
  if (config.sandbox && !config.stripe_secret_key.empty()) {
    throw ConfigError("sandbox: a Stripe key is configured too; take one of both");
  }
  if (!config.stripe_secret_key.empty()) {
    if (!payment::is_secret_key(config.stripe_secret_key)) {
      refuse("stripe_secret_key", "this is no secret key; it begins with sk_ or rk_");
    }
    if (!config.stripe_publishable_key.empty() &&
        payment::is_live_key(config.stripe_secret_key) != payment::is_live_key(config.stripe_publishable_key)) {
      refuse("stripe_publishable_key", "one of the two Stripe keys is live and the other is not");
    }
  }
  for (const auto& secret : config.stripe_webhook_secrets) {
    if (!payment::is_webhook_secret(secret)) refuse("stripe_webhook_secrets", "a webhook secret begins with whsec_");
  }
  for (const auto& secret : config.stripe_connect_webhook_secrets) {
    if (!payment::is_webhook_secret(secret)) refuse("stripe_connect_webhook_secrets", "a webhook secret begins with whsec_");
  }
  if (!domain::parse_word<domain::ChargeModel>(config.charge_model)) refuse("charge_model", "give destination or direct");
  if (!domain::parse_word<mail::Starttls>(config.smtp_starttls)) refuse("smtp_starttls", "give required or none");
  if (!config.smtp_url.empty() && config.mail_from.empty()) refuse("mail_from", "mails need a sender: Name <address>");
  if (!config.mail_from.empty()) (void)mailbox("mail_from", config.mail_from);
  if (!config.mail_reply_to.empty()) (void)mailbox("mail_reply_to", config.mail_reply_to);
}

void check_webhooks(const Config& config) {
  if (!config.stripe_secret_key.empty() && config.stripe_webhook_secrets.empty()) {
    refuse("stripe_webhook_secrets", "without the endpoint's whsec_… no payment can ever be confirmed");
  }
}

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> all = [] {
    std::vector<ConfigKey> out;
    for (const auto& key : keys()) out.push_back({key.name, key.what});
    return out;
  }();
  return all;
}

}  // namespace admit::app

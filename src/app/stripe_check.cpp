#include "app/stripe_check.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

#include "app/paper_scan.hpp"
#include "http/json.hpp"
#include "payment/keys.hpp"

namespace admit::app {
namespace {

using namespace std::chrono_literals;

/// What write_sandbox_file() writes.
struct SandboxFile {
  std::string api_base, secret_key, publishable_key, webhook_secret, connect_webhook_secret;
  static http::Shape shape() {
    using namespace http;
    return http::object<SandboxFile>(
        "SandboxFile", {required("apiBase", &SandboxFile::api_base), required("secretKey", &SandboxFile::secret_key),
                        required("publishableKey", &SandboxFile::publishable_key),
                        required("webhookSecret", &SandboxFile::webhook_secret),
                        required("connectWebhookSecret", &SandboxFile::connect_webhook_secret)});
  }
};

std::optional<std::string> text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

payment::StripeOptions options_of(const Config& config) {
  payment::StripeOptions options{.api_base = config.stripe_api_base};
  options.secret_key = crypto::Secret(config.stripe_secret_key);
  options.attempt_limit = 10s;
  options.total_limit = 20s;
  options.max_retries = 1;
  return options;
}

void print(std::ostream& out, const payment::Endpoint& endpoint) {
  out << "  " << endpoint.url << "  " << endpoint.status << ", version "
      << (endpoint.api_version.empty() ? "the account's default" : endpoint.api_version) << ", "
      << (endpoint.gets("*")
              ? "all types"
              : std::to_string(endpoint.enabled_events.size()) + " types")
      << "\n";
}

}  // namespace

std::filesystem::path write_sandbox_file(const std::filesystem::path& folder,
                                         const payment::sandbox::Sandbox& sandbox) {
  auto file = folder / "sandbox.json";
  const auto& keys = sandbox.keys();
  write_private(file, "{\"apiBase\": " + http::quoted(sandbox.api_base()) +
                          ", \"secretKey\": " + http::quoted(keys.secret_key.text()) +
                          ", \"publishableKey\": " + http::quoted(keys.publishable_key.text()) +
                          ", \"webhookSecret\": " + http::quoted(keys.webhook_secret.text()) +
                          ", \"connectWebhookSecret\": " + http::quoted(keys.connect_webhook_secret.text()) +
                          ", \"clientId\": " + http::quoted(keys.client_id) +
                          ", \"seed\": " + std::to_string(sandbox.seed()) + "}\n");
  return file;
}

Config with_provider_keys(Config config) {
  if (!config.sandbox) return config;
  const auto file = std::filesystem::path(config.data) / "sandbox.json";
  const auto text = text_of(file);
  const auto told =
      text ? http::read_json<SandboxFile>(*text, {.ignore_unknown_fields = true}) : std::unexpected(http::Problem{});
  if (!told) throw ConfigError("sandbox: " + file.string() + " is not there; start 'admit serve --sandbox' or 'admit demo' on this data folder first");
  config.stripe_api_base = told->api_base;
  config.stripe_secret_key = told->secret_key;
  config.stripe_publishable_key = told->publishable_key;
  config.stripe_webhook_secrets = {told->webhook_secret};
  config.stripe_connect_webhook_secrets = {told->connect_webhook_secret};
  return config;
}

Provider::Provider(const Config& config) : payments(client, options_of(config)) {}

std::string sentence_of(const payment::Failure& failure) {
  if (failure.http_status == 401) return "the provider does not know this secret key: copy it again from its dashboard";
  if (failure.http_status == 403)
    return "the key may not do this: give the restricted key that permission (read is enough)";
  if (failure.http_status == 0) {
    return "the provider did not answer (" + (failure.code.empty() ? std::string(word(failure.kind)) : failure.code) +
           "): see that this machine reaches stripe_api_base";
  }
  return "the provider answered " + std::to_string(failure.http_status) +
         (failure.code.empty() ? "" : " (" + failure.code + ")") + ": try again, and look at its status page";
}

std::string local_url(const Config& config) {
  auto [host, port] = Config::address("listen", config.listen);
  if (port == 0) throw ConfigError("listen: port 0 tells nobody where the server is; give the port it listens on");
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return "http://" + host + ":" + std::to_string(port);
}

int check_stripe(const Config& given, std::ostream& out, std::ostream& errors) {
  const Config config = with_provider_keys(given);
  if (config.stripe_secret_key.empty()) {
    errors << "admit: no Stripe key is configured: set STRIPE_SECRET_KEY, or give --sandbox for the sandbox\n";
    return 1;
  }
  Provider provider(config);
  const auto key = payment::blocking(provider.payments.check_key());
  if (!key) {
    errors << "admit: " << sentence_of(key.error()) << "\n";
    return 1;
  }
  if (key->livemode != provider.payments.livemode()) {
    errors << "admit: the key reads " << (key->livemode ? "test" : "live") << " but the provider says "
           << (key->livemode ? "live" : "test") << ": copy it again from the dashboard\n";
    return 1;
  }
  out << "mode      "
      << (config.sandbox  ? "sandbox"
          : key->livemode ? "live"
                          : "test")
      << (key->livemode ? ": money moves" : ": no money moves") << "\naccount   " << key->account.id << "\ncountry   "
      << key->account.country << "\ncurrency  " << key->account.default_currency << "\n";
  const auto endpoints = payment::blocking(provider.payments.list_endpoints());
  if (!endpoints && endpoints.error().http_status == 403) {
    out << "webhooks  the restricted key may not list them\n";
    return 0;
  }
  if (!endpoints) {
    errors << "admit: " << sentence_of(endpoints.error()) << "\n";
    return 1;
  }
  out << "webhooks  " << endpoints->size() << "\n";
  for (const auto& endpoint : *endpoints) print(out, endpoint);
  return 0;
}

int write_frontend_env(const Config& given, const std::optional<std::string>& file, std::ostream& out) {
  const Config config = with_provider_keys(given);
  const std::string& key = config.stripe_publishable_key;
  if (key.empty())
    throw ConfigError("stripe_publishable_key: it is not configured; a frontend cannot take payments without it");
  if (!key.starts_with("pk_") || key.find_first_of(" \t\r\n") != std::string::npos) {
    throw ConfigError(
        "stripe_publishable_key: this is no publishable key; it begins with pk_, and no other may reach a frontend");
  }
  const std::array<std::pair<std::string_view, std::string>, 2> lines{
      {{"REACT_APP_STRIPE_PUBLISHABLE_KEY=", key},
       {"REACT_APP_API_URL=", config.public_url.empty() ? local_url(config) : config.public_url}}};
  std::string text;
  if (file) {
    std::istringstream before(text_of(*file).value_or(""));
    for (std::string line; std::getline(before, line);) {
      if (std::ranges::none_of(lines, [&](const auto& each) { return line.starts_with(each.first); }))
        text += line + "\n";
    }
  }
  for (const auto& [name, value] : lines) text += std::string(name) + value + "\n";
  if (file) {
    write_private(*file, text);
  } else {
    out << text;
  }
  return 0;
}

}  // namespace admit::app

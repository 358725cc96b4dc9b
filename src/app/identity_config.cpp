#include "app/identity_config.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "app/config.hpp"

namespace admit::app {
namespace {

using identity::Provider;
using identity::ProviderPolicy;

constexpr std::size_t max_providers = 20;
constexpr std::size_t max_secret_bytes = 8192;

[[noreturn]] void refuse(const IdentityConfig& config, std::string_view key, std::string_view what) {
  throw ConfigError("identity." + config.name + "." + std::string(key) + ": " + std::string(what));
}

constexpr std::string_view secret_keys[] = {"client_secret", "hs256_secret", "service_key"};
constexpr std::string_view list_keys[] = {"audience", "operator_groups"};
constexpr std::string_view flag_keys[] = {"link_by_email", "email_verified"};

bool is_in(auto& keys, std::string_view name) {
  return std::ranges::find(keys, name) != std::end(keys);
}

/// Without the line's end that editors leave.
std::string secret_of_file(const IdentityConfig& config, std::string_view key, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(max_secret_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.empty() || text.size() > max_secret_bytes)
    refuse(config, key, "the file cannot be read, is empty or too big");
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

/// https, or plain HTTP on this machine.
bool is_safe_url(std::string_view url) {
  if (url.starts_with("https://")) return url.size() > 8;
  for (const std::string_view host : {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
    if (url.starts_with(host) && (url.size() == host.size() || url[host.size()] == ':' || url[host.size()] == '/')) {
      return true;
    }
  }
  return false;
}

Provider provider_of(const IdentityConfig& config) {
  const auto text = [&](std::string_view key) {
    const auto found = config.texts.find(key);
    return found != config.texts.end() ? found->second : std::string();
  };
  const auto list = [&](std::string_view key) {
    const auto found = config.lists.find(key);
    return found != config.lists.end() ? found->second : std::vector<std::string>{};
  };
  const auto flag = [&](std::string_view key) {
    const auto found = config.flags.find(key);
    return found != config.flags.end() && found->second;
  };
  Provider out;
  out.name = config.name;
  out.label = text("label").empty() ? config.name : text("label");
  const auto policy = domain::parse_word<ProviderPolicy>(text("policy").empty() ? "generic" : text("policy"));
  if (!policy) refuse(config, "policy", "give generic, cognito or supabase");
  out.policy = *policy;
  out.issuer = text("issuer");
  if (!is_safe_url(out.issuer)) refuse(config, "issuer", "give the issuer's URL as its tokens have it, with https://");
  out.client_id = text("client_id");
  out.client_secret = crypto::Secret(std::string_view(text("client_secret")));
  out.jwks_url = text("jwks_url");
  if (!out.jwks_url.empty() && !is_safe_url(out.jwks_url)) refuse(config, "jwks_url", "give a URL with https://");
  out.hs256_secret = crypto::Secret(std::string_view(text("hs256_secret")));
  if (!out.hs256_secret.empty() && out.hs256_secret.size() < identity::hs256_least_bytes) {
    refuse(config, "hs256_secret", "a secret that signs tokens has at least 32 bytes");
  }
  out.service_key = crypto::Secret(std::string_view(text("service_key")));
  out.link_by_email = flag("link_by_email");
  out.email_verified = flag("email_verified");
  out.operator_groups = list("operator_groups");
  out.audiences = list("audience");
  if (out.audiences.empty() && out.policy == ProviderPolicy::supabase) out.audiences = {"authenticated"};
  if (out.audiences.empty() && !out.client_id.empty()) out.audiences = {out.client_id};
  if (out.audiences.empty()) refuse(config, "audience", "say whom its tokens must be meant for, or give client_id");
  if (!out.client_secret.empty() && out.client_id.empty()) refuse(config, "client_secret", "it belongs to a client_id");
  if (out.policy != ProviderPolicy::cognito && !out.operator_groups.empty()) {
    refuse(config, "operator_groups", "only Cognito's groups are read");
  }
  if (out.policy != ProviderPolicy::supabase) {
    if (out.email_verified) refuse(config, "email_verified", "only for Supabase: others say it in their tokens");
    if (!out.service_key.empty()) refuse(config, "service_key", "only Supabase has one");
  } else {
    if (!out.issuer.ends_with("/auth/v1")) refuse(config, "issuer", "Supabase's ends with /auth/v1");
    if (!out.client_id.empty()) refuse(config, "client_id", "Supabase's own pages sign in; its tokens are sent along");
    if (out.link_by_email && !out.email_verified) {
      refuse(config, "link_by_email", "needs email_verified: Supabase's tokens do not say whose address is proven");
    }
  }
  return out;
}

}  // namespace

const std::vector<IdentityKey>& identity_keys() {
  static const std::vector<IdentityKey> all = {
      {"policy", "what its tokens look like: generic, cognito or supabase"},
      {"label", "its name for people; by default the table's"},
      {"issuer", "its URL, exactly as its tokens have it"},
      {"audience", "a token must be meant for one of these; by default client_id; of Supabase: authenticated"},
      {"client_id", "ours there, for sign-in in the browser"},
      {"client_secret", "of client_id"},
      {"jwks_url", "where its keys are; by default found by discovery"},
      {"hs256_secret", "a shared secret that may sign its tokens too, at least 32 bytes"},
      {"link_by_email", "an address that it verified ties its name to the account that has the address"},
      {"email_verified", "of Supabase: it gives tokens only to who has proven their address"},
      {"operator_groups", "of Cognito: groups whose members are operators here, by its bearer tokens"},
      {"service_key", "of Supabase: sign-up here makes a user there too"},
  };
  return all;
}

std::vector<IdentityConfig> read_identity(const std::string& path,
                                          const std::function<const char*(const char*)>& environment) {
  const toml::table whole = toml::parse_file(path);
  const toml::table* tables = whole["identity"].as_table();
  if (tables == nullptr) throw ConfigError("identity: write a table [identity.NAME] for each provider");
  std::vector<IdentityConfig> out;
  for (const auto& [name, entry] : *tables) {
    IdentityConfig config{.name = std::string(name.str())};
    const bool is_name = config.name.size() <= 40 && std::ranges::all_of(config.name, [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                         });
    const toml::table* table = entry.as_table();
    if (!is_name || table == nullptr) {
      throw ConfigError("identity: write a table [identity.NAME], the name of small letters, digits and -");
    }
    for (const auto& [key_text, value] : *table) {
      const std::string key(key_text.str());
      std::string secret = key;
      std::string_view where;
      for (const std::string_view suffix : {"_env", "_file"}) {
        if (!key.ends_with(suffix) || !is_in(secret_keys, key.substr(0, key.size() - suffix.size()))) continue;
        secret = key.substr(0, key.size() - suffix.size());
        where = suffix;
      }
      if (is_in(flag_keys, key)) {
        const auto given = value.value_exact<bool>();
        if (!given) refuse(config, key, "give true or false");
        config.flags[key] = *given;
      } else if (is_in(list_keys, key)) {
        const auto* array = value.as_array();
        if (array == nullptr) refuse(config, key, "give a list of texts, like [\"one\", \"two\"]");
        for (const auto& item : *array) {
          const auto given = item.value_exact<std::string>();
          if (!given || given->empty()) refuse(config, key, "give a list of texts, like [\"one\", \"two\"]");
          config.lists[key].push_back(*given);
        }
      } else if (std::ranges::find(identity_keys(), secret, &IdentityKey::name) != identity_keys().end()) {
        auto given = value.value_exact<std::string>();
        if (!given || given->empty()) refuse(config, key, "give a text in quotes");
        if (config.texts.contains(secret)) refuse(config, key, "it is given twice");
        if (where == "_env") {
          const char* found = environment(given->c_str());
          if (found == nullptr || *found == '\0') refuse(config, key, "the variable " + *given + " is not set");
          given = found;
        } else if (where == "_file") {
          given = secret_of_file(config, key, *given);
        }
        config.has_secret = config.has_secret || (where.empty() && is_in(secret_keys, key));
        config.texts[secret] = *std::move(given);
      } else {
        refuse(config, key, "there is no such key");
      }
    }
    out.push_back(std::move(config));
  }
  if (out.size() > max_providers) throw ConfigError("identity: at most 20 providers");
  (void)identity_providers(out);
  return out;
}

std::vector<Provider> identity_providers(const std::vector<IdentityConfig>& configs) {
  std::vector<Provider> out;
  std::set<std::string> issuers;
  int with_key = 0;
  for (const auto& config : configs) {
    out.push_back(provider_of(config));
    if (!issuers.insert(out.back().issuer).second) refuse(config, "issuer", "another table has the same");
    if (!out.back().service_key.empty() && ++with_key > 1)
      refuse(config, "service_key", "another table has one already");
  }
  return out;
}

}  // namespace admit::app

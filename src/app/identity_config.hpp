#pragma once
// Providers of identities in the configuration: one table `[identity.NAME]` each.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "identity/external_token.hpp"

namespace admit::app {

/// As written; secrets are read from where they are by then.
struct IdentityConfig {
  std::string name;
  std::map<std::string, std::string, std::less<>> texts;
  std::map<std::string, std::vector<std::string>, std::less<>> lists;
  std::map<std::string, bool, std::less<>> flags;
  bool has_secret = false;  // written in the file itself
};

struct IdentityKey {
  std::string_view name;
  std::string_view what;
};
/// Every key of such a table, for the reference. A key that is secret may be told by the name of a variable (`…_env`)
/// or of a file (`…_file`) instead.
[[nodiscard]] const std::vector<IdentityKey>& identity_keys();

/// Of a file of TOML. Throws ConfigError, and where it is none whatever its reader throws.
[[nodiscard]] std::vector<IdentityConfig> read_identity(const std::string& path,
                                                        const std::function<const char*(const char*)>& environment);
/// Throws ConfigError for contradictions.
[[nodiscard]] std::vector<identity::Provider> identity_providers(const std::vector<IdentityConfig>& configs);

}  // namespace admit::app

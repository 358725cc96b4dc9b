#pragma once
// `admit stripe check`, `admit frontend-env`, and the provider by the configured keys for whoever checks something.

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>

#include "app/config.hpp"
#include "http/client.hpp"
#include "payment/sandbox/sandbox.hpp"
#include "payment/stripe_client.hpp"

namespace admit::app {

/// Tells the other commands where a running sandbox is and what its keys are: `sandbox.json` in the data folder, for its
/// owner only. The path.
std::filesystem::path write_sandbox_file(const std::filesystem::path& folder,
                                         const payment::sandbox::Sandbox& sandbox);

/// With `sandbox`, the address and keys that the running server has written into its data folder; else as configured.
/// Throws ConfigError where the server has not written them.
[[nodiscard]] Config with_provider_keys(Config config);

/// The provider, asked once more at most and with short time limits.
struct Provider {
  explicit Provider(const Config& config);
  http::Client client;
  payment::StripeClient payments;
};

/// What went wrong and what to do, without secrets.
[[nodiscard]] std::string sentence_of(const payment::Failure& failure);

/// HOST:PORT of `listen` as a URL for this machine. Throws ConfigError for port 0.
[[nodiscard]] std::string local_url(const Config& config);

/// Asks the provider whose key this is and tells mode, account and webhook endpoints. 1, with a sentence on `errors`,
/// when it does not say.
[[nodiscard]] int check_stripe(const Config& config, std::ostream& out, std::ostream& errors);

/// Writes the variables of a frontend's build into `file` (other lines of it stay) or to `out`. Throws ConfigError for
/// a key that is not publishable.
[[nodiscard]] int write_frontend_env(const Config& config, const std::optional<std::string>& file, std::ostream& out);

}  // namespace admit::app

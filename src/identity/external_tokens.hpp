#pragma once
// The providers of identities that an installation takes tokens from, and their keys.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "identity/external_token.hpp"
#include "identity/seen_tokens.hpp"

namespace admit::identity {

/// Keys are read anew at most this often, whatever tokens come along.
inline constexpr std::chrono::seconds refresh_least{30};
/// For how long keys may be used without being read anew: what the provider says, within bounds.
inline constexpr std::chrono::seconds keys_age_least{5 * 60};
inline constexpr std::chrono::seconds keys_age_most{24 * 3600};
inline constexpr std::chrono::seconds keys_age_default{10 * 60};

struct Fetched {
  std::string body;
  std::optional<std::chrono::seconds> max_age;  // of Cache-Control
};
/// Gets a document of at most jwks_limit_bytes; may block for seconds. The fault is for the log.
using Fetch = std::function<std::expected<Fetched, std::string>(const std::string& url)>;
/// A document could not be had, for the log.
using FetchFault = std::function<void(const Provider& provider, const std::string& reason)>;

/// Where a sign-in in the browser goes (OpenID Connect Discovery, 3).
struct Endpoints {
  std::string authorization, token;
};

/// Thread-safe. One thread of its own reads keys; nobody else ever waits for a provider's answer unless he asks to.
class ExternalTokens {
 public:
  using Ticks = std::function<std::chrono::steady_clock::time_point()>;
  ExternalTokens(std::vector<Provider> providers, Fetch fetch, FetchFault fetch_fault = {},
                 Ticks ticks = std::chrono::steady_clock::now);
  ~ExternalTokens();
  ExternalTokens(const ExternalTokens&) = delete;
  ExternalTokens& operator=(const ExternalTokens&) = delete;

  /// Begins to read keys, and keeps them fresh.
  void start();
  void stop();

  /// Null: there is none of that name.
  [[nodiscard]] const Provider* find(std::string_view name) const;
  [[nodiscard]] std::vector<const Provider*> providers() const;
  /// Whose token it claims to be; null for nobody's that we know.
  [[nodiscard]] const Provider* provider_of(std::string_view token) const;
  /// The one whose admin interface makes users; null: none.
  [[nodiscard]] const Provider* sign_up_provider() const;

  struct Verified {
    const Provider* provider = nullptr;
    ExternalClaims claims;
    std::uint64_t generation = 0;  // of the keys that it was checked with
  };
  using Shared = std::shared_ptr<const Verified>;
  /// The claims of a genuine bearer token of one of the providers. A token seen before is found by its hash, for as
  /// long as the provider's keys stay the same. `unknown_key`: see when_refreshed().
  [[nodiscard]] std::expected<Shared, ExternalFault> verify(std::string_view token, domain::Instant now);
  /// The id token that a sign-in in the browser ended with.
  [[nodiscard]] std::expected<ExternalClaims, ExternalFault> verify_sign_in(const Provider& provider,
                                                                            std::string_view token,
                                                                            std::string_view nonce,
                                                                            domain::Instant now) const;

  /// Has the provider's keys read anew unless that was tried within 30 s, and calls `then` afterwards: at once, or from
  /// the thread that reads. Callers share one reading.
  void when_refreshed(const Provider& provider, std::move_only_function<void()> then);
  /// nullopt while they could not be read yet.
  [[nodiscard]] std::optional<Endpoints> endpoints(const Provider& provider) const;

  /// Reads what is due now, and says when to come again. The thread's round.
  std::chrono::steady_clock::time_point refresh_due();

 private:
  struct Known {
    Provider provider;
    // Under x_mutex:
    std::shared_ptr<const KeySet> keys = std::make_shared<const KeySet>();
    std::optional<Endpoints> endpoints;
    std::string found_jwks_url;
    std::string keys_text;
    std::uint64_t generation = 1;
    std::optional<std::chrono::steady_clock::time_point> tried_at;
    std::chrono::steady_clock::time_point due_at{};
    bool is_wanted = true;
    bool is_running = false;
    std::vector<std::move_only_function<void()>> waiting;
  };
  [[nodiscard]] Known& known_of(const Provider& provider);
  [[nodiscard]] const Known& known_of(const Provider& provider) const;
  [[nodiscard]] std::pair<std::shared_ptr<const KeySet>, std::uint64_t> keys_of(const Provider& provider) const;
  void refresh(Known& known);
  /// "" : read; else why not.
  [[nodiscard]] std::string read_discovery(Known& known);
  void run();

  Fetch x_fetch;
  FetchFault x_fetch_fault;
  Ticks x_ticks;
  std::deque<Known> x_known;  // addresses stay
  mutable std::mutex x_mutex;
  std::condition_variable x_changed;
  bool x_is_stopping = false;
  std::thread x_thread;
  SeenTokens<Verified> x_seen;
};

}  // namespace admit::identity

#pragma once
// Inside the sandbox: what goes wrong on purpose, by count, by chance or by name; decided by a seed.

#include <array>
#include <boost/json/object.hpp>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/target.hpp"

namespace admit::payment::sandbox {

enum class Fault : std::uint8_t {
  // of a delivery
  duplicate,        ///< posted twice, the second time `duplicate_after_ms` later
  drop_first,       ///< an attempt that fails unsent
  reorder,          ///< by count: what is due goes newest first; by chance: delayed up to `reorder_window_ms` more
  bad_signature,    ///< signed with another secret
  stale_timestamp,  ///< signed an hour ago
  two_v1,           ///< a signature of another secret before ours, as while a secret is rolled
  extra_v0,         ///< a signature of an unknown scheme beside ours
  old_api_version,
  reformatted,  ///< the same event in other white space and order
  // a message that is not ours, posted before the real one
  wrong_livemode,
  foreign_event,  ///< of an account and an intent nobody knows
  thin_event,     ///< ids only
  // of a call
  http_500_stored,     ///< done, answered 500, and that answer kept for its key
  http_500_undone,     ///< not done, answered 500, and that answer kept for its key
  response_lost,       ///< done, the connection closed without an answer
  rate_limited,        ///< 429 with a reason, nothing done
  rate_limited_plain,  ///< 429 without one
  lock_timeout,        ///< 429 `lock_timeout`, nothing done
  slow_response,       ///< the answer waits `slow_ms`
  deliver_first        ///< the answer waits until its events were posted
};
inline constexpr std::size_t fault_count = 20;
[[nodiscard]] std::string_view word(Fault fault);

/// Names of the profiles: prompt (no fault, no delay), calm, realistic, chaos, outage.
[[nodiscard]] bool is_profile(std::string_view name);

/// Any thread.
class Faults {
 public:
  /// std::invalid_argument for an unknown profile.
  Faults(std::uint64_t seed, std::string_view profile);

  /// Uses up one that was ordered, or throws the dice of `ordinal`; `words` names faults ordered for this one message.
  /// The same seed, fault and ordinal give the same throw.
  [[nodiscard]] bool strikes(Fault fault, std::uint64_t ordinal, std::string_view type = {},
                             std::string_view words = {});
  /// Uses up one that was ordered.
  [[nodiscard]] bool take(Fault fault);
  /// How long after its change an event is due.
  [[nodiscard]] std::int64_t delivery_delay_ms(std::uint64_t ordinal, std::string_view type, std::string_view words);
  [[nodiscard]] std::int64_t api_delay_ms() const { return number(Number::api_delay_ms); }
  [[nodiscard]] std::int64_t slow_ms() const { return number(Number::slow_ms); }
  [[nodiscard]] std::int64_t duplicate_after_ms() const { return number(Number::duplicate_after_ms); }
  /// Instants of the sandbox's clock: until then nothing is answered and nothing posted.
  [[nodiscard]] bool is_out(std::int64_t now_ms) const;
  [[nodiscard]] std::int64_t out_until_ms() const;

  /// `duplicate=2` orders two, `duplicate_chance=200` is per mille, `type=account.updated` keeps the chances to one
  /// type, `delay_ms`, `delay_max_ms`, `reorder_window_ms`, `duplicate_after_ms`, `api_delay_ms`, `slow_ms`,
  /// `outage_s`, `seed`, `profile`. All or nothing; the name at fault where one is unknown or its value is no number
  /// from 0.
  [[nodiscard]] std::optional<std::string> set(std::span<const http::FormField> fields, std::int64_t now_ms);
  [[nodiscard]] boost::json::object json() const;
  [[nodiscard]] std::uint64_t seed() const;

 private:
  enum class Number : std::uint8_t {
    delay_ms,
    delay_max_ms,
    reorder_window_ms,
    duplicate_after_ms,
    api_delay_ms,
    slow_ms,
    outage_s
  };
  static constexpr std::size_t number_count = 7;
  static constexpr std::array<std::string_view, number_count> number_words{
      "delay_ms", "delay_max_ms", "reorder_window_ms", "duplicate_after_ms", "api_delay_ms", "slow_ms", "outage_s"};
  struct Settings {
    std::uint64_t seed = 0;
    std::string profile;
    std::string only_type;
    std::array<std::int64_t, fault_count> left{};
    std::array<std::int64_t, fault_count> chance{};
    std::array<std::int64_t, number_count> numbers{};
    std::int64_t out_until_ms = 0;
  };
  static bool take_profile(Settings& settings, std::string_view name, std::int64_t now_ms);
  static bool set_one(Settings& settings, const http::FormField& field, std::int64_t now_ms);
  [[nodiscard]] std::int64_t number(Number which) const;
  [[nodiscard]] std::uint64_t dice(std::string_view what, std::uint64_t ordinal) const;

  mutable std::mutex x_mutex;
  Settings x_settings;
};

/// True where `word` is among `words`, which have commas between.
[[nodiscard]] bool is_listed(std::string_view words, std::string_view word);

}  // namespace admit::payment::sandbox

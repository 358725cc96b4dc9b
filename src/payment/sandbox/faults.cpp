#include "payment/sandbox/faults.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <stdexcept>

namespace admit::payment::sandbox {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, fault_count> fault_words{
    "duplicate",     "drop_first",         "reorder",         "bad_signature",   "stale_timestamp",
    "two_v1",        "extra_v0",           "old_api_version", "reformatted",     "wrong_livemode",
    "foreign_event", "thin_event",         "http_500_stored", "http_500_undone", "response_lost",
    "rate_limited",  "rate_limited_plain", "lock_timeout",    "slow_response",   "deliver_first"};
constexpr std::int64_t max_number = 366LL * 24 * 3600 * 1000;
constexpr std::string_view chance_suffix = "_chance";

constexpr std::size_t index(auto value) {
  return static_cast<std::size_t>(value);
}

/// Sebastiano Vigna's splitmix64, one step.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

std::optional<std::int64_t> read_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::string_view word(Fault fault) {
  return fault_words[index(fault)];
}

bool is_profile(std::string_view name) {
  constexpr std::array<std::string_view, 5> names{"prompt", "calm", "realistic", "chaos", "outage"};
  return std::ranges::find(names, name) != names.end();
}

bool is_listed(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const auto end = words.find(',');
    if (words.substr(0, end) == word) return true;
    if (end == std::string_view::npos) return false;
    words.remove_prefix(end + 1);
  }
  return false;
}

Faults::Faults(std::uint64_t seed, std::string_view profile) {
  x_settings.seed = seed;
  if (!take_profile(x_settings, profile, 0)) {
    throw std::invalid_argument("the payment sandbox has no profile of that name");
  }
}

bool Faults::take_profile(Settings& settings, std::string_view name, std::int64_t now_ms) {
  if (!is_profile(name)) return false;
  settings.profile = name;
  settings.only_type.clear();
  settings.left = {};
  settings.chance = {};
  settings.numbers = {};
  settings.out_until_ms = 0;
  const auto set_chance = [&](Fault fault, std::int64_t per_mille) {
    settings.chance[index(fault)] = per_mille;
  };
  const auto set_number = [&](Number which, std::int64_t value) {
    settings.numbers[index(which)] = value;
  };
  if (name == "prompt") return true;
  set_number(Number::delay_ms, 300);
  set_number(Number::delay_max_ms, 1'500);
  set_number(Number::reorder_window_ms, 5'000);
  set_number(Number::duplicate_after_ms, 100);
  set_number(Number::slow_ms, 2'000);
  if (name == "realistic") {
    set_chance(Fault::duplicate, 10);
    set_chance(Fault::reorder, 50);
    set_chance(Fault::drop_first, 5);
    set_chance(Fault::response_lost, 5);
    set_chance(Fault::http_500_undone, 2);
  }
  if (name == "chaos") {
    set_number(Number::delay_ms, 0);
    for (const auto fault : {Fault::duplicate, Fault::reorder, Fault::drop_first, Fault::response_lost}) {
      set_chance(fault, 200);
    }
    for (const auto fault :
         {Fault::bad_signature, Fault::stale_timestamp, Fault::two_v1, Fault::extra_v0, Fault::old_api_version,
          Fault::reformatted, Fault::wrong_livemode, Fault::foreign_event, Fault::thin_event, Fault::http_500_stored,
          Fault::http_500_undone, Fault::rate_limited, Fault::rate_limited_plain, Fault::lock_timeout,
          Fault::slow_response, Fault::deliver_first}) {
      set_chance(fault, 50);
    }
  }
  if (name == "outage") {
    set_number(Number::outage_s, 600);
    settings.out_until_ms = now_ms == 0 ? 0 : now_ms + 600'000;
  }
  return true;
}

std::uint64_t Faults::dice(std::string_view what, std::uint64_t ordinal) const {
  return mix(mix(x_settings.seed ^ hash(what)) ^ ordinal);
}

bool Faults::take(Fault fault) {
  const std::lock_guard lock{x_mutex};
  auto& left = x_settings.left[index(fault)];
  if (left == 0) return false;
  --left;
  return true;
}

bool Faults::strikes(Fault fault, std::uint64_t ordinal, std::string_view type, std::string_view words) {
  if (is_listed(words, word(fault)) || take(fault)) return true;
  const std::lock_guard lock{x_mutex};
  const auto chance = static_cast<std::uint64_t>(x_settings.chance[index(fault)]);
  if (chance == 0 || (!x_settings.only_type.empty() && x_settings.only_type != type)) return false;
  return dice(word(fault), ordinal) % 1000 < chance;
}

std::int64_t Faults::delivery_delay_ms(std::uint64_t ordinal, std::string_view type, std::string_view words) {
  const std::lock_guard lock{x_mutex};
  const auto& numbers = x_settings.numbers;
  const auto least = numbers[index(Number::delay_ms)];
  const auto most = std::max(least, numbers[index(Number::delay_max_ms)]);
  auto delay = least + static_cast<std::int64_t>(dice("delay", ordinal) % static_cast<std::uint64_t>(most - least + 1));
  const auto chance = static_cast<std::uint64_t>(x_settings.chance[index(Fault::reorder)]);
  const bool is_type = x_settings.only_type.empty() || x_settings.only_type == type;
  if (is_listed(words, word(Fault::reorder)) ||
      (is_type && chance > 0 && dice(word(Fault::reorder), ordinal) % 1000 < chance)) {
    const auto window = static_cast<std::uint64_t>(numbers[index(Number::reorder_window_ms)]);
    delay += static_cast<std::int64_t>(dice("window", ordinal) % (window + 1));
  }
  return delay;
}

bool Faults::is_out(std::int64_t now_ms) const {
  return now_ms < out_until_ms();
}

std::int64_t Faults::out_until_ms() const {
  const std::lock_guard lock{x_mutex};
  return x_settings.out_until_ms;
}

std::int64_t Faults::number(Number which) const {
  const std::lock_guard lock{x_mutex};
  return x_settings.numbers[index(which)];
}

std::uint64_t Faults::seed() const {
  const std::lock_guard lock{x_mutex};
  return x_settings.seed;
}

bool Faults::set_one(Settings& settings, const http::FormField& field, std::int64_t now_ms) {
  const std::string_view name = field.first;
  if (name == "profile") return take_profile(settings, field.second, now_ms);
  if (name == "type") {
    settings.only_type = field.second;
    return field.second.size() <= 100;
  }
  const auto value = read_number(field.second);
  if (!value) return false;
  if (name == "seed") {
    settings.seed = static_cast<std::uint64_t>(*value);
    return true;
  }
  if (const auto* found = std::ranges::find(number_words, name); found != number_words.end()) {
    if (*value > max_number) return false;
    const auto which = static_cast<std::size_t>(found - number_words.begin());
    settings.numbers[which] = *value;
    if (which == index(Number::outage_s)) settings.out_until_ms = now_ms + *value * 1000;
    return true;
  }
  const bool is_chance = name.ends_with(chance_suffix);
  const auto* found =
      std::ranges::find(fault_words, is_chance ? name.substr(0, name.size() - chance_suffix.size()) : name);
  if (found == fault_words.end() || (is_chance && *value > 1000)) return false;
  (is_chance ? settings.chance : settings.left)[static_cast<std::size_t>(found - fault_words.begin())] = *value;
  return true;
}

std::optional<std::string> Faults::set(std::span<const http::FormField> fields, std::int64_t now_ms) {
  const std::lock_guard lock{x_mutex};
  auto next = x_settings;
  // A profile is the ground on which the rest of the same call is set.
  for (const bool is_ground : {true, false}) {
    for (const auto& field : fields) {
      if ((field.first == "profile") == is_ground && !set_one(next, field, now_ms)) return field.first;
    }
  }
  x_settings = std::move(next);
  return std::nullopt;
}

json::object Faults::json() const {
  const std::lock_guard lock{x_mutex};
  json::object out{{"profile", x_settings.profile}, {"seed", x_settings.seed}, {"type", x_settings.only_type}};
  for (std::size_t i = 0; i < number_count; ++i) out[number_words[i]] = x_settings.numbers[i];
  for (std::size_t i = 0; i < fault_count; ++i) {
    out[fault_words[i]] = x_settings.left[i];
    out[std::string{fault_words[i]} + std::string{chance_suffix}] = x_settings.chance[i];
  }
  return out;
}

}  // namespace admit::payment::sandbox

#pragma once
// The log: one JSON object a line, `{"ts":"2026-11-21T18:00:00.000Z","level":"info","msg":"listening","port":8080}`.
// No secret, token or personal datum may be passed in. Any thread.

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace admit::log {

enum class Level : std::uint8_t { debug, info, warning, error, off };
/// `debug`, `info`, `warning` (or `warn`), `error`, `off`; nullopt for any other word.
[[nodiscard]] std::optional<Level> parse_level(std::string_view word);

using Value = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string_view>;

/// One key and value of a line. It borrows its texts: use it only in the call that logs it.
struct Field {
  std::string_view key;
  Value value;

  Field(std::string_view k, std::nullptr_t) : key(k), value(nullptr) {}
  Field(std::string_view k, std::same_as<bool> auto v) : key(k), value(v) {}
  Field(std::string_view k, std::signed_integral auto v) : key(k), value(static_cast<std::int64_t>(v)) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  Field(std::string_view k, T v) : key(k), value(static_cast<std::uint64_t>(v)) {}
  Field(std::string_view k, std::floating_point auto v) : key(k), value(static_cast<double>(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view{v}) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view{v}) {}
};
using Fields = std::initializer_list<Field>;

/// The field every line about one request carries.
[[nodiscard]] inline Field request_id(std::string_view id) {
  return {"requestId", id};
}

enum class Stream : std::uint8_t { standard_out, standard_error };

struct Options {
  Level level = Level::info;
  Stream stream = Stream::standard_error;
  /// Where set, takes each line (without its line end) instead of the stream; called under a lock.
  std::function<void(std::string_view line)> capture;
};

/// Before the first call the log writes `info` and above to standard error. Call while no other thread logs.
void configure(Options options);
[[nodiscard]] bool enabled(Level level);
void write(Level level, std::string_view message, Fields fields = {});

inline void debug(std::string_view message, Fields fields = {}) {
  write(Level::debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::info, message, fields);
}
inline void warning(std::string_view message, Fields fields = {}) {
  write(Level::warning, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::error, message, fields);
}

}  // namespace admit::log

#pragma once
// What the demo tells while it runs: one line per step, with its time.

#include <chrono>
#include <concepts>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace admit::app {

/// A step went wrong; the sentence says which and how.
struct DemoFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Story {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Story(std::ostream& out) : x_out(out), x_began(Clock::now()) {}

  void say(std::string_view line);
  void heading(std::string_view words);
  /// Runs `act`, which returns what to say of it, and prints that with the time it took.
  template <std::invocable Act>
  void step(std::string_view name, Act act) {
    const auto began = Clock::now();
    const std::string outcome = std::move(act)();
    print(name, Clock::now() - began, outcome);
  }
  /// Since the story began, as `1.8 s`.
  [[nodiscard]] std::string elapsed() const;

 private:
  void print(std::string_view name, Clock::duration took, std::string_view outcome);

  std::ostream& x_out;
  Clock::time_point x_began;
};

/// `28.00 EUR`
[[nodiscard]] std::string price_text(std::int64_t amount_minor, std::string_view currency);

}  // namespace admit::app

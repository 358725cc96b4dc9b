#include "app/demo_story.hpp"

#include <cstdio>

#include "domain/money.hpp"

namespace admit::app {
namespace {

constexpr std::size_t name_width = 20;

std::string decimals(double value, int digits, int width) {
  char text[32];
  std::snprintf(text, sizeof text, "%*.*f", width, digits, value);
  return text;
}

}  // namespace

void Story::say(std::string_view line) { x_out << line << std::endl; }

void Story::heading(std::string_view words) { x_out << "\n" << words << std::endl; }

void Story::print(std::string_view name, Clock::duration took, std::string_view outcome) {
  std::string line = "  " + std::string(name);
  line.resize(std::max(line.size() + 1, name_width + 2), ' ');
  line += decimals(std::chrono::duration<double, std::milli>(took).count(), 1, 8) + " ms   ";
  x_out << line << outcome << std::endl;
}

std::string Story::elapsed() const {
  return decimals(std::chrono::duration<double>(Clock::now() - x_began).count(), 1, 0) + " s";
}

std::string price_text(std::int64_t amount_minor, std::string_view currency) {
  std::string text = std::to_string(amount_minor);
  const auto digits = static_cast<std::size_t>(domain::minor_digits(currency));
  if (digits > 0) {
    if (text.size() <= digits) text.insert(0, digits + 1 - text.size(), '0');
    text.insert(text.size() - digits, ".");
  }
  return text + " " + std::string(currency);
}

}  // namespace admit::app

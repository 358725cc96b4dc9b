#pragma once
// A show to sell, with everybody who buys: what `admit demo --input FILE` reads. Described in docs/input.md.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/instant.hpp"
#include "http/shape.hpp"

namespace admit::app {

inline constexpr std::size_t max_input_bytes = 1024 * 1024;
inline constexpr std::int64_t max_input_tickets = 1'000;

/// Wall times in the show's zone.
struct InputWindow {
  std::string from_local, until_local;
  static http::Shape shape();
};

struct InputShow {
  std::string business, title, zone, starts_local, doors_local, currency;
  std::optional<std::string> venue, address, language, accent, conditions;
  std::vector<InputWindow> windows;
  std::optional<std::int64_t> max_tickets_per_registration;
  static http::Shape shape();
};

struct InputQuota {
  std::string name;
  std::int64_t size = 0;
  static http::Shape shape();
};

/// Draws from every quota it names; the smallest counts.
struct InputTier {
  std::string name;
  std::int64_t price = 0;
  std::optional<std::int64_t> fee, tax_rate, min_per_registration, max_per_registration;
  std::vector<std::string> quotas;
  static http::Shape shape();
};

/// One ticket per holder.
struct InputLine {
  std::string tier;
  std::vector<std::string> holders;
  static http::Shape shape();
};

struct InputRegistration {
  std::string buyer;
  std::optional<std::string> locale;
  std::vector<InputLine> lines;
  static http::Shape shape();
  [[nodiscard]] std::int64_t ticket_count() const;
};

struct Input {
  InputShow show;
  std::vector<InputQuota> quotas;
  std::vector<InputTier> tiers;
  std::vector<InputRegistration> registrations;
  static http::Shape shape();

  [[nodiscard]] std::int64_t ticket_count() const;
  /// Of an input that was read: the instant of doorsLocal.
  [[nodiscard]] domain::Instant doors_at() const;
};

/// Reads strictly (every rule of the API's JSON bodies) and checks what can be known beforehand: names are unique and
/// refer to something, wall times exist in the zone, the doors are open when they open, and the quotas suffice.
/// The error is a sentence that begins with the field's path: `tiers[1].quotas[0]: there is no quota "Hall"`.
[[nodiscard]] std::expected<Input, std::string> read_input(std::string_view json);
/// The same of a file; the sentence begins with its name.
[[nodiscard]] std::expected<Input, std::string> read_input_file(const std::filesystem::path& path);

}  // namespace admit::app

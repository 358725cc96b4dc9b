#pragma once
// The PDF ticket: one page A4, the same bytes for the same face.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "domain/instant.hpp"

namespace admit::document {

/// All that is printed on one ticket; UTF-8 as people typed it. Texts are cleaned and bounded by the printer and are
/// never markup. What belongs to the show comes first: those fields are the key of the prepared page.
struct TicketFace {
  std::string show_title;
  std::string organiser;
  std::string venue_name;
  std::string venue_address;
  domain::Instant starts_at{};
  std::optional<domain::Instant> doors_at;
  std::string zone;             ///< IANA, e.g. "Europe/Warsaw"
  std::string language = "en";  ///< BCP 47, of the customer
  std::string conditions;       ///< small print; may be empty
  std::string accent;           ///< "#rrggbb"; anything else is the house colour
  bool test = false;            ///< TEST across the page

  std::string holder;
  std::string tier;
  std::int64_t price_minor = 0;
  std::string currency = "EUR";  ///< ISO 4217
  std::string registration;      ///< its number, printed under the code too
  int number = 1;                ///< ticket `number` of `count` in its registration
  int count = 1;
  std::string qr_text;  ///< exactly what the code says
};

/// Renders tickets. Not thread-safe: one printer per worker thread; printers share nothing but immutable tables.
/// Loads no font and no library state before the first call. Keeps the prepared pages of the last 16 shows and
/// the outlines of the last few thousand glyphs (about 20 MB at most).
class TicketPrinter {
 public:
  TicketPrinter();
  ~TicketPrinter();
  TicketPrinter(TicketPrinter&&) noexcept;
  TicketPrinter& operator=(TicketPrinter&&) noexcept;

  /// The PDF. Deterministic. Throws std::length_error when `qr_text` fits no symbol, std::runtime_error when the
  /// libraries or fonts are broken.
  [[nodiscard]] std::string render(const TicketFace& face);

  /// The same page drawn wholly by cairo, some 60 times slower: what `render` is compared with.
  [[nodiscard]] std::string render_plain(const TicketFace& face);

  /// How many characters of `text` no installed font can draw.
  [[nodiscard]] std::size_t unknown_glyphs(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> x_state;
  State& state();
};

}  // namespace admit::document

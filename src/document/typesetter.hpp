#pragma once
// Text on a page: fitted into its box by pango, then either shown by cairo or handed out as outlines.

#include <pango/pangocairo.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace admit::document {

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using Object = std::unique_ptr<T, Unref>;

/// Parts of 1; alpha 1 is opaque.
struct Colour {
  double red = 0, green = 0, blue = 0, alpha = 1;
};

enum class Align { left, center, right };

/// Which edge of a wrapped text stays where the single line would have been.
enum class Anchor { top, middle, bottom };

/// A text and the room it has. Points, y downwards. A text too wide for one line at `size` shrinks to `least_size`; if
/// that does not do, it wraps into `height`, shrinking on to `smallest_size`; then it ends in an ellipsis. It never
/// leaves its width. Without a height it stays one line.
struct TextBox {
  std::string text;
  double x = 0;
  double baseline = 0;  ///< of a single line
  double width = 0;
  double size = 10;
  double least_size = 10;
  double height = 0;
  double smallest_size = 0;
  bool is_bold = false;
  Align align = Align::left;  ///< as seen, whatever the direction of the text
  Anchor anchor = Anchor::top;
  double top = 0;  ///< what marks and ornaments reach beyond top and bottom is cut off; both 0: nothing is
  double bottom = 0;
  double tracking = 0;  ///< points between letters
  Colour colour{};
};

/// Whole points, so that every way of drawing cuts at the same pixel. Empty: nothing is cut.
struct Clip {
  int x = 0, y = 0, width = 0, height = 0;
};

/// A text with its place: the layout's top left corner.
struct PlacedText {
  Object<PangoLayout> layout;
  double x = 0;
  double y = 0;
  Clip clip{};
  Colour colour{};
};

/// One for a thread. The first one made loads fontconfig's configuration for the process.
class Typesetter {
 public:
  Typesetter();
  ~Typesetter();
  Typesetter(const Typesetter&) = delete;
  Typesetter& operator=(const Typesetter&) = delete;

  /// `language_tag` is a BCP 47 tag; it chooses among the shapes of letters, those of Han characters above all.
  [[nodiscard]] PlacedText place(const TextBox& box, std::string_view language_tag);

  /// Whether every glyph is an outline in one colour: no emoji, no unknown glyph.
  [[nodiscard]] bool is_outline(const PlacedText& text);

  /// Appends PDF operators: a clip, the outlines as one path and its fill (to be put between q and Q), in points, y
  /// downwards, at exactly the coordinates cairo writes; `invisible` receives the text for search and copying, in
  /// points, y upwards.
  void append_outlines(const PlacedText& text, double page_height, std::string& path, std::string& invisible);

 private:
  struct Step {
    char verb;  // m l c h
    std::int32_t point[6];
  };
  using Outline = std::vector<Step>;
  const Outline& outline(PangoFont* font, PangoGlyph glyph);
  bool has_colour(PangoFont* font);
  Object<PangoLayout> layout(const TextBox& box, const std::string& language);

  Object<PangoFontMap> x_fonts;
  Object<PangoContext> x_context;
  cairo_t* x_pen;  // collects glyph paths
  struct GlyphKeyHash {
    std::size_t operator()(const std::pair<PangoFont*, PangoGlyph>& key) const {
      return std::hash<void*>{}(key.first) * 31 + key.second;
    }
  };
  std::unordered_map<std::pair<PangoFont*, PangoGlyph>, Outline, GlyphKeyHash> x_outlines;
  struct FontFacts {
    Object<PangoFont> keeps_alive;
    bool has_colour = false;
  };
  std::unordered_map<PangoFont*, FontFacts> x_font_facts;
  FontFacts& facts(PangoFont* font);
};

/// Draws by cairo: as text with fonts, which can be searched.
void show_text(cairo_t* page, const PlacedText& text);
/// Draws by cairo: as one filled path.
void fill_text(cairo_t* page, const PlacedText& text);

/// Appends a whole number and a space.
void append_number(std::string& out, std::int64_t value);
/// Appends thousandths as a decimal fraction, and a space.
void append_thousandths(std::string& out, std::int64_t value);
/// Appends a number with at most 3 decimals and a space.
void append_decimal(std::string& out, double value);

}  // namespace admit::document

#include "document/typesetter.hpp"

#include <hb-ot.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace admit::document {
namespace {

constexpr std::size_t limit_outlines = 4000;
constexpr double units_per_point = 256;  // cairo's fixed point

struct FontDeleter {
  void operator()(PangoFontDescription* font) const { pango_font_description_free(font); }
};
using FontDescription = std::unique_ptr<PangoFontDescription, FontDeleter>;

/// What of a BCP 47 tag matters for the shapes of letters. Pango keeps every tag it has ever seen, so only few may
/// reach it: primary subtags of two or three letters, and the two ways of writing Chinese.
std::string shaping_language(std::string_view tag) {
  std::string primary(tag.substr(0, tag.find_first_of("-_")));
  for (char& c : primary) c = g_ascii_tolower(c);
  const bool is_plain = (primary.size() == 2 || primary.size() == 3) &&
                        std::ranges::all_of(primary, [](char c) { return c >= 'a' && c <= 'z'; });
  if (!is_plain) return "en";
  if (primary != "zh") return primary;
  for (const char* traditional : {"Hant", "TW", "HK", "MO"})
    if (tag.find(traditional) != tag.npos) return "zh-tw";
  return "zh-cn";
}

/// Han characters look different in Japan, Korea, China and Taiwan: the language decides, else the company they keep.
const char* han_family(std::string_view text, std::string_view language) {
  if (language == "ja") return "Noto Sans CJK JP";
  if (language == "ko") return "Noto Sans CJK KR";
  if (language == "zh-tw") return "Noto Sans CJK TC";
  if (language == "zh-cn") return "Noto Sans CJK SC";
  for (const char* p = text.data(); p < text.data() + text.size(); p = g_utf8_next_char(p)) {
    const gunichar c = g_utf8_get_char(p);
    if (c >= 0x3040 && c <= 0x30FF) return "Noto Sans CJK JP";
    if ((c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x1100 && c <= 0x11FF)) return "Noto Sans CJK KR";
  }
  return "Noto Sans CJK SC";
}

/// Families by name, so that the choice does not hang on what else is installed.
FontDescription font_description(const TextBox& box, const std::string& language) {
  FontDescription font(pango_font_description_new());
  const std::string families =
      std::string("Noto Sans,Noto Sans Arabic,Noto Sans Hebrew,Noto Sans Devanagari,Noto Sans Thai,") +
      han_family(box.text, language);
  pango_font_description_set_family(font.get(), families.c_str());
  pango_font_description_set_weight(font.get(), box.is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
  return font;
}

double points(int pango_units) {
  return static_cast<double>(pango_units) / PANGO_SCALE;
}

double text_width(PangoLayout* layout) {
  PangoRectangle logical;
  pango_layout_get_extents(layout, nullptr, &logical);
  return points(logical.width);
}

bool is_rtl(PangoLayout* layout) {
  PangoLayoutLine* line = pango_layout_get_line_readonly(layout, 0);
  return line != nullptr && pango_layout_line_get_resolved_direction(line) == PANGO_DIRECTION_RTL;
}

/// Cairo's fixed point as it writes it into a PDF: three decimals.
std::int32_t thousandths(std::int32_t fixed_value) {
  return static_cast<std::int32_t>(std::nearbyint(fixed_value * (1000 / units_per_point)));
}

std::int32_t fixed(double value) {
  return static_cast<std::int32_t>(std::nearbyint(value * units_per_point));
}

struct IterDeleter {
  void operator()(PangoLayoutIter* iter) const { pango_layout_iter_free(iter); }
};
using LayoutIter = std::unique_ptr<PangoLayoutIter, IterDeleter>;

/// The last line's, in points from the top of the layout.
double last_baseline(PangoLayout* layout) {
  const LayoutIter iter(pango_layout_get_iter(layout));
  while (pango_layout_iter_next_line(iter.get())) {
  }
  return points(pango_layout_iter_get_baseline(iter.get()));
}

void append_hex(std::string& out, unsigned code_unit) {
  constexpr char hex[] = "0123456789ABCDEF";
  for (int shift = 12; shift >= 0; shift -= 4) out += hex[code_unit >> shift & 15];
}

/// The text of one run, stretched over its width. Right to left text is written as it is seen, which is what readers of
/// PDFs expect. Characters beyond the first plane have no code in the invisible font and are left out.
void append_invisible_run(std::string& out, std::string_view text, bool reversed, double x, double y, double width,
                          double size) {
  std::vector<unsigned> codes;
  for (const char* p = text.data(); p < text.data() + text.size(); p = g_utf8_next_char(p)) {
    const gunichar c = g_utf8_get_char(p);
    if (c < 0x10000) codes.push_back(c);
  }
  if (codes.empty() || width <= 0) return;
  if (reversed) std::ranges::reverse(codes);
  // Every character of the invisible font is half as wide as it is high.
  out += "/AdmitText ";
  append_decimal(out, size);
  out += "Tf ";
  append_decimal(out, 100 * width / (static_cast<double>(codes.size()) * size / 2));
  out += "Tz 1 0 0 1 ";
  append_decimal(out, x);
  append_decimal(out, y);
  out += "Tm <";
  for (unsigned code : codes) append_hex(out, code);
  out += "> Tj\n";
}

}  // namespace

void append_number(std::string& out, std::int64_t value) {
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  *end++ = ' ';
  out.append(digits, end);
}

void append_thousandths(std::string& out, std::int64_t value) {
  char text[32];
  char* end = text;
  if (value < 0) *end++ = '-';
  const auto magnitude = static_cast<std::uint64_t>(value < 0 ? -value : value);
  end = std::to_chars(end, text + sizeof text, magnitude / 1000).ptr;
  if (const auto rest = static_cast<unsigned>(magnitude % 1000); rest != 0) {
    *end++ = '.';
    *end++ = static_cast<char>('0' + rest / 100);
    if (rest % 100 != 0) *end++ = static_cast<char>('0' + rest / 10 % 10);
    if (rest % 10 != 0) *end++ = static_cast<char>('0' + rest % 10);
  }
  *end++ = ' ';
  out.append(text, end);
}

void append_decimal(std::string& out, double value) {
  append_thousandths(out, static_cast<std::int64_t>(std::nearbyint(value * 1000)));
}

Typesetter::Typesetter()
    : x_fonts(pango_cairo_font_map_new()), x_context(pango_font_map_create_context(x_fonts.get())) {
  // Distances as designed, not as a screen would round them: the same page at every size.
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  pango_cairo_context_set_font_options(x_context.get(), options);
  cairo_font_options_destroy(options);
  pango_context_set_round_glyph_positions(x_context.get(), FALSE);
  pango_context_set_base_dir(x_context.get(), PANGO_DIRECTION_LTR);

  cairo_surface_t* nowhere = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, nullptr);
  x_pen = cairo_create(nowhere);
  cairo_surface_destroy(nowhere);
  if (cairo_status(x_pen) != CAIRO_STATUS_SUCCESS) throw std::runtime_error("cairo: no recording surface");
}

Typesetter::~Typesetter() {
  cairo_destroy(x_pen);
}

Object<PangoLayout> Typesetter::layout(const TextBox& box, const std::string& language) {
  pango_context_set_language(x_context.get(), pango_language_from_string(language.c_str()));
  Object<PangoLayout> made(pango_layout_new(x_context.get()));
  pango_layout_set_text(made.get(), box.text.data(), static_cast<int>(box.text.size()));
  if (box.tracking > 0) {
    PangoAttrList* attributes = pango_attr_list_new();
    pango_attr_list_insert(attributes, pango_attr_letter_spacing_new(static_cast<int>(box.tracking * PANGO_SCALE)));
    pango_layout_set_attributes(made.get(), attributes);
    pango_attr_list_unref(attributes);
  }
  return made;
}

PlacedText Typesetter::place(const TextBox& box, std::string_view language_tag) {
  const auto language = shaping_language(language_tag);
  const auto font = font_description(box, language);
  auto made = layout(box, language);
  double size = 0;
  const auto set_size = [&](double points_high) {
    size = points_high;
    pango_font_description_set_absolute_size(font.get(), size * PANGO_SCALE);
    pango_layout_set_font_description(made.get(), font.get());
  };
  set_size(box.size);
  double width = text_width(made.get());
  if (width > box.width && box.least_size < box.size) {
    set_size(std::max(box.least_size, std::floor(box.size * box.width / width * 2) / 2));
    width = text_width(made.get());
  }

  double x = box.x;
  double baseline_in_layout = points(pango_layout_get_baseline(made.get()));
  double baseline = box.baseline;
  if (width <= box.width) {
    if (box.align == Align::center) x += (box.width - width) / 2;
    if (box.align == Align::right) x += box.width - width;
  } else {
    pango_layout_set_width(made.get(), static_cast<int>(box.width * PANGO_SCALE));
    pango_layout_set_wrap(made.get(), PANGO_WRAP_WORD_CHAR);
    pango_layout_set_height(made.get(), static_cast<int>(box.height * PANGO_SCALE));
    pango_layout_set_ellipsize(made.get(), PANGO_ELLIPSIZE_END);
    // Pango's left is the side where the text begins.
    const bool swap = is_rtl(made.get());
    const auto left = swap ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT, right = swap ? PANGO_ALIGN_LEFT : PANGO_ALIGN_RIGHT;
    pango_layout_set_alignment(made.get(), box.align == Align::center  ? PANGO_ALIGN_CENTER
                                           : box.align == Align::right ? right
                                                                       : left);
    while (box.height > 0 && size > box.smallest_size && pango_layout_is_ellipsized(made.get()))
      set_size(std::max(box.smallest_size, size - 1));

    baseline_in_layout = points(pango_layout_get_baseline(made.get()));
    if (box.anchor == Anchor::bottom) baseline_in_layout = last_baseline(made.get());
    if (box.anchor == Anchor::middle) {
      // The middle of the lines comes to the middle of the capitals of the single line.
      constexpr double half_capital = 0.36;
      baseline_in_layout = (baseline_in_layout + last_baseline(made.get())) / 2 - half_capital * size;
      baseline -= half_capital * box.size;
    }
  }
  Clip clip;
  if (box.bottom > box.top) {
    constexpr double overhang = 4;  // of slanted letters
    clip.x = static_cast<int>(std::floor(box.x - overhang));
    clip.y = static_cast<int>(std::floor(box.top));
    clip.width = static_cast<int>(std::ceil(box.x + box.width + overhang)) - clip.x;
    clip.height = static_cast<int>(std::ceil(box.bottom)) - clip.y;
  }
  // On cairo's grid, so that both ways of drawing round alike.
  return {.layout = std::move(made),
          .x = fixed(x) / units_per_point,
          .y = fixed(baseline - baseline_in_layout) / units_per_point,
          .clip = clip,
          .colour = box.colour};
}

Typesetter::FontFacts& Typesetter::facts(PangoFont* font) {
  const auto found = x_font_facts.find(font);
  if (found != x_font_facts.end()) return found->second;
  hb_face_t* face = hb_font_get_face(pango_font_get_hb_font(font));
  auto& made = x_font_facts[font];
  made.keeps_alive.reset(static_cast<PangoFont*>(g_object_ref(font)));
  made.has_colour = hb_ot_color_has_png(face) || hb_ot_color_has_layers(face) || hb_ot_color_has_svg(face);
  return made;
}

bool Typesetter::is_outline(const PlacedText& text) {
  if (pango_layout_get_unknown_glyphs_count(text.layout.get()) > 0) return false;
  const LayoutIter iter(pango_layout_get_iter(text.layout.get()));
  do {
    const PangoLayoutRun* run = pango_layout_iter_get_run_readonly(iter.get());
    if (run != nullptr && facts(run->item->analysis.font).has_colour) return false;
  } while (pango_layout_iter_next_run(iter.get()));
  return true;
}

const Typesetter::Outline& Typesetter::outline(PangoFont* font, PangoGlyph glyph) {
  const auto found = x_outlines.find({font, glyph});
  if (found != x_outlines.end()) return found->second;
  if (x_outlines.size() >= limit_outlines) {
    x_outlines.clear();
    x_font_facts.clear();
  }
  (void)facts(font);  // the key must stay the address of this font

  cairo_set_scaled_font(x_pen, pango_cairo_font_get_scaled_font(PANGO_CAIRO_FONT(font)));
  const cairo_glyph_t at_origin{.index = glyph, .x = 0, .y = 0};
  cairo_new_path(x_pen);
  cairo_glyph_path(x_pen, &at_origin, 1);
  cairo_path_t* path = cairo_copy_path(x_pen);
  Outline made;
  for (int i = 0; i < path->num_data; i += path->data[i].header.length) {
    const cairo_path_data_t* data = &path->data[i];
    const auto add = [&](char verb, int count) {
      Step step{.verb = verb, .point = {}};
      for (int k = 0; k < count; ++k) {
        step.point[2 * k] = fixed(data[k + 1].point.x);
        step.point[2 * k + 1] = fixed(data[k + 1].point.y);
      }
      made.push_back(step);
    };
    switch (data->header.type) {
      case CAIRO_PATH_MOVE_TO:
        add('m', 1);
        break;
      case CAIRO_PATH_LINE_TO:
        add('l', 1);
        break;
      case CAIRO_PATH_CURVE_TO:
        add('c', 3);
        break;
      case CAIRO_PATH_CLOSE_PATH:
        add('h', 0);
        break;
    }
  }
  const bool is_broken = path->status != CAIRO_STATUS_SUCCESS;
  cairo_path_destroy(path);
  if (is_broken) throw std::runtime_error("cairo: no outline of a glyph");
  while (!made.empty() && made.back().verb == 'm') made.pop_back();
  return x_outlines.emplace(std::pair{font, glyph}, std::move(made)).first->second;
}

void Typesetter::append_outlines(const PlacedText& text, double page_height, std::string& path,
                                 std::string& invisible) {
  if (text.clip.width > 0) {
    for (int value : {text.clip.x, text.clip.y, text.clip.width, text.clip.height}) append_number(path, value);
    path += "re W n\n";
  }
  append_decimal(path, text.colour.red);
  append_decimal(path, text.colour.green);
  append_decimal(path, text.colour.blue);
  path += "rg\n";
  const char* const characters = pango_layout_get_text(text.layout.get());
  const LayoutIter iter(pango_layout_get_iter(text.layout.get()));
  bool has_path = false;
  do {
    const PangoLayoutRun* run = pango_layout_iter_get_run_readonly(iter.get());
    if (run == nullptr) continue;
    PangoFont* const font = run->item->analysis.font;
    PangoRectangle logical;
    pango_layout_iter_get_run_extents(iter.get(), nullptr, &logical);
    const int baseline = pango_layout_iter_get_baseline(iter.get()) - run->y_offset;

    int advance = run->start_x_offset;
    for (int i = 0; i < run->glyphs->num_glyphs; ++i) {
      const PangoGlyphInfo& info = run->glyphs->glyphs[i];
      if (info.glyph != PANGO_GLYPH_EMPTY) {
        const std::int32_t dx = fixed(text.x + points(logical.x + advance + info.geometry.x_offset));
        const std::int32_t dy = fixed(text.y + points(baseline + info.geometry.y_offset));
        for (const Step& step : outline(font, info.glyph)) {
          const int count = step.verb == 'h' ? 0 : step.verb == 'c' ? 3 : 1;
          for (int k = 0; k < count; ++k) {
            append_thousandths(path, thousandths(step.point[2 * k] + dx));
            append_thousandths(path, thousandths(step.point[2 * k + 1] + dy));
          }
          path += step.verb;
          path += '\n';
          has_path = true;
        }
      }
      advance += info.geometry.width;
    }

    append_invisible_run(invisible, {characters + run->item->offset, static_cast<std::size_t>(run->item->length)},
                         run->item->analysis.level % 2 == 1, text.x + points(logical.x),
                         page_height - text.y - points(baseline), points(logical.width), points(logical.height) / 1.36);
  } while (pango_layout_iter_next_run(iter.get()));
  if (has_path) path += "f\n";
}

namespace {

/// Calls `draw` at the text's place, in its colour, within its clip.
template <class Draw>
void draw_at(cairo_t* page, const PlacedText& text, Draw draw) {
  cairo_save(page);
  if (text.clip.width > 0) {
    cairo_rectangle(page, text.clip.x, text.clip.y, text.clip.width, text.clip.height);
    cairo_clip(page);
  }
  cairo_set_source_rgba(page, text.colour.red, text.colour.green, text.colour.blue, text.colour.alpha);
  cairo_move_to(page, text.x, text.y);
  draw();
  cairo_new_path(page);
  cairo_restore(page);
}

}  // namespace

void show_text(cairo_t* page, const PlacedText& text) {
  draw_at(page, text, [&] { pango_cairo_show_layout(page, text.layout.get()); });
}

void fill_text(cairo_t* page, const PlacedText& text) {
  draw_at(page, text, [&] {
    pango_cairo_layout_path(page, text.layout.get());
    cairo_fill(page);
  });
}

}  // namespace admit::document

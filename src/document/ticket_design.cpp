#include "document/ticket_design.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "document/clean_text.hpp"
#include "document/words.hpp"

namespace admit::document {
namespace {

// The card: a band in the show's colour, below it the body on the left and the stub with the code on the right.
constexpr double card_left = 40, card_right = page_width - 40, card_top = 40, card_bottom = 396;
constexpr double band_bottom = 160;
constexpr double stub_left = card_right - 166;
constexpr double radius = 14, notch = 8;
constexpr double body_left = card_left + 28, body_width = stub_left - body_left - 22;
constexpr double stub_text_left = stub_left + 16, stub_text_width = card_right - stub_left - 32;
constexpr double fold_y = page_height / 2;
constexpr double qr_side = 40 * 72 / 25.4;
constexpr double qr_top = band_bottom + 32;
constexpr double notes_top = fold_y + 52;
constexpr double column_gap = 32, column_width = (card_right - card_left - column_gap) / 2;

constexpr Colour ink{.red = 0.09, .green = 0.10, .blue = 0.13};
constexpr Colour soft_ink{.red = 0.38, .green = 0.40, .blue = 0.45};
constexpr Colour line_ink{.red = 0.80, .green = 0.81, .blue = 0.84};
constexpr Colour paper{.red = 1, .green = 1, .blue = 1};
constexpr Colour house_colour{.red = 0.129, .green = 0.180, .blue = 0.349};
constexpr Colour test_colour{.red = 0.85, .green = 0.10, .blue = 0.10, .alpha = 0.13};

constexpr std::size_t limit_short = 80, limit_title = 140, limit_address = 160, limit_conditions = 2000;
constexpr double label_size = 7.5, label_tracking = 0.6;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Colour accent_of(const TicketFace& face) {
  const auto& text = face.accent;
  if (text.size() != 7 || text[0] != '#') return house_colour;
  std::array<double, 3> parts{};
  for (std::size_t i = 0; i < 3; ++i) {
    const int high = hex_digit(text[1 + 2 * i]), low = hex_digit(text[2 + 2 * i]);
    if (high < 0 || low < 0) return house_colour;
    parts[i] = (high * 16 + low) / 255.0;
  }
  return {.red = parts[0], .green = parts[1], .blue = parts[2]};
}

/// Relative luminance of WCAG 2.
double luminance(const Colour& colour) {
  const auto linear = [](double v) {
    return v <= 0.03928 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

/// White or ink, whichever reads better on `ground`.
Colour text_on(const Colour& ground) {
  return luminance(ground) < 0.30 ? paper : ink;
}

Colour faded(Colour colour, double alpha) {
  colour.alpha = alpha;
  return colour;
}

void set_colour(cairo_t* page, const Colour& colour) {
  cairo_set_source_rgba(page, colour.red, colour.green, colour.blue, colour.alpha);
}

/// The outline of the card, with a bite at either end of the perforation.
void card_path(cairo_t* page) {
  constexpr double quarter = std::numbers::pi / 2;
  cairo_new_path(page);
  cairo_arc(page, card_left + radius, card_top + radius, radius, 2 * quarter, 3 * quarter);
  cairo_arc_negative(page, stub_left, card_top, notch, 2 * quarter, 0);
  cairo_arc(page, card_right - radius, card_top + radius, radius, 3 * quarter, 4 * quarter);
  cairo_arc(page, card_right - radius, card_bottom - radius, radius, 0, quarter);
  cairo_arc_negative(page, stub_left, card_bottom, notch, 0, -2 * quarter);
  cairo_arc(page, card_left + radius, card_bottom - radius, radius, quarter, 2 * quarter);
  cairo_close_path(page);
}

void draw_band(cairo_t* page, const Colour& accent) {
  const Colour over = text_on(accent);
  cairo_save(page);
  card_path(page);
  cairo_clip(page);
  set_colour(page, accent);
  cairo_rectangle(page, card_left, card_top, card_right - card_left, band_bottom - card_top);
  cairo_fill(page);
  // Light from the upper right: three rings that the band's edge cuts off.
  cairo_rectangle(page, card_left, card_top, card_right - card_left, band_bottom - card_top);
  cairo_clip(page);
  for (double size : {70.0, 130.0, 200.0}) {
    set_colour(page, faded(over, 0.055));
    cairo_arc(page, card_right - 62, card_top + 6, size, 0, 2 * std::numbers::pi);
    cairo_fill(page);
  }
  cairo_restore(page);
}

void draw_dashes(cairo_t* page, double x0, double y0, double x1, double y1, double dash, const Colour& colour) {
  const double pattern[] = {dash, dash};
  cairo_save(page);
  set_colour(page, colour);
  cairo_set_line_width(page, 0.8);
  cairo_set_dash(page, pattern, 2, 0);
  cairo_move_to(page, x0, y0);
  cairo_line_to(page, x1, y1);
  cairo_stroke(page);
  cairo_restore(page);
}

void draw_rule(cairo_t* page, double x0, double x1, double y) {
  set_colour(page, line_ink);
  cairo_set_line_width(page, 0.6);
  cairo_move_to(page, x0, y);
  cairo_line_to(page, x1, y);
  cairo_stroke(page);
}

void draw_test(cairo_t* page, Typesetter& typesetter) {
  const auto text = typesetter.place({.text = "TEST",
                                      .x = -300,
                                      .baseline = 70,
                                      .width = 600,
                                      .size = 190,
                                      .least_size = 190,
                                      .is_bold = true,
                                      .align = Align::center,
                                      .tracking = 12,
                                      .colour = test_colour},
                                     "en");
  for (double center_y : {(card_top + card_bottom) / 2, fold_y + (page_height - fold_y) / 2}) {
    cairo_save(page);
    cairo_translate(page, page_width / 2, center_y);
    cairo_rotate(page, -0.42);
    show_text(page, text);
    cairo_restore(page);
  }
}

std::string one_of(std::string_view language, int number, int count) {
  return std::to_string(number) + " " + std::string(labels(language).of) + " " + std::to_string(count);
}

TextBox label(std::string_view text, double x, double baseline, double width, Colour colour = soft_ink) {
  return {.text = std::string(text),
          .x = x,
          .baseline = baseline,
          .width = width,
          .size = label_size,
          .least_size = 5,
          .is_bold = true,
          .tracking = label_tracking,
          .colour = colour};
}

}  // namespace

QrPlace qr_place(int qr_size) {
  const int module = static_cast<int>(std::lround(qr_side * 8 / qr_size));
  const double side = module * qr_size / 8.0;
  return {.x = static_cast<int>(std::lround((stub_left + (card_right - stub_left - side) / 2) * 8)),
          .y = static_cast<int>(std::lround((qr_top + (qr_side - side) / 2) * 8)),
          .module = module};
}

void draw_shared(cairo_t* page, Typesetter& typesetter, const TicketFace& face) {
  const auto& words = labels(face.language);
  const auto& words_language = words.language;
  const Colour accent = accent_of(face), on_accent = text_on(accent);
  const auto put = [&](const TextBox& box, std::string_view language) {
    if (!box.text.empty()) show_text(page, typesetter.place(box, language));
  };
  const auto starts = local_time(face.starts_at, face.zone, face.language);

  draw_band(page, accent);
  set_colour(page, line_ink);
  cairo_set_line_width(page, 0.8);
  card_path(page);
  cairo_stroke(page);
  draw_dashes(page, stub_left, card_top + notch + 4, stub_left, band_bottom, 4, faded(on_accent, 0.45));
  draw_dashes(page, stub_left, band_bottom + 4, stub_left, card_bottom - notch - 4, 4, line_ink);
  if (face.test) draw_test(page, typesetter);

  // The code's ground, and four modules of a small symbol around it: nothing may shine through.
  set_colour(page, paper);
  cairo_rectangle(page, stub_left + 10, qr_top - 18, card_right - stub_left - 20, qr_side + 36);
  cairo_fill(page);

  put({.text = clean_text(face.organiser, limit_short),
       .x = body_left,
       .baseline = card_top + 32,
       .width = body_width,
       .size = 10,
       .least_size = 7,
       .is_bold = true,
       .tracking = 0.3,
       .colour = faded(on_accent, 0.80)},
      face.language);
  put({.text = clean_text(face.show_title, limit_title),
       .x = body_left,
       .baseline = band_bottom - 24,
       .width = body_width,
       .size = 30,
       .least_size = 21,
       .height = 62,
       .smallest_size = 13,
       .is_bold = true,
       .anchor = Anchor::bottom,
       .colour = on_accent},
      face.language);
  put(label(words.ticket, stub_text_left, band_bottom - 52, stub_text_width, faded(on_accent, 0.80)), words_language);

  put({.text = starts.date,
       .x = body_left,
       .baseline = band_bottom + 34,
       .width = body_width,
       .size = 15,
       .least_size = 9,
       .is_bold = true,
       .colour = ink},
      face.language);
  put({.text = starts.time,
       .x = body_left,
       .baseline = band_bottom + 56,
       .width = 92,
       .size = 15,
       .least_size = 9,
       .is_bold = true,
       .colour = ink},
      face.language);
  if (face.doors_at) {
    put({.text = std::string(words.doors) + " " + local_time(*face.doors_at, face.zone, face.language).time,
         .x = body_left + 96,
         .baseline = band_bottom + 56,
         .width = body_width - 96,
         .size = 10.5,
         .least_size = 7,
         .colour = ink},
        face.language);
  }
  put({.text = clean_text(starts.zone, limit_short),
       .x = body_left,
       .baseline = band_bottom + 70,
       .width = body_width,
       .size = 8,
       .least_size = 6,
       .colour = soft_ink},
      words_language);
  put({.text = clean_text(face.venue_name, limit_short),
       .x = body_left,
       .baseline = band_bottom + 95,
       .width = body_width,
       .size = 12,
       .least_size = 8,
       .is_bold = true,
       .colour = ink},
      face.language);
  put({.text = clean_text(face.venue_address, limit_address),
       .x = body_left,
       .baseline = band_bottom + 109,
       .width = body_width,
       .size = 9,
       .least_size = 7,
       .colour = soft_ink},
      face.language);
  draw_rule(page, body_left, body_left + body_width, band_bottom + 124);
  put(label(words.holder, body_left, band_bottom + 142, body_width), words_language);
  put(label(words.ticket, body_left, band_bottom + 197, body_width - 100), words_language);
  put(label(words.price, body_left + body_width - 92, band_bottom + 197, 92), words_language);
  auto registration = label(words.registration, stub_text_left, qr_top + qr_side + 29, stub_text_width);
  registration.align = Align::center;
  put(registration, words_language);

  draw_dashes(page, 0, fold_y, page_width, fold_y, 3, line_ink);
  put({.text = std::string(words.fold),
       .x = card_left,
       .baseline = fold_y - 5,
       .width = 200,
       .size = 6.5,
       .least_size = 6.5,
       .colour = soft_ink},
      words_language);

  const auto heading = [&](std::string_view text, double x) {
    put({.text = std::string(text),
         .x = x,
         .baseline = notes_top,
         .width = column_width,
         .size = 11,
         .least_size = 11,
         .is_bold = true,
         .colour = ink},
        words_language);
  };
  heading(words.at_the_door, card_left);
  double y = notes_top + 24;
  for (std::size_t i = 0; i < words.advice.size(); ++i, y += 38) {
    cairo_new_path(page);
    set_colour(page, accent);
    cairo_arc(page, card_left + 8, y - 3.3, 8, 0, 2 * std::numbers::pi);
    cairo_fill(page);
    put({.text = std::to_string(i + 1),
         .x = card_left,
         .baseline = y,
         .width = 16,
         .size = 9,
         .least_size = 9,
         .is_bold = true,
         .align = Align::center,
         .colour = on_accent},
        words_language);
    put({.text = std::string(words.advice[i]),
         .x = card_left + 26,
         .baseline = y,
         .width = column_width - 26,
         .size = 9.5,
         .least_size = 9.5,
         .height = 30,
         .smallest_size = 8,
         .colour = ink},
        words_language);
  }
  const auto conditions = clean_text(face.conditions, limit_conditions);
  if (!conditions.empty()) {
    heading(words.conditions, card_left + column_width + column_gap);
    put({.text = conditions,
         .x = card_left + column_width + column_gap,
         .baseline = notes_top + 20,
         .width = column_width,
         .size = 8,
         .least_size = 8,
         .height = 260,
         .smallest_size = 6,
         .colour = soft_ink},
        face.language);
  }

  draw_rule(page, card_left, card_right, page_height - 58);
  put({.text = clean_text(face.show_title, limit_title),
       .x = card_left,
       .baseline = page_height - 42,
       .width = column_width,
       .size = 8,
       .least_size = 6,
       .colour = soft_ink},
      face.language);
  put({.text = clean_text(face.organiser, limit_short),
       .x = card_left + column_width + column_gap,
       .baseline = page_height - 42,
       .width = column_width,
       .size = 8,
       .least_size = 6,
       .align = Align::right,
       .colour = soft_ink},
      face.language);
}

TextBox own_text(const TicketFace& face, std::size_t i) {
  const auto& words = labels(face.language);
  const double values = band_bottom + 213;
  switch (i) {
    case 0:
      return {.text = clean_text(face.holder, limit_title),
              .x = body_left,
              .baseline = band_bottom + 170,
              .width = body_width,
              .size = 20,
              .least_size = 12,
              .height = 32,
              .smallest_size = 8,
              .is_bold = true,
              .anchor = Anchor::middle,
              .top = band_bottom + 125,
              .bottom = band_bottom + 189,
              .colour = ink};
    case 1:
      return {.text = clean_text(face.registration, limit_short),
              .x = stub_text_left,
              .baseline = qr_top + qr_side + 43,
              .width = stub_text_width,
              .size = 11,
              .least_size = 6,
              .height = 26,
              .smallest_size = 6,
              .is_bold = true,
              .align = Align::center,
              .top = qr_top + qr_side + 31,
              .bottom = card_bottom - 9,
              .colour = ink};
    case 2:
      return {.text = clean_text(face.tier, limit_short),
              .x = body_left,
              .baseline = values,
              .width = body_width - 104,
              .size = 12,
              .least_size = 9,
              .height = 26,
              .smallest_size = 7,
              .top = band_bottom + 199,
              .bottom = card_bottom - 2,
              .colour = ink};
    case 3:
      return {.text = face.price_minor == 0 ? std::string(words.free)
                                            : format_money(face.price_minor, face.currency, face.language),
              .x = body_left + body_width - 92,
              .baseline = values,
              .width = 92,
              .size = 12,
              .least_size = 6,
              .colour = ink};
    default:
      return {.text = one_of(face.language, face.number, face.count),
              .x = stub_text_left,
              .baseline = band_bottom - 26,
              .width = stub_text_width,
              .size = 22,
              .least_size = 9,
              .is_bold = true,
              .colour = text_on(accent_of(face))};
  }
}

namespace {
void add(std::string& key, std::string_view part) {
  key += std::to_string(part.size());
  key += ':';
  key += part;
}
}  // namespace

std::string shared_key(const TicketFace& face) {
  std::string key = face.test ? "test " : "live ";
  key += std::to_string(domain::to_unix_ms(face.starts_at)) + " ";
  if (face.doors_at) key += std::to_string(domain::to_unix_ms(*face.doors_at));
  for (const auto* part : {&face.show_title, &face.organiser, &face.venue_name, &face.venue_address, &face.zone,
                           &face.language, &face.conditions, &face.accent})
    add(key, *part);
  return key;
}

std::string own_text_key(const TicketFace& face, std::size_t i) {
  switch (i) {
    case 0:
      return "h" + face.holder;
    case 1:
      return "r" + face.registration;
    case 2:
      return "t" + face.tier;
    case 3:
      return "p" + std::to_string(face.price_minor) + face.currency;
    default:
      return "n" + std::to_string(face.number) + "/" + std::to_string(face.count);
  }
}

}  // namespace admit::document

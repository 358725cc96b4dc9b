#pragma once
// What stands where on the ticket. Points, y downwards, A4.

#include <string>

#include "document/ticket_printer.hpp"
#include "document/typesetter.hpp"

namespace admit::document {

inline constexpr double page_width = 595.276;
inline constexpr double page_height = 841.89;

/// Where the code stands: top left corner and the side of one module, all in 1/8 point: a unit that both
/// cairo's fixed point and a PDF's decimals hold exactly.
struct QrPlace {
  int x = 0;
  int y = 0;
  int module = 0;
};
/// 40 mm wide as near as eighths of a point go (40.2 mm for the usual version 10), its quiet zone of 4 modules around
/// it on white.
[[nodiscard]] QrPlace qr_place(int qr_size);

/// Draws all that tickets of the same show, language and kind share.
void draw_shared(cairo_t* page, Typesetter& typesetter, const TicketFace& face);

/// The texts of this ticket alone: holder, registration, tier, price, number.
inline constexpr std::size_t own_text_count = 5;
[[nodiscard]] TextBox own_text(const TicketFace& face, std::size_t i);

/// The fields draw_shared uses, as one key.
[[nodiscard]] std::string shared_key(const TicketFace& face);

/// The key of own text `i`: equal keys, equal boxes, within one shared page. Cheaper than the box.
[[nodiscard]] std::string own_text_key(const TicketFace& face, std::size_t i);

}  // namespace admit::document

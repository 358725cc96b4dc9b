#pragma once
// The QR symbol (ISO/IEC 18004, model 2): versions 1 to 40, levels L M Q H, mask 0. The mask is fixed because what we
// print is random already; scoring eight masks would cost ten times the rest and gain nothing measurable.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace admit::document {

/// Error correction: about 7, 15, 25 and 30 % of the symbol may be lost. M on paper, Q on a phone's screen.
enum class QrLevel : std::uint8_t { L, M, Q, H };

enum class QrMode : std::uint8_t { numeric, alphanumeric, byte };

/// A piece of the text in one mode. `text` must fit the mode (numeric: 0-9; alphanumeric: 0-9 A-Z space $%*+-./:).
struct QrSegment {
  QrMode mode;
  std::string_view text;
};

/// A finished symbol without its quiet zone.
class QrSymbol {
 public:
  QrSymbol(int size, std::vector<std::uint64_t> rows) : x_size(size), x_rows(std::move(rows)) {}

  /// Modules along one side: 17 + 4 * version.
  [[nodiscard]] int size() const { return x_size; }
  [[nodiscard]] int version() const { return (x_size - 17) / 4; }
  /// Dark? x to the right, y downwards; both must lie in [0, size()).
  [[nodiscard]] bool get(int x, int y) const {
    return (x_rows[static_cast<std::size_t>(y * words(x_size) + x / 64)] >> (x % 64) & 1) != 0;
  }
  /// 64-bit words per row.
  [[nodiscard]] static int words(int size) { return (size + 63) / 64; }

 private:
  int x_size;
  std::vector<std::uint64_t> x_rows;
};

/// The smallest symbol that holds `text` at `level`. A trailing run of digits becomes a numeric segment, what stands
/// before it an alphanumeric or byte one, wherever that is shorter than one segment for all. Any thread; the tables of
/// a (version, level) are made at its first use. Throws std::length_error when the text does not fit version 40.
[[nodiscard]] QrSymbol encode_qr(std::string_view text, QrLevel level);
/// The same with the segments chosen by the caller. Throws std::invalid_argument when a text does not fit its mode.
[[nodiscard]] QrSymbol encode_qr(std::span<const QrSegment> segments, QrLevel level);

/// An SVG image: one module is one unit, quiet zone of 4 included, white ground, one path.
[[nodiscard]] std::string to_svg(const QrSymbol& symbol);
/// A PNG image, 1 bit grey, `scale` pixels per module (1 to 40, clamped), quiet zone of 4 included.
[[nodiscard]] std::string to_png(const QrSymbol& symbol, int scale);

}  // namespace admit::document

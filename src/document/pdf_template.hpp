#pragma once
// A finished one-page PDF of cairo's, taken apart so that a second layer of content can be added in microseconds.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct libdeflate_compressor;

namespace admit::document {

/// Packs operators as the body of a stream object. In PDF's own coordinates: points, y upwards; q and Q balanced.
[[nodiscard]] std::string pack_layer(std::string_view operators, libdeflate_compressor* compressor);

/// Everything of the file but the upper layers: objects, their offsets, an invisible font named /AdmitText.
class PdfTemplate {
 public:
  /// `pdf` as cairo writes it for version 1.4: a plain cross-reference table, one page, its resources in an object.
  /// nullopt for any other shape. `layers` is how many will be laid over it.
  static std::optional<PdfTemplate> parse(std::string_view pdf, std::size_t layers, libdeflate_compressor* compressor);

  /// The file with packed layers drawn over the page in this order; there must be as many as `parse` was told.
  [[nodiscard]] std::string with_layers(std::span<const std::string_view> packed_layers) const;

 private:
  PdfTemplate() = default;

  std::string x_head;             // the file up to the first layer's object
  std::string x_table;            // the cross-reference table up to that layer's entry
  std::string x_trailer;          // from behind the last entry to the offset of the table
  std::size_t x_first_layer = 0;  // object number
};

}  // namespace admit::document

#pragma once
// A finished one-page PDF of cairo's, taken apart so that a second layer of content can be added in microseconds.

#include <optional>
#include <string>
#include <string_view>

struct libdeflate_compressor;

namespace admit::document {

/// Everything of the file but the second layer: objects, their offsets, an invisible font named /AdmitText.
class PdfTemplate {
 public:
  /// `pdf` as cairo 1.14 to 1.18 writes it for version 1.4: a plain cross-reference table, one page, its resources in
  /// an object. nullopt for any other shape.
  static std::optional<PdfTemplate> parse(std::string_view pdf, libdeflate_compressor* compressor);

  /// The file with `content` (operators, in PDF's own coordinates: points, y upwards) drawn over the page.
  [[nodiscard]] std::string with_layer(std::string_view content, libdeflate_compressor* compressor) const;

  [[nodiscard]] std::size_t size_bytes() const { return x_head.size() + x_table.size(); }

 private:
  PdfTemplate() = default;

  std::string x_head;     // the file up to the layer's object
  std::string x_table;    // the cross-reference table up to the layer's entry
  std::string x_trailer;  // from the layer's entry on, up to the offset of the table
  int x_layer = 0;        // object number
};

}  // namespace admit::document

#pragma once
// Reads the code off a printed ticket as a scanner would, by programs that know nothing of our encoder: pdftoppm makes
// the picture, zbarimg reads it (Debian: poppler-utils, zbar-tools).

#include <filesystem>
#include <string>

namespace admit::app {

/// The text of the one QR code on the first page of a PDF. Throws DemoFault. What is made on the way stands beside the
/// PDF, for its owner only, and is removed. Several threads may scan at a time, each a page of its own.
[[nodiscard]] std::string scan_paper(const std::filesystem::path& pdf);

/// Writes a file whole, for its owner only. Throws DemoFault.
void write_private(const std::filesystem::path& path, std::string_view bytes);

}  // namespace admit::app

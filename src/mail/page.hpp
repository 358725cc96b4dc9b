#pragma once
// What a letter consists of, and its two forms.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace admit::mail {

enum class Tone : std::uint8_t { good, plain, bad };

/// The parts of a letter from top to bottom. All is plain text, cleaned but not escaped; what is empty is left out.
struct Page {
  std::string_view language;
  Tone tone = Tone::plain;
  std::string heading;
  std::string greeting;
  std::vector<std::string> paragraphs;
  std::vector<std::string> quote;                            ///< lines of somebody else
  std::vector<std::pair<std::string, std::string>> facts;    ///< name and value
  std::vector<std::pair<std::string, std::string>> amounts;  ///< as on a receipt; the last is the sum
  std::string button;
  std::string link;  ///< of the button
  std::string footer;
};

[[nodiscard]] std::string as_text(const Page& page);
/// One column, no pictures, nothing fetched; readable without its styles, and in the dark.
[[nodiscard]] std::string as_html(const Page& page);

}  // namespace admit::mail

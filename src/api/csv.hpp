#pragma once
// Tables for spreadsheets: RFC 4180, and no cell that a spreadsheet would take for a formula.

#include <cstdint>
#include <string>
#include <string_view>

namespace admit::api {

/// What tells a spreadsheet that the file is UTF-8.
inline constexpr std::string_view csv_mark = "\xEF\xBB\xBF";

/// Rows of cells. Each row ends with CR LF.
class Csv {
 public:
  /// What people typed: quoted where it has to be, and behind an apostrophe where it begins like a formula.
  Csv& text(std::string_view cell);
  Csv& number(std::int64_t cell);
  void end_row();
  [[nodiscard]] std::string take() { return std::move(x_out); }

 private:
  std::string x_out;
  bool x_row_begun = false;
  void begin_cell();
};

}  // namespace admit::api

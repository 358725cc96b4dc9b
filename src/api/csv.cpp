#include "api/csv.hpp"

#include <array>

namespace admit::api {
namespace {

/// As OWASP lists them, with the wide forms that some spreadsheets fold.
bool begins_like_a_formula(std::string_view text) {
  using namespace std::string_view_literals;
  constexpr std::array beginnings{"="sv,
                                  "+"sv,
                                  "-"sv,
                                  "@"sv,
                                  "\t"sv,
                                  "\r"sv,
                                  "\n"sv,
                                  "\xEF\xBC\x9D"sv,
                                  "\xEF\xBC\x8B"sv,
                                  "\xEF\xBC\x8D"sv,
                                  "\xEF\xBC\xA0"sv};
  for (const auto beginning : beginnings) {
    if (text.starts_with(beginning)) return true;
  }
  return false;
}

}  // namespace

void Csv::begin_cell() {
  if (x_row_begun) x_out += ',';
  x_row_begun = true;
}

Csv& Csv::text(std::string_view cell) {
  begin_cell();
  if (!begins_like_a_formula(cell) && cell.find_first_of(",\"\t\r\n;|") == std::string_view::npos) {
    x_out += cell;
    return *this;
  }
  x_out += '"';
  // A spreadsheet that splits at another sign begins a cell behind that.
  bool is_beginning = true;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const char c = cell[i];
    const bool is_separator = c == ';' || c == '|' || c == '\t' || c == '\r' || c == '\n';
    if (is_beginning && (i == 0 || !is_separator) && begins_like_a_formula(cell.substr(i))) x_out += '\'';
    if (c == '"') x_out += '"';
    x_out += c;
    is_beginning = is_separator || (is_beginning && (c == ' ' || c == '"'));
  }
  x_out += '"';
  return *this;
}

Csv& Csv::number(std::int64_t cell) {
  begin_cell();
  x_out += std::to_string(cell);
  return *this;
}

void Csv::end_row() {
  x_out += "\r\n";
  x_row_begun = false;
}

}  // namespace admit::api

#include "api/csv.hpp"

#include <doctest/doctest.h>

namespace admit::api {
namespace {

std::string cell(std::string_view text) {
  Csv csv;
  csv.text(text);
  return csv.take();
}

TEST_CASE("csv: rows end with CR LF, cells are quoted where RFC 4180 wants it") {
  Csv csv;
  csv.text("a").number(-5).text("").end_row();
  csv.text("b, c").text("say \"so\"").text("two\nlines").end_row();
  CHECK(csv.take() == "a,-5,\r\n\"b, c\",\"say \"\"so\"\"\",\"two\nlines\"\r\n");
  CHECK(cell("Ada Example") == "Ada Example");
}

TEST_CASE("csv: what begins like a formula is text") {
  CHECK(cell("=1+1") == "\"'=1+1\"");
  CHECK(cell("+48 123") == "\"'+48 123\"");
  CHECK(cell("-2") == "\"'-2\"");
  CHECK(cell("@SUM(A1)") == "\"'@SUM(A1)\"");
  CHECK(cell("\tx") == "\"'\tx\"");
  CHECK(cell("\rx") == "\"'\rx\"");
  CHECK(cell("\nx") == "\"'\nx\"");
  CHECK(cell("\xEF\xBC\x9D"
             "1") ==
        "\"'\xEF\xBC\x9D"
        "1\"");
  CHECK(cell("=HYPERLINK(\"http://x\",\"y\")") == "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
  CHECK(cell("a=b") == "a=b");
  CHECK(cell("x;=1+1;y") == "\"x;'=1+1;y\"");
  CHECK(cell("x\t \"=1+1") == "\"x\t \"\"'=1+1\"");
  CHECK(cell("two\r\nlines") == "\"two\r\nlines\"");
}

}  // namespace
}  // namespace admit::api

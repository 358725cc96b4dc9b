#include "document/clean_text.hpp"

#include <doctest/doctest.h>

using admit::document::clean_text;

TEST_CASE("clean text: names in every script stay as they are") {
  for (const char* name : {"Zażółć Gęślą", "Ελένη Παπαδοπούλου", "Александр Ё", "محمد علي", "דָּוִד", "अनुष्का शर्मा",
                           "สมชาย ใจดี", "山田 太郎", "김민준", "𠮷野家", "葛󠄀城", "👩‍👩‍👧‍👦 ❤️",
                           "می‌خواهم", "O'Brien <b>x</b> &amp; \"q\""}) {
    CAPTURE(name);
    CHECK(clean_text(name, 200) == name);
  }
}

TEST_CASE("clean text: what hides, reorders or controls is taken out") {
  struct Case {
    std::string_view in, out;
  };
  for (const auto& [in, out] : {
           Case{std::string_view("a\0b", 3), "ab"},
           Case{"a\x1b[31mb\x7f", "a[31mb"},
           Case{"admin\u202Etxt.exe", "admintxt.exe"},
           Case{"\u200F\u200Ea\u061C\u2066b\u2069\u202A", "ab"},
           Case{"a\u00ADb\u200B\u2060\uFEFFc\u3164d", "abcd"},
           Case{"\uE000x\U000F0000\uFDD0\uFFFFy", "xy"},
           Case{"a\uFFF9b\uFFFAc\uFFFBd", "abcd"},
           Case{"\U000E0041a\U000E0001", "a"},
           Case{"  a \t\r\n b\u2028\u3000c\u00A0 ", "a b c"},
           Case{"\u200B \u202E", ""},
       }) {
    CAPTURE(in);
    CHECK(clean_text(in, 200) == out);
  }
}

TEST_CASE("clean text: broken UTF-8 becomes replacement characters") {
  CHECK(clean_text("a\xFFz", 9) == "a\uFFFDz");
  CHECK(clean_text("\xED\xA0\x80", 9).find("\xED\xA0") == std::string::npos);
  CHECK(clean_text("\xC0\xAF", 9).find('/') == std::string::npos);
  CHECK(clean_text("ab\xE2\x82", 9) == "ab\uFFFD");
}

TEST_CASE("clean text: a tower of marks keeps five") {
  std::string tower = "Z";
  for (int i = 0; i < 500; ++i) tower += "\u0301";
  CHECK(clean_text(tower + "a", 200).size() == 1 + 5 * 2 + 1);
}

TEST_CASE("clean text: the length is bounded, cut with an ellipsis, and a second pass changes nothing") {
  CHECK(clean_text("abcdef", 6) == "abcdef");
  CHECK(clean_text("abcdefg", 6) == "abcde…");
  CHECK(clean_text("abcd fg", 6) == "abcd…");
  CHECK(clean_text("ab", 1) == "…");
  CHECK(clean_text("ab", 0).empty());
  CHECK(clean_text(std::string(1'000'000, 'x'), 80) == std::string(79, 'x') + "…");
  const auto once = clean_text("山田太郎山田太郎山田太郎", 6);
  CHECK(once == "山田太郎山…");
  CHECK(clean_text(once, 6) == once);
}

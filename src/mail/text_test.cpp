#include "mail/text.hpp"

#include <doctest/doctest.h>

#include "mail/address.hpp"

using namespace admit::mail;

TEST_CASE("text: one line has no control, no run of spaces, nothing that reorders it") {
  CHECK(one_line("  a\r\n\tb\x7F c\xC2\x85\xE2\x80\xA8 d  ", 100) == "a b c d");
  CHECK(one_line("pay\u202Efdp.exe\u2066\uFEFF", 100) == "payfdp.exe");
  CHECK(one_line("👩‍👩‍👧 שלום", 100) == "👩‍👩‍👧 שלום");
}

TEST_CASE("text: broken UTF-8 becomes replacement characters") {
  CHECK(one_line("a\xFFz", 100) == "a\uFFFDz");
  CHECK(one_line("\xC0\xAF", 100) == "\uFFFD\uFFFD");            // overlong /
  CHECK(one_line("\xED\xA0\x80", 100) == "\uFFFD\uFFFD\uFFFD");  // surrogate
  CHECK(one_line("\xF5\x80\x80\x80", 100) == "\uFFFD\uFFFD\uFFFD\uFFFD");
  CHECK(one_line("\xE2\x82", 100) == "\uFFFD\uFFFD");  // cut off
}

TEST_CASE("text: a long line is cut between characters and says so") {
  CHECK(one_line("ééééé", 5) == "ééééé");
  CHECK(one_line("éééééé", 5) == "éééé…");
  CHECK(one_line("abc defgh", 5) == "abc…");
  CHECK(one_line("abcd \n ", 4) == "abcd");
}

TEST_CASE("text: clean is UTF-8 without controls; a body may have line feeds") {
  CHECK(is_clean("Żółw 🐢", false));
  for (const std::string_view bad : {"a\rb", "a\nb", "a\tb", "a\x1B[0m", "\xC2\x9F", "\xE2\x80\xA9", "\xFF"})
    CHECK_FALSE(is_clean(bad, false));
  CHECK_FALSE(is_clean(std::string_view{"a\0b", 3}, true));
  CHECK(is_clean("a\n\tb", true));
  CHECK_FALSE(is_clean("a\r\nb", true));
}

TEST_CASE("address: what may stand in an envelope") {
  for (const std::string_view good : {"a@b", "zoe.mueller+tickets@example.co.uk", "o'neil_{x}@example.com",
                                      "zoë@bücher.example", "用户@例子.广告", "x@xn--bcher-kva.example"})
    CHECK_MESSAGE(is_address(good), good);
}

TEST_CASE("address: nothing that another parser could read in another way") {
  for (const std::string_view bad : {"",
                                     "a",
                                     "@b",
                                     "a@",
                                     "a@b@c",
                                     ".a@b",
                                     "a.@b",
                                     "a..b@c",
                                     "a@b..c",
                                     "a@.b",
                                     "a@b.",
                                     "a@-b.c",
                                     "a@b-.c",
                                     "a@[127.0.0.1]",
                                     "\"a b\"@c",
                                     "a b@c",
                                     "a@b c",
                                     "<a@b>",
                                     "a@b>",
                                     "a@b,c@d",
                                     "a@b;c",
                                     "a(x)@b",
                                     "a@b\r\nRCPT TO:<x@y>",
                                     "a\n@b",
                                     "a@b\t",
                                     "a\\@b",
                                     "a:b@c",
                                     "a@b/c",
                                     "a\u202E@b",
                                     "a\u200E@b",
                                     "a\xFF@b",
                                     "a\u00A0@b",
                                     "a@b_c"})
    CHECK_FALSE_MESSAGE(is_address(bad), bad);
  CHECK_FALSE(is_address(std::string_view{"a\0@b", 4}));
}

TEST_CASE("address: lengths of RFC 5321") {
  const std::string label(63, 'd');
  CHECK(is_address(std::string(64, 'l') + "@b.example"));
  CHECK_FALSE(is_address(std::string(65, 'l') + "@b.example"));
  CHECK(is_address("a@" + label));
  CHECK_FALSE(is_address("a@" + label + "d"));
  const std::string most = label + "." + label + "." + label;
  CHECK(is_address(std::string(62, 'l') + "@" + most));
  CHECK_FALSE(is_address(std::string(63, 'l') + "@" + most));
}

#include "api/page_words.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "api/web_files.hpp"

namespace admit::api {
namespace {

std::set<std::string> slots(const std::string& text) {
  std::set<std::string> out;
  for (auto at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
    out.insert(text.substr(at, text.find('}', at) - at + 1));
  }
  return out;
}

TEST_CASE("page words: every language says the same things with the same slots") {
  const auto& english = page_languages().front();
  REQUIRE(english.code == "en");
  REQUIRE(page_languages().size() == 5);
  for (const auto& language : page_languages()) {
    CAPTURE(language.code);
    CHECK(language.page.size() == english.page.size());
    for (const auto& [key, text] : english.page) {
      CAPTURE(key);
      REQUIRE(language.page.contains(key));
      CHECK_FALSE(language.page.at(key).empty());
      CHECK(slots(language.page.at(key)) == slots(text));
    }
    for (const auto script : {&PageWords::script, &PageWords::account_script}) {
      const auto said = boost::json::parse(language.*script), wanted = boost::json::parse(english.*script);
      CHECK(said.as_object().size() == wanted.as_object().size());
      for (const auto& [key, text] : wanted.as_object()) {
        CAPTURE(key);
        REQUIRE(said.as_object().contains(key));
        CHECK(slots(std::string(said.at(key).as_string())) == slots(std::string(text.as_string())));
      }
    }
  }
}

TEST_CASE("page words: the language asked for wins, then the best accepted one, then the show's, then English") {
  struct Row {
    std::string asked, accept, fallback, chosen;
  };
  for (const auto& row : {
           Row{"", "", "", "en"},
           Row{"de", "fr", "pl", "de"},
           Row{"DE-at", "fr", "", "de"},
           Row{"xx", "fr", "", "fr"},
           Row{"", "nl, fr;q=0.5, de-CH;q=0.8", "", "de"},
           Row{"", "de;q=0, fr;q=0.1", "", "fr"},
           Row{"", "es , en;q=0.9", "", "es"},
           Row{"", "de;q=1.5, pl;q=0.2", "", "pl"},
           Row{"", "de;level=1, pl;q=0.001", "", "pl"},
           Row{"", "ja", "pl-PL", "pl"},
           Row{"", "*", "ja", "en"},
           Row{"<script>", ";;;,,,;q=,", "", "en"},
       }) {
    CAPTURE(row.accept);
    CHECK(choose_words(row.asked, row.accept, row.fallback).code == row.chosen);
  }
}

TEST_CASE("page words: only the first entries of a long list are read") {
  std::string accept;
  for (int i = 0; i < 20; ++i) accept += "ja,";
  CHECK(choose_words("", accept + "de", "").code == "en");
}

TEST_CASE("page words: a value put in is not looked at again") {
  CHECK(put_in("{n} of {n}", "n", "{n}") == "{n} of {n}");
  CHECK(put_in("from {a} to {b}", "a", "1") == "from 1 to {b}");
}

TEST_CASE("web files: the pages are small") {
  std::size_t sent = 0;
  for (const auto& file : web_files()) {
    if (!file.name.ends_with("words.json")) sent += file.text.size();
  }
  CHECK(sent < 100'000);
}

}  // namespace
}  // namespace admit::api

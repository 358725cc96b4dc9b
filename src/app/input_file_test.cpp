#include "app/input_file.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace admit;
using namespace admit::app;

namespace {

/// A small file that is right in everything; `was` is replaced by `is`, once.
std::string small_file(std::string_view was = "", std::string_view is = "") {
  std::string text = R"({
    "show": {"business": "Mill", "title": "Night", "zone": "Europe/Warsaw", "startsLocal": "2027-10-31T01:30",
             "doorsLocal": "2027-10-31T00:30", "currency": "PLN",
             "windows": [{"fromLocal": "2027-10-31T00:30", "untilLocal": "2027-10-31T04:00"}]},
    "quotas": [{"name": "House", "size": 3}, {"name": "Balcony", "size": 1}],
    "tiers": [{"name": "Floor", "price": 2500, "quotas": ["House"]},
              {"name": "Upstairs", "price": 4000, "quotas": ["House", "Balcony"]}],
    "registrations": [
      {"buyer": "Zofia", "locale": "pl", "lines": [{"tier": "Floor", "holders": ["Zofia", "李小龙"]},
                                                   {"tier": "Upstairs", "holders": ["ليلى"]}]}]})";
  if (!was.empty()) {
    const auto at = text.find(was);
    REQUIRE(at != std::string::npos);
    text.replace(at, was.size(), is);
  }
  return text;
}

/// The path that the fault of a changed file begins with.
std::string field_at_fault(std::string_view was, std::string_view is) {
  const auto read = read_input(small_file(was, is));
  REQUIRE(!read);
  return read.error().substr(0, read.error().find(": "));
}

}  // namespace

TEST_CASE("input: a file is read whole") {
  const auto input = read_input(small_file());
  REQUIRE(input);
  CHECK(input->show.title == "Night");
  CHECK(input->ticket_count() == 3);
  CHECK(input->registrations[0].lines[1].holders == std::vector<std::string>{"ليلى"});
  CHECK(input->tiers[1].quotas == std::vector<std::string>{"House", "Balcony"});
  // Summer time, two hours ahead of UTC, until 3:00 of that night.
  CHECK(domain::text(input->doors_at()) == "2027-10-30T22:30:00.000Z");
}

TEST_CASE("input: a fault is told with the field it is in") {
  struct Case {
    std::string_view was, is, field;
  };
  for (const auto& [was, is, field] : {
           Case{"\"size\": 3", "\"size\": \"3\"", "quotas[0].size"},
           Case{"\"size\": 3", "\"size\": 3, \"colour\": 1", "quotas[0].colour"},
           Case{"\"title\": \"Night\", ", "", "show.title"},
           Case{"Europe/Warsaw", "Europe/Atlantis", "show.zone"},
           Case{"\"PLN\"", "\"XAU\"", "show.currency"},
           Case{"\"locale\": \"pl\"", "\"locale\": \"xx\"", "registrations[0].locale"},
           Case{"\"2027-10-31T01:30\"", "\"2027-13-31T01:30\"", "show.startsLocal"},
           // 28 March 2027, 2:30: the clocks go from 2:00 to 3:00.
           Case{"\"startsLocal\": \"2027-10-31T01:30\"", "\"startsLocal\": \"2027-03-28T02:30\"", "show.startsLocal"},
           Case{"\"doorsLocal\": \"2027-10-31T00:30\"", "\"doorsLocal\": \"2027-10-31T01:45\"", "show.doorsLocal"},
           Case{"\"fromLocal\": \"2027-10-31T00:30\"", "\"fromLocal\": \"2027-10-31T01:00\"", "show.windows"},
           Case{"\"untilLocal\": \"2027-10-31T04:00\"", "\"untilLocal\": \"2027-10-31T00:30\"", "show.windows[0].untilLocal"},
           Case{"\"name\": \"Balcony\"", "\"name\": \"House\"", "quotas[1].name"},
           Case{"\"name\": \"Upstairs\"", "\"name\": \"Floor\"", "tiers[1].name"},
           Case{"\"Balcony\"]", "\"Cellar\"]", "tiers[1].quotas[1]"},
           Case{"\"tier\": \"Upstairs\"", "\"tier\": \"Box\"", "registrations[0].lines[1].tier"},
           Case{"[\"ليلى\"]", "[\"ليلى\", \"نور\"]", "registrations[0].lines[1]"},
           Case{"[\"ليلى\"]", "[]", "registrations[0].lines[1].holders"},
           Case{"\"Zofia\", \"locale\"", "\"Zo\\u0000fia\", \"locale\"", "registrations[0].buyer"},
       }) {
    CAPTURE(is);
    CHECK(field_at_fault(was, is) == field);
  }
}

TEST_CASE("input: what is no JSON, too large or not there is refused with a sentence") {
  CHECK(!read_input(""));
  CHECK(!read_input("[]"));
  CHECK(!read_input(std::string(200'000, '[')));
  CHECK(!read_input(small_file() + " x"));
  const auto large = read_input(small_file() + std::string(max_input_bytes, ' '));
  REQUIRE(!large);
  CHECK(large.error().starts_with("larger than"));
  const auto missing = read_input_file("/no/such/file.json");
  REQUIRE(!missing);
  CHECK(missing.error() == "/no/such/file.json: cannot be opened");
  CHECK(!read_input_file("/tmp"));
}

TEST_CASE("input: no more tickets than can be sold in one go") {
  std::string lines;
  for (int i = 0; i < 26; ++i) {
    lines += i == 0 ? "" : ",";
    lines += R"({"buyer": "A", "lines": [{"tier": "Floor", "holders": [)";
    for (int j = 0; j < 40; ++j) lines += j == 0 ? "\"A\"" : ",\"A\"";
    lines += "]}]}";
  }
  std::string text = small_file("\"size\": 3", "\"size\": 5000");
  const auto begin = text.find("{\"buyer\"");
  text.replace(begin, text.rfind("]}") - begin, lines);
  const auto read = read_input(text);
  REQUIRE(!read);
  CHECK(read.error() == "registrations: at most 1000 tickets in one file");
}

#include "log/log.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "log/json_text.hpp"
#include "log/seldom.hpp"

using namespace admit;

namespace {

struct Captured {
  std::vector<std::string> lines;
  explicit Captured(log::Level level = log::Level::info) {
    log::configure({.level = level, .capture = [this](std::string_view line) {
                      lines.emplace_back(line);
                    }});
  }
  ~Captured() { log::configure({}); }
};

std::string json(std::string_view text) {
  std::string out;
  log::detail::append_text(out, text);
  return out;
}

}  // namespace

TEST_CASE("log: a line is one JSON object with time, level, message and fields") {
  Captured log;
  const std::string host = "127.0.0.1";
  log::info("listening", {{"port", 8080},
                          {"host", host},
                          {"tls", false},
                          {"load", 0.5},
                          {"bytes", std::size_t{18446744073709551615u}},
                          {"delta", std::int64_t{-1}},
                          {"none", nullptr},
                          log::request_id("r1")});
  REQUIRE(log.lines.size() == 1);
  const std::string& line = log.lines[0];
  std::string shape = line.substr(0, 33);
  for (char& c : shape) c = c >= '0' && c <= '9' ? '0' : c;
  CHECK(shape == "{\"ts\":\"0000-00-00T00:00:00.000Z\",");
  CHECK(line.substr(31) ==
        R"(","level":"info","msg":"listening","port":8080,"host":"127.0.0.1","tls":false,"load":0.5,)"
        R"("bytes":18446744073709551615,"delta":-1,"none":null,"requestId":"r1"})");
}

TEST_CASE("log: what comes from outside cannot break out of its string or its line") {
  CHECK(json("a\"b\\c\n\r\t\x01\x7f") == R"("a\"b\\c\n\u000d\u0009\u0001\u007f")");
  CHECK(json(std::string_view("\0", 1)) == R"("\u0000")");
  CHECK(json("Zoë 王 🎫") == "\"Zoë 王 🎫\"");
  CHECK(json("\xff\xc3(\xed\xa0\x80\xc0\xaf\xe2\x82") ==
        R"("\ufffd\ufffd(\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd")");
  Captured log;
  log::error("{} {:d} %v", {{"evil\":1,\"", "\n{\"level\":\"info\"}"}});
  REQUIRE(log.lines.size() == 1);
  CHECK(log.lines[0].ends_with(R"("level":"error","msg":"{} {:d} %v","evil\":1,\"":"\n{\"level\":\"info\"}"})"));
}

TEST_CASE("log: a long text is cut between characters") {
  const std::string cut = json(std::string(log::detail::text_limit_bytes - 1, 'a') + "王王");
  CHECK(cut == '"' + std::string(log::detail::text_limit_bytes - 1, 'a') + "…\"");
  CHECK(json(std::string(log::detail::text_limit_bytes, 'a')).size() == log::detail::text_limit_bytes + 2);
}

TEST_CASE("log: numbers that JSON has not are null") {
  CHECK(log::detail::line_body("", {{"x", std::numeric_limits<double>::infinity()}, {"y", std::nan("")}}) ==
        R"("msg":"","x":null,"y":null)");
}

TEST_CASE("log: nothing below the level is written") {
  Captured log{log::Level::warning};
  log::debug("no");
  log::info("no");
  log::warning("yes");
  log::error("yes");
  CHECK(log.lines.size() == 2);
  CHECK(log.lines[0].find("\"level\":\"warning\"") != std::string::npos);
  CHECK(log::enabled(log::Level::error));
  CHECK_FALSE(log::enabled(log::Level::info));
}

TEST_CASE("log: off writes nothing, and the words of the levels are read") {
  Captured log{log::Level::off};
  log::error("no");
  CHECK(log.lines.empty());
  CHECK(log::parse_level("warn") == log::Level::warning);
  CHECK(log::parse_level("off") == log::Level::off);
  CHECK_FALSE(log::parse_level("INFO"));
}

TEST_CASE("log: lines of many threads stay whole") {
  Captured log;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 250; ++i) log::info("line", {{"i", i}});
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(log.lines.size() == 1000);
  for (const auto& line : log.lines) CHECK((line.front() == '{' && line.back() == '}'));
}

TEST_CASE("log: seldom lets one through each second and counts the others") {
  log::Seldom seldom;
  const log::Seldom::Clock::time_point begin{std::chrono::hours{1}};
  CHECK(seldom.pass(begin) == 0);
  CHECK_FALSE(seldom.pass(begin));
  CHECK_FALSE(seldom.pass(begin + std::chrono::milliseconds{999}));
  CHECK(seldom.pass(begin + std::chrono::milliseconds{1000}) == 2);
  CHECK_FALSE(seldom.pass(begin + std::chrono::milliseconds{1999}));
  CHECK(seldom.pass(begin + std::chrono::hours{1}) == 1);
  CHECK(seldom.pass(begin + std::chrono::hours{2}) == 0);
}

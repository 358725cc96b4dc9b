#include "app/facts.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace admit;
using namespace admit::app;

namespace {

std::vector<Fact> many(std::size_t count) {
  std::mt19937_64 random(7);
  std::vector<Fact> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back({.table = static_cast<std::uint32_t>(random() % 3),
                   .kind = static_cast<std::uint32_t>(random() % 4),
                   .subject = {random() % 10, random() % 10},
                   .at = domain::from_unix_ms(static_cast<std::int64_t>(random() % 5)),
                   .value = static_cast<std::int64_t>(random() % 5)});
  }
  return out;
}

}  // namespace

TEST_CASE("facts: come back sorted, whatever part of them had to wait in a file") {
  const auto wanted = many(10'000);
  auto sorted = wanted;
  std::ranges::sort(sorted);
  for (const std::size_t kept : {std::size_t{33}, std::size_t{4'000}, std::size_t{9'999}, std::size_t{10'000}}) {
    Facts facts(kept);
    for (const auto& fact : wanted) facts.add(fact);
    facts.sort();
    std::vector<Fact> got;
    facts.rest([&](const Fact& fact) { got.push_back(fact); });
    CHECK(got == sorted);
  }
}

TEST_CASE("facts: are given out row by row, and those of rows that nobody asks for apart") {
  Facts facts(2);
  const domain::Uuid first{1, 1}, second{1, 2}, third{2, 0};
  for (int i = 0; i < 3; ++i) facts.add({.table = 1, .subject = third, .value = i});
  facts.add({.table = 1, .subject = second});
  facts.add({.table = 0, .subject = third});
  facts.add({.table = 2, .subject = first});
  facts.sort();
  std::vector<Fact> unasked;
  const auto note = [&](const Fact& fact) {
    unasked.push_back(fact);
  };
  CHECK(facts.take(1, first, note).empty());
  CHECK(unasked == std::vector<Fact>{{.table = 0, .subject = third}});
  CHECK(facts.take(1, third, note).size() == 3);
  CHECK(unasked.size() == 2);
  CHECK(unasked.back().subject == second);
  CHECK(facts.take(1, {9, 9}, note).empty());
  facts.rest(note);
  CHECK(unasked.size() == 3);
}

TEST_CASE("facts: none at all") {
  Facts facts;
  facts.sort();
  CHECK(facts.take(0, {}, [](const Fact&) { FAIL("there is none"); }).empty());
  facts.rest([](const Fact&) { FAIL("there is none"); });
}

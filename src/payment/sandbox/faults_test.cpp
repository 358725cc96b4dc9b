#include "payment/sandbox/faults.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

using admit::payment::sandbox::Fault;
using admit::payment::sandbox::Faults;
using Fields = std::vector<admit::http::FormField>;

namespace {

std::vector<bool> throws_of(Faults& faults, Fault fault) {
  std::vector<bool> thrown;
  for (std::uint64_t i = 0; i < 1000; ++i) thrown.push_back(faults.strikes(fault, i));
  return thrown;
}

}  // namespace

TEST_CASE("faults: the same seed throws the same dice, another seed others, about as often as asked") {
  Faults one{7, "chaos"};
  Faults same{7, "chaos"};
  Faults other{8, "chaos"};
  const auto thrown = throws_of(one, Fault::duplicate);
  CHECK(thrown == throws_of(same, Fault::duplicate));
  CHECK(thrown != throws_of(other, Fault::duplicate));
  CHECK(thrown != throws_of(same, Fault::response_lost));
  const auto hits = std::count(thrown.begin(), thrown.end(), true);
  CHECK(hits > 150);
  CHECK(hits < 250);
}

TEST_CASE("faults: what is ordered happens as often as ordered, and by name to one message") {
  Faults faults{1, "prompt"};
  CHECK_FALSE(faults.strikes(Fault::duplicate, 1));
  CHECK(faults.strikes(Fault::duplicate, 1, "", "drop_first,duplicate"));
  CHECK_FALSE(faults.set(Fields{{"duplicate", "2"}}, 0));
  CHECK(faults.strikes(Fault::duplicate, 1));
  CHECK(faults.take(Fault::duplicate));
  CHECK_FALSE(faults.take(Fault::duplicate));
  CHECK(faults.delivery_delay_ms(1, "", "") == 0);
}

TEST_CASE("faults: chances are kept to one type where one is named") {
  Faults faults{1, "prompt"};
  CHECK_FALSE(faults.set(Fields{{"drop_first_chance", "1000"}, {"type", "account.updated"}}, 0));
  CHECK(faults.strikes(Fault::drop_first, 1, "account.updated"));
  CHECK_FALSE(faults.strikes(Fault::drop_first, 1, "charge.refunded"));
}

TEST_CASE("faults: settings are taken all or not at all, a profile before the rest") {
  Faults faults{1, "prompt"};
  CHECK(faults.set(Fields{{"delay_ms", "5"}, {"nonsense", "1"}}, 0) == "nonsense");
  CHECK(faults.set(Fields{{"duplicate_chance", "1001"}}, 0) == "duplicate_chance");
  CHECK(faults.set(Fields{{"profile", "wild"}}, 0) == "profile");
  CHECK(faults.delivery_delay_ms(1, "", "") == 0);
  CHECK_FALSE(faults.set(Fields{{"delay_ms", "700"}, {"delay_max_ms", "900"}, {"profile", "calm"}}, 0));
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto delay = faults.delivery_delay_ms(i, "", "");
    CHECK(delay >= 700);
    CHECK(delay <= 900);
  }
  CHECK_THROWS_AS((Faults{1, "wild"}), std::invalid_argument);
}

TEST_CASE("faults: an outage ends by the clock") {
  Faults faults{1, "prompt"};
  CHECK_FALSE(faults.is_out(1'000));
  CHECK_FALSE(faults.set(Fields{{"profile", "outage"}}, 1'000));
  CHECK(faults.is_out(600'999));
  CHECK_FALSE(faults.is_out(601'000));
}

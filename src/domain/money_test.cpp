#include "domain/money.hpp"

#include <doctest/doctest.h>

using namespace admit::domain;

TEST_CASE("money: a currency is one that a country pays with today") {
  for (const auto* code : {"EUR", "USD", "JPY", "PLN", "AED", "ZWG", "XOF", "XCG", "SLE"}) {
    CAPTURE(code);
    CHECK(is_currency(code));
  }
  // Made up, not written so, replaced, funds and metals, for tests, none.
  for (const auto* code :
       {"", "ABC", "eur", "EU", "EURO", "HRK", "BGN", "ANG", "ZWL", "DEM", "XDR", "CHE", "XAU", "XTS"}) {
    CAPTURE(code);
    CHECK_FALSE(is_currency(code));
  }
}

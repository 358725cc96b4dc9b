#include "document/fonts.hpp"

#include <doctest/doctest.h>

TEST_CASE("fonts: the packages we ask for have every script we print") {
  CHECK(admit::document::scripts_without_font().empty());
}

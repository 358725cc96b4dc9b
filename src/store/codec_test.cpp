#include "store/codec.hpp"

#include <doctest/doctest.h>

#include "domain/rows.hpp"

using namespace admit;
using namespace admit::store;

namespace {

template <class T>
std::string json(const T& value) {
  std::string out;
  codec::write_json(out, value);
  return out;
}
template <class T>
T back(std::string_view text) {
  T value;
  codec::read_json(codec::parse(text), value);
  return value;
}

}  // namespace

TEST_CASE("codec: lists of values, texts and ids come back as they were written") {
  domain::Line line;
  line.tier_id = {Uuid{0x0123456789abcdefull, 0xfedcba9876543210ull}};
  line.holders = {"Zo\xc3\xab \"x\" \\ \n\t\x01", "", "\xf0\x9f\x8e\x9f"};
  line.gross_minor = INT64_MAX;
  line.net_minor = INT64_MIN;
  const std::vector<domain::Line> lines{line, {}};
  CHECK(back<std::vector<domain::Line>>(json(lines)) == lines);

  const std::vector<domain::Window> windows{{domain::from_unix_ms(-1), domain::from_unix_ms(1'700'000'000'000)}};
  CHECK(json(windows) == R"([{"from":-1,"until":1700000000000}])");
  CHECK(back<std::vector<domain::Window>>(json(windows)) == windows);

  const std::vector<domain::QuotaId> ids{{Uuid{1, 2}}};
  CHECK(json(ids) == R"(["00000000-0000-0001-0000-000000000002"])");
  CHECK(back<std::vector<domain::QuotaId>>(json(ids)) == ids);
}

TEST_CASE("codec: a field that a stored object lacks keeps its default, one it has too many is passed over") {
  const auto line = back<domain::Line>(R"({"quantity":3,"of_later":1})");
  CHECK(line.quantity == 3);
  CHECK(line.holders.empty());
}

TEST_CASE("codec: what no store wrote is refused") {
  for (const auto* text : {"", "[", "{}", "[1]", R"([{"quantity":"3"}])", R"([{"tier_id":"x"}])", "[{}] []"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(back<std::vector<domain::Line>>(text), StoreUnavailable);
  }
  CHECK_THROWS_AS((void)codec::read_word<domain::TicketStatus>("lost"), StoreUnavailable);
}

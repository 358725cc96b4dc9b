// rooms: http
// The reader of JSON bodies: never crashes, agrees with Boost.JSON on what is JSON, and reads back what it wrote.

#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/json.hpp"

using namespace admit::http;

namespace {

struct Line {
  std::string tier_id;
  std::int64_t quantity = 0;
  std::optional<std::vector<std::string>> holders;
  bool operator==(const Line&) const = default;
  static Shape shape() {
    return object<Line>(
        "Line", {required("tierId", &Line::tier_id, text(1, 64)), required("quantity", &Line::quantity, integer(1, 40)),
                 optional("holders", &Line::holders, items(0, 40, text(0, 200)))});
  }
};

struct Order {
  std::vector<Line> lines;
  std::optional<std::string> at;
  std::optional<Line> gift;
  std::optional<std::string> mail;
  bool loud = false;
  RawJson extra;
  bool operator==(const Order&) const = default;
  static Shape shape() {
    return object<Order>(
        "Order", {required("lines", &Order::lines, items(0, 20)), required("at", &Order::at, date_time().nullable()),
                  optional("gift", &Order::gift), optional("mail", &Order::mail, email()),
                  optional("loud", &Order::loud), optional("extra", &Order::extra)});
  }
};

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body{reinterpret_cast<const char*>(data), size};

  boost::json::parse_options options;
  options.max_depth = 16;
  boost::system::error_code fault;
  boost::json::parse(body, fault, {}, options);
  const auto checked = check_json(body, {.max_depth = 16});
  // A number too large for a double is still JSON to us.
  if (checked) require(!fault.failed() || fault == boost::json::error::exponent_overflow);
  if (!fault.failed() && !checked) require(checked.error().detail.find("twice") != std::string::npos);

  if (const auto read = read_json<Order>(body)) {
    require(checked.has_value());
    const auto again = read_json<Order>(write_json(*read));
    require(again.has_value() && *again == *read);
  } else {
    require(!problem_json(read.error(), "").empty());
  }
  (void)read_json<Order>(body, {.max_depth = 32, .ignore_unknown_fields = true});

  boost::json::parse(quoted(body), fault);
  require(!fault.failed());
  return 0;
}

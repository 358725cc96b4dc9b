#include "http/json.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <cmath>
#include <stdexcept>

using namespace admit::http;

namespace {

struct Line {
  std::string tier_id;
  std::int64_t quantity = 0;
  std::optional<std::vector<std::string>> holders;
  bool operator==(const Line&) const = default;

  static Shape shape() {
    return object<Line>("Line", {required("tierId", &Line::tier_id, uuid({"TIER#"}).doc("Tier to buy from.")),
                                 required("quantity", &Line::quantity, integer(1, 40)),
                                 optional("holders", &Line::holders, items(0, 3, text(1, 8)))});
  }
};

struct Order {
  std::vector<Line> lines;
  std::optional<std::string> note;
  std::optional<Line> gift;
  std::string kind = "web";
  bool loud = false;
  double factor = 1;
  RawJson extra;
  bool operator==(const Order&) const = default;

  static Shape shape() {
    return object<Order>(
        "Order", {required("lines", &Order::lines, items(1, 2)), required("note", &Order::note, text(0, 20).nullable()),
                  optional("gift", &Order::gift), optional("kind", &Order::kind, one_of({"web", "box"})),
                  optional("loud", &Order::loud), optional("factor", &Order::factor, number(0, 10)),
                  optional("extra", &Order::extra)});
  }
};

const std::string id = "0190f1c2-7b00-7000-8000-000000000000";
const std::string line = R"({"tierId":")" + id + R"(","quantity":2})";

/// An order with these lines and this rest.
std::string order(const std::string& lines, const std::string& rest = "") {
  return R"({"lines":)" + lines + R"(,"note":null)" + rest + "}";
}

template <class T>
struct Holder {
  T value{};
  static Shape shape() { return object<Holder>("Holder", {required("value", &Holder::value, rule())}); }
  static Shape rule();
};
template <>
Shape Holder<std::string>::rule() {
  return text(0, 100);
}

}  // namespace

TEST_CASE("json: a whole order is read and written back the same") {
  const std::string body = R"( { "lines" : [ {"tierId":"TIER#)" + id +
                           R"(","quantity":2,"holders":["Łukasz","山田太郎"]} ], "note":"a\"b\\c\n\u00e9\ud83c\udfab",)"
                           R"("gift":{"tierId":")" +
                           id + R"(","quantity":1.0},"kind":"box","loud":true,"factor":2.5,"extra":[1, {"a":null}]} )";
  const auto read = read_json<Order>(body);
  // The note holds a line feed, which plain text does not.
  REQUIRE(!read);
  CHECK(read.error().field == "note");

  const auto good = read_json<Order>(body.substr(0, body.find("\\n")) + body.substr(body.find("\\n") + 2));
  REQUIRE(good);
  CHECK(good->lines[0].tier_id == "TIER#" + id);
  CHECK(good->lines[0].holders->at(1) == "山田太郎");
  CHECK(*good->note == "a\"b\\cé🎫");
  CHECK(good->gift->quantity == 1);
  CHECK(good->factor == 2.5);
  CHECK(good->extra.text == R"([1, {"a":null}])");
  const auto written = write_json(*good);
  CHECK(written == R"({"lines":[{"tierId":"TIER#)" + id +
                       R"(","quantity":2,"holders":["Łukasz","山田太郎"]}],"note":"a\"b\\cé🎫","gift":{"tierId":")" +
                       id + R"(","quantity":1},"kind":"box","loud":true,"factor":2.5,"extra":[1, {"a":null}]})");
  const auto again = read_json<Order>(written);
  REQUIRE(again);
  CHECK(*again == *good);
}

TEST_CASE("json: what is absent keeps its default and is left out, what may be null is null") {
  const auto read = read_json<Order>(order("[" + line + "]"));
  REQUIRE(read);
  CHECK(!read->note);
  CHECK(!read->gift);
  CHECK(read->kind == "web");
  CHECK(write_json(*read) == order("[" + line + "]", R"(,"kind":"web","loud":false,"factor":1,"extra":null)"));
}

TEST_CASE("json: every refusal names its field and says what to do") {
  struct Row {
    std::string body;
    int status;
    std::string field;
    std::string words;  // part of the detail
  };
  const std::string one = "[" + line + "]";
  const std::vector<Row> rows{
      {"", 400, "", "ends too early"},
      {"nul", 400, "", "unexpected"},
      {"null", 422, "", "must not be null"},
      {"[]", 422, "", "must be an object"},
      {"{", 400, "", "key in double quotes"},
      {"{}", 422, "lines", "is missing"},
      {R"({"lines":)" + one + "}", 422, "note", "is missing"},
      {order(one) + "x", 400, "", "follows its end"},
      {order(one) + " {}", 400, "", "follows its end"},
      {order("[]"), 422, "lines", "at least 1"},
      {order("[" + line + "," + line + "," + line + "]"), 422, "lines", "at most 2"},
      {order("{}"), 422, "lines", "must be an array"},
      {order("[1]"), 422, "lines[0]", "must be an object"},
      {order("[" + line + R"(,{"tierId":"x","quantity":1}])"), 422, "lines[1].tierId", "must be an id"},
      {order(R"([{"tierId":")" + id + R"(","quantity":41}])"), 422, "lines[0].quantity", "at most 40"},
      {order(R"([{"tierId":")" + id + R"(","quantity":0}])"), 422, "lines[0].quantity", "at least 1"},
      {order(R"([{"tierId":")" + id + R"(","quantity":"2"}])"), 422, "lines[0].quantity", "whole number"},
      {order(R"([{"tierId":")" + id + R"(","quantity":1.5}])"), 422, "lines[0].quantity", "whole number"},
      {order(R"([{"tierId":")" + id + R"(","quantity":99999999999999999999}])"), 422, "lines[0].quantity", "too large"},
      {order(R"([{"tierId":")" + id + R"(","quantity":1e400}])"), 422, "lines[0].quantity", "whole number"},
      {order(R"([{"tierId":")" + id + R"(","quantity":01}])"), 400, "lines[0].quantity", "malformed"},
      {order(R"([{"tierId":")" + id + R"(","quantity":-}])"), 400, "lines[0].quantity", "malformed"},
      {order(R"([{"tierId":")" + id + R"("}])"), 422, "lines[0].quantity", "is missing"},
      {order(R"([{"tierId":")" + id + R"(","quantity":2,"holders":["a","","c"]}])"), 422, "lines[0].holders[1]",
       "empty"},
      {order(R"([{"tierId":")" + id + R"(","quantity":2,"holders":["123456789"]}])"), 422, "lines[0].holders[0]",
       "at most 8 characters"},
      {order(R"([{"tierId":")" + id + R"(","quantity":2,"holders":null}])"), 422, "lines[0].holders", "not be null"},
      {order(one, R"(,"kind":"post")"), 422, "kind", "one of: web, box"},
      {order(one, R"(,"loud":1)"), 422, "loud", "true or false"},
      {order(one, R"(,"loud":tru)"), 400, "loud", "unexpected"},
      {order(one, R"(,"factor":10.01)"), 422, "factor", "at most 10"},
      {order(one, R"(,"surprise":1)"), 422, "surprise", "not a known field"},
      {order(one, R"(,"kind":"web","kind":"web")"), 422, "kind", "twice"},
      {order(one, R"(,"\u006bind":"web","kind":"web")"), 422, "kind", "twice"},
      {order(one, R"(,"extra":{"a":1,"a":2})"), 422, "extra.a", "twice"},
      {order(one, R"(,"extra":[1,])"), 400, "extra", "unexpected"},
      {order(one, ","), 400, "", "key in double quotes"},
      {order(one, R"(,"kind" "web")"), 400, "", "colon"},
      {"{\"lines\":" + one + ",\"note\":\"\xff\"}", 400, "note", "not UTF-8"},
      {"{\"lines\":" + one + ",\"note\":\"\xc0\xaf\"}", 400, "note", "not UTF-8"},
      {"{\"lines\":" + one + ",\"note\":\"\xed\xa0\x80\"}", 400, "note", "not UTF-8"},
      {"{\"lines\":" + one + ",\"note\":\"a\tb\"}", 400, "note", "control character"},
      {"{\"lines\":" + one + R"(,"note":"\ud800"})", 400, "note", "surrogate"},
      {"{\"lines\":" + one + R"(,"note":"\udc00"})", 400, "note", "surrogate"},
      {"{\"lines\":" + one + R"(,"note":"\x41"})", 400, "note", "unknown escape"},
      {"{\"lines\":" + one + R"(,"note":"\u12g4"})", 400, "note", "malformed"},
      {"{\"lines\":" + one + R"(,"note":"\u0000"})", 422, "note", "control characters"},
      {"{\"lines\":" + one + R"(,"note":"abc)", 400, "note", "does not end"},
      {"\xef\xbb\xbf{}", 400, "", "unexpected"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.body);
    const auto read = read_json<Order>(row.body);
    REQUIRE(!read);
    CHECK(read.error().status == row.status);
    CHECK(read.error().code == (row.status == 400 ? "bad_json" : "bad_field"));
    CHECK(read.error().field == row.field);
    CAPTURE(read.error().detail);
    CHECK(read.error().detail.find(row.words) != std::string::npos);
  }
}

TEST_CASE("json: nesting is bounded, also where nothing is known of the value") {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  const auto read = read_json<Order>(R"({"extra":)" + deep + "}");
  REQUIRE(!read);
  CHECK(read.error().detail.find("too deeply") != std::string::npos);
  CHECK(!check_json(deep));
  CHECK(check_json(std::string(16, '[') + std::string(16, ']')));
  CHECK(!check_json(std::string(17, '[') + std::string(17, ']')));
}

TEST_CASE("json: a provider's unknown fields are let pass when asked, but must be JSON") {
  const JsonLimits lenient{.max_depth = 32, .ignore_unknown_fields = true};
  const std::string one = "[" + line + "]";
  CHECK(read_json<Order>(order(one, R"(,"new":{"deep":[1,2,{"a":"b"}]})"), lenient));
  CHECK(!read_json<Order>(order(one, R"(,"new":{"deep":[1,2,})"), lenient));
  CHECK(!read_json<Order>(order(one, R"(,"new":1,"new":2)"), lenient));
}

TEST_CASE("json: text is escaped, and bytes that are no text are replaced") {
  CHECK(quoted("a\"\\/\b\f\n\r\t\x01\x7f") == R"("a\"\\/\u0008\u000c\n\r\t\u0001\u007f")");
  CHECK(quoted("Żółć 山 🎫") == "\"Żółć 山 🎫\"");
  CHECK(quoted("a\xff\xc3") == "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
  CHECK(quoted("") == "\"\"");
  // Whatever is written is JSON to another reader.
  for (int lead = 0; lead < 256; ++lead) {
    for (int next = 0; next < 256; next += 7) {
      const std::string text{static_cast<char>(lead), static_cast<char>(next), 'x'};
      boost::system::error_code fault;
      boost::json::parse(quoted(text), fault);
      CHECK_FALSE(fault.failed());
    }
  }
}

TEST_CASE("json: numbers that JSON cannot hold become null") {
  Order empty;
  empty.factor = std::nan("");
  CHECK(write_json(empty).find(R"("factor":null)") != std::string::npos);
}

TEST_CASE("json: the schema is as strict as the reader") {
  CHECK(
      schema_of<Line>() ==
      R"({"type":"object","properties":{"tierId":{"type":"string","minLength":36,"maxLength":41,)"
      R"("pattern":"^(TIER#)?[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",)"
      R"("description":"Tier to buy from."},"quantity":{"type":"integer","minimum":1,"maximum":40,"format":"int64"},)"
      R"("holders":{"type":"array","maxItems":3,"items":{"type":"string","minLength":1,"maxLength":8,)"
      R"("pattern":"^[^\\u0000-\\u001f\\u007f]*$"}}},"required":["tierId","quantity"],"additionalProperties":false})");
  const auto schema = boost::json::parse(schema_of<Order>(false)).as_object();
  CHECK(!schema.contains("additionalProperties"));
  const auto& properties = schema.at("properties").as_object();
  CHECK(properties.at("note").at("type") == boost::json::value({"string", "null"}));
  CHECK(properties.at("gift").at("$ref").as_string() == "#/components/schemas/Line");
  CHECK(properties.at("kind").at("enum") == boost::json::value({"web", "box"}));
  CHECK(properties.at("extra").as_object().empty());
}

TEST_CASE("json: an example made from the rules is accepted by the reader") {
  CHECK(read_json<Order>(example_of(shape_of<Order>())));
}

TEST_CASE("json: a description that contradicts its member is told at once") {
  CHECK_THROWS_AS((void)required("n", &Line::quantity, text(0, 1)), std::logic_error);
  CHECK_THROWS_AS((void)required("n", &Line::quantity, integer(0, 1).nullable()), std::logic_error);
  CHECK_THROWS_AS((void)required("n", &Line::holders, items(0, 1)), std::logic_error);
  CHECK(shape_of<Holder<std::string>>().fields.size() == 1);
}

TEST_CASE("shape: formats accept and refuse") {
  struct Row {
    Shape shape;
    std::vector<std::string> good;
    std::vector<std::string> bad;
  };
  const std::vector<Row> rows{
      {date_time(),
       {"2027-08-14T17:30:00Z", "2028-02-29T00:00:00.123456789+02:00", "1970-01-01T23:59:59-11:30"},
       {"2027-02-29T00:00:00Z", "2027-08-14T17:30:00", "2027-08-14 17:30:00Z", "1969-01-01T00:00:00Z",
        "2027-13-01T00:00:00Z", "2027-04-31T00:00:00Z", "2027-01-01T24:00:00Z", "2027-01-01T00:00:60Z",
        "2027-01-01T00:00:00.Z", "2027-01-01T00:00:00z", "", "2027-01-01T00:00:00+0200"}},
      {local_time(), {"2027-08-14T19:30", "2027-08-14T19:30:15"}, {"2027-08-14", "2027-08-14T19:30Z", "2027-08-14T19"}},
      {email(),
       {"anna@example.com", "a.b+c@x-y.co.uk"},
       {"anna", "@example.com", "anna@localhost", "a b@example.com", "a@.com", "a@b..com", "a@b@c.com"}},
      {currency(), {"EUR"}, {"eur", "EU", "EURO", "E1R"}},
      {country(), {"PL"}, {"pl", "POL"}},
      {language(), {"en", "pt-BR", "zh-Hant-TW"}, {"EN", "e", "en-", "en_US", "english"}},
      {zone(), {"Europe/Warsaw", "UTC", "Etc/GMT+5", "America/Port-au-Prince"}, {"/x", "Europe/", "a//b", "../x", ""}},
      {digits(1, 5), {"1", "00000"}, {"", "123456", "12a", "-1", "١"}},
      {word_text(1, 9), {"a.b_c-9"}, {"a b", "a/b", "ä"}},
      {url(),
       {"https://example.com", "http://127.0.0.1:8080/a?b#c", "https://[::1]/x"},
       {"ftp://example.com", "https://", "javascript:alert(1)", "https://a b/", "https://user@host/"}},
      {uuid(), {id}, {"", "TIER#" + id, id + "0", "0190f1c2_7b00-7000-8000-000000000000"}},
      {multiline(0, 9), {"a\nb\tc"}, {"a\rb", std::string("a\0b", 3)}},
      {text(2, 3), {"山田", "🎫🎫🎫"}, {"山", "🎫🎫🎫🎫", "a\x7f"}},
  };
  std::string why;
  for (const auto& row : rows) {
    for (const auto& text_given : row.good) {
      CAPTURE(text_given);
      CHECK(fits_text(row.shape, text_given, why));
    }
    for (const auto& text_given : row.bad) {
      CAPTURE(text_given);
      CHECK_FALSE(fits_text(row.shape, text_given, why));
    }
  }
  CHECK(fits_parameter(integer(1, 5), "5", why));
  for (const auto* bad : {"", "6", "0", "+5", "5x", " 5", "99999999999999999999"}) {
    CHECK_FALSE(fits_parameter(integer(1, 5), bad, why));
  }
  CHECK(fits_parameter(boolean(), "true", why));
  CHECK_FALSE(fits_parameter(boolean(), "1", why));
}

#include "api/local_time.hpp"

#include <doctest/doctest.h>

using namespace admit;

namespace {

std::string utc(std::string_view local, std::string_view zone) {
  const auto instant = api::to_instant(local, zone);
  return instant ? domain::text(*instant) : "refused";
}

}  // namespace

TEST_CASE("local time: wall time becomes an instant by the zone's rules of that day") {
  CHECK(utc("2027-07-01T20:00", "Europe/Warsaw") == "2027-07-01T18:00:00.000Z");
  CHECK(utc("2027-12-01T20:00:30", "Europe/Warsaw") == "2027-12-01T19:00:30.000Z");
  CHECK(utc("2027-07-01T20:00", "Asia/Kathmandu") == "2027-07-01T14:15:00.000Z");
  CHECK(utc("2027-07-01T20:00", "Etc/UTC") == "2027-07-01T20:00:00.000Z");
}

TEST_CASE("local time: an hour that comes twice means its first coming") {
  CHECK(utc("2027-10-31T02:30", "Europe/Warsaw") == "2027-10-31T00:30:00.000Z");
  CHECK(utc("2027-10-31T03:00", "Europe/Warsaw") == "2027-10-31T02:00:00.000Z");
}

TEST_CASE("local time: a time that the clocks skip is refused") {
  CHECK(utc("2027-03-28T01:59", "Europe/Warsaw") == "2027-03-28T00:59:00.000Z");
  CHECK(utc("2027-03-28T02:00", "Europe/Warsaw") == "refused");
  CHECK(utc("2027-03-28T02:59", "Europe/Warsaw") == "refused");
  CHECK(utc("2027-03-28T03:00", "Europe/Warsaw") == "2027-03-28T01:00:00.000Z");
}

TEST_CASE("local time: what is no time and no zone is refused") {
  CHECK(utc("2027-02-30T20:00", "Europe/Warsaw") == "refused");
  CHECK(utc("20:00", "Europe/Warsaw") == "refused");
  CHECK(utc("2027-07-01T20:00Z", "Europe/Warsaw") == "refused");
  for (const auto* zone : {"", "Europe/Atlantis", "/etc/passwd", "../../etc/passwd", "Europe/../Europe/Warsaw"}) {
    CHECK(utc("2027-07-01T20:00", zone) == "refused");
    CHECK(!api::is_zone(zone));
  }
}

TEST_CASE("local time: an instant is told as the venue's clocks show it") {
  const auto at = domain::parse_instant("2027-10-31T00:30:00Z");
  CHECK(api::to_local(*at, "Europe/Warsaw") == "2027-10-31T02:30");
  CHECK(api::to_local(*at + std::chrono::hours{1}, "Europe/Warsaw") == "2027-10-31T02:30");
}

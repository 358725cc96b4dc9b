#include "mail/calendar.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace admit;
using namespace admit::mail;

namespace {

CalendarEvent sample_event() {
  return {.uid = "registration-1@tickets.example",
          .written_at = *domain::parse_instant("2026-11-01T09:00:00Z"),
          .starts_at = *domain::parse_instant("2026-11-21T18:30:00Z"),
          .ends_at = *domain::parse_instant("2026-11-21T21:00:00Z"),
          .version = 3,
          .title = "Cabaret; late, \\ loud",
          .place = "Hafenstraße 12, Hamburg",
          .description = "Doors 19:00\nBring your ticket",
          .link = "https://tickets.example/o/1?a=b,c;d"};
}

std::string unfolded(std::string text) {
  for (std::size_t at = 0; (at = text.find("\r\n ", at)) != std::string::npos;) text.erase(at, 3);
  return text;
}

}  // namespace

TEST_CASE("calendar: an event as RFC 5545 has it") {
  CHECK(calendar_file(sample_event()) ==
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Admit//Tickets//EN\r\nMETHOD:PUBLISH\r\nBEGIN:VEVENT\r\n"
        "UID:registration-1@tickets.example\r\nDTSTAMP:20261101T090000Z\r\nDTSTART:20261121T183000Z\r\n"
        "DTEND:20261121T210000Z\r\nSEQUENCE:3\r\nSTATUS:CONFIRMED\r\nSUMMARY:Cabaret\\; late\\, \\\\ loud\r\n"
        "LOCATION:Hafenstraße 12\\, Hamburg\r\nDESCRIPTION:Doors 19:00\\nBring your ticket\r\n"
        "URL:https://tickets.example/o/1?a=b,c;d\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
}

TEST_CASE("calendar: a cancelled event takes the same one away") {
  auto event = sample_event();
  event.is_cancelled = true;
  event.ends_at = event.starts_at;
  const auto file = calendar_file(event);
  CHECK(file.find("METHOD:CANCEL\r\n") != std::string::npos);
  CHECK(file.find("STATUS:CANCELLED\r\n") != std::string::npos);
  CHECK(file.find("UID:registration-1@tickets.example\r\n") != std::string::npos);
  CHECK(file.find("DTEND") == std::string::npos);
  CHECK(calendar_media_type(event) == "text/calendar; charset=utf-8; method=CANCEL");
}

TEST_CASE("calendar: long lines are folded between characters and unfold to what they were") {
  auto event = sample_event();
  std::string title;
  while (title.size() < 2000) title += "Żółć 🎻 الليلة ";
  title.pop_back();
  event.title = title;
  const auto file = calendar_file(event);
  for (std::size_t from = 0; from < file.size();) {
    const auto end = file.find("\r\n", from);
    REQUIRE(end != std::string::npos);
    CHECK(end - from <= 75);
    CHECK((static_cast<unsigned char>(file[from]) & 0xC0) != 0x80);
    from = end + 2;
    if (from < file.size() && file[from] == ' ') CHECK((static_cast<unsigned char>(file[from + 1]) & 0xC0) != 0x80);
  }
  CHECK(unfolded(file).find("SUMMARY:" + title + "\r\n") != std::string::npos);
}

TEST_CASE("calendar: no text can add a property") {
  auto event = sample_event();
  event.title = "x\r\nATTACH:evil\r\n ";
  event.place = "y\rATTACH:evil\xE2\x80\xA8z\xFF";
  event.uid = "u\nATTACH:evil";
  event.link = "https://x\r\nATTACH:evil";
  const auto file = calendar_file(event);
  CHECK(file.find("\nATTACH") == std::string::npos);
  CHECK(file.find("\rATTACH") == std::string::npos);
  CHECK(file.find("URL") == std::string::npos);
  CHECK(file.find("SUMMARY:x\\nATTACH:evil\\n\r\n") != std::string::npos);
}

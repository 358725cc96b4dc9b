#include "document/words.hpp"

#include <doctest/doctest.h>

#include "document/clean_text.hpp"

using namespace admit::document;
using admit::domain::parse_instant;

TEST_CASE("words: a moment is told in the zone of the show and the words of the customer") {
  const auto at = parse_instant("2026-11-21T18:30:00Z").value();
  struct Case {
    const char *language, *date, *time;
  };
  for (const auto& [language, day, time] : {
           Case{"en", "Saturday, November 21, 2026", "7:30 PM"},
           Case{"en-GB", "Saturday, 21 November 2026", "19:30"},
           Case{"de", "Samstag, 21. November 2026", "19:30"},
           Case{"fr", "samedi 21 novembre 2026", "19:30"},
           Case{"es", "sábado, 21 de noviembre de 2026", "19:30"},
           Case{"pl", "sobota, 21 listopada 2026", "19:30"},
           Case{"ja", "2026年11月21日土曜日", "19:30"},
           Case{"xx", "Saturday, November 21, 2026", "7:30 PM"},
           Case{"", "Saturday, November 21, 2026", "7:30 PM"},
           Case{"not a language at all, and far too long to be one", "Saturday, November 21, 2026", "7:30 PM"},
       }) {
    CAPTURE(language);
    const auto local = local_time(at, "Europe/Berlin", language);
    CHECK(local.date == day);
    CHECK(local.time == time);
    CHECK(local.zone == "Europe/Berlin, UTC+1");
  }
}

TEST_CASE("words: the day the clocks change has two offsets, and zones may be half hours off or unknown") {
  const auto zone = [](const char* at, const char* name) {
    return local_time(parse_instant(at).value(), name, "en-GB");
  };
  CHECK(zone("2026-10-25T00:30:00Z", "Europe/Berlin").time == "02:30");
  CHECK(zone("2026-10-25T00:30:00Z", "Europe/Berlin").zone == "Europe/Berlin, UTC+2");
  CHECK(zone("2026-10-25T01:30:00Z", "Europe/Berlin").time == "02:30");
  CHECK(zone("2026-10-25T01:30:00Z", "Europe/Berlin").zone == "Europe/Berlin, UTC+1");
  CHECK(zone("2026-07-01T12:00:00Z", "Asia/Kolkata").zone == "Asia/Kolkata, UTC+5:30");
  CHECK(zone("2026-07-01T12:00:00Z", "America/St_Johns").zone == "America/St_Johns, UTC−2:30");
  CHECK(zone("2026-07-01T12:00:00Z", "Mars/Olympus").zone == "UTC");
  CHECK(zone("2026-07-01T12:00:00Z", "Mars/Olympus").time == "12:00");
  CHECK(zone("2026-07-01T12:00:00Z", "../../etc/passwd").zone == "UTC");
  CHECK(zone("2026-07-01T12:00:00Z", "UTC").zone == "UTC");
}

TEST_CASE("words: zone rules are the system's, not those ICU was built with") {
  // Mexico gave up summer time in October 2022, after the data inside Debian's ICU.
  CHECK(local_time(parse_instant("2026-07-01T12:00:00Z").value(), "America/Mexico_City", "en-GB").time == "06:00");
}

TEST_CASE("words: money has the decimals of its currency and the look of the language") {
  CHECK(format_money(1250, "EUR", "de") == "12,50 €");
  CHECK(format_money(1250, "EUR", "en") == "€12.50");
  CHECK(format_money(5, "USD", "en") == "$0.05");
  CHECK(format_money(-5, "USD", "en") == "-$0.05");
  CHECK(format_money(1234567, "JPY", "en") == "¥1,234,567");
  CHECK(format_money(99, "PLN", "pl") == "0,99 zł");
  CHECK(format_money(1500, "HUF", "en").find("15.00") != std::string::npos);
  CHECK(format_money(1500, "??", "en") == "15.00 ??");
}

TEST_CASE("words: labels come in many languages and fall to English") {
  CHECK(labels("de-AT").holder == "Name");
  CHECK(labels("PL").ticket == "Bilet");
  CHECK(labels("fr").price == "Prix");
  CHECK(labels("es-419").registration == "Reserva");
  CHECK(labels("el").doors == "Ώρα προσέλευσης");
  CHECK(labels("pt_BR").free == "Grátis");
  CHECK(labels("zh").price == "价格");
  CHECK(labels("zh-Hans-TW").price == "价格");
  CHECK(labels("zh-Hant").price == "Price");
  CHECK(labels("zh-TW").price == "Price");
  CHECK(labels("fi").doors == "Doors");
  CHECK(labels("deu").holder == "Holder");
  CHECK(labels("").holder == "Holder");
  CHECK(labels("-").holder == "Holder");
}

TEST_CASE("words: no language lacks a word") {
  for (const char* language : {"en", "de", "fr", "es", "pl", "it", "nl", "pt", "cs", "sv", "da",
                               "uk", "ru", "el", "tr", "ar", "he", "ja", "zh", "ko", "hi", "th"}) {
    CAPTURE(language);
    const auto& words = labels(language);
    CHECK(words.language == language);
    for (const auto word :
         {words.holder, words.ticket, words.price, words.registration, words.doors, words.of, words.free, words.fold,
          words.at_the_door, words.advice[0], words.advice[1], words.advice[2], words.conditions}) {
      CHECK_FALSE(word.empty());
      CHECK(clean_text(word, 200) == word);
    }
  }
}

TEST_CASE("words: a language is one by its first part") {
  for (const auto* tag : {"en", "pt-BR", "zh-Hant-TW", "haw", "sw", "yi"}) {
    CAPTURE(tag);
    CHECK(is_language(tag));
  }
  for (const auto* tag : {"", "xx", "qq-DE", "zzz", "e", "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz"}) {
    CAPTURE(tag);
    CHECK_FALSE(is_language(tag));
  }
}

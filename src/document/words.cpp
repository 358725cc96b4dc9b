#include "document/words.hpp"

#include <date/tz.h>
#include <unicode/calendar.h>
#include <unicode/dtptngen.h>
#include <unicode/gregocal.h>
#include <unicode/locid.h>
#include <unicode/numberformatter.h>
#include <unicode/smpdtfmt.h>
#include <unicode/ures.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "document/clean_text.hpp"
#include "domain/money.hpp"

namespace admit::document {
namespace {

constexpr std::size_t limit_language = 35;
constexpr std::size_t limit_words = 80;

constexpr Labels english{
    .language = "en",
    .holder = "Holder",
    .ticket = "Ticket",
    .price = "Price",
    .registration = "Registration",
    .doors = "Doors",
    .of = "of",
    .free = "Free",
    .fold = "Fold here",
    .at_the_door = "At the door",
    .advice = {"Bring this page, or show the code on your phone with the screen bright.",
               "The code lets one person in. Keep it to yourself until then.",
               "Folded along the line it fits into a pocket and the code stays flat."},
    .conditions = "Conditions",
};
constexpr Labels german{
    .language = "de",
    .holder = "Name",
    .ticket = "Ticket",
    .price = "Preis",
    .registration = "Buchung",
    .doors = "Einlass",
    .of = "von",
    .free = "Kostenlos",
    .fold = "Hier falten",
    .at_the_door = "Am Einlass",
    .advice = {"Bring dieses Blatt mit oder zeig den Code auf dem Handy bei hellem Bildschirm.",
               "Der Code lässt eine Person ein. Zeig ihn bis dahin niemandem.",
               "Entlang der Linie gefaltet passt das Blatt in die Tasche und der Code bleibt glatt."},
    .conditions = "Bedingungen",
};
constexpr Labels french{
    .language = "fr",
    .holder = "Titulaire",
    .ticket = "Billet",
    .price = "Prix",
    .registration = "Réservation",
    .doors = "Ouverture des portes",
    .of = "sur",
    .free = "Gratuit",
    .fold = "Plier ici",
    .at_the_door = "À l’entrée",
    .advice = {"Apportez cette page ou montrez le code sur votre téléphone, écran lumineux.",
               "Le code fait entrer une seule personne. Gardez-le pour vous jusque-là.",
               "Pliée le long de la ligne, la page tient dans une poche et le code reste à plat."},
    .conditions = "Conditions",
};
constexpr Labels spanish{
    .language = "es",
    .holder = "Titular",
    .ticket = "Entrada",
    .price = "Precio",
    .registration = "Reserva",
    .doors = "Apertura de puertas",
    .of = "de",
    .free = "Gratis",
    .fold = "Doblar aquí",
    .at_the_door = "En la puerta",
    .advice = {"Trae esta página o muestra el código en el teléfono con la pantalla brillante.",
               "El código da paso a una sola persona. No lo enseñes hasta entonces.",
               "Doblada por la línea, la página cabe en un bolsillo y el código queda liso."},
    .conditions = "Condiciones",
};
constexpr Labels polish{
    .language = "pl",
    .holder = "Posiadacz",
    .ticket = "Bilet",
    .price = "Cena",
    .registration = "Rezerwacja",
    .doors = "Wejście od",
    .of = "z",
    .free = "Bezpłatny",
    .fold = "Zegnij tutaj",
    .at_the_door = "Przy wejściu",
    .advice = {"Weź tę stronę ze sobą lub pokaż kod na telefonie z jasnym ekranem.",
               "Kod wpuszcza jedną osobę. Do tego czasu nikomu go nie pokazuj.",
               "Zgięta wzdłuż linii strona mieści się w kieszeni, a kod pozostaje gładki."},
    .conditions = "Warunki",
};

void check(UErrorCode status, const char* what) {
  if (U_FAILURE(status)) throw std::runtime_error(std::string("ICU: ") + what + ": " + u_errorName(status));
}

/// The locale of a tag, with the calendar all venues keep; English where ICU has no words for it.
icu::Locale locale_of(std::string_view language) {
  UErrorCode status = U_ZERO_ERROR;
  auto locale =
      language.size() > limit_language
          ? icu::Locale::getEnglish()
          : icu::Locale::forLanguageTag(icu::StringPiece(language.data(), static_cast<int>(language.size())), status);
  if (U_FAILURE(status) || locale.isBogus() || *locale.getLanguage() == '\0') locale = icu::Locale::getEnglish();

  status = U_ZERO_ERROR;
  ures_close(ures_open(nullptr, locale.getBaseName(), &status));
  if (status == U_USING_DEFAULT_WARNING || U_FAILURE(status)) locale = icu::Locale::getEnglish();

  status = U_ZERO_ERROR;
  locale.setKeywordValue("calendar", "gregorian", status);
  check(status, "calendar");
  return locale;
}

std::string utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return clean_text(out, limit_words);
}

/// Formats a wall time given as if it were UTC, so that no zone data of ICU's is asked.
std::string format_wall(double wall_ms, const char16_t* skeleton, const icu::Locale& locale) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::DateTimePatternGenerator> patterns(
      icu::DateTimePatternGenerator::createInstance(locale, status));
  check(status, "date patterns");
  const auto pattern = patterns->getBestPattern(skeleton, status);
  check(status, "date pattern");
  icu::SimpleDateFormat format(pattern, locale, status);
  check(status, "date format");
  format.setTimeZone(*icu::TimeZone::getGMT());
  icu::UnicodeString text;
  format.format(wall_ms, text);
  return utf8(text);
}

std::string offset_text(std::chrono::seconds offset) {
  if (offset.count() == 0) return "UTC";
  const auto minutes = std::abs(offset.count()) / 60;
  std::string text = offset.count() < 0 ? "UTC−" : "UTC+";
  text += std::to_string(minutes / 60);
  if (minutes % 60 != 0) text += (minutes % 60 < 10 ? ":0" : ":") + std::to_string(minutes % 60);
  return text;
}

}  // namespace

const Labels& labels(std::string_view language) {
  const auto primary = language.substr(0, language.find_first_of("-_"));
  for (const Labels* words : {&german, &french, &spanish, &polish})
    if (std::ranges::equal(primary, words->language, [](char a, char b) { return (a | 0x20) == b; })) return *words;
  return english;
}

LocalTime local_time(domain::Instant at, std::string_view zone, std::string_view language) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  std::chrono::seconds offset{0};
  std::string zone_text = "UTC";
  try {
    offset = date::locate_zone(std::string(zone))->get_info(seconds).offset;
    const auto offset_words = offset_text(offset);
    if (zone != offset_words) zone_text = std::string(zone) + ", " + offset_words;
  } catch (const std::runtime_error&) {
    // A zone the tzdata of this machine does not know: the true instant in UTC is better than no ticket.
  }
  const auto locale = locale_of(language);
  const double wall_ms = static_cast<double>((seconds + offset).time_since_epoch().count()) * 1000.0;
  return {.date = format_wall(wall_ms, u"yMMMMEEEEd", locale),
          .time = format_wall(wall_ms, u"jm", locale),
          .zone = std::move(zone_text)};
}

std::string format_money(std::int64_t minor, std::string_view currency, std::string_view language) {
  const int decimals = domain::minor_digits(currency);
  const bool is_negative = minor < 0;
  auto digits = std::to_string(minor);
  if (is_negative) digits.erase(0, 1);
  if (digits.size() <= static_cast<std::size_t>(decimals))
    digits.insert(0, static_cast<std::size_t>(decimals) + 1 - digits.size(), '0');
  if (decimals > 0) digits.insert(digits.size() - static_cast<std::size_t>(decimals), ".");
  if (is_negative) digits.insert(0, "-");
  if (!domain::is_currency(currency)) return digits + " " + clean_text(currency, 3);

  const char16_t code[] = {static_cast<char16_t>(currency[0]), static_cast<char16_t>(currency[1]),
                           static_cast<char16_t>(currency[2]), 0};
  UErrorCode status = U_ZERO_ERROR;
  const auto text = icu::number::NumberFormatter::withLocale(locale_of(language))
                        .unit(icu::CurrencyUnit(code, status))
                        .precision(icu::number::Precision::fixedFraction(decimals))
                        .formatDecimal(digits, status)
                        .toString(status);
  check(status, "money");
  return utf8(text);
}

}  // namespace admit::document

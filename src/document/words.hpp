#pragma once
// Dates, money and labels in a language. Zones come from the system's tzdata, words from ICU.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/instant.hpp"

namespace admit::document {

/// The words printed on a ticket, in one language.
struct Labels {
  std::string_view language;  ///< of these words
  std::string_view holder, ticket, price, registration, doors;
  std::string_view of;           ///< between two numbers: "1 of 3"
  std::string_view free;         ///< instead of a price of nothing
  std::string_view fold;         ///< beside the fold line
  std::string_view at_the_door;  ///< heading of `advice`
  std::array<std::string_view, 3> advice;
  std::string_view conditions;
};

/// Whether the first part of a BCP 47 tag is a language that ICU knows from ISO 639 (`en`, `haw`; not `xx`).
[[nodiscard]] bool is_language(std::string_view tag);

/// Labels in the language of a BCP 47 tag (en, de, fr, es, pl, it, nl, pt, cs, sv, da, uk, ru, el, tr, ar, he, ja, zh
/// in simplified characters, ko, hi, th); English for every other.
[[nodiscard]] const Labels& labels(std::string_view language);

/// A moment as people at the venue read it.
struct LocalTime {
  std::string date;  ///< "Saturday, 21 November 2026"
  std::string time;  ///< "19:30" or "7:30 PM"
  std::string zone;  ///< "Europe/Berlin, UTC+1"; an unknown zone is shown in UTC and says so
};

/// `at` in `zone` (IANA name), in the words of `language` (BCP 47; what ICU does not know falls back to English).
[[nodiscard]] LocalTime local_time(domain::Instant at, std::string_view zone, std::string_view language);

/// Minor units of `currency` (ISO 4217) as `language` writes money: 1250, "EUR", "de" is "12,50 €".
/// The number of decimals is ISO 4217's, not the fashion of the locale.
[[nodiscard]] std::string format_money(std::int64_t minor, std::string_view currency, std::string_view language);

}  // namespace admit::document

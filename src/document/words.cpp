#include "document/words.hpp"

#include <date/tz.h>
#include <unicode/calendar.h>
#include <unicode/dtptngen.h>
#include <unicode/gregocal.h>
#include <unicode/locid.h>
#include <unicode/numberformatter.h>
#include <unicode/smpdtfmt.h>
#include <unicode/uloc.h>
#include <unicode/ures.h>

#include <algorithm>
#include <array>
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
constexpr Labels italian{
    .language = "it",
    .holder = "Intestatario",
    .ticket = "Biglietto",
    .price = "Prezzo",
    .registration = "Prenotazione",
    .doors = "Apertura porte",
    .of = "di",
    .free = "Gratuito",
    .fold = "Piega qui",
    .at_the_door = "All’ingresso",
    .advice = {"Porta questa pagina o mostra il codice sul telefono con lo schermo luminoso.",
               "Il codice fa entrare una sola persona. Fino ad allora non mostrarlo a nessuno.",
               "Piegata lungo la linea, la pagina sta in tasca e il codice resta piano."},
    .conditions = "Condizioni",
};
constexpr Labels dutch{
    .language = "nl",
    .holder = "Houder",
    .ticket = "Ticket",
    .price = "Prijs",
    .registration = "Reservering",
    .doors = "Deuren open",
    .of = "van",
    .free = "Gratis",
    .fold = "Hier vouwen",
    .at_the_door = "Bij de ingang",
    .advice = {"Neem deze pagina mee of toon de code op je telefoon met een helder scherm.",
               "De code laat één persoon binnen. Laat hem tot die tijd aan niemand zien.",
               "Langs de lijn gevouwen past de pagina in een zak en blijft de code glad."},
    .conditions = "Voorwaarden",
};
constexpr Labels portuguese{
    .language = "pt",
    .holder = "Titular",
    .ticket = "Bilhete",
    .price = "Preço",
    .registration = "Reserva",
    .doors = "Abertura de portas",
    .of = "de",
    .free = "Grátis",
    .fold = "Dobrar aqui",
    .at_the_door = "À entrada",
    .advice = {"Traga esta página ou mostre o código no telefone com brilho alto.",
               "O código deixa entrar uma só pessoa. Até lá, não o mostre a ninguém.",
               "Dobrada pela linha, a página cabe no bolso e o código fica liso."},
    .conditions = "Condições",
};
constexpr Labels czech{
    .language = "cs",
    .holder = "Držitel",
    .ticket = "Vstupenka",
    .price = "Cena",
    .registration = "Rezervace",
    .doors = "Vstup od",
    .of = "z",
    .free = "Zdarma",
    .fold = "Zde přeložit",
    .at_the_door = "U vchodu",
    .advice = {"Přineste tuto stránku, nebo ukažte kód v telefonu s jasným displejem.",
               "Kód vpustí jednu osobu. Do té doby ho nikomu neukazujte.",
               "Stránka přeložená podle čáry se vejde do kapsy a kód zůstane hladký."},
    .conditions = "Podmínky",
};
constexpr Labels swedish{
    .language = "sv",
    .holder = "Innehavare",
    .ticket = "Biljett",
    .price = "Pris",
    .registration = "Bokning",
    .doors = "Insläpp",
    .of = "av",
    .free = "Gratis",
    .fold = "Vik här",
    .at_the_door = "Vid entrén",
    .advice = {"Ta med den här sidan eller visa koden i telefonen med ljus skärm.",
               "Koden släpper in en person. Visa den inte för någon innan dess.",
               "Vikt längs linjen får sidan plats i en ficka och koden förblir slät."},
    .conditions = "Villkor",
};
constexpr Labels danish{
    .language = "da",
    .holder = "Indehaver",
    .ticket = "Billet",
    .price = "Pris",
    .registration = "Reservation",
    .doors = "Dørene åbner",
    .of = "af",
    .free = "Gratis",
    .fold = "Fold her",
    .at_the_door = "Ved indgangen",
    .advice = {"Medbring denne side, eller vis koden på telefonen med lys skærm.",
               "Koden lukker én person ind. Vis den ikke til nogen inden da.",
               "Foldet langs linjen kan siden være i en lomme, og koden forbliver glat."},
    .conditions = "Betingelser",
};
constexpr Labels ukrainian{
    .language = "uk",
    .holder = "Власник",
    .ticket = "Квиток",
    .price = "Ціна",
    .registration = "Бронювання",
    .doors = "Вхід з",
    .of = "з",
    .free = "Безкоштовно",
    .fold = "Згинати тут",
    .at_the_door = "На вході",
    .advice = {"Візьміть цю сторінку з собою або покажіть код на телефоні з яскравим екраном.",
               "За кодом увійде одна особа. До того нікому його не показуйте.",
               "Складена вздовж лінії, сторінка вміщується в кишеню, а код лишається рівним."},
    .conditions = "Умови",
};
constexpr Labels russian{
    .language = "ru",
    .holder = "Владелец",
    .ticket = "Билет",
    .price = "Цена",
    .registration = "Бронирование",
    .doors = "Вход с",
    .of = "из",
    .free = "Бесплатно",
    .fold = "Согнуть здесь",
    .at_the_door = "На входе",
    .advice = {"Возьмите эту страницу с собой или покажите код на телефоне с ярким экраном.",
               "По коду войдёт один человек. До этого никому его не показывайте.",
               "Сложенная по линии, страница помещается в карман, а код остаётся ровным."},
    .conditions = "Условия",
};
constexpr Labels greek{
    .language = "el",
    .holder = "Κάτοχος",
    .ticket = "Εισιτήριο",
    .price = "Τιμή",
    .registration = "Κράτηση",
    .doors = "Ώρα προσέλευσης",
    .of = "από",
    .free = "Δωρεάν",
    .fold = "Διπλώστε εδώ",
    .at_the_door = "Στην είσοδο",
    .advice = {"Φέρτε αυτή τη σελίδα ή δείξτε τον κωδικό στο κινητό με φωτεινή οθόνη.",
               "Ο κωδικός ισχύει για ένα άτομο. Μέχρι τότε μην τον δείξετε σε κανέναν.",
               "Διπλωμένη στη γραμμή, η σελίδα χωρά στην τσέπη και ο κωδικός μένει επίπεδος."},
    .conditions = "Όροι",
};
constexpr Labels turkish{
    .language = "tr",
    .holder = "Bilet sahibi",
    .ticket = "Bilet",
    .price = "Fiyat",
    .registration = "Rezervasyon",
    .doors = "Kapı açılışı",
    .of = "/",
    .free = "Ücretsiz",
    .fold = "Buradan katlayın",
    .at_the_door = "Girişte",
    .advice = {"Bu sayfayı getirin ya da kodu telefonunuzda ekran parlakken gösterin.",
               "Kod bir kişiyi içeri alır. O zamana kadar kimseye göstermeyin.",
               "Çizgiden katlanınca sayfa cebe sığar ve kod düz kalır."},
    .conditions = "Koşullar",
};
constexpr Labels arabic{
    .language = "ar",
    .holder = "حامل التذكرة",
    .ticket = "التذكرة",
    .price = "السعر",
    .registration = "الحجز",
    .doors = "فتح الأبواب",
    .of = "من",
    .free = "مجانًا",
    .fold = "اطوِ هنا",
    .at_the_door = "عند الدخول",
    .advice = {"أحضر هذه الصفحة أو اعرض الرمز على هاتفك والشاشة ساطعة.", "الرمز يُدخل شخصًا واحدًا. لا تُره لأحد قبل ذلك.",
               "عند طيّها على طول الخط تدخل الصفحة في الجيب ويبقى الرمز مستويًا."},
    .conditions = "الشروط",
};
constexpr Labels hebrew{
    .language = "he",
    .holder = "בעל הכרטיס",
    .ticket = "כרטיס",
    .price = "מחיר",
    .registration = "הזמנה",
    .doors = "פתיחת דלתות",
    .of = "מתוך",
    .free = "חינם",
    .fold = "קפלו כאן",
    .at_the_door = "בכניסה",
    .advice = {"הביאו את הדף הזה או הציגו את הקוד בטלפון במסך בהיר.", "הקוד מכניס אדם אחד. עד אז אל תראו אותו לאיש.",
               "כשהדף מקופל לאורך הקו הוא נכנס לכיס והקוד נשאר חלק."},
    .conditions = "תנאים",
};
constexpr Labels japanese{
    .language = "ja",
    .holder = "お名前",
    .ticket = "チケット",
    .price = "料金",
    .registration = "予約",
    .doors = "開場",
    .of = "/",
    .free = "無料",
    .fold = "ここで折る",
    .at_the_door = "入場時",
    .advice = {"このページを持参するか、スマートフォンの画面を明るくしてコードを表示してください。",
               "コードで入場できるのは1名です。それまで誰にも見せないでください。",
               "線に沿って折るとポケットに入り、コードは平らなままです。"},
    .conditions = "注意事項",
};
constexpr Labels chinese{
    .language = "zh",
    .holder = "持票人",
    .ticket = "门票",
    .price = "价格",
    .registration = "预订",
    .doors = "入场时间",
    .of = "/",
    .free = "免费",
    .fold = "沿此折叠",
    .at_the_door = "入场时",
    .advice = {"请携带本页，或在手机上调亮屏幕出示二维码。", "此码仅供一人入场，入场前请勿向他人出示。",
               "沿线折叠即可放入口袋，二维码保持平整。"},
    .conditions = "条款",
};
constexpr Labels korean{
    .language = "ko",
    .holder = "이름",
    .ticket = "티켓",
    .price = "가격",
    .registration = "예매",
    .doors = "입장 시작",
    .of = "/",
    .free = "무료",
    .fold = "여기를 접으세요",
    .at_the_door = "입장할 때",
    .advice = {"이 페이지를 가져오거나 휴대폰 화면을 밝게 하고 코드를 보여 주세요.",
               "코드로는 한 명만 입장할 수 있습니다. 그 전에는 아무에게도 보여 주지 마세요.",
               "선을 따라 접으면 주머니에 들어가고 코드는 평평하게 유지됩니다."},
    .conditions = "이용 조건",
};
constexpr Labels hindi{
    .language = "hi",
    .holder = "धारक",
    .ticket = "टिकट",
    .price = "मूल्य",
    .registration = "बुकिंग",
    .doors = "प्रवेश शुरू",
    .of = "/",
    .free = "निःशुल्क",
    .fold = "यहाँ मोड़ें",
    .at_the_door = "प्रवेश पर",
    .advice = {"यह पृष्ठ साथ लाएँ, या फ़ोन की स्क्रीन चमकीली करके कोड दिखाएँ।",
               "कोड से एक ही व्यक्ति अंदर जा सकता है। तब तक इसे किसी को न दिखाएँ।",
               "रेखा पर मोड़ने से पृष्ठ जेब में आ जाता है और कोड समतल रहता है।"},
    .conditions = "शर्तें",
};
constexpr Labels thai{
    .language = "th",
    .holder = "ผู้ถือบัตร",
    .ticket = "บัตร",
    .price = "ราคา",
    .registration = "การจอง",
    .doors = "ประตูเปิด",
    .of = "/",
    .free = "ฟรี",
    .fold = "พับตรงนี้",
    .at_the_door = "ที่ทางเข้า",
    .advice = {"นำหน้านี้มาด้วย หรือแสดงรหัสบนโทรศัพท์โดยเปิดหน้าจอให้สว่าง", "รหัสนี้เข้าได้หนึ่งคน อย่าให้ใครเห็นก่อนถึงเวลา",
               "เมื่อพับตามเส้น หน้านี้จะใส่กระเป๋าได้และรหัสยังเรียบอยู่"},
    .conditions = "เงื่อนไข",
};
constexpr std::array all_labels{&english, &german,   &french,  &spanish,   &polish,  &italian, &dutch,   &portuguese,
                                &czech,   &swedish,  &danish,  &ukrainian, &russian, &greek,   &turkish, &arabic,
                                &hebrew,  &japanese, &chinese, &korean,    &hindi,   &thai};

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

bool is_language(std::string_view tag) {
  const std::string primary(tag.substr(0, tag.find('-')));
  return primary.size() <= limit_language && *uloc_getISO3Language(primary.c_str()) != '\0';
}

const Labels& labels(std::string_view language) {
  const auto same = [](std::string_view subtag, std::string_view word) {
    return std::ranges::equal(subtag, word, [](char a, char b) { return (a | 0x20) == b; });
  };
  std::string_view rest = language;
  const auto next = [&rest] {
    const auto subtag = rest.substr(0, rest.find_first_of("-_"));
    rest.remove_prefix(std::min(rest.size(), subtag.size() + 1));
    return subtag;
  };
  const auto primary = next();
  const auto found =
      std::ranges::find_if(all_labels, [&](const Labels* words) { return same(primary, words->language); });
  if (found == all_labels.end()) return english;
  // Our Chinese words are in simplified characters.
  while (*found == &chinese && !rest.empty()) {
    const auto subtag = next();
    if (same(subtag, "hans")) break;
    if (same(subtag, "hant") || same(subtag, "tw") || same(subtag, "hk") || same(subtag, "mo")) return english;
  }
  return **found;
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

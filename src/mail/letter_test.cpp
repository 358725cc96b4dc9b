#include "mail/letter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "mail/message.hpp"
#include "mail/testing/sample.hpp"
#include "mail/text.hpp"

using namespace admit;
using namespace admit::mail;

namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool can_be_sent(const Letter& letter) {
  const auto text = compose({.id = "x",
                             .from = {.address = "a@example.com"},
                             .to = {.address = "b@example.com"},
                             .subject = letter.subject,
                             .language = letter.language,
                             .text = letter.text,
                             .html = letter.html});
  if (!text) MESSAGE(text.error());
  return text.has_value();
}

}  // namespace

TEST_CASE("letter: every kind in every language is whole, differs from English, and can be sent") {
  const auto order = testing::sample_order();
  const auto in_english = testing::sample_letters(order, "en");
  CHECK(in_english.size() == 12);
  for (const char* language : {"en", "de", "fr", "es", "pl"}) {
    const auto letters = testing::sample_letters(order, language);
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const auto& [kind, letter] = letters[i];
      CAPTURE(kind);
      CAPTURE(language);
      CHECK(letter.language == language);
      CHECK(can_be_sent(letter));
      CHECK_FALSE(has(letter.subject + letter.text, "{"));
      CHECK_FALSE(has(letter.subject + letter.text, "}"));
      CHECK(has(letter.html, "<html lang=\"" + std::string{language} + "\">"));
      if (kind != "payout_failed") {
        CHECK(has(letter.subject, order.show));
        CHECK(has(letter.text, order.starts));
        CHECK(has(letter.text, order.venue));
        CHECK(has(letter.text, order.number));
        CHECK(has(letter.text, order.link));
        CHECK(has(letter.html, "href=\"https://tickets.example/orders/019a77?key=a&amp;b=&quot;c&quot;\""));
      }
      if (std::string_view{language} != "en") {
        CHECK(letter.subject != in_english[i].second.subject);
        CHECK(letter.text != in_english[i].second.text);
      }
    }
  }
}

TEST_CASE("letter: a language is its primary tag; what we have no words for is English") {
  const OrderConfirmed news{.order = testing::sample_order(), .total = "0"};
  CHECK(write_letter(news, "de-AT").language == "de");
  for (const char* language : {"", "ja", "den", "x", "-de"}) CHECK(write_letter(news, language).language == "en");
}

TEST_CASE("letter: the confirmed order says what was bought and where the tickets are") {
  OrderConfirmed news{.order = testing::sample_order(), .lines = {{"2 × Balcony", "50,00 €"}}, .total = "51,50 €"};
  auto letter = write_letter(news, "en");
  CHECK(letter.subject == "Your tickets: Chamber Music by Candlelight");
  CHECK(has(letter.text, "Hello Zoë Müller,\n"));
  CHECK(has(letter.text, "2 × Balcony: 50,00 €\nTotal: 51,50 €\n"));
  CHECK(has(letter.text, "attached"));
  news.is_with_tickets = false;
  news.order.buyer.clear();
  letter = write_letter(news, "en");
  CHECK(has(letter.text, "Hello,\n"));
  CHECK_FALSE(has(letter.text, "attached"));
}

TEST_CASE("letter: money is spoken of only where money moved, places only where they are kept") {
  const auto order = testing::sample_order();
  CHECK(has(write_letter(ShowCancelled{.order = order, .amount = "5 €"}, "en").text, "working days"));
  CHECK_FALSE(has(write_letter(ShowCancelled{.order = order}, "en").text, "working days"));
  CHECK_FALSE(has(write_letter(RegistrationCancelled{.order = order}, "en").text, "Amount"));
  CHECK(has(write_letter(PaymentFailed{.order = order, .places_until = "19:42"}, "en").text, "until 19:42"));
  CHECK(has(write_letter(PaymentFailed{.order = order}, "en").text, "new order"));
  CHECK_FALSE(has(write_letter(DisputeOpened{.order = order}, "en").text, "no money has moved"));
}

TEST_CASE("letter: money that goes back has its own reason, and its own way") {
  const auto order = testing::sample_order();
  const auto late = write_letter(LateRefund{.order = order, .amount = "5 €"}, "en").text;
  const auto second = write_letter(SecondPayment{.order = order, .amount = "5 €"}, "en").text;
  const auto other = write_letter(AmountDiffers{.order = order, .amount = "5 €"}, "en").text;
  CHECK(has(late, "already gone to others"));
  CHECK(has(second, "your tickets stay valid"));
  CHECK(has(other, "not the amount asked for"));
  for (const auto& text : {second, other}) CHECK_FALSE(has(text, "gone to others"));
  const auto cash = write_letter(RegistrationCancelled{.order = order, .amount = "5 €", .is_cash = true}, "en").text;
  CHECK(has(cash, "in cash by Lantern Concerts"));
  CHECK_FALSE(has(cash, "bank"));
}

TEST_CASE("letter: why a payment failed is said in words, never as a code") {
  const auto order = testing::sample_order();
  const auto said = [&](std::string code, const char* language) {
    return write_letter(PaymentFailed{.order = order, .decline_code = std::move(code)}, language).text;
  };
  CHECK(has(said("insufficient_funds", "en"), "Reason: There was not enough money on the card."));
  CHECK(has(said("insufficient_funds", "de"), "Auf der Karte war nicht genug Geld."));
  CHECK(has(said("expired_card", "fr"), "La carte a expiré."));
  CHECK_FALSE(has(said("", "en"), "Reason"));
  for (const char* code : {"card_declined", "generic_decline", "stolen_card", "something_new"}) {
    CAPTURE(code);
    CHECK(has(said(code, "en"), "Reason: The bank declined the payment."));
    CHECK_FALSE(has(said(code, "pl"), code));
  }
}

TEST_CASE("letter: what people typed stays text") {
  OrderFacts order = testing::sample_order();
  order.show = "<script>alert(1)</script>\r\nBcc: x@y {amount} \u202Eevil";
  order.buyer = "\"><img src=x onerror=1> {0}";
  order.venue = "a\n\nb\tc";
  order.link = "javascript:alert(1)";
  for (const auto& [kind, letter] : testing::sample_letters(order, "en")) {
    CAPTURE(kind);
    CHECK(can_be_sent(letter));
    CHECK_FALSE(has(letter.html, "<script"));
    CHECK_FALSE(has(letter.html, "<img"));
    CHECK_FALSE(has(letter.html, "javascript:"));
    CHECK_FALSE(has(letter.text, "javascript:"));
    CHECK_FALSE(has(letter.text, "\nBcc"));
    CHECK_FALSE(has(letter.text + letter.html + letter.subject, "\u202E"));
    if (kind != "payout_failed") CHECK(has(letter.text, "a b c\n"));
  }
}

TEST_CASE("letter: a link that could break out or is no web address is left out") {
  OrderFacts order = testing::sample_order();
  for (const std::string bad : {"ftp://x", "//x", "https://x y", "https://x\ny", "data:text/html,x"}) {
    order.link = bad;
    CHECK_FALSE(has(write_letter(RefundDone{.order = order, .amount = "1"}, "en").html, "<a "));
  }
  order.link = "https://x/" + std::string(2000, 'a');
  CHECK_FALSE(has(write_letter(RefundDone{.order = order, .amount = "1"}, "en").html, "<a "));
}

TEST_CASE("letter: names of any length and script fit; what runs from the right is set apart") {
  OrderFacts order = testing::sample_order();
  for (const std::string_view piece : {"W", "🎟", "ß", "عرض", "東京"}) {
    order.show.clear();
    while (order.show.size() < 5000) order.show += piece;
    order.buyer = order.organiser = order.venue = order.show;
    for (const auto& [kind, letter] : testing::sample_letters(order, "pl")) {
      CAPTURE(kind);
      CHECK(can_be_sent(letter));
    }
  }
  order.show = "مسرحية";
  CHECK(has(write_letter(OrderConfirmed{.order = order, .total = "1"}, "en").subject, "\u2068مسرحية\u2069"));
  order.show = "Łódź — “é” 東京 🎟";
  CHECK_FALSE(has(write_letter(OrderConfirmed{.order = order, .total = "1"}, "en").subject, "\u2068"));
}

TEST_CASE("letter: a message with many lines is bounded") {
  std::string message;
  for (int i = 0; i < 10'000; ++i) message += "line\n";
  const auto letter = write_letter(ShowCancelled{.order = testing::sample_order(), .message = message}, "en");
  CHECK(can_be_sent(letter));
  CHECK(has(letter.text, "> line\n"));
  CHECK(letter.text.size() < 5000);
}

TEST_CASE("letter: HTML fetches nothing") {
  for (const auto& [kind, letter] : testing::sample_letters(testing::sample_order(), "en")) {
    CAPTURE(kind);
    for (const char* word : {"<img", "url(", "@import", "<link", "<script", "src=", "<iframe"})
      CHECK_FALSE(has(letter.html, word));
    CHECK(letter.html.size() < 16 * 1024);
  }
}

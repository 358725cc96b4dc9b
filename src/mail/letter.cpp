#include "mail/letter.hpp"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mail/page.hpp"
#include "mail/text.hpp"
#include "mail/words.hpp"

namespace admit::mail {
namespace {

constexpr std::size_t limit_text = 300;       // characters of one thing somebody typed
constexpr std::size_t limit_in_subject = 60;  // the same, in a subject: two of them fit whatever their script
constexpr std::size_t limit_lines = 60;       // of an order, and of a quoted message
constexpr std::size_t limit_link_bytes = 2000;

/// What stands for the names in braces.
struct Values {
  std::string_view show, amount, organiser, name, until;
};

bool is_right_to_left(std::string_view text) {
  // Hebrew, Arabic, Syriac, Thaana and their neighbours are U+0590 to U+08FF; their older forms U+FB1D to U+FEFC.
  return std::ranges::any_of(text,
                             [](char c) {
                               const auto byte = static_cast<unsigned char>(c);
                               return (byte >= 0xD6 && byte <= 0xDF);
                             }) ||
         text.contains("\xE0\xA0") || text.contains("\xE0\xA1") || text.contains("\xE0\xA2") ||
         text.contains("\xE0\xA3") || text.contains("\xEF\xAC") || text.contains("\xEF\xAD") ||
         text.contains("\xEF\xB7") || text.contains("\xEF\xB9");
}

/// One line; what runs from right to left is set apart (FSI, PDI), so that the sentence around it keeps its order.
std::string value(std::string_view text, std::size_t limit_characters) {
  std::string line = one_line(text, limit_characters);
  return is_right_to_left(line) ? "\u2068" + line + "\u2069" : line;
}

std::string fill(std::string_view phrase, const Values& values, std::size_t limit_characters = limit_text) {
  const auto put = [&](std::string_view text) {
    return value(text, limit_characters);
  };
  return fmt::format(fmt::runtime(phrase), fmt::arg("show", put(values.show)), fmt::arg("amount", put(values.amount)),
                     fmt::arg("organiser", put(values.organiser)), fmt::arg("name", put(values.name)),
                     fmt::arg("until", put(values.until)));
}

/// "" for anything but a web address without spaces.
std::string web_link(std::string_view link) {
  const bool is_web = link.starts_with("https://") || link.starts_with("http://");
  const bool is_whole = link.size() <= limit_link_bytes && is_clean(link, false) && !link.contains(' ');
  return is_web && is_whole ? std::string{link} : std::string{};
}

/// A letter under construction.
class Draft {
 public:
  Draft(std::string_view language, Tone tone, const Phrases Words::* kind, Values values)
      : x_words(words(language)), x_phrases(x_words.*kind), x_values(values) {
    x_page.language = x_words.language;
    x_page.tone = tone;
    x_page.heading = x_phrases.heading;
    say(x_phrases.body);
  }

  [[nodiscard]] const Words& phrase() const { return x_words; }

  Draft& greet() {
    x_page.greeting = x_values.name.empty() ? std::string{x_words.hello_anybody} : fill(x_words.hello, x_values, 80);
    return *this;
  }
  Draft& say(std::string_view phrase) {
    x_page.paragraphs.push_back(fill(phrase, x_values));
    return *this;
  }
  Draft& quote(std::string_view introduction, std::string_view message) {
    while (!message.empty() && x_page.quote.size() < limit_lines) {
      const auto end = message.find('\n');
      if (auto line = one_line(message.substr(0, end), limit_text * 4); !line.empty())
        x_page.quote.push_back(std::move(line));
      message.remove_prefix(end == std::string_view::npos ? message.size() : end + 1);
    }
    if (!x_page.quote.empty()) say(introduction);
    return *this;
  }
  Draft& fact(std::string_view name, std::string_view text) {
    if (auto line = value(text, limit_text); !line.empty()) x_page.facts.emplace_back(name, std::move(line));
    return *this;
  }
  Draft& show(const OrderFacts& order) {
    return fact(x_words.show, order.show).fact(x_words.when, order.starts).fact(x_words.where, order.venue);
  }
  Draft& receipt(const std::vector<OrderLine>& lines, std::string_view total) {
    for (const OrderLine& line : lines) {
      if (x_page.amounts.size() == limit_lines) break;
      x_page.amounts.emplace_back(value(line.what, limit_text), value(line.amount, limit_text));
    }
    x_page.amounts.emplace_back(x_words.total, value(total, limit_text));
    return *this;
  }
  Letter finish(std::string_view button, std::string_view link, std::string_view footer) {
    x_page.link = web_link(link);
    x_page.button = button;
    x_page.footer = fill(footer, x_values);
    return {.language = std::string{x_words.language},
            .subject = fill(x_phrases.subject, x_values, limit_in_subject),
            .text = as_text(x_page),
            .html = as_html(x_page)};
  }

 private:
  const Words& x_words;
  const Phrases& x_phrases;
  Values x_values;
  Page x_page;
};

Values values_of(const OrderFacts& order, std::string_view amount = {}, std::string_view until = {}) {
  return {.show = order.show, .amount = amount, .organiser = order.organiser, .name = order.buyer, .until = until};
}

/// "" for no code; a general sentence for one that says nothing to a buyer, or should not: a stolen card.
std::string_view why_declined(const Words& phrase, std::string_view code) {
  if (code.empty()) return {};
  if (code == "insufficient_funds" || code == "withdrawal_count_limit_exceeded") return phrase.no_funds;
  if (code == "expired_card" || code == "invalid_expiry_month" || code == "invalid_expiry_year")
    return phrase.expired_card;
  if (code == "incorrect_cvc" || code == "invalid_cvc") return phrase.wrong_code;
  if (code == "incorrect_number" || code == "invalid_number" || code == "invalid_account") return phrase.wrong_number;
  if (code == "authentication_required" || code == "payment_intent_authentication_failure") return phrase.not_confirmed;
  if (code == "processing_error" || code == "try_again_later" || code == "reenter_transaction")
    return phrase.not_processed;
  return phrase.refused;
}

/// The end of a letter to a buyer whose money, if it is any, goes back.
Letter about_money(Draft draft, const OrderFacts& order, std::string_view amount, bool is_cash = false) {
  const Words& phrase = draft.phrase();
  if (!amount.empty()) draft.say(is_cash ? phrase.cash_comes_back : phrase.money_comes_back);
  return draft.greet()
      .show(order)
      .fact(phrase.order, order.number)
      .fact(phrase.amount, amount)
      .finish(phrase.open_order, order.link, phrase.footer_buyer);
}

}  // namespace

Letter write_letter(const OrderConfirmed& news, std::string_view language) {
  Draft draft{language, Tone::good, &Words::order_confirmed, values_of(news.order)};
  const Words& phrase = draft.phrase();
  return draft.greet()
      .say(news.is_with_tickets ? phrase.tickets_attached : phrase.tickets_at_link)
      .say(phrase.code_is_yours)
      .show(news.order)
      .fact(phrase.organiser, news.order.organiser)
      .fact(phrase.order, news.order.number)
      .receipt(news.lines, news.total)
      .finish(phrase.open_tickets, news.order.link, phrase.footer_buyer);
}

Letter write_letter(const RefundDone& news, std::string_view language) {
  return about_money({language, Tone::plain, &Words::refund_done, values_of(news.order, news.amount)}, news.order,
                     news.amount, news.is_cash);
}

Letter write_letter(const RegistrationCancelled& news, std::string_view language) {
  return about_money({language, Tone::plain, &Words::registration_cancelled, values_of(news.order, news.amount)},
                     news.order, news.amount, news.is_cash);
}

Letter write_letter(const TicketsReturned& news, std::string_view language) {
  return about_money({language, Tone::plain, &Words::tickets_returned, values_of(news.order, news.amount)}, news.order,
                     news.amount, news.is_cash);
}

Letter write_letter(const PaymentFailed& news, std::string_view language) {
  Draft draft{language, Tone::bad, &Words::payment_failed, values_of(news.order, {}, news.places_until)};
  const Words& phrase = draft.phrase();
  const bool is_held = !news.places_until.empty();
  return draft.greet()
      .say(is_held ? phrase.try_until : phrase.places_gone)
      .show(news.order)
      .fact(phrase.order, news.order.number)
      .fact(phrase.reason, why_declined(phrase, news.decline_code))
      .finish(is_held ? phrase.try_again : phrase.open_order, news.order.link, phrase.footer_buyer);
}

Letter write_letter(const LateRefund& news, std::string_view language) {
  return about_money({language, Tone::bad, &Words::late_refund, values_of(news.order, news.amount)}, news.order,
                     news.amount);
}

Letter write_letter(const SecondPayment& news, std::string_view language) {
  return about_money({language, Tone::plain, &Words::second_payment, values_of(news.order, news.amount)}, news.order,
                     news.amount);
}

Letter write_letter(const AmountDiffers& news, std::string_view language) {
  return about_money({language, Tone::bad, &Words::amount_differs, values_of(news.order, news.amount)}, news.order,
                     news.amount);
}

Letter write_letter(const ShowCancelled& news, std::string_view language) {
  Draft draft{language, Tone::bad, &Words::show_cancelled, values_of(news.order, news.amount)};
  draft.quote(draft.phrase().organiser_says, news.message);
  return about_money(std::move(draft), news.order, news.amount, news.is_cash);
}

Letter write_letter(const RefundFailed& news, std::string_view language) {
  Draft draft{language, Tone::bad, &Words::refund_failed, values_of(news.order, news.amount)};
  const Words& phrase = draft.phrase();
  return draft.show(news.order)
      .fact(phrase.order, news.order.number)
      .fact(phrase.buyer, news.order.buyer)
      .fact(phrase.amount, news.amount)
      .fact(phrase.reason, news.reason)
      .finish(phrase.open_order, news.order.link, phrase.footer_organiser);
}

Letter write_letter(const PayoutFailed& news, std::string_view language) {
  Draft draft{language, Tone::bad, &Words::payout_failed, {.amount = news.amount, .organiser = news.business}};
  const Words& phrase = draft.phrase();
  return draft.fact(phrase.organiser, news.business)
      .fact(phrase.amount, news.amount)
      .fact(phrase.reason, news.reason)
      .finish(phrase.open_settings, news.link, phrase.footer_organiser);
}

Letter write_letter(const DisputeOpened& news, std::string_view language) {
  Draft draft{language, Tone::bad, &Words::dispute_opened, values_of(news.order, news.amount)};
  const Words& phrase = draft.phrase();
  if (news.is_inquiry) draft.say(phrase.inquiry);
  return draft.show(news.order)
      .fact(phrase.order, news.order.number)
      .fact(phrase.buyer, news.order.buyer)
      .fact(phrase.amount, news.amount)
      .fact(phrase.reason, news.reason)
      .fact(phrase.answer_by, news.answer_until)
      .finish(phrase.open_order, news.order.link, phrase.footer_organiser);
}

}  // namespace admit::mail

#pragma once
// The phrases of the letters. In braces stand the names of what is put in: {show}, {amount}, {organiser}, {name},
// {until}.

#include <string_view>

namespace admit::mail {

/// One kind of letter. The paragraphs of `body` stand on lines of their own.
struct Phrases {
  std::string_view subject;  // {show} {amount}
  std::string_view heading;
  std::string_view body;  // {show} {amount} {organiser}
};

struct Words {
  std::string_view language;
  std::string_view hello;  // {name}
  std::string_view hello_anybody;
  // Names of facts.
  std::string_view show, when, where, organiser, buyer, order, amount, total, reason, answer_by;
  // Buttons.
  std::string_view open_order, open_tickets, try_again, open_settings;
  // Sentences added where they hold.
  std::string_view tickets_attached, tickets_at_link, code_is_yours, money_comes_back, cash_comes_back,
      try_until /* {until} */, places_gone, organiser_says, inquiry;
  // Why a bank refused.
  std::string_view no_funds, expired_card, wrong_code, wrong_number, not_confirmed, not_processed, refused;
  std::string_view footer_buyer;  // {organiser}
  std::string_view footer_organiser;
  Phrases order_confirmed, refund_done, registration_cancelled, tickets_returned, payment_failed, late_refund,
      second_payment, amount_differs, show_cancelled, refund_failed, payout_failed, dispute_opened;
};

/// In the language of a BCP 47 tag (en, de, fr, es, pl); English for every other.
[[nodiscard]] const Words& words(std::string_view language);

}  // namespace admit::mail

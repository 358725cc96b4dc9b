#pragma once
// The words of every mail, in English, German, French, Spanish and Polish. The caller reads the rows and says dates and
// money in words; nothing here needs to be cleaned or escaped before it comes in.

#include <string>
#include <string_view>
#include <vector>

namespace admit::mail {

/// What a mail says, ready for a Message.
struct Letter {
  std::string language;  ///< of its words: en, de, fr, es or pl
  std::string subject;
  std::string text;
  std::string html;
};

/// The order that a letter is about. Any text may be empty, then its line is left out.
struct OrderFacts {
  std::string show;       ///< its title
  std::string starts;     ///< "Saturday, 21 November 2026, 19:30 (Europe/Berlin, UTC+1)"
  std::string venue;      ///< name and address
  std::string organiser;  ///< the business
  std::string buyer;      ///< the name to greet; for letters to the organiser: who bought
  std::string number;     ///< of the order, as people read it out
  std::string link;       ///< to the order, as the reader may open it; http:// or https://, anything else is left out
};

/// "2 × Balcony", "50,00 €".
struct OrderLine {
  std::string what;
  std::string amount;
};

// To the buyer.
struct OrderConfirmed {
  OrderFacts order;
  std::vector<OrderLine> lines;
  std::string total;
  bool is_with_tickets = true;  ///< they are attached; else they wait behind the link
};
struct RefundDone {
  OrderFacts order;
  std::string amount;
  bool is_cash = false;  ///< the organiser hands it over
};
struct RegistrationCancelled {  ///< all its tickets end
  OrderFacts order;
  std::string amount;  ///< that goes back; "": nothing was paid
  bool is_cash = false;
};
struct TicketsReturned {  ///< some of them end
  OrderFacts order;
  std::string amount;  ///< that goes back; "": nothing was paid
  bool is_cash = false;
};
struct PaymentFailed {
  OrderFacts order;
  std::string decline_code;  ///< the provider's, of which the letter makes words; may be empty
  std::string places_until;  ///< until then another card can be tried; "": the places are gone
};
struct LateRefund {  ///< paid after the hold had ended and the places were gone; all of it goes back
  OrderFacts order;
  std::string amount;
};
struct SecondPayment {  ///< the order had been paid already: this payment goes back, the tickets stay
  OrderFacts order;
  std::string amount;
};
struct AmountDiffers {  ///< not what was asked for, and nobody accepted it; all of it goes back
  OrderFacts order;
  std::string amount;
};
struct ShowCancelled {
  OrderFacts order;
  std::string amount;  ///< that goes back; "": nothing was paid, or others decide about it
  bool is_cash = false;
  std::string message;  ///< of the organiser, may have several lines; may be empty
};

// To the organiser or the operator.
struct RefundFailed {
  OrderFacts order;
  std::string amount;
  std::string reason;
};
struct PayoutFailed {
  std::string business;
  std::string amount;
  std::string reason;
  std::string link;  ///< to the payment settings
};
struct DisputeOpened {
  OrderFacts order;
  std::string amount;
  std::string reason;
  std::string answer_until;  ///< in words; may be empty
  bool is_inquiry = false;   ///< a question of the bank before a dispute: no money has moved
};

/// `language` is a BCP 47 tag; English where we have no words for it.
[[nodiscard]] Letter write_letter(const OrderConfirmed& news, std::string_view language);
[[nodiscard]] Letter write_letter(const RefundDone& news, std::string_view language);
[[nodiscard]] Letter write_letter(const RegistrationCancelled& news, std::string_view language);
[[nodiscard]] Letter write_letter(const TicketsReturned& news, std::string_view language);
[[nodiscard]] Letter write_letter(const PaymentFailed& news, std::string_view language);
[[nodiscard]] Letter write_letter(const LateRefund& news, std::string_view language);
[[nodiscard]] Letter write_letter(const SecondPayment& news, std::string_view language);
[[nodiscard]] Letter write_letter(const AmountDiffers& news, std::string_view language);
[[nodiscard]] Letter write_letter(const ShowCancelled& news, std::string_view language);
[[nodiscard]] Letter write_letter(const RefundFailed& news, std::string_view language);
[[nodiscard]] Letter write_letter(const PayoutFailed& news, std::string_view language);
[[nodiscard]] Letter write_letter(const DisputeOpened& news, std::string_view language);

}  // namespace admit::mail

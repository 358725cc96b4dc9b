#pragma once
// One letter of each kind, about an order like any other.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mail/letter.hpp"

namespace admit::mail::testing {

inline OrderFacts sample_order() {
  return {.show = "Chamber Music by Candlelight",
          .starts = "Saturday, 21 November 2026, 19:30 (Europe/Berlin, UTC+1)",
          .venue = "Old Power Station, Hafenstraße 12, 20457 Hamburg",
          .organiser = "Lantern Concerts",
          .buyer = "Zoë Müller",
          .number = "019A-77QK",
          .link = "https://tickets.example/orders/019a77?key=a&b=\"c\""};
}

/// (kind, letter), all about `order`.
inline std::vector<std::pair<std::string, Letter>> sample_letters(const OrderFacts& order, std::string_view language) {
  return {
      {"order_confirmed",
       write_letter(
           OrderConfirmed{.order = order,
                          .lines = {{"2 × Balcony", "50,00 €"}, {"1 × Child", "12,50 €"}, {"Booking fee", "1,50 €"}},
                          .total = "64,00 €"},
           language)},
      {"refund_done", write_letter(RefundDone{.order = order, .amount = "25,00 €"}, language)},
      {"registration_cancelled", write_letter(RegistrationCancelled{.order = order, .amount = "64,00 €"}, language)},
      {"tickets_returned",
       write_letter(TicketsReturned{.order = order, .amount = "25,00 €", .is_cash = true}, language)},
      {"payment_failed",
       write_letter(PaymentFailed{.order = order, .decline_code = "insufficient_funds", .places_until = "19:42"},
                    language)},
      {"late_refund", write_letter(LateRefund{.order = order, .amount = "64,00 €"}, language)},
      {"second_payment", write_letter(SecondPayment{.order = order, .amount = "64,00 €"}, language)},
      {"amount_differs", write_letter(AmountDiffers{.order = order, .amount = "60,00 €"}, language)},
      {"show_cancelled",
       write_letter(ShowCancelled{.order = order,
                                  .amount = "64,00 €",
                                  .message = "The quartet is ill.\nWe hope to see you in spring & wish you well <3"},
                    language)},
      {"refund_failed",
       write_letter(RefundFailed{.order = order, .amount = "25,00 €", .reason = "expired_or_canceled_card"}, language)},
      {"payout_failed", write_letter(PayoutFailed{.business = order.organiser,
                                                  .amount = "1.204,00 €",
                                                  .reason = "account_closed",
                                                  .link = "https://tickets.example/business"},
                                     language)},
      {"dispute_opened", write_letter(DisputeOpened{.order = order,
                                                    .amount = "64,00 €",
                                                    .reason = "product_not_received",
                                                    .answer_until = "30 November 2026",
                                                    .is_inquiry = true},
                                      language)},
  };
}

}  // namespace admit::mail::testing

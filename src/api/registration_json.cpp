#include "api/registration_json.hpp"

#include "domain/registrations.hpp"

namespace admit::api {

http::Shape LineJson::shape() {
  using namespace http;
  return http::object<LineJson>(
      "Line",
      {required("tierId", &LineJson::tier_id, uuid()), required("quantity", &LineJson::quantity, integer(1, 40)),
       required("holders", &LineJson::holders, items(0, 40)),
       required("price", &LineJson::price, any().doc("One ticket, gross, in minor units.")),
       required("taxRate", &LineJson::tax_rate), required("net", &LineJson::net), required("tax", &LineJson::tax),
       required("fee", &LineJson::fee), required("gross", &LineJson::gross, any().doc("The whole line."))});
}

http::Shape RegistrationRefundJson::shape() {
  using namespace http;
  return http::object<RegistrationRefundJson>(
      "RegistrationRefund",
      {required("refundId", &RegistrationRefundJson::refund_id, uuid()),
       required("status", &RegistrationRefundJson::status,
                one_of({"due", "pending", "requires_action", "succeeded", "failed", "cancelled"})),
       required("reason", &RegistrationRefundJson::reason,
                one_of({"customer", "organiser", "show_cancelled", "late_success", "second_payment", "amount_differs",
                        "provider", "dispute"})),
       required("amount", &RegistrationRefundJson::amount, any().doc("In minor units.")),
       required("currency", &RegistrationRefundJson::currency, http::currency()),
       required("ticketNumbers", &RegistrationRefundJson::ticket_numbers,
                items(0, 40).doc("The tickets that end with it.")),
       required("createdAt", &RegistrationRefundJson::created_at, date_time())});
}

http::Shape RegistrationJson::shape() {
  using namespace http;
  return http::object<RegistrationJson>(
      "Registration",
      {required("registrationId", &RegistrationJson::registration_id, uuid()),
       required("showId", &RegistrationJson::show_id, uuid()), required("userId", &RegistrationJson::user_id, uuid()),
       required("status", &RegistrationJson::status, one_of({"held", "expiring", "expired", "confirmed", "cancelled"})),
       required("amount", &RegistrationJson::amount, integer(0, 99'999'999).doc("What it costs, in minor units.")),
       required("currency", &RegistrationJson::currency, http::currency()),
       required("expiresAt", &RegistrationJson::expires_at, date_time().doc("Pay before this.")),
       required("createdAt", &RegistrationJson::created_at, date_time()),
       required("lines", &RegistrationJson::lines, items(1, 20)),
       required("ticketIds", &RegistrationJson::ticket_ids, items(0, 40, uuid()).doc("Once it is confirmed.")),
       optional("refunds", &RegistrationJson::refunds, items(0, 100).doc("Told when one registration is asked for.")),
       optional("paymentStatus", &RegistrationJson::payment_status,
                one_of({"created", "requires_action", "requires_capture", "processing", "succeeded", "failed", "cancelled"})
                    .doc("Of the payment under way or made, where there is one. Told when one registration is asked "
                         "for."))});
}

RegistrationJson to_json(const domain::Registration& registration) {
  RegistrationJson out{.registration_id = registration.id.text(),
                       .show_id = registration.show_id.text(),
                       .user_id = registration.user_id.text(),
                       .status = std::string(domain::word(registration.status)),
                       .currency = registration.currency,
                       .expires_at = domain::text(registration.expires_at),
                       .created_at = domain::text(registration.created_at),
                       .amount = registration.amount_minor};
  for (const auto& line : registration.lines) {
    out.lines.push_back({line.tier_id.text(), line.quantity, line.price_minor, line.tax_rate_bp, line.net_minor,
                         line.tax_minor, line.fee_minor, line.gross_minor, line.holders});
  }
  if (registration.confirmed_at) {
    for (std::int64_t number = 1; number <= registration.ticket_count; ++number) {
      out.ticket_ids.push_back(domain::ticket_id(registration.id, *registration.confirmed_at, number).text());
    }
  }
  return out;
}

RegistrationRefundJson registration_refund_json(const domain::Refund& refund) {
  return {.refund_id = refund.id.text(),
          .status = std::string(domain::word(refund.status)),
          .reason = std::string(domain::word(refund.reason)),
          .currency = refund.currency,
          .created_at = domain::text(refund.created_at),
          .amount = refund.amount_minor,
          .ticket_numbers = refund.ticket_numbers};
}

}  // namespace admit::api

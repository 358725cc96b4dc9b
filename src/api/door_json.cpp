#include "api/door_json.hpp"

namespace admit::api {

using http::optional;
using http::required;

http::Shape TicketJson::shape() {
  return http::object<TicketJson>(
      "Ticket",
      {required("ticketId", &TicketJson::ticket_id, http::uuid()), required("registrationId", &TicketJson::registration_id, http::uuid()),
       required("showId", &TicketJson::show_id, http::uuid()),
       required("eventId", &TicketJson::event_id, http::uuid().doc("The same as showId.")),
       required("userId", &TicketJson::user_id, http::uuid()), required("tierId", &TicketJson::tier_id, http::uuid()),
       required("transactionId", &TicketJson::transaction_id, http::uuid()),
       required("number", &TicketJson::number, http::integer(1, 40).doc("Within its registration.")),
       required("holder", &TicketJson::holder), required("status", &TicketJson::status, http::one_of({"valid", "used", "revoked"})),
       optional("qrCode", &TicketJson::qr_code, http::text(1, 2048).doc("Exactly what the QR symbol says. For the holder's account only.")),
       optional("encoding", &TicketJson::encoding, http::text(1, 2048).doc("The same code as the compatibility interface writes it.")),
       optional("s3Key", &TicketJson::s3_key, http::text(1, 200).doc("Likewise.")),
       required("generatedAt", &TicketJson::generated_at, http::date_time()),
       required("validatedAt", &TicketJson::validated_at, http::date_time().nullable()),
       required("test", &TicketJson::test, http::any().doc("Bought while no money moved."))});
}

TicketJson to_json(const domain::Ticket& ticket, const job::TicketCode* code) {
  TicketJson out{.ticket_id = ticket.id.text(), .registration_id = ticket.registration_id.text(), .show_id = ticket.show_id.text(),
                 .event_id = ticket.show_id.text(), .user_id = ticket.user_id.text(), .tier_id = ticket.tier_id.text(),
                 .transaction_id = ticket.transaction_id.text(), .holder = ticket.holder,
                 .status = std::string(domain::word(ticket.status)),
                 .generated_at = domain::text(ticket.issued_at), .number = ticket.number, .test = ticket.test};
  if (code != nullptr) {
    out.qr_code = code->qr_code;
    out.encoding = code->encoding;
    out.s3_key = job::TicketDocuments::object_key(ticket);
  }
  if (ticket.used_at) out.validated_at = domain::text(*ticket.used_at);
  return out;
}

http::Shape CheckInJson::shape() {
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < domain::word_count<domain::DoorReason>(); ++i) {
    reasons.emplace_back(domain::word(static_cast<domain::DoorReason>(i)));
  }
  return http::object<CheckInJson>(
      "CheckIn",
      {required("checkInId", &CheckInJson::check_in_id, http::uuid()), required("showId", &CheckInJson::show_id, http::uuid()),
       required("deviceId", &CheckInJson::device_id, http::uuid()), required("gate", &CheckInJson::gate),
       required("direction", &CheckInJson::direction, http::one_of({"entry", "exit"})), required("valid", &CheckInJson::valid, http::any().doc("What was decided then; see annulledAt.")),
       required("reason", &CheckInJson::reason, http::one_of(std::move(reasons))),
       required("at", &CheckInJson::at, http::date_time()),
       required("ticketId", &CheckInJson::ticket_id, http::uuid().nullable()),
       required("annulledAt", &CheckInJson::annulled_at, http::date_time().nullable())});
}

CheckInJson to_json(const domain::CheckIn& check_in) {
  const bool valid = check_in.reason == domain::DoorReason::admitted || check_in.reason == domain::DoorReason::exited;
  CheckInJson out{check_in.id.text(), check_in.show_id.text(), check_in.device_id.text(), check_in.gate,
                  std::string(domain::word(check_in.direction)), std::string(domain::word(check_in.reason)),
                  domain::text(check_in.at), valid, {}, {}};
  if (check_in.ticket_id) out.ticket_id = check_in.ticket_id.text();
  if (check_in.annulled_at) out.annulled_at = domain::text(*check_in.annulled_at);
  return out;
}

http::Shape CheckInList::shape() {
  return http::object<CheckInList>("CheckInList", {required("checkIns", &CheckInList::check_ins, http::items(0, 1000)),
                                                   optional("nextCursor", &CheckInList::next_cursor, http::text(1, 200))});
}

}  // namespace admit::api

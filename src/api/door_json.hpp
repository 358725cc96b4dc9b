#pragma once
// Tickets and scans as JSON.

#include <optional>
#include <string>
#include <vector>

#include "api/services.hpp"
#include "domain/rows.hpp"
#include "job/ticket_documents.hpp"

namespace admit::api {

struct TicketJson {
  std::string ticket_id, registration_id, show_id, event_id, user_id, tier_id, transaction_id, holder, status, generated_at;
  std::optional<std::string> qr_code, encoding, s3_key, validated_at;
  std::int64_t number = 1;
  bool test = false;
  static http::Shape shape();
};
/// `code` null: who asks may see the ticket, but neither its code nor where its page lies.
[[nodiscard]] TicketJson to_json(const domain::Ticket& ticket, const job::TicketCode* code);

struct CheckInJson {
  std::string check_in_id, show_id, device_id, gate, direction, reason, at;
  bool valid = false;
  std::optional<std::string> ticket_id, annulled_at;
  static http::Shape shape();
};
[[nodiscard]] CheckInJson to_json(const domain::CheckIn& check_in);

struct CheckInList {
  std::vector<CheckInJson> check_ins;
  std::optional<std::string> next_cursor;
  static http::Shape shape();
};

}  // namespace admit::api

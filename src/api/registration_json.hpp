#pragma once
// A registration as JSON.

#include <optional>
#include <string>
#include <vector>

#include "domain/rows.hpp"
#include "http/shape.hpp"

namespace admit::api {

struct LineJson {
  std::string tier_id;
  std::int64_t quantity = 0, price = 0, tax_rate = 0, net = 0, tax = 0, fee = 0, gross = 0;
  std::vector<std::string> holders;
  static http::Shape shape();
};

/// Money on its way back to the buyer.
struct RegistrationRefundJson {
  std::string refund_id, status, reason, currency, created_at;
  std::int64_t amount = 0;
  std::vector<std::int64_t> ticket_numbers;
  static http::Shape shape();
};

struct RegistrationJson {
  std::string registration_id, show_id, user_id, status, currency, expires_at, created_at;
  std::int64_t amount = 0;
  std::vector<LineJson> lines;
  std::vector<std::string> ticket_ids;
  std::optional<std::vector<RegistrationRefundJson>> refunds;
  std::optional<std::string> payment_status;
  static http::Shape shape();
};
/// Without `refunds` and `paymentStatus`, which are of rows of their own.
[[nodiscard]] RegistrationJson to_json(const domain::Registration& registration);
[[nodiscard]] RegistrationRefundJson registration_refund_json(const domain::Refund& refund);

}  // namespace admit::api

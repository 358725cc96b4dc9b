#pragma once
// How each kind of news is applied. For src/domain only; events.hpp is the face.

#include "domain/events.hpp"

namespace admit::domain {

struct Telling {
  const Meta& meta;
  std::string_view account;
  bool livemode = false;
  std::int64_t epoch = 0;
  bool last_try = false;
  std::optional<Instant> created{};  // as ApplyEvent::created
  bool fresh = false;
};
struct Applied {
  InboxStatus status;
  std::string detail;
  RegistrationId confirmed{};
  /// `waiting`: when its object is looked at. A payment that is not known is on its way, or somebody else's.
  std::chrono::seconds again_after{60};
};

/// Ours are on our own account, or on the business's where it is charged directly: any other was made by somebody
/// else, whatever it claims to pay.
[[nodiscard]] inline bool is_told_by_its_account(const Telling& telling, const Transaction& transaction) {
  return telling.account ==
         (transaction.charge_model == ChargeModel::direct ? std::string_view(transaction.stripe_account) : "");
}
/// The payment that is tied to a provider's intent; nullptr where none is, or it is not loaded yet.
const Transaction* need_payment_of(Needs& needs, std::string_view intent_id);
[[nodiscard]] const Transaction* payment_of(const World& world, std::string_view intent_id);

void need(Needs& needs, const IntentNews& news);
[[nodiscard]] Applied apply(const Telling& telling, const IntentNews& news, World& world, FreshIds& ids);
void need(Needs& needs, const RefundNews& news);
[[nodiscard]] Applied apply(const Telling& telling, const RefundNews& news, World& world, FreshIds& ids);
void need(Needs& needs, const DisputeNews& news);
[[nodiscard]] Applied apply(const Telling& telling, const DisputeNews& news, World& world, FreshIds& ids);

}  // namespace admit::domain

#include "domain/registrations.hpp"

#include <algorithm>

#include "domain/accounts.hpp"
#include "domain/shows.hpp"

namespace admit::domain {
namespace {

constexpr std::size_t max_lines = 20;
constexpr std::size_t max_holder_bytes = 200;
/// Quotas that one registration draws from: with its tickets they must fit in one save of the tightest store.
constexpr std::size_t max_quotas = 32;
/// A ticket's code outlives the last admission window by this, so that a postponed show needs no new tickets.
constexpr std::chrono::days token_life_after_show{400};

CounterId user_counter(ShowId show, UserId user) {
  return derived_id<CounterId>("holds_of_user", show.value.raw() + user.value.raw());
}
CounterId address_counter(ShowId show, std::string_view address) {
  return derived_id<CounterId>("holds_of_address", show.value.raw() + std::string(address));
}

Result<void> check_shape(const Reserve& command) {
  if (command.lines.empty() || command.lines.size() > max_lines) {
    return refuse(Refusal::invalid_field, "lines", "Choose tickets of 1 to 20 tiers.");
  }
  for (std::size_t i = 0; i < command.lines.size(); ++i) {
    const auto& line = command.lines[i];
    const std::string at = "lines[" + std::to_string(i) + "]";
    if (line.quantity < 1 || line.quantity > max_tickets_hard) {
      return refuse(Refusal::invalid_field, at + ".quantity", "Take 1 to 40 tickets.");
    }
    if (static_cast<std::int64_t>(line.holders.size()) > line.quantity) {
      return refuse(Refusal::invalid_field, at + ".holders", "Name at most one holder per ticket.");
    }
    for (std::size_t h = 0; h < line.holders.size(); ++h) {
      if (line.holders[h].size() > max_holder_bytes) {
        return refuse(Refusal::invalid_field, at + ".holders[" + std::to_string(h) + "]",
                      "A name has at most 200 bytes.");
      }
    }
    for (std::size_t other = 0; other < i; ++other) {
      if (command.lines[other].tier_id == line.tier_id) {
        return refuse(Refusal::invalid_field, at + ".tierId", "Name each tier in one line only.");
      }
    }
  }
  return {};
}

/// How many places each quota must give for these lines.
std::vector<std::pair<QuotaId, std::int64_t>> places(const std::vector<Line>& lines, const World& world) {
  std::vector<std::pair<QuotaId, std::int64_t>> out;
  for (const auto& line : lines) {
    for (const QuotaId quota : world.get<Tier>(line.tier_id).quota_ids) {
      const auto known = std::ranges::find(out, quota, &std::pair<QuotaId, std::int64_t>::first);
      if (known == out.end()) {
        out.emplace_back(quota, line.quantity);
      } else {
        known->second += line.quantity;
      }
    }
  }
  return out;
}

void need_quotas(Needs& needs, const std::vector<Line>& lines) {
  for (const auto& line : lines) {
    if (const auto* tier = needs.read<Tier>(line.tier_id)) {
      for (const QuotaId quota : tier->quota_ids) needs.change<Quota>(quota);
    }
  }
}

void need_hold(Needs& needs, const Registration& registration) {
  needs.change<HoldCounter>(registration.user_counter);
  needs.change<HoldCounter>(registration.address_counter);
}

void give_back(World& world, CounterId id) {
  if (!world.take<HoldCounter>(id, -1)) throw std::logic_error("hold counter below zero");
}

/// The hold is over, one way or the other: its counters go down and no clock runs for it any more.
void end_hold(World& world, Registration& registration) {
  give_back(world, registration.user_counter);
  give_back(world, registration.address_counter);
  registration.due_at.reset();
}

void free_places(World& world, const Registration& registration) {
  for (const auto& [quota, n] : places(registration.lines, world)) {
    if (!world.take<Quota>(quota, -n)) throw std::logic_error("quota below zero");
  }
}

/// Counts one live hold, up to `limit`.
bool count_hold(World& world, ShowId show, CounterId id, std::int64_t limit) {
  const HoldCounter* counter = world.find<HoldCounter>(id);
  if (counter == nullptr || counter->size != limit) {
    if (counter != nullptr && counter->taken >= limit) return false;
    world.put(HoldCounter{.id = id, .show_id = show, .size = limit, .taken = counter != nullptr ? counter->taken : 0});
  }
  return world.take<HoldCounter>(id, 1);
}

/// Confirms and issues: the only place where tickets come from.
void confirm(World& world, const Meta& meta, FreshIds& ids, Registration& registration, const Transaction& transaction,
             std::int64_t epoch) {
  const Show& show = world.get<Show>(registration.show_id);
  Instant last{};
  for (const auto& window : show.windows) last = std::max(last, window.until);
  registration.status = RegistrationStatus::confirmed;
  registration.confirmed_at = meta.now;
  registration.transaction_id = transaction.id;
  std::int64_t number = 0;
  for (const auto& line : registration.lines) {
    const std::int64_t tier_number = world.get<Tier>(line.tier_id).number;
    for (std::int64_t k = 0; k < line.quantity; ++k) {
      ++number;
      const auto holder = static_cast<std::size_t>(k);
      world.put(Ticket{.id = ticket_id(registration.id, meta.now, number),
                       .registration_id = registration.id,
                       .number = number,
                       .show_id = registration.show_id,
                       .business_id = registration.business_id,
                       .user_id = registration.user_id,
                       .tier_id = line.tier_id,
                       .transaction_id = transaction.id,
                       .holder = holder < line.holders.size() ? line.holders[holder] : std::string{},
                       .tier_number = tier_number,
                       .key_number = show.key_number,
                       .epoch = epoch,
                       .expires_at = std::chrono::ceil<std::chrono::seconds>(last + token_life_after_show),
                       .issued_at = meta.now,
                       .test = registration.test});
    }
  }
  put_job(world, meta, ids, JobKind::render_tickets, registration.id.value);
  audit(world, meta, ids, "registration.confirmed", registration.id.value, registration.show_id);
}

}  // namespace

void needs_for_sale(const Reserve& command, Needs& needs) {
  if (const auto* show = needs.read<Show>(command.show_id)) needs.read<Business>(show->business_id);
  for (const auto& line : command.lines) {
    if (const auto* tier = needs.read<Tier>(line.tier_id)) {
      for (const QuotaId quota : tier->quota_ids) needs.change<Quota>(quota);
    }
  }
}

Result<std::vector<Line>> check_sale(const Reserve& command, const World& world) {
  if (auto ok = check_shape(command); !ok) return std::unexpected(ok.error());
  const Show* show = world.find<Show>(command.show_id);
  if (show == nullptr) return refuse(Refusal::unknown_show, "showId", "There is no such show.");
  if (show->status == ShowStatus::cancelled) return refuse(Refusal::show_cancelled, "showId", "The show is cancelled.");
  if (show->status != ShowStatus::published) {
    return refuse(Refusal::show_not_published, "showId", "The show is not published yet.");
  }
  if (show->sale_from && command.meta.now < *show->sale_from) {
    return refuse(Refusal::sale_not_open, "showId", "The sale opens at " + text(*show->sale_from) + ".");
  }
  Instant end{};
  for (const auto& window : show->windows) end = std::max(end, window.until);
  if (show->sale_until) end = std::min(end, *show->sale_until);
  if (command.meta.now >= end) return refuse(Refusal::sale_closed, "showId", "The sale is closed.");

  std::vector<Line> lines;
  std::int64_t tickets = 0;
  std::int64_t amount = 0;
  for (std::size_t i = 0; i < command.lines.size(); ++i) {
    const Tier* tier = world.find<Tier>(command.lines[i].tier_id);
    if (tier == nullptr || tier->show_id != show->id) {
      return refuse(Refusal::unknown_tier, "lines[" + std::to_string(i) + "].tierId", "The show has no such tier.");
    }
  }
  for (std::size_t i = 0; i < command.lines.size(); ++i) {
    const auto& choice = command.lines[i];
    const Tier& tier = world.get<Tier>(choice.tier_id);
    const std::string field = "lines[" + std::to_string(i) + "].quantity";
    if (choice.quantity < tier.min_per_registration) {
      return refuse(Refusal::too_few, field,
                    "Take at least " + std::to_string(tier.min_per_registration) + " of this tier.");
    }
    if (choice.quantity > tier.max_per_registration) {
      return refuse(Refusal::too_many, field,
                    "Take at most " + std::to_string(tier.max_per_registration) + " of this tier.");
    }
    auto amounts = price_line(tier.price_minor, tier.fee_minor, tier.tax_rate_bp, choice.quantity);
    if (!amounts) return std::unexpected(amounts.error());
    tickets += choice.quantity;
    amount += amounts->gross_minor;
    lines.push_back({.tier_id = tier.id,
                     .quantity = choice.quantity,
                     .holders = choice.holders,
                     .price_minor = tier.price_minor,
                     .tax_rate_bp = tier.tax_rate_bp,
                     .net_minor = amounts->net_minor,
                     .tax_minor = amounts->tax_minor,
                     .fee_minor = amounts->fee_minor,
                     .gross_minor = amounts->gross_minor});
  }
  if (tickets > std::min(show->max_tickets_per_registration, max_tickets_hard)) {
    return refuse(Refusal::too_many, "lines",
                  "A registration holds at most " + std::to_string(show->max_tickets_per_registration) + " tickets.");
  }
  const auto wanted = places(lines, world);
  if (wanted.size() > max_quotas) {
    return refuse(Refusal::too_many, "lines", "These tiers draw from too many quotas; take fewer tiers at once.");
  }
  if (amount > max_amount_minor) {
    return refuse(Refusal::invalid_field, "lines",
                  "The registration costs more than can be paid at once; take fewer tickets.");
  }
  const Business& business = world.get<Business>(show->business_id);
  if (amount > 0) {
    if (!command.payments_ready) {
      return refuse(Refusal::payments_unavailable, "showId",
                    "This ticket office takes no payments yet: no payment provider is configured.");
    }
    if (auto missing = sales_gate(business)) return refuse(Refusal::payments_unavailable, "showId", *missing);
  }
  for (const auto& [quota_id, n] : wanted) {
    const Quota& quota = world.get<Quota>(quota_id);
    if (quota.taken + n > quota.size) return refuse(Refusal::sold_out, "lines", "There are not enough places left.");
  }
  return lines;
}

void needs(const Reserve& command, Needs& needs) {
  needs_for_sale(command, needs);
  needs.change<HoldCounter>(user_counter(command.show_id, command.meta.user));
  needs.change<HoldCounter>(address_counter(command.show_id, command.meta.address));
}

Result<Registration> decide(const Reserve& command, World& world) {
  auto lines = check_sale(command, world);
  if (!lines) return std::unexpected(lines.error());
  const Show& show = world.get<Show>(command.show_id);
  FreshIds ids(command.meta);

  Registration registration{.id = ids.next<RegistrationId>(),
                            .show_id = show.id,
                            .business_id = show.business_id,
                            .user_id = command.meta.user,
                            .lines = std::move(*lines),
                            .currency = show.currency,
                            .created_at = command.meta.now,
                            .expires_at = command.meta.now + std::chrono::seconds{show.hold_shown_s},
                            .user_counter = user_counter(show.id, command.meta.user),
                            .address_counter = address_counter(show.id, command.meta.address),
                            .test = command.test};
  for (const auto& line : registration.lines) {
    registration.ticket_count += line.quantity;
    registration.amount_minor += line.gross_minor;
  }
  for (const auto& [quota, n] : places(registration.lines, world)) {
    if (!world.take<Quota>(quota, n)) return refuse(Refusal::sold_out, "lines", "There are not enough places left.");
  }
  if (registration.amount_minor == 0) {
    Transaction transaction{.id = ids.next<TransactionId>(),
                            .registration_id = registration.id,
                            .show_id = show.id,
                            .payee_id = show.business_id,
                            .payer_id = command.meta.user,
                            .provider = Provider::none_,
                            .status = TransactionStatus::succeeded,
                            .currency = show.currency,
                            .created_at = command.meta.now,
                            .processed_at = command.meta.now};
    registration.attempts = 1;
    confirm(world, command.meta, ids, registration, transaction, command.epoch);
    world.put(std::move(transaction));
    world.put(registration);
    return registration;
  }
  if (!count_hold(world, show.id, registration.user_counter, show.max_live_holds_per_user) ||
      !count_hold(world, show.id, registration.address_counter, show.max_live_holds_per_address)) {
    return refuse(Refusal::too_many_holds, "",
                  "Too many reservations are waiting for payment; pay or cancel one first.");
  }
  registration.due_at = registration.expires_at + std::chrono::seconds{show.hold_grace_s};
  world.put(registration);
  audit(world, command.meta, ids, "registration.held", registration.id.value, show.id);
  return registration;
}

void needs(const ExpireHeld& command, Needs& needs) {
  const auto* registration = needs.change<Registration>(command.registration_id);
  if (registration == nullptr) return;
  need_quotas(needs, registration->lines);
  need_hold(needs, *registration);
}

namespace {

/// Lets go of a hold: at once if nobody can pay for it, else by asking the provider first.
void let_go(World& world, const Meta& meta, FreshIds& ids, Registration& registration, RegistrationStatus end) {
  end_hold(world, registration);
  if (registration.transaction_id) {
    registration.status = RegistrationStatus::expiring;
    put_job(world, meta, ids, JobKind::cancel_intent, registration.transaction_id.value);
  } else {
    registration.status = end;
    free_places(world, registration);
  }
  audit(world, meta, ids, "registration." + std::string(word(registration.status)), registration.id.value,
        registration.show_id);
  world.put(registration);
}

}  // namespace

Result<Registration> decide(const ExpireHeld& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr)
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  if (found->status != RegistrationStatus::held || !found->due_at || command.meta.now < *found->due_at) return *found;
  Registration registration = *found;
  FreshIds ids(command.meta);
  let_go(world, command.meta, ids, registration, RegistrationStatus::expired);
  return registration;
}

void needs(const CancelRegistration& command, Needs& needs) {
  domain::needs(ExpireHeld{.registration_id = command.registration_id}, needs);
}

Result<Registration> decide(const CancelRegistration& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr)
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  if (found->user_id != command.meta.user && !command.meta.is_operator) {
    return refuse(Refusal::forbidden, "registrationId", "The registration belongs to another account.");
  }
  if (found->status != RegistrationStatus::held) {
    return refuse(Refusal::registration_not_held, "registrationId",
                  "Only a held registration can be cancelled; this one is " + std::string(word(found->status)) + ".");
  }
  Registration registration = *found;
  FreshIds ids(command.meta);
  let_go(world, command.meta, ids, registration, RegistrationStatus::cancelled);
  return registration;
}

void needs(const BeginPayment& command, Needs& needs) {
  const auto* registration = needs.change<Registration>(command.registration_id);
  if (registration == nullptr) return;
  needs.read<Business>(registration->business_id);
  if (registration->transaction_id) needs.change<Transaction>(registration->transaction_id);
}

Result<Transaction> decide(const BeginPayment& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr)
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  if (found->user_id != command.meta.user && !command.meta.is_operator) {
    return refuse(Refusal::forbidden, "registrationId", "The registration belongs to another account.");
  }
  if (found->status == RegistrationStatus::confirmed) {
    return refuse(Refusal::already_paid, "registrationId", "The registration is paid already.");
  }
  if (found->status != RegistrationStatus::held) {
    return refuse(Refusal::registration_not_held, "registrationId",
                  "The registration is " + std::string(word(found->status)) + "; reserve again.");
  }
  if (command.meta.now >= found->expires_at) {
    return refuse(Refusal::registration_expired, "registrationId", "The time to pay is over; reserve again.");
  }
  if (command.amount_minor && *command.amount_minor != found->amount_minor) {
    return refuse(Refusal::amount_differs, "amount",
                  "The registration costs " + std::to_string(found->amount_minor) + " minor units.");
  }
  if (found->transaction_id) {
    const Transaction& open = world.get<Transaction>(found->transaction_id);
    if (open.status != TransactionStatus::cancelled) return open;
  }
  const Business& business = world.get<Business>(found->business_id);
  if (!command.payments_ready) {
    return refuse(Refusal::payments_unavailable, "registrationId", "No payment provider is configured.");
  }
  if (auto missing = sales_gate(business)) return refuse(Refusal::payments_unavailable, "registrationId", *missing);
  Registration registration = *found;
  FreshIds ids(command.meta);
  Transaction transaction{.id = ids.next<TransactionId>(),
                          .registration_id = registration.id,
                          .show_id = registration.show_id,
                          .payee_id = registration.business_id,
                          .payer_id = registration.user_id,
                          .attempt = ++registration.attempts,
                          .amount_minor = registration.amount_minor,
                          .currency = registration.currency,
                          .stripe_account = business.stripe_account,
                          .created_at = command.meta.now};
  registration.transaction_id = transaction.id;
  world.put(registration);
  world.put(transaction);
  audit(world, command.meta, ids, "payment.begun", transaction.id.value, registration.show_id);
  return transaction;
}

ClaimId intent_claim(std::string_view intent_id) {
  return derived_id<ClaimId>("intent", intent_id);
}

void needs(const RecordIntent& command, Needs& needs) {
  needs.change<Transaction>(command.transaction_id);
  needs.change<Claim>(intent_claim(command.intent_id));
}

namespace {

/// Ties the provider's id to the transaction; false if either is tied to something else.
bool tie_intent(World& world, Transaction& transaction, const std::string& intent_id) {
  const ClaimId id = intent_claim(intent_id);
  const Claim* claim = world.find<Claim>(id);
  if (claim != nullptr) return claim->target == transaction.id.value;
  if (!transaction.intent_id.empty()) return false;
  transaction.intent_id = intent_id;
  world.put(Claim{.id = id, .kind = "intent", .target = transaction.id.value});
  return true;
}

}  // namespace

Result<Transaction> decide(const RecordIntent& command, World& world) {
  const Transaction* found = world.find<Transaction>(command.transaction_id);
  if (found == nullptr) return refuse(Refusal::unknown_transaction, "", "There is no such payment.");
  if (found->intent_id == command.intent_id) return *found;
  Transaction transaction = *found;
  if (!tie_intent(world, transaction, command.intent_id)) {
    return refuse(Refusal::conflict, "", "The payment is tied to another intent of the provider.");
  }
  if (transaction.status == TransactionStatus::cancelled) {
    // It was given up while the provider was being asked: nobody may pay what holds no places.
    FreshIds ids(command.meta);
    put_job(world, command.meta, ids, JobKind::cancel_intent, transaction.id.value);
  }
  world.put(transaction);
  return transaction;
}

InboxId inbox_id(std::string_view event_id) {
  return derived_id<InboxId>("event", event_id);
}

void needs(const ApplyEvent& command, Needs& needs) {
  needs.change<InboxEvent>(inbox_id(command.event_id));
  if (const auto* account = std::get_if<AccountNews>(&command.news)) {
    if (const auto* claim = needs.read<Claim>(account_claim(account->account_id))) {
      needs.change<Business>(BusinessId{claim->target});
    }
  }
  const auto* intent = std::get_if<IntentNews>(&command.news);
  if (intent == nullptr) return;
  TransactionId transaction_id = intent->transaction_id;
  if (const auto* claim = needs.change<Claim>(intent_claim(intent->intent_id))) {
    transaction_id = TransactionId{claim->target};
  }
  if (!transaction_id) return;
  const auto* transaction = needs.change<Transaction>(transaction_id);
  if (transaction == nullptr) return;
  needs.read<Show>(transaction->show_id);
  domain::needs(ExpireHeld{.registration_id = transaction->registration_id}, needs);
}

namespace {

/// Nobody can pay this any more: the registration may begin another payment, or, when its time is over, ends.
void end_payment(World& world, const Meta& meta, FreshIds& ids, Registration& registration, Transaction& transaction) {
  transaction.status = TransactionStatus::cancelled;
  transaction.processed_at = meta.now;
  if (registration.transaction_id == transaction.id) registration.transaction_id = {};
  if (registration.status == RegistrationStatus::expiring) {
    registration.status = RegistrationStatus::expired;
    free_places(world, registration);
    audit(world, meta, ids, "registration.expired", registration.id.value, registration.show_id);
  }
  world.put(registration);
  world.put(transaction);
}

struct Applied {
  InboxStatus status;
  std::string detail;
  RegistrationId confirmed{};
};

/// The table of guarded transitions of one payment. Nothing leaves `succeeded`; `failed` is not the end.
Applied apply_intent(const ApplyEvent& command, World& world, FreshIds& ids) {
  const IntentNews& news = std::get<IntentNews>(command.news);
  // Our intents live on our own account: one of a connected account was made by somebody else, whatever it claims to
  // pay.
  if (!command.account.empty()) return {InboxStatus::flagged, "intent_of_another_account"};
  if (news.intent_id.empty()) return {InboxStatus::flagged, "no_intent_id"};
  TransactionId id = news.transaction_id;
  if (const Claim* claim = world.find<Claim>(intent_claim(news.intent_id))) id = TransactionId{claim->target};
  const Transaction* found = id ? world.find<Transaction>(id) : nullptr;
  if (found == nullptr) return {InboxStatus::flagged, "unknown_intent"};
  if (found->provider != Provider::stripe) return {InboxStatus::flagged, "not_paid_by_card"};
  Transaction transaction = *found;
  if (!tie_intent(world, transaction, news.intent_id)) return {InboxStatus::flagged, "intent_of_another_payment"};
  if (transaction.status == TransactionStatus::succeeded) return {InboxStatus::applied, "already_succeeded"};
  Registration registration = world.get<Registration>(transaction.registration_id);
  const bool live_hold = registration.status == RegistrationStatus::held;
  const bool holds_places = live_hold || registration.status == RegistrationStatus::expiring;

  if (news.status == IntentStatus::succeeded) {
    if (news.received_minor != transaction.amount_minor || news.currency != transaction.currency) {
      transaction.flag = "amount_differs";
      transaction.received_minor = news.received_minor;
      world.put(transaction);
      return {InboxStatus::flagged, "amount_differs"};
    }
    transaction.status = TransactionStatus::succeeded;
    transaction.received_minor = news.received_minor;
    transaction.processed_at = command.meta.now;
    transaction.last_error.clear();
    if (!holds_places) {
      // Money without places: kept and shown to the operator, never forgotten.
      transaction.flag = registration.status == RegistrationStatus::confirmed ? "second_payment" : "late_success";
      if (registration.flag.empty()) registration.flag = transaction.flag;
      world.put(registration);
      world.put(transaction);
      audit(world, command.meta, ids, "payment." + transaction.flag, transaction.id.value, registration.show_id);
      return {InboxStatus::flagged, transaction.flag};
    }
    if (live_hold) end_hold(world, registration);
    confirm(world, command.meta, ids, registration, transaction, command.epoch);
    world.put(registration);
    world.put(transaction);
    return {InboxStatus::applied, "confirmed", registration.id};
  }
  if (transaction.status == TransactionStatus::cancelled) {
    world.put(transaction);  // the tie to the intent
    return {InboxStatus::applied, "already_cancelled"};
  }
  if (news.status == IntentStatus::canceled) {
    end_payment(world, command.meta, ids, registration, transaction);
    return {InboxStatus::applied, "cancelled"};
  }
  if (news.failed) {
    transaction.status = TransactionStatus::failed;
    transaction.last_error = news.error;
    // What could not be cancelled while it was being processed can be now.
    if (registration.status == RegistrationStatus::expiring) {
      put_job(world, command.meta, ids, JobKind::cancel_intent, transaction.id.value);
    }
  } else if (news.status == IntentStatus::requires_action) {
    transaction.status = TransactionStatus::requires_action;
  } else if (news.status == IntentStatus::processing) {
    transaction.status = TransactionStatus::processing;
  } else if (news.status == IntentStatus::requires_capture) {
    transaction.status = TransactionStatus::requires_capture;
  } else {
    world.put(transaction);  // the tie to the intent
    return {InboxStatus::ignored, "nothing_to_do"};
  }
  world.put(transaction);
  return {InboxStatus::applied, std::string(word(transaction.status))};
}

Applied apply(const ApplyEvent& command, World& world, FreshIds& ids) {
  if (command.livemode != command.expect_livemode) return {InboxStatus::flagged, "wrong_livemode"};
  if (std::holds_alternative<IntentNews>(command.news)) return apply_intent(command, world, ids);
  if (const auto* account = std::get_if<AccountNews>(&command.news)) {
    const Claim* claim = world.find<Claim>(account_claim(account->account_id));
    if (claim == nullptr) return {InboxStatus::flagged, "unknown_account"};
    Business business = world.get<Business>(BusinessId{claim->target});
    business.charges_enabled = account->charges_enabled;
    world.put(std::move(business));
    audit(world, command.meta, ids, "business.account_updated", claim->target);
    return {InboxStatus::applied, "account_updated"};
  }
  return {InboxStatus::ignored, "nothing_to_do"};
}

}  // namespace

Result<ApplyEvent::Outcome> decide(const ApplyEvent& command, World& world) {
  const InboxId id = inbox_id(command.event_id);
  if (const InboxEvent* known = world.find<InboxEvent>(id)) {
    return ApplyEvent::Outcome{.status = known->status, .detail = known->detail, .duplicate = true};
  }
  FreshIds ids(command.meta);
  Applied applied = apply(command, world, ids);
  world.put(InboxEvent{.id = id,
                       .event_id = command.event_id,
                       .type = command.type,
                       .object_id = command.object_id,
                       .account = command.account,
                       .livemode = command.livemode,
                       .payload = command.payload,
                       .status = applied.status,
                       .detail = applied.detail,
                       .received_at = command.meta.now});
  return ApplyEvent::Outcome{
      .status = applied.status, .detail = std::move(applied.detail), .confirmed = applied.confirmed};
}

void needs(const CancelPayment& command, Needs& needs) {
  const auto* transaction = needs.change<Transaction>(command.transaction_id);
  if (transaction != nullptr) domain::needs(ExpireHeld{.registration_id = transaction->registration_id}, needs);
}

Result<Transaction> decide(const CancelPayment& command, World& world) {
  const Transaction* found = world.find<Transaction>(command.transaction_id);
  if (found == nullptr) return refuse(Refusal::unknown_transaction, "", "There is no such payment.");
  if (found->status == TransactionStatus::succeeded)
    return refuse(Refusal::already_paid, "", "The payment has succeeded.");
  if (found->status == TransactionStatus::cancelled) return *found;
  Transaction transaction = *found;
  Registration registration = world.get<Registration>(transaction.registration_id);
  FreshIds ids(command.meta);
  end_payment(world, command.meta, ids, registration, transaction);
  return transaction;
}

void needs(const GenerateTickets& command, Needs& needs) {
  needs.read<Registration>(command.registration_id);
}

Result<Registration> decide(const GenerateTickets& command, World& world) {
  const Registration* registration = world.find<Registration>(command.registration_id);
  if (registration == nullptr) {
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  }
  if (registration->show_id != command.show_id) {
    return refuse(Refusal::invalid_field, "eventId", "The registration is for another show.");
  }
  if (registration->user_id != command.user_id) {
    return refuse(Refusal::invalid_field, "userId", "The registration belongs to another user.");
  }
  if (registration->status != RegistrationStatus::confirmed) {
    return refuse(
        Refusal::registration_not_held, "registrationId",
        "Tickets come with the payment; the registration is " + std::string(word(registration->status)) + ".");
  }
  FreshIds ids(command.meta);
  put_job(world, command.meta, ids, JobKind::render_tickets, registration->id.value);
  audit(world, command.meta, ids, "tickets.generated", registration->id.value, registration->show_id);
  return *registration;
}

}  // namespace admit::domain

#include "domain/registrations.hpp"

#include <algorithm>

#include "domain/accounts.hpp"
#include "domain/names.hpp"
#include "domain/sale.hpp"
#include "domain/shows.hpp"

namespace admit::domain {
namespace {

constexpr std::size_t max_lines = 20;
/// Quotas that one registration draws from: with its tickets they must fit in one save of the tightest store.
constexpr std::size_t max_quotas = 32;
/// A payment that is processed for longer has been forgotten by the provider.
constexpr std::chrono::days max_processing{14};

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
      if (const auto fault = fault_of_name(line.holders[h]); !fault.empty()) {
        return refuse(Refusal::invalid_field, at + ".holders[" + std::to_string(h) + "]", std::string(fault));
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
  if (business.closed_at) return refuse(Refusal::sale_closed, "showId", "The organiser sells nothing any more.");
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
  bool is_free = true;
  for (const auto& line : command.lines) {
    const auto* tier = needs.read<Tier>(line.tier_id);
    is_free = is_free && tier != nullptr && tier->price_minor + tier->fee_minor == 0;
  }
  if (is_free) {
    needs.change<HoldCounter>(free_tickets_of_user(command.show_id, command.meta.user));
    if (const auto* user = needs.read<User>(command.meta.user)) {
      needs.change<HoldCounter>(free_tickets_of_email(command.show_id, user->email));
    }
  } else {
    needs.change<HoldCounter>(holds_of_user(command.show_id, command.meta.user));
    needs.change<HoldCounter>(holds_of_address(command.show_id, command.meta.address));
  }
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
                            .test = command.test};
  for (const auto& line : registration.lines) {
    registration.ticket_count += line.quantity;
    registration.amount_minor += line.gross_minor;
  }
  if (!take_places(world, registration)) {
    return refuse(Refusal::sold_out, "lines", "There are not enough places left.");
  }
  if (registration.amount_minor == 0) {
    registration.user_counter = free_tickets_of_user(show.id, command.meta.user);
    const User* user = world.find<User>(command.meta.user);
    if (user != nullptr) registration.address_counter = free_tickets_of_email(show.id, user->email);
    const auto fits = [&](CounterId counter) {
      return count(world, show.id, counter, registration.ticket_count, show.max_free_tickets_per_user);
    };
    if (!fits(registration.user_counter) || (registration.address_counter && !fits(registration.address_counter))) {
      return refuse(Refusal::too_many_free_tickets, "lines",
                    "One person may have at most " + std::to_string(show.max_free_tickets_per_user) +
                        " free tickets of this show.");
    }
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
  registration.user_counter = holds_of_user(show.id, command.meta.user);
  registration.address_counter = holds_of_address(show.id, command.meta.address);
  if (!count(world, show.id, registration.user_counter, 1, show.max_live_holds_per_user) ||
      !count(world, show.id, registration.address_counter, 1, show.max_live_holds_per_address)) {
    return refuse(Refusal::too_many_holds, "",
                  "Too many reservations are waiting for payment; pay or cancel one first.");
  }
  registration.due_at = registration.expires_at + std::chrono::seconds{show.hold_grace_s};
  world.put(registration);
  audit(world, command.meta, ids, "registration.held", registration.id.value, show.id);
  return registration;
}

void needs(const ExpireHeld& command, Needs& needs) {
  need_order(needs, command.registration_id);
}

Result<Registration> decide(const ExpireHeld& command, World& world) {
  const Registration* found = world.find<Registration>(command.registration_id);
  if (found == nullptr)
    return refuse(Refusal::unknown_registration, "registrationId", "There is no such registration.");
  if (!found->due_at || command.meta.now < *found->due_at) return *found;
  Registration registration = *found;
  FreshIds ids(command.meta);
  std::optional<Transaction> transaction;
  if (registration.transaction_id) transaction = world.get<Transaction>(registration.transaction_id);
  if (transaction && transaction->review_until) {
    end_review(world, command.meta, ids, registration, *transaction, RegistrationStatus::expired);
    return registration;
  }
  if (registration.status == RegistrationStatus::held) {
    let_go(world, command.meta, ids, registration, RegistrationStatus::expired);
    return registration;
  }
  registration.due_at.reset();
  if (registration.status == RegistrationStatus::expiring) {
    const bool processing = transaction && transaction->status == TransactionStatus::processing &&
                            command.meta.now < transaction->created_at + max_processing &&
                            command.meta.now < world.get<Show>(registration.show_id).doors_at;
    if (processing) {
      registration.due_at = command.meta.now + ask_again_after;
    } else {
      registration.status = RegistrationStatus::expired;
      free_places(world, registration);
      audit(world, command.meta, ids, "registration.expired", registration.id.value, registration.show_id);
    }
    if (processing || (transaction && transaction->status == TransactionStatus::requires_capture)) {
      put_job(world, command.meta, ids, JobKind::cancel_intent, transaction->id.value);
    }
  }
  world.put(registration);
  return registration;
}

void needs(const CancelRegistration& command, Needs& needs) {
  need_order(needs, command.registration_id);
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
  if (registration.transaction_id) {
    Transaction transaction = world.get<Transaction>(registration.transaction_id);
    if (transaction.review_until) {
      end_review(world, command.meta, ids, registration, transaction, RegistrationStatus::cancelled);
      return registration;
    }
  }
  let_go(world, command.meta, ids, registration, RegistrationStatus::cancelled);
  return registration;
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

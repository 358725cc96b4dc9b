#include "domain/sale.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "domain/alerts.hpp"
#include "domain/events.hpp"
#include "domain/ledger.hpp"

namespace admit::domain {
namespace {

/// A ticket's code outlives the last admission window by this, so that a postponed show needs no new tickets.
constexpr std::chrono::days token_life_after_show{400};

void add_places(std::vector<std::pair<QuotaId, std::int64_t>>& sums, const Tier& tier, std::int64_t n) {
  for (const QuotaId quota : tier.quota_ids) {
    const auto known = std::ranges::find(sums, quota, &std::pair<QuotaId, std::int64_t>::first);
    if (known == sums.end()) {
      sums.emplace_back(quota, n);
    } else {
      known->second += n;
    }
  }
}

void give_back(World& world, const std::vector<std::pair<QuotaId, std::int64_t>>& sums) {
  for (const auto& [quota, n] : sums) {
    if (!world.take<Quota>(quota, -n)) throw std::logic_error("quota below zero");
  }
}

bool is_live(RefundStatus status) {
  return status != RefundStatus::failed && status != RefundStatus::cancelled;
}

bool is_open(TransactionStatus status) {
  return status != TransactionStatus::succeeded && status != TransactionStatus::cancelled;
}

}  // namespace

void need_places(Needs& needs, const std::vector<Line>& lines) {
  for (const auto& line : lines) {
    if (const auto* tier = needs.read<Tier>(line.tier_id)) {
      for (const QuotaId quota : tier->quota_ids) needs.change<Quota>(quota);
    }
  }
}

std::vector<std::pair<QuotaId, std::int64_t>> places(const std::vector<Line>& lines, const World& world) {
  std::vector<std::pair<QuotaId, std::int64_t>> out;
  for (const auto& line : lines) add_places(out, world.get<Tier>(line.tier_id), line.quantity);
  return out;
}

bool take_places(World& world, const Registration& registration) {
  const auto wanted = places(registration.lines, world);
  for (const auto& [quota_id, n] : wanted) {
    const Quota& quota = world.get<Quota>(quota_id);
    if (quota.taken + n > quota.size) return false;
  }
  for (const auto& [quota_id, n] : wanted) {
    if (!world.take<Quota>(quota_id, n)) throw std::logic_error("a quota that had room has none");
  }
  return true;
}

void free_places(World& world, const Registration& registration) {
  give_back(world, places(registration.lines, world));
}

void free_places(World& world, const Registration& registration, const Transaction& transaction, Refund& refund) {
  if (refund.places_freed) return;
  for (std::int64_t number = 1; number <= transaction.refund_count; ++number) {
    if (number == refund.number) continue;
    const Refund& other = world.get<Refund>(refund_id(transaction.id, number));
    if (!other.places_freed) continue;
    std::erase_if(refund.ticket_numbers, [&](std::int64_t ticket) {
      return std::ranges::find(other.ticket_numbers, ticket) != other.ticket_numbers.end();
    });
  }
  if (refund.ticket_numbers.empty()) return;
  std::vector<std::pair<QuotaId, std::int64_t>> sums;
  for (const std::int64_t ticket : refund.ticket_numbers) {
    add_places(sums, world.get<Tier>(line_of(registration, ticket).tier_id), 1);
  }
  give_back(world, sums);
  refund.places_freed = true;
}

const Line& line_of(const Registration& registration, std::int64_t ticket_number) {
  for (const auto& line : registration.lines) {
    if (ticket_number <= line.quantity) return line;
    ticket_number -= line.quantity;
  }
  throw std::logic_error("a ticket number beyond its registration");
}

bool is_over(const Show& show, Instant now) {
  return std::ranges::all_of(show.windows, [&](const Window& window) { return window.until <= now; });
}

CounterId holds_of_user(ShowId show, UserId user) {
  return derived_id<CounterId>("holds_of_user", show.value.raw() + user.value.raw());
}

CounterId holds_of_address(ShowId show, std::string_view address) {
  return derived_id<CounterId>("holds_of_address", show.value.raw() + client_network(address));
}

CounterId free_tickets_of_user(ShowId show, UserId user) {
  return derived_id<CounterId>("free_tickets_of_user", show.value.raw() + user.value.raw());
}

CounterId free_tickets_of_email(ShowId show, std::string_view normal_email) {
  return derived_id<CounterId>("free_tickets_of_email", show.value.raw() + std::string(normal_email));
}

std::string client_network(std::string_view address) {
  // "head::tail", where "::" stands for as many zero groups as are missing; only the first four groups are wanted.
  std::string_view text = address.substr(0, address.find('%'));
  if (text.find(':') == std::string_view::npos) return std::string(address);
  const auto dot = text.find('.');
  if (dot != std::string_view::npos) {  // an IPv4 address inside IPv6
    return std::string(text.substr(text.rfind(':', dot) + 1));
  }
  std::array<unsigned, 8> groups{};
  std::array<unsigned, 8> tail{};
  std::size_t head_count = 0;
  std::size_t tail_count = 0;
  bool gap = false;
  const auto read = [](std::string_view part, std::array<unsigned, 8>& into, std::size_t& count) {
    while (!part.empty()) {
      if (count == into.size()) return false;
      const std::string_view group = part.substr(0, part.find(':'));
      const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), into[count++], 16);
      if (error != std::errc{} || end != group.data() + group.size() || group.size() > 4) return false;
      part.remove_prefix(std::min(part.size(), group.size() + 1));
    }
    return true;
  };
  std::string_view rest;
  if (const auto at = text.find("::"); at != std::string_view::npos) {
    gap = true;
    rest = text.substr(at + 2);
    text = text.substr(0, at);
  }
  if (!read(text, groups, head_count) || !read(rest, tail, tail_count)) return std::string(address);
  if (gap ? head_count + tail_count > 7 : head_count != 8) return std::string(address);
  for (std::size_t i = 0; i < tail_count; ++i) groups[8 - tail_count + i] = tail[i];
  std::string out;
  for (std::size_t i = 0; i < 4; ++i) {
    std::array<char, 4> digits{};
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + 4, groups[i], 16).ptr);
    out += ':';
  }
  return out + ":/64";
}

void need_counters(Needs& needs, const Registration& registration) {
  if (registration.user_counter) needs.change<HoldCounter>(registration.user_counter);
  if (registration.address_counter) needs.change<HoldCounter>(registration.address_counter);
}

bool count(World& world, ShowId show, CounterId id, std::int64_t n, std::int64_t limit) {
  const HoldCounter* counter = world.find<HoldCounter>(id);
  const std::int64_t taken = counter != nullptr ? counter->taken : 0;
  if (taken + n > limit) return false;
  if (counter == nullptr || counter->size != limit) {
    world.put(HoldCounter{.id = id, .show_id = show, .size = limit, .taken = taken});
  }
  return world.take<HoldCounter>(id, n);
}

void count_back(World& world, CounterId id, std::int64_t n) {
  if (!world.take<HoldCounter>(id, -n)) throw std::logic_error("hold counter below zero");
}

void end_hold(World& world, Registration& registration) {
  count_back(world, registration.user_counter, 1);
  count_back(world, registration.address_counter, 1);
  registration.due_at.reset();
}

void let_go(World& world, const Meta& meta, FreshIds& ids, Registration& registration, RegistrationStatus end) {
  end_hold(world, registration);
  if (registration.transaction_id) {
    registration.status = RegistrationStatus::expiring;
    registration.due_at = meta.now + unknown_for;
    put_job(world, meta, ids, JobKind::cancel_intent, registration.transaction_id.value);
  } else {
    registration.status = end;
    free_places(world, registration);
  }
  audit(world, meta, ids, "registration." + std::string(word(registration.status)), registration.id.value,
        registration.show_id);
  world.put(registration);
}

const Registration* need_order(Needs& needs, RegistrationId id) {
  const auto* registration = needs.change<Registration>(id);
  if (registration == nullptr) return nullptr;
  need_places(needs, registration->lines);
  need_counters(needs, *registration);
  needs.read<Show>(registration->show_id);
  if (registration->transaction_id) {
    const auto* transaction = needs.change<Transaction>(registration->transaction_id);
    if (transaction != nullptr && transaction->review_until) {
      need_alert(needs, AlertKind::amount_differs, transaction->id.value);
    }
  }
  return registration;
}

const Transaction* need_payment(Needs& needs, TransactionId id) {
  const auto* transaction = needs.change<Transaction>(id);
  if (transaction != nullptr) need_order(needs, transaction->registration_id);
  return transaction;
}

void need_tickets(Needs& needs, const Registration& registration) {
  if (!registration.confirmed_at) return;
  for (std::int64_t number = 1; number <= registration.ticket_count; ++number) {
    needs.change<Ticket>(ticket_id(registration.id, *registration.confirmed_at, number));
  }
}

void need_refunds(Needs& needs, const Transaction& transaction) {
  for (std::int64_t number = 1; number <= transaction.refund_count; ++number) {
    needs.change<Refund>(refund_id(transaction.id, number));
  }
}

void confirm(World& world, const Meta& meta, FreshIds& ids, Registration& registration, Transaction& transaction,
             std::int64_t epoch) {
  const Show& show = world.get<Show>(registration.show_id);
  Instant last{};
  for (const auto& window : show.windows) last = std::max(last, window.until);
  if (registration.transaction_id && registration.transaction_id != transaction.id) {
    Transaction other = world.get<Transaction>(registration.transaction_id);
    if (other.review_until) {
      other.review_until.reset();
      settle_alert(world, meta, AlertKind::amount_differs, other.id.value);
      const Refund refund =
          make_refund(world, meta, ids, registration, other, RefundReason::amount_differs, left_minor(other), {});
      put_mail(world, meta, ids, "late_refund", refund.id.value);
      world.put(std::move(other));
    } else if (is_open(other.status)) {
      put_job(world, meta, ids, JobKind::cancel_intent, other.id.value);
    }
  }
  registration.status = RegistrationStatus::confirmed;
  registration.confirmed_at = meta.now;
  registration.transaction_id = transaction.id;
  registration.due_at.reset();
  const auto status = transaction.open_disputes > 0 ? TicketStatus::frozen : TicketStatus::valid;
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
                       .status = status,
                       .key_number = show.key_number,
                       .epoch = epoch,
                       .expires_at = std::chrono::ceil<std::chrono::seconds>(last + token_life_after_show),
                       .issued_at = meta.now,
                       .test = registration.test});
    }
  }
  put_job(world, meta, ids, JobKind::render_tickets, registration.id.value);
  put_mail(world, meta, ids, "order_confirmed", registration.id.value);
  audit(world, meta, ids, "registration.confirmed", registration.id.value, registration.show_id);
}

void end_payment(World& world, const Meta& meta, FreshIds& ids, Registration& registration, Transaction& transaction) {
  transaction.status = TransactionStatus::cancelled;
  transaction.processed_at = meta.now;
  if (registration.transaction_id == transaction.id) {
    registration.transaction_id = {};
    if (registration.status == RegistrationStatus::expiring) {
      registration.status = RegistrationStatus::expired;
      registration.due_at.reset();
      free_places(world, registration);
      audit(world, meta, ids, "registration.expired", registration.id.value, registration.show_id);
    }
  }
  world.put(registration);
  world.put(transaction);
}

void end_review(World& world, const Meta& meta, FreshIds& ids, Registration& registration, Transaction& transaction,
                RegistrationStatus end) {
  if (registration.status == RegistrationStatus::held) end_hold(world, registration);
  if (registration.status == RegistrationStatus::held || registration.status == RegistrationStatus::expiring) {
    free_places(world, registration);
    registration.status = end;
    audit(world, meta, ids, "registration." + std::string(word(end)), registration.id.value, registration.show_id);
  }
  registration.due_at.reset();
  transaction.review_until.reset();
  settle_alert(world, meta, AlertKind::amount_differs, transaction.id.value);
  if (const std::int64_t left = left_minor(transaction); left > 0) {
    const Refund refund =
        make_refund(world, meta, ids, registration, transaction, RefundReason::amount_differs, left, {});
    put_mail(world, meta, ids, "late_refund", refund.id.value);
  }
  world.put(registration);
  world.put(transaction);
}

bool tie_intent(World& world, Transaction& transaction, const std::string& intent_id) {
  const ClaimId id = intent_claim(intent_id);
  const Claim* claim = world.find<Claim>(id);
  if (claim != nullptr) return claim->target == transaction.id.value;
  if (!transaction.intent_id.empty()) return false;
  transaction.intent_id = intent_id;
  world.put(Claim{.id = id, .kind = "intent", .target = transaction.id.value});
  return true;
}

std::int64_t left_minor(const Transaction& transaction) {
  return std::max<std::int64_t>(0, transaction.received_minor - transaction.refund_minor);
}

std::vector<std::int64_t> uncovered_tickets(const World& world, const Registration& registration,
                                            const Transaction& transaction) {
  std::vector<std::int64_t> covered;
  for (std::int64_t number = 1; number <= transaction.refund_count; ++number) {
    const Refund& refund = world.get<Refund>(refund_id(transaction.id, number));
    if (is_live(refund.status))
      covered.insert(covered.end(), refund.ticket_numbers.begin(), refund.ticket_numbers.end());
  }
  std::vector<std::int64_t> out;
  for (std::int64_t number = 1; number <= registration.ticket_count; ++number) {
    if (std::ranges::find(covered, number) == covered.end()) out.push_back(number);
  }
  return out;
}

Refund make_refund(World& world, const Meta& meta, FreshIds& ids, const Registration& registration,
                   Transaction& transaction, RefundReason reason, std::int64_t amount_minor,
                   std::vector<std::int64_t> ticket_numbers) {
  const bool by_card = transaction.provider == Provider::stripe;
  const std::int64_t whole = transaction.booked ? transaction.received_minor : transaction.amount_minor;
  transaction.refund_minor += amount_minor;
  const auto due_back = [&](std::int64_t total, std::int64_t& before) -> std::int64_t {
    if (amount_minor == 0) return 0;
    const std::int64_t all = share_of(total, transaction.refund_minor, whole);
    const std::int64_t more = std::max<std::int64_t>(0, all - before);
    before += more;
    return more;
  };
  Refund refund{
      .id = refund_id(transaction.id, ++transaction.refund_count),
      .transaction_id = transaction.id,
      .registration_id = registration.id,
      .show_id = registration.show_id,
      .business_id = registration.business_id,
      .number = transaction.refund_count,
      .amount_minor = amount_minor,
      .currency = transaction.received_currency.empty() ? transaction.currency : transaction.received_currency,
      .reason = reason,
      .ticket_numbers = std::move(ticket_numbers),
      .reverse_transfer = by_card && amount_minor > 0 && transaction.charge_model == ChargeModel::destination,
      .fee_back_minor = due_back(transaction.application_fee_minor, transaction.fee_back_minor),
      .tax_back_minor = due_back(transaction.tax_minor, transaction.tax_back_minor),
      .created_by = meta.actor,
      .created_at = meta.now};
  audit(world, meta, ids, "refund.requested", refund.id.value, registration.show_id,
        std::string(word(reason)) + ", " + std::to_string(amount_minor));
  if (by_card && amount_minor > 0) {
    put_job(world, meta, ids, JobKind::refund_intent, refund.id.value);
  } else {  // cash is handed over by who asks for it; what cost nothing is given back with the ticket
    refund.status = RefundStatus::succeeded;
    refund.processed_at = meta.now;
    transaction.refunded_minor += amount_minor;
    book_refund(world, meta.now, transaction, refund);
    free_places(world, registration, transaction, refund);
    if (refund.places_freed && transaction.provider == Provider::none_) {
      const auto n = static_cast<std::int64_t>(refund.ticket_numbers.size());
      if (registration.user_counter) count_back(world, registration.user_counter, n);
      if (registration.address_counter) count_back(world, registration.address_counter, n);
    }
  }
  world.put(refund);
  return refund;
}

void revoke_tickets(World& world, const Meta& meta, FreshIds& ids, const Registration& registration,
                    std::span<const std::int64_t> ticket_numbers) {
  bool any = false;
  for (const std::int64_t number : ticket_numbers) {
    Ticket ticket = world.get<Ticket>(ticket_id(registration.id, *registration.confirmed_at, number));
    if (ticket.status == TicketStatus::revoked) continue;
    ticket.status = TicketStatus::revoked;
    world.put(std::move(ticket));
    any = true;
  }
  if (any) audit(world, meta, ids, "tickets.revoked", registration.id.value, registration.show_id);
}

void put_mail(World& world, const Meta& meta, FreshIds& ids, std::string_view kind, Uuid subject) {
  put_job(world, meta, ids, JobKind::mail, subject, kind);
}

}  // namespace admit::domain

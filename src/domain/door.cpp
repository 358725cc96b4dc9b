#include "domain/door.hpp"

#include <algorithm>

#include "domain/access.hpp"

namespace admit::domain {
namespace {

constexpr std::chrono::minutes annul_limit{15};

/// Begins like the device's id, so that the scans of a gate lie together in a store and not all over the years. The
/// 90 bits behind that are derived from device and nonce: no gate can meet a scan of another.
CheckInId scan_id(const Admit& command) {
  if (command.nonce.empty()) return FreshIds(command.meta).next<CheckInId>();
  constexpr std::uint64_t begin = 0xFFFFFFFF00000000ull;
  const Uuid device = command.device_id.value;
  auto id = derived_id<CheckInId>("scan", device.raw() + command.nonce);
  id.value.high = (device.high & begin) | (id.value.high & ~begin);
  return id;
}

bool lets_through(DoorReason reason) {
  return reason == DoorReason::admitted || reason == DoorReason::exited;
}

DoorReason judge(const Admit& command, const Device& device, const World& world, const Ticket*& ticket) {
  ticket = nullptr;
  if (!command.opened) return command.unreadable;
  const Ticket* found = world.find<Ticket>(command.opened->ticket_id);
  if (found == nullptr) return DoorReason::unknown;
  if (found->show_id == device.show_id) ticket = found;
  if (command.opened->show_id != found->show_id) return DoorReason::forged;
  if (ticket == nullptr) return DoorReason::other_show;
  if (found->status == TicketStatus::revoked) return DoorReason::revoked;
  if (found->status == TicketStatus::frozen) return DoorReason::frozen;
  if (command.opened->sequence != found->sequence) return DoorReason::superseded;
  // Out goes everybody: whom a gate may let in says nothing about whom it may let out.
  if (command.direction == Direction::exit) return found->inside ? DoorReason::exited : DoorReason::not_inside;
  if (!device.tier_ids.empty() && std::ranges::find(device.tier_ids, found->tier_id) == device.tier_ids.end()) {
    return DoorReason::other_tier;
  }
  const auto& windows = world.get<Show>(device.show_id).windows;
  if (std::ranges::none_of(windows, [&](const Window& w) { return w.contains(command.meta.now); })) {
    return DoorReason::outside_window;
  }
  return found->entries < entries_allowed(AdmissionRule::once) ? DoorReason::admitted : DoorReason::already_used;
}

/// Notes that the device is there, at most once a minute: with the scan, and for no save of its own.
void note_seen(World& world, const Device& found, Instant now) {
  const Instant minute = std::chrono::floor<std::chrono::minutes>(now);
  if (found.seen_at && *found.seen_at >= minute) return;
  Device device = found;
  device.seen_at = minute;
  world.put(std::move(device));
}

const Device* live_device(const World& world, DeviceId id) {
  const Device* device = world.find<Device>(id);
  return device != nullptr && !device->revoked_at ? device : nullptr;
}

}  // namespace

std::int64_t entries_allowed(AdmissionRule rule) {
  switch (rule) {
    case AdmissionRule::once:
      return 1;
  }
  return 0;
}

void needs(const Admit& command, Needs& needs) {
  if (const auto* device = needs.change<Device>(command.device_id)) needs.read<Show>(device->show_id);
  if (command.opened) needs.change<Ticket>(command.opened->ticket_id);
  if (command.nonce.empty()) return;
  if (const auto* scan = needs.change<CheckIn>(scan_id(command)); scan != nullptr && scan->ticket_id) {
    needs.change<Ticket>(scan->ticket_id);
  }
}

Result<Admit::Outcome> decide(const Admit& command, World& world) {
  const Device* device = live_device(world, command.device_id);
  if (device == nullptr) return refuse(Refusal::unknown_device, "", "This gate token is unknown or revoked.");
  const CheckInId id = scan_id(command);
  if (!command.nonce.empty()) {
    if (const CheckIn* before = world.find<CheckIn>(id)) {
      if (before->code_hash != command.code_hash || before->direction != command.direction) {
        return refuse(Refusal::nonce_reused, "nonce",
                      "This nonce was used for another scan; make a fresh one for each scan.");
      }
      // An entry that was taken back lets nobody in, however often its scan is sent again.
      const bool valid = lets_through(before->reason) && !before->annulled_at;
      Admit::Outcome outcome{.check_in = *before, .valid = valid, .replay = true};
      if (before->ticket_id) outcome.ticket = world.get<Ticket>(before->ticket_id);
      return outcome;
    }
  }
  const Ticket* found = nullptr;
  const DoorReason reason = judge(command, *device, world, found);
  Admit::Outcome outcome{.check_in = {.id = id,
                                      .show_id = device->show_id,
                                      .ticket_id = found != nullptr ? found->id : TicketId{},
                                      .device_id = device->id,
                                      .gate = device->gate,
                                      .direction = command.direction,
                                      .reason = reason,
                                      .code_hash = command.code_hash,
                                      .at = command.meta.now},
                         .valid = lets_through(reason)};
  world.put(outcome.check_in);
  note_seen(world, *device, command.meta.now);
  if (found == nullptr) return outcome;
  Ticket ticket = *found;
  if (outcome.valid) {
    if (reason == DoorReason::admitted) {
      ticket.status = TicketStatus::used;
      ++ticket.entries;
      ticket.inside = true;
      ticket.used_at = command.meta.now;
      ticket.gate = outcome.check_in.gate;
    } else {
      ticket.inside = false;
    }
    world.put(ticket);
    FreshIds ids(command.meta);
    ids.next<CheckInId>();
    audit(world, command.meta, ids, reason == DoorReason::admitted ? "ticket.admitted" : "ticket.exited",
          ticket.id.value, ticket.show_id);
  }
  outcome.ticket = std::move(ticket);
  return outcome;
}

void needs(const Annul& command, Needs& needs) {
  if (command.device_id) needs.read<Device>(command.device_id);
  const auto* scan = needs.change<CheckIn>(command.check_in_id);
  if (scan == nullptr) return;
  if (!command.device_id) {
    if (const auto* show = needs.read<Show>(scan->show_id)) need_access(needs, command.meta, show->business_id);
  }
  if (scan->ticket_id) {
    if (const auto* ticket = needs.change<Ticket>(scan->ticket_id)) needs.read<Transaction>(ticket->transaction_id);
  }
}

Result<Admit::Outcome> decide(const Annul& command, World& world) {
  const Device* device = command.device_id ? live_device(world, command.device_id) : nullptr;
  if (command.device_id && device == nullptr) {
    return refuse(Refusal::unknown_device, "", "This gate token is unknown or revoked.");
  }
  const CheckIn* found = world.find<CheckIn>(command.check_in_id);
  if (found == nullptr || (device != nullptr && found->show_id != device->show_id)) {
    return refuse(Refusal::unknown_check_in, "checkInId", "There is no such check-in.");
  }
  if (device == nullptr &&
      !may(world, command.meta, world.get<Show>(found->show_id).business_id, Capability::annul_check_ins)) {
    return refuse(Refusal::forbidden, "checkInId",
                  "The check-in is another business's, or your role may not take it back.");
  }
  if (device != nullptr && found->device_id != device->id) {
    return refuse(Refusal::other_device, "checkInId", "Only the device that scanned can take the scan back.");
  }
  if (found->reason != DoorReason::admitted) {
    return refuse(Refusal::not_an_entry, "checkInId", "Only an entry that was let in can be taken back.");
  }
  if (found->annulled_at) return refuse(Refusal::already_annulled, "checkInId", "This entry was taken back already.");
  if (command.meta.now > found->at + annul_limit) {
    return refuse(Refusal::annul_too_late, "checkInId", "An entry can be taken back for 15 minutes.");
  }
  CheckIn check_in = *found;
  check_in.annulled_at = command.meta.now;
  Ticket ticket = world.get<Ticket>(check_in.ticket_id);
  if (!ticket.inside) return refuse(Refusal::not_an_entry, "checkInId", "The ticket has left again.");
  --ticket.entries;
  ticket.inside = false;
  ticket.used_at.reset();
  ticket.gate.clear();
  if (ticket.status == TicketStatus::used && ticket.entries == 0) {
    const bool disputed = world.get<Transaction>(ticket.transaction_id).open_disputes > 0;
    ticket.status = disputed ? TicketStatus::frozen : TicketStatus::valid;
  }
  world.put(check_in);
  world.put(ticket);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "check_in.annulled", check_in.id.value, check_in.show_id);
  return Admit::Outcome{.check_in = std::move(check_in), .ticket = std::move(ticket)};
}

void needs(const RevokeTicket& command, Needs& needs) {
  if (const auto* ticket = needs.change<Ticket>(command.ticket_id)) need_access(needs, command.meta, ticket->business_id);
}

Result<Ticket> decide(const RevokeTicket& command, World& world) {
  const Ticket* found = world.find<Ticket>(command.ticket_id);
  if (found == nullptr) return refuse(Refusal::unknown_ticket, "ticketId", "There is no such ticket.");
  if (!may(world, command.meta, found->business_id, Capability::revoke_tickets)) {
    return refuse(Refusal::forbidden, "ticketId", "The ticket belongs to another business, or your role may not do this.");
  }
  if (found->status == TicketStatus::revoked) return *found;
  Ticket ticket = *found;
  ticket.status = TicketStatus::revoked;
  world.put(ticket);
  FreshIds ids(command.meta);
  audit(world, command.meta, ids, "ticket.revoked", ticket.id.value, ticket.show_id);
  return ticket;
}

}  // namespace admit::domain

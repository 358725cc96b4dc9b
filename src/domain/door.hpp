#pragma once
// At the door: admit, let out, take back a scan, revoke a ticket.

#include "domain/command.hpp"

namespace admit::domain {

/// What an opened code says. Opening it is done before the command is sent: it needs keys, not rows.
struct OpenedCode {
  TicketId ticket_id;
  ShowId show_id;
  std::int64_t sequence = 0;
};

/// One scan at a gate. The same (device, nonce) answers as it first did; without a nonce every scan is a new one.
/// The reason is decided in the order of DoorReason. Every decided scan leaves a check-in, whatever the reason.
/// Refuses: nonce_reused, unknown_device (also: revoked).
struct Admit {
  struct Outcome {
    CheckIn check_in;
    std::optional<Ticket> ticket;  // empty unless it is one of the device's show
    bool valid = false;
    bool replay = false;
  };
  Meta meta;
  DeviceId device_id;
  std::optional<OpenedCode> opened;
  DoorReason unreadable = DoorReason::malformed;  // why, where nothing was opened
  Uuid code_hash;
  std::string nonce;  // "" for none
  Direction direction = Direction::entry;
};
void needs(const Admit& command, Needs& needs);
[[nodiscard]] Result<Admit::Outcome> decide(const Admit& command, World& world);

/// Takes an entry back (the turnstile did not turn): the same device, or somebody of the business, within 15 minutes.
/// Refuses: unknown_device, unknown_check_in, forbidden, other_device, not_an_entry, already_annulled, annul_too_late.
struct Annul {
  using Outcome = Admit::Outcome;
  Meta meta;
  DeviceId device_id;  // none where a member or a key of the business does it
  CheckInId check_in_id;
};
void needs(const Annul& command, Needs& needs);
[[nodiscard]] Result<Admit::Outcome> decide(const Annul& command, World& world);

/// By the organiser; idempotent. Refuses: unknown_ticket, forbidden.
struct RevokeTicket {
  using Outcome = Ticket;
  Meta meta;
  TicketId ticket_id;
};
void needs(const RevokeTicket& command, Needs& needs);
[[nodiscard]] Result<Ticket> decide(const RevokeTicket& command, World& world);

/// How often a ticket may be inside by its rule.
[[nodiscard]] std::int64_t entries_allowed(AdmissionRule rule);

}  // namespace admit::domain

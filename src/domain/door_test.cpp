#include <doctest/doctest.h>

#include "domain/testing/office.hpp"

using namespace admit::domain;
using admit::domain::testing::code;
using admit::domain::testing::Rows;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

namespace {

struct Door {
  Rows rows;
  testing::Office<Rows> o{rows};
  TicketId ticket = o.ticket();

  Admit exit_scan(TicketId id) {
    auto scan = o.scan(id);
    scan.direction = Direction::exit;
    return scan;
  }
  TicketStatus status() const { return rows.get<Ticket>(ticket).status; }
  void revoke() { o.must(RevokeTicket{.meta = o.meta(o.organiser), .ticket_id = ticket}); }
};

}  // namespace

TEST_CASE("door: the reasons, in their order; with two faults the first is told") {
  struct Row {
    DoorReason reason;
    bool opened, known, right_show, same_show, revoked, old_sequence, in_window, used;
  };
  using R = DoorReason;
  // Each row has every fault behind its own.
  const Row rows[] = {
      {R::malformed, false, false, false, false, true, true, false, true},
      {R::unknown, true, false, false, false, true, true, false, true},
      {R::forged, true, true, false, false, true, true, false, true},
      {R::forged, true, true, false, true, true, true, false, true},
      {R::other_show, true, true, true, false, true, true, false, true},
      {R::revoked, true, true, true, true, true, true, false, true},
      {R::superseded, true, true, true, true, false, true, false, true},
      {R::outside_window, true, true, true, true, false, false, false, true},
      {R::already_used, true, true, true, true, false, false, true, true},
      {R::admitted, true, true, true, true, false, false, true, false},
  };
  for (const auto& row : rows) {
    CAPTURE(word(row.reason));
    Door d;
    const DeviceId elsewhere = d.o.device(d.o.new_show(), "elsewhere");
    if (row.used) d.o.must(d.o.scan(d.ticket));
    if (row.revoked) d.revoke();
    auto scan = d.o.scan(row.known ? d.ticket : d.o.fresh<TicketId>(), row.same_show ? d.o.gate : elsewhere);
    if (!row.right_show) scan.opened->show_id = d.o.fresh<ShowId>();
    if (row.old_sequence) scan.opened->sequence = 1;
    if (!row.opened) scan.opened.reset();
    if (!row.in_window) scan.meta.now = d.o.now + hours{24};
    const auto outcome = d.o.must(scan);
    CHECK(outcome.check_in.reason == row.reason);
    CHECK(outcome.valid == (row.reason == R::admitted));
    CHECK(outcome.ticket.has_value() == (row.same_show && row.known && row.opened));
    CHECK(d.rows.get<CheckIn>(outcome.check_in.id).reason == row.reason);  // kept, whatever was decided
  }
}

TEST_CASE("door: a code that cannot be opened is decided by why") {
  for (const auto why :
       {DoorReason::malformed, DoorReason::unsigned_code, DoorReason::unsupported_code, DoorReason::forged}) {
    Door d;
    auto scan = d.o.scan(d.ticket);
    scan.opened.reset();
    scan.unreadable = why;
    CHECK(d.o.must(scan).check_in.reason == why);
    CHECK(d.status() == TicketStatus::valid);
  }
}

TEST_CASE("door: one entry; the gate and the time are kept with the ticket") {
  Door d;
  const auto outcome = d.o.must(d.o.scan(d.ticket));
  REQUIRE(outcome.ticket);
  CHECK(outcome.ticket->status == TicketStatus::used);
  CHECK(outcome.ticket->inside);
  CHECK(outcome.ticket->gate == d.rows.get<Device>(d.o.gate).gate);
  CHECK(outcome.ticket->used_at == d.o.now);
  for (int i = 0; i < 3; ++i) CHECK(d.o.must(d.o.scan(d.ticket)).check_in.reason == DoorReason::already_used);
  CHECK(d.rows.get<Ticket>(d.ticket).entries == 1);
}

TEST_CASE("exit: lets out who is inside, at any hour, and does not let in again") {
  Door d;
  CHECK(d.o.must(d.exit_scan(d.ticket)).check_in.reason == DoorReason::not_inside);
  d.o.must(d.o.scan(d.ticket));
  d.o.now += hours{30};
  const auto out = d.o.must(d.exit_scan(d.ticket));
  CHECK(out.check_in.reason == DoorReason::exited);
  CHECK(out.valid);
  CHECK(d.o.must(d.exit_scan(d.ticket)).check_in.reason == DoorReason::not_inside);
  d.o.now -= hours{30};
  CHECK(d.o.must(d.o.scan(d.ticket)).check_in.reason == DoorReason::already_used);
}

TEST_CASE("nonce: the same scan answers as it first did; another code or direction with it is refused") {
  Door d;
  auto scan = d.o.scan(d.ticket);
  scan.nonce = "n1";
  const auto first = d.o.must(scan);
  CHECK(first.valid);
  CHECK_FALSE(first.replay);
  d.o.now += hours{25};  // even when it would be decided otherwise now
  scan.meta = d.o.meta();
  const auto again = d.o.must(scan);
  CHECK(again.replay);
  CHECK(again.valid);
  CHECK(again.check_in.id == first.check_in.id);
  CHECK(again.check_in.at == first.check_in.at);
  CHECK(d.rows.get<Ticket>(d.ticket).entries == 1);

  auto other = scan;
  other.code_hash = {9, 9};
  CHECK(code(d.o.call(other)) == Refusal::nonce_reused);
  other = scan;
  other.direction = Direction::exit;
  CHECK(code(d.o.call(other)) == Refusal::nonce_reused);
  auto other_gate = scan;
  other_gate.device_id = d.o.other_gate;  // a nonce is a device's own
  CHECK(d.o.must(other_gate).check_in.reason == DoorReason::outside_window);
}

TEST_CASE("nonce: none means a new scan each time") {
  Door d;
  const auto scan = d.o.scan(d.ticket);
  CHECK(d.o.must(scan).valid);
  auto again = scan;
  again.meta = d.o.meta();
  CHECK_FALSE(d.o.must(again).valid);
}

TEST_CASE("device: an unknown or revoked one decides nothing and leaves nothing") {
  Door d;
  const auto before = d.rows.world.change_count();
  CHECK(code(d.o.call(d.o.scan(d.ticket, d.o.fresh<DeviceId>()))) == Refusal::unknown_device);
  CHECK(d.rows.world.change_count() == before);
  d.o.must(RevokeDevice{.meta = d.o.meta(d.o.organiser), .device_id = d.o.gate});
  d.o.must(RevokeDevice{.meta = d.o.meta(d.o.organiser), .device_id = d.o.gate});
  CHECK(code(d.o.call(d.o.scan(d.ticket))) == Refusal::unknown_device);
}

TEST_CASE("annul: by whoever of the business may") {
  Door d;
  const auto entry = d.o.must(d.o.scan(d.ticket)).check_in;
  const auto annul = [&](UserId by) { return Annul{.meta = d.o.meta(by), .device_id = {}, .check_in_id = entry.id}; };
  CHECK(code(d.o.call(annul(d.o.buyer))) == Refusal::forbidden);
  CHECK(code(d.o.call(Annul{.meta = d.o.meta(d.o.organiser), .device_id = {}, .check_in_id = d.o.fresh<CheckInId>()})) ==
        Refusal::unknown_check_in);
  CHECK(d.o.must(annul(d.o.organiser)).check_in.annulled_at);
  CHECK(d.status() == TicketStatus::valid);
  CHECK(code(d.o.call(annul(d.o.organiser))) == Refusal::already_annulled);
}

TEST_CASE("annul: the device that let in, within 15 minutes, once; then the ticket is as before") {
  Door d;
  const auto entry = d.o.must(d.o.scan(d.ticket)).check_in;
  const auto refused = d.o.must(d.o.scan(d.ticket)).check_in;
  const DeviceId elsewhere = d.o.device(d.o.new_show(), "elsewhere");
  const auto annul = [&](CheckInId id, DeviceId device) {
    return Annul{.meta = d.o.meta(), .device_id = device, .check_in_id = id};
  };
  CHECK(code(d.o.call(annul(entry.id, d.o.fresh<DeviceId>()))) == Refusal::unknown_device);
  CHECK(code(d.o.call(annul(d.o.fresh<CheckInId>(), d.o.gate))) == Refusal::unknown_check_in);
  CHECK(code(d.o.call(annul(entry.id, elsewhere))) == Refusal::unknown_check_in);
  CHECK(code(d.o.call(annul(entry.id, d.o.other_gate))) == Refusal::other_device);
  CHECK(code(d.o.call(annul(refused.id, d.o.gate))) == Refusal::not_an_entry);
  d.o.now += minutes{15} + milliseconds{1};
  CHECK(code(d.o.call(annul(entry.id, d.o.gate))) == Refusal::annul_too_late);
  d.o.now -= milliseconds{1};
  const auto outcome = d.o.must(annul(entry.id, d.o.gate));
  CHECK(outcome.ticket->status == TicketStatus::valid);
  CHECK(outcome.ticket->entries == 0);
  CHECK_FALSE(outcome.ticket->inside);
  CHECK_FALSE(outcome.ticket->used_at);
  CHECK(code(d.o.call(annul(entry.id, d.o.gate))) == Refusal::already_annulled);
  CHECK(d.o.must(d.o.scan(d.ticket)).valid);
}

TEST_CASE("annul: an exit is not taken back, and a revoked ticket stays revoked") {
  Door d;
  const auto entry = d.o.must(d.o.scan(d.ticket)).check_in;
  const auto out = d.o.must(d.exit_scan(d.ticket)).check_in;
  const auto annul = [&](CheckInId id) {
    return Annul{.meta = d.o.meta(), .device_id = d.o.gate, .check_in_id = id};
  };
  CHECK(code(d.o.call(annul(out.id))) == Refusal::not_an_entry);
  CHECK(code(d.o.call(annul(entry.id))) == Refusal::not_an_entry);  // it would let the ticket in once more
  Door other;
  const auto inside = other.o.must(other.o.scan(other.ticket)).check_in;
  other.revoke();
  other.o.must(Annul{.meta = other.o.meta(), .device_id = other.o.gate, .check_in_id = inside.id});
  CHECK(other.status() == TicketStatus::revoked);
  d.revoke();
  CHECK(d.status() == TicketStatus::revoked);
  CHECK(d.o.must(d.o.scan(d.ticket)).check_in.reason == DoorReason::revoked);
}

TEST_CASE("revoke: by the organiser or an operator, as often as they like") {
  Door d;
  const auto revoke = [&](Meta meta, TicketId id) {
    return RevokeTicket{.meta = std::move(meta), .ticket_id = id};
  };
  CHECK(code(d.o.call(revoke(d.o.meta(d.o.organiser), d.o.fresh<TicketId>()))) == Refusal::unknown_ticket);
  CHECK(code(d.o.call(revoke(d.o.meta(d.o.buyer), d.ticket))) == Refusal::forbidden);
  CHECK(d.o.must(revoke(d.o.meta(d.o.organiser), d.ticket)).status == TicketStatus::revoked);
  CHECK(d.o.must(revoke(d.o.by_operator(), d.ticket)).status == TicketStatus::revoked);
}

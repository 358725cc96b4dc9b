// A save is all or nothing, and never overwrites what it has not seen.

#include "contract.hpp"

namespace admit::contract {
namespace {

/// A save of one row with a version that the test chooses.
template <class Row>
SaveResult put_based_on(Env& env, const Row& row, std::uint64_t base_version) {
  Draft draft(env.store(), {need<Row>(row.id)});
  Changes changes;
  std::get<std::vector<Put<Row>>>(changes.puts).push_back({&row, base_version});
  return draft.save(changes);
}

User user(std::uint64_t n, std::string name = "first") {
  auto row = ordinary(nth<UserId>(n), n);
  row.name = std::move(name);
  return row;
}

Ticket ticket(std::uint64_t n, std::uint64_t registration, std::int64_t number) {
  auto row = ordinary(nth<TicketId>(n), n);
  row.registration_id = nth<RegistrationId>(registration);
  row.number = number;
  return row;
}

Quota quota(std::uint64_t n, std::int64_t size, std::int64_t taken = 0) {
  auto row = ordinary(nth<QuotaId>(n), n);
  row.size = size;
  row.taken = taken;
  return row;
}

}  // namespace

STORE_CASE("load: a row that is not there is known to be absent") {
  Draft draft(env.store(), {need(nth<UserId>(1)), need(nth<ShowId>(1), false)});
  expect(draft.world.loaded<User>(nth<UserId>(1)), "the world knows of it");
  expect(draft.world.find<User>(nth<UserId>(1)) == nullptr, "it is absent");
  expect(draft.world.find<Show>(nth<ShowId>(1)) == nullptr, "so is one that is only read");
}

STORE_CASE("load: rows of several tables in one call, there and absent") {
  env.put(user(1), quota(1, 10));
  Draft draft(env.store(),
              {need(nth<UserId>(1), false), need(nth<QuotaId>(1)), need(nth<UserId>(2)), need(nth<ShowId>(1))});
  expect(draft.world.get<User>(nth<UserId>(1)).name == "first", "the first table's row");
  expect(draft.world.get<Quota>(nth<QuotaId>(1)).size == 10, "the second table's row");
  expect(draft.world.find<User>(nth<UserId>(2)) == nullptr, "an absent row beside a stored one");
  expect(draft.world.find<Show>(nth<ShowId>(1)) == nullptr, "an absent row of a third table");
}

STORE_CASE("load: may be called again for more rows") {
  env.put(user(1), user(2));
  Draft draft(env.store(), {need(nth<UserId>(1), false)});
  draft.load({need(nth<UserId>(2)), need(nth<UserId>(3))});
  expect(draft.world.get<User>(nth<UserId>(1)).email == user(1).email, "the row of the first call");
  expect(draft.world.get<User>(nth<UserId>(2)).email == user(2).email, "the row of the second call");
  expect(draft.world.find<User>(nth<UserId>(3)) == nullptr, "the absent row of the second call");
  auto changed = draft.world.get<User>(nth<UserId>(2));
  changed.name = "second";
  draft.world.put(changed);
  expect(draft.save(), SaveStatus::saved);
  expect(env.get(nth<UserId>(2)).name == "second", "a row of the second call is saved");
}

STORE_CASE("load: a row named twice is one row") {
  env.put(user(1));
  Draft draft(env.store(), {need(nth<UserId>(1), false), need(nth<UserId>(1), true), need(nth<UserId>(1), false)});
  draft.world.put(user(1, "second"));
  expect(draft.save(), SaveStatus::saved);
  expect(env.get(nth<UserId>(1)).version == 2, "it is saved once");
}

STORE_CASE("load: asking for a row to change it writes nothing") {
  Draft(env.store(), {need(nth<QuotaId>(1)), need(nth<UserId>(1))}).drop();
  {
    Draft draft(env.store(), {need(nth<QuotaId>(1)), need(nth<UserId>(1))});
    draft.world.put(user(2));
    expect(draft.save(), SaveStatus::saved);
  }
  expect(!env.find(nth<QuotaId>(1)), "no counter appeared");
  expect(!env.find(nth<UserId>(1)), "no user appeared");
}

STORE_CASE("save: an inserted row is there, with version 1") {
  env.put(user(1));
  expect(env.get(nth<UserId>(1)).version == 1, "version 1");
  expect(env.get(nth<UserId>(1)).name == "first", "its columns");
}

STORE_CASE("save: inserting a row that is there is a conflict and changes nothing") {
  env.put(user(1));
  const auto result = put_based_on(env, user(1, "second"), 0);
  expect(result, SaveStatus::conflict);
  expect(env.get(nth<UserId>(1)).name == "first", "the stored row stays");
  expect(env.get(nth<UserId>(1)).version == 1, "with its version");
}

STORE_CASE("save: a conflict names the row at fault") {
  env.put(user(1), user(2), quota(1, 5));
  {
    const auto result = put_based_on(env, user(2, "second"), 0);
    expect(result, SaveStatus::conflict);
    expect(result.table == table_of<User> && result.id == nth_id(2), "an inserted row that is there");
  }
  {
    auto row = quota(1, 6);
    const auto result = put_based_on(env, row, 7);
    expect(result, SaveStatus::conflict);
    expect(result.table == table_of<Quota> && result.id == nth_id(1), "a row of another version");
  }
}

STORE_CASE("save: every save of a row adds one to its version") {
  for (std::uint64_t n = 1; n <= 5; ++n) {
    env.put(user(1, "name " + std::to_string(n)));
    expect(env.get(nth<UserId>(1)).version == n, "the version counts the saves");
  }
}

STORE_CASE("save: a row saved as it is gets a version too") {
  env.put(user(1));
  env.put(user(1));
  expect(env.get(nth<UserId>(1)).version == 2, "the version counts the saves");
}

STORE_CASE("save: an update based on the version before is a conflict") {
  env.put(user(1));
  env.put(user(1, "second"));
  expect(put_based_on(env, user(1, "late"), 1), SaveStatus::conflict);
  expect(env.get(nth<UserId>(1)).name == "second", "the newer row stays");
}

STORE_CASE("save: an update based on a version to come is a conflict") {
  env.put(user(1));
  expect(put_based_on(env, user(1, "early"), 2), SaveStatus::conflict);
  expect(env.get(nth<UserId>(1)).name == "first", "the stored row stays");
}

STORE_CASE("save: an update of a row that is not there is a conflict") {
  expect(put_based_on(env, user(1), 1), SaveStatus::conflict);
  expect(!env.find(nth<UserId>(1)), "no row appears");
}

STORE_CASE("save: an update leaves its neighbours alone") {
  env.put(user(1), user(2), user(3));
  env.put(user(2, "second"));
  for (const std::uint64_t n : {1u, 3u}) {
    expect(env.get(nth<UserId>(n)).version == 1, "the version of a neighbour");
    expect(difference(env.get(nth<UserId>(n)), user(n)).empty(), "the columns of a neighbour");
  }
}

STORE_CASE("save: a read check that no longer holds is a conflict and names the row") {
  env.put(user(1), user(2));
  Draft draft(env.store(), {need(nth<UserId>(1), false), need(nth<UserId>(2))});
  draft.world.put(user(2, "second"));
  draft.step_aside(env.subject());
  env.put(user(1, "changed"));
  const auto result = draft.save();
  expect(result, SaveStatus::conflict);
  expect(result.table == table_of<User> && result.id == nth_id(1), "the row that was read");
  expect(env.get(nth<UserId>(2)).name == "first", "nothing is saved");
}

STORE_CASE("save: a read check on a row that is not there is a conflict") {
  Changes changes;
  const auto row = user(2);
  std::get<std::vector<Put<User>>>(changes.puts).push_back({&row, 0});
  changes.reads.push_back({table_of<User>, nth_id(1), 1});
  Draft draft(env.store(), {need(nth<UserId>(1), false), need(nth<UserId>(2))});
  expect(draft.save(changes), SaveStatus::conflict);
  expect(!env.find(nth<UserId>(2)), "nothing is saved");
}

STORE_CASE("save: read checks that hold let it pass and leave the rows as they are") {
  env.put(user(1), quota(1, 5));
  Draft draft(env.store(), {need(nth<UserId>(1), false), need(nth<QuotaId>(1), false), need(nth<UserId>(2))});
  draft.world.put(user(2));
  expect(draft.world.changes().reads.size() == 2, "both are checked");
  expect(draft.save(), SaveStatus::saved);
  expect(env.get(nth<UserId>(1)).version == 1, "the version of a row that was read");
  expect(env.get(nth<QuotaId>(1)).version == 1, "the version of a counter that was read");
}

STORE_CASE("save: one row of every table at once") {
  std::vector<Need> needs;
  for (std::size_t table = 0; table < table_count; ++table) needs.push_back({table, nth_id(1), true});
  Draft draft(env.store(), needs);
  for (std::size_t table = 0; table < table_count; ++table) {
    std::visit([&](const auto& row) { draft.world.put(row); }, ordinary(table, nth_id(1)));
  }
  expect(draft.save(), SaveStatus::saved);
  for (std::size_t table = 0; table < table_count; ++table) {
    const auto row = env.find_any(table, nth_id(1));
    expect(row.has_value(), std::string(table_name(table)) + " is there");
    expect(difference(*row, ordinary(table, nth_id(1))).empty(), std::string(table_name(table)) + " is whole");
  }
}

STORE_CASE("save: nothing at all is saved") {
  Draft draft(env.store(), {need(nth<UserId>(1), false)});
  expect(draft.save(), SaveStatus::saved);
  env.put(user(1));
}

STORE_CASE("save: inserts, updates and deltas go together") {
  env.put(user(1), quota(1, 5));
  Draft draft(env.store(), {need(nth<UserId>(1)), need(nth<UserId>(2)), need(nth<QuotaId>(1))});
  draft.world.put(user(1, "second"));
  draft.world.put(user(2));
  expect(draft.world.take<Quota>(nth<QuotaId>(1), 3), "three places are free");
  expect(draft.save(), SaveStatus::saved);
  expect(env.get(nth<UserId>(1)).name == "second", "the update");
  expect(env.find(nth<UserId>(2)).has_value(), "the insert");
  expect(env.get(nth<QuotaId>(1)).taken == 3, "the delta");
}

STORE_CASE("all or nothing: a conflict in one table undoes the others") {
  env.put(ticket(1, 1, 1));
  Draft draft(env.store(),
              {need(nth<UserId>(1)), need(nth<QuotaId>(1)), need(nth<TicketId>(1)), need(nth<AuditId>(1))});
  draft.world.put(user(1));
  draft.world.put(quota(1, 5));
  draft.world.put(ticket(1, 1, 2));
  draft.world.put(ordinary(nth<AuditId>(1)));
  draft.step_aside(env.subject());
  env.put(ticket(1, 1, 3));
  expect(draft.save(), SaveStatus::conflict);
  expect(!env.find(nth<UserId>(1)) && !env.find(nth<QuotaId>(1)), "nothing of the tables before");
  expect(!env.find(nth<AuditId>(1)), "nothing of the tables behind");
  expect(env.get(nth<TicketId>(1)).number == 3, "nothing in its own table");
}

STORE_CASE("all or nothing: a failed guard undoes the rows") {
  env.put(quota(1, 5), quota(2, 5));
  Draft draft(env.store(), {need(nth<UserId>(1)), need(nth<QuotaId>(1)), need(nth<QuotaId>(2))});
  const auto row = user(1);
  Changes changes;
  std::get<std::vector<Put<User>>>(changes.puts).push_back({&row, 0});
  changes.deltas = {{table_of<Quota>, nth_id(1), 2}, {table_of<Quota>, nth_id(2), 6}};
  expect(draft.save(changes), SaveStatus::guard_failed);
  expect(!env.find(nth<UserId>(1)), "no row");
  expect(env.get(nth<QuotaId>(1)).taken == 0 && env.get(nth<QuotaId>(2)).taken == 0, "no delta");
}

STORE_CASE("all or nothing: a duplicate undoes rows and deltas") {
  env.put(ticket(1, 1, 1), quota(1, 5));
  Draft draft(env.store(), {need(nth<UserId>(1)), need(nth<TicketId>(2)), need(nth<QuotaId>(1))});
  draft.world.put(user(1));
  draft.world.put(ticket(2, 1, 1));
  expect(draft.world.take<Quota>(nth<QuotaId>(1), 1), "a place is free");
  expect(draft.save(), SaveStatus::duplicate);
  expect(!env.find(nth<UserId>(1)) && !env.find(nth<TicketId>(2)), "no row");
  expect(env.get(nth<QuotaId>(1)).taken == 0, "no delta");
}

STORE_CASE("all or nothing: a failed read check undoes rows and deltas") {
  env.put(user(1), quota(1, 5));
  Draft draft(env.store(), {need(nth<UserId>(1), false), need(nth<UserId>(2)), need(nth<QuotaId>(1))});
  draft.world.put(user(2));
  expect(draft.world.take<Quota>(nth<QuotaId>(1), 1), "a place is free");
  draft.step_aside(env.subject());
  env.put(user(1, "changed"));
  expect(draft.save(), SaveStatus::conflict);
  expect(!env.find(nth<UserId>(2)), "no row");
  expect(env.get(nth<QuotaId>(1)).taken == 0, "no delta");
}

STORE_CASE("unit: dropped, it leaves nothing and hinders nobody") {
  env.put(user(1));
  {
    Draft draft(env.store(), {need(nth<UserId>(1)), need(nth<UserId>(2))});
    draft.world.put(user(1, "second"));
    draft.world.put(user(2));
    draft.drop();
  }
  expect(env.get(nth<UserId>(1)).name == "first", "no update");
  expect(!env.find(nth<UserId>(2)), "no insert");
  env.put(user(1, "third"));
  expect(env.get(nth<UserId>(1)).version == 2, "the next unit saves");
}

STORE_CASE("unit: after a refused save the next one loads anew and succeeds") {
  env.put(user(1), quota(1, 1, 1));
  expect(put_based_on(env, user(1, "late"), 9), SaveStatus::conflict);
  expect(env.take(nth<QuotaId>(1), 1), SaveStatus::guard_failed);
  env.put(user(1, "second"));
  expect(env.take(nth<QuotaId>(1), -1), SaveStatus::saved);
  expect(env.get(nth<UserId>(1)).name == "second", "the update");
  expect(env.get(nth<QuotaId>(1)).taken == 0, "the delta");
}

STORE_CASE("read: sees what was saved right before it, not what a unit has in hand") {
  env.put(user(1));
  Draft draft(env.store(), {need(nth<UserId>(1))});
  draft.world.put(user(1, "second"));
  expect(env.get(nth<UserId>(1)).name == "first", "beside an open unit");
  expect(draft.save(), SaveStatus::saved);
  expect(env.get(nth<UserId>(1)).name == "second", "after its save");
}

STORE_CASE("read: fills what is there and what is not") {
  env.put(user(1), quota(1, 5));
  World world;
  const std::vector<Need> needs{need(nth<UserId>(1), false), need(nth<UserId>(2), false), need(nth<QuotaId>(1), false)};
  env.store().read(needs, world);
  expect(world.get<User>(nth<UserId>(1)).email == user(1).email, "a row");
  expect(world.find<User>(nth<UserId>(2)) == nullptr, "an absent row");
  expect(world.get<Quota>(nth<QuotaId>(1)).size == 5, "a row of another table");
}

STORE_CASE("race: of two updates of one row the second is a conflict") {
  env.put(user(1));
  Draft late(env.store(), {need(nth<UserId>(1))});
  late.world.put(user(1, "late"));
  late.step_aside(env.subject());
  env.put(user(1, "early"));
  expect(late.save(), SaveStatus::conflict);
  expect(env.get(nth<UserId>(1)).name == "early", "the first stays");
}

STORE_CASE("race: of two inserts of one row the second is a conflict") {
  Draft late(env.store(), {need(nth<ClaimId>(1))});
  late.world.put(ordinary(nth<ClaimId>(1), 2));
  late.step_aside(env.subject());
  env.put(ordinary(nth<ClaimId>(1), 1));
  expect(late.save(), SaveStatus::conflict);
  expect(env.get(nth<ClaimId>(1)).kind == ordinary(nth<ClaimId>(1), 1).kind, "the first stays");
}

STORE_CASE("race: units that change different rows do not meet") {
  env.put(user(1), user(2), user(3));
  Draft late(env.store(), {need(nth<UserId>(1)), need(nth<UserId>(3), false)});
  late.world.put(user(1, "late"));
  late.step_aside(env.subject());
  {
    Draft early(env.store(), {need(nth<UserId>(2)), need(nth<UserId>(3), false)});
    early.world.put(user(2, "early"));
    expect(early.save(), SaveStatus::saved);
  }
  expect(late.save(), SaveStatus::saved);
  expect(env.get(nth<UserId>(1)).name == "late" && env.get(nth<UserId>(2)).name == "early", "both are saved");
}

STORE_CASE("race: two units that each read what the other writes are not both saved") {
  env.put(user(1), user(2));
  Draft late(env.store(), {need(nth<UserId>(1)), need(nth<UserId>(2), false)});
  late.world.put(user(1, "late"));
  late.step_aside(env.subject());
  {
    Draft early(env.store(), {need(nth<UserId>(2)), need(nth<UserId>(1), false)});
    early.world.put(user(2, "early"));
    expect(early.save(), SaveStatus::saved);
  }
  expect(late.save(), SaveStatus::conflict);
  expect(env.get(nth<UserId>(1)).name == "first", "the second leaves nothing");
}

STORE_CASE("unique: a pair that a stored row has is a duplicate and names the new row") {
  env.put(ticket(1, 1, 1));
  Draft draft(env.store(), {need(nth<TicketId>(2))});
  draft.world.put(ticket(2, 1, 1));
  const auto result = draft.save();
  expect(result, SaveStatus::duplicate);
  expect(result.table == table_of<Ticket> && result.id == nth_id(2), "the row at fault");
  expect(!env.find(nth<TicketId>(2)), "it is not there");
}

STORE_CASE("unique: two rows of one save with the same pair are duplicates") {
  Draft draft(env.store(), {need(nth<TicketId>(1)), need(nth<TicketId>(2))});
  draft.world.put(ticket(1, 1, 1));
  draft.world.put(ticket(2, 1, 1));
  expect(draft.save(), SaveStatus::duplicate);
  expect(!env.find(nth<TicketId>(1)) && !env.find(nth<TicketId>(2)), "neither is there");
}

STORE_CASE("unique: half a pair may be shared") {
  env.put(ticket(1, 1, 1), ticket(2, 1, 2));
  env.put(ticket(3, 2, 1), ticket(4, 2, 2));
  expect(env.store().scan(table_of<Ticket>, Uuid{}, 10).size() == 4, "all four are there");
}

STORE_CASE("unique: its owner may be saved again with its pair") {
  env.put(ticket(1, 1, 1));
  auto row = ticket(1, 1, 1);
  row.gate = "north";
  env.put(row);
  expect(env.get(nth<TicketId>(1)).gate == "north", "the update is saved");
}

STORE_CASE("unique: an update into a taken pair is a duplicate") {
  env.put(ticket(1, 1, 1), ticket(2, 1, 2));
  Draft draft(env.store(), {need(nth<TicketId>(2))});
  draft.world.put(ticket(2, 1, 1));
  const auto result = draft.save();
  expect(result, SaveStatus::duplicate);
  expect(result.id == nth_id(2), "the row at fault");
  expect(env.get(nth<TicketId>(2)).number == 2, "the row stays");
}

STORE_CASE("unique: a pair that was given up may be taken") {
  env.put(ticket(1, 1, 1));
  env.put(ticket(1, 1, 2));
  env.put(ticket(2, 1, 1));
  expect(env.get(nth<TicketId>(2)).number == 1, "it is taken");
}

STORE_CASE("unique: payments of a registration have one row an attempt") {
  auto first = ordinary(nth<TransactionId>(1), 1);
  auto second = ordinary(nth<TransactionId>(2), 2);
  second.registration_id = first.registration_id;
  second.attempt = first.attempt;
  env.put(first);
  {
    Draft draft(env.store(), {need(second.id)});
    draft.world.put(second);
    const auto result = draft.save();
    expect(result, SaveStatus::duplicate);
    expect(result.table == table_of<Transaction>, "the table at fault");
  }
  second.attempt += 1;
  env.put(second);
}

STORE_CASE("unique: of two units that want one pair the second is refused") {
  Draft late(env.store(), {need(nth<TicketId>(2))});
  late.world.put(ticket(2, 1, 1));
  late.step_aside(env.subject());
  env.put(ticket(1, 1, 1));
  expect(late.save(), SaveStatus::duplicate);
  expect(!env.find(nth<TicketId>(2)), "it is not there");
}

STORE_CASE("unique: a stale row is a conflict, though its pair is taken too") {
  env.put(ticket(1, 1, 1), ticket(2, 1, 2));
  Draft late(env.store(), {need(nth<TicketId>(2))});
  late.world.put(ticket(2, 1, 1));
  late.step_aside(env.subject());
  env.put(ticket(2, 1, 3));
  expect(late.save(), SaveStatus::conflict);
  expect(env.get(nth<TicketId>(2)).number == 3, "the newer row stays");
}

}  // namespace admit::contract

// What is due is found in time; what may be forgotten is.

#include <algorithm>

#include "contract.hpp"

namespace admit::contract {
namespace {

Job job(std::uint64_t n, std::optional<std::int64_t> due_ms) {
  auto row = ordinary(nth<JobId>(n), n);
  row.due_at.reset();
  if (due_ms) row.due_at = from_unix_ms(*due_ms);
  return row;
}

IdempotentReply reply(std::uint64_t n, std::optional<std::int64_t> due_ms) {
  auto row = ordinary<IdempotentReply>(nth<ClaimId>(n), n);
  row.due_at.reset();
  if (due_ms) row.due_at = from_unix_ms(*due_ms);
  return row;
}

HoldCounter hold_counter(std::uint64_t n, std::int64_t taken) {
  auto row = ordinary<HoldCounter>(nth<CounterId>(n), n);
  row.size = 10;
  row.taken = taken;
  return row;
}

std::vector<Uuid> due_ids(Env& env, std::int64_t until_ms, std::size_t limit = 100, std::size_t table = table_of<Job>) {
  std::vector<Uuid> out;
  for (const auto& row : env.store().due(table, from_unix_ms(until_ms), limit)) out.push_back(id_of(row));
  return out;
}

std::vector<Uuid> nths(std::initializer_list<std::uint64_t> numbers) {
  std::vector<Uuid> out;
  for (const auto n : numbers) out.push_back(nth_id(n));
  return out;
}

bool reply_there(Env& env, std::uint64_t n) {
  return env.find_any(table_of<IdempotentReply>, nth_id(n)).has_value();
}
bool counter_there(Env& env, std::uint64_t n) {
  return env.find_any(table_of<HoldCounter>, nth_id(n)).has_value();
}

}  // namespace

STORE_CASE("due: a row is due at its time, not a millisecond before") {
  env.put(job(1, 1000), job(2, 1001));
  expect(due_ids(env, 999).empty(), "before");
  expect(due_ids(env, 1000) == nths({1}), "at its time");
  expect(due_ids(env, 1001) == nths({1, 2}), "after");
}

STORE_CASE("due: earliest first, whatever the order of ids") {
  env.put(job(1, 3000), job(2, 1000), job(3, 2000), job(4, 0));
  expect(due_ids(env, 5000) == nths({4, 2, 3, 1}), "by time");
}

STORE_CASE("due: a row without a time is never due") {
  env.put(job(1, std::nullopt), job(2, 0));
  expect(due_ids(env, 253'402'300'799'999) == nths({2}), "only the one with a time");
}

STORE_CASE("due: a cleared time is due no more, a moved one at its new time") {
  env.put(job(1, 1000), job(2, 1000), job(3, std::nullopt));
  env.put(job(1, std::nullopt), job(2, 2000), job(3, 1500));
  expect(due_ids(env, 1000).empty(), "nothing at the old time");
  expect(due_ids(env, 2000) == nths({3, 2}), "the moved and the new one");
}

STORE_CASE("due: the limit gives the earliest") {
  env.put(job(1, 5000), job(2, 4000), job(3, 3000), job(4, 2000), job(5, 1000));
  expect(due_ids(env, 9000, 2) == nths({5, 4}), "the two earliest");
  expect(due_ids(env, 9000, 5).size() == 5, "all of them");
}

STORE_CASE("due: rows of one time are all there, each once") {
  for (std::uint64_t n = 1; n <= 6; ++n) env.put(job(n, 1000));
  auto ids = due_ids(env, 1000);
  std::ranges::sort(ids);
  expect(ids == nths({1, 2, 3, 4, 5, 6}), "all six");
}

STORE_CASE("due: the rows are whole, with their versions") {
  env.put(job(1, 500));
  env.put(job(1, 1000));
  const auto rows = store::due<Job>(env.store(), from_unix_ms(1000), 10);
  expect(rows.size() == 1, "one row");
  expect(difference(rows[0], job(1, 1000)).empty(), "every column");
  expect(rows[0].version == 2, "its version");
}

STORE_CASE("due: every table that has a due time, each by itself") {
  auto held = ordinary(nth<RegistrationId>(1));
  held.due_at = from_unix_ms(1000);
  env.put(held, job(2, 1000), reply(3, 1000));
  expect(due_ids(env, 1000, 10, table_of<Registration>) == nths({1}), "registrations");
  expect(due_ids(env, 1000, 10, table_of<Job>) == nths({2}), "jobs");
  expect(due_ids(env, 1000, 10, table_of<IdempotentReply>) == nths({3}), "replies");
}

STORE_CASE("due: a lease moved ahead by one unit is seen by the other") {
  env.put(job(1, 1000));
  Draft late(env.store(), {need(nth<JobId>(1))});
  late.world.put(job(1, 9000));
  late.step_aside(env.subject());
  env.put(job(1, 5000));
  expect(late.save(), SaveStatus::conflict);
  expect(due_ids(env, 1000).empty(), "it is not due now");
  expect(due_ids(env, 5000) == nths({1}), "it is due when the first lease ends");
}

STORE_CASE("purge: forgets replies due at or before now and keeps the others") {
  env.put(reply(1, 999), reply(2, 1000), reply(3, 1001), reply(4, std::nullopt));
  expect(env.store().purge(from_unix_ms(1000), 100) == 2, "two rows are gone");
  expect(!reply_there(env, 1) && !reply_there(env, 2), "those that were due");
  expect(reply_there(env, 3) && reply_there(env, 4), "a later one and one without a time stay");
}

STORE_CASE("purge: forgets provider events due at or before now and keeps the others") {
  for (std::uint64_t n = 1; n <= 3; ++n) {
    auto event = ordinary<InboxEvent>(nth<InboxId>(n), n);
    event.due_at = n == 3 ? std::nullopt : std::optional(from_unix_ms(static_cast<std::int64_t>(n) * 1000));
    env.put(event);
  }
  expect(env.store().purge(from_unix_ms(1000), 100) == 1, "one row is gone");
  expect(!env.find_any(table_of<InboxEvent>, nth_id(1)).has_value(), "the event that is due is gone");
  expect(env.find_any(table_of<InboxEvent>, nth_id(2)).has_value(), "the one that is due later is there");
  expect(env.find_any(table_of<InboxEvent>, nth_id(3)).has_value(), "the one that is never due is there");
}

STORE_CASE("purge: forgets hold counters at zero and no others") {
  auto quota = ordinary(nth<QuotaId>(1));
  quota.taken = 0;
  env.put(hold_counter(1, 0), hold_counter(2, 1), quota);
  expect(env.store().purge(from_unix_ms(0), 100) == 1, "one row is gone");
  expect(!counter_there(env, 1), "the counter at zero");
  expect(counter_there(env, 2), "a counter in use stays");
  expect(env.find(nth<QuotaId>(1)).has_value(), "a quota at zero stays");
}

STORE_CASE("purge: takes at most its limit and says how many") {
  env.put(reply(1, 1), reply(2, 2), reply(3, 3), hold_counter(1, 0), hold_counter(2, 0));
  const auto left = [&] {
    return env.store().scan(table_of<IdempotentReply>, Uuid{}, 10).size() +
           env.store().scan(table_of<HoldCounter>, Uuid{}, 10).size();
  };
  expect(env.store().purge(from_unix_ms(10), 2) == 2 && left() == 3, "two");
  expect(env.store().purge(from_unix_ms(10), 2) == 2 && left() == 1, "two more");
  expect(env.store().purge(from_unix_ms(10), 2) == 1 && left() == 0, "the last");
  expect(env.store().purge(from_unix_ms(10), 2) == 0, "nothing is left");
}

STORE_CASE("purge: touches no job and no registration, due or not") {
  auto held = ordinary(nth<RegistrationId>(1));
  held.due_at = from_unix_ms(1);
  env.put(held, job(2, 1), reply(3, 1));
  expect(env.store().purge(from_unix_ms(1000), 100) == 1, "only the reply is gone");
  expect(env.find(held.id).has_value() && env.find(nth<JobId>(2)).has_value(), "the others stay");
}

STORE_CASE("purge: what was forgotten may come again, from version 1") {
  env.put(reply(1, 1), hold_counter(1, 0));
  env.put(reply(1, 2));
  expect(env.store().purge(from_unix_ms(10), 100) == 2, "both are gone");
  expect(due_ids(env, 1000, 10, table_of<IdempotentReply>).empty(), "it is due no more");
  env.put(reply(1, 20), hold_counter(1, 1));
  expect(env.find_any(table_of<IdempotentReply>, nth_id(1)).has_value(), "the reply is there");
  expect(version_of(*env.find_any(table_of<IdempotentReply>, nth_id(1))) == 1, "as a new row");
}

STORE_CASE("purge: a unit that had loaded a forgotten counter is refused") {
  env.put(hold_counter(1, 0));
  Draft late(env.store(), {need(nth<CounterId>(1))});
  late.step_aside(env.subject());
  expect(env.store().purge(from_unix_ms(0), 100) == 1, "the counter is gone");
  Changes changes;
  changes.deltas.push_back({table_of<HoldCounter>, nth_id(1), 1});
  const auto result = late.save(changes);
  expect(result.status == SaveStatus::conflict || result.status == SaveStatus::guard_failed, "the delta is refused");
  expect(!counter_there(env, 1), "no counter appears");
}

}  // namespace admit::contract

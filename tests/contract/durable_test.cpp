// What was acknowledged is there after the store was opened again, and limits are what they are said to be.

#include "contract.hpp"

namespace admit::contract {
namespace {

Quota quota(std::uint64_t n, std::int64_t size) {
  auto row = ordinary(nth<QuotaId>(n), n);
  row.size = size;
  row.taken = 0;
  return row;
}

/// As many users in one save; the outcome, or nullopt where it was refused as a bug.
std::optional<SaveResult> save_users(Env& env, std::size_t count, std::uint64_t first_id, std::size_t name_bytes = 10) {
  std::vector<Need> needs;
  for (std::uint64_t n = 0; n < count; ++n) needs.push_back(need(nth<UserId>(first_id + n)));
  Draft draft(env.store(), needs);
  for (std::uint64_t n = 0; n < count; ++n) {
    auto row = ordinary(nth<UserId>(first_id + n), n);
    row.name.assign(name_bytes, 'n');
    draft.world.put(row);
  }
  try {
    return draft.save();
  } catch (const std::logic_error&) {
    return std::nullopt;
  }
}

std::size_t count_users(Env& env) {
  std::size_t count = 0;
  Uuid after{};
  for (int pages = 0; pages < 1000; ++pages) {
    const auto rows = env.store().scan(table_of<User>, after, 500);
    if (rows.empty()) return count;
    count += rows.size();
    after = id_of(rows.back());
  }
  throw Failure("the table has no end");
}

}  // namespace

STORE_CASE("durable: rows of every table are there after reopening") {
  for (std::size_t table = 0; table < table_count; ++table) env.put_any(ordinary(table, nth_id(1)));
  env.reopen();
  for (std::size_t table = 0; table < table_count; ++table) {
    const auto row = env.find_any(table, nth_id(1));
    expect(row.has_value(), std::string(table_name(table)) + " is there");
    expect(difference(*row, ordinary(table, nth_id(1))).empty(), std::string(table_name(table)) + " is whole");
  }
}

STORE_CASE("durable: versions go on after reopening") {
  env.put(ordinary(nth<UserId>(1), 1));
  env.put(ordinary(nth<UserId>(1), 2));
  env.reopen();
  expect(env.get(nth<UserId>(1)).version == 2, "the version stays");
  env.put(ordinary(nth<UserId>(1), 3));
  expect(env.get(nth<UserId>(1)).version == 3, "and goes on");
}

STORE_CASE("durable: an update and a delta outlive reopening, and guards still hold") {
  env.put(quota(1, 5));
  expect(env.take(nth<QuotaId>(1), 4), SaveStatus::saved);
  env.put(ordinary(nth<UserId>(1), 1));
  env.put(ordinary(nth<UserId>(1), 2));
  env.reopen();
  expect(env.get(nth<QuotaId>(1)).taken == 4, "what is taken");
  expect(difference(env.get(nth<UserId>(1)), ordinary(nth<UserId>(1), 2)).empty(), "the newer row");
  expect(env.take(nth<QuotaId>(1), 2), SaveStatus::guard_failed);
}

STORE_CASE("durable: pairs are unique across reopening") {
  auto ticket = ordinary(nth<TicketId>(1));
  env.put(ticket);
  env.reopen();
  ticket.id = nth<TicketId>(2);
  Draft draft(env.store(), {need(ticket.id)});
  draft.world.put(ticket);
  expect(draft.save(), SaveStatus::duplicate);
}

STORE_CASE("durable: lists and due rows are there after reopening") {
  auto job = ordinary(nth<JobId>(1));
  job.due_at = from_unix_ms(1000);
  auto tier = ordinary(nth<TierId>(1));
  tier.show_id = nth<ShowId>(1);
  env.put(job, tier);
  env.reopen();
  expect(store::due<Job>(env.store(), from_unix_ms(1000), 10).size() == 1, "the job is due");
  expect(store::list<Tier>(env.store(), "by_show", nth_id(1), 10).rows.size() == 1, "the tier is listed");
}

STORE_CASE("durable: what was forgotten stays forgotten") {
  auto reply = ordinary<IdempotentReply>(nth<ClaimId>(1));
  reply.due_at = from_unix_ms(1000);
  env.put(reply);
  expect(env.store().purge(from_unix_ms(1000), 10) == 1, "it is forgotten");
  env.reopen();
  expect(!env.find<IdempotentReply>(reply.id), "and stays so");
}

STORE_CASE("durable: a dropped unit and a refused save leave nothing behind a reopening") {
  env.put(ordinary(nth<UserId>(1), 1));
  {
    Draft draft(env.store(), {need(nth<UserId>(2))});
    draft.world.put(ordinary(nth<UserId>(2)));
    draft.drop();
  }
  {
    Draft draft(env.store(), {need(nth<UserId>(1)), need(nth<UserId>(3))});
    draft.world.put(ordinary(nth<UserId>(3)));
    draft.world.put(ordinary(nth<UserId>(1), 9));
    draft.step_aside(env.subject());
    env.put(ordinary(nth<UserId>(1), 2));
    expect(draft.save(), SaveStatus::conflict);
  }
  env.reopen();
  expect(!env.find(nth<UserId>(2)) && !env.find(nth<UserId>(3)), "neither is there");
  expect(difference(env.get(nth<UserId>(1)), ordinary(nth<UserId>(1), 2)).empty(), "what was saved is");
}

STORE_CASE("durable: reopened again and again, each save is kept") {
  for (std::uint64_t n = 1; n <= 5; ++n) {
    env.put(ordinary(nth<UserId>(n), n));
    env.reopen();
    expect(count_users(env) == n, "every save so far");
  }
}

STORE_CASE("limits: one command always fits") {
  const auto limits = env.store().limits();
  expect(limits.max_items >= 100, "a hundred rows");
  expect(limits.max_bytes >= 1'000'000, "a million bytes");
}

STORE_CASE("limits: a save of the most items is taken whole") {
  const auto count = std::min<std::size_t>(env.store().limits().max_items, 2000);
  const auto result = save_users(env, count, 1);
  expect(result.has_value(), "it is not refused");
  expect(*result, SaveStatus::saved);
  expect(count_users(env) == count, "every row is there");
}

STORE_CASE("limits: a save above the most items is a bug of the caller and saves nothing") {
  const auto most = env.store().limits().max_items;
  if (most > 5000) return;  // beyond what a test should load
  expect(!save_users(env, most + 1, 1), "it is refused");
  expect(count_users(env) == 0, "nothing is saved");
  expect(save_users(env, most, 1).has_value(), "the next save is taken");
}

STORE_CASE("limits: a save above the most bytes is a bug of the caller and saves nothing") {
  const auto most = env.store().limits().max_bytes;
  if (most > 10'000'000) return;
  expect(!save_users(env, 10, 1, most / 10 + 1), "it is refused");
  expect(count_users(env) == 0, "nothing is saved");
}

STORE_CASE("limits: many large saves follow each other") {
  const auto count = std::min<std::size_t>(env.store().limits().max_items, 200);
  for (std::uint64_t n = 0; n < 10; ++n) {
    const auto result = save_users(env, count, 1 + n * count, 2000);
    expect(result.has_value(), "it is not refused");
    expect(*result, SaveStatus::saved);
  }
  expect(count_users(env) == 10 * count, "every row is there");
}

STORE_CASE("limits: one load names as many rows as a save may hold") {
  const auto count = std::min<std::size_t>(env.store().limits().max_items, 1000);
  expect(*save_users(env, count, 1), SaveStatus::saved);
  std::vector<Need> needs;
  for (std::uint64_t n = 1; n <= 2 * count; ++n) needs.push_back(need(nth<UserId>(n), n % 2 == 0));
  Draft draft(env.store(), needs);
  for (std::uint64_t n = 1; n <= 2 * count; ++n) {
    const bool there = draft.world.find<User>(nth<UserId>(n)) != nullptr;
    expect(there == (n <= count), "a row is there or absent as it should be");
  }
}

}  // namespace admit::contract

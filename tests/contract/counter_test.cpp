// `taken` moves by guarded deltas only, between 0 and size, whoever else moves it.

#include <atomic>
#include <cstdint>
#include <thread>

#include "contract.hpp"

namespace admit::contract {
namespace {

const auto first = nth<QuotaId>(1);
const auto second = nth<QuotaId>(2);

Quota quota(QuotaId id, std::int64_t size, std::int64_t taken = 0) {
  auto row = ordinary(id);
  row.size = size;
  row.taken = taken;
  return row;
}

SaveResult take_each(Env& env, const std::vector<Delta>& deltas) {
  std::vector<Need> needs;
  for (const auto& delta : deltas) needs.push_back({delta.table, delta.id, true});
  Draft draft(env.store(), needs);
  Changes changes;
  changes.deltas = deltas;
  return draft.save(changes);
}

Delta delta(QuotaId id, std::int64_t amount) {
  return {table_of<Quota>, id.value, amount};
}

/// Runs `work(number)` in eight threads and passes on what one of them throws.
template <class Work>
void in_eight_threads(Work work) {
  std::atomic<bool> failed = false;
  std::string error;
  {
    std::vector<std::jthread> threads;
    for (int number = 0; number < 8; ++number) {
      threads.emplace_back([&, number] {
        try {
          work(number);
        } catch (const std::exception& caught) {
          if (!failed.exchange(true)) error = caught.what();
        }
      });
    }
  }
  expect(!failed, error);
}

}  // namespace

STORE_CASE("counter: a delta takes and gives back") {
  env.put(quota(first, 10));
  expect(env.take(first, 4), SaveStatus::saved);
  expect(env.get(first).taken == 4, "taken");
  expect(env.take(first, -3), SaveStatus::saved);
  expect(env.get(first).taken == 1, "given back");
  const auto row = env.get(first);
  expect(row.size == 10 && row.name == quota(first, 10).name, "the rest of the row stays");
}

STORE_CASE("counter: is inserted with what it has taken") {
  env.put(quota(first, 10, 7));
  expect(env.get(first).taken == 7, "taken");
  expect(env.take(first, 3), SaveStatus::saved);
  expect(env.take(first, 1), SaveStatus::guard_failed);
}

STORE_CASE("counter: it can be filled to the last place and not beyond") {
  env.put(quota(first, 3));
  expect(env.take(first, 2), SaveStatus::saved);
  expect(env.take(first, 2), SaveStatus::guard_failed);
  expect(env.get(first).taken == 2, "a refused delta takes nothing");
  expect(env.take(first, 1), SaveStatus::saved);
  expect(env.take(first, 1), SaveStatus::guard_failed);
  expect(env.get(first).taken == 3, "it is full");
}

STORE_CASE("counter: it can be emptied to nothing and not below") {
  env.put(quota(first, 3, 2));
  expect(env.take(first, -3), SaveStatus::guard_failed);
  expect(env.get(first).taken == 2, "a refused delta gives nothing back");
  expect(env.take(first, -2), SaveStatus::saved);
  expect(env.take(first, -1), SaveStatus::guard_failed);
  expect(env.get(first).taken == 0, "it is empty");
}

STORE_CASE("counter: a failed guard names the counter") {
  env.put(quota(first, 5), quota(second, 5));
  const auto result = take_each(env, {delta(first, 1), delta(second, 6)});
  expect(result, SaveStatus::guard_failed);
  expect(result.table == table_of<Quota> && result.id == second.value, "the counter at fault");
}

STORE_CASE("counter: deltas of several counters are taken together or not at all") {
  env.put(quota(first, 5), quota(second, 2));
  expect(take_each(env, {delta(first, 2), delta(second, 2)}), SaveStatus::saved);
  expect(env.get(first).taken == 2 && env.get(second).taken == 2, "both");
  expect(take_each(env, {delta(first, 2), delta(second, 1)}), SaveStatus::guard_failed);
  expect(take_each(env, {delta(second, 1), delta(first, 2)}), SaveStatus::guard_failed);
  expect(env.get(first).taken == 2 && env.get(second).taken == 2, "neither");
}

STORE_CASE("counter: several deltas of one counter add up") {
  env.put(quota(first, 6));
  expect(take_each(env, {delta(first, 1), delta(first, 2), delta(first, 3)}), SaveStatus::saved);
  expect(env.get(first).taken == 6, "their sum is taken");
}

STORE_CASE("counter: several deltas of one counter are guarded by their sum") {
  env.put(quota(first, 5));
  expect(take_each(env, {delta(first, 3), delta(first, 3)}), SaveStatus::guard_failed);
  expect(env.get(first).taken == 0, "nothing is taken");
}

STORE_CASE("counter: a delta on a counter that is not there saves nothing") {
  env.put(quota(second, 5));
  const auto result = take_each(env, {delta(second, 1), delta(first, 1)});
  expect(result.status == SaveStatus::conflict || result.status == SaveStatus::guard_failed, "it is refused");
  expect(!env.find(first), "no counter appears");
  expect(env.get(second).taken == 0, "and nothing else is saved");
}

STORE_CASE("counter: a save of the row does not overwrite what is taken") {
  env.put(quota(first, 10));
  expect(env.take(first, 4), SaveStatus::saved);
  auto row = env.get(first);
  row.taken = 1;
  row.size = 20;
  Changes changes;
  std::get<std::vector<Put<Quota>>>(changes.puts).push_back({&row, row.version});
  Draft draft(env.store(), {need(first)});
  expect(draft.save(changes), SaveStatus::saved);
  expect(env.get(first).size == 20, "the size is saved");
  expect(env.get(first).taken == 4, "what is taken stays");
}

STORE_CASE("counter: the row and a delta in one save are both saved") {
  env.put(quota(first, 3, 3));
  Draft draft(env.store(), {need(first)});
  auto row = draft.world.get<Quota>(first);
  row.size = 5;
  row.name = "larger";
  draft.world.put(row);
  expect(draft.world.take<Quota>(first, 2), "the new places are free");
  expect(draft.save(), SaveStatus::saved);
  const auto stored = env.get(first);
  expect(stored.size == 5 && stored.name == "larger", "the row");
  expect(stored.taken == 5, "the delta, guarded by the new size");
  expect(env.take(first, 1), SaveStatus::guard_failed);
}

STORE_CASE("counter: a smaller size guards the deltas of its own save") {
  env.put(quota(first, 10, 3));
  auto row = env.get(first);
  row.size = 4;
  Changes changes;
  std::get<std::vector<Put<Quota>>>(changes.puts).push_back({&row, row.version});
  changes.deltas.push_back(delta(first, 2));
  Draft draft(env.store(), {need(first)});
  expect(draft.save(changes), SaveStatus::guard_failed);
  expect(env.get(first).size == 10 && env.get(first).taken == 3, "nothing is saved");
}

STORE_CASE("counter: units that loaded it before may both take from it") {
  env.put(quota(first, 5));
  Draft late(env.store(), {need(first)});
  expect(late.world.take<Quota>(first, 2), "places are free");
  late.step_aside(env.subject());
  expect(env.take(first, 3), SaveStatus::saved);
  expect(late.save(), SaveStatus::saved);
  expect(env.get(first).taken == 5, "both are counted");
}

STORE_CASE("counter: the last place goes to exactly one of two units") {
  env.put(quota(first, 5, 4));
  Draft late(env.store(), {need(first), need(nth<UserId>(1))});
  expect(late.world.take<Quota>(first, 1), "a place is free when it is loaded");
  late.world.put(ordinary(nth<UserId>(1)));
  late.step_aside(env.subject());
  expect(env.take(first, 1), SaveStatus::saved);
  const auto result = late.save();
  expect(result, SaveStatus::guard_failed);
  expect(result.id == first.value, "the counter at fault");
  expect(env.get(first).taken == 5, "it is full, not over");
  expect(!env.find(nth<UserId>(1)), "the loser leaves nothing");
}

STORE_CASE("counter: a new size decided before a place was taken is a conflict") {
  env.put(quota(first, 10));
  Draft late(env.store(), {need(first)});
  auto row = late.world.get<Quota>(first);
  row.size = 1;
  late.world.put(row);
  late.step_aside(env.subject());
  expect(env.take(first, 5), SaveStatus::saved);
  expect(late.save(), SaveStatus::conflict);
  expect(env.get(first).size == 10 && env.get(first).taken == 5, "the new size is decided again");
}

STORE_CASE("counter: a decision that read what is taken notices a delta") {
  env.put(quota(first, 10));
  Draft late(env.store(), {need(first, false), need(nth<UserId>(1))});
  late.world.put(ordinary(nth<UserId>(1)));
  late.step_aside(env.subject());
  expect(env.take(first, 1), SaveStatus::saved);
  expect(late.save(), SaveStatus::conflict);
}

STORE_CASE("counter: guards hold at the ends of the integers") {
  env.put(quota(first, INT64_MAX, INT64_MAX - 1), quota(second, 0));
  expect(env.take(first, 2), SaveStatus::guard_failed);
  expect(env.take(first, INT64_MAX), SaveStatus::guard_failed);
  expect(env.take(first, 1), SaveStatus::saved);
  expect(env.get(first).taken == INT64_MAX, "it is full");
  expect(env.take(first, 1), SaveStatus::guard_failed);
  expect(env.take(first, INT64_MIN), SaveStatus::guard_failed);
  expect(env.take(first, -INT64_MAX), SaveStatus::saved);
  expect(env.get(first).taken == 0, "it is empty");
  expect(env.take(second, 1), SaveStatus::guard_failed);
  expect(env.take(second, -1), SaveStatus::guard_failed);
}

STORE_CASE("counter: hold counters are guarded as quotas are") {
  const auto id = nth<CounterId>(1);
  auto row = ordinary(id);
  row.size = 2;
  row.taken = 1;
  env.put(row);
  expect(env.take(id, 1), SaveStatus::saved);
  const auto result = env.take(id, 1);
  expect(result, SaveStatus::guard_failed);
  expect(result.table == table_of<HoldCounter>, "the table at fault");
  expect(env.take(id, -3), SaveStatus::guard_failed);
  expect(env.take(id, -2), SaveStatus::saved);
  expect(env.get(id).taken == 0, "both are given back");
}

STORE_CASE("counter: eight threads take exactly as many places as there are") {
  constexpr std::int64_t size = 100;
  env.put(quota(first, size));
  std::atomic<std::int64_t> sold = 0;
  in_eight_threads([&](int number) {
    for (std::uint64_t turn = 0; turn < 1000; ++turn) {
      Draft draft(env.store(), {need(first)});
      if (!draft.world.take<Quota>(first, 1)) return;
      draft.world.put(ordinary(nth<AuditId>(1000 * static_cast<std::uint64_t>(number) + turn + 1)));
      const auto result = draft.save();
      if (result.status == SaveStatus::saved) ++sold;
      expect(result.status != SaveStatus::duplicate, "no duplicate");
    }
  });
  expect(sold == size, "as many are sold as there are");
  expect(env.get(first).taken == size, "and as many are counted");
  expect(env.store().scan(table_of<AuditEntry>, Uuid{}, 1000).size() == size, "each with its row");
}

STORE_CASE("race: of eight threads that change one row no change is lost") {
  env.put(quota(first, 0));
  std::atomic<std::int64_t> saved = 0;
  in_eight_threads([&](int) {
    for (int turn = 0, done = 0; turn < 2000 && done < 10; ++turn) {
      Draft draft(env.store(), {need(first)});
      auto row = draft.world.get<Quota>(first);
      row.size += 1;
      draft.world.put(row);
      const auto result = draft.save();
      if (result.status != SaveStatus::saved) {
        expect(result, SaveStatus::conflict);
        continue;
      }
      ++saved;
      ++done;
    }
  });
  expect(saved > 0 && env.get(first).size == saved, "every saved change is in the row");
  expect(env.get(first).version == static_cast<std::uint64_t>(saved) + 1, "and in its version");
}

STORE_CASE("race: a reader sees each save whole") {
  env.put(quota(first, 0), ordinary(nth<UserId>(1)));
  const auto name_of = [](std::int64_t n) {
    return "name " + std::to_string(n);
  };
  std::atomic<int> readers = 2;
  in_eight_threads([&](int number) {
    if (number == 0) {
      for (std::int64_t n = 1; n <= 20'000 && readers > 0; ++n) {
        auto user = ordinary(nth<UserId>(1));
        user.name = name_of(n);
        env.put(quota(first, n), user);
      }
    } else if (number <= 2) {
      const std::vector<Need> needs{need(nth<UserId>(1), false), need(first, false)};
      bool whole = true;
      for (int turn = 0; turn < 200; ++turn) {
        World world;
        env.store().read(needs, world);
        const auto size = world.get<Quota>(first).size;
        whole = whole && (size == 0 || world.get<User>(nth<UserId>(1)).name == name_of(size));
      }
      --readers;
      expect(whole, "both rows are of one save");
    }
  });
}

}  // namespace admit::contract

// A store that goes away says so and leaves nothing half done; an unknown outcome is told from reading back.

#include "contract.hpp"

namespace admit::contract {
namespace {

template <class Exception, class F>
bool throws(F&& call) {
  try {
    call();
  } catch (const Exception&) {
    return true;
  }
  return false;
}

const auto lane = nth<CounterId>(1);
const auto quota_id = nth<QuotaId>(1);

/// One batch as the engine sends it: takes a place and leaves its mark. Says whether it was acknowledged.
bool try_batch(Env& env, Uuid batch) {
  Draft draft(env.store(), {need<LaneMark>(lane), need(quota_id)});
  draft.world.put(LaneMark{.id = lane, .batch = batch});
  expect(draft.world.take<Quota>(quota_id, 1), "a place is free");
  return draft.save().status == SaveStatus::saved;
}

Quota quota() {
  auto row = ordinary(quota_id);
  row.size = 100;
  row.taken = 0;
  return row;
}

}  // namespace

FAULT_CASE("fault: a store that is away says so at every call, and nothing is done") {
  auto reply = ordinary<IdempotentReply>(nth<ClaimId>(1));
  reply.due_at = from_unix_ms(1);
  env.put(ordinary(nth<UserId>(1), 1), reply);
  ScriptedFaults faults;
  env.memory().inject(&faults);
  for (const auto call :
       {Call::begin, Call::load, Call::save, Call::read, Call::list, Call::due, Call::scan, Call::purge}) {
    faults.at(call, 1, Fault::unavailable);
  }
  auto& store = env.store();
  expect(throws<StoreUnavailable>([&] { static_cast<void>(store.begin()); }), "begin");
  World world;
  const auto wanted = need(nth<UserId>(1));
  expect(throws<StoreUnavailable>([&] { store.begin()->load({&wanted, 1}, world); }), "load");
  {
    Draft draft(store, {wanted});
    draft.world.put(ordinary(nth<UserId>(1), 2));
    expect(throws<StoreUnavailable>([&] { static_cast<void>(draft.save()); }), "save");
  }
  expect(throws<StoreUnavailable>([&] { store.read({&wanted, 1}, world); }), "read");
  expect(throws<StoreUnavailable>([&] { static_cast<void>(store.list({table_of<Tier>, "by_show", nth_id(1)})); }),
         "list");
  expect(throws<StoreUnavailable>([&] { static_cast<void>(store.due(table_of<Job>, from_unix_ms(1), 1)); }), "due");
  expect(throws<StoreUnavailable>([&] { static_cast<void>(store.scan(table_of<Job>, Uuid{}, 1)); }), "scan");
  expect(throws<StoreUnavailable>([&] { store.purge(from_unix_ms(1), 10); }), "purge");
  env.memory().inject(nullptr);
  expect(env.get(nth<UserId>(1)).version == 1, "nothing was saved");
  expect(env.find<IdempotentReply>(reply.id).has_value(), "nothing was forgotten");
  env.put(ordinary(nth<UserId>(1), 2));
}

FAULT_CASE("fault: a save whose answer was lost may be there, whole") {
  env.put(quota());
  ScriptedFaults faults;
  env.memory().inject(&faults);
  faults.at(Call::save, 1, Fault::lost_ack_saved);
  expect(throws<OutcomeUnknown>([&] { static_cast<void>(try_batch(env, nth_id(1))); }), "the outcome is unknown");
  expect(env.get<LaneMark>(lane).batch == nth_id(1), "the mark tells that it was saved");
  expect(env.get(quota_id).taken == 1, "and all of it was");
}

FAULT_CASE("fault: a save whose answer was lost may not be there, none of it") {
  env.put(quota());
  ScriptedFaults faults;
  env.memory().inject(&faults);
  faults.at(Call::save, 1, Fault::lost_ack_not_saved);
  expect(throws<OutcomeUnknown>([&] { static_cast<void>(try_batch(env, nth_id(1))); }), "the outcome is unknown");
  expect(!env.find<LaneMark>(lane), "the absent mark tells that it was not saved");
  expect(env.get(quota_id).taken == 0, "and none of it was");
}

FAULT_CASE("fault: a batch repeated after reading its mark back is applied once") {
  env.put(quota());
  ScriptedFaults faults;
  env.memory().inject(&faults);
  faults.at(Call::save, 1, Fault::lost_ack_saved).at(Call::save, 3, Fault::lost_ack_not_saved);
  faults.at(Call::save, 5, Fault::conflict).at(Call::save, 7, Fault::unavailable);
  for (std::uint64_t batch = 1; batch <= 6; ++batch) {
    for (int attempt = 0; attempt < 5; ++attempt) {
      try {
        if (try_batch(env, nth_id(batch))) break;
      } catch (const StoreUnavailable&) {
      } catch (const OutcomeUnknown&) {
        const auto mark = env.find<LaneMark>(lane);
        if (mark && mark->batch == nth_id(batch)) break;
      }
    }
    expect(env.get<LaneMark>(lane).batch == nth_id(batch), "the batch is saved");
    expect(env.get(quota_id).taken == static_cast<std::int64_t>(batch), "exactly once");
  }
  expect(faults.calls(Call::save) == 9, "three saves were repeated");
}

FAULT_CASE("fault: a forced conflict saves nothing, and the next attempt is saved") {
  env.put(quota());
  ScriptedFaults faults;
  env.memory().inject(&faults);
  faults.at(Call::save, 1, Fault::conflict);
  expect(!try_batch(env, nth_id(1)), "a conflict");
  expect(!env.find<LaneMark>(lane) && env.get(quota_id).taken == 0, "nothing is saved");
  expect(try_batch(env, nth_id(1)), "then it is");
}

FAULT_CASE("fault: a unit that was open when the store went down is dead") {
  env.put(quota());
  Draft draft(env.store(), {need(quota_id)});
  expect(draft.world.take<Quota>(quota_id, 1), "a place is free");
  env.memory().crash();
  expect(throws<StoreUnavailable>([&] { static_cast<void>(draft.save()); }), "it says so");
  expect(env.get(quota_id).taken == 0, "nothing of it is there");
  expect(env.take(quota_id, 1), SaveStatus::saved);
}

}  // namespace admit::contract

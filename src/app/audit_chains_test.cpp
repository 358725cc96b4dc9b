#include "app/audit_chains.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "app/verify.hpp"
#include "domain/testing/office.hpp"
#include "job/audit_sealer.hpp"
#include "log/log.hpp"
#include "store/memory/memory_store.hpp"

namespace {

using namespace admit;
using namespace admit::domain;

struct Running {
  store::memory::MemoryStore store;
  engine::Lane lane{store, {}};
  std::thread thread{[this] {
    lane.run();
  }};
  ~Running() {
    lane.stop();
    thread.join();
  }
  template <class Command>
  auto call(Command command) {
    return lane.call(std::move(command));
  }
};

/// An office that has sold for a while, every second something.
struct Sold {
  Running running;
  domain::testing::Office<Running> office{running};
  AuditKey key{1, 2, 3};

  explicit Sold(int count) { sell(count); }
  void sell(int count) {
    for (int i = 0; i < count; ++i) {
      office.now += std::chrono::seconds{1};
      (void)office.new_show();
    }
  }
  job::AuditSealer sealer(std::size_t round_entries = 20'000) {
    return {running.lane,
            running.store,
            [this] { return office.now; },
            [this] { return office.meta().seed; },
            {.lag = std::chrono::seconds{10}, .round_entries = round_entries, .key = key}};
  }
  /// `left_out`: an entry that is not there any more.
  std::vector<std::string> faults(AuditId left_out = {}, app::AuditProof proof = {}) {
    std::vector<std::string> out;
    app::AuditChains chains(
        running.store,
        [&](std::string_view table, Uuid, std::string what) { out.push_back(std::string(table) + ": " + what); },
        std::move(proof));
    for (const auto& entry : store::scan<AuditEntry>(running.store, {}, 1'000'000)) {
      if (entry.id != left_out) chains.take(entry);
    }
    chains.finish();
    return out;
  }
  template <class Row>
  std::vector<Row> all() {
    return store::scan<Row>(running.store, {}, 1'000'000);
  }
  std::int64_t sealed() {
    std::int64_t out = 0;
    for (const auto& seal : all<AuditSeal>()) out += seal.chain == anchor_chain ? seal.count : 0;
    return out;
  }
};

/// What a hand in the database can do.
template <class Row>
void write(store::Store& store, Row row) {
  World world;
  auto unit = store.begin();
  const Need need{table_of<Row>, row.id.value, true};
  unit->load({&need, 1}, world);
  world.put(std::move(row));
  REQUIRE(unit->save(world.changes()).status == store::SaveStatus::saved);
}

}  // namespace

TEST_CASE("audit chains: entries are sealed once they are old enough, in rounds, each once") {
  Sold sold(100);
  auto sealer = sold.sealer(30);
  std::size_t total = 0;
  for (std::size_t taken = sealer.seal_round(); taken > 0; taken = sealer.seal_round()) {
    CHECK(taken <= 30);
    total += taken;
  }
  std::size_t old = 0;
  for (const auto& entry : sold.all<AuditEntry>()) old += entry.at < sold.office.now - std::chrono::seconds{10};
  CHECK(old > 80);
  CHECK(total == old);
  CHECK(sold.sealed() == static_cast<std::int64_t>(old));
  CHECK(sold.faults().empty());
  // Somebody else goes on where this one ended.
  sold.sell(50);
  CHECK(sold.sealer().seal_round() >= 50);
  CHECK(sold.faults().empty());
  sold.office.now += std::chrono::seconds{60};
  (void)sold.sealer().seal_round();
  CHECK(sold.sealed() == static_cast<std::int64_t>(sold.all<AuditEntry>().size()));
  CHECK(sold.sealer().seal_round() == 0);
  CHECK(app::verify(sold.running.store).find("audit chain")->fault_count == 0);
  CHECK(app::verify(sold.running.store).find("audit chain")->examined == sold.all<AuditEntry>().size());
}

TEST_CASE("audit chains: a command that waited since before the sealed moment writes an entry after it") {
  Sold sold(20);
  const auto tier = sold.office.tier(0, 10);
  const Instant long_ago = sold.office.now;
  sold.office.now += std::chrono::seconds{60};
  CHECK(sold.sealer().seal_round() > 20);
  // It was made a minute ago and comes only now: as after a pause of the machine, or a clock put back.
  sold.office.now = long_ago;
  const auto held = sold.office.reserve(tier.id, 1);
  CHECK(held.created_at >= long_ago + std::chrono::seconds{50});
  CHECK(sold.faults().empty());
  sold.office.now = long_ago + std::chrono::seconds{120};
  CHECK(sold.sealer().seal_round() == 1);
  CHECK(sold.faults().empty());
}

TEST_CASE("audit chains: a changed, missing or added entry is found, and a seal as well") {
  const auto expect_found = [](const char* what, const std::function<void(Sold&)>& tamper) {
    CAPTURE(what);
    Sold sold(40);
    sold.office.now += std::chrono::seconds{60};
    (void)sold.sealer(25).seal_round();
    auto rest = sold.sealer(25);
    while (rest.seal_round() > 0) {
    }
    REQUIRE(sold.faults().empty());
    tamper(sold);
    CHECK(!sold.faults().empty());
    CHECK(app::verify(sold.running.store).find("audit chain")->fault_count > 0);
  };
  const auto entry = [](Sold& sold, std::size_t from_end = 10) {
    const auto all = sold.all<AuditEntry>();
    return all[all.size() - from_end];
  };
  const auto changed = [&](const char* what, const std::function<void(AuditEntry&)>& change) {
    expect_found(what, [&](Sold& sold) {
      auto row = entry(sold);
      change(row);
      write(sold.running.store, row);
    });
  };
  changed("actor", [](AuditEntry& e) { e.actor = "user:somebody"; });
  changed("action", [](AuditEntry& e) { e.action = "registration.expired"; });
  changed("subject", [](AuditEntry& e) { e.subject.low ^= 1; });
  changed("show", [](AuditEntry& e) { e.show_id.value.low ^= 1; });
  changed("address", [](AuditEntry& e) { e.address += "1"; });
  changed("detail", [](AuditEntry& e) { e.detail += "1"; });
  changed("moment", [](AuditEntry& e) { e.at += std::chrono::milliseconds{1}; });
  expect_found("an entry put in", [&](Sold& sold) {
    auto row = entry(sold);
    row.id.value.low ^= 1;
    write(sold.running.store, row);
  });
  expect_found("an entry put in where its chain had none", [&](Sold& sold) {
    auto row = entry(sold);
    const auto chain = audit_chain_of(row);
    while (audit_chain_of(row) == chain) ++row.show_id.value.low;
    row.id.value.low ^= 1;
    write(sold.running.store, row);
  });
  const auto seal_changed = [&](const char* what, bool anchor, const std::function<void(AuditSeal&)>& change) {
    expect_found(what, [&](Sold& sold) {
      for (auto& seal : sold.all<AuditSeal>()) {
        if ((seal.chain == anchor_chain) != anchor) continue;
        change(seal);
        return write(sold.running.store, seal);
      }
    });
  };
  for (const bool anchor : {false, true}) {
    seal_changed("digest", anchor, [](AuditSeal& s) { s.digest.data[0] ^= 1; });
    seal_changed("previous", anchor, [](AuditSeal& s) { s.previous.data[0] ^= 1; });
    seal_changed("count", anchor, [](AuditSeal& s) { ++s.count; });
  }
  for (const bool anchor : {false, true}) {
    expect_found("a head put back", [&](Sold& sold) {
      for (auto& head : sold.all<AuditHead>()) {
        if ((head.id == audit_head_id(anchor_chain)) != anchor) continue;
        --head.number;
        return write(sold.running.store, head);
      }
    });
  }
}

TEST_CASE("audit chains: each entry that is taken out is missed") {
  Sold sold(40);
  sold.office.now += std::chrono::seconds{60};
  auto sealer = sold.sealer(25);
  while (sealer.seal_round() > 0) {
  }
  for (const auto& entry : sold.all<AuditEntry>()) {
    CAPTURE(entry.action);
    CHECK(!sold.faults(entry.id).empty());
  }
}

TEST_CASE("audit chains: anchors are made with a key that the database does not hold") {
  Sold sold(40);
  sold.office.now += std::chrono::seconds{60};
  auto sealer = sold.sealer(25);
  while (sealer.seal_round() > 0) {
  }
  CHECK(sold.faults({}, {.key = sold.key}).empty());
  CHECK(!sold.faults({}, {.key = AuditKey{9}}).empty());
  CHECK(sold.faults({}, {}).empty());
}

TEST_CASE("audit chains: old entries in no stretch are found, and an anchor that was written down is asked for") {
  Sold sold(100);
  CHECK(sold.faults({}, {.sealed_after = std::chrono::seconds{200}}).empty());
  // As after taking away every seal and head.
  CHECK(sold.faults({}, {.sealed_after = std::chrono::seconds{60}}).size() == 1);
  (void)sold.sealer().seal_round();
  CHECK(sold.faults({}, {.sealed_after = std::chrono::seconds{60}}).empty());
  sold.sell(100);
  CHECK(sold.faults({}, {.sealed_after = std::chrono::seconds{60}}).size() == 1);

  const auto anchor = store::get<AuditSeal>(sold.running.store, audit_seal_id(anchor_chain, 1));
  REQUIRE(anchor);
  const auto digest = digest_of(anchor->digest);
  auto other = digest;
  other[0] ^= 1;
  CHECK(sold.faults({}, {.kept = app::AuditProof::Kept{1, digest}}).empty());
  CHECK(sold.faults({}, {.kept = app::AuditProof::Kept{1, other}}).size() == 1);
  CHECK(sold.faults({}, {.kept = app::AuditProof::Kept{2, digest}}).size() == 1);
}

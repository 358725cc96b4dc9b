#include "engine/revocation_board.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "store/memory/memory_store.hpp"

namespace admit::engine {
namespace {

using domain::Revocation;
using domain::RevocationId;
using domain::Uuid;

void save(store::Store& store, std::uint64_t from, std::uint64_t to, domain::Instant at) {
  domain::World world;
  std::vector<domain::Need> needs;
  for (std::uint64_t n = from; n <= to; ++n) needs.push_back({domain::table_of<Revocation>, Uuid{7, n}, true});
  const auto unit = store.begin();
  unit->load(needs, world);
  for (std::uint64_t n = from; n <= to; ++n) {
    world.put(Revocation{.id = RevocationId{Uuid{7, n}}, .subject = Uuid{8, n}, .at = at});
  }
  REQUIRE(unit->save(world.changes()).status == store::SaveStatus::saved);
}

struct Node {
  std::vector<std::uint64_t> refused;
  RevocationBoard board;

  explicit Node(store::Store& store)
      : board(store, [this](const Revocation& row) { refused.push_back(row.subject.low); }) {}
  bool refuses(std::uint64_t n) { return std::ranges::find(refused, n) != refused.end(); }
};

TEST_CASE("revocation board: a node that starts reads all of it, and each later read what is new to every node") {
  store::memory::MemoryStore store;
  const auto now = domain::from_unix_ms(1'800'000'000'000);
  for (std::uint64_t n = 1; n <= 500; n += 50) save(store, n, n + 49, now);
  Node first(store);
  first.board.read();
  for (std::uint64_t n = 1; n <= 500; ++n) REQUIRE(first.refuses(n));
  Node second(store);
  save(store, 501, 501, now + std::chrono::minutes{5});
  first.board.read();
  second.board.read();
  CHECK(first.refuses(501));
  CHECK(second.refuses(501));
  CHECK(second.refuses(1));
  const auto before = first.refused.size();
  first.board.read();
  CHECK(first.refused.size() - before <= 501);
}

TEST_CASE("revocation board: what another node wrote with a clock that lags is read as well") {
  store::memory::MemoryStore store;
  const auto now = domain::from_unix_ms(1'800'000'000'000);
  Node node(store);
  save(store, 1, 1, now);
  node.board.read();
  save(store, 2, 2, now - std::chrono::seconds{50});
  node.board.read();
  CHECK(node.refuses(2));
}

}  // namespace
}  // namespace admit::engine

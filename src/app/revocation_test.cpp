#include <doctest/doctest.h>

#include <array>

#include "app/lane_thread.hpp"
#include "domain/sessions.hpp"
#include "domain/users.hpp"
#include "engine/revocation_board.hpp"
#include "identity/access_token.hpp"
#include "store/memory/memory_store.hpp"

namespace admit::app {
namespace {

/// What one process of several on a store has.
struct Node {
  identity::AccessTokens tokens;
  engine::RevocationBoard board;

  Node(store::Store& store, domain::Instant& now)
      : tokens("https://tickets.example", crypto::SigningKey::from_seed(std::array<std::uint8_t, 32>{7})),
        board(store,
              [this, &now](const domain::Revocation& row) { tokens.revoke(row.subject, row.at, row.kept, now); }) {}
};

TEST_CASE("revocation: what one node ends, every node refuses once it has read the board") {
  store::memory::MemoryStore store;
  LaneThread thread(store);
  domain::Instant now = domain::from_unix_ms(1'800'000'000'000);
  std::uint64_t seed = 0;
  const auto meta = [&](domain::UserId user = {}) {
    return domain::Meta{.now = now, .seed = {++seed, 1}, .user = user, .actor = "test"};
  };
  const auto user = thread.lane().call(
      domain::CreateUser{.meta = meta(), .email = "ada@example.org", .name = "Ada", .password_hash = "-"});
  REQUIRE(user);
  const auto sign_in = [&] {
    const domain::SessionId id{domain::fresh_uuid(now, {++seed, 2}, 0)};
    REQUIRE(thread.lane().call(
        domain::StartSession{.meta = meta(), .session_id = id, .user_id = user->id, .refresh_hash = {"1"}}));
    return id;
  };
  Node first(store, now);
  Node second(store, now);
  const auto one = sign_in();
  const auto two = sign_in();
  const auto three = sign_in();
  const auto token_of = [&](domain::SessionId id) {
    return first.tokens.issue(user->id, id, {}, now);
  };
  const std::array tokens{token_of(one), token_of(two), token_of(three)};
  const auto good = [&](Node& node, std::size_t at) {
    return node.tokens.verify(tokens[at], now).has_value();
  };
  for (std::size_t at = 0; at < tokens.size(); ++at) CHECK((good(first, at) && good(second, at)));

  now += std::chrono::seconds{1};
  REQUIRE(thread.lane().call(domain::EndSession{.meta = meta(user->id), .session_id = one}));
  first.board.read();
  second.board.read();
  CHECK((!good(first, 0) && !good(second, 0)));
  CHECK((good(first, 1) && good(second, 1)));

  now += std::chrono::seconds{1};
  REQUIRE(thread.lane().call(domain::EndSessions{.meta = meta(user->id), .user_id = user->id, .kept = three}));
  second.board.read();
  CHECK(!good(second, 1));
  CHECK(good(second, 2));
  now += std::chrono::milliseconds{1};
  const auto later = token_of(sign_in());
  CHECK(second.tokens.verify(later, now));

  Node third(store, now);  // one that starts now
  third.board.read();
  CHECK((!good(third, 0) && !good(third, 1) && good(third, 2)));
}

}  // namespace
}  // namespace admit::app

#pragma once
// A ticket office with a past: tables of a million rows, made through the same row descriptions, ids and keys that the
// server uses, so that `admit verify` finds nothing wrong in it.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "domain/rows.hpp"
#include "token/key_ring.hpp"

namespace admit::bench {

struct SeedPlan {
  std::string folder;          // made here
  std::string stripe_account;  // that can charge
  std::size_t users = 1'200;
  std::size_t past_tickets = 900'000;  // sold and let in, all of one show; rows of ticket and check_in
  std::size_t past_holds = 950'000;    // held and expired; rows of registration
  std::size_t door_tickets = 120'000;  // sold, not let in yet; their tier is sold out
};

struct Seeded {
  std::vector<domain::UserId> users;
  domain::ShowId door_show;
  domain::TierId door_tier;  // sold out
  domain::ShowId sale_show;
  domain::TierId sale_tier;  // never sold out
  domain::QuotaId sale_quota;
  std::string gate_token;          // of door_show
  std::vector<std::string> codes;  // what the QR symbols of the door's tickets say, in no order
  std::shared_ptr<token::KeyRing> ring;
  std::size_t rows = 0;
  double seconds = 0;  // without the codes
  double codes_cpu_s = 0;
};

/// Throws when the folder is in use, holds a database already, or the disk is full.
[[nodiscard]] Seeded seed(const SeedPlan& plan);

/// What is committed, counted in the files themselves beside the server.
struct StoredCounts {
  std::size_t admitted = 0;      // check-ins of the show that let somebody in
  std::size_t tickets_used = 0;  // of the show
  std::size_t held = 0;          // registrations of the show
  std::size_t confirmed = 0;
  std::int64_t taken = 0;  // of the show's quotas
};
[[nodiscard]] StoredCounts count_stored(const std::string& folder, domain::ShowId show);

}  // namespace admit::bench

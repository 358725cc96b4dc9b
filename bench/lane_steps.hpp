#pragma once
// The write path without network: commands through the lane into the seeded store, on this one thread.

#include <string>
#include <vector>

#include "micro.hpp"
#include "seed.hpp"

namespace admit::bench {

/// lane_checkin and lane_reserve: CPU time of one command in batches of 125, commit included, waiting for the disk not.
/// Uses up the last of `seeded.codes`. The server must not run.
[[nodiscard]] std::vector<Measured> measure_lane(const std::string& folder, Seeded& seeded, bool quick);

}  // namespace admit::bench

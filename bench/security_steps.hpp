#pragma once
// What the security layer adds to a request, step by step.

#include <vector>

#include "micro.hpp"

namespace admit::bench {

/// access_token_first, access_token_again, client_address, rate_limit, audit_chain: thread CPU, least of several
/// rounds.
[[nodiscard]] std::vector<Measured> measure_security(bool quick);

}  // namespace admit::bench

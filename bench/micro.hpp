#pragma once
// What single steps cost: CPU time of one thread, the least of several rounds, since whatever else runs only adds to
// it.

#include <string>
#include <vector>

#include "load.hpp"

namespace admit::bench {

struct Measured {
  std::string name;
  double value = 0;
  std::string unit;
  std::string note;
};

/// token_issue, token_verify, token_open, qr_symbol, pdf, pdf_mixed_scripts.
[[nodiscard]] std::vector<Measured> measure_steps(bool quick);

struct FsyncResult {
  double rate = 0;
  Latencies latencies;
};
/// Appends of 4 KiB, each synced (fdatasync), one after the other, to a file in `folder`.
[[nodiscard]] FsyncResult measure_fsync(const std::string& folder, double seconds);

}  // namespace admit::bench

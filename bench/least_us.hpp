#pragma once
// CPU time of one step on this thread.

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <limits>

namespace admit::bench {

inline constexpr int rounds = 7;

inline double thread_cpu_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// Microseconds of one `step(i)`: the best round of `repeats` each. What the steps return is summed, so that none is
/// left out.
template <class Step>
double least_us(int repeats, Step&& step) {
  static volatile std::size_t sink = 0;
  double least = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round) {
    std::size_t sum = 0;
    const double begun = thread_cpu_us();
    for (int i = 0; i < repeats; ++i) sum += step(i);
    least = std::min(least, (thread_cpu_us() - begun) / repeats);
    sink = sink + sum;
  }
  return least;
}

}  // namespace admit::bench

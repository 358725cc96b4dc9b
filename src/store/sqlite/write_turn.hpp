#pragma once
// Who writes next: first come, first served, so that nobody who waits is passed over by a busy lane.

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace admit::store::sqlite {

/// A fair lock that may be given back by another thread than took it.
class WriteTurn {
 public:
  void take() {
    std::unique_lock lock(x_mutex);
    const auto mine = x_next++;
    x_changed.wait(lock, [&] { return x_serving == mine; });
  }
  void give() {
    {
      const std::lock_guard lock(x_mutex);
      ++x_serving;
    }
    x_changed.notify_all();
  }

 private:
  std::mutex x_mutex;
  std::condition_variable x_changed;
  std::uint64_t x_next = 0;
  std::uint64_t x_serving = 0;
};

}  // namespace admit::store::sqlite

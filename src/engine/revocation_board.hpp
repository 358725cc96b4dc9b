#pragma once
// The board of what is revoked, as this node reads it: what another node writes on it holds here within a second.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "store/store.hpp"

namespace admit::engine {

class RevocationBoard {
 public:
  /// `refuse` is called with each entry, perhaps more than once, from any thread.
  RevocationBoard(store::Store& store, std::function<void(const domain::Revocation&)> refuse);
  ~RevocationBoard();

  /// Reads what was written since the last time, and everything at first. Throws store::StoreUnavailable.
  void read();
  /// Reads now, and then every 250 ms on a thread of its own until stop(). While the store is away, what was read
  /// holds.
  void start();
  /// Idempotent.
  void stop();

 private:
  store::Store& x_store;
  std::function<void(const domain::Revocation&)> x_refuse;
  domain::Instant x_newest{};
  std::mutex x_mutex;
  std::condition_variable x_changed;
  bool x_is_stopping = false;
  std::thread x_thread;
};

}  // namespace admit::engine

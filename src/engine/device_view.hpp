#pragma once
// The gates' devices as committed, so that a scan is authenticated without asking the database.

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "store/store.hpp"

namespace admit::engine {

/// Devices used last. A stale one lets nobody in: the lane reads the device again when it decides. Thread-safe.
class DeviceView {
 public:
  explicit DeviceView(store::Store& store) : x_store(store) {}

  /// Null where there is none. Shared because an entry may be dropped while a request still looks at it.
  [[nodiscard]] std::shared_ptr<const domain::Device> find(domain::DeviceId id);
  /// For LaneOptions::on_commit.
  void on_commit(const domain::Changes& changes);

 private:
  store::Store& x_store;
  std::mutex x_mutex;
  std::unordered_map<domain::DeviceId, std::shared_ptr<const domain::Device>> x_devices;
  std::uint64_t x_generation = 0;
};

}  // namespace admit::engine

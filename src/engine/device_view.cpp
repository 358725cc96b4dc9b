#include "engine/device_view.hpp"

namespace admit::engine {
namespace {

constexpr std::size_t max_devices = 10'000;

}  // namespace

std::shared_ptr<const domain::Device> DeviceView::find(domain::DeviceId id) {
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(x_mutex);
    if (const auto it = x_devices.find(id); it != x_devices.end()) return it->second;
    generation = x_generation;
  }
  const auto row = store::get<domain::Device>(x_store, id);
  if (!row) return nullptr;
  auto device = std::make_shared<const domain::Device>(*row);
  const std::lock_guard lock(x_mutex);
  if (x_generation == generation) {  // no device was committed while this one was read
    if (x_devices.size() >= max_devices) x_devices.clear();
    x_devices[id] = device;
  }
  return device;
}

void DeviceView::on_commit(const domain::Changes& changes) {
  const auto& puts = changes.of<domain::Device>();
  if (puts.empty()) return;
  const std::lock_guard lock(x_mutex);
  ++x_generation;
  for (const auto& put : puts) x_devices.erase(put.row->id);
}

}  // namespace admit::engine

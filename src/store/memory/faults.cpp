#include "store/memory/faults.hpp"

namespace admit::store::memory {

ScriptedFaults& ScriptedFaults::at(Call call, std::size_t nth, Fault fault) {
  x_script[{call, calls(call) + nth}] = fault;
  return *this;
}

ScriptedFaults& ScriptedFaults::always(Call call, Fault fault) {
  x_always[static_cast<std::size_t>(call)] = fault;
  return *this;
}

Fault ScriptedFaults::next(Call call) {
  const auto count = ++x_calls[static_cast<std::size_t>(call)];
  const auto it = x_script.find({call, count});
  if (it == x_script.end()) return x_always[static_cast<std::size_t>(call)];
  const Fault fault = it->second;
  x_script.erase(it);
  return fault;
}

Fault SeededFaults::next(Call call) {
  x_state += 0x9E3779B97F4A7C15ull;  // splitmix64
  std::uint64_t x = x_state;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  x ^= x >> 31;
  auto chance = x % 1'000'000;
  const auto falls = [&](std::uint32_t rate_ppm) {
    if (chance < rate_ppm) return true;
    chance -= rate_ppm;
    return false;
  };
  if (falls(x_rates.unavailable_ppm)) return Fault::unavailable;
  if (call != Call::save) return Fault::none;
  if (falls(x_rates.conflict_ppm)) return Fault::conflict;
  if (falls(x_rates.lost_ack_saved_ppm)) return Fault::lost_ack_saved;
  if (falls(x_rates.lost_ack_not_saved_ppm)) return Fault::lost_ack_not_saved;
  return Fault::none;
}

}  // namespace admit::store::memory

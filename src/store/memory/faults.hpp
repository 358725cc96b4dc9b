#pragma once
// What may go wrong with a store, on order: by a script in tests, by a seed in a simulation.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace admit::store::memory {

/// Every call a store answers.
enum class Call : unsigned char { begin, load, save, read, list, due, scan, purge };
inline constexpr std::size_t call_count = 8;

enum class Fault : unsigned char {
  none,
  unavailable,         // StoreUnavailable before anything is done
  conflict,            // save only: answers `conflict`, nothing saved
  lost_ack_saved,      // save only: saved as always, then OutcomeUnknown
  lost_ack_not_saved,  // save only: nothing saved, then OutcomeUnknown
};

/// Asked once at every call, one call at a time. A fault that the call cannot have counts as none.
struct Faults {
  virtual ~Faults() = default;
  [[nodiscard]] virtual Fault next(Call call) = 0;
};

/// Faults at chosen calls: `at(Call::save, 2, Fault::conflict)` is the second save from now.
class ScriptedFaults final : public Faults {
 public:
  /// `nth` counts calls of this kind from 1, beginning with the next one.
  ScriptedFaults& at(Call call, std::size_t nth, Fault fault);
  /// The given fault at every call of this kind until the next order for it; `none` ends it.
  ScriptedFaults& always(Call call, Fault fault);
  [[nodiscard]] Fault next(Call call) override;
  /// How many calls of this kind were made.
  [[nodiscard]] std::size_t calls(Call call) const { return x_calls[static_cast<std::size_t>(call)]; }

 private:
  std::array<std::size_t, call_count> x_calls{};
  std::array<Fault, call_count> x_always{};
  std::map<std::pair<Call, std::size_t>, Fault> x_script;
};

/// How often each fault happens, in calls out of a million.
struct FaultRates {
  std::uint32_t unavailable_ppm = 0;  // of every call
  std::uint32_t conflict_ppm = 0;     // of saves, as the rest
  std::uint32_t lost_ack_saved_ppm = 0;
  std::uint32_t lost_ack_not_saved_ppm = 0;
};

/// Faults by chance. The same seed and the same calls give the same faults.
class SeededFaults final : public Faults {
 public:
  SeededFaults(std::uint64_t seed, FaultRates rates) : x_state(seed), x_rates(rates) {}
  [[nodiscard]] Fault next(Call call) override;

 private:
  std::uint64_t x_state;
  FaultRates x_rates;
};

}  // namespace admit::store::memory

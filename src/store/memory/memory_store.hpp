#pragma once
// A store in memory: the port's meaning in its plainest form, for tests and simulations.

#include <cstdint>
#include <memory>
#include <mutex>

#include "store/memory/faults.hpp"
#include "store/store.hpp"

namespace admit::store::memory {

struct Tables;

/// Thread-safe. Several units may be open at once: a unit locks nothing, `save` checks every version it is based on.
/// Units must end before the store does. Everything is iterated in a fixed order, so that equal calls give equal
/// answers.
class MemoryStore final : public Store {
 public:
  /// Small on purpose: whoever runs on this store is ready for the tightest of them.
  static constexpr Limits default_limits{.max_items = 100, .max_bytes = 4'000'000};

  explicit MemoryStore(Limits limits = default_limits);
  ~MemoryStore() override;

  /// From now on `faults` is asked at every call; it is lent until replaced. nullptr: nothing goes wrong.
  void inject(Faults* faults);
  /// The machine dies and comes back: what was saved stays, every open unit is dead (it throws StoreUnavailable).
  void crash();
  /// Another store that holds the same rows, without the faults.
  [[nodiscard]] std::unique_ptr<MemoryStore> copy() const;

  [[nodiscard]] Limits limits() const override { return x_limits; }
  [[nodiscard]] std::unique_ptr<Unit> begin() override;
  void read(std::span<const Need> needs, World& world) override;
  [[nodiscard]] AnyPage list(const ListQuery& query) override;
  [[nodiscard]] std::vector<AnyRow> due(std::size_t table, Instant until, std::size_t limit) override;
  [[nodiscard]] std::vector<AnyRow> scan(std::size_t table, Uuid after, std::size_t limit) override;
  std::size_t purge(Instant now, std::size_t limit) override;

 private:
  class MemoryUnit;

  Fault fault_at(Call call);
  void fill(std::span<const Need> needs, World& world) const;

  const Limits x_limits;
  mutable std::mutex x_mutex;  // guards everything below
  std::unique_ptr<Tables> x_tables;
  Faults* x_faults = nullptr;
  std::uint64_t x_life = 0;  // how often it crashed; a unit of an earlier life is dead
};

}  // namespace admit::store::memory

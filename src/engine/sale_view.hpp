#pragma once
// A copy of what a sale's first rules look at, so that a sold-out show is answered without the lane and without a write.

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "domain/registrations.hpp"
#include "store/store.hpp"

namespace admit::engine {

/// Committed rows of shows on sale, kept for a moment. An entry is dropped at once when a commit gives places back or
/// changes show, business, tier or quota; places taken meanwhile only mean that the lane decides. Thread-safe.
class SaleView {
 public:
  explicit SaleView(store::Store& store) : x_store(store) {}

  /// The refusal that the lane would give too, if it is plain from committed rows that it would be `sold_out`.
  [[nodiscard]] std::optional<domain::Error> refuse_sold_out(const domain::Reserve& command);
  /// For LaneOptions::on_commit.
  void on_commit(const domain::Changes& changes);

 private:
  struct Entry {
    std::shared_ptr<const domain::World> world;
    std::chrono::steady_clock::time_point loaded;
    std::uint64_t generation;
  };

  store::Store& x_store;
  std::mutex x_mutex;
  std::unordered_map<domain::ShowId, Entry> x_entries;
  std::uint64_t x_generation = 0;
};

}  // namespace admit::engine

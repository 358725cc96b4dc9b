#pragma once
// What some tables say about the rows of others, brought into the order of those rows: so that tables of any size are
// compared in bounded memory.

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <vector>

#include "domain/id.hpp"

namespace admit::app {

/// One thing said about the row `subject` of a table (see domain::table_of). `kind` and `value` mean what the user of
/// the facts wants them to.
struct Fact {
  std::uint32_t table = 0;
  std::uint32_t kind = 0;
  domain::Uuid subject;
  domain::Instant at{};
  std::int64_t value = 0;

  [[nodiscard]] friend auto operator<=>(const Fact& a, const Fact& b) {
    if (const auto order = a.table <=> b.table; order != 0) return order;
    if (const auto order = a.subject <=> b.subject; order != 0) return order;
    if (const auto order = a.kind <=> b.kind; order != 0) return order;
    if (const auto order = a.at <=> b.at; order != 0) return order;
    return a.value <=> b.value;
  }
  bool operator==(const Fact&) const = default;
};

/// Sorts facts, any number of them: what is more than `kept` waits in a temporary file that has no name. First all are
/// added, then they are taken row by row.
class Facts {
 public:
  /// `kept`: at least 1; 512 Ki facts are 24 MiB.
  explicit Facts(std::size_t kept = std::size_t{512} << 10);

  /// Throws std::runtime_error when the temporary file cannot take more.
  void add(const Fact& fact);
  /// After the last add, before the first take.
  void sort();
  /// Sorted facts about one row, valid until the next call. Rows are asked for in the order of their facts; facts about
  /// rows that nobody asked for go to `unasked`, one by one. Throws std::runtime_error when the file cannot be read.
  template <class F>
  std::span<const Fact> take(std::uint32_t table, domain::Uuid subject, F&& unasked) {
    x_taken.clear();
    for (const Fact* fact = front(); fact != nullptr; fact = front()) {
      const auto order = fact->table != table ? fact->table <=> table : fact->subject <=> subject;
      if (order > 0) break;
      if (order == 0) {
        x_taken.push_back(*fact);
      } else {
        unasked(*fact);
      }
      pop();
    }
    return x_taken;
  }
  /// Everything not taken yet.
  template <class F>
  void rest(F&& unasked) {
    for (; front() != nullptr; pop()) unasked(*front());
  }

 private:
  /// A sorted stretch of facts, of which `window` is in memory and the rest in the file.
  struct Run {
    std::vector<Fact> window;
    std::size_t at = 0;
    std::size_t offset = 0;  // in facts: what follows the window in the file
    std::size_t until = 0;
  };
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  void spill();
  bool refill(Run& run);
  [[nodiscard]] const Fact* front() const { return x_heap.empty() ? nullptr : &head(x_heap.front()); }
  void pop();
  [[nodiscard]] const Fact& head(std::size_t run) const { return x_runs[run].window[x_runs[run].at]; }
  [[nodiscard]] bool later(std::size_t a, std::size_t b) const { return head(b) < head(a); }

  std::size_t x_kept;
  std::vector<Fact> x_added;
  std::unique_ptr<std::FILE, CloseFile> x_file;
  std::size_t x_written = 0;
  std::vector<Run> x_runs;
  std::vector<std::size_t> x_heap;  // places in x_runs, the one with the least fact first
  std::vector<Fact> x_taken;
};

}  // namespace admit::app

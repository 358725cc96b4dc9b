#include "app/facts.hpp"

#include <sys/types.h>

#include <stdexcept>
#include <utility>

namespace admit::app {
namespace {

constexpr std::size_t window_facts = 2048;

}  // namespace

Facts::Facts(std::size_t kept) : x_kept(std::max<std::size_t>(kept, 1)) {}

void Facts::add(const Fact& fact) {
  if (x_added.size() >= x_kept) spill();
  x_added.push_back(fact);
}

void Facts::spill() {
  if (!x_file) x_file.reset(std::tmpfile());
  std::ranges::sort(x_added);
  if (!x_file || std::fwrite(x_added.data(), sizeof(Fact), x_added.size(), x_file.get()) != x_added.size()) {
    throw std::runtime_error("there is no room for temporary data: free some in the system's temporary folder");
  }
  Run run;
  run.offset = x_written;
  run.until = x_written += x_added.size();
  x_runs.push_back(std::move(run));
  x_added.clear();
}

void Facts::sort() {
  std::ranges::sort(x_added);
  Run last;
  last.window = std::move(x_added);
  x_runs.push_back(std::move(last));
  for (std::size_t i = 0; i < x_runs.size(); ++i) {
    if (!x_runs[i].window.empty() || refill(x_runs[i])) x_heap.push_back(i);
  }
  std::ranges::make_heap(x_heap, [&](std::size_t a, std::size_t b) { return later(a, b); });
}

bool Facts::refill(Run& run) {
  const auto count = std::min(window_facts, run.until - run.offset);
  run.at = 0;
  run.window.resize(count);
  if (count == 0) return false;
  if (fseeko(x_file.get(), static_cast<off_t>(run.offset * sizeof(Fact)), SEEK_SET) != 0 ||
      std::fread(run.window.data(), sizeof(Fact), count, x_file.get()) != count) {
    throw std::runtime_error("temporary data cannot be read back");
  }
  run.offset += count;
  return true;
}

void Facts::pop() {
  const auto by_head = [&](std::size_t a, std::size_t b) {
    return later(a, b);
  };
  std::ranges::pop_heap(x_heap, by_head);
  Run& run = x_runs[x_heap.back()];
  if (++run.at < run.window.size() || refill(run)) {
    std::ranges::push_heap(x_heap, by_head);
  } else {
    x_heap.pop_back();
  }
}

}  // namespace admit::app

#include "engine/revocation_board.hpp"

#include <algorithm>
#include <utility>

namespace admit::engine {
namespace {

constexpr std::chrono::milliseconds read_every{250};
/// Entries may come to be seen out of order: clocks of nodes differ, and a commit takes its time.
constexpr std::chrono::seconds overlap{60};
constexpr std::size_t rows_per_read = 200;
constexpr std::size_t max_rows = 1'000'000;

}  // namespace

RevocationBoard::RevocationBoard(store::Store& store, std::function<void(const domain::Revocation&)> refuse)
    : x_store(store), x_refuse(std::move(refuse)) {}

RevocationBoard::~RevocationBoard() {
  stop();
}

void RevocationBoard::read() {
  const domain::Instant since = x_newest - overlap;
  domain::Instant newest = x_newest;
  std::optional<store::Cursor> after;
  std::size_t count = 0;
  do {
    auto page = store::list<domain::Revocation>(x_store, "by_board", domain::Revocation::board_id().value,
                                                rows_per_read, std::move(after), true);
    after = std::move(page.next);
    for (const auto& row : page.rows) {
      x_refuse(row);
      newest = std::max(newest, row.at);
    }
    count += page.rows.size();
    if (!page.rows.empty() && page.rows.back().at < since) break;
  } while (after && count < max_rows);
  x_newest = newest;
}

void RevocationBoard::start() {
  read();
  x_thread = std::thread([this] {
    std::unique_lock lock(x_mutex);
    while (!x_changed.wait_for(lock, read_every, [this] { return x_is_stopping; })) {
      lock.unlock();
      try {
        read();
      } catch (const store::StoreUnavailable&) {
        // Nobody can be signed out meanwhile either: that takes a save.
      }
      lock.lock();
    }
  });
}

void RevocationBoard::stop() {
  {
    const std::lock_guard lock(x_mutex);
    x_is_stopping = true;
  }
  x_changed.notify_all();
  if (x_thread.joinable()) x_thread.join();
}

}  // namespace admit::engine

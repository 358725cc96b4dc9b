#include "job/show_jobs.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "domain/cancellations.hpp"
#include "job/call_all.hpp"

namespace admit::job {
namespace {

constexpr std::size_t registrations_per_page = 200;
constexpr std::size_t registrations_per_count = 1'000;

/// No new ones can come: the show is off sale.
std::int64_t count_registrations(store::Store& store, domain::ShowId show) {
  std::int64_t count = 0;
  std::optional<store::Cursor> after;
  do {
    auto page = store::list<domain::Registration>(store, "by_show", show.value, registrations_per_count, std::move(after));
    count += static_cast<std::int64_t>(page.rows.size());
    after = std::move(page.next);
  } while (after);
  return count;
}

}  // namespace

std::string cancel_show(engine::Lane& lane, store::Store& store, domain::ShowId show,
                        const std::function<domain::Meta()>& meta, const std::function<bool()>& is_over) {
  const auto progress = store::get<domain::Cancellation>(store, domain::cancellation_id(show));
  if (!progress) return "the show is not being cancelled";
  if (progress->finished_at) return "";
  std::optional<store::Cursor> after;
  if (progress->after_id) after = store::Cursor{progress->after_order, progress->after_id.value};
  std::int64_t done = progress->done;
  const std::int64_t total = progress->total > 0 ? progress->total : count_registrations(store, show);
  for (;;) {
    auto page = store::list<domain::Registration>(store, "by_show", show.value, registrations_per_page, after);
    std::vector<domain::CancelForShow> commands;
    for (const auto& row : page.rows) commands.push_back({.meta = meta(), .registration_id = row.id});
    for (const auto& ended : call_all(lane, std::move(commands))) {
      if (!ended) return ended.error().detail;
    }
    done += static_cast<std::int64_t>(page.rows.size());
    domain::RecordCancellation record{
        .meta = meta(), .show_id = show, .total = total, .done = done, .finished = !page.next};
    if (page.next) {
      record.after_order = page.next->order;
      record.after_id = domain::RegistrationId{page.next->id};
    }
    if (const auto noted = lane.call(std::move(record)); !noted) return noted.error().detail;
    if (!page.next) return "";
    after = std::move(page.next);
    if (is_over()) return "goes on";
  }
}

}  // namespace admit::job

#include "app/metrics.hpp"

#include <fmt/format.h>

#include <iterator>

#include "identity/password.hpp"

namespace admit::app {
namespace {

template <class Number>
void metric(std::string& out, std::string_view name, std::string_view type, std::string_view help, Number value) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
}

double seconds(std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1e6; }

}  // namespace

std::string metrics_text(const engine::LaneCounts& lane, const job::WorkerCounts& workers,
                         const store::sqlite::Figures& store, const http::ServerStats& server) {
  std::string out;
  out.reserve(32 * 1024);
  metric(out, "admit_commands_total", "counter", "Commands taken by the lane.", lane.commands);
  metric(out, "admit_batches_total", "counter", "Batches the lane ran.", lane.batches);
  metric(out, "admit_commits_total", "counter", "Commits of the lane.", lane.commits);
  metric(out, "admit_conflicts_total", "counter", "Saves that lost against another change and were tried again.", lane.conflicts);
  metric(out, "admit_batch_splits_total", "counter", "Batches split to find what no save accepts.", lane.splits);
  metric(out, "admit_unknown_commits_total", "counter", "Commits whose answer was lost and was read back.", lane.unknown_outcomes);
  metric(out, "admit_poisoned_commands_total", "counter", "Commands that could not be decided or saved.", lane.poisoned);
  metric(out, "admit_queue_refusals_total", "counter", "Commands refused because the queue was full.", lane.refused_full);
  metric(out, "admit_queue_length", "gauge", "Commands waiting.", lane.queued);
  metric(out, "admit_commit_worst_seconds", "gauge", "The longest commit since the start.", static_cast<double>(lane.worst_commit_us) / 1e6);
  metric(out, "admit_jobs_done_total", "counter", "Jobs done.", workers.done);
  metric(out, "admit_jobs_failed_total", "counter", "Tries of jobs that failed.", workers.failed);
  metric(out, "admit_holds_expired_total", "counter", "Holds whose time was over.", workers.expired);
  metric(out, "admit_store_commits_total", "counter", "Transactions the database committed.", store.commits);
  metric(out, "admit_store_rows_written_total", "counter", "Rows the database wrote.", store.rows_written);
  metric(out, "admit_store_checkpoints_total", "counter", "Copies of the log into the database.", store.checkpoints);
  metric(out, "admit_store_log_bytes", "gauge", "Size of the write-ahead log.", store.log_bytes);
  metric(out, "admit_store_log_restart_worst_seconds", "gauge", "The longest wait for the log to start again.", seconds(store.worst_restart));
  metric(out, "admit_http_connections", "gauge", "Open connections.", server.open);
  metric(out, "admit_http_connections_accepted_total", "counter", "Connections accepted.", server.accepted);
  metric(out, "admit_password_computations_total", "counter", "argon2id computed: passwords set and tried.", identity::password_computations());
  metric(out, "admit_http_rate_limited_total", "counter", "Requests answered 429 by the rate limits.", server.limited);
  metric(out, "admit_http_connections_refused_total", "counter", "Connections over the bound.", server.refused);

  out += "# HELP admit_http_requests_total Requests by route and class of status.\n# TYPE admit_http_requests_total counter\n";
  for (const auto& stats : server.routes) {
    for (std::size_t kind = 1; kind < stats.by_class.size(); ++kind) {
      if (stats.by_class[kind] == 0) continue;
      fmt::format_to(std::back_inserter(out), "admit_http_requests_total{{verb=\"{}\",route=\"{}\",class=\"{}xx\"}} {}\n",
                     stats.route != nullptr ? http::word(stats.route->verb) : "",
                     stats.route != nullptr ? std::string_view(stats.route->path_template) : "none", kind, stats.by_class[kind]);
    }
  }
  out += "# HELP admit_http_request_seconds Time to answer by route.\n# TYPE admit_http_request_seconds histogram\n";
  for (const auto& stats : server.routes) {
    std::uint64_t total = 0;
    for (const auto n : stats.by_duration) total += n;
    if (total == 0) continue;
    const auto labels = fmt::format("verb=\"{}\",route=\"{}\"", stats.route != nullptr ? http::word(stats.route->verb) : "",
                                    stats.route != nullptr ? std::string_view(stats.route->path_template) : "none");
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < http::duration_bounds_s.size(); ++i) {
      below += stats.by_duration[i];
      fmt::format_to(std::back_inserter(out), "admit_http_request_seconds_bucket{{{},le=\"{}\"}} {}\n", labels,
                     http::duration_bounds_s[i], below);
    }
    fmt::format_to(std::back_inserter(out),
                   "admit_http_request_seconds_bucket{{{0},le=\"+Inf\"}} {1}\nadmit_http_request_seconds_sum{{{0}}} {2}\n"
                   "admit_http_request_seconds_count{{{0}}} {1}\n",
                   labels, total, stats.duration_sum_s);
  }
  return out;
}

}  // namespace admit::app

#pragma once
// The Prometheus text of /metrics.

#include <string>

#include "engine/lane.hpp"
#include "http/server.hpp"
#include "job/workers.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace admit::app {

[[nodiscard]] std::string metrics_text(const engine::LaneCounts& lane, const job::WorkerCounts& workers,
                                       const store::sqlite::Figures& store, const http::ServerStats& server);

}  // namespace admit::app

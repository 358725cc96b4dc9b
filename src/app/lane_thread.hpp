#pragma once

#include <thread>

#include "app/app.hpp"
#include "engine/lane.hpp"

namespace admit::app {

/// Runs a lane on a thread of its own for as long as it lives: for commands that are no server.
class LaneThread {
 public:
  explicit LaneThread(store::Store& store) : x_lane(store, {.seed = random_seed()}), x_thread([this] { x_lane.run(); }) {}
  ~LaneThread() {
    x_lane.stop();
    x_thread.join();
  }
  LaneThread(const LaneThread&) = delete;
  LaneThread& operator=(const LaneThread&) = delete;
  engine::Lane& lane() { return x_lane; }

 private:
  engine::Lane x_lane;
  std::thread x_thread;
};

}  // namespace admit::app

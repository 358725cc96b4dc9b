#pragma once
// Many commands at once from a thread that may wait, so that they share commits.

#include <future>
#include <utility>
#include <vector>

#include "engine/lane.hpp"

namespace admit::job {

/// Sends all of them, waits for the answers, and gives these in the order of the commands.
template <class Command>
std::vector<engine::Result<typename Command::Outcome>> call_all(engine::Lane& lane, std::vector<Command> commands) {
  using Answered = engine::Result<typename Command::Outcome>;
  std::vector<std::promise<Answered>> promises(commands.size());
  std::vector<Answered> out;
  out.reserve(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    auto& promise = promises[i];
    const bool taken = lane.submit(std::move(commands[i]), [&promise](engine::Answer<typename Command::Outcome> answer) {
      promise.set_value(std::move(answer.result));
    });
    if (!taken) promise.set_value(domain::refuse(domain::Refusal::overloaded, "", "The queue is full."));
  }
  for (auto& promise : promises) out.push_back(promise.get_future().get());
  return out;
}

}  // namespace admit::job

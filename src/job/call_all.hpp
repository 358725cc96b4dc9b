#pragma once
// Many commands at once from a thread that may wait, so that they share commits.

#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "engine/lane.hpp"

namespace admit::job {

/// Sends all of them, waits for the answers, and gives these in the order of the commands.
template <class Command>
std::vector<engine::Result<typename Command::Outcome>> call_all(engine::Lane& lane, std::vector<Command> commands) {
  using Answered = engine::Result<typename Command::Outcome>;
  // Shared with the lane, as in Lane::call.
  std::vector<std::shared_ptr<std::promise<Answered>>> promises;
  promises.reserve(commands.size());
  std::vector<Answered> out;
  out.reserve(commands.size());
  for (auto& command : commands) {
    const auto& promise = promises.emplace_back(std::make_shared<std::promise<Answered>>());
    const bool taken = lane.submit(std::move(command), [promise](engine::Answer<typename Command::Outcome> answer) {
      promise->set_value(std::move(answer.result));
    });
    if (!taken) promise->set_value(domain::refuse(domain::Refusal::overloaded, "", "The queue is full."));
  }
  for (const auto& promise : promises) out.push_back(promise->get_future().get());
  return out;
}

}  // namespace admit::job

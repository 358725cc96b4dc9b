#pragma once
// Requests that do something once, however often they are sent.

#include <algorithm>

#include "api/services.hpp"

namespace admit::api {

/// The documentation of a route that takes the header, with what there is to say of that.
[[nodiscard]] inline http::RouteDoc once(http::RouteDoc doc) {
  if (!doc.description.empty()) doc.description += ' ';
  doc.description += "With the header Idempotency-Key, a repeat gives the first answer again; refusals are not kept.";
  doc.parameters.push_back(http::header_param("Idempotency-Key", http::text(1, 255).example("order-1")));
  for (auto& problem : refusals({domain::Refusal::invalid_field, domain::Refusal::idempotency_key_reused})) {
    const auto is_there = [&](const auto& other) {
      return other.code == problem.code;
    };
    if (std::ranges::none_of(doc.problems, is_there)) doc.problems.push_back(std::move(problem));
  }
  return doc;
}

/// `render` makes of the outcome what is kept and given again: pure, called by the lane.
template <class Command, class Render>
[[nodiscard]] std::optional<engine::Idempotency<typename Command::Outcome>> kept_by(
    const std::optional<IdempotencyKey>& key, std::int64_t status, Render render) {
  using Outcome = typename Command::Outcome;
  if (!key) return std::nullopt;
  return engine::Idempotency<Outcome>{key->id, key->body_hash,
                                      [status, render = std::move(render)](const Outcome& made) {
                                        return engine::Replay{status, render(made)};
                                      }};
}

[[nodiscard]] inline http::Response again(engine::Replay replay) {
  http::Response response = http::json_response(static_cast<int>(replay.status), std::move(replay.body));
  response.headers.push_back({"Idempotent-Replayed", "true"});
  return response;
}

/// As perform(), once for each `Idempotency-Key`, and wakes the workers.
template <class Command, class Say>
http::Task perform_once(Services& x, http::Request& request, Command command, int status, Say say) {
  const auto key = idempotency_of(request, command.meta.actor);
  if (!key) co_return key.error();
  auto kept = kept_by<Command>(*key, status, [say](const auto& made) { return http::write_json(say(made)); });
  auto answer = co_await submit(x.lane, std::move(command), std::move(kept));
  if (answer.replay) co_return again(std::move(*answer.replay));
  if (!answer.result) co_return problem_of(answer.result.error());
  x.workers.wake();
  co_return reply(status, say(*answer.result));
}

}  // namespace admit::api

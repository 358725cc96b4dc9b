#include "lane_steps.hpp"

#include <time.h>

#include <algorithm>
#include <stdexcept>

#include "domain/door.hpp"
#include "domain/registrations.hpp"
#include "engine/lane.hpp"
#include "identity/opaque_token.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "token/token.hpp"

namespace admit::bench {
namespace {

constexpr int batch = 125;

double thread_cpu_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// The median over the batches of what one command costs the thread that runs the lane.
template <class Make>
double median_us(engine::Lane& lane, int batches, Make&& make) {
  std::vector<double> costs;
  std::size_t done = 0;
  for (int b = 0; b < batches; ++b) {
    for (int i = 0; i < batch; ++i) {
      auto command = make(b * batch + i);
      using Outcome = typename decltype(command)::Outcome;
      if (!lane.submit(std::move(command),
                       [&](engine::Answer<Outcome> answer) { done += answer.result.has_value(); })) {
        throw std::runtime_error("the lane takes no command");
      }
    }
    const double begun = thread_cpu_us();
    while (lane.step()) {
    }
    costs.push_back((thread_cpu_us() - begun) / batch);
  }
  if (done != static_cast<std::size_t>(batches) * batch) throw std::runtime_error("a command of the bench was refused");
  std::ranges::nth_element(costs, costs.begin() + batches / 2);
  return costs[static_cast<std::size_t>(batches / 2)];
}

}  // namespace

std::vector<Measured> measure_lane(const std::string& folder, Seeded& seeded, bool quick) {
  const int batches = quick ? 16 : 64;
  store::sqlite::SqliteStore store({.path = folder});
  engine::Lane lane(store, {.name = "bench", .seed = {1, 2}});
  const auto device = identity::parse_opaque_token("gate_", seeded.gate_token)->id;
  std::uint64_t made = 0;
  const auto meta = [&](std::string actor) {
    const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    return domain::Meta{.now = now, .seed = {0xbe6c4, ++made}, .actor = std::move(actor), .address = "127.0.0.1"};
  };

  const double admit_us = median_us(lane, batches, [&](int i) {
    const auto token = token::parse(seeded.codes.back());
    seeded.codes.pop_back();
    const auto& header = token->header();
    return domain::Admit{.meta = meta("device:" + device.text()),
                         .device_id = domain::DeviceId{device},
                         .opened = domain::OpenedCode{header.ticket_id, header.show_id, header.sequence},
                         .code_hash = header.ticket_id.value,
                         .nonce = "lane-" + std::to_string(i)};
  });
  const double reserve_us = median_us(lane, batches, [&](int i) {
    const auto user = seeded.users[static_cast<std::size_t>(i) % seeded.users.size()];
    auto from = meta("user:" + user.text());
    from.user = user;
    return domain::Reserve{.meta = std::move(from),
                           .show_id = seeded.sale_show,
                           .lines = {{seeded.sale_tier, 2, {"Ada Example", "Zofia Wiśniewska"}}},
                           .payments_ready = true,
                           .test = true,
                           .epoch = 1};
  });
  const std::string note =
      "one command of a batch of 125: load, decide, save, commit; CPU of the lane's thread, the median batch";
  return {{"lane_checkin", admit_us, "us", note}, {"lane_reserve", reserve_us, "us", note + "; no Idempotency-Key"}};
}

}  // namespace admit::bench

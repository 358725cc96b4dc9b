#include "job/audit_sealer.hpp"

#include <pthread.h>

#include <algorithm>
#include <map>

#include "crypto/encoding.hpp"
#include "log/log.hpp"

namespace admit::job {
namespace {

using namespace domain;

constexpr std::size_t page_rows = 1'000;

std::optional<AuditHead> head_of(store::Store& store, std::int64_t chain) {
  return store::get<AuditHead>(store, audit_head_id(chain));
}

}  // namespace

AuditSealer::AuditSealer(engine::Lane& lane, store::Store& store, Clock clock, std::function<Seed()> seed,
                         SealerOptions options)
    : x_lane(lane), x_store(store), x_clock(std::move(clock)), x_seed(std::move(seed)), x_options(options) {
  if (const auto anchor = head_of(store, anchor_chain)) {
    lane.raise_floor(moment_of(anchor->last.value) + std::chrono::milliseconds{1});
  }
}

AuditSealer::~AuditSealer() {
  stop();
}

Meta AuditSealer::meta() const {
  return {.now = x_clock(), .seed = x_seed(), .actor = "system"};
}

std::size_t AuditSealer::seal_round() {
  const Instant until = x_clock() - x_options.lag;
  // Behind this everything that will ever be written before `until` is saved.
  x_lane.raise_floor(until);
  if (!x_lane.call(PassLane{.meta = meta()})) return 0;

  const auto anchor = head_of(x_store, anchor_chain);
  std::map<std::int64_t, AuditStretch> stretches;
  AuditId last = anchor ? anchor->last : AuditId{};
  std::size_t taken = 0;
  const Uuid end = first_of(until);
  for (bool more = true; more && taken < x_options.round_entries;) {
    const auto page =
        store::scan<AuditEntry>(x_store, last.value, std::min(page_rows, x_options.round_entries - taken));
    more = !page.empty();
    for (const auto& entry : page) {
      more = entry.id.value < end;
      if (!more) break;
      const auto chain = audit_chain_of(entry);
      auto [at, is_new] = stretches.try_emplace(chain);
      auto& stretch = at->second;
      if (is_new) {
        stretch.chain = chain;
        if (const auto head = head_of(x_store, chain)) stretch.previous = digest_of(head->digest);
        stretch.digest = stretch.previous;
      }
      stretch.digest = extended(stretch.digest, entry);
      stretch.last = last = entry.id;
      ++stretch.count;
      ++taken;
    }
  }
  if (taken == 0) return 0;
  SealAudit command{.meta = meta(), .last = last, .stretches = {}, .key = x_options.key};
  for (const auto& [chain, stretch] : stretches) command.stretches.push_back(stretch);
  const auto sealed = x_lane.call(std::move(command));
  if (!sealed) {
    log::warning("the audit could not be sealed; tried again later", {{"what", sealed.error().detail}});
    return 0;
  }
  // The log leaves the machine: a copy of this proves what stood in the audit by then.
  log::info("sealed the audit", {{"anchor", sealed->number},
                                 {"entries", sealed->count},
                                 {"digest", crypto::hex(crypto::bytes_of(sealed->digest.data))}});
  return taken;
}

void AuditSealer::start() {
  x_thread = std::thread([this] { loop(); });
}

void AuditSealer::stop() {
  {
    const std::lock_guard lock(x_mutex);
    x_is_stopping = true;
  }
  x_changed.notify_all();
  if (x_thread.joinable()) x_thread.join();
}

void AuditSealer::loop() {
  pthread_setname_np(pthread_self(), "audit");
  std::unique_lock lock(x_mutex);
  while (!x_is_stopping) {
    lock.unlock();
    std::size_t taken = 0;
    try {
      taken = seal_round();
    } catch (const std::exception& fault) {
      log::warning("the audit could not be sealed; tried again later", {{"what", fault.what()}});
    }
    lock.lock();
    const bool more = taken == x_options.round_entries;
    x_changed.wait_for(lock, more ? std::chrono::milliseconds{50} : std::chrono::milliseconds{x_options.interval},
                       [this] { return x_is_stopping; });
  }
}

}  // namespace admit::job

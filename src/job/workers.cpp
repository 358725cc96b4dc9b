#include "job/workers.hpp"

#include <algorithm>
#include <exception>
#include <future>

#include "domain/registrations.hpp"
#include "log/log.hpp"

namespace admit::job {
namespace {

constexpr std::size_t jobs_per_round = 32;
constexpr std::size_t holds_per_round = 200;
constexpr std::size_t purged_per_round = 500;
constexpr std::chrono::minutes lease_time{2};
constexpr std::chrono::milliseconds look_again{500};
constexpr std::chrono::seconds sweep_every{1};

/// Doubling from 2 s to 15 min, with 50 to 100 % of it chosen by the job's id, so that jobs failed together come apart.
std::chrono::milliseconds back_off(const domain::Job& job) {
  const auto exponent = std::min<std::int64_t>(job.attempts, 9);
  const auto whole = std::min<std::int64_t>(1000LL << exponent, 15 * 60 * 1000);
  return std::chrono::milliseconds{whole / 2 + static_cast<std::int64_t>(job.id.value.low % static_cast<std::uint64_t>(whole / 2))};
}

/// Sends all commands at once, so that they share commits, and waits for the answers.
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

}  // namespace

Workers::Workers(engine::Lane& lane, store::Store& store, TicketDocuments& documents, payment::Payments* payments,
                 Clock clock, std::function<domain::Seed()> seed)
    : x_lane(lane),
      x_store(store),
      x_documents(documents),
      x_payments(payments),
      x_clock(std::move(clock)),
      x_seed(std::move(seed)) {}

Workers::~Workers() { stop(); }

domain::Meta Workers::meta() { return {.now = x_clock(), .seed = x_seed(), .actor = "system"}; }

std::size_t Workers::run_due_jobs(std::chrono::steady_clock::time_point deadline) {
  std::size_t total = 0;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto due = store::due<domain::Job>(x_store, x_clock(), jobs_per_round);
    if (due.empty()) break;
    const domain::Seed lease_seed = x_seed();
    const domain::Uuid lease{lease_seed.a, lease_seed.b};
    std::vector<domain::LeaseJob> takes;
    for (const auto& job : due) {
      takes.push_back({.meta = meta(), .job_id = job.id, .lease = lease, .until = x_clock() + lease_time});
    }
    std::vector<domain::FinishJob> results;
    std::size_t taken_by_others = 0;
    for (auto& taken : call_all(x_lane, std::move(takes))) {
      if (!taken) {
        ++taken_by_others;
        continue;
      }
      std::string error;
      try {
        error = perform(*taken);
      } catch (const std::exception& e) {
        error = e.what();
      }
      if (error.empty()) {
        ++x_done;
      } else {
        ++x_failed;
        log::warning("job failed", {{"jobId", taken->id.text()},
                                    {"kind", domain::word(taken->kind)},
                                    {"attempt", taken->attempts},
                                    {"reason", error}});
      }
      results.push_back(
          {.meta = meta(), .job_id = taken->id, .lease = lease, .error = error, .retry_at = x_clock() + back_off(*taken)});
    }
    total += results.size();
    call_all(x_lane, std::move(results));  // a lost lease needs no care: the job was done twice, which it allows
    if (taken_by_others == due.size()) break;
  }
  return total;
}

std::string Workers::perform(const domain::Job& job) {
  switch (job.kind) {
    case domain::JobKind::render_tickets: return render_tickets(domain::RegistrationId{job.subject});
    case domain::JobKind::cancel_intent: return cancel_intent(domain::TransactionId{job.subject});
    case domain::JobKind::create_intent:
    case domain::JobKind::refund_intent:
    case domain::JobKind::apply_event: break;
  }
  return "this binary cannot do a job of this kind";
}

std::string Workers::render_tickets(domain::RegistrationId id) {
  const auto registration = store::get<domain::Registration>(x_store, id);
  if (!registration || !registration->confirmed_at) return "the registration is not confirmed";
  for (std::int64_t number = 1; number <= registration->ticket_count; ++number) {
    const auto ticket = store::get<domain::Ticket>(x_store, domain::ticket_id(id, *registration->confirmed_at, number));
    if (!ticket) return "a ticket is missing";
    x_documents.ensure_page(*ticket);
  }
  return "";
}

std::string Workers::cancel_intent(domain::TransactionId id) {
  const auto transaction = store::get<domain::Transaction>(x_store, id);
  if (!transaction) return "the payment is missing";
  if (transaction->status == domain::TransactionStatus::succeeded ||
      transaction->status == domain::TransactionStatus::cancelled) {
    return "";
  }
  if (x_payments == nullptr) return "no payment provider is configured";
  std::string intent_id = transaction->intent_id;
  if (intent_id.empty()) {
    auto found = x_payments->find_intent_blocking(id.text(), transaction->created_at);
    if (!found) return std::string(payment::word(found.error().kind)) + " " + found.error().code;
    if (*found) intent_id = (*found)->intent.id;
  }
  if (!intent_id.empty()) {
    const auto answer = x_payments->cancel_intent_blocking(intent_id, "cancel:" + id.text());
    if (!answer) {
      const auto status = answer.error().intent_status;
      // Paid after all: the provider's event says so to the order.
      if (status == payment::IntentStatus::succeeded || status == payment::IntentStatus::requires_capture) return "";
      if (status != payment::IntentStatus::canceled) {
        return std::string(payment::word(answer.error().kind)) + " " + answer.error().code;
      }
    }
  }
  const auto ended = x_lane.call(domain::CancelPayment{.meta = meta(), .transaction_id = id});
  if (!ended && ended.error().code != domain::Refusal::already_paid) return ended.error().detail;
  return "";
}

std::size_t Workers::sweep() {
  std::size_t total = 0;
  for (;;) {
    const auto due = store::due<domain::Registration>(x_store, x_clock(), holds_per_round);
    if (due.empty()) break;
    std::vector<domain::ExpireHeld> commands;
    for (const auto& registration : due) commands.push_back({.meta = meta(), .registration_id = registration.id});
    std::size_t ended = 0;
    for (const auto& result : call_all(x_lane, std::move(commands))) {
      if (result && !result->due_at) ++ended;
    }
    total += ended;
    x_expired += ended;
    if (ended == 0) break;
  }
  x_store.purge(x_clock(), purged_per_round);
  return total;
}

void Workers::start(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) x_threads.emplace_back([this, sweeps = i == 0] { loop(sweeps); });
}

void Workers::stop() {
  {
    const std::lock_guard lock(x_mutex);
    x_stopping = true;
  }
  x_changed.notify_all();
  for (auto& thread : x_threads) thread.join();
  x_threads.clear();
}

void Workers::wake() {
  {
    const std::lock_guard lock(x_mutex);
    ++x_wakes;
  }
  x_changed.notify_one();
}

WorkerCounts Workers::counts() const { return {x_done.load(), x_failed.load(), x_expired.load()}; }

void Workers::loop(bool sweeps) {
  auto next_sweep = std::chrono::steady_clock::now();
  std::uint64_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(x_mutex);
      x_changed.wait_for(lock, look_again, [&] { return x_stopping || x_wakes != seen; });
      if (x_stopping) return;
      seen = x_wakes;
    }
    try {
      if (sweeps && std::chrono::steady_clock::now() >= next_sweep) {
        sweep();
        next_sweep = std::chrono::steady_clock::now() + sweep_every;
      }
      run_due_jobs(std::chrono::steady_clock::now() + std::chrono::seconds{5});
    } catch (const std::exception& e) {
      log::error("worker could not reach the database", {{"reason", e.what()}});
      std::unique_lock lock(x_mutex);
      x_changed.wait_for(lock, std::chrono::seconds{2}, [&] { return x_stopping; });
      if (x_stopping) return;
    }
  }
}

}  // namespace admit::job

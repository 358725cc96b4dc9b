#include "job/workers.hpp"

#include <algorithm>
#include <exception>
#include <future>

#include "domain/registrations.hpp"
#include "log/log.hpp"

namespace admit::job {
namespace {

constexpr std::size_t jobs_per_round = 8;  // what one slow provider can keep waiting stays well within a lease
constexpr std::size_t holds_per_round = 200;
constexpr std::size_t purged_per_round = 500;
constexpr std::chrono::minutes lease_time{2};
constexpr std::chrono::milliseconds look_again{500};
constexpr std::chrono::seconds sweep_every{1};
constexpr std::chrono::seconds after_fault{2};

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
  const auto is_over = [&] { return x_is_stopping.load() || std::chrono::steady_clock::now() >= deadline; };
  std::size_t total = 0;
  while (!is_over()) {
    const auto due = store::due<domain::Job>(x_store, x_clock(), jobs_per_round);
    if (due.empty()) break;
    const domain::Seed lease_seed = x_seed();
    const domain::Uuid lease{lease_seed.a, lease_seed.b};
    std::vector<domain::LeaseJob> takes;
    for (const auto& job : due) {
      takes.push_back({.meta = meta(), .job_id = job.id, .lease = lease, .until = x_clock() + lease_time});
    }
    std::vector<domain::FinishJob> results;
    bool took_any = false;
    for (auto& taken : call_all(x_lane, std::move(takes))) {
      if (!taken) continue;  // another worker has it
      took_any = true;
      domain::FinishJob result{.meta = meta(), .job_id = taken->id, .lease = lease};
      if (is_over()) {
        result.error = "not begun";
        result.retry_at = x_clock();
      } else {
        result.error = try_job(*taken);
        result.retry_at = x_clock() + back_off(*taken);
        ++total;
      }
      results.push_back(std::move(result));
    }
    call_all(x_lane, std::move(results));  // a lost lease needs no care: the job was done twice, which it allows
    if (!took_any) break;
  }
  return total;
}

std::string Workers::try_job(const domain::Job& job) {
  std::string error;
  try {
    error = perform(job);
  } catch (const std::exception& e) {
    error = e.what();
  }
  if (error.empty()) {
    ++x_done;
  } else {
    ++x_failed;
    log::warning("job failed", {{"jobId", job.id.text()},
                                {"kind", domain::word(job.kind)},
                                {"attempt", job.attempts},
                                {"reason", error}});
  }
  return error;
}

std::string Workers::perform(const domain::Job& job) {
  switch (job.kind) {
    case domain::JobKind::render_tickets: return render_tickets(domain::RegistrationId{job.subject});
    case domain::JobKind::cancel_intent: return cancel_intent(domain::TransactionId{job.subject}, job.attempts);
    case domain::JobKind::create_intent:
    case domain::JobKind::capture_intent:
    case domain::JobKind::refund_intent:
    case domain::JobKind::apply_event:
    case domain::JobKind::refresh_account:
    case domain::JobKind::cancel_show:
    case domain::JobKind::reverse_transfer:
    case domain::JobKind::collect_evidence:
    case domain::JobKind::mail: break;
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

std::string Workers::cancel_intent(domain::TransactionId id, std::int64_t attempt) {
  const auto transaction = store::get<domain::Transaction>(x_store, id);
  if (!transaction) return "the payment is missing";
  if (transaction->status == domain::TransactionStatus::succeeded) return "";
  if (x_payments == nullptr) return "no payment provider is configured";
  std::string intent_id = transaction->intent_id;
  if (intent_id.empty() && transaction->status == domain::TransactionStatus::cancelled) return "";
  if (intent_id.empty()) {
    auto found = x_payments->find_intent_blocking(id.text(), transaction->created_at);
    if (!found) return std::string(payment::word(found.error().kind)) + " " + found.error().code;
    if (*found) intent_id = (*found)->intent.id;
  }
  if (!intent_id.empty()) {
    // A key for each attempt: the provider keeps the first answer to a key, a refusal or a fault of its own too.
    const auto answer =
        x_payments->cancel_intent_blocking(intent_id, "cancel:" + id.text() + ":" + std::to_string(attempt));
    if (!answer) {
      const auto status = answer.error().intent_status;
      // Paid after all. Its event tells the order; until it has come, this job keeps asking and is seen.
      if (status == payment::IntentStatus::succeeded) return "paid at the provider; its event has not arrived yet";
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
      if (result && (!result->due_at || *result->due_at > x_clock())) ++ended;
    }
    total += ended;
    x_expired += ended;
    if (ended == 0) break;
  }
  x_store.purge(x_clock(), purged_per_round);
  return total;
}

void Workers::start(unsigned threads) {
  x_threads.emplace_back([this] { sweep_loop(); });
  for (unsigned i = 0; i < threads; ++i) x_threads.emplace_back([this] { job_loop(); });
}

void Workers::stop() {
  {
    const std::lock_guard lock(x_mutex);
    x_is_stopping = true;
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

/// False when it is time to stop.
bool Workers::wait(std::chrono::milliseconds time, std::uint64_t* seen_wakes) {
  std::unique_lock lock(x_mutex);
  x_changed.wait_for(lock, time, [&] { return x_is_stopping || (seen_wakes != nullptr && x_wakes != *seen_wakes); });
  if (seen_wakes != nullptr) *seen_wakes = x_wakes;
  return !x_is_stopping;
}

void Workers::job_loop() {
  std::uint64_t seen_wakes = 0;
  while (wait(look_again, &seen_wakes)) {
    try {
      run_due_jobs(std::chrono::steady_clock::now() + std::chrono::seconds{5});
    } catch (const std::exception& e) {
      log::error("worker could not reach the database", {{"reason", e.what()}});
      if (!wait(after_fault, nullptr)) return;
    }
  }
}

void Workers::sweep_loop() {
  while (wait(sweep_every, nullptr)) {
    try {
      sweep();
    } catch (const std::exception& e) {
      log::error("holds could not be looked at", {{"reason", e.what()}});
      if (!wait(after_fault, nullptr)) return;
    }
  }
}

}  // namespace admit::job

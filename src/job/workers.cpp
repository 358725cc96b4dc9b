#include "job/workers.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "domain/registrations.hpp"
#include "job/call_all.hpp"
#include "job/people_jobs.hpp"
#include "job/show_jobs.hpp"
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
constexpr std::chrono::minutes first_reconcile{1};
constexpr std::chrono::minutes reconcile_every{60};
constexpr std::chrono::minutes reconcile_after_fault{5};

/// Doubling from 2 s to 15 min, with 50 to 100 % of it chosen by the job's id, so that jobs failed together come apart.
std::chrono::milliseconds back_off(const domain::Job& job) {
  const auto exponent = std::min<std::int64_t>(job.attempts, 9);
  const auto whole = std::min<std::int64_t>(1000LL << exponent, 15 * 60 * 1000);
  return std::chrono::milliseconds{whole / 2 + static_cast<std::int64_t>(job.id.value.low % static_cast<std::uint64_t>(whole / 2))};
}

/// 15 to 30 s: often enough to go on soon, seldom enough that thousands of waiting jobs do no harm.
std::chrono::milliseconds while_away(const domain::Job& job) {
  return std::chrono::milliseconds{15'000 + static_cast<std::int64_t>(job.id.value.low % 15'000)};
}

bool asks_provider(domain::JobKind kind) {
  using enum domain::JobKind;
  switch (kind) {
    case create_intent:
    case cancel_intent:
    case capture_intent:
    case refund_intent:
    case apply_event:
    case refresh_account:
    case reverse_transfer:
    case collect_evidence:
    case create_account: return true;
    case render_tickets:
    case cancel_show:
    case mail:
    case create_identity:
    case join_guests:
    case erase_person:
    case revoke_access:
    case set_identity_password:
    case erase_identity: return false;
  }
  return false;
}

}  // namespace

Workers::Workers(engine::Lane& lane, store::Store& store, TicketDocuments& documents, ProviderJobs* provider,
                 Mails* mails, Clock clock, std::function<domain::Seed()> seed, IdentityJobs* identities)
    : x_lane(lane),
      x_store(store),
      x_documents(documents),
      x_provider(provider),
      x_mails(mails),
      x_identities(identities),
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
        result.counts = false;
      } else {
        Tried tried = try_job(*taken);
        result.error = std::move(tried.error);
        const auto pause = tried.is_away ? while_away(*taken) : back_off(*taken);
        result.retry_at = x_clock() + tried.retry_in.value_or(pause);
        result.counts = !tried.is_away;
        ++total;
      }
      results.push_back(std::move(result));
    }
    call_all(x_lane, std::move(results));  // a lost lease needs no care: the job was done twice, which it allows
    if (!took_any) break;
  }
  return total;
}

Tried Workers::try_job(const domain::Job& job) {
  Tried tried("");
  try {
    tried = perform(job);
  } catch (const std::exception& e) {
    tried = Tried(e.what());
  }
  if (tried.error.empty()) {
    ++x_done;
  } else {
    ++x_failed;
    log::warning("job failed", {{"jobId", job.id.text()},
                                {"kind", domain::word(job.kind)},
                                {"attempt", job.attempts},
                                {"reason", tried.error}});
  }
  return tried;
}

Tried Workers::perform(const domain::Job& job) {
  if (asks_provider(job.kind)) return ask_provider(job);
  switch (job.kind) {
    case domain::JobKind::render_tickets: return render_tickets(domain::RegistrationId{job.subject});
    case domain::JobKind::cancel_show: {
      Tried tried = cancel_show(x_lane, x_store, domain::ShowId{job.subject}, [this] { return meta(); },
                                [this] { return x_is_stopping.load(); });
      tried.is_away = x_is_stopping;  // it was stopped, not refused
      return tried;
    }
    case domain::JobKind::join_guests: {
      const domain::UserId user{job.subject};
      Tried tried = people_jobs().join_guests(user);
      return tried.error.empty() && x_identities != nullptr ? x_identities->confirm_identity(user) : tried;
    }
    case domain::JobKind::create_identity:
      return x_identities != nullptr ? x_identities->create_identity(domain::UserId{job.subject}, job.detail) : Tried("");
    case domain::JobKind::set_identity_password:
      return x_identities != nullptr ? x_identities->set_password(domain::UserId{job.subject}) : Tried("");
    case domain::JobKind::erase_identity:
      return x_identities != nullptr ? x_identities->erase_identity(domain::UserId{job.subject}) : Tried("");
    case domain::JobKind::erase_person: return people_jobs().erase_person(domain::UserId{job.subject});
    case domain::JobKind::revoke_access: return people_jobs().revoke_access(domain::UserId{job.subject});
    case domain::JobKind::mail: return x_mails != nullptr ? x_mails->send(job) : Tried("");
    default: break;
  }
  return "this binary cannot do a job of this kind";
}

Tried Workers::ask_provider(const domain::Job& job) {
  if (x_provider == nullptr) return "no payment provider is configured";
  if (x_provider->is_away()) {
    Tried tried("the payment provider could not be reached a moment ago");
    tried.is_away = true;
    return tried;
  }
  switch (job.kind) {
    case domain::JobKind::create_intent: return x_provider->create_intent(domain::TransactionId{job.subject});
    case domain::JobKind::cancel_intent:
      return x_provider->cancel_intent(domain::TransactionId{job.subject});
    case domain::JobKind::capture_intent:
      return x_provider->capture_intent(domain::TransactionId{job.subject}, job.attempts);
    case domain::JobKind::refund_intent: return x_provider->refund(domain::RefundId{job.subject}, job.attempts);
    case domain::JobKind::apply_event: return x_provider->apply_event(domain::InboxId{job.subject}, job.attempts);
    case domain::JobKind::refresh_account: return x_provider->refresh_account(domain::BusinessId{job.subject});
    case domain::JobKind::reverse_transfer:
      return x_provider->reverse_transfer(domain::DisputeId{job.subject}, job.attempts);
    case domain::JobKind::collect_evidence: return x_provider->collect_evidence(domain::DisputeId{job.subject});
    case domain::JobKind::create_account:
      return x_provider->create_account(domain::BusinessId{job.subject}, job.detail);
    default: break;
  }
  return "this binary cannot do a job of this kind";
}

PeopleJobs Workers::people_jobs() {
  return {.lane = x_lane,
          .store = x_store,
          .documents = x_documents,
          .meta = [this] { return meta(); },
          .is_stopping = [this] { return x_is_stopping.load(); }};
}

Tried Workers::render_tickets(domain::RegistrationId id) {
  const auto registration = store::get<domain::Registration>(x_store, id);
  if (!registration || !registration->confirmed_at) return "the registration is not confirmed";
  for (std::int64_t number = 1; number <= registration->ticket_count; ++number) {
    const auto ticket = store::get<domain::Ticket>(x_store, domain::ticket_id(id, *registration->confirmed_at, number));
    if (!ticket) return "a ticket is missing";
    x_documents.ensure_page(*ticket);
  }
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
  if (x_provider != nullptr) x_threads.emplace_back([this] { reconcile_loop(); });
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

void Workers::reconcile_soon() {
  {
    const std::lock_guard lock(x_mutex);
    x_reconcile_all = true;
  }
  x_changed.notify_all();
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

void Workers::reconcile_loop() {
  std::chrono::milliseconds rest = first_reconcile;
  for (;;) {
    bool all = false;
    {
      std::unique_lock lock(x_mutex);
      x_changed.wait_for(lock, rest, [&] { return x_is_stopping || x_reconcile_all; });
      if (x_is_stopping) return;
      all = std::exchange(x_reconcile_all, false);
    }
    rest = reconcile_every;
    try {
      const auto applied = x_provider->reconcile(all);
      if (applied > 0 || all) log::info("events of the payment provider fetched", {{"applied", applied}});
      if (applied > 0) wake();
    } catch (const std::exception& e) {
      log::warning("events of the payment provider could not be fetched", {{"reason", e.what()}});
      rest = reconcile_after_fault;
    }
  }
}

}  // namespace admit::job

#include "payment/sandbox/lane.hpp"

#include "http/message.hpp"
#include "log/log.hpp"

namespace admit::payment::sandbox {

namespace {

constexpr std::size_t max_queue = 8192;

}  // namespace

Lane::Lane(const std::filesystem::path& file) : x_database(file), x_thread([this] { work_until_stopped(); }) {}

Lane::~Lane() {
  {
    const std::lock_guard lock{x_mutex};
    x_is_stopping = true;
  }
  x_wake.notify_one();
  x_thread.join();
}

void Lane::post(Job job) {
  {
    const std::lock_guard lock{x_mutex};
    if (x_queue.size() >= max_queue) throw http::ServiceUnavailable("the payment sandbox's queue is full");
    x_queue.push_back(std::move(job));
  }
  x_wake.notify_one();
}

void Lane::work_until_stopped() {
  std::vector<Job> batch;
  while (true) {
    {
      std::unique_lock lock{x_mutex};
      x_wake.wait(lock, [this] { return x_is_stopping || !x_queue.empty(); });
      if (x_queue.empty()) return;
      batch.swap(x_queue);
    }
    commit(batch);
    batch.clear();
  }
}

void Lane::commit(std::vector<Job>& batch) {
  std::vector<std::exception_ptr> failures(batch.size());
  try {
    x_database.run("BEGIN IMMEDIATE");
    for (std::size_t i = 0; i < batch.size(); ++i) {
      x_database.run("SAVEPOINT job");
      try {
        batch[i].work(x_database);
      } catch (const std::exception& thrown) {
        log::error("payment sandbox: a request failed", {{"reason", thrown.what()}});
        failures[i] = std::current_exception();
        x_database.run("ROLLBACK TO job");
      }
      x_database.run("RELEASE job");
    }
    x_database.run("COMMIT");
  } catch (const std::exception& broken) {
    log::error("payment sandbox: its database failed", {{"reason", broken.what()}});
    for (auto& failure : failures) failure = std::current_exception();
    try {
      x_database.run("ROLLBACK");
    } catch (const std::exception&) {  // there was no transaction any more
    }
  }
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i].done(failures[i]);
}

}  // namespace admit::payment::sandbox

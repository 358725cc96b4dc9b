#pragma once
// Inside the sandbox: the one thread that has the database. What queued up while a commit ran shares the next one.

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "payment/sandbox/database.hpp"

namespace admit::payment::sandbox {

class Lane {
 public:
  /// Opens the file in the calling thread.
  explicit Lane(const std::filesystem::path& file);
  /// Finishes what is queued.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Runs `work` inside a transaction and resumes the caller after its commit. What `work` throws undoes its own
  /// changes only. http::ServiceUnavailable when the queue is full.
  template <class T>
  [[nodiscard]] boost::asio::awaitable<T> run(std::move_only_function<T(Database&)> work) {
    namespace asio = boost::asio;
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr, T)>(
        [this](auto handler, std::move_only_function<T(Database&)> task) {
          const auto executor = asio::get_associated_executor(handler);
          auto result = std::make_shared<std::optional<T>>();
          // Shared: a std::function-like wrapper around a move-only handler that either side may be destroyed with.
          auto resume = std::make_shared<decltype(handler)>(std::move(handler));
          post({[result, task = std::move(task)](Database& database) mutable { result->emplace(task(database)); },
                [result, resume, executor](std::exception_ptr failed) {
                  asio::post(executor, [result, resume, failed] {
                    std::move (*resume)(failed, failed || !*result ? T{} : std::move(**result));
                  });
                }});
        },
        asio::use_awaitable, std::move(work));
  }
  template <class T>
  T run_blocking(std::move_only_function<T(Database&)> work) {
    auto promise = std::make_shared<std::promise<T>>();  // the lane may still be in it when we are gone
    std::optional<T> result;
    post({[&](Database& database) { result.emplace(work(database)); },
          [&result, promise](std::exception_ptr failed) {
            failed ? promise->set_exception(failed) : promise->set_value(std::move(*result));
          }});
    return promise->get_future().get();
  }

 private:
  struct Job {
    std::move_only_function<void(Database&)> work;
    std::move_only_function<void(std::exception_ptr)> done;
  };
  void post(Job job);
  void work_until_stopped();
  void commit(std::vector<Job>& batch);

  Database x_database;
  std::mutex x_mutex;
  std::condition_variable x_wake;
  std::vector<Job> x_queue;
  bool x_is_stopping = false;
  std::thread x_thread;
};

}  // namespace admit::payment::sandbox

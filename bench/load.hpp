#pragma once
// The load: many keep-alive connections driven by one thread, as cheap as it can be, since it shares the machine with
// the server it measures. No pipelining: a connection sends its next request when it has the answer to the last.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace admit::bench {

/// Latencies of one phase, in microseconds.
class Latencies {
 public:
  void reserve(std::size_t n) { x_us.reserve(n); }
  void add(std::uint32_t us) { x_us.push_back(us); }
  void add(const Latencies& other) { x_us.insert(x_us.end(), other.x_us.begin(), other.x_us.end()); }
  [[nodiscard]] std::size_t count() const { return x_us.size(); }
  /// `share` in 0..1; milliseconds, 0 where nothing was measured.
  [[nodiscard]] double quantile_ms(double share);
  [[nodiscard]] double worst_ms() { return quantile_ms(1.0); }

 private:
  std::vector<std::uint32_t> x_us;
};

struct LoadPlan {
  std::uint16_t port = 0;
  int connections = 128;
  std::uint64_t requests = UINT64_MAX;  // at most so many
  double limit_s = 10;                  // begins no request after this
  int status = 200;                     // of a good answer
  std::string_view contains;            // in the body of a good answer
  /// Appends the bytes of request `i`, counted from 0. Called on the thread of run_load.
  std::function<void(std::uint64_t i, std::string& out)> request;
};

struct LoadResult {
  std::uint64_t good = 0;
  std::uint64_t bad = 0;   // answered otherwise
  std::uint64_t lost = 0;  // the connection broke
  double seconds = 0;
  double client_cpu_s = 0;
  Latencies latencies;
  std::map<int, std::uint64_t> by_status;
  std::string first_bad;  // status line, headers and body of the first answer that was not good, shortened

  [[nodiscard]] double rate() const { return seconds > 0 ? static_cast<double>(good) / seconds : 0; }
};

/// Blocks until every request begun is answered or lost. Throws std::system_error when it cannot connect.
[[nodiscard]] LoadResult run_load(const LoadPlan& plan);

/// One keep-alive connection that waits for its answer. Throws std::runtime_error when the connection breaks or the
/// answer takes more than 30 seconds.
class Caller {
 public:
  explicit Caller(std::uint16_t port);
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  struct Answer {
    int status = 0;
    std::string body;
  };
  [[nodiscard]] Answer send(std::string_view request);

 private:
  int x_socket;
};

/// A request with the headers given (each ending in CRLF) and a body, as HTTP/1.1.
void write_request(std::string& out, std::string_view verb_and_target, std::string_view headers, std::string_view body);

/// The text behind `"name":"` up to the next quote; throws std::runtime_error where there is none.
[[nodiscard]] std::string json_text(std::string_view json, std::string_view name);

}  // namespace admit::bench

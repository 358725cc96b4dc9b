#pragma once
// The server under measurement: the real binary, as a process of its own.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace admit::bench {

class ServerProcess {
 public:
  /// Starts `binary serve --data DATA --listen 127.0.0.1:0` and waits until GET /healthz is answered. `settings`:
  /// environment variables beside the inherited ones. Throws std::runtime_error with what it printed when it ends
  /// first.
  ServerProcess(const std::string& binary, const std::string& data, const std::vector<std::string>& settings);
  /// Stops it.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] std::uint16_t port() const { return x_port; }
  /// From exec to the first answer.
  [[nodiscard]] double start_ms() const { return x_start_ms; }
  /// Resident memory, in units of 1,000,000 bytes.
  [[nodiscard]] double memory_mb() const;
  /// CPU time used since it started.
  [[nodiscard]] double cpu_s() const;
  /// Figures of /metrics without labels.
  [[nodiscard]] std::map<std::string, double> metrics() const;
  /// Asks it to end and waits; true if it ended with 0 within 20 seconds.
  bool stop();

 private:
  pid_t x_pid = -1;
  int x_output = -1;
  std::uint16_t x_port = 0;
  double x_start_ms = 0;
};

}  // namespace admit::bench

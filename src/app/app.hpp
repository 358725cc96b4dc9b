#pragma once
// Builds everything once, in order, and takes it down in the other.

#include <cstdint>
#include <memory>
#include <string>

#include "app/config.hpp"
#include "http/router.hpp"
#include "job/workers.hpp"
#include "payment/sandbox/sandbox.hpp"

namespace admit::app {

/// A running ticket office. Throws ConfigError or store::StoreUnavailable with a sentence for the operator when it cannot
/// be built.
class App {
 public:
  /// Opens the data folder, the keys and the listener; serves nothing before start().
  /// `clock` is the one clock of server and sandbox; the system's where empty.
  explicit App(const Config& config, job::Clock clock = {});
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  void start();
  /// Stops accepting, answers what was accepted, finishes the job in hand, commits, closes. Idempotent.
  void stop();

  /// `http://HOST:PORT` of the listener.
  [[nodiscard]] std::string base_url() const;
  [[nodiscard]] std::string public_url() const;

  // For the demo and for the command line, beside the running server.

  [[nodiscard]] engine::Lane& lane();
  [[nodiscard]] store::Store& store();
  /// Null unless configured.
  [[nodiscard]] payment::sandbox::Sandbox* sandbox();
  [[nodiscard]] domain::Instant now() const;
  [[nodiscard]] const http::Router& router() const;
  [[nodiscard]] domain::Meta meta(std::string actor) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> x_parts;
};

/// 128 fresh random bits.
[[nodiscard]] domain::Seed random_seed();
[[nodiscard]] domain::Instant system_now();

}  // namespace admit::app

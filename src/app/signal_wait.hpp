#pragma once

#include <csignal>

namespace admit::app {

/// Takes SIGINT and SIGTERM away from all threads begun after it, and waits for either. SIGPIPE is ignored.
class SignalWait {
 public:
  SignalWait() {
    std::signal(SIGPIPE, SIG_IGN);
    sigemptyset(&x_set);
    sigaddset(&x_set, SIGINT);
    sigaddset(&x_set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &x_set, nullptr);
  }
  void wait() const {
    int signal = 0;
    sigwait(&x_set, &signal);
  }

 private:
  sigset_t x_set;
};

}  // namespace admit::app

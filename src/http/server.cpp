#include "http/server.hpp"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <limits>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "http/exchange.hpp"
#include "http/tls.hpp"
#include "log/log.hpp"

namespace admit::http {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
using SteadyClock = std::chrono::steady_clock;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr auto no_error_thrown = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t first_buffer_bytes = 4 * 1024;
constexpr std::size_t spare_buffer_bytes = 4 * 1024;  // beyond the largest head: room to read a chunked body
constexpr std::size_t body_step_bytes = 64 * 1024;
constexpr std::size_t flush_above_bytes = 64 * 1024;
constexpr std::size_t linger_bytes = 1024 * 1024;
constexpr std::chrono::milliseconds linger_limit{2'000};
constexpr std::chrono::milliseconds accept_pause{50};
constexpr std::chrono::milliseconds drain_tick{10};
constexpr std::chrono::seconds credentials_tick{1};
constexpr std::size_t tls_step_bytes = 16 * 1024;
constexpr auto never = SteadyClock::time_point::max();

/// Counters of one route on one thread: written by that thread alone, read by any.
struct Counters {
  std::array<std::atomic<std::uint64_t>, 6> by_class{};
  std::array<std::atomic<std::uint64_t>, duration_bounds_s.size() + 1> by_duration{};
  std::atomic<std::uint64_t> nanoseconds{0};
};
void add(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

enum class Phase : std::uint8_t { idle, head, body, handling, writing, lingering };

class Connection;

/// What all threads of a server share.
struct Shared {
  ServerOptions options;
  ExchangeOptions exchange_options;
  const Router& router;
  std::optional<RateLimiter> limiter;
  std::optional<TlsCredentials> credentials;
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::mutex mutex;
  std::condition_variable finished;
  unsigned running = 0;
};

/// One I/O thread: everything in it is touched by that thread alone, but for the counters.
struct Worker {
  explicit Worker(Shared& in_shared) : shared(in_shared) {}

  Shared& shared;
  std::vector<Counters> counters;  // one a route and one for the rest, from the start on
  std::list<Connection*> connections;
  bool is_first = false;
  bool is_draining = false;
  std::time_t date_of = 0;
  std::array<char, 32> date{};
  std::size_t date_bytes = 0;
  asio::io_context context{1};
  Acceptor acceptor{context};
  Timer tick{context};
  std::thread thread;

  std::string_view now_text();
  void take(Socket socket);
  asio::awaitable<void> accept_loop();
  asio::awaitable<void> tick_loop();
  void accept_waiting();
  void drain();
  void drop_all();
  void forget(std::list<Connection*>::iterator at);
};

class Connection {
 public:
  Connection(Worker& worker, Socket socket)
      : x_worker(worker),
        x_socket(std::move(socket)),
        x_exchange(worker.shared.router, worker.shared.exchange_options),
        x_buffer(first_buffer_bytes) {
    worker.connections.push_front(this);
    x_at = worker.connections.begin();
    boost::system::error_code ignored;
    const auto peer = x_socket.remote_endpoint(ignored);
    if (!ignored) {
      const auto address = peer.address();
      x_peer = Peer{address.is_v4() ? Address::from_bytes(address.to_v4().to_bytes())
                                    : Address::from_bytes(address.to_v6().to_bytes())};
    }
    if (const auto& credentials = worker.shared.credentials) {
      x_tls = std::make_unique<TlsSession>(credentials->current());
      x_sealed_in.resize(tls_step_bytes);
    }
  }
  ~Connection() { x_worker.forget(x_at); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  static asio::awaitable<void> run(std::unique_ptr<Connection> self) {
    try {
      co_await self->serve();
    } catch (const std::exception& fault) {
      log::error("a connection failed", {{"what", fault.what()}});
    }
  }

  void look_at_clock(SteadyClock::time_point now) {
    if (now < x_deadline) return;
    x_deadline = never;
    x_is_late = true;
    cancel();
  }
  void drain() {
    if (x_phase == Phase::idle) cancel();
  }
  void drop() {
    x_is_late = true;
    boost::system::error_code ignored;
    x_socket.close(ignored);
  }

 private:
  enum class Input : std::uint8_t { got, ended, late };

  [[nodiscard]] const ServerOptions& options() const { return x_worker.shared.options; }
  [[nodiscard]] std::string_view unread() const { return {x_buffer.data() + x_begin, x_end - x_begin}; }

  void cancel() {
    boost::system::error_code ignored;
    x_socket.cancel(ignored);
  }
  void enter(Phase phase, std::chrono::milliseconds limit) {
    x_phase = phase;
    x_deadline = SteadyClock::now() + limit;
  }
  void enter(Phase phase) {
    x_phase = phase;
    x_deadline = never;
  }

  /// Room for at least one more byte of a head; no view into the buffer may be alive.
  void make_room() {
    if (x_begin == x_end) {
      x_begin = x_end = 0;
    } else if (x_begin > 0) {
      std::memmove(x_buffer.data(), x_buffer.data() + x_begin, x_end - x_begin);
      x_end -= x_begin;
      x_begin = 0;
    }
    const std::size_t most = options().max_header_bytes + spare_buffer_bytes;
    if (x_end == x_buffer.size() && x_buffer.size() < most) x_buffer.resize(std::min(x_buffer.size() * 2, most));
  }

  [[nodiscard]] Input judge(const boost::system::error_code& fault) {
    if (x_is_late) return Input::late;
    return fault ? Input::ended : Input::got;
  }

  /// Reads some plain bytes, whatever the connection is.
  asio::awaitable<std::tuple<boost::system::error_code, std::size_t>> read_some(char* into, std::size_t room) {
    if (!x_tls) co_return co_await x_socket.async_read_some(asio::buffer(into, room), no_error_thrown);
    while (true) {
      std::size_t got = 0;
      switch (x_tls->read(into, room, got)) {
        case TlsSession::Step::done:
          co_return std::tuple{boost::system::error_code{}, got};
        case TlsSession::Step::ended:
          co_return std::tuple{boost::system::error_code{asio::error::eof}, std::size_t{0}};
        case TlsSession::Step::failed:
          co_return std::tuple{boost::system::error_code{asio::error::connection_reset}, std::size_t{0}};
        case TlsSession::Step::more:
          break;
      }
      if (const auto fault = co_await exchange_sealed()) co_return std::tuple{fault, std::size_t{0}};
    }
  }

  /// TLS: sends what the session wants to say, then gives it what comes.
  asio::awaitable<boost::system::error_code> exchange_sealed() {
    x_tls->hand_out(x_sealed_out);
    if (const auto fault = co_await send_sealed()) co_return fault;
    const auto [fault, size] = co_await x_socket.async_read_some(asio::buffer(x_sealed_in), no_error_thrown);
    x_tls->take(x_sealed_in.data(), size);
    co_return fault;
  }
  asio::awaitable<boost::system::error_code> send_sealed() {
    std::size_t sent = 0;
    while (sent < x_sealed_out.size()) {
      const auto [fault, size] = co_await x_socket.async_write_some(
          asio::buffer(x_sealed_out.data() + sent, x_sealed_out.size() - sent), no_error_thrown);
      if (fault) co_return fault;
      sent += size;
    }
    x_sealed_out.clear();
    co_return boost::system::error_code{};
  }

  /// The handshake, within the time of a head. False when the connection is to end.
  asio::awaitable<bool> shake_hands() {
    enter(Phase::head, options().header_limit);
    while (true) {
      const auto step = x_tls->handshake();
      if (step == TlsSession::Step::done) {
        x_tls->hand_out(x_sealed_out);
        co_return !co_await send_sealed();
      }
      if (step != TlsSession::Step::more) {  // says why, if it can at once
        x_tls->hand_out(x_sealed_out);
        boost::system::error_code ignored;
        x_socket.write_some(asio::buffer(x_sealed_out), ignored);
        co_return false;
      }
      if (co_await exchange_sealed()) co_return false;
    }
  }

  /// What has already arrived, without waiting.
  bool read_waiting() {
    boost::system::error_code fault;
    x_socket.non_blocking(true, fault);
    char* const into = x_buffer.data() + x_end;
    const std::size_t room = x_buffer.size() - x_end;
    std::size_t size = 0;
    if (!x_tls) {
      size = x_socket.read_some(asio::buffer(into, room), fault);
      if (fault) return false;
    } else {
      while (true) {
        const auto step = x_tls->read(into, room, size);
        if (step == TlsSession::Step::done) break;
        if (step != TlsSession::Step::more) return false;
        const auto sealed = x_socket.read_some(asio::buffer(x_sealed_in), fault);
        if (fault || sealed == 0) return false;
        x_tls->take(x_sealed_in.data(), sealed);
      }
    }
    x_end += size;
    return size > 0;
  }

  /// What goes to the socket: with TLS, what is to be said is sealed first.
  std::string& outgoing() {
    if (!x_tls) return x_out;
    if (!x_out.empty()) {
      if (!x_tls->write(x_out)) x_is_broken = true;
      x_out = {};
    }
    x_tls->hand_out(x_sealed_out);
    return x_sealed_out;
  }

  /// Sends what it can at once; false when some is left (x_sent says how much is not).
  [[nodiscard]] bool flush_at_once() {
    auto& out = outgoing();
    while (x_sent < out.size()) {
      boost::system::error_code fault;
      const auto size = x_socket.write_some(asio::buffer(out.data() + x_sent, out.size() - x_sent), fault);
      if (fault == asio::error::would_block || fault == asio::error::try_again) return false;
      if (fault) {
        x_is_broken = true;
        break;
      }
      x_sent += size;
    }
    finish_flush();
    return true;
  }
  void finish_flush() {
    x_sent = 0;
    auto& out = x_tls ? x_sealed_out : x_out;
    if (out.capacity() > 2 * flush_above_bytes) {
      out = {};
    } else {
      out.clear();
    }
  }
  asio::awaitable<void> flush_slowly() {
    auto& out = outgoing();
    while (x_sent < out.size() && !x_is_broken) {
      enter(Phase::writing, options().write_limit);
      const auto [fault, size] =
          co_await x_socket.async_write_some(asio::buffer(out.data() + x_sent, out.size() - x_sent), no_error_thrown);
      x_sent += size;
      if (fault) x_is_broken = true;
    }
    finish_flush();
  }

  /// Reads the body the head announces. A fault to answer with, or none; Input::ended and ::late in `input`.
  asio::awaitable<wire::Fault> read_body(const wire::RequestHead& head, Input& input) {
    input = Input::got;
    enter(Phase::body, options().body_limit);
    if (head.is_chunked) {
      wire::ChunkDecoder decoder{x_exchange.body_limit_bytes()};
      const std::size_t floor = x_begin;  // the head lies below it and is still looked at
      while (true) {
        std::size_t used = 0;
        const auto progress = decoder.feed(unread(), used, x_body);
        x_begin += used;
        if (progress == wire::Progress::failed) co_return decoder.fault();
        if (progress == wire::Progress::done) break;
        x_begin = x_end = floor;
        const auto [fault, size] = co_await read_some(x_buffer.data() + x_end, x_buffer.size() - x_end);
        input = judge(fault);
        if (input != Input::got) co_return wire::Fault::none;
        x_end += size;
      }
      x_exchange.request.body = x_body;
      co_return wire::Fault::none;
    }
    const std::size_t size = *head.content_length;
    x_body.assign(unread());
    x_begin = x_end;
    while (x_body.size() < size) {
      const std::size_t have = x_body.size();
      x_body.resize(have + std::min(size - have, std::max(have, body_step_bytes)));
      const auto [fault, got] = co_await read_some(x_body.data() + have, x_body.size() - have);
      input = judge(fault);
      if (input != Input::got) co_return wire::Fault::none;
      x_body.resize(have + got);
    }
    x_exchange.request.body = x_body;
    co_return wire::Fault::none;
  }

  void count(int status, SteadyClock::time_point since) {
    const auto* const route = x_exchange.request.route;
    const auto took = SteadyClock::now() - since;
    auto& counters = x_worker.counters[route != nullptr ? route->index : x_worker.counters.size() - 1];
    add(counters.by_class[static_cast<std::size_t>(std::clamp(status / 100, 0, 5))]);
    const double seconds = std::chrono::duration<double>(took).count();
    std::size_t bucket = 0;
    while (bucket < duration_bounds_s.size() && seconds > duration_bounds_s[bucket]) ++bucket;
    add(counters.by_duration[bucket]);
    add(counters.nanoseconds, static_cast<std::uint64_t>(std::chrono::nanoseconds(took).count()));

    // Of a 503 whoever gives it tells; under load it is every request's.
    const auto level = status >= 500 && status != 503 ? log::Level::warning
                       : options().access_log         ? log::Level::info
                                                      : log::Level::debug;
    if (!log::enabled(level)) return;
    // The template, never the target: paths hold tickets.
    log::write(level, "request",
               {{"method", word(x_exchange.request.verb)},
                {"route", route != nullptr ? std::string_view{route->path_template} : "none"},
                {"status", status},
                {"ms", std::round(seconds * 1e6) / 1e3},
                log::request_id(x_exchange.request.request_id)});
  }

  void answer(Response& response, bool keep_alive, SteadyClock::time_point since) {
    const int before = response.problem ? response.problem->status : response.status;
    x_exchange.render(response, keep_alive, x_worker.now_text(), x_out);
    count(before, since);
  }

  /// Refuses what is no proper request; the connection ends with it.
  void refuse(Problem problem) {
    enter(Phase::handling);
    Response response{std::move(problem)};
    answer(response, false, SteadyClock::now());
  }

  asio::awaitable<void> serve() {
    boost::system::error_code ignored;
    x_socket.set_option(tcp::no_delay(true), ignored);
    x_socket.non_blocking(true, ignored);
    if (x_tls && !co_await shake_hands()) co_return;
    while (co_await serve_one()) {
    }
    if (!x_out.empty() && !flush_at_once()) co_await flush_slowly();
    if (!x_is_broken) co_await linger();
  }

  /// Waits for one head. False when the connection is to end.
  asio::awaitable<bool> read_head(wire::RequestHead& head) {
    const wire::HeadLimits limits{options().max_header_bytes, options().max_target_bytes, options().max_headers};
    std::size_t scanned = 0;
    bool may_skip_line = true;
    bool has_started = false;
    while (true) {
      if (may_skip_line && unread().starts_with("\r\n")) {  // RFC 9112 2.2: at least one empty line is let pass
        x_begin += 2;
        may_skip_line = false;
      }
      switch (wire::parse_request_head(unread(), limits, scanned, head, x_exchange.headers())) {
        case wire::Progress::done:
          co_return true;
        case wire::Progress::failed:
          x_exchange.clear();
          refuse(wire::problem_of(head.fault));
          co_return false;
        case wire::Progress::more:
          break;
      }
      if (!x_out.empty() && !flush_at_once()) co_await flush_slowly();
      if (x_is_broken) co_return false;
      make_room();
      if (unread().empty()) {
        if (x_worker.is_draining) {
          if (!read_waiting()) co_return false;
          continue;
        }
        enter(Phase::idle, options().idle_limit);
      } else if (!has_started) {
        has_started = true;
        enter(Phase::head, options().header_limit);
      }
      const auto [fault, size] = co_await read_some(x_buffer.data() + x_end, x_buffer.size() - x_end);
      x_end += size;
      switch (judge(fault)) {
        case Input::got:
          break;
        case Input::late:
          if (has_started) {
            x_exchange.clear();
            refuse({408, "request_timeout", "The request did not arrive in time."});
          }
          co_return false;
        case Input::ended:
          if (fault == asio::error::operation_aborted && x_worker.is_draining) break;  // looks once more, then ends
          co_return false;
      }
    }
  }

  /// One request from its first byte to its reply in x_out. False when the connection is to end.
  asio::awaitable<bool> serve_one() {
    x_exchange.clear();
    wire::RequestHead head;
    if (!co_await read_head(head)) co_return false;
    if (head.is_chunked && x_buffer.size() - x_begin - head.size_bytes < spare_buffer_bytes) {
      // Chunks are read behind the head: give them room while no view is alive, then look again.
      std::memmove(x_buffer.data(), x_buffer.data() + x_begin, x_end - x_begin);
      x_end -= x_begin;
      x_begin = 0;
      x_buffer.resize(std::max(x_buffer.size(), options().max_header_bytes + 2 * spare_buffer_bytes));
      std::size_t scanned = 0;
      const wire::HeadLimits limits{options().max_header_bytes, options().max_target_bytes, options().max_headers};
      if (wire::parse_request_head(unread(), limits, scanned, head, x_exchange.headers()) != wire::Progress::done) {
        co_return false;
      }
    }
    x_begin += head.size_bytes;
    const auto since = SteadyClock::now();
    enter(Phase::handling);

    std::optional<Response> response = x_exchange.open(head, x_peer);
    const std::size_t length = head.content_length.value_or(0);
    bool keep_alive = head.keep_alive;
    if (length > x_exchange.body_limit_bytes()) {
      refuse(wire::problem_of(wire::Fault::body_too_big));
      co_return false;
    }
    const bool has_body = head.is_chunked || length > 0;
    x_body.clear();
    if (has_body && !head.is_chunked && unread().size() >= length) {
      x_exchange.request.body = unread().substr(0, length);
      x_begin += length;
    } else if (has_body) {
      if (head.expects_continue && unread().empty()) {
        if (response) {  // no need for the body; and then none can be told from the next request
          answer(*response, false, since);
          co_return false;
        }
        x_out += "HTTP/1.1 100 Continue\r\n\r\n";
      }
      if (!x_out.empty() && !flush_at_once()) co_await flush_slowly();
      Input input = Input::got;
      const auto fault = co_await read_body(head, input);
      if (input == Input::late) refuse({408, "request_timeout", "The request did not arrive in time."});
      if (fault != wire::Fault::none) refuse(wire::problem_of(fault));
      if (input != Input::got || fault != wire::Fault::none) co_return false;
      enter(Phase::handling);
    }

    if (!response) response = x_exchange.check();
    if (!response) {
      const Handler& handler = x_exchange.request.route->handler;
      std::exception_ptr thrown;
      try {
        if (handler.is_sync()) {
          response.emplace(handler.call(x_exchange.request));
        } else {
          if (!x_out.empty() && !flush_at_once()) co_await flush_slowly();
          enter(Phase::handling);
          response.emplace(co_await handler.start(x_exchange.request));
        }
      } catch (...) {
        thrown = std::current_exception();
      }
      if (thrown) response = x_exchange.failed(thrown);
    }
    if (response->is_withheld) co_return false;
    if (x_worker.is_draining && unread().empty()) keep_alive = false;
    answer(*response, keep_alive, since);
    if (x_body.capacity() > body_step_bytes) x_body = {};
    if (x_out.size() > flush_above_bytes && !flush_at_once()) co_await flush_slowly();
    co_return keep_alive && !x_is_broken;
  }

  /// Closes so that the last reply is not lost to a reset: our side first, then what still comes is read away.
  asio::awaitable<void> linger() {
    if (x_phase == Phase::idle) co_return;  // nothing unread, nothing unsent
    boost::system::error_code fault;
    if (x_tls) {
      x_tls->close();
      x_tls->hand_out(x_sealed_out);
      x_socket.write_some(asio::buffer(x_sealed_out), fault);
    }
    x_socket.shutdown(Socket::shutdown_send, fault);
    if (fault) co_return;
    x_is_late = false;
    enter(Phase::lingering, linger_limit);
    std::size_t taken = 0;
    while (taken < linger_bytes) {
      const auto [ended, size] = co_await x_socket.async_read_some(asio::buffer(x_buffer), no_error_thrown);
      taken += size;
      if (ended) co_return;
    }
  }

  Worker& x_worker;
  Socket x_socket;
  Exchange x_exchange;
  std::vector<char> x_buffer;
  std::size_t x_begin = 0;
  std::size_t x_end = 0;
  std::string x_body;
  std::string x_out;
  std::size_t x_sent = 0;
  Peer x_peer;
  std::unique_ptr<TlsSession> x_tls;  // null: the connection is plain
  std::vector<char> x_sealed_in;
  std::string x_sealed_out;
  std::list<Connection*>::iterator x_at;
  SteadyClock::time_point x_deadline = never;
  Phase x_phase = Phase::idle;
  bool x_is_late = false;
  bool x_is_broken = false;
};

std::string_view Worker::now_text() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != date_of || date_bytes == 0) {
    date_of = now.tv_sec;
    std::tm parts{};
    gmtime_r(&date_of, &parts);
    date_bytes = std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return {date.data(), date_bytes};
}

void Worker::forget(std::list<Connection*>::iterator at) {
  connections.erase(at);
  shared.open.fetch_sub(1, std::memory_order_relaxed);
}

void Worker::take(Socket socket) {
  shared.accepted.fetch_add(1, std::memory_order_relaxed);
  if (shared.open.fetch_add(1, std::memory_order_relaxed) >= shared.options.max_connections) {
    shared.open.fetch_sub(1, std::memory_order_relaxed);
    shared.refused.fetch_add(1, std::memory_order_relaxed);
    // What has come already is read away, so that closing does not take the answer with it.
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    std::array<char, 4096> unread;
    socket.read_some(asio::buffer(unread), ignored);
    Exchange exchange{shared.router, shared.exchange_options};
    Problem problem{503, "too_many_connections", "All connections are taken; try again shortly."};
    problem.retry_after_s = 1;
    Response response{std::move(problem)};
    std::string out;
    exchange.render(response, false, now_text(), out);
    if (!shared.credentials) socket.write_some(asio::buffer(out), ignored);
    socket.shutdown(Socket::shutdown_both, ignored);
    return;
  }
  asio::co_spawn(context, Connection::run(std::make_unique<Connection>(*this, std::move(socket))), asio::detached);
}

void Worker::accept_waiting() {
  while (acceptor.is_open()) {
    boost::system::error_code fault;
    Socket socket{context};
    acceptor.accept(socket, fault);
    if (fault) return;
    take(std::move(socket));
  }
}

asio::awaitable<void> Worker::accept_loop() {
  Timer pause{context};
  while (acceptor.is_open()) {
    Socket socket{context};
    const auto [fault] = co_await acceptor.async_accept(socket, no_error_thrown);
    if (is_draining) {
      if (!fault) take(std::move(socket));
      co_return;
    }
    if (!fault) {
      take(std::move(socket));
      accept_waiting();
      continue;
    }
    if (fault == asio::error::operation_aborted) co_return;
    if (fault == asio::error::connection_aborted) continue;
    // Out of descriptors or memory: those that are open will give some back.
    log::warning("cannot accept a connection", {{"what", fault.message()}});
    pause.expires_after(accept_pause);
    co_await pause.async_wait(no_error_thrown);
  }
}

asio::awaitable<void> Worker::tick_loop() {
  auto look_at_files = SteadyClock::now() + credentials_tick;
  while (!(is_draining && connections.empty())) {
    tick.expires_after(is_draining ? std::min(drain_tick, shared.options.tick) : shared.options.tick);
    co_await tick.async_wait(no_error_thrown);
    const auto now = SteadyClock::now();
    if (is_first && shared.credentials && now >= look_at_files) {
      shared.credentials->reload_if_changed();
      look_at_files = now + credentials_tick;
    }
    for (auto* connection : connections) connection->look_at_clock(now);
  }
}

void Worker::drain() {
  if (is_draining) return;
  accept_waiting();
  is_draining = true;
  boost::system::error_code ignored;
  acceptor.close(ignored);
  for (auto* connection : connections) connection->drain();
  tick.cancel();
}

void Worker::drop_all() {
  for (auto* connection : connections) connection->drop();
}

}  // namespace

struct Server::Impl {
  Shared shared;
  std::vector<std::unique_ptr<Worker>> workers;
  std::uint16_t port = 0;
  bool is_started = false;

  Impl(ServerOptions options, const Router& router)
      : shared{.options = std::move(options),
               .exchange_options = {},
               .router = router,
               .limiter = {},
               .credentials = {},
               .mutex = {},
               .finished = {}} {
    shared.exchange_options.cors_origins = shared.options.cors_origins;
    shared.exchange_options.trusted_proxies = shared.options.trusted_proxies;
    shared.exchange_options.is_https = shared.options.is_https;
    shared.exchange_options.means_unavailable = shared.options.means_unavailable;
    if (shared.options.rate_limits) shared.limiter.emplace(*shared.options.rate_limits);
    if (!shared.options.tls_certificate_file.empty()) {
      shared.credentials.emplace(shared.options.tls_certificate_file, shared.options.tls_key_file);
    }
    listen();
  }

  void listen() {
    boost::system::error_code fault;
    const auto check = [&](std::string_view doing) {
      if (!fault) return;
      throw std::system_error(
          fault.value(), std::system_category(),
          "cannot " + std::string{doing} + " " + shared.options.host + ":" + std::to_string(shared.options.port));
    };
    asio::io_context context{1};
    tcp::endpoint endpoint;
    if (const auto address = asio::ip::make_address(shared.options.host, fault); !fault) {
      endpoint = {address, shared.options.port};
    } else {
      tcp::resolver resolver{context};
      fault = {};
      const auto found = resolver.resolve(shared.options.host, std::to_string(shared.options.port), fault);
      check("resolve");
      endpoint = *found.begin();
    }
    // SO_REUSEPORT lets our threads share the port, but would let a second server of ours share it too: so the
    // port is first taken without it.
    {
      tcp::acceptor probe{context};
      probe.open(endpoint.protocol(), fault);
      check("open a socket for");
      probe.set_option(tcp::acceptor::reuse_address(true), fault);
      probe.bind(endpoint, fault);
      check("bind");
      probe.listen(1, fault);
      check("listen on");
      endpoint.port(probe.local_endpoint().port());
    }
    port = endpoint.port();
    const unsigned threads = std::max(1u, shared.options.threads);
    for (unsigned i = 0; i < threads; ++i) {
      auto& worker = *workers.emplace_back(std::make_unique<Worker>(shared));
      worker.acceptor.open(endpoint.protocol(), fault);
      check("open a socket for");
      worker.acceptor.set_option(Acceptor::reuse_address(true), fault);
      check("configure");
      worker.acceptor.set_option(ReusePort(true), fault);
      check("configure");
      worker.acceptor.bind(endpoint, fault);
      check("bind");
      worker.acceptor.listen(4096, fault);
      check("listen on");
      worker.acceptor.non_blocking(true, fault);
      check("configure");
    }
  }

  void start() {
    is_started = true;
    shared.running = static_cast<unsigned>(workers.size());
    workers.front()->is_first = true;
    if (shared.limiter) {
      shared.exchange_options.limiter = &*shared.limiter;
      for (const auto& route : shared.router.routes()) {
        shared.exchange_options.classes.push_back(shared.options.rate_limits->class_of(*route));
      }
    }
    for (auto& worker : workers) {
      worker->counters = std::vector<Counters>(shared.router.routes().size() + 1);
      asio::co_spawn(worker->context, worker->accept_loop(), asio::detached);
      asio::co_spawn(worker->context, worker->tick_loop(), asio::detached);
      worker->thread = std::thread([this, raw = worker.get()] {
        while (true) {
          try {
            raw->context.run();
            break;
          } catch (const std::exception& fault) {
            log::error("an I/O thread caught an exception", {{"what", fault.what()}});
          }
        }
        const std::lock_guard lock{shared.mutex};
        --shared.running;
        shared.finished.notify_all();
      });
    }
  }

  bool stop(std::chrono::milliseconds limit) {
    if (!is_started) return true;
    is_started = false;
    for (auto& worker : workers) asio::post(worker->context, [raw = worker.get()] { raw->drain(); });
    const auto all_finished = [this] {
      return shared.running == 0;
    };
    std::unique_lock lock{shared.mutex};
    const bool clean = shared.finished.wait_for(lock, limit, all_finished);
    if (!clean) {
      lock.unlock();
      for (auto& worker : workers) asio::post(worker->context, [raw = worker.get()] { raw->drop_all(); });
      lock.lock();
      shared.finished.wait_for(lock, std::chrono::milliseconds{100}, all_finished);
    }
    lock.unlock();
    for (auto& worker : workers) worker->context.stop();
    for (auto& worker : workers) worker->thread.join();
    return clean;
  }
};

Server::Server(ServerOptions options, const Router& router)
    : x_impl(std::make_unique<Impl>(std::move(options), router)) {}

Server::~Server() {
  x_impl->stop(std::chrono::milliseconds{0});
}

std::uint16_t Server::port() const {
  return x_impl->port;
}

void Server::start() {
  x_impl->start();
}

bool Server::stop(std::chrono::milliseconds limit) {
  return x_impl->stop(limit);
}

ServerStats Server::stats() const {
  ServerStats out;
  const auto& shared = x_impl->shared;
  out.accepted = shared.accepted.load(std::memory_order_relaxed);
  out.refused = shared.refused.load(std::memory_order_relaxed);
  out.open = shared.open.load(std::memory_order_relaxed);
  if (shared.limiter) out.limited = shared.limiter->refused();
  const auto& routes = shared.router.routes();
  out.routes.resize(routes.size() + 1);
  for (std::size_t i = 0; i < out.routes.size(); ++i) {
    auto& into = out.routes[i];
    into.route = i < routes.size() ? routes[i].get() : nullptr;
    for (const auto& worker : x_impl->workers) {
      if (i >= worker->counters.size()) break;  // not started
      const auto& from = worker->counters[i];
      for (std::size_t c = 0; c < from.by_class.size(); ++c)
        into.by_class[c] += from.by_class[c].load(std::memory_order_relaxed);
      for (std::size_t b = 0; b < from.by_duration.size(); ++b) {
        into.by_duration[b] += from.by_duration[b].load(std::memory_order_relaxed);
      }
      into.duration_sum_s += static_cast<double>(from.nanoseconds.load(std::memory_order_relaxed)) / 1e9;
    }
  }
  return out;
}

}  // namespace admit::http

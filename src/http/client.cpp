#include "http/client.hpp"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <list>
#include <map>
#include <thread>

#include "http/wire.hpp"
#include "log/log.hpp"

namespace admit::http {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using TlsStream = asio::ssl::stream<tcp::socket>;
using SteadyClock = std::chrono::steady_clock;

constexpr auto no_error_thrown = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_step_bytes = 16 * 1024;
constexpr int max_interim_replies = 8;

struct Url {
  bool is_tls = false;
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
  std::string authority;
  std::string target;
};

std::optional<Url> parse_url(std::string_view text) {
  Url url;
  if (text.starts_with("https://")) {
    url.is_tls = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '#') return std::nullopt;
  }
  const auto path = std::min(text.find_first_of("/?"), text.size());
  auto authority = text.substr(0, path);
  url.authority = authority;
  url.target = text.substr(path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return std::nullopt;
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    url.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (url.host.empty() || url.host.size() > 253) return std::nullopt;
  url.port = url.is_tls ? 443 : 80;
  if (!port.empty()) {
    if (!port.starts_with(':') || port.size() < 2 || port.size() > 6) return std::nullopt;
    unsigned value = 0;
    for (char c : port.substr(1)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    if (value == 0 || value > 65535) return std::nullopt;
    url.port = static_cast<std::uint16_t>(value);
  }
  return url;
}

/// The head and body as sent; nullopt when a header could be read as two.
std::optional<std::string> message_of(const ClientRequest& request, const Url& url) {
  if (!wire::is_token(request.method)) return std::nullopt;
  std::string out = request.method + " " + url.target + " HTTP/1.1\r\n";
  bool has_host = false;
  bool has_agent = false;
  for (const auto& [name, value] : request.headers) {
    if (!wire::is_token(name) || value.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos) {
      return std::nullopt;
    }
    if (wire::same_text(name, "content-length") || wire::same_text(name, "transfer-encoding")) continue;
    has_host = has_host || wire::same_text(name, "host");
    has_agent = has_agent || wire::same_text(name, "user-agent");
    out += name + ": " + value + "\r\n";
  }
  if (!has_host) out += "Host: " + url.authority + "\r\n";
  if (!has_agent) out += "User-Agent: admit\r\n";
  const bool wants_length = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!request.body.empty() || wants_length) out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  out += "\r\n";
  out += request.body;
  return out;
}

bool is_repeatable(const ClientRequest& request) {
  return request.is_repeatable || request.method == "GET" || request.method == "HEAD" || request.method == "PUT" ||
         request.method == "DELETE";
}

/// One connection, plain or TLS.
struct Link {
  explicit Link(asio::io_context& context) : plain(context) {}
  tcp::socket plain;
  std::unique_ptr<TlsStream> tls;
  std::string buffer;
  SteadyClock::time_point idle_since{};

  tcp::socket& socket() { return tls ? tls->next_layer() : plain; }
  void close() {
    boost::system::error_code ignored;
    socket().close(ignored);
  }
  /// Whether the other side has closed it meanwhile, or said something nobody asked for.
  bool is_stale() {
    char byte = 0;
    const auto size = ::recv(socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size < 0) return errno != EAGAIN && errno != EWOULDBLOCK;
    return size == 0 || !tls;
  }
};

struct Done {
  boost::system::error_code fault;
  std::size_t size = 0;
};

asio::awaitable<Done> read_some(Link& link, asio::mutable_buffer into) {
  if (link.tls) {
    const auto [fault, size] = co_await link.tls->async_read_some(into, no_error_thrown);
    co_return Done{fault, size};
  }
  const auto [fault, size] = co_await link.plain.async_read_some(into, no_error_thrown);
  co_return Done{fault, size};
}

asio::awaitable<Done> write_some(Link& link, asio::const_buffer from) {
  if (link.tls) {
    const auto [fault, size] = co_await link.tls->async_write_some(from, no_error_thrown);
    co_return Done{fault, size};
  }
  const auto [fault, size] = co_await link.plain.async_write_some(from, no_error_thrown);
  co_return Done{fault, size};
}

bool is_special(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return !is_public(address.is_v4() ? Address::from_bytes(address.to_v4().to_bytes())
                                    : Address::from_bytes(address.to_v6().to_bytes()));
}

struct Origin {
  std::vector<std::unique_ptr<Link>> idle;
  std::size_t in_use = 0;
  std::list<asio::steady_timer*> waiters;
};

/// The time limit of one request: when it passes, or the client stops, whatever the request waits for is ended.
/// Shared with the timer's callback, which may be queued already when the request finishes.
struct Watch {
  explicit Watch(asio::io_context& context) : timer(context), resolver(context), turn(context) {}
  asio::steady_timer timer;
  tcp::resolver resolver;
  asio::steady_timer turn;  ///< waits for a free connection
  Link* link = nullptr;
  bool is_late = false;
  bool is_stopped = false;

  void abort() {
    resolver.cancel();
    turn.cancel();
    if (link != nullptr) link->close();
  }
};

void limit_until(const std::shared_ptr<Watch>& watch, SteadyClock::time_point until) {
  watch->timer.expires_at(until);
  watch->timer.async_wait([watch](const boost::system::error_code& fault) {
    if (fault) return;
    watch->is_late = true;
    watch->abort();
  });
}

}  // namespace

std::string_view word(ClientFault fault) {
  switch (fault) {
    case ClientFault::bad_request:
      return "bad_request";
    case ClientFault::not_connected:
      return "not_connected";
    case ClientFault::not_public:
      return "not_public";
    case ClientFault::bad_certificate:
      return "bad_certificate";
    case ClientFault::timed_out:
      return "timed_out";
    case ClientFault::reset:
      return "reset";
    case ClientFault::bad_reply:
      return "bad_reply";
    case ClientFault::too_big:
      return "too_big";
    case ClientFault::stopped:
      return "stopped";
  }
  return "";
}

std::optional<std::string_view> ClientReply::header(std::string_view name) const {
  for (const auto& entry : headers) {
    if (wire::same_text(entry.name, name)) return entry.value;
  }
  return std::nullopt;
}

/// Everything here runs on the client's one thread.
struct Client::Impl {
  ClientOptions options;
  asio::ssl::context tls{asio::ssl::context::tls_client};
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::map<std::string, Origin> origins;
  std::list<std::shared_ptr<Watch>> active;
  bool is_stopping = false;
  std::thread thread;

  /// The outcome of one try on one connection.
  struct Try {
    ClientResult result;
    bool got_nothing = false;  ///< not one byte of a reply
    bool can_keep = false;
  };

  explicit Impl(ClientOptions given) : options(std::move(given)) {
    tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                    asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    tls.set_verify_mode(asio::ssl::verify_peer);
    if (options.ca_file.empty()) {
      tls.set_default_verify_paths();
    } else {
      tls.load_verify_file(options.ca_file);
    }
    thread = std::thread([this] {
      while (true) {
        try {
          context.run();
          return;
        } catch (const std::exception& fault) {
          log::error("the client's thread caught an exception", {{"what", fault.what()}});
        }
      }
    });
  }

  ~Impl() {
    asio::post(context, [this] {
      is_stopping = true;
      for (auto& watch : active) {
        watch->is_stopped = true;
        watch->abort();
      }
      work.reset();
    });
    thread.join();
  }

  static ClientFailure failure(const Watch& watch, ClientFault otherwise, bool maybe_sent, const Url& url,
                               std::string_view what) {
    ClientFailure out{otherwise, maybe_sent, url.authority + ": " + std::string{what}};
    if (watch.is_late) {
      out.fault = ClientFault::timed_out;
      out.detail = url.authority + ": no answer in time";
    }
    if (watch.is_stopped) {
      out.fault = ClientFault::stopped;
      out.detail = url.authority + ": the client is stopping";
    }
    return out;
  }

  asio::awaitable<ClientResult> run(ClientRequest request) {
    const auto url = parse_url(request.url);
    if (!url) co_return std::unexpected(ClientFailure{ClientFault::bad_request, false, "the URL is malformed"});
    const auto message = message_of(request, *url);
    if (!message) {
      co_return std::unexpected(ClientFailure{ClientFault::bad_request, false, url->authority + ": malformed header"});
    }
    if (is_stopping) co_return std::unexpected(ClientFailure{ClientFault::stopped, false, url->authority});

    const auto watch = std::make_shared<Watch>(context);
    const auto at = active.insert(active.end(), watch);
    ClientResult result = co_await run_watched(std::move(request), *url, *message, watch);
    active.erase(at);
    watch->timer.cancel();
    co_return result;
  }

  asio::awaitable<ClientResult> run_watched(ClientRequest request, Url url, std::string message,
                                            std::shared_ptr<Watch> watch) {
    const auto deadline = SteadyClock::now() + request.total_limit;
    auto& origin = origins[(url.is_tls ? "https://" : "http://") + url.host + ":" + std::to_string(url.port)];
    limit_until(watch, deadline);
    while (origin.in_use >= options.max_connections_per_origin) {
      origin.waiters.push_back(&watch->turn);
      watch->turn.expires_at(SteadyClock::time_point::max());
      co_await watch->turn.async_wait(no_error_thrown);
      origin.waiters.remove(&watch->turn);
      if (watch->is_late || watch->is_stopped) {
        co_return std::unexpected(failure(*watch, ClientFault::timed_out, false, url, "all connections are taken"));
      }
    }
    ++origin.in_use;
    ClientResult result = co_await run_connected(std::move(request), url, std::move(message), watch, origin, deadline);
    --origin.in_use;
    watch->link = nullptr;
    if (!origin.waiters.empty()) {
      auto* const next = origin.waiters.front();
      origin.waiters.pop_front();
      next->cancel();
    }
    co_return result;
  }

  std::unique_ptr<Link> take_idle(Origin& origin) {
    const auto now = SteadyClock::now();
    while (!origin.idle.empty()) {
      auto link = std::move(origin.idle.back());
      origin.idle.pop_back();
      if (now - link->idle_since < options.keep_idle && !link->is_stale()) return link;
    }
    return nullptr;
  }

  asio::awaitable<ClientResult> run_connected(ClientRequest request, Url url, std::string message,
                                              std::shared_ptr<Watch> watch, Origin& origin,
                                              SteadyClock::time_point deadline) {
    auto link = take_idle(origin);
    const bool is_reused = link != nullptr;
    for (int tries = 0;; ++tries) {
      if (!link) {
        link = std::make_unique<Link>(context);
        watch->link = link.get();
        limit_until(watch, std::min(SteadyClock::now() + request.connect_limit, deadline));
        auto failed = co_await connect(*link, url, watch);
        if (failed) {
          watch->link = nullptr;
          co_return std::unexpected(std::move(*failed));
        }
        limit_until(watch, deadline);
      }
      watch->link = link.get();
      Try done = co_await exchange(*link, request, url, message, watch);
      watch->link = nullptr;
      if (done.result.has_value()) {
        if (done.can_keep && !is_stopping && origin.idle.size() < options.max_connections_per_origin) {
          link->idle_since = SteadyClock::now();
          origin.idle.push_back(std::move(link));
        }
        co_return std::move(done.result);
      }
      // A kept connection may have been closed at the very moment we wrote: once more on a fresh one, if that
      // cannot carry the request out twice.
      const bool may_repeat = !done.result.error().maybe_sent || is_repeatable(request);
      if (tries > 0 || !is_reused || !done.got_nothing || !may_repeat || watch->is_late || watch->is_stopped) {
        co_return std::move(done.result);
      }
      link.reset();
    }
  }

  asio::awaitable<std::optional<ClientFailure>> connect(Link& link, Url url, std::shared_ptr<Watch> watch) {
    boost::system::error_code fault;
    std::vector<tcp::endpoint> endpoints;
    const auto address = asio::ip::make_address(url.host, fault);
    const bool is_address = !fault;
    if (is_address) {
      endpoints.emplace_back(address, url.port);
    } else if (options.resolve) {
      for (const auto& found : options.resolve(url.host)) {
        endpoints.emplace_back(asio::ip::make_address(found.text()), url.port);
      }
    } else {
      const auto [unknown, found] =
          co_await watch->resolver.async_resolve(url.host, std::to_string(url.port), no_error_thrown);
      if (unknown || watch->is_late || watch->is_stopped) {
        co_return failure(*watch, ClientFault::not_connected, false, url, "name not found: " + unknown.message());
      }
      for (const auto& entry : found) endpoints.push_back(entry.endpoint());
    }
    if (options.public_only && std::erase_if(endpoints, is_special) > 0 && endpoints.empty()) {
      co_return failure(*watch, ClientFault::not_public, false, url, "its address is not a public one");
    }
    fault = asio::error::host_not_found;
    for (const auto& endpoint : endpoints) {
      boost::system::error_code ignored;
      link.plain.close(ignored);
      link.plain.open(endpoint.protocol(), fault);
      if (fault) continue;
      const auto [refused] = co_await link.plain.async_connect(endpoint, no_error_thrown);
      fault = refused;
      if (!fault || watch->is_late || watch->is_stopped) break;
    }
    if (fault || watch->is_late || watch->is_stopped) {
      co_return failure(*watch, ClientFault::not_connected, false, url, "cannot connect: " + fault.message());
    }
    boost::system::error_code ignored;
    link.plain.set_option(tcp::no_delay(true), ignored);
    if (!url.is_tls) co_return std::nullopt;

    link.tls = std::make_unique<TlsStream>(std::move(link.plain), tls);
    if (!is_address) SSL_set_tlsext_host_name(link.tls->native_handle(), url.host.c_str());
    link.tls->set_verify_callback(asio::ssl::host_name_verification(url.host), fault);
    const auto [untrusted] = co_await link.tls->async_handshake(asio::ssl::stream_base::client, no_error_thrown);
    if (!untrusted && !watch->is_late && !watch->is_stopped) co_return std::nullopt;
    const bool is_certificate = SSL_get_verify_result(link.tls->native_handle()) != X509_V_OK;
    co_return failure(*watch, is_certificate ? ClientFault::bad_certificate : ClientFault::not_connected, false, url,
                      "TLS handshake failed: " + untrusted.message());
  }

  /// Reads some more of the reply into the link's buffer; the fault, if any.
  static asio::awaitable<boost::system::error_code> read_more(Link& link) {
    const std::size_t have = link.buffer.size();
    link.buffer.resize(have + read_step_bytes);
    const auto done = co_await read_some(link, asio::buffer(link.buffer.data() + have, read_step_bytes));
    link.buffer.resize(have + done.size);
    co_return done.fault;
  }

  asio::awaitable<Try> exchange(Link& link, const ClientRequest& request, const Url& url, const std::string& message,
                                std::shared_ptr<Watch> watch) {
    Try out{ClientReply{}, true, false};
    link.buffer.clear();
    std::size_t sent = 0;
    bool write_failed = false;
    while (sent < message.size() && !write_failed) {
      const auto done = co_await write_some(link, asio::buffer(message.data() + sent, message.size() - sent));
      sent += done.size;
      write_failed = done.fault.failed();
    }
    if (write_failed && (sent == 0 || watch->is_late || watch->is_stopped)) {
      out.result = std::unexpected(failure(*watch, ClientFault::reset, sent > 0, url, "closed while sending"));
      co_return out;
    }
    // A write cut short may still have been answered (413 and close): so the reply is read in any case.
    ClientReply& reply = *out.result;
    wire::ResponseHead head;
    const wire::HeadLimits limits{options.max_header_bytes, 0, 200};
    std::vector<TextPair> headers;
    for (int interim = 0;; ++interim) {
      std::size_t scanned = 0;
      wire::Progress progress = wire::Progress::more;
      while ((progress = wire::parse_response_head(link.buffer, limits, scanned, head, headers)) ==
             wire::Progress::more) {
        const auto fault = co_await read_more(link);
        if (!link.buffer.empty()) out.got_nothing = false;
        if (fault) {
          out.result = std::unexpected(failure(*watch, ClientFault::reset, true, url, "closed before the reply"));
          co_return out;
        }
      }
      if (progress == wire::Progress::failed || (head.status < 200 && interim == max_interim_replies) ||
          head.status == 101) {
        out.result = std::unexpected(failure(*watch, ClientFault::bad_reply, true, url, "the reply is not HTTP/1.1"));
        co_return out;
      }
      if (head.status >= 200) break;
      link.buffer.erase(0, head.size_bytes);
    }
    reply.status = head.status;
    reply.headers.reserve(headers.size());
    for (const auto& [name, value] : headers) reply.headers.push_back({std::string{name}, std::string{value}});
    link.buffer.erase(0, head.size_bytes);

    const bool has_no_body = request.method == "HEAD" || head.status == 204 || head.status == 304;
    bool ends_with_connection = false;
    std::optional<ClientFault> bad;
    if (has_no_body) {
    } else if (head.is_chunked) {
      wire::ChunkDecoder decoder{request.max_reply_bytes};
      while (true) {
        std::size_t used = 0;
        const auto progress = decoder.feed(link.buffer, used, reply.body);
        link.buffer.erase(0, used);
        if (progress == wire::Progress::done) break;
        if (progress == wire::Progress::failed) {
          bad = decoder.fault() == wire::Fault::body_too_big ? ClientFault::too_big : ClientFault::bad_reply;
          break;
        }
        if (co_await read_more(link)) {
          bad = ClientFault::reset;
          break;
        }
      }
    } else if (head.content_length) {
      const std::uint64_t size = *head.content_length;
      if (size > request.max_reply_bytes) {
        bad = ClientFault::too_big;
      }
      while (!bad && link.buffer.size() < size) {
        if (co_await read_more(link)) bad = ClientFault::reset;
      }
      if (!bad) {
        reply.body.assign(link.buffer, 0, size);
        link.buffer.erase(0, size);
      }
    } else {
      ends_with_connection = true;
      while (!bad) {
        if (link.buffer.size() > request.max_reply_bytes) {
          bad = ClientFault::too_big;
          break;
        }
        const auto fault = co_await read_more(link);
        if (fault == asio::error::eof) break;
        if (fault) bad = ClientFault::reset;
      }
      reply.body = std::move(link.buffer);
      link.buffer = {};
    }
    if (bad) {
      const auto what = *bad == ClientFault::too_big ? "the reply is too big" : "the reply broke off";
      out.result = std::unexpected(failure(*watch, *bad, true, url, what));
      co_return out;
    }
    out.can_keep = head.keep_alive && !ends_with_connection && link.buffer.empty() && !write_failed &&
                   !watch->is_late && !watch->is_stopped;
    co_return out;
  }
};

Client::Client(ClientOptions options) : x_impl(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

asio::awaitable<ClientResult> Client::send(ClientRequest request) {
  co_return co_await asio::co_spawn(x_impl->context, x_impl->run(std::move(request)), asio::use_awaitable);
}

ClientResult Client::send_blocking(ClientRequest request) {
  return asio::co_spawn(x_impl->context, x_impl->run(std::move(request)), asio::use_future).get();
}

}  // namespace admit::http

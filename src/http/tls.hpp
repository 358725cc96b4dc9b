#pragma once
// The server's side of TLS 1.2 and 1.3, between bytes and bytes: no I/O, so that any socket can carry it.

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace admit::http {

/// A certificate (PEM, its chain behind it) and its key (PEM, without a password), read again when the files change.
class TlsCredentials {
 public:
  /// std::runtime_error, with a sentence for the operator, when they cannot be used.
  TlsCredentials(std::string certificate_file, std::string key_file);
  /// What new connections take. Any thread.
  [[nodiscard]] std::shared_ptr<SSL_CTX> current() const;
  /// Looks at the files' times, sizes and numbers; reads them where one differs. Files that cannot be used are told of
  /// once, and the old ones stay. One thread.
  void reload_if_changed();

 private:
  std::string x_certificate_file;
  std::string x_key_file;
  std::string x_seen;  // what the files looked like when they were last read
  mutable std::mutex x_mutex;
  std::shared_ptr<SSL_CTX> x_current;
};

/// One connection. Give it what comes from the network, send what it hands out.
class TlsSession {
 public:
  explicit TlsSession(std::shared_ptr<SSL_CTX> context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Step : std::uint8_t { done, more, ended, failed };

  void take(const char* bytes, std::size_t size);
  /// `more`: wants bytes from the network first.
  [[nodiscard]] Step handshake();
  /// Up to `room` bytes of what the other side said; `more` where nothing whole has come.
  [[nodiscard]] Step read(char* into, std::size_t room, std::size_t& got);
  /// False when the session is broken.
  [[nodiscard]] bool write(std::string_view plain);
  /// Says that nothing more will come.
  void close();
  /// Appends what is to be sent now.
  void hand_out(std::string& out);

 private:
  std::shared_ptr<SSL_CTX> x_context;
  std::unique_ptr<SSL, void (*)(SSL*)> x_ssl;
};

}  // namespace admit::http

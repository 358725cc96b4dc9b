#include "http/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <stdexcept>

#include "log/log.hpp"

namespace admit::http {
namespace {

/// Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
constexpr const char* tls12_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

std::string reason() {
  std::string out = "unknown";
  if (const auto code = ERR_peek_error(); code != 0) {
    if (const char* text = ERR_reason_error_string(code)) out = text;
  }
  ERR_clear_error();
  return out;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned int in_size,
                    void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, ours, sizeof ours - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

/// A key with a password would be asked for on the terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

std::shared_ptr<SSL_CTX> load(const std::string& certificate_file, const std::string& key_file) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  if (!context) throw std::runtime_error("TLS cannot be set up: " + reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context.get(), no_password);
  if (SSL_CTX_set_cipher_list(context.get(), tls12_ciphers) != 1) {
    throw std::runtime_error("TLS cannot be set up: " + reason());
  }
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    throw std::runtime_error(certificate_file + " is no usable certificate: " + reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error(key_file + " is no usable key of the certificate: " + reason());
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    throw std::runtime_error(key_file + " is not the key of " + certificate_file + ": " + reason());
  }
  return context;
}

std::string looks_of(const std::string& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return "none";
  return std::to_string(info.st_ino) + "/" + std::to_string(info.st_size) + "/" + std::to_string(info.st_mtim.tv_sec) +
         "." + std::to_string(info.st_mtim.tv_nsec);
}

}  // namespace

TlsCredentials::TlsCredentials(std::string certificate_file, std::string key_file)
    : x_certificate_file(std::move(certificate_file)),
      x_key_file(std::move(key_file)),
      x_seen(looks_of(x_certificate_file) + " " + looks_of(x_key_file)),
      x_current(load(x_certificate_file, x_key_file)) {}

std::shared_ptr<SSL_CTX> TlsCredentials::current() const {
  const std::lock_guard lock{x_mutex};
  return x_current;
}

void TlsCredentials::reload_if_changed() {
  const auto looks = looks_of(x_certificate_file) + " " + looks_of(x_key_file);
  if (looks == x_seen) return;
  x_seen = looks;
  try {
    auto fresh = load(x_certificate_file, x_key_file);
    const std::lock_guard lock{x_mutex};
    x_current = std::move(fresh);
  } catch (const std::runtime_error& fault) {
    log::warning("the new TLS certificate cannot be used; the old one stays", {{"what", fault.what()}});
    return;
  }
  log::info("took a new TLS certificate", {{"file", x_certificate_file}});
}

TlsSession::TlsSession(std::shared_ptr<SSL_CTX> context)
    : x_context(std::move(context)), x_ssl(SSL_new(x_context.get()), SSL_free) {
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  if (!x_ssl || in == nullptr || out == nullptr) throw std::bad_alloc();
  SSL_set_bio(x_ssl.get(), in, out);
  SSL_set_accept_state(x_ssl.get());
}

TlsSession::~TlsSession() = default;

void TlsSession::take(const char* bytes, std::size_t size) {
  BIO_write(SSL_get_rbio(x_ssl.get()), bytes, static_cast<int>(size));
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(x_ssl.get());
  if (result == 1) return Step::done;
  return SSL_get_error(x_ssl.get(), result) == SSL_ERROR_WANT_READ ? Step::more : Step::failed;
}

TlsSession::Step TlsSession::read(char* into, std::size_t room, std::size_t& got) {
  got = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(x_ssl.get(), into, room, &got);
  if (result == 1) return Step::done;
  switch (SSL_get_error(x_ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Step::more;
    case SSL_ERROR_ZERO_RETURN:
      return Step::ended;
    default:
      return Step::failed;
  }
}

bool TlsSession::write(std::string_view plain) {
  ERR_clear_error();
  while (!plain.empty()) {
    std::size_t done = 0;
    if (SSL_write_ex(x_ssl.get(), plain.data(), plain.size(), &done) != 1) return false;
    plain.remove_prefix(done);
  }
  return true;
}

void TlsSession::close() {
  ERR_clear_error();
  SSL_shutdown(x_ssl.get());
}

void TlsSession::hand_out(std::string& out) {
  BIO* const from = SSL_get_wbio(x_ssl.get());
  const std::size_t waiting = BIO_ctrl_pending(from);
  if (waiting == 0) return;
  const std::size_t have = out.size();
  out.resize(have + waiting);
  const int got = BIO_read(from, out.data() + have, static_cast<int>(std::min<std::size_t>(waiting, INT_MAX)));
  out.resize(have + static_cast<std::size_t>(std::max(got, 0)));
}

}  // namespace admit::http

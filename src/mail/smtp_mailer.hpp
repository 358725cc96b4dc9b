#pragma once
// SMTP by libcurl.

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "crypto/secret.hpp"
#include "domain/words.hpp"
#include "mail/mailer.hpp"

namespace admit::mail {

/// What an `smtp://` connection must become before anything is said on it.
ADMIT_WORDS(Starttls, required, none_)

struct SmtpOptions {
  /// `smtp://HOST[:PORT]` or `smtps://HOST[:PORT]` (TLS from the first byte); `/NAME` behind it is the name said in
  /// EHLO, else the machine's. No user, password or query in it.
  std::string url;
  std::string user;         ///< "": no sign-in
  crypto::Secret password;  ///< of `user`
  Starttls starttls = Starttls::required;
  std::string ca_file;  ///< PEM; "": the system's
  std::chrono::milliseconds connect_limit{10'000};
  std::chrono::milliseconds total_limit{60'000};    ///< of one call; twice that where a kept connection had ended
  std::size_t limit_bytes = std::size_t{20} << 20;  ///< of a mail, as it is sent
};

class SmtpMailer final : public Mailer {
 public:
  /// std::invalid_argument, with a sentence that names no secret, for options that cannot work: a URL that is none, a
  /// user without a password or the other way round, a password that would cross a network in clear.
  explicit SmtpMailer(SmtpOptions options);
  ~SmtpMailer() override;
  SmtpMailer(const SmtpMailer&) = delete;
  SmtpMailer& operator=(const SmtpMailer&) = delete;

  [[nodiscard]] std::expected<void, Failure> send(const Message& message) override;
  [[nodiscard]] std::expected<void, Failure> check() override;

 private:
  class Connection;
  [[nodiscard]] std::unique_ptr<Connection> take_connection();
  void keep_connection(std::unique_ptr<Connection> connection);

  SmtpOptions x_options;
  std::mutex x_mutex;
  std::vector<std::unique_ptr<Connection>> x_idle;  ///< kept open between mails, one for each call that ran at a time
};

}  // namespace admit::mail

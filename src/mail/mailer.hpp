#pragma once
// Sending, whatever is behind it. Calls block until the mail is taken or a time limit ends: workers make them, never a
// thread that serves requests.

#include <expected>
#include <string>

#include "domain/words.hpp"
#include "mail/message.hpp"

namespace admit::mail {

/// What to do about a mail that was not taken.
ADMIT_WORDS(Fault,
            temporary,  // try again later
            permanent,  // never: this mail or its recipient is refused
            settings,   // not this mail's fault: an operator must mend the server's settings; then try again
            away)       // nor this one: the server was not reached, or had no time; try again, however often
struct Failure {
  Fault fault{};
  int reply_code = 0;  ///< SMTP's, 0 where there was none
  /// One line of at most 200 characters, for the operator and the job's row. It may quote the recipient: keep it out of
  /// logs.
  std::string reason;
};

class Mailer {
 public:
  virtual ~Mailer() = default;
  /// Any thread. An answer lost at the very end means a mail that arrives twice with the same Message-ID when it is
  /// tried again; it never means one that is lost.
  [[nodiscard]] virtual std::expected<void, Failure> send(const Message& message) = 0;
  /// Goes all the way but for a mail: connects, secures, signs in. For `doctor`.
  [[nodiscard]] virtual std::expected<void, Failure> check() = 0;
};

}  // namespace admit::mail

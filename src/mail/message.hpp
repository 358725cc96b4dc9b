#pragma once
// One mail, and its text as it goes over the wire.

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "domain/instant.hpp"
#include "mail/address.hpp"

namespace admit::mail {

struct Attachment {
  std::string file_name;   ///< any script, at most 200 bytes
  std::string media_type;  ///< with its parameters: `application/pdf`, `text/calendar; charset=utf-8`
  std::string content;     ///< bytes
};

/// A mail to one person. Texts are UTF-8; `text` and `html` have line feeds as line ends.
struct Message {
  /// Names this mail: the same for every attempt to send it, so that a receiver can tell a repetition. 1 to 64 of
  /// A-Z a-z 0-9 . _ -
  std::string id;
  domain::Instant date{};
  Mailbox from;  ///< an address in ASCII
  std::optional<Mailbox> reply_to;
  Mailbox to;
  std::string subject;   ///< 1 to 800 bytes on one line
  std::string language;  ///< BCP 47, of the text; may be empty
  std::string text;
  std::string html;
  std::vector<Attachment> attachments;  ///< at most 50
};

inline constexpr std::size_t limit_body_bytes = 256 * 1024;  ///< of `text` and of `html`

/// The mail as RFC 5322 text with CRLF line ends and no line longer than 998 bytes: multipart/alternative of plain text
/// and HTML, inside multipart/mixed where there are attachments; `Auto-Submitted: auto-generated`. The same message
/// gives the same bytes. The error is a sentence that names the part at fault, without its content: an address or id
/// that is not one, a control character where none may be (so nothing can add a header), a limit passed.
[[nodiscard]] std::expected<std::string, std::string> compose(const Message& message);

/// The address as an envelope has it: its domain in ASCII (IDNA), so that only letters outside ASCII in the local part
/// need a server that takes them. For a mailbox that compose takes.
[[nodiscard]] std::string envelope_address(const Mailbox& mailbox);

}  // namespace admit::mail

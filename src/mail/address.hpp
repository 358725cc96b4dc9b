#pragma once
// E-mail addresses, as far as a sender must judge them.

#include <string>
#include <string_view>

namespace admit::mail {

/// Whom a mail is from or to.
struct Mailbox {
  std::string name;     ///< shown to people, any script, at most 256 bytes; may be empty
  std::string address;  ///< see is_address
  bool operator==(const Mailbox&) const = default;
};

/// True for `local@domain` that may stand in an envelope and a header as it is: at most 254 bytes, the local part a
/// dot-atom of at most 64 (RFC 5322 section 3.2.3), the domain of labels of letters, digits and inner hyphens of at
/// most
/// 63. Letters outside ASCII are taken in both (RFC 6531) where they are valid UTF-8 and neither controls nor spaces.
/// Quoted local parts and address literals are refused: nobody buys a ticket with one, and they are where parsers
/// differ.
[[nodiscard]] bool is_address(std::string_view text);

/// Printable ASCII and nothing else.
[[nodiscard]] bool is_plain(std::string_view text);

}  // namespace admit::mail

#pragma once
// Why a code was refused: closed, one word each, for the log. A person at the door is told one neutral word.

#include <cstdint>
#include <string_view>

namespace admit::token {

enum class Reason : std::uint8_t {
  not_a_code,     // none of the text forms
  unsigned_code,  // ids in clear text, which anybody could have written
  not_canonical,  // digits that no encoder writes
  wrong_length,
  unknown_version,
  unknown_profile,
  rotating_profile,  // profile 2, not admitted by this version
  compact_profile,   // profile 3, not admitted by this version
  reserved_flags,
  unknown_epoch,      // no sealing key of this epoch was ever made here
  missing_epoch_key,  // the epoch is known, the master key is not there
  wrong_epoch_key,    // the epoch is known, the master key is another one
  wrong_seal,
  wrong_nonce,
  unknown_signing_key,
  wrong_signature,
};

[[nodiscard]] std::string_view word(Reason reason);
/// One sentence for an operator.
[[nodiscard]] std::string_view sentence(Reason reason);
/// True if the seal could not be tried for want of a key: the ticket may still be admitted by signature and row, with
/// an alarm.
[[nodiscard]] constexpr bool seal_untried(Reason reason) {
  return reason == Reason::unknown_epoch || reason == Reason::missing_epoch_key || reason == Reason::wrong_epoch_key;
}

}  // namespace admit::token

#include "token/reason.hpp"

#include <utility>

namespace admit::token {

std::string_view word(Reason reason) {
  switch (reason) {
    case Reason::not_a_code:
      return "not_a_code";
    case Reason::unsigned_code:
      return "unsigned_code";
    case Reason::not_canonical:
      return "not_canonical";
    case Reason::wrong_length:
      return "wrong_length";
    case Reason::unknown_version:
      return "unknown_version";
    case Reason::unknown_profile:
      return "unknown_profile";
    case Reason::rotating_profile:
      return "rotating_profile";
    case Reason::compact_profile:
      return "compact_profile";
    case Reason::reserved_flags:
      return "reserved_flags";
    case Reason::unknown_epoch:
      return "unknown_epoch";
    case Reason::missing_epoch_key:
      return "missing_epoch_key";
    case Reason::wrong_epoch_key:
      return "wrong_epoch_key";
    case Reason::wrong_seal:
      return "wrong_seal";
    case Reason::wrong_nonce:
      return "wrong_nonce";
    case Reason::unknown_signing_key:
      return "unknown_signing_key";
    case Reason::wrong_signature:
      return "wrong_signature";
  }
  std::unreachable();
}

std::string_view sentence(Reason reason) {
  switch (reason) {
    case Reason::not_a_code:
      return "This is not a ticket code.";
    case Reason::unsigned_code:
      return "This code is unsigned: it holds ids in clear text, which anybody could have written.";
    case Reason::not_canonical:
      return "The digits of this code are not as an issuer writes them; it was damaged or made up.";
    case Reason::wrong_length:
      return "This code is too short or too long for a ticket.";
    case Reason::unknown_version:
      return "This code is of a version this server does not know.";
    case Reason::unknown_profile:
      return "This code is of a kind this server does not know.";
    case Reason::rotating_profile:
      return "This code is of the rotating kind (profile 2), which this server does not admit.";
    case Reason::compact_profile:
      return "This code is of the compact kind (profile 3), which this server does not admit.";
    case Reason::reserved_flags:
      return "This code sets flags that have no meaning.";
    case Reason::unknown_epoch:
      return "This code is sealed under an epoch this installation never had.";
    case Reason::missing_epoch_key:
      return "The seal cannot be opened: the master key is missing.";
    case Reason::wrong_epoch_key:
      return "The seal cannot be opened: the master key is not the one this epoch was made with.";
    case Reason::wrong_seal:
      return "The seal of this code is broken: it was changed or forged.";
    case Reason::wrong_nonce:
      return "The nonce of this code does not follow from its content.";
    case Reason::unknown_signing_key:
      return "This code is signed with a key that is not among the show's.";
    case Reason::wrong_signature:
      return "The signature of this code is wrong: it was changed or forged.";
  }
  std::unreachable();
}

}  // namespace admit::token

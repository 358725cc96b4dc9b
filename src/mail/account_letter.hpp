#pragma once
// The words of mails about an account, in the languages of letter.hpp.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mail/letter.hpp"

namespace admit::mail {

enum class AccountNews : std::uint8_t {
  verify_email,
  reset_password,
  change_email,
  email_changed,
  join_business,
  password_changed,
  password_reset,
  second_factor_on,
  second_factor_off,
  passkey_added,
  identity_linked
};

/// Texts may be empty, then what they say is left out; nothing needs to be cleaned or escaped before.
struct AccountMail {
  AccountNews news = AccountNews::verify_email;
  std::string name;               ///< to greet
  std::string business;           ///< join_business: who invites
  std::string email;              ///< email_changed: the new address
  std::string link;               ///< http:// or https://
  std::vector<std::string> ways;  ///< password_reset: what else signs in, by name
};
[[nodiscard]] Letter write_letter(const AccountMail& mail, std::string_view language);

}  // namespace admit::mail

#include "mail/account_letter.hpp"

#include <doctest/doctest.h>

#include <set>

namespace admit::mail {
namespace {

TEST_CASE("account letters: each kind has its words in each language, and its link where it has one") {
  std::set<std::string> subjects;
  for (const auto* language : {"en", "de", "fr", "es", "pl"}) {
    for (const auto news : {AccountNews::verify_email, AccountNews::reset_password, AccountNews::change_email,
                            AccountNews::email_changed, AccountNews::join_business, AccountNews::password_changed,
                            AccountNews::password_reset, AccountNews::second_factor_on, AccountNews::second_factor_off,
                            AccountNews::passkey_added, AccountNews::identity_linked}) {
      const auto letter = write_letter({.news = news,
                                        .name = "Ada <b>",
                                        .business = "The \r\nMill",
                                        .email = "new@example.org",
                                        .link = "https://tickets.example/account/verify#p=proof_1"},
                                       language);
      CHECK(letter.language == language);
      CHECK(subjects.insert(letter.subject).second);
      CHECK(letter.subject.find('\n') == std::string::npos);
      CHECK(letter.text.find("{}") == std::string::npos);
      CHECK(letter.html.find("<b>") == std::string::npos);
      const bool has_link = letter.text.find("#p=proof_1") != std::string::npos;
      const bool wants_link = news != AccountNews::email_changed && news < AccountNews::password_changed;
      CHECK(has_link == wants_link);
    }
  }
  CHECK(write_letter(AccountMail{}, "ja").language == "en");
}

TEST_CASE("account letters: after a reset what still signs in is named, where there is anything") {
  AccountMail mail{.news = AccountNews::password_reset, .ways = {"Phone", "Key\n<i>"}};
  for (const auto* language : {"en", "de", "fr", "es", "pl"}) {
    const auto letter = write_letter(mail, language);
    CHECK(letter.text.find("Phone, Key") != std::string::npos);
    CHECK(letter.html.find("<i>") == std::string::npos);
  }
  mail.ways.clear();
  CHECK(write_letter(mail, "en").text.find("still sign in") == std::string::npos);
}

TEST_CASE("account letters: the name of who invites is quoted, and nothing in it becomes a link") {
  const auto letter = write_letter({.news = AccountNews::join_business, .business = "PayPal: evil.example"}, "en");
  CHECK(letter.subject.find("\u201cPayPal: evil.\u2060example\u201d") != std::string::npos);
  CHECK(letter.text.find("\u201cPayPal: evil.\u2060example\u201d") != std::string::npos);
  CHECK(letter.text.find("evil.example") == std::string::npos);
  CHECK(letter.html.find("evil.example") == std::string::npos);
}

TEST_CASE("account letters: a link that is no web address is left out") {
  const auto letter = write_letter(AccountMail{.link = "javascript:alert(1)"}, "en");
  CHECK(letter.text.find("javascript") == std::string::npos);
  CHECK(letter.html.find("javascript") == std::string::npos);
}

}  // namespace
}  // namespace admit::mail

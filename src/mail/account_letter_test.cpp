#include "mail/account_letter.hpp"

#include <doctest/doctest.h>

#include <set>

namespace admit::mail {
namespace {

TEST_CASE("account letters: each kind has its words in each language, and its link where it has one") {
  std::set<std::string> subjects;
  for (const auto* language : {"en", "de", "fr", "es", "pl"}) {
    for (const auto news : {AccountNews::verify_email, AccountNews::reset_password, AccountNews::change_email,
                            AccountNews::email_changed, AccountNews::join_business}) {
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
      CHECK(has_link == (news != AccountNews::email_changed));
    }
  }
  CHECK(write_letter(AccountMail{}, "ja").language == "en");
}

TEST_CASE("account letters: a link that is no web address is left out") {
  const auto letter = write_letter(AccountMail{.link = "javascript:alert(1)"}, "en");
  CHECK(letter.text.find("javascript") == std::string::npos);
  CHECK(letter.html.find("javascript") == std::string::npos);
}

}  // namespace
}  // namespace admit::mail

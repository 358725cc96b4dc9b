#include "mail/smtp_mailer.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "mail/folder_mailer.hpp"

using namespace admit;
using namespace admit::mail;

namespace {

void construct(const char* url, const char* user = "", const char* password = "",
               Starttls starttls = Starttls::required) {
  SmtpMailer mailer{
      {.url = url, .user = user, .password = crypto::Secret{std::string_view{password}}, .starttls = starttls}};
}

Message plain_message() {
  return {.id = "job-1",
          .from = {.address = "tickets@example.com"},
          .to = {.address = "zoe@example.org"},
          .subject = "Your tickets",
          .text = "Hello\n",
          .html = "<p>Hello</p>\n"};
}

}  // namespace

TEST_CASE("smtp: options that can work") {
  CHECK_NOTHROW(construct("smtp://mail.example.com:587", "u", "p"));
  CHECK_NOTHROW(construct("smtps://mail.example.com/tickets.example", "u", "p", Starttls::none_));
  CHECK_NOTHROW(construct("smtp://127.0.0.1:1025", "u", "p", Starttls::none_));
  CHECK_NOTHROW(construct("smtp://[::1]:1025", "", "", Starttls::none_));
  CHECK_NOTHROW(construct("smtp://maildev:1025", "", "", Starttls::none_));
}

TEST_CASE("smtp: options that cannot are refused at once, without a secret in the sentence") {
  for (const char* url : {"", "mail.example.com:25", "http://mail.example.com", "file:///etc/passwd", "smtp://",
                          "smtp://a b", "smtp://u:hunter2@mail.example.com", "smtp://u@mail.example.com",
                          "smtp://mail.example.com?x=hunter2", "smtp://mail.example.com\r\nX"}) {
    CAPTURE(url);
    CHECK_THROWS_AS(construct(url), std::invalid_argument);
    try {
      construct(url, "u", "hunter2");
    } catch (const std::invalid_argument& fault) {
      CHECK(std::string{fault.what()}.find("hunter2") == std::string::npos);
    }
  }
  CHECK_THROWS_AS(construct("smtp://mail.example.com", "u"), std::invalid_argument);
  CHECK_THROWS_AS(construct("smtp://mail.example.com", "", "p"), std::invalid_argument);
  CHECK_THROWS_AS(construct("smtp://mail.example.com", "u", "p", Starttls::none_), std::invalid_argument);
}

TEST_CASE("smtp: a server that is not there is away, which is not the mail's fault") {
  SmtpMailer mailer{{.url = "smtp://127.0.0.1:1", .starttls = Starttls::none_}};
  const auto sent = mailer.send(plain_message());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().fault == Fault::away);
  CHECK(sent.error().reply_code == 0);
  CHECK_FALSE(sent.error().reason.empty());
  CHECK(mailer.check().error().fault == Fault::away);
}

TEST_CASE("smtp: a mail that is none, or too large, is never tried") {
  SmtpMailer mailer{{.url = "smtp://127.0.0.1:1", .starttls = Starttls::none_, .limit_bytes = 10'000}};
  auto message = plain_message();
  message.to.address = "zoe@example.org>\r\nRCPT TO:<x@y";
  CHECK(mailer.send(message).error().fault == Fault::permanent);
  message = plain_message();
  message.attachments = {{.file_name = "a", .media_type = "a/b", .content = std::string(10'000, 'x')}};
  CHECK(mailer.send(message).error().fault == Fault::permanent);
}

TEST_CASE("folder: a mail is a file that any mail program opens, a repetition the same file") {
  const auto folder = std::filesystem::temp_directory_path() / "admit_folder_mailer_test";
  std::filesystem::remove_all(folder);
  FolderMailer mailer{folder};
  REQUIRE(mailer.check());
  REQUIRE(mailer.send(plain_message()));
  REQUIRE(mailer.send(plain_message()));
  std::ifstream file{folder / "job-1.eml", std::ios::binary};
  CHECK(std::string{std::istreambuf_iterator<char>{file}, {}} == *compose(plain_message()));
  CHECK(std::distance(std::filesystem::directory_iterator{folder}, {}) == 1);
  auto message = plain_message();
  message.id = "../escape";
  CHECK(mailer.send(message).error().fault == Fault::permanent);
  std::filesystem::remove_all(folder);
  CHECK(mailer.check().error().fault == Fault::settings);
  CHECK(mailer.send(plain_message()).error().fault == Fault::temporary);
}

// mail_probe: sends what a test describes through the code of the server. Not part of it.
//
//   mail_probe check   --url U [--user U] [--starttls none] [--ca F]
//   mail_probe send    …the same… --to A [--name N] [--show T] [--kind K] [--language L] [--id I] [--pdf FILE]
//   mail_probe letters --folder DIR [--show T] [--name N]      every letter in every language, as HTML and text
//
// The password comes from MAIL_PROBE_PASSWORD. Prints `ok`, or `FAULT CODE REASON` and ends with 1.

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>

#include "mail/calendar.hpp"
#include "mail/folder_mailer.hpp"
#include "mail/smtp_mailer.hpp"
#include "mail/testing/sample.hpp"

namespace {

using namespace admit;
using Arguments = std::map<std::string, std::string>;

std::string get(const Arguments& arguments, const std::string& name, std::string otherwise = {}) {
  const auto found = arguments.find("--" + name);
  return found == arguments.end() ? std::move(otherwise) : found->second;
}

std::string read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>{file}, {}};
}

mail::OrderFacts order_of(const Arguments& arguments) {
  auto order = mail::testing::sample_order();
  order.show = get(arguments, "show", order.show);
  order.buyer = get(arguments, "name", order.buyer);
  return order;
}

mail::Message message_of(const Arguments& arguments) {
  const auto order = order_of(arguments);
  const auto kind = get(arguments, "kind", "order_confirmed");
  mail::Message message{.id = get(arguments, "id", "probe-1"),
                        .date = domain::from_unix_ms(1'795'284'000'000),
                        .from = {.name = "Lantern Concerts", .address = "tickets@example.com"},
                        .reply_to = mail::Mailbox{.address = "help@example.com"},
                        .to = {.name = order.buyer, .address = get(arguments, "to")}};
  for (auto& [name, letter] : mail::testing::sample_letters(order, get(arguments, "language", "en"))) {
    if (name != kind) continue;
    message.subject = letter.subject;
    message.language = letter.language;
    message.text = letter.text;
    message.html = letter.html;
  }
  if (const auto pdf = get(arguments, "pdf"); !pdf.empty()) {
    message.attachments.push_back(
        {.file_name = "Żółta kartka 1.pdf", .media_type = "application/pdf", .content = read_file(pdf)});
    const mail::CalendarEvent event{.uid = "registration-1@tickets.example",
                                    .written_at = message.date,
                                    .starts_at = message.date + std::chrono::hours{24},
                                    .ends_at = message.date + std::chrono::hours{26},
                                    .title = order.show,
                                    .place = order.venue,
                                    .link = "https://tickets.example/orders/1"};
    message.attachments.push_back(
        {.file_name = "show.ics", .media_type = calendar_media_type(event), .content = calendar_file(event)});
  }
  return message;
}

mail::SmtpOptions options_of(const Arguments& arguments) {
  const char* password = std::getenv("MAIL_PROBE_PASSWORD");
  return {
      .url = get(arguments, "url"),
      .user = get(arguments, "user"),
      .password = crypto::Secret{std::string_view{password == nullptr ? "" : password}},
      .starttls = get(arguments, "starttls", "required") == "none" ? mail::Starttls::none_ : mail::Starttls::required,
      .ca_file = get(arguments, "ca"),
      .connect_limit = std::chrono::seconds{5},
      .total_limit = std::chrono::milliseconds{std::stol(get(arguments, "limit_ms", "20000"))},
      .limit_bytes = std::stoul(get(arguments, "limit_bytes", "20000000"))};
}

int answer(const std::expected<void, mail::Failure>& done) {
  if (done) {
    std::cout << "ok\n";
    return 0;
  }
  std::cout << domain::word(done.error().fault) << ' ' << done.error().reply_code << ' ' << done.error().reason << '\n';
  return 1;
}

void write_letters(const Arguments& arguments) {
  const std::filesystem::path folder = get(arguments, "folder");
  for (const char* language : {"en", "de", "fr", "es", "pl"}) {
    for (const auto& [kind, letter] : mail::testing::sample_letters(order_of(arguments), language)) {
      std::ofstream{folder / (kind + "." + language + ".html")} << letter.html;
      std::ofstream{folder / (kind + "." + language + ".txt")} << letter.subject << "\n\n" << letter.text;
    }
  }
}

int run(const std::string& verb, const Arguments& arguments) {
  if (verb == "letters") {
    write_letters(arguments);
    return 0;
  }
  mail::SmtpMailer mailer{options_of(arguments)};
  if (verb == "check") return answer(mailer.check());
  if (verb != "send") throw std::invalid_argument("no such verb");
  const auto message = message_of(arguments);
  // Several on one connection, as a worker sends them.
  auto sent = mailer.send(message);
  for (long left = std::stol(get(arguments, "times", "1")); left > 1 && sent; --left) sent = mailer.send(message);
  return answer(sent);
}

}  // namespace

int main(int count, char** values) {
  try {
    Arguments arguments;
    for (int i = 2; i + 1 < count; i += 2) arguments[values[i]] = values[i + 1];
    return run(count > 1 ? values[1] : "", arguments);
  } catch (const std::exception& fault) {
    std::cout << "unusable 0 " << fault.what() << '\n';
    return 2;
  }
}

#include "mail/message.hpp"

#include <doctest/doctest.h>
#include <gmime/gmime.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace admit;
using namespace admit::mail;

namespace {

Message plain_message() {
  return {.id = "job-1",
          .date = domain::from_unix_ms(1'795'284'000'000),
          .from = {.name = "Lantern", .address = "tickets@example.com"},
          .to = {.name = "Zoë", .address = "zoe@example.org"},
          .subject = "Your tickets",
          .language = "en",
          .text = "Hello\n",
          .html = "<p>Hello</p>\n"};
}

struct Free {
  void operator()(GMimeMessage* mail) const { g_object_unref(mail); }
};
/// The text read back, by a parser that knows nothing of what was meant.
struct Parsed {
  std::unique_ptr<GMimeMessage, Free> mail;

  explicit Parsed(const std::string& text) {
    GMimeStream* stream = g_mime_stream_mem_new_with_buffer(text.data(), text.size());
    GMimeParser* parser = g_mime_parser_new_with_stream(stream);
    mail.reset(g_mime_parser_construct_message(parser, nullptr));
    g_object_unref(parser);
    g_object_unref(stream);
    REQUIRE(mail);
  }
  /// A header with its encoded words decoded one by one (the library's decoder stops at padding between two of them).
  [[nodiscard]] std::string header(const char* name) const {
    std::istringstream raw{g_mime_header_get_raw_value(
        g_mime_header_list_get_header(g_mime_object_get_header_list(GMIME_OBJECT(mail.get())), name))};
    std::string out;
    bool is_after_encoded = true;
    for (std::string word; raw >> word;) {
      const bool is_encoded = word.starts_with("=?");
      if (!(is_encoded && is_after_encoded) && !out.empty()) out += ' ';
      is_after_encoded = is_encoded;
      gchar* decoded = g_mime_utils_header_decode_text(nullptr, word.c_str());
      out += decoded;
      g_free(decoded);
    }
    return out;
  }
  [[nodiscard]] std::string subject() const { return header("Subject"); }
  [[nodiscard]] Mailbox mailbox(GMimeAddressType kind) const {
    InternetAddressList* list = g_mime_message_get_addresses(mail.get(), kind);
    REQUIRE(internet_address_list_length(list) == 1);
    InternetAddress* one = internet_address_list_get_address(list, 0);
    const std::string address = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one));
    const char* const headers[] = {"Sender", "From", "Reply-To", "To"};
    std::string name = header(headers[kind]);
    if (const std::string end = " <" + address + ">"; name.ends_with(end)) name.resize(name.size() - end.size());
    if (name == address || name.starts_with('"')) {
      const char* plain = internet_address_get_name(one);
      name = plain == nullptr ? "" : plain;
    }
    return {.name = name, .address = address};
  }
  /// Types of all leaves, from front to back, and their contents.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> leaves() const {
    std::vector<std::pair<std::string, std::string>> out;
    g_mime_message_foreach(
        mail.get(),
        [](GMimeObject*, GMimeObject* part, gpointer user) {
          if (!GMIME_IS_PART(part)) return;
          GMimeStream* stream = g_mime_stream_mem_new();
          g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(GMIME_PART(part)), stream);
          const GByteArray* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
          char* type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(part));
          static_cast<std::vector<std::pair<std::string, std::string>>*>(user)->emplace_back(
              type, std::string{reinterpret_cast<const char*>(bytes->data), bytes->len});
          g_free(type);
          g_object_unref(stream);
        },
        &out);
    return out;
  }
};

std::string composed(const Message& message) {
  const auto text = compose(message);
  REQUIRE_MESSAGE(text.has_value(), text.error());
  return *text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from < text.size();) {
    const auto end = text.find("\r\n", from);
    REQUIRE(end != std::string::npos);
    out.push_back(text.substr(from, end - from));
    from = end + 2;
  }
  return out;
}

std::size_t count_headers(const std::string& text) {
  std::size_t count = 0;
  for (const auto& line : lines_of(text)) {
    if (line.empty()) break;
    count += line.front() != ' ' && line.front() != '\t';
  }
  return count;
}

}  // namespace

TEST_CASE("message: a mail without attachments is text and HTML, read back as written") {
  auto message = plain_message();
  message.reply_to = Mailbox{.name = "Help", .address = "help@example.com"};
  message.text = "Zoë,\n.\n..dot\nFrom here on\n" + std::string(3000, 'x') + "\n";
  message.html = "<p>=3D ☂ " + std::string(2000, '=') + "</p>\n";
  const auto text = composed(message);
  for (const auto& line : lines_of(text)) {
    CHECK(line.size() <= 998);
    CHECK(line.find_first_of("\r\n") == std::string::npos);
  }
  CHECK(text.find("\nMessage-Id: <job-1@example.com>\r\n") != std::string::npos);
  CHECK(text.find("Date: Sat, 21 Nov 2026 18:00:00 +0000\r\n") != std::string::npos);
  CHECK(text.find("Auto-Submitted: auto-generated\r\n") != std::string::npos);
  CHECK(text.find("MIME-Version: 1.0\r\n") != std::string::npos);

  const Parsed read{text};
  CHECK(read.mailbox(GMIME_ADDRESS_TYPE_FROM) == message.from);
  CHECK(read.mailbox(GMIME_ADDRESS_TYPE_REPLY_TO) == *message.reply_to);
  CHECK(read.mailbox(GMIME_ADDRESS_TYPE_TO) == message.to);
  const auto leaves = read.leaves();
  REQUIRE(leaves.size() == 2);
  CHECK(leaves[0].first == "text/plain");
  CHECK(leaves[1].first == "text/html");
  const auto with_line_feeds = [](std::string body) {
    std::erase(body, '\r');
    return body;
  };
  CHECK(with_line_feeds(leaves[0].second) == message.text);
  CHECK(with_line_feeds(leaves[1].second) == message.html);
}

TEST_CASE("message: attachments keep every byte and any name") {
  auto message = plain_message();
  std::string all_bytes;
  for (int i = 0; i < 100'000; ++i) all_bytes += static_cast<char>(i * 7 + i / 256);
  message.attachments = {
      {.file_name = "Żółty bilet „1”; x=\"y\" 票.pdf", .media_type = "application/pdf", .content = all_bytes},
      {.file_name = "show.ics", .media_type = "text/calendar; charset=utf-8; method=PUBLISH", .content = "A\r\nB\r\n"},
      {.file_name = std::string(190, 'n') + ".pdf", .media_type = "application/pdf", .content = ""}};
  const auto text = composed(message);
  for (const auto& line : lines_of(text)) CHECK(line.size() <= 998);
  const Parsed read{text};
  const auto leaves = read.leaves();
  REQUIRE(leaves.size() == 5);
  CHECK(leaves[2].second == all_bytes);
  CHECK(leaves[3] == std::pair<std::string, std::string>{"text/calendar", "A\r\nB\r\n"});
  CHECK(leaves[4].second.empty());
  std::vector<std::string> names;
  g_mime_message_foreach(
      read.mail.get(),
      [](GMimeObject*, GMimeObject* part, gpointer user) {
        if (!GMIME_IS_PART(part) || !g_mime_part_is_attachment(GMIME_PART(part))) return;
        static_cast<std::vector<std::string>*>(user)->emplace_back(g_mime_part_get_filename(GMIME_PART(part)));
      },
      &names);
  CHECK(names ==
        std::vector<std::string>{message.attachments[0].file_name, "show.ics", message.attachments[2].file_name});
}

TEST_CASE("message: subject and names in any script and length come back as they were") {
  std::string long_name;
  while (long_name.size() < 250) long_name += "ß";
  for (const std::string subject :
       {"plain", "Zoë & Søren: “Łódź”", "مسرحية الليلة — تذاكرك", "東京公演のチケット、確かにお届けしました。",
        "👩‍👩‍👧‍👦🎟️🎟️🎟️", "=?utf-8?q?not=20encoded?=", "trailing backslash \\",
        "\"quoted\" (comment) <angle>, a@b; c:"}) {
    auto message = plain_message();
    message.subject = subject;
    message.to.name = subject;
    message.from.name = long_name;
    const auto text = composed(message);
    for (const auto& line : lines_of(text)) CHECK(line.size() <= 200);
    for (const char c : text) REQUIRE(static_cast<unsigned char>(c) < 0x80);
    const Parsed read{text};
    CHECK(read.subject() == subject);
    CHECK(read.mailbox(GMIME_ADDRESS_TYPE_TO) == message.to);
    CHECK(read.mailbox(GMIME_ADDRESS_TYPE_FROM) == message.from);
  }
  auto message = plain_message();
  message.subject.clear();
  while (message.subject.size() < 796) message.subject += "🎟";
  CHECK(Parsed{composed(message)}.subject() == message.subject);
}

TEST_CASE("message: no field can add a header") {
  const std::size_t headers = count_headers(composed(plain_message()));
  const auto is_refused = [](auto change) {
    auto message = plain_message();
    change(message);
    const auto text = compose(message);
    // The sentence does not repeat what it was given.
    return !text && text.error().find("evil") == std::string::npos;
  };
  for (const std::string_view end :
       {"\r\n", "\n", "\r", "\v", "\f", "\x01", "\x7F", "\xC2\x85", "\xE2\x80\xA8", "\xFF"}) {
    const std::string bad = "a" + std::string{end} + "Bcc: evil@example.com";
    CHECK(is_refused([&](Message& m) { m.subject = bad; }));
    CHECK(is_refused([&](Message& m) { m.to.name = bad; }));
    CHECK(is_refused([&](Message& m) { m.to.address = "zoe@example.org" + bad; }));
    CHECK(is_refused([&](Message& m) { m.from.name = bad; }));
    CHECK(is_refused([&](Message& m) { m.from.address = bad + "@example.org"; }));
    CHECK(is_refused([&](Message& m) { m.reply_to = Mailbox{.name = bad, .address = "a@b"}; }));
    CHECK(is_refused([&](Message& m) { m.id = bad; }));
    CHECK(is_refused([&](Message& m) { m.language = bad; }));
    CHECK(is_refused([&](Message& m) { m.attachments = {{.file_name = bad, .media_type = "a/b"}}; }));
    CHECK(is_refused([&](Message& m) { m.attachments = {{.file_name = "a", .media_type = "a/b; x=" + bad}}; }));
  }
  CHECK(is_refused([](Message& m) { m.subject = std::string{"a\0evil", 6}; }));
  CHECK(is_refused([](Message& m) { m.text = std::string{"a\0evil", 6}; }));
  CHECK(is_refused([](Message& m) { m.attachments = {{.file_name = "../evil", .media_type = "a/b"}}; }));

  // What looks like a header, where a line is allowed, stays in the body; in a name it stays a name.
  auto message = plain_message();
  message.text = "x\n\nBcc: evil@example.com\n";
  message.to.name = "Zoë>, evil@example.com, <";
  const auto text = composed(message);
  CHECK(count_headers(text) == headers);
  CHECK(Parsed{text}.mailbox(GMIME_ADDRESS_TYPE_TO) == message.to);
}

TEST_CASE("message: every limit is one") {
  const auto is_taken = [](auto change) {
    auto message = plain_message();
    change(message);
    return compose(message).has_value();
  };
  CHECK(is_taken([](Message& m) { m.id = std::string(64, 'i'); }));
  CHECK_FALSE(is_taken([](Message& m) { m.id = std::string(65, 'i'); }));
  CHECK_FALSE(is_taken([](Message& m) { m.id.clear(); }));
  CHECK(is_taken([](Message& m) { m.subject = std::string(800, 's'); }));
  CHECK_FALSE(is_taken([](Message& m) { m.subject = std::string(801, 's'); }));
  CHECK_FALSE(is_taken([](Message& m) { m.subject.clear(); }));
  CHECK(is_taken([](Message& m) { m.to.name = std::string(256, 'n'); }));
  CHECK_FALSE(is_taken([](Message& m) { m.to.name = std::string(257, 'n'); }));
  CHECK(is_taken([](Message& m) { m.text = std::string(limit_body_bytes, 't'); }));
  CHECK_FALSE(is_taken([](Message& m) { m.text = std::string(limit_body_bytes + 1, 't'); }));
  CHECK_FALSE(is_taken([](Message& m) { m.html.clear(); }));
  CHECK(is_taken([](Message& m) { m.attachments.resize(50, {.file_name = "a", .media_type = "a/b"}); }));
  CHECK_FALSE(is_taken([](Message& m) { m.attachments.resize(51, {.file_name = "a", .media_type = "a/b"}); }));
  for (const char* type : {"", "pdf", "/pdf", "application/", "application/ pdf", "a b/c"})
    CHECK_FALSE(is_taken([&](Message& m) { m.attachments = {{.file_name = "a", .media_type = type}}; }));
  CHECK_FALSE(is_taken([](Message& m) { m.from.address = "zoë@example.com"; }));
  CHECK(is_taken([](Message& m) { m.to.address = "zoë@bücher.example"; }));
}

TEST_CASE("message: the same message is the same text, another id another mail") {
  auto message = plain_message();
  message.attachments = {{.file_name = "a.pdf", .media_type = "application/pdf", .content = "%PDF"}};
  CHECK(composed(message) == composed(message));
  const auto first = composed(message);
  message.id = "job-2";
  CHECK(composed(message) != first);
}

TEST_CASE("message: an address in an envelope has its domain in ASCII") {
  CHECK(envelope_address({.address = "Zoe@Example.org"}) == "Zoe@Example.org");
  CHECK(envelope_address({.address = "zoe@bücher.example"}) == "zoe@xn--bcher-kva.example");
  CHECK(envelope_address({.address = "zoë@bücher.example"}) == "zoë@xn--bcher-kva.example");
  auto message = plain_message();
  message.to.address = "zoe@bücher.example";
  CHECK(composed(message).find("<zoe@xn--bcher-kva.example>") != std::string::npos);
}

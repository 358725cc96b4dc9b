#include "mail/message.hpp"

#include <gmime/gmime.h>

#include <algorithm>
#include <memory>
#include <new>
#include <string_view>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"
#include "mail/text.hpp"

namespace admit::mail {
namespace {

constexpr std::size_t limit_id_bytes = 64;
constexpr std::size_t limit_subject_bytes = 800;
constexpr std::size_t limit_name_bytes = 256;
constexpr std::size_t limit_file_name_bytes = 200;
constexpr std::size_t limit_media_type_bytes = 200;
constexpr std::size_t limit_attachments = 50;

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;
template <class T>
Owned<T> own(T* object) {
  if (object == nullptr) throw std::bad_alloc();
  return Owned<T>{object};
}

void start_library() {
  static const bool is_started = (g_mime_init(), true);
  static_cast<void>(is_started);
}

bool is_word(std::string_view text, std::string_view marks) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || marks.contains(c);
  });
}

/// What is wrong with the mailbox, "" if nothing.
std::string fault_of(const Mailbox& box, std::string_view what) {
  if (!is_address(box.address)) return std::string{what} += " is no e-mail address.";
  if (box.name.size() > limit_name_bytes || !is_clean(box.name, false))
    return std::string{"The name of "} += std::string{what} += " is too long or has a character that it may not have.";
  return {};
}

/// What is wrong with the message, "" if nothing.
std::string fault_of(const Message& message) {
  if (message.id.size() > limit_id_bytes || !is_word(message.id, "._-")) return "The mail's id is none.";
  if (!is_plain(message.from.address)) return "The sender's address has letters outside ASCII.";
  if (auto fault = fault_of(message.from, "The sender"); !fault.empty()) return fault;
  if (auto fault = fault_of(message.to, "The recipient"); !fault.empty()) return fault;
  if (message.reply_to) {
    if (auto fault = fault_of(*message.reply_to, "The address for replies"); !fault.empty()) return fault;
  }
  if (message.subject.empty() || message.subject.size() > limit_subject_bytes || !is_clean(message.subject, false))
    return "The subject is empty, too long or has a character that it may not have.";
  if (!message.language.empty() && (message.language.size() > 35 || !is_word(message.language, "-")))
    return "The language is no language tag.";
  if (message.text.empty() || message.html.empty()) return "The mail says nothing.";
  if (message.text.size() > limit_body_bytes || message.html.size() > limit_body_bytes) return "The mail is too long.";
  if (!is_clean(message.text, true) || !is_clean(message.html, true))
    return "The mail's text is no UTF-8 or has a control character.";
  if (message.attachments.size() > limit_attachments) return "The mail has too many attachments.";
  for (const Attachment& attachment : message.attachments) {
    if (attachment.file_name.empty() || attachment.file_name.size() > limit_file_name_bytes ||
        !is_clean(attachment.file_name, false) || attachment.file_name.contains('/') ||
        attachment.file_name.contains('\\'))
      return "The file name of an attachment is none.";
    const auto slash = attachment.media_type.find('/');
    const auto subtype_end = attachment.media_type.find(';');
    if (attachment.media_type.size() > limit_media_type_bytes || !is_plain(attachment.media_type) ||
        slash == std::string::npos || !is_word(attachment.media_type.substr(0, slash), "-") ||
        !is_word(std::string_view{attachment.media_type}.substr(0, subtype_end).substr(slash + 1), "-.+"))
      return "The media type of an attachment is none.";
  }
  return {};
}

/// Derived from the mail's id, so that a repetition is the same text. `=_` is in no encoded body.
std::string boundary(const Message& message, std::string_view which) {
  const auto digest = crypto::sha256(std::string{which} + message.id);
  return "=_" + crypto::hex(crypto::Bytes{digest}.first(16));
}

void set_content(GMimePart* part, std::string_view bytes, GMimeContentEncoding encoding) {
  const auto stream = own(g_mime_stream_mem_new_with_buffer(bytes.data(), bytes.size()));
  const auto content = own(g_mime_data_wrapper_new_with_stream(stream.get(), GMIME_CONTENT_ENCODING_DEFAULT));
  g_mime_part_set_content(part, content.get());
  g_mime_part_set_content_encoding(part, encoding);
}

Owned<GMimePart> body_part(const char* subtype, std::string_view text) {
  auto part = own(g_mime_part_new_with_type("text", subtype));
  g_mime_object_set_content_type_parameter(GMIME_OBJECT(part.get()), "charset", "utf-8");
  set_content(part.get(), text, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
  return part;
}

Owned<GMimePart> attached_part(const Attachment& attachment) {
  auto part = own(g_mime_part_new());
  const auto type = own(g_mime_content_type_parse(nullptr, attachment.media_type.c_str()));
  g_mime_object_set_content_type(GMIME_OBJECT(part.get()), type.get());
  g_mime_object_set_disposition(GMIME_OBJECT(part.get()), GMIME_DISPOSITION_ATTACHMENT);
  g_mime_part_set_filename(part.get(), attachment.file_name.c_str());
  set_content(part.get(), attachment.content, GMIME_CONTENT_ENCODING_BASE64);
  return part;
}

/// Text for a header: as it is where it is plain, else RFC 2047 words of whole characters. What looks like such a word
/// becomes one, so that it is read as it was written; the library would leave it.
std::string header_text(std::string_view text) {
  if (is_plain(text) && !text.contains("=?")) return std::string{text};
  constexpr std::size_t limit_word_bytes = 45;  // 60 in base64: a word is at most 75 long
  std::string out;
  while (!text.empty()) {
    std::size_t size = 0;
    while (size < text.size()) {
      const std::size_t next = character_size(text.substr(size));
      if (size + next > limit_word_bytes) break;
      size += next;
    }
    gchar* encoded = g_base64_encode(reinterpret_cast<const guchar*>(text.data()), size);
    if (!out.empty()) out += ' ';
    ((out += "=?utf-8?b?") += encoded) += "?=";
    g_free(encoded);
    text.remove_prefix(size);
  }
  return out;
}

void add_mailbox(GMimeMessage* mail, GMimeAddressType kind, const Mailbox& box) {
  const std::string name = header_text(box.name);
  g_mime_message_add_mailbox(mail, kind, name.empty() ? nullptr : name.c_str(), box.address.c_str());
}

}  // namespace

std::expected<std::string, std::string> compose(const Message& message) {
  if (auto fault = fault_of(message); !fault.empty()) return std::unexpected(std::move(fault));
  start_library();

  const auto mail = own(g_mime_message_new(TRUE));
  const std::unique_ptr<GDateTime, decltype(&g_date_time_unref)> date{
      g_date_time_new_from_unix_utc(domain::to_unix_ms(message.date) / 1000), &g_date_time_unref};
  if (!date) return std::unexpected("The mail's date is out of range.");
  g_mime_message_set_date(mail.get(), date.get());
  add_mailbox(mail.get(), GMIME_ADDRESS_TYPE_FROM, message.from);
  if (message.reply_to) add_mailbox(mail.get(), GMIME_ADDRESS_TYPE_REPLY_TO, *message.reply_to);
  add_mailbox(mail.get(), GMIME_ADDRESS_TYPE_TO, message.to);
  g_mime_message_set_subject(mail.get(), header_text(message.subject).c_str(), "utf-8");
  const std::string id = message.id + message.from.address.substr(message.from.address.find('@'));
  g_mime_message_set_message_id(mail.get(), id.c_str());
  const auto set_header = [&](const char* name, const char* value) {
    g_mime_object_set_header(GMIME_OBJECT(mail.get()), name, value, nullptr);
  };
  set_header("Auto-Submitted", "auto-generated");  // RFC 3834: no automatic answer wanted
  set_header("X-Auto-Response-Suppress", "All");   // the same, as Exchange reads it
  if (!message.language.empty()) set_header("Content-Language", message.language.c_str());

  const auto alternative = own(g_mime_multipart_new_with_subtype("alternative"));
  g_mime_multipart_set_boundary(alternative.get(), boundary(message, "alternative").c_str());
  g_mime_multipart_add(alternative.get(), GMIME_OBJECT(body_part("plain", message.text).get()));
  g_mime_multipart_add(alternative.get(), GMIME_OBJECT(body_part("html", message.html).get()));
  if (message.attachments.empty()) {
    g_mime_message_set_mime_part(mail.get(), GMIME_OBJECT(alternative.get()));
  } else {
    const auto mixed = own(g_mime_multipart_new_with_subtype("mixed"));
    g_mime_multipart_set_boundary(mixed.get(), boundary(message, "mixed").c_str());
    g_mime_multipart_add(mixed.get(), GMIME_OBJECT(alternative.get()));
    for (const Attachment& attachment : message.attachments)
      g_mime_multipart_add(mixed.get(), GMIME_OBJECT(attached_part(attachment).get()));
    g_mime_message_set_mime_part(mail.get(), GMIME_OBJECT(mixed.get()));
  }

  const std::unique_ptr<GMimeFormatOptions, decltype(&g_mime_format_options_free)> format{g_mime_format_options_new(),
                                                                                          &g_mime_format_options_free};
  g_mime_format_options_set_newline_format(format.get(), GMIME_NEWLINE_FORMAT_DOS);
  const auto stream = own(g_mime_stream_mem_new());
  if (g_mime_object_write_to_stream(GMIME_OBJECT(mail.get()), format.get(), stream.get()) < 0) throw std::bad_alloc();
  const GByteArray* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream.get()));
  return std::string{reinterpret_cast<const char*>(bytes->data), bytes->len};
}

std::string envelope_address(const Mailbox& mailbox) {
  if (is_plain(mailbox.address)) return mailbox.address;
  start_library();
  const auto address = own(internet_address_mailbox_new(nullptr, mailbox.address.c_str()));
  return internet_address_mailbox_get_idn_addr(INTERNET_ADDRESS_MAILBOX(address.get()));
}

}  // namespace admit::mail

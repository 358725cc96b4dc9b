#include "payment/webhook.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"

namespace admit::payment {

namespace {

constexpr std::size_t max_header_bytes = 4096;

struct SignatureHeader {
  std::string_view timestamp;
  std::int64_t unix_s = 0;
  std::vector<std::string_view> signatures;
};

std::optional<std::int64_t> read_unix_s(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr std::int64_t year_9999 = 253'402'300'799;
  if (error != std::errc{} || end != text.data() + text.size() || value <= 0 || value > year_9999) return std::nullopt;
  return value;
}

std::expected<SignatureHeader, WebhookFault> read_header(std::string_view text) {
  if (text.empty() || text.size() > max_header_bytes) return std::unexpected(WebhookFault::bad_header);
  SignatureHeader header;
  bool is_timestamp_good = true;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find(','));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) return std::unexpected(WebhookFault::bad_header);
    const auto key = pair.substr(0, equals);
    const auto value = pair.substr(equals + 1);
    if (key == "t") {
      is_timestamp_good = is_timestamp_good && header.timestamp.empty();
      header.timestamp = value;
    } else if (key == "v1") {
      header.signatures.push_back(value);
    }
  }
  const auto unix_s = read_unix_s(header.timestamp);
  if (!unix_s || !is_timestamp_good) return std::unexpected(WebhookFault::no_timestamp);
  if (header.signatures.empty()) return std::unexpected(WebhookFault::no_signature);
  header.unix_s = *unix_s;
  return header;
}

std::string signature_of(crypto::Bytes secret, std::string_view timestamp, std::string_view raw_body) {
  return crypto::hex(
      crypto::hmac_sha256(secret, {crypto::bytes_of(timestamp), crypto::bytes_of("."), crypto::bytes_of(raw_body)}));
}

bool is_blank(const crypto::Secret& secret) {
  return secret.text().find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

std::string_view word(WebhookFault fault) {
  switch (fault) {
    case WebhookFault::no_secret:
      return "no_secret";
    case WebhookFault::empty_body:
      return "empty_body";
    case WebhookFault::bad_header:
      return "bad_header";
    case WebhookFault::no_timestamp:
      return "no_timestamp";
    case WebhookFault::no_signature:
      return "no_signature";
    case WebhookFault::wrong_signature:
      return "wrong_signature";
    case WebhookFault::too_old:
      return "too_old";
  }
  return "";
}

WebhookVerifier::WebhookVerifier(std::vector<crypto::Secret> secrets, std::chrono::seconds tolerance)
    : x_secrets(std::move(secrets)), x_tolerance(tolerance) {
  if (tolerance < std::chrono::seconds{1}) throw std::invalid_argument("a webhook's tolerance must be 1 s at least");
  std::erase_if(x_secrets, is_blank);
}

std::expected<void, WebhookFault> WebhookVerifier::verify(std::string_view raw_body, std::string_view signature_header,
                                                          domain::Instant now) const {
  if (x_secrets.empty()) return std::unexpected(WebhookFault::no_secret);
  if (raw_body.empty()) return std::unexpected(WebhookFault::empty_body);
  const auto header = read_header(signature_header);
  if (!header) return std::unexpected(header.error());

  bool is_signed = false;
  for (const auto& secret : x_secrets) {
    const auto expected = signature_of(secret.bytes(), header->timestamp, raw_body);
    for (const auto given : header->signatures) is_signed |= crypto::constant_time_equal(expected, given);
  }
  if (!is_signed) return std::unexpected(WebhookFault::wrong_signature);

  const auto now_s = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch();
  if (now_s - std::chrono::seconds{header->unix_s} > x_tolerance) return std::unexpected(WebhookFault::too_old);
  return {};
}

std::string signature_header(crypto::Bytes secret, std::string_view raw_body, std::int64_t unix_s) {
  const auto timestamp = std::to_string(unix_s);
  return "t=" + timestamp + ",v1=" + signature_of(secret, timestamp, raw_body);
}

}  // namespace admit::payment

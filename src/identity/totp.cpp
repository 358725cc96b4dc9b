#include "identity/totp.hpp"

#include <algorithm>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"
#include "crypto/hmac_sha1.hpp"
#include "crypto/random.hpp"

namespace admit::identity {
namespace {

constexpr std::string_view rfc4648 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Without letters and digits that look alike.
constexpr std::string_view readable = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
constexpr std::size_t recovery_length = 10;

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

}  // namespace

std::array<std::uint8_t, totp_secret_bytes> make_totp_secret() {
  return crypto::random_bytes<totp_secret_bytes>();
}

std::string base32(crypto::Bytes bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const std::uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 5; count -= 5) out += rfc4648[bits >> (count - 5) & 31];
  }
  if (count > 0) out += rfc4648[bits << (5 - count) & 31];
  return out;
}

std::string totp_uri(crypto::Bytes secret, std::string_view issuer, std::string_view account) {
  const std::string from = percent_encoded(issuer);
  return "otpauth://totp/" + from + ":" + percent_encoded(account) + "?secret=" + base32(secret) + "&issuer=" + from;
}

std::string hotp(crypto::Bytes secret, std::uint64_t counter, int digits) {
  std::array<std::uint8_t, 8> message{};
  for (std::size_t at = 0; at < message.size(); ++at) message[at] = static_cast<std::uint8_t>(counter >> (56 - 8 * at));
  const auto mac = crypto::hmac_sha1(secret, message);
  const std::size_t offset = mac.back() & 15;
  std::uint32_t number = 0;
  for (std::size_t at = offset; at < offset + 4; ++at) number = number << 8 | mac[at];
  number &= 0x7FFFFFFF;
  std::string out(static_cast<std::size_t>(digits), '0');
  for (auto digit = out.rbegin(); digit != out.rend(); ++digit, number /= 10)
    *digit = static_cast<char>('0' + number % 10);
  return out;
}

std::int64_t totp_step(domain::Instant now) {
  return domain::to_unix_ms(now) / 1000 / totp_step_s;
}

std::optional<std::int64_t> totp_match(crypto::Bytes secret, std::string_view code, domain::Instant now) {
  std::optional<std::int64_t> found;
  for (const std::int64_t off : {-1, 1, 0}) {
    const std::int64_t step = totp_step(now) + off;
    if (step > 0 && crypto::constant_time_equal(hotp(secret, static_cast<std::uint64_t>(step)), code)) found = step;
  }
  return found;
}

RecoveryCodes make_recovery_codes() {
  RecoveryCodes out;
  for (std::size_t number = 0; number < recovery_code_count; ++number) {
    std::string code;
    for (const std::uint8_t byte : crypto::random_bytes<recovery_length>()) {
      if (code.size() == recovery_length / 2) code += '-';
      code += readable[byte % readable.size()];  // 32 letters: each is as likely
    }
    out.hashes.push_back(*recovery_hash(code));
    out.codes.push_back(std::move(code));
  }
  return out;
}

std::optional<std::string> recovery_hash(std::string_view code) {
  std::string letters;
  for (const char c : code.substr(0, 40)) {
    if (c == '-' || c == ' ') continue;
    letters += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  if (letters.size() != recovery_length || letters.find_first_not_of(readable) != std::string::npos)
    return std::nullopt;
  return crypto::base64url(crypto::sha256(letters));
}

}  // namespace admit::identity

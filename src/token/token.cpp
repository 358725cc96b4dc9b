#include "token/token.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <stdexcept>

#include "crypto/aes_gcm.hpp"
#include "token/digits.hpp"

namespace admit::token {

using crypto::Bytes;
using domain::Instant;
using domain::Uuid;

namespace {

enum class Profile : std::uint8_t { fixed = 1, rotating = 2, compact = 3 };

constexpr std::uint8_t version = 1;
constexpr std::uint8_t same_show_business = 1;
constexpr std::uint8_t payer_is_customer = 2;
constexpr std::uint8_t same_payee = 4;
constexpr std::uint8_t known_flags = same_show_business | payer_is_customer | same_payee;

constexpr std::size_t header_size = 44;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t id_size = 16;
constexpr std::size_t sealed_at = header_size + nonce_size + tag_size;
constexpr std::size_t sealed_limit = 6 * id_size;
constexpr std::size_t signature_size = 64;
constexpr std::size_t commitment_size = 16;
static_assert(sealed_at + sealed_limit + signature_size == size_limit_bytes);

/// What is signed begins with this, NUL included, so that no signature made for another purpose fits.
constexpr std::array<std::uint8_t, 14> purpose{'a', 'd', 'm', 'i', 't', '/', 't', 'o', 'k', 'e', 'n', '/', '1', 0};

/// Of a rotating code: `-`, four digits of the step, 39 of the value.
constexpr std::size_t rotating_suffix_size = 1 + 4 + 39;

constexpr std::chrono::sys_seconds first_second = std::chrono::sys_days{std::chrono::year{2020} / 1 / 1};
constexpr std::int64_t last_second = 0xFFFFFFFF;

std::int64_t seconds_of(Instant at) {
  return (std::chrono::floor<std::chrono::seconds>(at) - first_second).count();
}

/// Writes big-endian numbers and ids one after another.
class Writer {
 public:
  explicit Writer(std::uint8_t* at) : x_at(at) {}
  void number(std::uint64_t value, std::size_t size) {
    for (std::size_t i = size; i-- > 0;) *x_at++ = static_cast<std::uint8_t>(value >> (8 * i));
  }
  void id(Uuid value) {
    number(value.high, 8);
    number(value.low, 8);
  }
  [[nodiscard]] std::uint8_t* at() const { return x_at; }

 private:
  std::uint8_t* x_at;
};

class Reader {
 public:
  explicit Reader(const std::uint8_t* at) : x_at(at) {}
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | *x_at++;
    return value;
  }
  Uuid id() {
    const std::uint64_t high = number(8);
    return {high, number(8)};
  }

 private:
  const std::uint8_t* x_at;
};

std::uint8_t flags_of(const Claims& claims) {
  return static_cast<std::uint8_t>((claims.show_business == claims.ticket_business ? same_show_business : 0) |
                                   (claims.payer == claims.customer ? payer_is_customer : 0) |
                                   (claims.payee == claims.ticket_business ? same_payee : 0));
}

std::size_t sealed_size(std::uint8_t flags) {
  return sealed_limit -
         id_size * static_cast<std::size_t>(std::popcount(static_cast<std::uint8_t>(flags & known_flags)));
}

crypto::GcmNonce nonce_of(const EpochKeys& keys, Bytes header, Bytes plain) {
  const crypto::Digest digest = keys.nonce_key().sign({header, plain});
  crypto::GcmNonce nonce;
  std::copy_n(digest.begin(), nonce.size(), nonce.begin());
  return nonce;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> array_at(const std::uint8_t* at) {
  std::array<std::uint8_t, Size> out;
  std::copy_n(at, Size, out.begin());
  return out;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// Removes `prefix` (in lower case) from the front of `text`, in whatever case it stands there.
bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    if (lower(text[i]) != prefix[i]) return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

bool host_character(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' ||
         c == '[' || c == ']';
}

/// The part of a scanned text that should be digits: what stands behind our own URLs, else the text itself.
std::string_view payload_of(std::string_view text) {
  std::string_view rest = text;
  if (!take_prefix(rest, "https://") && !take_prefix(rest, "http://")) return text;
  const auto host_end = std::ranges::find_if_not(rest, host_character);
  if (host_end == rest.begin()) return text;
  rest.remove_prefix(static_cast<std::size_t>(host_end - rest.begin()));
  if (take_prefix(rest, "/v/") || take_prefix(rest, "/validateqrcode?encrypted_token=")) return rest;
  return text;
}

/// Ids as clear text: `TICKET#…|EVENT#…|USER#…` (also percent-encoded), or a bare UUID.
bool clear_text_id(std::string_view text) {
  for (const std::string_view kind : {"ticket", "event", "user", "reg"}) {
    std::string_view rest = text;
    if (take_prefix(rest, kind) && (rest.starts_with('#') || rest.starts_with("%23"))) return true;
  }
  return Uuid::parse(text).has_value();
}

std::string_view origin_of(std::string_view public_url) {
  std::string_view rest = public_url;
  if (!take_prefix(rest, "https://") && !take_prefix(rest, "http://")) {
    throw std::logic_error("the public URL must begin with http:// or https://");
  }
  const auto end = std::min(rest.find_first_of("/?#"), rest.size());
  return public_url.substr(0, public_url.size() - rest.size() + end);
}

}  // namespace

Instant expiry_for(Instant last_window_until) {
  const std::int64_t seconds = seconds_of(last_window_until + std::chrono::days{400});
  return first_second + std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, last_second)};
}

std::string issue(const Claims& claims, const crypto::SigningKey& show_key, const EpochKeys& keys) {
  const std::int64_t expiry = seconds_of(claims.expires_at);
  if (claims.epoch != keys.epoch()) throw std::logic_error("a token is issued under the keys of its own epoch");
  if (expiry < 0 || expiry > last_second)
    throw std::logic_error("a token's expiry lies between the years 2020 and 2156");

  std::array<std::uint8_t, purpose.size() + size_limit_bytes> buffer;
  std::ranges::copy(purpose, buffer.begin());
  std::uint8_t* const token = buffer.data() + purpose.size();
  const std::uint8_t flags = flags_of(claims);

  Writer header{token};
  header.number(version << 4 | static_cast<unsigned>(Profile::fixed), 1);
  header.number(claims.key_number, 1);
  header.number(claims.epoch, 1);
  header.number(flags, 1);
  header.number(claims.sequence, 2);
  header.number(claims.tier_index, 2);
  header.number(static_cast<std::uint64_t>(expiry), 4);
  header.id(claims.ticket_id.value);
  header.id(claims.show_id.value);

  std::array<std::uint8_t, sealed_limit> plain;
  Writer content{plain.data()};
  content.id(claims.ticket_business.value);
  content.id(claims.customer.value);
  content.id(claims.transaction.value);
  if (!(flags & same_show_business)) content.id(claims.show_business.value);
  if (!(flags & payer_is_customer)) content.id(claims.payer.value);
  if (!(flags & same_payee)) content.id(claims.payee.value);

  const std::size_t size = sealed_size(flags);
  const Bytes associated{token, header_size};
  const crypto::GcmNonce nonce = nonce_of(keys, associated, {plain.data(), size});
  const crypto::GcmTag tag =
      crypto::gcm_seal(keys.seal_key(), nonce, associated, {plain.data(), size}, {token + sealed_at, size});
  std::ranges::copy(tag, std::ranges::copy(nonce, token + header_size).out);

  const std::size_t signed_size = sealed_at + size;
  const crypto::Signature signature = show_key.sign({buffer.data(), purpose.size() + signed_size});
  std::ranges::copy(signature, token + signed_size);

  std::string digits;
  digits.reserve(size_limit_bytes * 17 / 7 + 2);
  detail::append_digits(digits, {token, signed_size + signature_size});
  return digits;
}

std::string Token::digits() const {
  std::string out;
  detail::append_digits(out, bytes());
  return out;
}

Outcome<Token> parse(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  if (text.size() > text_limit_bytes) return std::unexpected(Reason::not_a_code);
  text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
  text = text.substr(0, text.find_last_not_of(space) + 1);

  std::string_view digits = payload_of(text);
  if (clear_text_id(digits)) return std::unexpected(Reason::unsigned_code);
  bool rotating_value = false;
  if (const auto dash = digits.find('-'); dash != std::string_view::npos) {
    const std::string_view suffix = digits.substr(dash);
    if (suffix.size() != rotating_suffix_size || !detail::all_digits(suffix.substr(1)))
      return std::unexpected(Reason::not_a_code);
    digits = digits.substr(0, dash);
    rotating_value = true;
  }
  if (digits.empty() || !detail::all_digits(digits)) return std::unexpected(Reason::not_a_code);

  std::array<std::uint8_t, size_limit_bytes + commitment_size> bytes;
  const auto size = detail::read_digits(digits, bytes);
  if (!size) return std::unexpected(size.error());
  auto token = parse_bytes({bytes.data(), *size});
  if (token && rotating_value) return std::unexpected(Reason::not_a_code);
  return token;
}

Outcome<Token> parse_bytes(Bytes bytes) {
  if (bytes.empty()) return std::unexpected(Reason::wrong_length);
  if (bytes[0] >> 4 != version) return std::unexpected(Reason::unknown_version);
  switch (Profile{static_cast<std::uint8_t>(bytes[0] & 15)}) {
    case Profile::fixed:
      break;
    case Profile::rotating:
      return std::unexpected(Reason::rotating_profile);
    case Profile::compact:
      return std::unexpected(Reason::compact_profile);
    default:
      return std::unexpected(Reason::unknown_profile);
  }
  if (bytes.size() < header_size) return std::unexpected(Reason::wrong_length);
  const std::uint8_t flags = bytes[3];
  // Bit 3, a rotating value required, has no meaning here: a token of profile 1 commits to no values.
  if ((flags & ~known_flags) != 0) return std::unexpected(Reason::reserved_flags);
  if (bytes.size() != sealed_at + sealed_size(flags) + signature_size) return std::unexpected(Reason::wrong_length);

  Token token;
  std::ranges::copy(bytes, token.x_bytes.begin());
  token.x_size = bytes.size();
  Reader header{bytes.data() + 1};
  token.x_header.key_number = static_cast<std::uint8_t>(header.number(1));
  token.x_header.epoch = static_cast<std::uint8_t>(header.number(1));
  (void)header.number(1);
  token.x_header.sequence = static_cast<std::uint16_t>(header.number(2));
  token.x_header.tier_index = static_cast<std::uint16_t>(header.number(2));
  token.x_header.expires_at = first_second + std::chrono::seconds{static_cast<std::int64_t>(header.number(4))};
  token.x_header.ticket_id = {header.id()};
  token.x_header.show_id = {header.id()};
  return token;
}

Outcome<Claims> open(const Token& token, const KeyRing& ring) {
  const EpochKeys* keys = ring.epoch(token.header().epoch);
  if (keys == nullptr) {
    const auto state = ring.state(token.header().epoch);
    if (!state) return std::unexpected(Reason::unknown_epoch);
    return std::unexpected(*state == EpochState::missing_key ? Reason::missing_epoch_key : Reason::wrong_epoch_key);
  }
  const std::uint8_t* const bytes = token.bytes().data();
  const Bytes header{bytes, header_size};
  const std::uint8_t flags = bytes[3];
  const std::size_t size = sealed_size(flags);
  const auto nonce = array_at<nonce_size>(bytes + header_size);
  const auto tag = array_at<tag_size>(bytes + header_size + nonce_size);

  std::array<std::uint8_t, sealed_limit> plain;
  if (!crypto::gcm_open(keys->seal_key(), nonce, header, {bytes + sealed_at, size}, tag, {plain.data(), size})) {
    return std::unexpected(Reason::wrong_seal);
  }
  if (!crypto::constant_time_equal(nonce, nonce_of(*keys, header, {plain.data(), size}))) {
    return std::unexpected(Reason::wrong_nonce);
  }

  Claims claims{token.header()};
  Reader content{plain.data()};
  claims.ticket_business = {content.id()};
  claims.customer = {content.id()};
  claims.transaction = {content.id()};
  claims.show_business = flags & same_show_business ? claims.ticket_business : domain::BusinessId{content.id()};
  claims.payer = flags & payer_is_customer ? claims.customer : domain::UserId{content.id()};
  claims.payee = flags & same_payee ? claims.ticket_business : domain::BusinessId{content.id()};
  if (flags_of(claims) != flags) return std::unexpected(Reason::not_canonical);
  return claims;
}

Outcome<void> verify(const Token& token, const crypto::PublicKey& key) {
  const std::size_t signed_size = token.bytes().size() - signature_size;
  std::array<std::uint8_t, purpose.size() + size_limit_bytes> message;
  std::ranges::copy(token.bytes().first(signed_size), std::ranges::copy(purpose, message.begin()).out);
  const auto signature = array_at<signature_size>(token.bytes().data() + signed_size);
  if (!crypto::verify_signature(key, {message.data(), purpose.size() + signed_size}, signature)) {
    return std::unexpected(Reason::wrong_signature);
  }
  return {};
}

Outcome<void> verify(const Token& token, std::span<const ShowPublicKey> keys) {
  const Header& header = token.header();
  const auto found = std::ranges::find_if(
      keys, [&](const ShowPublicKey& key) { return key.show_id == header.show_id && key.number == header.key_number; });
  if (found == keys.end()) return std::unexpected(Reason::unknown_signing_key);
  return verify(token, found->key);
}

std::string qr_text(std::string_view public_url, std::string_view digits) {
  std::string text{origin_of(public_url)};
  std::ranges::transform(text, text.begin(), upper);
  text += "/V/";
  text += digits;
  return text;
}

std::string compat_url(std::string_view public_url, std::string_view digits) {
  std::string url{origin_of(public_url)};
  url += "/validateQRcode?encrypted_token=";
  url += digits;
  return url;
}

}  // namespace admit::token

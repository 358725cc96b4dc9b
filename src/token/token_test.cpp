#include "token/token.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "crypto/aes_gcm.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "token/digits.hpp"
#include "token/show_key.hpp"

using namespace admit;
using namespace admit::token;

namespace {

using domain::Uuid;

// Both tokens were computed by an independent implementation (Python, hashlib and cryptography) from the same keys.
constexpr std::string_view usual_token =
    "047883775514383360198488452445416104803839602528529048038396025285290960767920505705809607679205057058096082"
    "745096309845249416725071725127894021999818937234465423771172152059762334398541225532585401121060687307443703"
    "112500053263228274414943682919520012463265176400874392764451849627530949159251292567416108569826425285591512"
    "129595063231710106351737900301204338428615002038051116508118638070864095975116728170022440895942428871906897"
    "099310637256329";
constexpr std::string_view full_token =
    "047883774339978240198488452445416104803839602528529048038396025285290960767920505705809607679205057058096081"
    "478686423464107966285142128942562345892744866164215734658011540645360423371693326311472550027817643876288064"
    "268584889046935378870946929635409229775534368930751803180013379218898101225293106508746498633783553718150780"
    "504161874682489236845511670394530423184831795241854299633315642852009093447813543595148341776302519507190336"
    "601190699263221993039333853123132219042542974122166951351653057479839709892531541993955812323890859929274623"
    "172732421081900566673001";

crypto::Secret test_master(std::uint8_t first = 0) {
  crypto::Secret master(32);
  for (std::uint8_t i = 0; i < 32; ++i) master.writable()[i] = static_cast<std::uint8_t>(first + i);
  return master;
}

struct Keys {
  KeyRing ring{test_master(), {}};
  crypto::SigningKey show = crypto::SigningKey::from_seed(std::vector<std::uint8_t>(32, 7));
  Keys() { ring.adopt(ring.next_epoch()); }
  [[nodiscard]] std::string issue(const Claims& claims) const {
    return token::issue(claims, show, *ring.epoch(claims.epoch));
  }
};

Uuid same_byte(std::uint64_t byte) {
  return {byte * 0x0101010101010101u, byte * 0x0101010101010101u};
}

Claims usual_claims() {
  Claims claims;
  claims.key_number = 3;
  claims.epoch = 1;
  claims.sequence = 258;
  claims.tier_index = 7;
  claims.expires_at = domain::from_unix_ms(1'800'000'000'000);
  claims.ticket_id = {same_byte(0x11)};
  claims.show_id = {same_byte(0x22)};
  claims.ticket_business = {same_byte(0x33)};
  claims.customer = {same_byte(0x44)};
  claims.transaction = {same_byte(0x55)};
  claims.show_business = claims.ticket_business;
  claims.payer = claims.customer;
  claims.payee = claims.ticket_business;
  return claims;
}

Claims full_claims() {
  Claims claims = usual_claims();
  claims.show_business = {same_byte(0x66)};
  claims.payer = {same_byte(0x77)};
  claims.payee = {same_byte(0x88)};
  return claims;
}

Claims random_claims(std::mt19937_64& random) {
  const auto id = [&] {
    return Uuid{random(), random()};
  };
  Claims claims;
  claims.key_number = static_cast<std::uint8_t>(random());
  claims.epoch = 1;
  claims.sequence = static_cast<std::uint16_t>(random());
  claims.tier_index = static_cast<std::uint16_t>(random());
  claims.expires_at = domain::from_unix_ms((1'577'836'800 + static_cast<std::int64_t>(random() >> 32)) * 1000);
  claims.ticket_id = {id()};
  claims.show_id = {id()};
  claims.ticket_business = {id()};
  claims.customer = {id()};
  claims.transaction = {id()};
  claims.show_business = random() % 2 ? claims.ticket_business : domain::BusinessId{id()};
  claims.payer = random() % 2 ? claims.customer : domain::UserId{id()};
  claims.payee = random() % 2 ? claims.ticket_business : domain::BusinessId{id()};
  return claims;
}

std::vector<std::uint8_t> bytes_of_token(std::string_view digits) {
  const Token token = parse(digits).value();
  const crypto::Bytes bytes = token.bytes();
  return {bytes.begin(), bytes.end()};
}

std::string digits_of(crypto::Bytes bytes) {
  std::string digits;
  detail::append_digits(digits, bytes);
  return digits;
}

Reason reason_of(std::string_view text) {
  const auto token = parse(text);
  REQUIRE_FALSE(token.has_value());
  return token.error();
}

}  // namespace

TEST_CASE("token: two tokens computed elsewhere are issued, opened and verified alike") {
  const Keys keys;
  CHECK(keys.issue(usual_claims()) == usual_token);
  CHECK(keys.issue(full_claims()) == full_token);
  CHECK(usual_token.size() == 447);
  for (const auto& [text, claims] : {std::pair{usual_token, usual_claims()}, {full_token, full_claims()}}) {
    const auto token = parse(text);
    REQUIRE(token);
    CHECK(token->header() == static_cast<const Header&>(claims));
    CHECK(open(*token, keys.ring) == claims);
    CHECK(verify(*token, keys.show.public_key()));
    CHECK(token->digits() == text);
  }
}

TEST_CASE("token: 2,000 random claims come back whole, every flag both ways, and a reprint is identical") {
  const Keys keys;
  std::mt19937_64 random{1};
  std::map<std::size_t, int> sizes;
  for (int i = 0; i < 2000; ++i) {
    const Claims claims = random_claims(random);
    const std::string digits = keys.issue(claims);
    const auto token = parse(digits);
    REQUIRE(token);
    ++sizes[token->bytes().size()];
    REQUIRE(open(*token, keys.ring) == claims);
    REQUIRE(verify(*token, keys.show.public_key()));
    REQUIRE(token->digits() == digits);
    if (i % 20 == 0) REQUIRE(keys.issue(claims) == digits);
  }
  CHECK(sizes.size() == 4);
  CHECK((sizes.contains(184) && sizes.contains(200) && sizes.contains(216) && sizes.contains(232)));
}

TEST_CASE("token: no two contents share a nonce") {
  const Keys keys;
  std::map<std::vector<std::uint8_t>, int> nonces;
  Claims claims = usual_claims();
  for (std::uint16_t i = 0; i < 500; ++i) {
    claims.sequence = i;
    const auto bytes = bytes_of_token(keys.issue(claims));
    ++nonces[{bytes.begin() + 44, bytes.begin() + 56}];
  }
  CHECK(nonces.size() == 500);
}

TEST_CASE("token: 40,000 changed bits are all refused, offline always, online outside the signature") {
  const Keys keys;
  std::mt19937_64 random{2};
  std::size_t flips = 0;
  while (flips < 40'000) {
    const std::vector<std::uint8_t> good = bytes_of_token(keys.issue(random_claims(random)));
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit, ++flips) {
      auto bad = good;
      bad[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
      const auto token = parse_bytes(bad);
      if (!token) continue;
      REQUIRE_FALSE(open(*token, keys.ring).has_value() == bit / 8 < good.size() - 64);
      // Checking a signature costs enough to sample: every bit of the first tokens, then one in 16.
      if (flips < 4'000 || bit % 16 == flips % 16) REQUIRE_FALSE(verify(*token, keys.show.public_key()));
    }
  }
}

TEST_CASE("token: every truncation and every extension is refused") {
  const Keys keys;
  const auto good = bytes_of_token(usual_token);
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(parse_bytes(crypto::Bytes{good}.first(size)).error() == Reason::wrong_length);
  }
  for (std::size_t more = 1; more < 80; ++more) {
    auto longer = good;
    longer.resize(good.size() + more);
    CHECK(parse_bytes(longer).error() == Reason::wrong_length);
  }
  for (std::size_t size = 0; size < usual_token.size(); ++size) {
    CHECK_FALSE(parse(usual_token.substr(0, size)));
    CHECK_FALSE(parse(std::string{usual_token} + std::string(size + 1, '0')));
  }
}

TEST_CASE("token: the text is canonical: a block's value must fit its bytes") {
  std::string digits{usual_token};
  digits.replace(0, 17, "72057594037927936");  // 2^56
  CHECK(reason_of(digits) == Reason::not_canonical);
  digits = usual_token;
  digits.replace(digits.size() - 5, 5, "65536");
  CHECK(reason_of(digits) == Reason::not_canonical);
  digits.replace(digits.size() - 5, 5, "99999");
  CHECK(reason_of(digits) == Reason::not_canonical);
  CHECK(reason_of("0" + std::string{usual_token}) == Reason::wrong_length);
}

TEST_CASE("digits: every tail there and back, both ends of each block") {
  for (std::size_t size = 1; size <= 30; ++size) {
    for (const int fill : {0, 1, 0x80, 0xFF, -1}) {
      std::vector<std::uint8_t> bytes(size, static_cast<std::uint8_t>(fill));
      if (fill < 0) crypto::fill_random(bytes);
      const std::string digits = digits_of(bytes);
      std::array<std::uint8_t, 32> back;
      const auto read = detail::read_digits(digits, back);
      REQUIRE(read);
      CHECK(*read == size);
      CHECK(std::equal(bytes.begin(), bytes.end(), back.begin()));
    }
  }
  std::array<std::uint8_t, 7> seven;
  CHECK_FALSE(detail::read_digits(std::string(20, '0'), seven));
  for (const std::size_t count : {1, 2, 4, 6, 7, 9, 11, 12, 14, 16})
    CHECK_FALSE(detail::read_digits(std::string(count, '0'), seven));
}

TEST_CASE("token: read from bare digits, from our own URL and from the compatibility interface's") {
  const std::string digits{usual_token};
  for (const std::string& text :
       {digits, " \t" + digits + "\r\n", "HTTPS://TICKETS.EXAMPLE/V/" + digits, "https://tickets.example/v/" + digits,
        "http://127.0.0.1:8080/V/" + digits, "HTTP://[::1]:8080/V/" + digits,
        "https://host:443/validateQRcode?encrypted_token=" + digits,
        "HTTPS://HOST/VALIDATEQRCODE?ENCRYPTED_TOKEN=" + digits, qr_text("http://localhost:8080", digits),
        compat_url("http://localhost:8080", digits)}) {
    CHECK_MESSAGE(parse(text).has_value(), text.substr(0, 60));
  }
  for (const std::string& text :
       {std::string{}, std::string{"hello"}, std::string(3000, '1'), "ftp://host/V/" + digits, "https:///V/" + digits,
        std::string{"https://host/V/"}, "https://host/V/" + digits + "/", "https://host/V/" + digits + "?x=1",
        "https://ho st/V/" + digits, "https://host/w/V/" + digits, "https://user@host/V/" + digits,
        "https://host/validateQRcode?encrypted_token=" + digits + "&a=b", "https://host/validateQRcode?token=" + digits,
        digits.substr(0, 20) + " " + digits.substr(20), "+" + digits, digits + "-", digits + "-" + std::string(43, '1'),
        std::string{"\xd9\xa1\xd9\xa2"}}) {
    CHECK_MESSAGE(reason_of(text) == Reason::not_a_code, text.substr(0, 60));
  }
}

TEST_CASE("token: ids in clear text are refused as unsigned") {
  for (const char* text :
       {"TICKET#018f2a30-0000-7000-8000-000000000001|EVENT#018f2a30-0000-7000-8000-000000000002|USER#1", "ticket#1",
        "EVENT#1", "USER%231", "REG#1", "018f2a30-0000-7000-8000-000000000001",
        "https://host/validateQRcode?encrypted_token=TICKET#1|EVENT#2|USER#3",
        "https://host/validateQRcode?encrypted_token=TICKET%231%7CEVENT%232", "HTTPS://HOST/V/TICKET#1"}) {
    CHECK_MESSAGE(reason_of(text) == Reason::unsigned_code, text);
  }
  CHECK(sentence(Reason::unsigned_code).find("unsigned") != std::string_view::npos);
}

TEST_CASE("token: other versions, profiles and flags are refused, each by its own name") {
  const auto good = bytes_of_token(usual_token);
  const auto with = [&](std::size_t at, std::uint8_t value) {
    auto bytes = good;
    bytes[at] = value;
    return reason_of(digits_of(bytes));
  };
  CHECK(with(0, 0x21) == Reason::unknown_version);
  CHECK(with(0, 0x01) == Reason::unknown_version);
  CHECK(with(0, 0x12) == Reason::rotating_profile);
  CHECK(with(0, 0x13) == Reason::compact_profile);
  CHECK(with(0, 0x10) == Reason::unknown_profile);
  CHECK(with(0, 0x14) == Reason::unknown_profile);
  for (const int bit : {3, 4, 5, 6, 7})
    CHECK(with(3, static_cast<std::uint8_t>(7 | 1 << bit)) == Reason::reserved_flags);
  for (const std::uint8_t flags : {0, 1, 2, 3, 4, 5, 6}) CHECK(with(3, flags) == Reason::wrong_length);

  auto rotating = good;
  rotating[0] = 0x12;
  rotating.insert(rotating.begin() + 44, 16, 0xAB);
  CHECK(reason_of(digits_of(rotating) + "-0042" + std::string(39, '7')) == Reason::rotating_profile);
}

TEST_CASE("token: each broken part has its own reason") {
  const Keys keys;
  const auto change = [&](std::size_t at) {
    auto bytes = bytes_of_token(usual_token);
    bytes[at] ^= 1;
    return parse_bytes(bytes).value();
  };
  CHECK(open(change(20), keys.ring).error() == Reason::wrong_seal);    // a clear id
  CHECK(open(change(60), keys.ring).error() == Reason::wrong_seal);    // the tag
  CHECK(open(change(80), keys.ring).error() == Reason::wrong_seal);    // a sealed id
  CHECK(open(change(2), keys.ring).error() == Reason::unknown_epoch);  // epoch 0
  CHECK(verify(change(130), keys.show.public_key()).error() == Reason::wrong_signature);
  CHECK(verify(*parse(usual_token), crypto::SigningKey::generate().public_key()).error() == Reason::wrong_signature);
}

TEST_CASE("token: a seal made with the right key under a nonce of one's own choice is refused") {
  const Keys keys;
  auto bytes = bytes_of_token(usual_token);
  crypto::GcmNonce nonce{1, 2, 3};
  std::vector<std::uint8_t> plain(48, 9);
  const auto tag = crypto::gcm_seal(keys.ring.epoch(1)->seal_key(), nonce, crypto::Bytes{bytes}.first(44), plain,
                                    std::span{bytes}.subspan(72, 48));
  std::ranges::copy(tag, std::ranges::copy(nonce, bytes.begin() + 44).out);
  CHECK(open(parse_bytes(bytes).value(), keys.ring).error() == Reason::wrong_nonce);
}

TEST_CASE("verify: the key is found by show and number") {
  const Keys keys;
  const auto token = parse(usual_token).value();
  const domain::ShowId show{same_byte(0x22)};
  const std::vector<ShowPublicKey> right{{show, 2, {}}, {{same_byte(9)}, 3, {}}, {show, 3, keys.show.public_key()}};
  CHECK(verify(token, right));
  CHECK(verify(token, std::span{right}.first(2)).error() == Reason::unknown_signing_key);
}

TEST_CASE("token: issuing outside the range of its fields is a bug") {
  const Keys keys;
  Claims claims = usual_claims();
  claims.expires_at = domain::from_unix_ms(1'577'836'799'000);
  CHECK_THROWS_AS((void)keys.issue(claims), std::logic_error);
  claims.expires_at = domain::from_unix_ms((1'577'836'800 + 0x1'0000'0000) * 1000);
  CHECK_THROWS_AS((void)keys.issue(claims), std::logic_error);
  claims = usual_claims();
  claims.epoch = 2;
  CHECK_THROWS_AS((void)token::issue(claims, keys.show, *keys.ring.epoch(1)), std::logic_error);
}

TEST_CASE("expiry: 400 days after the last window, in whole seconds, within the field") {
  CHECK(expiry_for(domain::from_unix_ms(1'800'000'000'999)) ==
        domain::from_unix_ms((1'800'000'000 + 400 * 86'400) * 1000ll));
  CHECK(expiry_for(domain::from_unix_ms(0)) == domain::from_unix_ms(1'577'836'800'000));
  CHECK(expiry_for(domain::from_unix_ms(253'402'300'799'000)) ==
        domain::from_unix_ms((1'577'836'800 + 0xFFFF'FFFFll) * 1000));
}

TEST_CASE("texts: capitals in the symbol, the compatibility URL as it is, only the origin of the public URL") {
  CHECK(qr_text("https://tickets.example:8443/shop/", "123") == "HTTPS://TICKETS.EXAMPLE:8443/V/123");
  CHECK(compat_url("https://tickets.example:8443/shop/", "123") ==
        "https://tickets.example:8443/validateQRcode?encrypted_token=123");
  CHECK(qr_text("http://127.0.0.1:8080", "1") == "HTTP://127.0.0.1:8080/V/1");
  CHECK_THROWS_AS((void)qr_text("tickets.example", "1"), std::logic_error);
}

TEST_CASE("reasons: each has a word and a sentence of its own") {
  std::map<std::string_view, int> words, sentences;
  for (int i = 0; i <= static_cast<int>(Reason::wrong_signature); ++i) {
    ++words[word(static_cast<Reason>(i))];
    ++sentences[sentence(static_cast<Reason>(i))];
  }
  CHECK(words.size() == 16);
  CHECK(sentences.size() == 16);
}

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "crypto/aes_gcm.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"
#include "crypto/html.hpp"
#include "crypto/random.hpp"
#include "crypto/secret.hpp"

using namespace admit::crypto;

namespace {
std::vector<std::uint8_t> unhex(std::string_view text) {
  return from_hex(text).value();
}
template <std::size_t Size>
std::array<std::uint8_t, Size> array_of(std::string_view text) {
  std::array<std::uint8_t, Size> out;
  std::ranges::copy(unhex(text), out.begin());
  return out;
}
}  // namespace

TEST_CASE("sha256: the published vectors") {
  CHECK(hex(sha256(std::string_view{})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("hmac: RFC 4231 cases 1, 2 and 6, in one part or several, with and without a prepared key") {
  const std::vector<std::uint8_t> key(20, 0x0b);
  const std::string first = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
  CHECK(hex(hmac_sha256(key, "Hi There")) == first);
  CHECK(hex(hmac_sha256(key, {bytes_of("Hi "), bytes_of(""), bytes_of("There")})) == first);
  const HmacKey prepared{key};
  CHECK(hex(prepared.sign({bytes_of("Hi There")})) == first);
  CHECK(hex(prepared.sign({bytes_of("Hi"), bytes_of(" There")})) == first);
  CHECK(hex(hmac_sha256(bytes_of("Jefe"), "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex(hmac_sha256(std::vector<std::uint8_t>(131, 0xaa),
                        "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("hkdf: RFC 5869 cases 1, 2 and 3") {
  CHECK(hex(hkdf_sha256(std::vector<std::uint8_t>(22, 0x0b), unhex("000102030405060708090a0b0c"),
                        unhex("f0f1f2f3f4f5f6f7f8f9"), 42)
                .bytes()) == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  std::vector<std::uint8_t> key, salt, info;
  for (int i = 0; i < 80; ++i) {
    key.push_back(static_cast<std::uint8_t>(i));
    salt.push_back(static_cast<std::uint8_t>(0x60 + i));
    info.push_back(static_cast<std::uint8_t>(0xb0 + i));
  }
  CHECK(hex(hkdf_sha256(key, salt, info, 82).bytes()) ==
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  CHECK(hex(hkdf_sha256(std::vector<std::uint8_t>(22, 0x0b), {}, {}, 42).bytes()) ==
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  CHECK_THROWS_AS((void)hkdf_sha256(key, {}, {}, 8161), std::logic_error);
}

TEST_CASE("aes-gcm: the published vectors of AES-256") {
  const auto key = unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const auto nonce = array_of<12>("cafebabefacedbaddecaf888");
  const auto plain = unhex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
      "ba637b39");
  const auto associated = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  std::vector<std::uint8_t> sealed(plain.size());
  const GcmTag tag = gcm_seal(key, nonce, associated, plain, sealed);
  CHECK(hex(sealed) ==
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a"
        "0abcc9f662");
  CHECK(hex(tag) == "76fc6ece0f4e1768cddf8853bb2d551b");
  std::vector<std::uint8_t> opened(plain.size());
  CHECK(gcm_open(key, nonce, associated, sealed, tag, opened));
  CHECK(opened == plain);

  const std::vector<std::uint8_t> zeros(32);
  CHECK(hex(gcm_seal(zeros, GcmNonce{}, {}, {}, {})) == "530f8afbc74536b9a963b4f1c4cb738b");
}

TEST_CASE("aes-gcm: any changed bit is refused and leaves no plain text behind; the context recovers") {
  const auto key = random_bytes<32>();
  const auto nonce = random_bytes<12>();
  const std::string plain = "what nobody may change";
  std::vector<std::uint8_t> sealed(plain.size()), opened(plain.size());
  const GcmTag tag = gcm_seal(key, nonce, bytes_of("for"), bytes_of(plain), sealed);
  for (std::size_t bit = 0; bit < 8 * (sealed.size() + tag.size()); ++bit) {
    auto bad_sealed = sealed;
    auto bad_tag = tag;
    auto& byte = bit / 8 < sealed.size() ? bad_sealed[bit / 8] : bad_tag[bit / 8 - sealed.size()];
    byte ^= static_cast<std::uint8_t>(1u << bit % 8);
    REQUIRE_FALSE(gcm_open(key, nonce, bytes_of("for"), bad_sealed, bad_tag, opened));
    REQUIRE(opened == std::vector<std::uint8_t>(plain.size()));
    REQUIRE(gcm_open(key, nonce, bytes_of("for"), sealed, tag, opened));
  }
  CHECK_FALSE(gcm_open(key, nonce, bytes_of("foR"), sealed, tag, opened));
  CHECK_THROWS_AS((void)gcm_seal(Bytes{key}.first(16), nonce, {}, bytes_of(plain), sealed), std::logic_error);
  CHECK_THROWS_AS((void)gcm_seal(key, nonce, {}, bytes_of("x"), sealed), std::logic_error);
}

TEST_CASE("box: opens with its key and purpose only") {
  const auto key = random_bytes<32>();
  const auto box = box_seal(key, bytes_of("show 1"), bytes_of("seed"));
  CHECK(box.size() == 12 + 16 + 4);
  CHECK(box_open(key, bytes_of("show 1"), box)->text() == "seed");
  CHECK_FALSE(box_open(key, bytes_of("show 2"), box));
  CHECK_FALSE(box_open(random_bytes<32>(), bytes_of("show 1"), box));
  for (std::size_t size = 0; size < box.size(); ++size)
    CHECK_FALSE(box_open(key, bytes_of("show 1"), Bytes{box}.first(size)));
  CHECK(box_seal(key, {}, {}) != box_seal(key, {}, {}));
}

TEST_CASE("ed25519: RFC 8032 test 2, and refusal of every changed bit") {
  const auto key = SigningKey::from_seed(unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  CHECK(hex(key.public_key()) == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const auto message = unhex("72");
  const Signature signature = key.sign(message);
  CHECK(hex(signature) ==
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
        "eeb00d291612bb0c00");
  CHECK(verify_signature(key.public_key(), message, signature));
  for (std::size_t bit = 0; bit < 512; ++bit) {
    Signature bad = signature;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    REQUIRE_FALSE(verify_signature(key.public_key(), message, bad));
  }
  CHECK_FALSE(verify_signature(PublicKey{}, message, signature));
  const auto fresh = SigningKey::generate();
  CHECK(SigningKey::from_seed(fresh.seed().bytes()).public_key() == fresh.public_key());
  CHECK_THROWS_AS((void)SigningKey::from_seed(unhex("00")), std::logic_error);
}

TEST_CASE("base64url: every length there and back, one text per value") {
  for (std::size_t size = 0; size < 70; ++size) {
    std::vector<std::uint8_t> bytes(size);
    fill_random(bytes);
    const std::string text = base64url(bytes);
    CHECK(text.size() == (size * 4 + 2) / 3);
    CHECK(from_base64url(text) == bytes);
  }
  CHECK(base64url(bytes_of("\xfb\xff")) == "-_8");
  for (const char* bad : {"a", "-_9", "AB=", "AB==", "A B", "A+", "A/", "AAAA\n", "\x80\x80"})
    CHECK_FALSE(from_base64url(bad));
}

TEST_CASE("hex: both cases are read, lower case is written, nothing else is taken") {
  CHECK(hex(unhex("00fFAa09")) == "00ffaa09");
  for (const char* bad : {"0", "0g", " 00", "0x00", "00 "}) CHECK_FALSE(from_hex(bad));
}

TEST_CASE("secret: moves, is taken out of a text that is then empty, and compares in constant time") {
  std::string text = "a password that is long enough to lie on the heap";
  const std::string kept = text;
  Secret secret = Secret::take(text);
  CHECK(text.empty());
  CHECK(secret.text() == kept);
  Secret moved = std::move(secret);
  CHECK(secret.empty());
  moved = moved.copy();
  CHECK(constant_time_equal(moved.bytes(), bytes_of(kept)));
  CHECK_FALSE(constant_time_equal(moved.text(), std::string_view{kept}.substr(1)));
  CHECK_FALSE(constant_time_equal("abc", "abd"));
  CHECK(constant_time_equal("", ""));
}

TEST_CASE("crypto: many threads at once agree") {
  const auto key = random_bytes<32>();
  const HmacKey prepared{key};
  const Digest expected = prepared.sign({bytes_of("x")});
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        std::vector<std::uint8_t> sealed(8), opened(8);
        const auto nonce = random_bytes<12>();
        const GcmTag tag = gcm_seal(key, nonce, {}, bytes_of("12345678"), sealed);
        if (!gcm_open(key, nonce, {}, sealed, tag, opened) || text_of(opened) != "12345678") ++wrong;
        if (prepared.sign({bytes_of("x")}) != expected || sha256("x") != sha256("x")) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("html: text that would be markup is text") {
  CHECK(html_text("<a href=\"x\" y='z'>&amp;") == "&lt;a href=&quot;x&quot; y=&#39;z&#39;&gt;&amp;amp;");
  CHECK(html_text("Zażółć 李").size() == std::string_view("Zażółć 李").size());
  CHECK(html_text("").empty());
}
